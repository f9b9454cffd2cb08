"""How a number is written in every report: the figures that gates write too, and the counts."""

from __future__ import annotations

from harness.analysis.figures import UNKNOWN, dollars, percent, score, seconds

__all__ = [
    "UNKNOWN",
    "count",
    "counted",
    "dollars",
    "duration",
    "percent",
    "score",
    "seconds",
    "tokens",
]


def count(number: int | None) -> str:
    """A number of things: `1,234`."""
    return UNKNOWN if number is None else f"{number:,}"


def counted(number: int, word: str) -> str:
    """A number of things by name: `1 trial`, `1,234 trials`."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def tokens(number: int | None) -> str:
    """Tokens: `950`, `12.3k`, `4.56M`."""
    if number is None:
        return UNKNOWN
    if number < 10_000:
        return f"{number:,}"
    return f"{number / 1000:.1f}k" if number < 999_950 else f"{number / 1_000_000:.2f}M"


def duration(value: float | None) -> str:
    """How long something took, from seconds: `12 s`, `3 min 05 s`, `2 h 07 min`."""
    if value is None:
        return UNKNOWN
    minutes, rest = divmod(round(value), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"
