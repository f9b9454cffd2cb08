"""The forms of the page's charts: spots with intervals, rows of intervals, bars, histograms.

Each draws for a given width, at which letters have the size of the page's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from reports import charts
from reports.charts import NARROW, Scale, datum, drawing, label, line

Write = Callable[[float], str]
Limits = tuple[float | None, float | None]
Box = tuple[float, float, float, float]
NONE: Limits = (None, None)
UNKNOWN_SERIES = 7
BOLD_LETTER = 7.3


@dataclass(frozen=True, slots=True)
class Spot:
    """A thing with two figures, each with its limits where they are known."""

    name: str
    title: str
    x: float
    y: float
    x_limits: Limits = NONE
    y_limits: Limits = NONE


@dataclass(frozen=True, slots=True)
class Axes:
    """What a chart is called and how its axes are written."""

    title: str
    x: str
    y: str = ""
    write_x: Write = charts.axis_dollars
    write_y: Write = charts.axis_percent


def spots(
    found: Sequence[Spot], front: Sequence[str], hull: Sequence[str], axes: Axes, width: int
) -> str:
    """Spots with intervals in both directions, the front as steps and the hull as a dashed line."""
    height, left, top, bottom = 306, 52.0, 22.0, 264.0
    ys = [y for one in found for y in (one.y, *one.y_limits) if y is not None]
    x = _dollars(found, left, width - 14.0)
    y = _shares(ys, bottom, top)
    by_name = {one.name: one for one in found}
    title = f"{axes.x}{', logarithmic' if x.log else ''}"
    return drawing(
        axes.title,
        width,
        height,
        charts.left_axis(y, left, width - 14.0, axes.write_y, axes.y),
        charts.bottom_axis(x, top, bottom, axes.write_x, title),
        _hull([by_name[name] for name in hull], x, y),
        _front([by_name[name] for name in front], x, y),
        *(_whiskers(one, number, x, y) for number, one in enumerate(found)),
        *(_spot(one, number, x, y, front) for number, one in enumerate(found)),
        *_names(found, x, y, width),
    )


def _dollars(found: Sequence[Spot], start: float, end: float) -> Scale:
    """A scale for the spots; on a logarithm a lower limit near 0 ends at the edge."""
    values = [one.x for one in found]
    log = charts.worth_a_log(values)
    least = min(values) / 4 if log else 0.0
    limits = [x for one in found for x in one.x_limits if x is not None and x >= least]
    return charts.spanning([*values, *limits], start, end, log=log, pad=0.08)


def _shares(values: Sequence[float], start: float, end: float) -> Scale:
    step = charts.round_step(max(max(values) - min(values), 0.05) / 6)
    low = max(0.0, step * int(min(values) / step + 1e-9))
    return Scale(low, min(1.0, max(*values, low + step) + step / 4), start, end)


def _spot(one: Spot, number: int, x: Scale, y: Scale, front: Sequence[str]) -> str:
    across, up = x.at(one.x), y.at(one.y)
    ring = charts.element("circle", cx=across, cy=up, r="9.5", class_="ring")
    parts = [ring] if one.name in front else []
    area = charts.element("circle", cx=across, cy=up, r="13", class_="reach")
    return datum(one.title, area, *parts, charts.shape(across, up, number), series=number)


def _whiskers(one: Spot, number: int, x: Scale, y: Scale) -> str:
    across, up = x.at(one.x), y.at(one.y)
    lines = ""
    if None not in one.x_limits:
        low, high = (x.at(limit or 0) for limit in one.x_limits)
        ends = "".join(line(end, up - 4, end, up + 4, "whisker") for end in (low, high))
        lines += line(low, up, high, up, "whisker") + ends
    if None not in one.y_limits:
        low, high = (y.at(limit or 0) for limit in one.y_limits)
        ends = "".join(line(across - 4, end, across + 4, end, "whisker") for end in (low, high))
        lines += line(across, low, across, high, "whisker") + ends
    return charts.element("g", lines, class_=f"s{number % charts.SERIES}")


def _front(on: Sequence[Spot], x: Scale, y: Scale) -> str:
    """Steps from the cheapest on; none where the spots, of other cases than the front, disagree."""
    if any(b.x < a.x or b.y < a.y for a, b in pairwise(on)) or not on:
        return ""
    corners = [(x.at(on[0].x), y.at(on[0].y))]
    for a, b in pairwise(on):
        corners += [(x.at(b.x), y.at(a.y)), (x.at(b.x), y.at(b.y))]
    return charts.path([*corners, (x.end, corners[-1][1])], "front")


def _hull(on: Sequence[Spot], x: Scale, y: Scale) -> str:
    """What mixing two neighbours reaches: a straight line in dollars, curved by a logarithm."""
    steps = 16 if x.log else 1
    points = [
        (x.at(a.x + (b.x - a.x) * n / steps), y.at(a.y + (b.y - a.y) * n / steps))
        for a, b in pairwise(on)
        for n in range(steps + 1)
    ]
    return charts.path(points, "hull") if points else ""


def _names(found: Sequence[Spot], x: Scale, y: Scale, width: int) -> list[str]:
    """A name beside each spot where there is room; the legend below has them all."""
    taken: list[Box] = [(x.at(o.x) - 9, y.at(o.y) - 9, x.at(o.x) + 9, y.at(o.y) + 9) for o in found]
    written = []
    for one in found:
        text = charts.fitted(one.name, 150)
        size = len(text) * BOLD_LETTER
        for across, up in ((13, -9), (-13 - size, -9), (13, 19), (-13 - size, 19), (13, 4)):
            left, base = x.at(one.x) + across, y.at(one.y) + up
            box = (left, base - 11, left + size, base + 3)
            inside = x.start <= left and left + size <= width and y.end <= box[1] + 6
            if inside and box[3] <= y.start and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                written.append(label(left, base, text, class_="name"))
                break
    return written


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


@dataclass(frozen=True, slots=True)
class Span:
    """A row with a figure and its limits, and what is said of it."""

    name: str
    title: str
    value: float
    limits: Limits
    told: str
    sure: bool


def spans(rows: Sequence[Span], axes: Axes, width: int) -> str:
    """A row each with its interval, beside a line at 0; a figure that is sure is filled."""
    narrow = width <= NARROW
    left, right = (12.0, width - 12.0) if narrow else (190.0, width - 150.0)
    pitch, top = (44, 6.0) if narrow else (28, 6.0)
    bottom = top + pitch * len(rows)
    values = [v for row in rows for v in (row.value, *row.limits, 0.0) if v is not None]
    x = charts.spanning(values, left, right)
    parts = [charts.bottom_axis(x, top, bottom, axes.write_x, axes.x)]
    parts.append(line(x.at(0), top, x.at(0), bottom, "zero"))
    for number, row in enumerate(rows):
        middle = top + pitch * number + (32 if narrow else pitch / 2)
        parts.append(_span(row, middle, x))
        if narrow:
            parts.append(label(2, middle - 17, charts.fitted(row.name, width - 8), class_="name"))
        else:
            parts.append(label(2, middle + 4, charts.fitted(row.name, left - 14), class_="name"))
            parts.append(label(right + 12, middle + 4, charts.fitted(row.told, 138)))
    return drawing(axes.title, width, bottom + 42, *parts)


def _span(row: Span, middle: float, x: Scale) -> str:
    at = x.at(row.value)
    parts = []
    if None not in row.limits:
        low, high = (x.at(limit or 0) for limit in row.limits)
        parts = [line(low, middle, high, middle, "whisker")]
        parts += [line(end, middle - 4, end, middle + 4, "whisker") for end in (low, high)]
    dot = charts.element(
        "circle", cx=at, cy=middle, r="5", class_="filled" if row.sure else "hollow"
    )
    area = charts.element("circle", cx=at, cy=middle, r="12", class_="reach")
    return datum(row.title, area, *parts, dot, series=0 if row.sure else UNKNOWN_SERIES)


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of parts that add up; a part is the number of its series, its size and its figures."""

    name: str
    parts: Sequence[tuple[int, float, str]]
    total: str


