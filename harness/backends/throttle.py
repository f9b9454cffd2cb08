"""How many requests a second a class of models bears, beyond what its headers tell.

Pure, like `pace`. Requests go out evenly here, hardly two at once: that keeps short windows which
no header tells of, since the API may allow 60 a minute as 1 a second (Anthropic's page on rate
limits, 2026-08-22). Between two refusals the API's bucket is empty at both ends, so that as many
requests were let in as it had filled up for: that is the rate.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from harness.backends.share import Share

OPENING, OPENING_SHARE = 30.0, 0.1
"""Requests a second when the first limit is told, or a share of what it allows where that is more.

Each request that goes adds one a second: after two seconds it is seven times as many.
"""
OPENED = 300.0
"""Requests a second from which on nothing is held back while nothing is known to be wrong."""
LATE_S = 0.02
"""What a timer may be late by without a loss of rate."""
STRAINED = 0.2
"""The share of refusals from which on the rate is far too high."""
FORGIVEN, FORGOTTEN_S = 200, 120.0
"""Answers that make up for one refusal: fewer are a lasting share, however small."""
LASTING = 2.0
"""Refusals that are not made up for, from which on requests go more slowly."""
ENOUGH = ((10, 0.5), (3, 3.0))
"""Requests and seconds between two refusals from which a rate can be measured."""
SLOWER = 0.98
BELOW_TOLD = 0.99
AGREES = 0.05
"""The share by which two measured rates may differ to confirm each other."""
QUIET_S, QUIET_REQUESTS, LONGEST_QUIET_S = 3.0, 20.0, 300.0
"""Seconds and requests at a measured rate before more is tried.

