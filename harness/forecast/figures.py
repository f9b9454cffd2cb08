"""What a run would ask and cost, as records: by candidate, expected and at worst. Only arithmetic.

Money is `Decimal` dollars; unknown is `None`, and a sum over an unknown is unknown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from harness.records import add_dollars, add_known

Counting = Literal["counted", "estimated"]


@dataclass(frozen=True, slots=True)
class Prices:
    """Dollars by way of asking; `cached` is a batch whose shared prompts come from the cache."""

    live: Decimal | None = Decimal(0)
    batch: Decimal | None = Decimal(0)
    cached: Decimal | None = Decimal(0)

    def __add__(self, other: Prices) -> Prices:
        return Prices(
            add_dollars(self.live, other.live),
            add_dollars(self.batch, other.batch),
            add_dollars(self.cached, other.cached),
        )

    def times(self, count: int) -> Prices:
        """So many of the same."""
        return Prices(*(None if p is None else p * count for p in self._each()))

    def scaled(self, factor: float | Decimal) -> Prices:
        """The same for so many times the trials."""
        exact = Decimal(str(factor))
        return Prices(*(None if p is None else p * exact for p in self._each()))

    def _each(self) -> tuple[Decimal | None, ...]:
        return self.live, self.batch, self.cached


UNKNOWN_PRICES = Prices(None, None, None)


@dataclass(frozen=True, slots=True)
class Share:
    """What a candidate's trials come to; `stored` of them are answered already and cost nothing.

    `waves` counts calls by their place in a trial: `turn 1`, `turn 2`, …, `tools`, `judges`.
    `output_tokens` are expected, `most_output_tokens` what `max_tokens` allows; `None` is unknown.
    """

    trials: int = 0
    stored: int = 0
    waves: Mapping[str, int] = field(default_factory=dict)
    input_tokens: int | None = 0
    output_tokens: int | None = 0
    most_output_tokens: int | None = 0
    expected: Prices = Prices()
    worst: Prices = Prices()

    @property
    def calls(self) -> int:
        """The requests that are expected."""
        return sum(self.waves.values())

    def scaled(self, factor: float) -> Share:
        """The same for so many times the trials."""
        return Share(
            round(self.trials * factor),
            round(self.stored * factor),
            {wave: round(calls * factor) for wave, calls in self.waves.items()},
            _scaled(self.input_tokens, factor),
            _scaled(self.output_tokens, factor),
            _scaled(self.most_output_tokens, factor),
            self.expected.scaled(factor),
            self.worst.scaled(factor),
        )

    def __add__(self, other: Share) -> Share:
        return Share(
            self.trials + other.trials,
            self.stored + other.stored,
            dict(Counter(self.waves) + Counter(other.waves)),
            add_known(self.input_tokens, other.input_tokens),
            add_known(self.output_tokens, other.output_tokens),
            add_known(self.most_output_tokens, other.most_output_tokens),
            self.expected + other.expected,
            self.worst + other.worst,
        )


def _scaled(number: int | None, factor: float) -> int | None:
    return None if number is None else round(number * factor)


@dataclass(frozen=True, slots=True)
class Detection:
    """What difference between two candidates can be found, and what finding `wanted` takes.

    `detectable` is the smallest true difference in scores that these `cases` and `repeats` find
    four times out of five; `why` says why there is none. `basis` is where the variance is from.
    `cost` is of the cases that `wanted` needs, by live and batch price; `None` where unknown.
    """

    cases: int
    repeats: int
    basis: str
    detectable: float | None
    why: str = ""
    wanted: float | None = None
    cases_needed: int | None = None
    repeats_needed: int | None = None
    cost: Prices | None = None
    repeats_cost: Prices | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """A run before it begins: a share for each candidate, and what was assumed.

    `sample` is how many prompts were looked at, and of how many. Of those, `uncalled` trials come
    to a call of a function of which no run has told the result.
    """

    shares: Mapping[str, Share]
    models: Mapping[str, str]
    counting: Counting = "estimated"
    assumptions: tuple[str, ...] = ()
    sample: tuple[int, int] = (0, 0)
    uncalled: int = 0
    detection: Mapping[str, Detection] = field(default_factory=dict)

    @property
    def total(self) -> Share:
        """All candidates together."""
        return sum(self.shares.values(), Share())