def bars(rows: Sequence[Bar], keys: Sequence[str], axes: Axes, width: int) -> str:
    """A stacked bar a row; a part wide enough for its key has it written inside."""
    narrow = width <= NARROW
    left, right = (8.0, width - 16.0) if narrow else (150.0, width - 66.0)
    pitch, top = (46, 4.0) if narrow else (32, 4.0)
    bottom = top + pitch * len(rows)
    most = max(sum(size for _, size, _ in row.parts) for row in rows)
    x = Scale(0.0, most or 1.0, left, right)
    parts = [charts.bottom_axis(x, top, bottom, axes.write_x, axes.x)]
    for number, row in enumerate(rows):
        base = top + pitch * number + (20 if narrow else 6)
        parts += _bar(row, keys, base, x)
        if narrow:
            told = f"{charts.fitted(row.name, width - 110)}: {row.total}"
            parts.append(label(left, base - 5, told, class_="name"))
        else:
            parts.append(label(2, base + 14, charts.fitted(row.name, left - 14), class_="name"))
            end = x.at(sum(size for _, size, _ in row.parts))
            parts.append(label(end + 8, base + 14, row.total))
    return drawing(axes.title, width, bottom + 42, *parts)


def _bar(row: Bar, keys: Sequence[str], base: float, x: Scale) -> list[str]:
    drawn, before = [], 0.0
    for series, size, title in row.parts:
        start, end = x.at(before), x.at(before + size)
        before += size
        if size <= 0:
            continue
        span = max(end - start, 0.8)
        box = charts.element("rect", x=start, y=base, width=span, height="20", class_="part")
        fits = len(keys[series]) * charts.LETTER + 8 <= end - start
        inside = label(start + 5, base + 14, keys[series], class_="inside") if fits else ""
        drawn.append(datum(title, box, inside, series=series))
    return drawn


