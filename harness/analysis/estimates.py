"""The figures of one candidate with their 95 % intervals, from the tallies of its cases.

Every figure that is a mean or a ratio over cases is made here; `compare` puts them in their places.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from harness.analysis.comparison import DollarEstimate, Estimate, Latency
from harness.analysis.intervals import mean_interval, quantile_interval, rate_interval
from harness.analysis.ratios import ratio
from harness.analysis.tally import CaseTally
from harness.analysis.variance import NO_CASES, ONE_CASE, ONE_CLUSTER
from harness.records import add_dollars

Measure = Callable[[CaseTally], float | None]

DIGITS = Decimal("1e-12")


def estimate(cases: Iterable[CaseTally], measure: Measure) -> Estimate:
    """The mean of `measure` over the cases that have one, with effective-n Wilson limits.

    As `intervals.rate_interval`; a score outside 0 to 1 leaves the limits unknown.
    """
    found = [(value, case) for case in cases if (value := measure(case)) is not None]
    n, clusters = len(found), len({case.cluster for _, case in found})
    repeats = max((case.graded for _, case in found), default=0)
    # fsum is exact, so that the order of the results cannot show in the last digit.
    mean = math.fsum(value for value, _ in found) / n if n else None
    if clusters < 2:  # nothing to learn a spread from, and numpy takes a while to import
        why = NO_CASES if n == 0 else ONE_CASE if n == 1 else ONE_CLUSTER
        return Estimate(mean, None, None, n, clusters, repeats, why)
    interval = rate_interval([value for value, _ in found], [case.cluster for _, case in found])
    note = interval.why or interval.caution
    return Estimate(mean, interval.low, interval.high, n, clusters, repeats, note)


def per_case(cases: Iterable[CaseTally]) -> Decimal | None:
    """Dollars of a case that was asked, all its repeats together; unknown where one price is."""
    asked = [case for case in cases if case.asked]
    total: Decimal | None = Decimal(0)
    for case in asked:
        total = add_dollars(total, case.dollars)
    return total / len(asked) if asked and total is not None else None


def per_case_interval(cases: Sequence[CaseTally]) -> DollarEstimate:
    """`per_case` with limits by Student's t on the clustered variance."""
    asked = [case for case in cases if case.asked]
    value = per_case(asked)
    if value is None or _alone(asked):
        return DollarEstimate(value)
    interval = mean_interval(list(map(_dollars, asked)), [case.cluster for case in asked])
    note = interval.why or interval.caution
    low = None if interval.low is None else max(0.0, interval.low)
    return DollarEstimate(value, _money(low), _money(interval.high), note=note)


def per_pass(cases: Sequence[CaseTally], total: Decimal | None, passed: int) -> DollarEstimate:
    """`total` ÷ `passed` trials, with Fieller's limits over the cases: failures cost too."""
    value = total / passed if passed and total is not None else None
    if value is None or _alone(cases):
        return DollarEstimate(value)
    found = ratio(
        list(map(_dollars, cases)),
        [float(case.passed) for case in cases],
        [case.cluster for case in cases],
    )
    return DollarEstimate(
        value,
        _money(found.low),
        _money(found.high),
        unbounded=found.unbounded,
        note=found.why or found.caution,
    )


def latency(seconds: Iterable[float]) -> Latency:
    """Median and 95th percentile, this one with limits from order statistics."""
    ordered = sorted(seconds)
    p50, p95 = quantile(ordered, 0.5), quantile(ordered, 0.95)
    if len(ordered) < 2:
        return Latency(p50, p95, len(ordered))
    found = quantile_interval(ordered, 0.95)
    return Latency(p50, p95, len(ordered), found.low, found.high)


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """Linear interpolation between order statistics (Hyndman and Fan 1996, definition 7)."""
    if not ordered:
        return None
    below, part = divmod(share * (len(ordered) - 1), 1)
    low, high = ordered[int(below)], ordered[min(int(below) + 1, len(ordered) - 1)]
    return low + part * (high - low)


def _alone(cases: Sequence[CaseTally]) -> bool:
    return len({case.cluster for case in cases}) < 2


def _dollars(case: CaseTally) -> float | None:
    return None if case.dollars is None else float(case.dollars)


def _money(amount: float | None) -> Decimal | None:
    """Dollars of a limit, to the picodollar: more digits of a float say nothing."""
    return None if amount is None else Decimal(amount).quantize(DIGITS)
