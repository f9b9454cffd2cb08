"""Which candidates are no worse than a reference by a margin: a verdict each, as one family.

Qualifying is what is acted on, so it is what Holm's adjustment guards; a verdict that missing
trials could turn is inconclusive, and above a share of them there is none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal

from harness.analysis.multiplicity import holm
from harness.analysis.paired import difference, noninferiority
from harness.analysis.power import Aim, cases_needed, measured_spread
from harness.errors import UsageError
from harness.records import MAX_MISSING

if TYPE_CHECKING:
    from harness.analysis.columns import Column, Columns
    from harness.analysis.variance import Labels

Standing = Literal["non_inferior", "inferior", "inconclusive", "invalid"]
CHANGES = "missing trials could change the verdict"


@dataclass(frozen=True, slots=True)
class Rule:
    """When a candidate qualifies: `margin` is a difference of pass rates, `alpha` one-sided.

    UsageError where one of them cannot be meant.
    """

    margin: float = 0.02
    alpha: float = 0.05
    max_missing: float = MAX_MISSING

    def __post_init__(self) -> None:
        if not 0 < self.margin <= 1:
            raise UsageError(
                f"a margin of {self.margin:g} cannot be meant: it is a difference of pass rates "
                "above 0 and at most 1; write 0.02 for two percentage points"
            )
        if not 0 < self.alpha < 0.5:
            raise UsageError(
                f"an alpha of {self.alpha:g} cannot be meant: it is the chance of a false claim, "
                "above 0 and below 0.5; write 0.05 for one in twenty"
            )


@dataclass(frozen=True, slots=True)
class Contest:
    """A candidate and the reference over the same cases; `broken` says why it says nothing."""

    candidate: Columns
    reference: Columns
    clusters: Labels
    broken: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict with what it stands on: `difference` is candidate less reference.

    `low` and `high` each err with probability alpha, for this comparison alone; `p` is of "worse by
    the margin or more", `p_adjusted` that of the family. `more_cases` would settle it with power
    0.8 if the difference seen were the true one; None where none would, or where it is settled.
    """

    verdict: Standing
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_adjusted: float | None = None
    n_cases: int = 0
    clusters: int = 0
    more_cases: int | None = None
    why: str = ""
    caution: str = ""


@dataclass(frozen=True, slots=True)
class _Look:
    """One reading of a contest: as it is, or with its missing trials taken one way."""

    value: float | None
    low: float | None
    high: float | None
    p: float | None
    n: int
    clusters: int
    why: str
    caution: str


def judged(contests: Sequence[Contest], rule: Rule) -> tuple[Judged, ...]:
    """A verdict for each contest, qualifying at `rule.alpha` over all of them together.

    Non-inferior: the one-sided p of the effective-n Tango statistic, adjusted by Holm 1979, is
    below alpha. Inferior: the one-sided upper limit is below −margin. Otherwise inconclusive.
    """
    seen, ways = _readings(contests, rule)
    adjusted = holm([look.p for look in seen])
    found = []
    for i, contest in enumerate(contests):
        standing, why = _settled(contest, [way[i] for way in ways], seen[i].why)
        found.append(_judged(contest, seen[i], standing, why, (adjusted[i], rule, len(contests))))
    return tuple(found)


def standings(contests: Sequence[Contest], rule: Rule) -> list[Standing]:
    """The verdicts of `judged` alone, without what they stand on."""
    _, ways = _readings(contests, rule)
    rows = zip(contests, zip(*ways, strict=True), strict=True)
    return [_settled(contest, ways_of_one, "")[0] for contest, ways_of_one in rows]


def _readings(contests: Sequence[Contest], rule: Rule) -> tuple[list[_Look], list[list[Standing]]]:
    """The contests as they are, and their verdicts so and with missing trials at both extremes."""
    seen = [_look(c, c.candidate.passed, c.reference.passed, rule) for c in contests]
    low, high = list(seen), list(seen)
    for i, c in enumerate(contests):
        if (c.candidate.missing or c.reference.missing) and not c.broken:
            low[i] = _look(c, c.candidate.worst, c.reference.best, rule)
            high[i] = _look(c, c.candidate.best, c.reference.worst, rule)
    return seen, [_standings(looks, rule) for looks in (seen, low, high)]


def _settled(contest: Contest, ways: Sequence[Standing], why: str) -> tuple[Standing, str]:
    if contest.broken:
        return "invalid", contest.broken
    return ("inconclusive", CHANGES) if len(set(ways)) > 1 else (ways[0], why)


def _standings(looks: Sequence[_Look], rule: Rule) -> list[Standing]:
    found: list[Standing] = []
    for look, p in zip(looks, holm([look.p for look in looks]), strict=True):
        if p is not None and p < rule.alpha:
            found.append("non_inferior")
        else:
            below = look.high is not None and look.high < -rule.margin
            found.append("inferior" if below else "inconclusive")
    return found


def _look(contest: Contest, candidate: Column, reference: Column, rule: Rule) -> _Look:
    if contest.broken:
        return _Look(None, None, None, None, 0, 0, contest.broken, "")
    limits = difference(candidate, reference, contest.clusters, alpha=rule.alpha, sides=1)
    test = noninferiority(candidate, reference, rule.margin, contest.clusters, alpha=rule.alpha)
    return _Look(
        limits.value,
        limits.low,
        limits.high,
        test.p,
        limits.n,
        limits.clusters,
        limits.why,
        limits.caution,
    )


def _judged(
    contest: Contest,
    look: _Look,
    standing: Standing,
    why: str,
    family: tuple[float | None, Rule, int],
) -> Judged:
    adjusted, rule, size = family
    more = None
    if standing == "inconclusive" and not why:
        more, why = _more_cases(contest, look, rule, size)
    return Judged(
        verdict=standing,
        difference=look.value,
        low=look.low,
        high=look.high,
        p=look.p,
        p_adjusted=adjusted,
        n_cases=look.n,
        clusters=look.clusters,
        more_cases=more,
        why=why,
        caution=look.caution,
    )


def _more_cases(contest: Contest, look: _Look, rule: Rule, size: int) -> tuple[int | None, str]:
    """Cases beyond those there are, at Holm's strictest step; None with the reason."""
    spread = measured_spread(contest.candidate.scores, contest.reference.scores, contest.clusters)
    if spread is None or look.value is None:
        return None, "too few cases to plan with"
    gap = look.value + rule.margin
    # What cannot be told from rounding lies on the border of two verdicts.
    if abs(gap) < 1e-9:
        return None, "the difference lies on the margin, so no number of cases would settle it"
    alpha = rule.alpha / size if gap > 0 else rule.alpha
    repeats = max(1, round(contest.candidate.attempts / max(1, len(contest.candidate.cases))))
    plan = cases_needed(spread, gap, repeats=repeats, aim=Aim(alpha, sides=1))
    if plan.number is None:
        return None, plan.why
    # The score statistic's variance at the margin is at least margin · (1 − margin), however
    # little the cases seen differ: with no difference at all, that is what has to be overcome.
    least = (NormalDist().inv_cdf(alpha) / gap) ** 2 * rule.margin * (1 - rule.margin)
    return max(1, max(plan.number, math.ceil(spread.deff * least)) - look.n), ""
