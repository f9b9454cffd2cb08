"""What `label` graders decided: the classes that were expected and found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.records import Grade

Decision = tuple[str, str | None]
"""The class that was expected, and the one that the answer gave; None is no class."""


def decisions(grades: Iterable[Grade]) -> Iterator[Decision]:
    """The decision of every grade that made one."""
    return (grade.label for grade in grades if grade.label is not None)
