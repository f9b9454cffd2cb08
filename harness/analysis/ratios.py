"""Ratios of two means of the same cases: the cost of one candidate to another's, cost per pass.

Never the mean of the cases' ratios, and never the cost of passing cases only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.analysis.variance import (
    MeanCovariance,
    Sides,
    cluster_codes,
    complete,
    covariance_of,
    few_clusters,
    floats,
    t_critical,
    unknown,
)

if TYPE_CHECKING:
    from harness.analysis.variance import Labels, Values

FEW_FOR_COSTS = 50
NOTHING_BELOW = "the denominator is 0"


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio of sums over `n` cases in `clusters` clusters, with Fieller's limits.

    `unbounded`: the denominator may as well be 0, so that the ratio is at least `low` and has no
    upper limit; `high` is then None though nothing is unknown. Otherwise `why` says what makes a
    field None. `caution` says what makes the limits less reliable.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    unbounded: bool = False
    n: int = 0
    clusters: int = 0
    df: float | None = None
    why: str = ""
    caution: str = ""


def ratio(
    numerator: Values,
    denominator: Values,
    clusters: Labels = None,
    *,
    alpha: float = 0.05,
    sides: Sides = 2,
) -> Ratio:
    """The sum of one figure over the sum of another, one of each a case, neither negative.

    Fieller 1954 with Student's t and the CR2 covariance: the r for which x̄ − r·ȳ is not
    distinguishable from 0. One unknown value makes the ratio unknown.
    """
    for values in (numerator, denominator):
        why = _unusable(values)
        if why:
            return Ratio(None, n=len(numerator), why=why)
    (x, y), codes = complete([numerator, denominator], clusters)
    return _fieller(covariance_of(x, y, codes), alpha, sides)


def cost_per_correct(
    costs: Values,
    scores: Values,
    clusters: Labels = None,
    *,
    alpha: float = 0.05,
    sides: Sides = 2,
) -> Ratio:
    """The cost of all cases over the sum of their scores: what one correct answer costs.

    A case without a score is left out with its cost; one unknown cost among the others makes the
    ratio unknown. Limits as in `ratio`. ValueError where there are not as many costs as scores.
    """
    import numpy as np

    if len(costs) != len(scores):
        raise ValueError(f"{len(costs)} costs for {len(scores)} scores")
    paid, graded = floats(costs), ~np.isnan(floats(scores))
    labels = None if clusters is None else cluster_codes(clusters, len(graded))[graded]
    found = ratio(paid[graded], floats(scores)[graded], labels, alpha=alpha, sides=sides)
    if found.why == NOTHING_BELOW:
        return replace(found, why="nothing passed")
    if found.low is not None and not found.caution and found.clusters < FEW_FOR_COSTS:
        few = f"costs are skewed, and {found.clusters} independent cases are few for that"
        return replace(found, caution=few)
    return found


def _unusable(values: Values) -> str:
    array = floats(values)
    return unknown(array) or ("a negative value" if len(array) and array.min() < 0 else "")


def _fieller(found: MeanCovariance, alpha: float, sides: Sides) -> Ratio:
    bare = Ratio(None, n=found.n, clusters=found.clusters, df=found.df, why=found.why)
    if found.means is None:
        return bare
    x, y = found.means
    if y == 0 or not math.isfinite(x / y):
        return replace(bare, why=NOTHING_BELOW)
    bare = replace(bare, value=x / y)
    if found.df is None or found.var_x is None or found.var_y is None or found.cov_xy is None:
        return bare
    matrix = found.var_x, found.cov_xy, found.var_y
    if _constant(x / y, matrix):
        return replace(bare, why="the ratio never varies, so its spread is unknown")
    low, high = _limits((x, y), matrix, t_critical(alpha, found.df, sides))
    same = 0.0 in (found.var_x, found.var_y)
    caution = "one of the two figures never varies" if same else ""
    return replace(
        bare,
        low=min(low, x / y),
        high=None if high is None else max(high, x / y),
        unbounded=high is None,
        caution=few_clusters(found.clusters) or caution,
    )


def _constant(r: float, matrix: tuple[float, float, float]) -> bool:
    """Whether x − r·y does not vary, but for rounding."""
    xx, xy, yy = matrix
    return xx - 2 * r * xy + r * r * yy <= 1e-12 * (xx + r * r * yy)


def _limits(
    means: tuple[float, float], matrix: tuple[float, float, float], t: float
) -> tuple[float, float | None]:
    """The roots of a·r² − 2b·r + c, at least 0; no upper one where a ≤ 0."""
    (x, y), (xx, xy, yy) = means, matrix
    a, b, c = y * y - t * t * yy, x * y - t * t * xy, x * x - t * t * xx
    # b² − a·c, written so that nothing large cancels.
    under = x * x * yy - 2 * x * y * xy + y * y * xx - t * t * (xx * yy - xy * xy)
    root = t * math.sqrt(max(0.0, under))
    low = c / (b + root) if c > 0 and b + root > 0 else 0.0
    return low, (b + root) / a if a > 0 else None
