"""What repeats of the same cases tell of a candidate: pass@k, pass^k, and which cases are flaky."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from harness.analysis.columns import Columns
from harness.analysis.comparison import Estimate, FlakyCase, Quality, Stability
from harness.analysis.intervals import Interval
from harness.analysis.repeats import flakiness, mean_pass_at_k, mean_pass_hat_k, spread

if TYPE_CHECKING:
    from harness.analysis.repeats import Counts

FLAKIEST = 10


def most_repeats(columns: Columns) -> int:
    """The trials of the case that has most, missing ones included."""
    return max([len(case.attempts) for case in columns.cases], default=0)


def with_repeats(quality: Quality, columns: Columns) -> Quality:
    """The quality with pass@k and pass^k for k from 1 to the repeats; as it is where one is all."""
    repeats = most_repeats(columns)
    if repeats < 2:
        return quality
    counts = [(case.graded, case.passed) for case in columns.cases]
    clusters = columns.clusters
    at = {str(k): _of(mean_pass_at_k(counts, k, clusters), counts, k) for k in _ks(repeats)}
    hat = {str(k): _of(mean_pass_hat_k(counts, k, clusters), counts, k) for k in _ks(repeats)}
    return replace(
        quality,
        pass_at_k={k: one.value for k, one in at.items()},
        pass_hat_k={k: one.value for k, one in hat.items()},
        pass_at_k_intervals=at,
        pass_hat_k_intervals=hat,
    )


def _ks(repeats: int) -> range:
    return range(1, repeats + 1)


def _of(found: Interval, counts: Counts, k: int) -> Estimate:
    repeats = max((valid for valid, _ in counts if valid >= k), default=0)
    note = found.why or found.caution
    return Estimate(found.value, found.low, found.high, found.n, found.clusters, repeats, note)


def stability(columns: Columns) -> Stability | None:
    """How far repeats of the same case agree; None where no case has repeats."""
    repeats = most_repeats(columns)
    if repeats < 2:
        return None
    cases = dict(zip(columns.keys, columns.cases, strict=True))
    known = {
        key: share
        for key, case in cases.items()
        if (share := flakiness(case.graded, case.passed)) is not None
    }
    worst = sorted((-share, key) for key, share in known.items() if share > 0)
    found = spread(columns.scores, columns.clusters)
    return Stability(
        repeats=repeats,
        n_cases=len(known),
        flaky_cases=len(worst),
        flakiness=sum(sorted(known.values())) / len(known) if known else None,
        flakiest=tuple(
            FlakyCase(*key, cases[key].passed, cases[key].graded, -share)
            for share, key in worst[:FLAKIEST]
        ),
        within=found.within,
        between=found.between,
        removable=found.removable,
        note=found.why,
    )
