"""One rate limit: how it is told in headers, and our own count of what is left of it.

A limit is a token bucket that fills up evenly and holds a minute's worth (Anthropic's page on rate
limits, 2026-08-22). `reset` is not read: it follows from the limit and what is left, in whole
seconds of another clock.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

MINUTE_S = 60.0
KINDS = ("requests", "input-tokens", "output-tokens")
PREFIX = b"anthropic-ratelimit-"
RESERVE = 0.01
"""The share of a limit that is never used: what our count may be wrong by."""
SLOWER = 0.9
GROWTH_PER_S = 0.02
GROWTH_NEAR_PER_S = 0.002
"""The growth of a rate that was lowered, far below and near the one that was measured."""
GROWTH_DOUBLES_S = 5.0
"""Seconds without a refusal after which it grows twice as fast, three times after twice that."""


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

    __slots__ = (
        "at", "cap", "level", "limit", "measured", "rate", "reserve", "slack", "slowed_at", "spent"
    )  # fmt: skip

    def __init__(self, limit: float, level: float, now: float, *, slack: float = 0.0) -> None:
        self.limit = self.cap = limit
        self.level, self.at, self.slowed_at = level, now, now
        self.rate = limit / MINUTE_S
        self.reserve, self.slack = limit * RESERVE, slack
        self.spent = 0.0
        self.measured = math.inf

    def refill(self, now: float) -> None:
        """Count what has come in since; a clock that went back brings nothing."""
        passed, self.at = now - self.at, now
        if passed > 0:
            ceiling = self.limit / MINUTE_S
            if self.rate < ceiling:
                near = self.rate > 0.8 * self.measured
                growth = GROWTH_NEAR_PER_S if near else GROWTH_PER_S
                growth *= 1 + max(now - self.slowed_at, 0.0) / GROWTH_DOUBLES_S
                self.rate = min(ceiling, self.rate * (1 + growth * min(passed, 1.0)))
            self.level = min(self.cap, self.level + self.rate * passed)

    def wait_s(self, amount: float) -> float:
        """Seconds until `amount` may be taken; what is larger than the bucket needs it full."""
        missing = min(amount + self.reserve, self.cap) - self.level
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
        self.level = min(self.level, left + self.slack + self.rate * max(elapsed_s, 0.0))
        if self.cap == self.limit:  # otherwise what is told has allowed too much before
            least = left - self.slack - (self.spent - spent)
            self.level = min(max(self.level, least), self.cap)

    def smooth(self) -> bool:
        """Allow no more at once than a second's worth; whether that is news."""
        cap = max(1.0, self.rate)
        news, self.cap, self.reserve = cap < self.cap, min(cap, self.cap), 0.0
        self.level = min(self.level, 0.0)
        return news

    def slow_down(self, measured: float | None) -> None:
        """Let in less per second than the API was measured to; it grows again slowly.

        `None` is too little to go by, as in an outage, which says nothing about the limit.
        """
        if measured is not None:
            self.measured, rate = measured, min(self.rate, measured)
        else:
            rate = self.rate / 2
        self.rate, self.slowed_at = max(SLOWER * rate, 1 / MINUTE_S), self.at
        self.cap = max(1.0, min(self.cap, self.rate))
        self.level = min(self.level, 0.0)
