"""What a benchmark found, as rows of one table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One figure beside its goal, and what it was made of; without a goal it is for information."""

    what: str
    value: float
    unit: str
    goal: str = ""
    detail: str = ""
    digits: int = 2

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as texts."""
        value = f"{self.value:,.{self.digits}f}{' ' + self.unit if self.unit else ''}"
        return self.what, value, self.goal or "", self.detail


def table(rows: Iterable[Row]) -> str:
    """The rows as a Markdown table."""
    lines = [("measured", "value", "goal", "made of"), *(row.cells for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    shown = [
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in lines
    ]
    shown.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(shown)
