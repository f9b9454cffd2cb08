"""One rate limit: how it is told in headers, and our own count of what is left of it.

A limit is a token bucket that fills up evenly and holds a minute's worth (Anthropic's page on rate
limits, 2026-08-22). `reset` is not read: it follows from the limit and what is left, in whole
seconds of another clock.
"""

from __future__ import annotations

from collections.abc import Iterable

MINUTE_S = 60.0
KINDS = ("requests", "input-tokens", "output-tokens")
PREFIX = b"anthropic-ratelimit-"
RESERVE = 0.01
"""The share of a limit that is never used: what our count may be wrong by."""


def limits_told(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, tuple[float, float]]:
    """The limit and what is left of each kind; what is missing, negative or no number is not."""
    told = {
        name.lower()[len(PREFIX) :].decode("latin-1"): value
        for name, value in headers
        if name[:20].lower() == PREFIX
    }
    found = {}
    for kind in KINDS if told else ():
        limit, left = _count(told.get(f"{kind}-limit")), _count(told.get(f"{kind}-remaining"))
        if limit and left is not None:
            found[kind] = float(limit), float(min(left, limit))
    return found


def _count(text: bytes | None) -> int | None:
    """A whole number that can be one; a longer one than a limit ever was is a lie."""
    return int(text) if text and len(text) <= 15 and text.isdigit() else None


class Bucket:
    """What is left of one limit, by our own count; `rate` is per second, `now` in seconds."""

    __slots__ = ("at", "level", "limit", "rate", "reserve", "slack", "spent")

    def __init__(self, limit: float, level: float, now: float, *, slack: float = 0.0) -> None:
        self.limit = limit
        self.level, self.at = level, now
        self.rate = limit / MINUTE_S
        self.reserve, self.slack = limit * RESERVE, slack
        self.spent = 0.0

    def refill(self, now: float) -> None:
        """Count what has come in since; a clock that went back brings nothing."""
        passed, self.at = now - self.at, now
        if passed > 0:
            self.level = min(self.limit, self.level + self.rate * passed)

    def wait_s(self, amount: float) -> float:
        """Seconds until `amount` may be taken; what is larger than the bucket needs it full."""
        missing = min(amount + self.reserve, self.limit) - self.level
        return missing / self.rate if missing > 1e-6 else 0.0

    def take(self, amount: float) -> None:
        """Count what is sent."""
        self.level -= amount
        self.spent += amount

    def correct(self, amount: float) -> None:
        """Count what a request took more than had been thought; less where it is negative."""
        self.level -= amount
        # `spent` bounds what was sent since some time, and this was perhaps sent before it.
        self.spent += max(amount, 0.0)

    def observe(self, left: float, spent: float, elapsed_s: float) -> None:
        """Keep the count within what the API said of a request.

        `left` was there at some time in the last `elapsed_s` seconds, when we had sent at least
        `spent`: since then it may have grown by the refill, and shrunk by what we sent after it.
        """
        most = left + self.slack + self.rate * max(elapsed_s, 0.0)
        least = left - self.slack - (self.spent - spent)
        self.level = min(max(min(self.level, most), least), self.limit)
