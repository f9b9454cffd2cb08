"""Stored runs side by side: what each candidate did in each, and how the first differs.

Differences are over the cases that test the same in both runs; nothing here is a gate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from statistics import fmean

from harness.analysis.baseline import Arm, Snapshot, changes, clusters_of, overlap
from harness.analysis.intervals import rate_interval
from harness.analysis.multiplicity import holm
from harness.analysis.paired import difference


@dataclass(frozen=True, slots=True)
class Showing:
    """One candidate in one run: means over its graded cases, dollars of all its trials.

    `low` and `high` are the 95 % limits of the pass rate.
    """

    run: str
    started_at: datetime
    simulated: bool
    candidate: str
    model: str
    cases: int
    pass_rate: float | None
    score: float | None
    cost_usd: Decimal | None
    missing: int
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class RunDifference:
    """A candidate in the first run less the same in another, over identical cases.

    `low` and `high` are 95 % limits of this difference alone; `p_adjusted` is Holm's over all that
    are shown. `better` and `worse` count cases. `why` says what makes a field None.
    """

    run: str
    other: str
    candidate: str
    other_candidate: str
    n_cases: int
    changed_cases: int
    only_here: int
    only_there: int
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    p_adjusted: float | None = None
    better: int = 0
    worse: int = 0
    changes: tuple[str, ...] = ()
    why: str = ""
    caution: str = ""


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Runs in the order they were named, and the first against each other one."""

    showings: tuple[Showing, ...]
    differences: tuple[RunDifference, ...]


def side_by_side(runs: Sequence[Snapshot]) -> SideBySide:
    """The runs' candidates, and the differences of the first run's against those of each other."""
    first, *others = runs
    found = [
        _difference((first, mine), (other, theirs))
        for other in others
        for mine, theirs in _matched(first, other)
    ]
    adjusted = holm([one.p for one in found])
    return SideBySide(
        tuple(showing for run in runs for showing in _showings(run)),
        tuple(replace(one, p_adjusted=p) for one, p in zip(found, adjusted, strict=True)),
    )


def _matched(first: Snapshot, other: Snapshot) -> Iterator[tuple[Arm, Arm]]:
    """Candidates of one name; where each run has only one, these two whatever they are called."""
    names = [name for name in first.arms if name in other.arms]
    for name in names:
        yield first.arms[name], other.arms[name]
    if not names and len(first.arms) == len(other.arms) == 1:
        yield next(iter(first.arms.values())), next(iter(other.arms.values()))


def _difference(here: tuple[Snapshot, Arm], there: tuple[Snapshot, Arm]) -> RunDifference:
    (run, mine), (other, theirs) = here, there
    shared = overlap(mine, theirs)
    same = shared.identical
    seen = difference(
        [mine.cases[key].pass_share for key in same],
        [theirs.cases[key].pass_share for key in same],
        clusters_of(mine, same),
    )
    return RunDifference(
        run=run.run,
        other=other.run,
        candidate=mine.name,
        other_candidate=theirs.name,
        n_cases=seen.n,
        changed_cases=len(shared.changed),
        only_here=len(shared.new),
        only_there=len(shared.removed),
        difference=seen.value,
        low=seen.low,
        high=seen.high,
        p=seen.p,
        better=seen.a_better,
        worse=seen.b_better,
        changes=changes(mine, theirs),
        why=seen.why,
        caution=seen.caution,
    )


def _showings(run: Snapshot) -> Iterator[Showing]:
    for arm in run.arms.values():
        keys, cases = list(arm.cases), list(arm.cases.values())
        shares = [case.pass_share for case in cases]
        graded = [share for share in shares if share is not None]
        limits = rate_interval(shares, clusters_of(arm, keys))
        scores = [score for case in cases if (score := case.mean_score) is not None]
        yield Showing(
            run=run.run,
            started_at=run.started_at,
            simulated=run.simulated,
            candidate=arm.name,
            model=arm.model,
            cases=len(graded),
            pass_rate=fmean(graded) if graded else None,
            score=fmean(scores) if scores else None,
            cost_usd=arm.cost_usd,
            missing=sum(case.missing for case in cases),
            low=limits.low,
            high=limits.high,
        )
