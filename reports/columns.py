"""A table as lines of text that fit a terminal; only this decides what gives way.

Numbers never do. Long names lose their middle, and where that is not enough the table goes on in
a second part under the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len

from reports.tables import Table
from reports.text import one_line

GAP = "  "
NAME_READ, NAME_SHOWN = 2000, 80
NAME_KEPT = 16
"""A name is not cut below this many cells as long as the table can go on below."""

Column = Sequence[str]


def parts(table: Table, width: int | None) -> list[list[str]]:
    """The table's lines, heads first, in one or more parts; `width` None is without end."""
    names, values = _columns(table)
    if width is None:
        return [_lines(names, values)]
    room = width - _width(values) - len(GAP) * len(values)
    kept = (NAME_KEPT + len(GAP)) * len(names) - len(GAP)
    if room >= min(kept, _width(names) + len(GAP) * (len(names) - 1)):
        return [_lines(_fitted(names, room), values)]
    widest = max(map(_column_width, values), default=0)
    names = _fitted(names, min(max(kept, width // 2), width - widest - len(GAP)))
    taken = sum(_column_width(name) + len(GAP) for name in names)
    return [_lines(names, some) for some in _packed(values, width - taken)]


def _columns(table: Table) -> tuple[list[Column], list[Column]]:
    columns: list[Column] = [
        [one_line(cell, NAME_READ) for cell in cells]
        for cells in zip(table.columns, *table.rows, strict=True)
    ]
    names, values = columns[: table.left], columns[table.left :]
    return [_shortened(name, NAME_SHOWN) for name in names], values


def _fitted(names: list[Column], room: int) -> list[Column]:
    """The name columns within `room` cells together, the widest giving way first."""
    room -= len(GAP) * (len(names) - 1)
    limits = [_column_width(name) for name in names]
    while sum(limits) > room and max(limits) > 1:
        limits[limits.index(max(limits))] -= 1
    return [_shortened(name, limit) for name, limit in zip(names, limits, strict=True)]


def _shortened(cells: Column, limit: int) -> Column:
    """The cells within `limit`, those that differ still differing."""
    shown: dict[str, str] = {}
    taken: set[str] = set()
    for cell in dict.fromkeys(cells):
        shown[cell] = next(short for short in _ways(cell, limit) if short not in taken)
        taken.add(shown[cell])
    return [shown[cell] for cell in cells]


def _ways(name: str, limit: int) -> Iterator[str]:
    """Ways of writing `name` within `limit` cells, the most telling first."""
    if cell_len(name) <= limit:
        yield name
    half = (limit - 1) // 2
    for shift in range(half + 1):
        for tail in {half - shift, half + shift}:
            yield _start(name, limit - 1 - tail) + "…" + _end(name, tail)
    for number in range(2, 100_000):
        mark = f"…{number}"
        yield _start(name, limit - len(mark)) + mark


def _start(name: str, cells: int) -> str:
    while cell_len(name) > max(cells, 0):
        name = name[: max(0, min(len(name) - 1, cells))] if len(name) > 2 * cells else name[:-1]
    return name


def _end(name: str, cells: int) -> str:
    name = name[-cells:] if cells > 0 else ""
    while cell_len(name) > cells:
        name = name[1:]
    return name


def _packed(values: list[Column], room: int) -> Iterator[list[Column]]:
    """As many columns at a time as `room` cells hold, and at least one."""
    part: list[Column] = []
    for column in values:
        if part and _width([*part, column]) + len(GAP) * len(part) > room:
            yield part
            part = []
        part.append(column)
    yield part


def _lines(names: list[Column], values: list[Column]) -> list[str]:
    columns = [*(_padded(name, left=True) for name in names), *(_padded(v) for v in values)]
    return [GAP.join(cells).rstrip() for cells in zip(*columns, strict=True)]


def _padded(column: Column, *, left: bool = False) -> Column:
    width = _column_width(column)
    blanks = (" " * (width - cell_len(cell)) for cell in column)
    return [c + blank if left else blank + c for c, blank in zip(column, blanks, strict=True)]


def _width(columns: list[Column]) -> int:
    return sum(map(_column_width, columns))


def _column_width(column: Column) -> int:
    return max(map(cell_len, column))
