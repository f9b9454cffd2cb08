"""The model registry: which models there are, what each accepts and what it costs.

Facts only; `table` reads them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from harness.errors import ModelsError, did_you_mean

EFFORTS = ("low", "medium", "high", "xhigh", "max")
THINKING_TYPES = ("adaptive", "enabled", "disabled", "between_tools")


@dataclass(frozen=True, slots=True)
class Rates:
    """USD per million tokens of each class; `None` is unknown."""

    input: Decimal | None = None
    output: Decimal | None = None
    cache_write_5m: Decimal | None = None
    cache_write_1h: Decimal | None = None
    cache_read: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Band:
    """The rates of a request whose prompt has at most `up_to_prompt_tokens`; `None`: any."""

    rates: Rates
    up_to_prompt_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class PricePeriod:
    """The bands that hold from the day `since` on (`None`: from the start), smallest first."""

    bands: tuple[Band, ...]
    since: date | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """What is known of a model; `None` is unknown, an empty tuple is "none of them".

    `thinking_efforts` gives the efforts at which a thinking type is accepted, where restricted;
    `rate_class` names the bucket of its rate limits; `prices` are by date and prompt size.
    """

    id: str
    aliases: tuple[str, ...] = ()
    released: date | None = None
    lifecycle: str | None = None
    retires_on: date | None = None
    rate_class: str | None = None
    context_tokens: int | None = None
    max_output_tokens: int | None = None
    min_cacheable_tokens: int | None = None
    sampling: str | None = None
    thinking: tuple[str, ...] | None = None
    thinking_default: str | None = None
    thinking_always_on: bool | None = None
    thinking_efforts: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    efforts: tuple[str, ...] | None = None
    default_effort: str | None = None
    prefill: bool | None = None
    forced_tool_choice: bool | None = None
    speeds: tuple[str, ...] | None = None
    fast_multiplier: Decimal | None = None
    fast_beta: str | None = None
    inference_geos: tuple[str, ...] | None = None
    us_geo_multiplier: Decimal | None = None
    prices: tuple[PricePeriod, ...] = ()

    def rates_on(self, day: date, prompt_tokens: int) -> Rates | None:
        """The rates for a prompt of this size on that day, `None` where no price is known."""
        for period in reversed(self.prices):
            if period.since is None or period.since <= day:
                for band in period.bands:
                    limit = band.up_to_prompt_tokens
                    if limit is None or prompt_tokens <= limit:
                        return band.rates
                return None
        return None


@dataclass(frozen=True, slots=True)
class Registry:
    """The models by id, the aliases that name them, and the prices that are no model's own.

    `aliases` are those of the table's head; a model's own are in its `aliases`. `prices_as_of` is
    an ISO date, `web_search_usd_per_thousand` dollars per 1,000 searches, and `batch_multiplier`
    what a token costs in a batch as a share of its standard rate.
    """

    models: Mapping[str, Model]
    aliases: Mapping[str, str]
    prices_as_of: str
    web_search_usd_per_thousand: Decimal
    batch_multiplier: Decimal
    _by_name: Mapping[str, Model] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = {alias: model for model in self.models.values() for alias in model.aliases}
        names |= {a: self.models.get(id_) or Model(id_) for a, id_ in self.aliases.items()}
        object.__setattr__(self, "_by_name", names | dict(self.models))

    def __iter__(self) -> Iterator[Model]:
        return iter(self.models.values())

    def get(self, name: str) -> Model | None:
        """The model with this id or alias, `None` where the tables do not list it."""
        return self._by_name.get(name)

    def resolve(self, name: str) -> Model:
        """The model that a suite means by `name`: an alias, an id, or any other full id.

        An id that starts with `claude-` and is in no table is a model of which nothing is known.
        Raises ModelsError for every other name.
        """
        model = self._by_name.get(name)
        if model is not None:
            return model
        if name.startswith("claude-"):
            return Model(name)
        hint = did_you_mean(name, self._by_name) or f"; write one of {', '.join(self.aliases)}"
        raise ModelsError(f"{name!r} names no model{hint} (or any full id, `claude-…`)")

    def alias_of(self, name: str) -> str | None:
        """The short alias of a model given by id or alias (`haiku`), `None` where it has none."""
        model = self._by_name.get(name)
        if model is None:
            return None
        return next((alias for alias, id_ in self.aliases.items() if id_ == model.id), None)
