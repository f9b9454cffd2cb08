"""How fast a class of models may be asked: learned from what the API says, and held just below.

Pure: told of requests, headers, answers and the time, it waits for nothing and reads no clock.
Where limits are told they are kept by our own count. Where none is, or they are not all, being
refused tells, and a throttle learns the rate. While nobody is answered, one request at a time asks
whether it is over.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import orjson

from harness.backends.bucket import KINDS, MINUTE_S, Bucket, limits_told
from harness.backends.hold import IN_A_ROW, Hold
from harness.backends.share import Share
from harness.backends.throttle import Throttle
from harness.backends.wire import CONNECTION_ERROR, Fault
from harness.records import Request, Usage

ROUNDED_FROM = 10_000
"""A limit on tokens from which on what is left is told in thousands."""
FIRST_WINDOW = 16.0
"""Requests under way at once while no limit is known and nothing has been answered."""
LOOK_EVERY_S = 0.05
"""Headers of answers are read no more often than this; those of refusals always."""
STRAINED = 0.12
"""The share of faults from which on they are no accident."""
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
    number: int
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
    slowed_at: float = -math.inf
    strain: Share = field(default_factory=Share)
    looked_at: float = -math.inf
    hold: Hold = field(default_factory=Hold)
    throttle: Throttle = field(init=False)

    def __post_init__(self) -> None:
        self.throttle = Throttle(self.since)

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
        if self.under_way >= self.window or self.hold.probe is not None:
            return math.inf
        wait = self.hold.not_before - now
        if self.throttle.rate < math.inf:
            wait = max(wait, self.throttle.wait_s(now))
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
        if self.throttle.rate < math.inf:
            self.throttle.take()
        if self.hold.seconds:
            self.hold.sent(self.sent)
        return Ticket(self, self._tokens(request), size, cost, now, spent, self.sent)

    def _cost(self, request: Request, size: int) -> Cost:
        most = request.params.get("max_tokens")
        return self._tokens(request).cost(size, most if isinstance(most, int) and most > 0 else 0)

    def ended(self, ticket: Ticket) -> None:
        """A request that was counted has ended, however."""
        self.under_way -= 1
        if self.hold.probe is not None:
            self.hold.ended(ticket.number)

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
            self._open(kind, limit)
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

    def _open(self, kind: str, limit: float) -> None:
        """From here on the limit holds back, once the rate has been opened up."""
        if kind == KINDS[0]:
            self.throttle.told = limit / MINUTE_S
        if not self.buckets:
            self.window = math.inf
            self.throttle.open()

    def answered(self, ticket: Ticket, usage: Usage) -> None:
        """Count what the request really took, and widen the window."""
        self.strain.fade()
        if self.throttle.heat:
            self.throttle.answered()
        self.window += 1.0
        if self.hold.row:
            self.hold.answered(ticket.sent_at)
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
        self.refused += fault.crowded
        # Where nobody is answered it does not matter why.
        if fault.crowded or fault.kind == CONNECTION_ERROR or self.hold.seconds:
            self._crowded(ticket, fault, now)
        if fault.kind in LIMITED:
            self._give_back(ticket)
            if fault.retry_after_s is not None and not ticket.short:
                self.throttle.paused(now)
            self.throttle.refused(ticket.number, ticket.sent_at, now, explained=ticket.short)
            return
        self.throttle.missed(ticket.number)
        # One that was sent before the pace was lowered says nothing about it.
        if ticket.sent_at >= self.slowed_at and not self.hold.seconds:
            self.strain.add()
            if self.strain.value > STRAINED:
                self.strain.forget()
                self.slowed_at = now
                self.window = max(1.0, min(self.window, self.under_way) / 2)

    def _crowded(self, ticket: Ticket, fault: Fault, now: float) -> None:
        # With many under way at once, some are refused before the first answer can come.
        enough = max(IN_A_ROW, self.under_way / 2)
        if fault.retry_after_s is not None:
            self.hold.asked(fault.retry_after_s, now)
            enough = enough if fault.kind in LIMITED else 1
        self.hold.refused(ticket.sent_at, now, enough)

    def _give_back(self, ticket: Ticket) -> None:
        for kind in ticket.spent.keys() & self.buckets.keys():
            self.buckets[kind].correct(-ticket.cost[KINDS.index(kind)])

    def pacing(self) -> Pacing:
        """What it came to so far."""
        requests, read, wrote = map(self._limit, KINDS)
        return Pacing(
            self.model_class, requests, read, wrote, self.sent, self.refused, self.waited_s
        )

    def _limit(self, kind: str) -> int | None:
        bucket = self.buckets.get(kind)
        return int(bucket.limit) if bucket else None


def _uncached(usage: Usage) -> int | None:
    """Input that counts towards the limit: all but what was read from the cache."""
    read, total = usage.cache_read_input_tokens, usage.prompt_tokens
    return None if read is None or total is None else total - read