Four times as long each time that the rate is confirmed.
"""
GROWTH_PER_S, CAREFUL_GROWTH_PER_S = 0.05, 0.005
"""Of a rate that was measured once, and of one that was confirmed."""
GROWTH_DOUBLES_S = 10.0
"""Seconds without a refusal after which the careful growth is twice as fast."""
FUTILE = 4
"""Times that the API refused a rate which it had just been measured to bear."""
DEAF_S = 300.0
LEAST = 1 / 60


class Mark(NamedTuple):
    """The first of several refusals: which request of the class it was, and when it was sent."""

    number: int
    sent_at: float


class Throttle:
    """A rate of requests per second, infinite while none is needed; `told` is its ceiling."""

    __slots__ = (
        "at", "began", "deaf_until", "futile", "heat", "level", "lost", "mark", "measured",
        "quiet_s", "rate", "ready", "slowed_at", "strain", "sure", "told",
    )  # fmt: skip

    def __init__(self, now: float) -> None:
        self.rate = self.told = self.measured = math.inf
        self.level, self.at, self.began = 1.0, now, now
        self.slowed_at = self.deaf_until = -math.inf
        self.ready = False
        self.quiet_s, self.sure, self.futile = QUIET_S, 0, 0.0
        self.heat, self.strain = 0.0, Share()
        self.mark: Mark | None = None
        self.lost = 0

    def open(self) -> None:
        """Begin with few and grow fast, since a limit is known now that does not hold back yet."""
        if not self.ready:
            self.ready = True
            told = self.told if self.told < math.inf else 0.0
            self._reopen(max(OPENING, OPENING_SHARE * told))

    def _reopen(self, rate: float) -> None:
        if not self.spaced and rate < min(self.rate, OPENED):
            self.rate, self.level = rate, min(self.level, 1.0)

    @property
    def spaced(self) -> bool:
        """Refusals have shown that requests must go out evenly."""
        return self.slowed_at > -math.inf

    def wait_s(self, now: float) -> float:
        """Seconds until the next request may go."""
        if self.rate == math.inf:
            return 0.0
        passed, self.at = now - self.at, now
        if passed > 0:
            self._grow(now, min(passed, 1.0))
            self.level = min(1.0 + self.rate * LATE_S, self.level + self.rate * passed)
        return (1.0 - self.level) / self.rate if self.level < 1.0 - 1e-6 else 0.0

    def _grow(self, now: float, passed: float) -> None:
        grown_s = now - self.slowed_at - self.quiet_s
        ceiling = BELOW_TOLD * self.told
        if self.spaced and grown_s > 0 and self.rate < ceiling:
            careful = CAREFUL_GROWTH_PER_S * (1 + grown_s / GROWTH_DOUBLES_S)
            growth = careful if self.sure else GROWTH_PER_S
            self.rate = min(ceiling, self.rate * (1 + growth * passed))

    def take(self) -> None:
        """Count a request that is sent."""
        self.level -= 1.0
        if not self.spaced:
            self.rate += 1.0
            if self.rate > OPENED:
                self.rate, self.level = math.inf, 1.0

    def answered(self) -> None:
        """Let the refusals fade."""
        self.heat = max(0.0, self.heat - 1 / FORGIVEN)
        self.strain.fade()

    def missed(self, number: int) -> None:
        """A request came to nothing, and says nothing about the rate."""
        if self.mark is not None and number > self.mark.number:
            self.lost += 1

    def paused(self, now: float) -> None:
        """All wait at the API's word: those that have gathered must not go at once after it."""
        if now >= self.deaf_until:
            self._reopen(OPENING)

    def refused(self, number: int, sent_at: float, now: float, *, explained: bool) -> None:
        """Learn from a refusal of the request with this number; `explained` by a limit told."""
        self.missed(number)
        if sent_at < self.slowed_at:
            return  # sent before the rate was lowered, which it says nothing about
        if self.mark is None or not self.heat or sent_at - self.mark.sent_at > FORGOTTEN_S:
            self.mark, self.lost = Mark(number, sent_at), 0
        self.heat += 1.0
        if not explained:
            self.strain.add()
        measured = self._measure(self.mark, number, sent_at)
        if self.strain.value > STRAINED:
            self._lower(measured, number, now)
        elif self.heat >= LASTING and now >= self.deaf_until:
            self._ease(self.mark, measured, now)

    def _measure(self, mark: Mark, number: int, sent_at: float) -> float | None:
        """Requests that were let in per second since the mark; `None` where that is too little."""
        accepted, span = number - mark.number - self.lost, sent_at - mark.sent_at
        enough = any(accepted >= least and span >= least_s for least, least_s in ENOUGH)
        return accepted / span if enough else None

    def _lower(self, measured: float | None, number: int, now: float) -> None:
        """Far too many refusals: go by what was let in, or by half where that is not known."""
        if measured is not None:
            self._settle(measured, now)
        elif self.spaced:
            self._slowed(self.rate / 2, now)
        else:
            mean = (number - self.lost) / max(now - self.began, 1.0)
            self._slowed(SLOWER * min(self.rate, self.told, mean), now)

    def _ease(self, mark: Mark, measured: float | None, now: float) -> None:
        """Few refusals that do not end: send evenly first, and then a little less."""
        if not self.spaced and self.told < math.inf:
            self._slowed(BELOW_TOLD * self.told, now)
        elif measured is not None and not self._in_vain(mark, now):
            self._settle(measured, now)

    def _in_vain(self, mark: Mark, now: float) -> bool:
        """Refused as before at a rate that the API bears: then it is not the rate."""
        if self.spaced:
            soon = mark.sent_at < self.slowed_at + self.quiet_s
            self.futile = self.futile + 1 if soon else max(self.futile - 0.5, 0.0)
        if self.futile < FUTILE:
            return False
        self.rate = self.measured = math.inf
        self.slowed_at, self.deaf_until = -math.inf, now + DEAF_S
        self.sure, self.futile, self.mark = 0, 0.0, None
        return True

    def _settle(self, measured: float, now: float) -> None:
        agrees = abs(measured - self.measured) <= AGREES * measured
        self.sure = self.sure + 1 if agrees else 0
        self.measured, self.mark = measured, None
        self._slowed(SLOWER * min(self.rate, measured), now)
        quiet_s = max(QUIET_S, QUIET_REQUESTS / self.rate)
        self.quiet_s = min(quiet_s * 4.0**self.sure, LONGEST_QUIET_S)

    def _slowed(self, rate: float, now: float) -> None:
        self.rate = max(rate, LEAST)
        self.ready, self.slowed_at, self.at = True, now, now
        self.strain.forget()
        self.level = min(self.level, 0.0)
        self.heat = 1.0 if self.mark else 0.0
