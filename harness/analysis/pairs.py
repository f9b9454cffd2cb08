"""Every two candidates of a run beside each other: who is better, and whether the data can tell.

Tests are on the pass rate, over the cases that both were graded in, all suites together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from harness.analysis.between import (
    CrossChecks,
    Limits,
    MissingBounds,
    Pair,
    PairVerdict,
    RatioLimits,
    TagDifference,
)
from harness.analysis.columns import Columns, shared
from harness.analysis.multiplicity import holm
from harness.analysis.paired import Difference, difference, discordant, mcnemar, sign_flip
from harness.analysis.ratios import ratio
from harness.records import MAX_MISSING

ALPHA = 0.05
SEED = 20_261_021
"""Of the sign flips and resamples, so that the same results always give the same report."""

MANY_PAIRS = 15
"""More pairs than this have no sign-flip test: it takes longer than all else together."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A pair before the family of all pairs is known: the difference as seen, and its bounds."""

    a: str
    b: str
    left: Columns
    right: Columns
    seen: Difference
    worst: Difference
    best: Difference

    @property
    def missing(self) -> tuple[int, int]:
        return self.left.missing, self.right.missing


def pairs(
    candidates: Mapping[str, Columns], *, max_missing: float = MAX_MISSING
) -> tuple[Pair, ...]:
    """A verdict for every two candidates that share a case; p-values are Holm's over all of them.

    Below 0.05 decides, unless the missing trials could turn it: then it is inconclusive. It is
    invalid where more than the share `max_missing` of one side's trials is missing, and where
    there are not two independent cases.
    """
    found = [
        _found(candidates[a].over(keys), candidates[b].over(keys))
        for a, b in combinations(candidates, 2)
        if (keys := shared([candidates[a], candidates[b]]))
    ]
    family = [one.seen.p for one in found]
    return tuple(_pair(one, family, place, max_missing) for place, one in enumerate(found))


def _found(left: Columns, right: Columns) -> _Found:
    seen = difference(left.passed, right.passed, left.clusters)
    worst = best = seen
    if left.missing or right.missing:
        worst = difference(left.worst, right.best, left.clusters)
        best = difference(left.best, right.worst, left.clusters)
    return _Found(left.name, right.name, left, right, seen, worst, best)


def _pair(found: _Found, family: Sequence[float | None], place: int, max_missing: float) -> Pair:
    seen = found.seen
    verdict, why = _verdict(found, family, place, max_missing)
    return Pair(
        a=found.a,
        b=found.b,
        n_cases=seen.n,
        difference=_limits(seen),
        p=seen.p,
        p_adjusted=holm(family)[place],
        verdict=verdict,
        metric="pass_rate",
        clusters=seen.clusters,
        repeats=max((*found.left.graded, *found.right.graded), default=0),
        a_wins=seen.a_better,
        b_wins=seen.b_better,
        bounds=MissingBounds(*found.missing, _limits(found.worst), _limits(found.best)),
        cross_checks=_cross_checks(found, flips=len(family) <= MANY_PAIRS),
        cost_ratio=_cost_ratio(found),
        by_tag=_by_tag(found),
        why=why,
        caution=seen.caution,
    )


def _verdict(
    found: _Found, family: Sequence[float | None], place: int, max_missing: float
) -> tuple[PairVerdict, str]:
    seen = found.seen
    if why := _invalid(found, max_missing):
        return "invalid", why
    decided = _decided(seen, family, place)
    if decided == "inconclusive":
        return decided, "so small a difference may be chance"
    for bound, whose in ((found.worst, "against"), (found.best, "in favour of")):
        if bound is not seen and _decided(bound, family, place) != decided:
            return "inconclusive", f"the missing trials could change it, counted {whose} {found.a}"
    return decided, ""


def _invalid(found: _Found, max_missing: float) -> str:
    seen = found.seen
    for name, side in ((found.a, found.left), (found.b, found.right)):
        missing, trials = side.missing, side.attempts
        if missing > max_missing * trials:
            share = f"more than {max_missing * 100:g} %"
            return f"{missing:,} of {trials:,} trials of {name} are missing, {share}"
    return seen.why


def _decided(seen: Difference, family: Sequence[float | None], place: int) -> PairVerdict:
    """Who is better if this pair had this difference, and the others what they have."""
    p = holm([*family[:place], seen.p, *family[place + 1 :]])[place]
    if p is None or seen.value is None or p >= ALPHA:
        return "inconclusive"
    return "a_better" if seen.value > 0 else "b_better"


def _limits(found: Difference) -> Limits:
    return Limits(found.value, found.low, found.high)


def _cross_checks(found: _Found, *, flips: bool) -> CrossChecks:
    left, right = found.left, found.right
    if found.seen.clusters < 2:
        return CrossChecks()
    flip = sign_flip(left.passed, right.passed, left.clusters, seed=SEED).p if flips else None
    counts = discordant(left.passed, right.passed)
    if counts is None or found.seen.clusters < found.seen.n:
        return CrossChecks(flip)
    test = mcnemar(*counts)
    return CrossChecks(flip, test.exact, test.mid)


def _cost_ratio(found: _Found) -> RatioLimits:
    """a's dollars over b's, on the cases that both were graded in."""
    left, right = found.left, found.right
    counts = zip(left.graded, right.graded, strict=True)
    both = [place for place, (a, b) in enumerate(counts) if a and b]
    if len(both) < len(left):
        left, right = left.take(both), right.take(both)
    one = ratio(left.spent_each, right.spent_each, left.clusters)
    return RatioLimits(one.value, one.low, one.high, one.unbounded, one.why or one.caution)


def _by_tag(found: _Found) -> dict[str, TagDifference]:
    return {tag: _tag(found, places) for tag, places in found.left.tagged.items()}


def _tag(found: _Found, places: Sequence[int]) -> TagDifference:
    a, b = ([side.passed[place] for place in places] for side in (found.left, found.right))
    gaps = [gap for x, y in zip(a, b, strict=True) if not math.isnan(gap := x - y)]
    if len(gaps) < 2:  # a tag of its own for every case: nothing to compute, many times over
        return TagDifference(len(gaps), Limits(gaps[0] if gaps else None))
    one = difference(a, b, [found.left.clusters[place] for place in places])
    return TagDifference(one.n, _limits(one))
