"""One call that a trial is foreseen to make, and what such calls cost by each way of asking."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import orjson

from harness.forecast.bounds import WIDEST_CONTEXT, Size, dearest, parts
from harness.forecast.figures import UNKNOWN_PRICES, Prices, Share
from harness.models import Model, Rates, Registry
from harness.prefix import up_to_breakpoint
from harness.pricing import cost
from harness.records import Request, Usage, add_known

BYTES_PER_TOKEN = 3.0
"""Of a prompt as JSON; rather few, so that the estimate is rather too dear."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A call of a trial in its `wave`: tokens it is expected to read and write, and at `most`.

    It is expected `calls` times in a trial, and comes `most_calls` times at worst. Of what it
    reads, a cache may have `shared` tokens; live it has `cached`, and keeps so many more for `ttl`
    as are `kept`.
    """

    wave: str
    model: Model | None
    read: int
    written: int
    most: Size
    calls: int = 1
    most_calls: int = 1
    turn: int = 0
    shared: int = 0
    cached: int = 0
    kept: int = 0
    ttl: str = ""


class Prefix(NamedTuple):
    """The beginning that requests share: up to a breakpoint, or else system prompt and tools.

    `mark` tells it from others, `tokens` is an estimate, and `ttl` is how long live requests keep
    it in the cache, empty where they do not.
    """

    mark: str
    tokens: float
    ttl: str


def prompt_tokens(request: Request) -> int:
    """Tokens of the prompt, about."""
    said = {k: request.params[k] for k in ("system", "tools", "messages") if k in request.params}
    size, attached = parts(said, orjson.dumps(said, default=str))
    return int(size / BYTES_PER_TOKEN) + attached + 1


def shared_prefix(params: Mapping[str, Any]) -> Prefix:
    """What the request shares with others of its candidate."""
    marked = up_to_breakpoint(params)
    shared = {k: params[k] for k in ("system", "tools") if k in params and marked is None}
    shared |= {} if marked is None else {"": marked}
    if not shared:
        return Prefix("", 0, "")
    raw = orjson.dumps(shared, default=str)
    size, attached = parts(shared, raw, WIDEST_CONTEXT)
    mark = hashlib.sha256(str(params["model"]).encode() + raw).hexdigest()
    ttl = "" if marked is None else "1h" if b'"1h"' in raw else "5m"
    return Prefix(mark, size / BYTES_PER_TOKEN + attached, ttl)


class Caching(NamedTuple):
    """What a cache may have of a conversation's requests.

    The beginning of `shared` tokens, live where there is a `ttl`; or, of requests that are cached
    as a `whole`, what was asked before.
    """

    shared: int
    ttl: str
    whole: bool
    least: int | None

    @classmethod
    def of(
        cls, params: Mapping[str, Any], prefix: Prefix, model: Model | None, ratio: float
    ) -> Caching:
        """That of a request's conversation; a prefix below the model's least is not cached."""
        least = None if model is None else model.min_cacheable_tokens
        tokens = int(prefix.tokens * ratio)
        shared = tokens if least is not None and tokens >= least else 0
        control = params.get("cache_control")
        if isinstance(control, Mapping):
            return cls(shared, str(control.get("ttl", "5m")), True, least)
        return cls(shared, prefix.ttl, False, least)

    def of_call(self, ask: Ask, before: int) -> Ask:
        """The call with what the cache has of it; the conversation's last had `before` tokens."""
        shared = min(self.shared, ask.read)
        if not self.whole or self.least is None:
            return replace(ask, shared=shared, cached=shared if self.ttl else 0)
        cached = before if before >= self.least else 0
        kept = ask.read - cached if ask.read >= self.least else 0
        return replace(ask, shared=shared, cached=cached, kept=kept, ttl=self.ttl)


