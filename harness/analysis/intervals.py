"""How far one figure of one candidate can be trusted: a rate, a mean, a quantile.

Every interval is a statement about cases like these, not about these cases alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.analysis.distributions import binomial_at_most
from harness.analysis.variance import (
    NO_CASES,
    MeanVariance,
    Sides,
    complete,
    few_clusters,
    floats,
    t_critical,
    unknown,
    variance_of,
)

if TYPE_CHECKING:
    from harness.analysis.variance import Labels, Values

RATE_CLUSTERS = 20
RATE_EXTREME = 0.9


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate from `n` cases in `clusters` clusters; a limit that is unknown is None.

    `n_eff` is how many independent cases of 0 or 1 would tell as much, `df` the degrees of
    freedom. `why` says what makes a field None, `caution` what makes the limits less reliable.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    clusters: int = 0
    n_eff: float | None = None
    df: float | None = None
    why: str = ""
    caution: str = ""


def wilson(p: float, n: float, critical: float) -> tuple[float, float]:
    """Wilson's score limits (1927) of a rate `p` seen in `n` cases, which need not be whole."""
    shrink = 1 + critical**2 / n
    centre = (p + critical**2 / (2 * n)) / shrink
    half = critical / shrink * math.sqrt(p * (1 - p) / n + (critical / (2 * n)) ** 2)
    return max(0.0, min(p, centre - half)), min(1.0, max(p, centre + half))


def rate_interval(
    values: Values, clusters: Labels = None, *, alpha: float = 0.05, sides: Sides = 2
) -> Interval:
    """The mean of scores from 0 to 1, one a case, with effective-n Wilson limits.

    n_eff = n · [p(1 − p)/(n − 1)] / V with V the CR2 variance, and Student's t for z; for scores
    of 0 and 1 without clusters this is Wilson 1927 with t. Where nothing varies, n_eff is the
    number of clusters, so that 20 passes of 20 are no certainty. Missing scores are left out.
    """
    (array,), codes = complete([values], clusters)
    if len(array) and not (array.min() >= 0 and array.max() <= 1):
        return Interval(None, n=len(array), why="scores outside 0 to 1")
    found = variance_of(array, codes)
    if found.mean is None or found.variance is None or found.df is None:
        return _bare(found)
    n_eff, df = _effective(found.mean, found.variance, found)
    low, high = wilson(found.mean, n_eff, t_critical(alpha, df, sides))
    return replace(
        _bare(found), low=low, high=high, n_eff=n_eff, df=df, caution=_rate_caution(found)
    )


def _bare(found: MeanVariance) -> Interval:
    return Interval(found.mean, n=found.n, clusters=found.clusters, df=found.df, why=found.why)


def _effective(p: float, variance: float, found: MeanVariance) -> tuple[float, float]:
    """The cases' worth of the sample, and its degrees of freedom."""
    if variance == 0 or found.df is None:
        return found.clusters, found.clusters - 1
    return found.n * p * (1 - p) / (found.n - 1) / variance, found.df


def _rate_caution(found: MeanVariance) -> str:
    few = few_clusters(found.clusters)
    if few or found.mean is None or found.clusters == found.n:
        return few
    extreme = max(found.mean, 1 - found.mean) > RATE_EXTREME
    if extreme and found.clusters < RATE_CLUSTERS:
        return f"a rate near its end from only {found.clusters} clusters"
    return ""


def mean_interval(
    values: Values, clusters: Labels = None, *, alpha: float = 0.05, sides: Sides = 2
) -> Interval:
    """The mean of an unbounded figure, one a case, with t limits on the CR2 variance: a cost.

    One unknown value makes the mean unknown. Equal values tell nothing of their spread: no limits.
    """
    why = unknown(values)
    if why:
        return Interval(None, n=len(values), why=why)
    (array,), codes = complete([values], clusters)
    found = variance_of(array, codes)
    if found.mean is None or found.variance is None or found.df is None:
        return _bare(found)
    if found.variance == 0:
        return replace(_bare(found), why="nothing varies, so its spread is unknown")
    half = t_critical(alpha, found.df, sides) * math.sqrt(found.variance)
    return replace(
        _bare(found),
        low=found.mean - half,
        high=found.mean + half,
        caution=few_clusters(found.clusters),
    )


def quantile_interval(
    values: Values, share: float, *, alpha: float = 0.05, sides: Sides = 2
) -> Interval:
    """The quantile below which `share` of independent values lie, between two order statistics.

    Limits from the binomial distribution of how many values lie below it (Conover 1999, 3.2), so
    that coverage is at least 1 − alpha whatever the distribution. A limit is None where there are
    too few values for one. The value itself is Hyndman and Fan 1996, definition 7. One unknown
    value makes all unknown. ValueError where `share` is not between 0 and 1.
    """
    import numpy as np

    if not 0 < share < 1:
        raise ValueError(f"the share of a quantile is {share!r}; it lies between 0 and 1")
    ordered = np.sort(floats(values))
    n = len(ordered)
    why = unknown(ordered) if n else NO_CASES
    if why:
        return Interval(None, n=n, why=why)
    tail = alpha / sides
    # at_most[j] is the chance that j values or fewer lie below the quantile.
    at_most = binomial_at_most(n, share)
    below = int(np.searchsorted(at_most, tail, side="right"))
    above = int(np.searchsorted(at_most, 1 - tail, side="left"))
    value = float(np.quantile(ordered, share))
    # Of few values the interpolated quantile can lie outside its own limits.
    return Interval(
        value=value,
        low=min(value, float(ordered[below - 1])) if below else None,
        high=max(value, float(ordered[above])) if above < n else None,
        n=n,
        clusters=n,
        why="" if below and above < n else f"{n} values are too few for both limits",
    )
