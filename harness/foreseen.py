"""One call that a trial is foreseen to make, and what such calls cost by each way of asking."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from harness.bounds import Size, dearest
from harness.forecast import UNKNOWN_PRICES, Prices
from harness.models import Model, Registry
from harness.pricing import bill
from harness.records import Answer, Usage


@dataclass(frozen=True, slots=True)
class Ask:
    """A call of a trial in its `wave`: tokens it is expected to read and write, and at `most`.

    It is expected `calls` times in a trial, and comes `most_calls` times at worst.
    """

    wave: str
    model: Model | None
    read: int
    written: int
    most: Size
    calls: int = 1
    most_calls: int = 1


@dataclass(frozen=True, slots=True)
class Prefix:
    """The beginning that requests share: its tokens, and whether it was sent before."""

    tokens: int
    begun: bool


@dataclass(frozen=True, slots=True)
class Tariff:
    """The prices of a moment."""

    registry: Registry
    now: datetime

    def expected(self, ask: Ask, trials: int, prefix: Prefix | None = None) -> Prices:
        """Dollars of the calls expected of so many trials; cached, where `prefix` is long enough.

        The first call with a prefix writes it to the cache, and all others read it.
        """
        if ask.model is None:
            return UNKNOWN_PRICES
        plain = bill(self._answer(ask.model, Usage(ask.read, ask.written)), self.registry)
        calls = ask.calls * trials
        prices = Prices(plain.at_live_prices, plain.at_batch_prices, plain.at_batch_prices)
        least = ask.model.min_cacheable_tokens
        if not calls or prefix is None or least is None or prefix.tokens < least:
            return prices.times(calls)
        first, later = (
            bill(self._answer(ask.model, _split(ask, prefix.tokens, begun=begun)), self.registry)
            for begun in (prefix.begun, True)
        )
        cached = Prices(cached=later.at_batch_prices).times(calls - 1)
        cached += Prices(cached=first.at_batch_prices)
        return replace(prices.times(calls), cached=cached.cached)

    def worst(self, ask: Ask) -> Prices:
        """Dollars of all calls that there may be, each as long as it may get; no cache helps."""
        if ask.model is None:
            return UNKNOWN_PRICES
        today = self.now.date()
        live = dearest(ask.most, ask.model, self.registry, today)
        batch = dearest(ask.most, ask.model, self.registry, today, batch=True)
        return Prices(live, batch, batch).times(ask.most_calls)

    def _answer(self, model: Model, usage: Usage) -> Answer:
        return Answer((), model.id, None, usage, self.now)


def _split(ask: Ask, prefix: int, *, begun: bool) -> Usage:
    """The call's tokens, those of its prefix read from the cache, or written to it at first."""
    shared = min(prefix, ask.read)
    rest = ask.read - shared
    if begun:
        return Usage(rest, ask.written, cache_read_input_tokens=shared)
    return Usage(rest, ask.written, cache_write_1h_input_tokens=shared)
