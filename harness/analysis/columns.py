"""What a candidate did in each case, as columns: what every statistical method here starts from.

The unit is the case: repeats are averaged inside it first. NaN is missing, never 0.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal

from harness.analysis.attempts import CaseFigures, CaseKey
from harness.records import Bill

if TYPE_CHECKING:
    Column = array[float]
    Numbers = array[int]

Tier = Literal["billed", "live", "batch"]
PRICE: dict[Tier, Callable[[Bill], Any]] = {
    "billed": attrgetter("total"),
    "live": attrgetter("at_live_prices"),
    "batch": attrgetter("at_batch_prices"),
}
"""The bill as it was, or as that tier would have made it."""

NAN = math.nan


class Columns:
    """The cases of one candidate in the order of `keys`; a column is made when first asked for.

    Arrays of the standard library, so that a run of one case need not import numpy.
    """

    def __init__(
        self,
        name: str,
        keys: Sequence[CaseKey],
        cases: Mapping[CaseKey, CaseFigures],
        whole: Columns | None = None,
    ) -> None:
        self.name, self.keys = name, tuple(keys)
        self.cases = tuple([cases[key] for key in self.keys])
        self._whole = whole
        self._dollars: dict[Tier, Column | None] = {}

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def passed(self) -> Column:
        """The share of graded attempts that passed."""
        return array("d", [c.passed / c.graded if c.graded else NAN for c in self.cases])

    @cached_property
    def score(self) -> Column:
        """The mean score of the graded attempts; exact, so that their order cannot show."""
        return array("d", [_mean_score(case) for case in self.cases])

    @cached_property
    def worst(self) -> Column:
        """The share that passed, every missing attempt taken for a fail."""
        return array("d", [c.passed / len(c.attempts) for c in self.cases])

    @cached_property
    def best(self) -> Column:
        """The share that passed, every missing attempt taken for a pass."""
        return array("d", [(c.passed + c.missing) / len(c.attempts) for c in self.cases])

    @cached_property
    def spent(self) -> Column:
        """Dollars of all attempts together, answers and judges, at the prices of the time."""
        return array("d", [NAN if c.dollars is None else float(c.dollars) for c in self.cases])

    @cached_property
    def spent_each(self) -> Column:
        """Dollars of an attempt, answers and judges together."""
        both = zip(self.spent, self.cases, strict=True)
        return array("d", [dollars / len(case.attempts) for dollars, case in both])

    @cached_property
    def graded(self) -> Numbers:
        """How many attempts were graded."""
        return array("q", [case.graded for case in self.cases])

    @cached_property
    def attempts(self) -> int:
        """The attempts at all cases together."""
        return sum([len(case.attempts) for case in self.cases])

    @cached_property
    def missing(self) -> int:
        """The attempts at all cases together that have no grade."""
        return self.attempts - sum(self.graded)

    @cached_property
    def clusters(self) -> Numbers:
        """A number for each case's cluster, from 0, in the order in which they first appear."""
        numbers: dict[tuple[str, ...], int] = {}
        return array("q", [numbers.setdefault(c.cluster, len(numbers)) for c in self.cases])

    @cached_property
    def groups(self) -> int:
        """How many clusters there are."""
        return max(self.clusters, default=-1) + 1

    @cached_property
    def tagged(self) -> dict[str, list[int]]:
        """The places of the cases of each tag, in the order of the tags' names."""
        places: dict[str, list[int]] = {}
        for place, case in enumerate(self.cases):
            for tag in case.tags:
                rows = places.setdefault(tag, [])
                if not rows or rows[-1] != place:  # a tag may stand there twice
                    rows.append(place)
        return {tag: places[tag] for tag in sorted(places)}

    @cached_property
    def scores(self) -> list[list[float]]:
        """Whether each graded attempt passed, 1 or 0, by case."""
        return [[1.0] * c.passed + [0.0] * (c.graded - c.passed) for c in self.cases]

    def dollars(self, tier: Tier) -> Column | None:
        """What an attempt's answers cost on average; NaN where a case has no answer.

        Routing pays for these, and not for grading. None where one price is unknown, or where
        nothing was answered at all.
        """
        if tier not in self._dollars:
            unknown = self._whole is not None and self._whole.dollars(tier) is None
            self._dollars[tier] = None if unknown else _dollars(self.cases, tier)
        return self._dollars[tier]

    @cached_property
    def places(self) -> dict[CaseKey, int]:
        """Where each case stands."""
        return {key: place for place, key in enumerate(self.keys)}

    def take(self, rows: Iterable[int]) -> Columns:
        """The same candidate over some of the cases; a price unknown in one is unknown in all."""
        some = {self.keys[row]: self.cases[row] for row in rows}
        return Columns(self.name, tuple(some), some, self)

    def over(self, keys: Sequence[CaseKey]) -> Columns:
        """The same candidate over the cases under these keys; all that it has are no copy."""
        if len(keys) == len(self.keys) and tuple(keys) == self.keys:
            return self
        return self.take([self.places[key] for key in keys])


def columns_of(name: str, cases: Mapping[CaseKey, CaseFigures]) -> Columns:
    """All cases of a candidate, in an order of their own: that of the results is not to show."""
    return Columns(name, sorted(cases), cases)


def shared(candidates: Sequence[Columns]) -> tuple[CaseKey, ...]:
    """The cases that all of them have been asked, sorted."""
    first, *others = candidates
    others = [one for one in others if one.keys != first.keys]
    if not others:  # mostly all candidates are asked the same
        return first.keys
    return tuple(key for key in first.keys if all(key in one.places for one in others))


def _mean_score(case: CaseFigures) -> float:
    if len(case.attempts) == 1:
        score = case.attempts[0].score
        return NAN if score is None else score
    return _mean([one.score for one in case.attempts if one.score is not None])


def _mean(known: Sequence[float]) -> float:
    """The mean, NaN without a value; exact, so that the order cannot show."""
    if len(known) == 1:
        return known[0]
    return math.fsum(known) / len(known) if known else NAN


def _dollars(cases: Iterable[CaseFigures], tier: Tier) -> Column | None:
    price = PRICE[tier]
    means = array("d")
    for case in cases:
        paid = [price(one.bill) for one in case.attempts if one.bill is not None]
        if None in paid:
            return None
        means.append(float(paid[0]) if len(paid) == 1 else _mean([*map(float, paid)]))
    return means if any(map(math.isfinite, means)) else None
