"""How fast a class of models may be asked: learned from what the API says, and held just below.

Pure: told of requests, headers, answers and the time, it waits for nothing and reads no clock.
Where limits are told they are kept by our own count. Where none is, or they are not true, being
refused tells: first fewer requests are under way at once, then a rate is measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import orjson

from harness.backends.bucket import KINDS, Bucket, limits_told
from harness.backends.wire import Fault
from harness.records import Request, Usage

ROUNDED_FROM = 10_000
"""A limit on tokens from which on what is left is told in thousands."""
FIRST_WINDOW = 16.0
"""Requests under way at once while no limit is known and nothing has been answered."""
LOOK_EVERY_S = 0.05
"""Headers of answers are read no more often than this; those of refusals always."""
SAMPLE = 32
STRAINED = 0.12
"""The smoothed share of refusals from which on they are no accident."""
ENOUGH = 5
"""Answers between two refusals from which a rate can be measured."""
SURE_AFTER = 16
"""Answers of a model after which the size of a request matters only where a limit is near."""
TOKENS_PER_BYTE = 0.35
"""Until something is learned; of English it is about 0.2 to 0.33, by the tokenizer."""
LIMITED = ("rate_limit_error", "http_429")

Cost = tuple[float, float, float]
"""What one request takes of each of `KINDS`."""


@dataclass(frozen=True, slots=True)
class Pacing:
    """What the pace of one class of models came to; limits are per minute, `None` is unknown.

    `waited_s` are the seconds in which requests stood ready and none could be sent.
    """

    model_class: str
    requests_per_minute: int | None
    input_tokens_per_minute: int | None
    output_tokens_per_minute: int | None
    sent: int
    refused: int
    waited_s: float

    def __str__(self) -> str:
        limits = (
            (self.requests_per_minute, "requests"),
            (self.input_tokens_per_minute, "input tokens"),
            (self.output_tokens_per_minute, "output tokens"),
        )
        told = ", ".join(f"{limit:,} {what}" for limit, what in limits if limit is not None)
        return (
            f"{self.model_class}: {self.sent:,} requests sent, {self.refused:,} refused, waited "
            f"{self.waited_s:.1f} s; limits a minute: {told or 'none told'}"
        )


@dataclass(slots=True)
class Ticket:
    """A request under way: what was counted for it, and the state of the counts then."""

    pace: Pace
    tokens: Tokens
    size: int
    cost: Cost
    sent_at: float
    spent: Mapping[str, float]
    short: bool = False
    """The headers of its answer show that a limit is used up."""


@dataclass(slots=True)
class Tokens:
    """What a request is likely to take, from those that were answered by the same model.

    Models of one class differ in their tokenizers.
    """

    answers: int = 0
    input: float = 0.0
    output: float = 0.0
    per_byte: float = TOKENS_PER_BYTE
    sized: int = 0

    def cost(self, size: int, max_tokens: float) -> Cost:
        """The estimate for a body of `size` bytes (0: not measured)."""
        read = size * self.per_byte if size or not self.answers else self.input
        wrote = min(self.output, max_tokens) if self.answers else max_tokens
        return 1.0, read, wrote

    def learn(self, size: int, read: float, wrote: float) -> None:
        """Take one answer into the means; later ones weigh a twentieth."""
        self.answers += 1
        weight = max(1 / self.answers, 0.05)
        self.input += weight * (read - self.input)
        self.output += weight * (wrote - self.output)
        if size:
            self.sized += 1
            self.per_byte += max(1 / self.sized, 0.05) * (read / size - self.per_byte)


@dataclass(slots=True)
class Pace:
    """The pace of one class of models."""

    model_class: str
    since: float
    buckets: dict[str, Bucket] = field(default_factory=dict)
    tokens: dict[str, Tokens] = field(default_factory=dict)
    window: float = FIRST_WINDOW
    under_way: int = 0
    sent: int = 0
    refused: int = 0
    waited_s: float = 0.0
    not_before: float = -math.inf
    slowed_at: float = -math.inf
    strain: float = 0.0
    answered_since: int = 0
    looked_at: float = -math.inf

    def size_of(self, request: Request) -> int:
        """Bytes of the body, 0 where the mean of the class is good enough as an estimate."""
        if self._tokens(request).sized >= SURE_AFTER and not self._near():
            return 0
        try:
            return len(orjson.dumps(request.params))
        except TypeError:  # what cannot be sent is told when it is sent
            return 0

    def _tokens(self, request: Request) -> Tokens:
        model = request.params["model"]
        tokens = self.tokens.get(model)
        if tokens is None:
            tokens = self.tokens[model] = Tokens()
        return tokens

    def _near(self) -> bool:
        return any(bucket.level < 0.9 * bucket.limit for bucket in self.buckets.values())

    def wait_s(self, request: Request, size: int, now: float) -> float:
        """Seconds until this request may go: 0 at once, infinite until another has ended."""
        if self.under_way >= self.window:
            return math.inf
        wait = self.not_before - now
        if self.buckets:
            cost = self._cost(request, size)
            for kind, bucket in self.buckets.items():
                bucket.refill(now)
                wait = max(wait, bucket.wait_s(cost[KINDS.index(kind)]))
        return max(wait, 0.0)

    def take(self, request: Request, size: int, now: float) -> Ticket:
        """Count a request that is sent now."""
        cost = self._cost(request, size)
        for kind, bucket in self.buckets.items():
            bucket.take(cost[KINDS.index(kind)])
        self.under_way += 1
        self.sent += 1
        spent = {kind: bucket.spent for kind, bucket in self.buckets.items()}
        return Ticket(self, self._tokens(request), size, cost, now, spent)

    def _cost(self, request: Request, size: int) -> Cost:
        most = request.params.get("max_tokens")
        return self._tokens(request).cost(size, most if isinstance(most, int) and most > 0 else 0)

    def left(self) -> None:
        """A request that was counted has ended, however."""
        self.under_way -= 1

    def due(self, now: float) -> bool:
        """It is time to look at headers again, which costs more than the rest."""
        return now - self.looked_at >= LOOK_EVERY_S

    def heard(self, ticket: Ticket, headers: Iterable[tuple[bytes, bytes]], now: float) -> None:
        """Learn from the headers of a response, which came before its body."""
        self.looked_at = now
        for kind, (limit, left) in limits_told(headers).items():
            self._observe(kind, limit, left, ticket, now)

    def _observe(self, kind: str, limit: float, left: float, ticket: Ticket, now: float) -> None:
        bucket, cost = self.buckets.get(kind), ticket.cost[KINDS.index(kind)]
        slack = 500.0 if kind != "requests" and limit >= ROUNDED_FROM else 0.0
        if bucket is None or bucket.limit != limit:
            if not self.buckets:
                self.window = math.inf  # from here on the limit holds it back
            spent = bucket.spent if bucket else 0.0
            bucket = self.buckets[kind] = Bucket(limit, left, now, slack=slack)
            # What is under way and was sent before may not be counted in what is left yet.
            bucket.take(max(self.under_way - 1, 0) * cost)
            bucket.spent = max(spent, bucket.spent)
        else:
            bucket.refill(now)
            bucket.observe(left, ticket.spent.get(kind, 0.0), now - ticket.sent_at)
        if left < cost + 2 * slack or left < 2 * bucket.reserve:
            ticket.short = True

    def answered(self, ticket: Ticket, usage: Usage) -> None:
        """Count what the request really took, and widen the window."""
        self.strain -= self.strain / SAMPLE
        self.answered_since += 1
        self.window += 1.0
        read, wrote = _uncached(usage), usage.output_tokens
        if read is None or wrote is None:
            return
        ticket.tokens.learn(ticket.size, read, wrote)
        for kind, took in ((KINDS[1], read), (KINDS[2], wrote)):
            if kind in self.buckets and kind in ticket.spent:
                self.buckets[kind].correct(took - ticket.cost[KINDS.index(kind)])

    def failed(self, ticket: Ticket, fault: Fault, now: float) -> None:
        """Slow down where the API is crowded or broken, and hold the class as it asks for."""
        if not fault.retry:
            return
        limited = fault.kind in LIMITED
        if fault.crowded:
            self.refused += 1
            if fault.retry_after_s is not None:
                self.not_before = max(self.not_before, now + fault.retry_after_s)
        if limited:
            self._give_back(ticket)
        if ticket.sent_at < self.slowed_at:
            return  # sent before the pace was lowered, which it says nothing about
        self.strain += (1 - self.strain) / SAMPLE
        if self.strain > STRAINED and not (limited and ticket.short):
            self.strain, self.slowed_at = 0.0, now
            self.window = max(1.0, min(self.window, self.under_way) / 2)
            if limited:
                self._squeeze(now)

    def _give_back(self, ticket: Ticket) -> None:
        for kind in ticket.spent.keys() & self.buckets.keys():
            self.buckets[kind].correct(-ticket.cost[KINDS.index(kind)])

    def _squeeze(self, now: float) -> None:
        """Refused although nothing told is used up: go by what was answered, not by what is told.

        Between two such refusals the API's bucket is empty at both ends, so that as many were
        answered as it had filled up for.
        """
        bucket, elapsed, answers = self.buckets.get(KINDS[0]), now - self.since, self.answered_since
        measured = answers / elapsed if answers >= ENOUGH and elapsed > 0 else None
        self.since, self.answered_since = now, 0
        if bucket is not None:
            bucket.refill(now)
            if not bucket.smooth():
                bucket.slow_down(measured)
        elif measured is not None:
            bucket = self.buckets[KINDS[0]] = Bucket(math.inf, 0.0, now)
            bucket.reserve = 0.0
            bucket.slow_down(measured)

    def pacing(self) -> Pacing:
        """What it came to so far."""
        requests, read, wrote = map(self._limit, KINDS)
        return Pacing(
            self.model_class, requests, read, wrote, self.sent, self.refused, self.waited_s
        )

    def _limit(self, kind: str) -> int | None:
        bucket = self.buckets.get(kind)
        return int(bucket.limit) if bucket and math.isfinite(bucket.limit) else None


def _uncached(usage: Usage) -> int | None:
    """Input that counts towards the limit: all but what was read from the cache."""
    read, total = usage.cache_read_input_tokens, usage.prompt_tokens
    return None if read is None or total is None else total - read
