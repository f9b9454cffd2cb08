"""How patient to be with the API: when to try again, when to give up, when nobody is there.

Pure: told of faults and of the time, it waits for nothing and reads no clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from harness.backends.wire import Fault


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient to be: attempts at a broken API, seconds with a crowded one.

    The n-th wait is `base_s` · 2ⁿ up to `longest_s`, less up to a quarter at random. A
    `retry-after` beyond `longest_hold_s` ends the run. So do `outage_errors` attempts in a row,
    over all requests, that found no API for `unreached_s` seconds; `outage_s` where there was one
    before.
    """

    attempts: int = 6
    base_s: float = 0.5
    longest_s: float = 30.0
    patience_s: float = 900.0
    longest_hold_s: float = 300.0
    outage_errors: int = 20
    unreached_s: float = 3.0
    outage_s: float = 60.0

    def delay(self, retries: int, fault: Fault, random: Random) -> float:
        """Seconds before the next attempt, after `retries` earlier ones."""
        backoff = min(self.base_s * 2.0 ** min(retries, 30), self.longest_s)
        backoff *= 1 - 0.25 * random.random()
        if fault.retry_after_s is None:
            return backoff
        return fault.retry_after_s + backoff * 0.25


class Outage:
    """Connection errors in a row over all requests of a run, since `since` (seconds of a clock)."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.errors = 0
        self.since = 0.0
        self.reached = False

    def heard(self) -> None:
        """The API said something, be it an error."""
        self.errors, self.reached = 0, True

    def failed(self, now: float) -> None:
        """A connection came to nothing."""
        if not self.errors:
            self.since = now
        self.errors += 1

    @property
    def suspected(self) -> bool:
        """Nothing gets through: no fault of a single request, and no reason to give one up."""
        return self.errors >= self.policy.outage_errors

    def certain(self, now: float) -> bool:
        """It has been so for as long as is worth waiting."""
        policy = self.policy
        limit = policy.outage_s if self.reached else policy.unreached_s
        return self.suspected and now - self.since >= limit


def way_out(fault: Fault) -> str:
    """What to do about a fault that ends the run, to be said after its reason."""
    if fault.kind in ("authentication_error", "permission_error"):
        return "; check ANTHROPIC_API_KEY, or run with --offline"
    return "; raise the limit or add credit in the console, then `harness resume` goes on"
