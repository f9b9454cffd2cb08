"""How a reason shows what a grader saw: on one line, control characters escaped, shortened."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

LIMIT = 200
BEFORE = 60
MANY = 5


def shown(text: str, *, at: int = 0) -> str:
    """The text in quotes; of a long one, about 200 characters around position `at`."""
    if len(text) <= LIMIT:
        return repr(text)
    start = max(0, min(at - BEFORE, len(text) - LIMIT))
    end = start + LIMIT
    before, after = "…" if start else "", "…" if end < len(text) else ""
    return f"{before}{text[start:end]!r}{after}"


def compared(expected: str, got: str) -> str:
    """`expected X, got Y`, both shortened around the first character in which they differ."""
    at = first_difference(expected, got)
    return f"expected {shown(expected, at=at)}, got {shown(got, at=at)}"


def first_difference(a: str, b: str) -> int:
    """The first position in which the texts differ, or the shorter one's length."""
    pairs = enumerate(zip(a, b, strict=False))
    return next((i for i, (x, y) in pairs if x != y), min(len(a), len(b)))


def listed(texts: Sequence[str]) -> str:
    """The texts in quotes, separated by commas; of many, the first five and how many more."""
    more = f" and {len(texts) - MANY} more" if len(texts) > MANY else ""
    return ", ".join(map(shown, texts[:MANY])) + more


def as_json(value: Any) -> str:
    """A value as JSON on one line, shortened."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return one_line(text, limit=LIMIT)


def one_line(text: str, *, limit: int = 500) -> str:
    """The text without quotes, control characters escaped, at most `limit` characters."""
    cut = text if len(text) <= limit else f"{text[: limit - 1]}…"
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in cut)


def ratio(score: float) -> str:
    """A score with four places, rounded down: what is below a limit never reads as the limit."""
    return f"{math.floor(score * 10_000) / 10_000:g}"


def counted(number: int, noun: str) -> str:
    """`1 word`, `2 words`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def joined(reasons: Iterable[str]) -> str:
    """Reasons in one line."""
    return "; ".join(reasons)
