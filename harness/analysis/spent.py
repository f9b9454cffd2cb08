"""What answers cost and what was saved on them, as sums; pure, so that reports may see it.

Simulated answers are summed apart. An unknown price makes a sum unknown, and is counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from harness.records import Answer, Bill, Purpose, add_dollars

By = Literal["suite", "model", "day", "mode", "run"]
GROUPINGS: tuple[By, ...] = ("suite", "model", "day", "mode", "run")
ZERO = Decimal(0)
SAVED = ("saved_by_batch", "saved_by_cache", "saved_by_reuse")
PAID = ("live", "batch", "answers", "judges")
COUNTS = ("count", "judge_count", "reuses", "unpriced", "lost")


@dataclass(slots=True)
class Spent:
    """What some answers cost and saved, in dollars; `None` is unknown.

    `live` and `batch` add up to the whole, and so do `answers` and `judges`. List price less what
    was paid is `saved_by_batch`; `saved_by_cache` is what the same prompts would have cost more at
    the live price of input, below 0 where writing cost more than reading saved. `saved_by_reuse` is
    what `reuses` of stored answers would have cost again. `unpriced` counts answers,
    `unpriced_models` names their models. `lost` counts attempts that broke off: they may have been
    billed, up to `lost_usd`, which is part of no other sum.
    """

    count: int = 0
    judge_count: int = 0
    reuses: int = 0
    unpriced: int = 0
    live: Decimal | None = ZERO
    batch: Decimal | None = ZERO
    answers: Decimal | None = ZERO
    judges: Decimal | None = ZERO
    saved_by_batch: Decimal | None = ZERO
    saved_by_cache: Decimal | None = ZERO
    saved_by_reuse: Decimal | None = ZERO
    lost: int = 0
    lost_usd: Decimal | None = ZERO
    unpriced_models: set[str] = field(default_factory=set)

    @property
    def total(self) -> Decimal | None:
        """All that was paid."""
        return add_dollars(self.live, self.batch)

    def pay(self, answer: Answer, billed: Bill, cached: Decimal | None, purpose: Purpose) -> None:
        """Add an answer; `cached` is what caching saved on it."""
        judged = purpose == "judge"
        self.count += 1
        self.judge_count += judged
        if billed.total is None:
            self.unpriced += 1
            self.unpriced_models.add(answer.model)
        if batched(answer):
            self.batch = add_dollars(self.batch, billed.total)
        else:
            self.live = add_dollars(self.live, billed.total)
        if judged:
            self.judges = add_dollars(self.judges, billed.total)
        else:
            self.answers = add_dollars(self.answers, billed.total)
        self.saved_by_batch = add_dollars(self.saved_by_batch, _less(billed))
        self.saved_by_cache = add_dollars(self.saved_by_cache, cached)

    def reuse(self, times: int, billed: Bill) -> None:
        """Add so many uses of an answer that was stored already."""
        again = None if billed.total is None else billed.total * times
        self.reuses += times
        self.saved_by_reuse = add_dollars(self.saved_by_reuse, again)

    def lose(self, attempts: int, usd: Decimal | None) -> None:
        """Add so many attempts that broke off, and may have cost up to `usd`."""
        self.lost += attempts
        self.lost_usd = add_dollars(self.lost_usd, usd)

    def add(self, other: Spent) -> None:
        """Add what others cost."""
        for name in COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in (*PAID, *SAVED, "lost_usd"):
            setattr(self, name, add_dollars(getattr(self, name), getattr(other, name)))
        self.unpriced_models |= other.unpriced_models


def batched(answer: Answer) -> bool:
    """The API billed it as part of a batch: its tier says so, or without one how it was asked."""
    if answer.service_tier is None:
        return answer.mode == "batch"
    return answer.service_tier == "batch"


def _less(billed: Bill) -> Decimal | None:
    if billed.total is None or billed.at_live_prices is None:
        return None
    return billed.at_live_prices - billed.total


@dataclass(slots=True)
class Spending:
    """What was spent by group, and the simulated answers beside it, for which nobody paid."""

    by: By
    groups: dict[str, Spent] = field(default_factory=dict)
    simulated: dict[str, Spent] = field(default_factory=dict)

    def group(self, name: str, *, simulated: bool) -> Spent:
        """The sums of a group, from nothing where it is new."""
        groups = self.simulated if simulated else self.groups
        return groups.setdefault(name, Spent())


def total(groups: Iterable[Spent]) -> Spent:
    """All groups together."""
    whole = Spent()
    for spent in groups:
        whole.add(spent)
    return whole
