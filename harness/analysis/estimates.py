"""The figures of one candidate with their 95 % intervals, from the columns of its cases.

Every figure that is a mean or a ratio over cases is made here; `compare` puts them in their places.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal

from harness.analysis.columns import Columns
from harness.analysis.comparison import DollarEstimate, Estimate, Latency
from harness.analysis.intervals import mean_interval, quantile_interval, rate_interval
from harness.analysis.ratios import ratio
from harness.analysis.variance import NO_CASES, ONE_CASE, ONE_CLUSTER

DIGITS = Decimal("1e-12")


def estimate(columns: Columns, values: Sequence[float]) -> Estimate:
    """The mean of one value a case, with effective-n Wilson limits; NaN is left out.

    As `intervals.rate_interval`; a score outside 0 to 1 leaves the limits unknown.
    """
    there = [place for place, value in enumerate(values) if not math.isnan(value)]
    if len(there) < len(values):
        return estimate(columns.take(there), [values[place] for place in there])
    n, clusters = len(values), columns.groups
    repeats = max(columns.graded, default=0)
    # fsum is exact, so that the order of the results cannot show in the last digit.
    mean = math.fsum(values) / n if n else None
    if clusters < 2:  # nothing to learn a spread from, and numpy takes a while to import
        why = NO_CASES if n == 0 else ONE_CASE if n == 1 else ONE_CLUSTER
        return Estimate(mean, None, None, n, clusters, repeats, why)
    interval = rate_interval(values, columns.clusters)
    note = interval.why or interval.caution
    return Estimate(mean, interval.low, interval.high, n, clusters, repeats, note)


def per_case(columns: Columns) -> Decimal | None:
    """Dollars of a case that was asked, all its repeats together; unknown where one price is."""
    asked = [case.dollars for case in columns.cases if case.asked]
    known = [dollars for dollars in asked if dollars is not None]
    return sum(known, Decimal(0)) / len(asked) if asked and len(known) == len(asked) else None


def per_case_interval(columns: Columns) -> DollarEstimate:
    """`per_case` with limits by Student's t on the clustered variance."""
    asked = [place for place, case in enumerate(columns.cases) if case.asked]
    if len(asked) < len(columns):
        return per_case_interval(columns.take(asked))
    value = per_case(columns)
    if value is None or columns.groups < 2:
        return DollarEstimate(value)
    interval = mean_interval(columns.spent, columns.clusters)
    note = interval.why or interval.caution
    low = None if interval.low is None else max(0.0, interval.low)
    return DollarEstimate(value, _money(low), _money(interval.high), note=note)


def per_pass(columns: Columns, total: Decimal | None, passed: int) -> DollarEstimate:
    """`total` ÷ `passed` trials, with Fieller's limits over the cases: failures cost too."""
    value = total / passed if passed and total is not None else None
    if value is None or columns.groups < 2:
        return DollarEstimate(value)
    passes = [float(case.passed) for case in columns.cases]
    found = ratio(columns.spent, passes, columns.clusters)
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


def _money(amount: float | None) -> Decimal | None:
    """Dollars of a limit, to the picodollar: more digits of a float say nothing."""
    return None if amount is None else Decimal(amount).quantize(DIGITS)
