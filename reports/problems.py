"""What is wrong in a file, as its author sees it: place, problem, and the line with a caret."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from harness.errors import Place, Problem
from reports.text import visible

BEFORE, AFTER = 60, 40
"""Characters of a long line that are shown on each side of the column."""


def told(problems: Iterable[Problem]) -> str:
    """Every problem on a line of its own, and below it the line of the file it is in."""
    return "\n".join("\n".join([str(problem), *excerpt(problem.place)]) for problem in problems)


def excerpt(place: Place | None) -> list[str]:
    """The line of the file and a caret under its column; nothing where there is no such line."""
    if place is None or not place.line:
        return []
    text = _line(place.path, place.line)
    if not text.strip():
        return []
    column = min(max(place.column, 1), len(text) + 1) - 1
    begin = max(column - BEFORE, 0)
    shown = text[begin : column + AFTER]
    # The caret stands below what is shown, in which one character may take several.
    indent = len(_plain(shown[: column - begin]))
    gutter = f"{place.line:>6} | "
    return [f"{gutter}{_plain(shown)}", f"{' ' * (len(gutter) - 2)}| {' ' * indent}^"]


def _plain(text: str) -> str:
    return visible(text.replace("\t", " "))


def _line(path: Path, number: int) -> str:
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            for count, line in enumerate(file, start=1):
                if count == number:
                    return line.rstrip("\r\n")
    except OSError:
        pass
    return ""