@dataclass(frozen=True, slots=True)
class Heap:
    """How often each size was seen: `bins` are `(from, to, how many, figures)`, in order.

    `marks` are the median and a high quantile, where they are known; `size` counts all.
    """

    name: str
    bins: Sequence[tuple[float, float, int, str]]
    marks: Sequence[float]
    size: int
    told: str


def heaps(rows: Sequence[Heap], axes: Axes, width: int) -> str:
    """A histogram a row over one axis; heights are of the row's own largest bin."""
    narrow = width <= NARROW
    left, right = (8.0, width - 12.0) if narrow else (150.0, width - 16.0)
    pitch, top = (74, 4.0) if narrow else (60, 4.0)
    bottom = top + pitch * len(rows)
    edges = [edge for row in rows for low, high, _, _ in row.bins for edge in (low, high)]
    x = Scale(min(edges), max(edges), left, right, log=charts.worth_a_log(edges))
    title = f"{axes.x}{', logarithmic' if x.log else ''}"
    parts = [charts.bottom_axis(x, top, bottom, axes.write_x, title)]
    for number, row in enumerate(rows):
        base = top + pitch * (number + 1) - 2
        room = 150 if narrow else left - 14
        name = f"{charts.fitted(row.name, room - 50)}, n={row.size:,}"
        parts += _heap(row, number, base, x)
        if narrow:
            parts.append(label(left, base - 57, name, class_="name"))
            parts.append(label(right, base - 57, row.told, anchor="end"))
        else:
            parts.append(label(2, base - 22, name, class_="name"))
            parts.append(label(2, base - 7, row.told))
    return drawing(axes.title, width, bottom + 42, *parts)


def _heap(row: Heap, number: int, base: float, x: Scale) -> list[str]:
    most = max(count for _, _, count, _ in row.bins)
    drawn = []
    for low, high, count, title in row.bins:
        start, end, height = x.at(low), x.at(high), 40 * count / most
        wide, tall = max(end - start - 1, 1.0), max(height, 1.0)
        box = charts.element("rect", x=start, y=base - tall, width=wide, height=tall, class_="part")
        drawn.append(datum(title, box, series=number))
    for kind, value in zip(("median", "late"), row.marks, strict=False):
        at = x.at(value)
        drawn.append(line(at, base - 46, at, base, kind))
    return drawn
