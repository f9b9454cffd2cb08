"""Rate limits as token buckets, and the headers that tell a client how much is left.

Buckets refill evenly and hold a minute's worth; cache reads do not count as input, as on
Anthropic's page on rate limits (2026-08-22).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from harness.simulator.problem import ApiError

UNLIMITED = 1_000_000_000
MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class RateLimit:
    """Limits per minute of each class of models; `None` is unlimited."""

    requests_per_minute: int | None = None
    input_tokens_per_minute: int | None = None
    output_tokens_per_minute: int | None = None

    def __post_init__(self) -> None:
        for limit in (
            self.requests_per_minute,
            self.input_tokens_per_minute,
            self.output_tokens_per_minute,
        ):
            if limit is not None and limit < 1:
                raise ValueError(f"a rate limit is at least 1 a minute, not {limit}")


def rfc3339(epoch_s: float) -> str:
    """A time as the API writes it, to the second."""
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class _Bucket:
    def __init__(self, limit: int, now: float) -> None:
        self.limit = limit
        self.level = float(limit)
        self.at = now

    def refill(self, now: float) -> None:
        gained = (now - self.at) * self.limit / MINUTE_S
        self.level = min(float(self.limit), self.level + max(gained, 0.0))
        self.at = now

    def wait_s(self, amount: float) -> float:
        """Seconds until `amount` is there; one request larger than the bucket needs it full."""
        return (min(amount, self.limit) - self.level) * MINUTE_S / self.limit

    def reset(self) -> float:
        return self.at + (self.limit - self.level) * MINUTE_S / self.limit


class Limiter:
    """Admits requests, or refuses them with 429 and the time to wait."""

    def __init__(self, rate_limit: RateLimit) -> None:
        self._limits = {
            "requests": rate_limit.requests_per_minute,
            "input-tokens": rate_limit.input_tokens_per_minute,
            "output-tokens": rate_limit.output_tokens_per_minute,
        }
        self._buckets: dict[str, dict[str, _Bucket]] = {}
        self._unlimited: tuple[int, Mapping[str, str]] = (-1, {})

    @property
    def active(self) -> bool:
        """Whether anything is limited at all."""
        return any(limit is not None for limit in self._limits.values())

    def reset(self) -> None:
        """Fill all buckets."""
        self._buckets.clear()

    def admit(self, name: str, *, input_tokens: int, now: float) -> None:
        """Take one request and its input from the buckets of `name`; raises ApiError (429)."""
        if not self.active:
            return
        buckets = self._of(name, now)
        wanted = {"requests": 1, "input-tokens": input_tokens, "output-tokens": 1}
        for kind, bucket in buckets.items():
            wait_s = bucket.wait_s(wanted[kind])
            if wait_s > 0:
                raise ApiError(
                    429,
                    "This request would exceed your organization's rate limit of "
                    f"{bucket.limit:,} {kind.replace('-', ' ')} per minute ({name}).",
                    headers={**self.headers(name, now), "retry-after": str(math.ceil(wait_s))},
                )
        for kind in ("requests", "input-tokens"):
            if kind in buckets:
                buckets[kind].level -= wanted[kind]

    def spend_output(self, name: str, *, output_tokens: int, now: float) -> None:
        """Take what was written; the bucket may go below zero, and then refuses the next."""
        bucket = self._of(name, now).get("output-tokens")
        if bucket:
            bucket.level -= output_tokens

    def headers(self, name: str, now: float) -> Mapping[str, str]:
        """The `anthropic-ratelimit-*` headers of a response."""
        if self.active:
            return self._headers(self._of(name, now), now)
        second = int(now)
        if self._unlimited[0] != second:
            self._unlimited = (second, self._headers({}, now))
        return self._unlimited[1]

    def _of(self, name: str, now: float) -> dict[str, _Bucket]:
        if name not in self._buckets:
            self._buckets[name] = {
                kind: _Bucket(limit, now) for kind, limit in self._limits.items() if limit
            }
        for bucket in self._buckets[name].values():
            bucket.refill(now)
        return self._buckets[name]

    def _headers(self, buckets: Mapping[str, _Bucket], now: float) -> dict[str, str]:
        rows = {kind: self._row(buckets.get(kind), kind, now) for kind in self._limits}
        tighter = min(("input-tokens", "output-tokens"), key=lambda kind: int(rows[kind][0]))
        rows["tokens"] = rows[tighter]
        return {
            f"anthropic-ratelimit-{kind}-{column}": value
            for kind, row in rows.items()
            for column, value in zip(("limit", "remaining", "reset"), row, strict=True)
        }

    def _row(self, bucket: _Bucket | None, kind: str, now: float) -> tuple[str, str, str]:
        if bucket is None:
            return str(UNLIMITED), str(UNLIMITED), rfc3339(now)
        left = max(0, int(bucket.level))
        # The API rounds tokens that are left to thousands; small limits would show as nothing.
        if kind != "requests" and bucket.limit >= 10_000:
            left = round(left, -3)
        return str(bucket.limit), str(left), rfc3339(math.ceil(bucket.reset()))