@dataclass(frozen=True, slots=True)
class Tariff:
    """The prices of a moment."""

    registry: Registry
    now: datetime

    def expected(self, ask: Ask) -> Prices:
        """Dollars of one such call."""
        rates = self._rates(ask.model, ask.read)
        if rates is None:
            return UNKNOWN_PRICES
        plain = cost(Usage(ask.read, ask.written), rates)
        rest = ask.read - ask.cached - ask.kept
        kept = _written(ask.kept, ask.ttl)
        live = cost(Usage(rest, ask.written, cache_read_input_tokens=ask.cached) + kept, rates)
        warm = Usage(ask.read - ask.shared, ask.written, cache_read_input_tokens=ask.shared)
        return Prices(
            live if ask.cached or ask.kept else plain,
            self._batched(plain),
            self._batched(cost(warm, rates) if ask.shared else plain),
        )

    def first(self, model: Model, tokens: int, ttl: str) -> Prices:
        """What the first call with a prefix costs beyond the others: it writes what they read.

        Live it does so where there is a `ttl`; a batch with caching keeps it for an hour.
        """
        rates = self._rates(model, tokens)
        if rates is None:
            return UNKNOWN_PRICES
        read = cost(Usage(cache_read_input_tokens=tokens), rates)
        live = _beyond(cost(_written(tokens, ttl), rates), read) if ttl else Decimal(0)
        batch = _beyond(cost(_written(tokens, "1h"), rates), read)
        return Prices(live, Decimal(0), self._batched(batch))

    def worst(self, ask: Ask) -> Prices:
        """Dollars of all calls that there may be, each as long as it may get; no cache helps."""
        if ask.model is None:
            return UNKNOWN_PRICES
        today = self.now.date()
        live = dearest(ask.most, ask.model, self.registry, today)
        batch = dearest(ask.most, ask.model, self.registry, today, batch=True)
        return Prices(live, batch, batch).times(ask.most_calls)

    def _rates(self, model: Model | None, read: int) -> Rates | None:
        return None if model is None else model.rates_on(self.now.date(), read)

    def _batched(self, dollars: Decimal | None) -> Decimal | None:
        return None if dollars is None else dollars * self.registry.batch_multiplier


def _written(tokens: int, ttl: str) -> Usage:
    if ttl == "1h":
        return Usage(cache_write_1h_input_tokens=tokens)
    return Usage(cache_write_5m_input_tokens=tokens)


def _beyond(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else one - other


@dataclass(slots=True)
class Tally:
    """Calls added up, as a `Share` is made of, those of so many `trials`; tokens may be unknown."""

    trials: int = 0
    stored: int = 0
    waves: Counter[str] = field(default_factory=Counter)
    read: int | None = 0
    written: int | None = 0
    most_written: int | None = 0
    expected: Prices = field(default_factory=Prices)
    worst: Prices = field(default_factory=Prices)

    def add(self, ask: Ask, trials: int, tariff: Tariff) -> None:
        """So many trials make this call."""
        calls = ask.calls * trials
        if calls:
            self.waves[ask.wave] += calls
            self.read = add_known(self.read, ask.read * calls)
            self.written = add_known(self.written, ask.written * calls)
            self.expected += tariff.expected(ask).times(calls)
        most = ask.most.written * ask.most_calls * trials
        self.most_written = add_known(self.most_written, most)
        self.worst += tariff.worst(ask).times(trials)

    def unforeseen(self, trials: int) -> None:
        """So many trials ask once at least, and nobody knows what."""
        if not trials:
            return
        self.waves["turn 1"] += trials
        self.read = self.written = self.most_written = None
        self.expected = self.worst = UNKNOWN_PRICES

    def share(self, factor: float) -> Share:
        """The sum, for so many times what was added.

        Calls that every open trial makes are rounded as those trials are: the sums agree.
        """
        share = Share(
            0, self.stored, dict(self.waves), self.read, self.written, self.most_written,
            self.expected, self.worst,
        )  # fmt: skip
        if factor == 1:
            return share
        scaled, left = share.scaled(factor), self.trials - self.stored
        open_ = round(self.trials * factor) - scaled.stored
        each = {w: n // left * open_ for w, n in self.waves.items() if left > 0 and not n % left}
        return replace(scaled, waves={**scaled.waves, **each})
