"""How uncertain a mean over cases is, where cases may share a source; all intervals start here."""

from __future__ import annotations

import math
from array import array
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from harness.analysis.distributions import t_quantile

if TYPE_CHECKING:
    from decimal import Decimal
    from typing import TypeAlias

    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Codes: TypeAlias = NDArray[np.intp]
    Values: TypeAlias = Sequence[float | Decimal | None] | array[float] | Floats
    Labels: TypeAlias = Sequence[Hashable] | array[int] | Codes | None

Sides = Literal[1, 2]
"""2: `alpha` is shared by both limits. 1: each limit alone errs with probability `alpha`."""

NO_CASES, ONE_CASE, ONE_CLUSTER = "no cases", "only one case", "only one cluster"
FEW_CLUSTERS = 5

# Below this share of the largest value a standard error is rounding, not spread.
ROUNDING = 1e-12

_ALONE = object()


@dataclass(frozen=True, slots=True)
class MeanVariance:
    """A mean over `n` cases in `clusters` clusters, and the variance of that mean.

    `variance` and `df` are None where there is no second cluster to learn them from; `why` says
    so. A `variance` of 0.0 means that the cluster sums do not differ, not that the mean is certain.
    """

    mean: float | None
    variance: float | None
    df: float | None
    n: int
    clusters: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class MeanCovariance:
    """The means of two figures of the same cases, with variances, covariance and `df` as above."""

    means: tuple[float, float] | None
    var_x: float | None
    cov_xy: float | None
    var_y: float | None
    df: float | None
    n: int
    clusters: int
    why: str = ""


def floats(values: Values) -> Floats:
    """The values as an array, NaN where one is None or not finite: that is what missing is."""
    import numpy as np

    column = np.array(values, dtype=np.float64).reshape(-1)
    column[~np.isfinite(column)] = np.nan
    return column


def unknown(values: Values) -> str:
    """How many of the values are unknown, in words; nothing where none is."""
    import numpy as np

    array = floats(values)
    count = int(np.isnan(array).sum())
    return f"{count} of {len(array)} values are unknown" if count else ""


def cluster_codes(clusters: Labels, n: int) -> Codes:
    """A number for each case's cluster, from 0; None (or a None label) makes a case its own.

    ValueError where there are not `n` labels.
    """
    import numpy as np

    if clusters is None:
        return np.arange(n)
    if len(clusters) != n:
        raise ValueError(f"{len(clusters)} cluster labels for {n} cases")
    if isinstance(clusters, array | np.ndarray) and np.asarray(clusters).dtype.kind == "i":
        return _renumbered(np.asarray(clusters))
    seen: dict[Hashable, int] = {}
    keys = ((_ALONE, i) if label is None else label for i, label in enumerate(clusters))
    return np.fromiter((seen.setdefault(key, len(seen)) for key in keys), np.intp, n)


def _renumbered(codes: Codes) -> Codes:
    """Numbers in the order in which they first appear, from 0."""
    import numpy as np

    # Mostly every case is its own cluster.
    if (codes[1:] > codes[:-1]).all():
        return np.arange(len(codes))
    _, first, places = np.unique(codes, return_index=True, return_inverse=True)
    ranks: Codes = np.argsort(np.argsort(first))
    return ranks[places]


def complete(columns: Sequence[Values], clusters: Labels = None) -> tuple[list[Floats], Codes]:
    """The cases that miss in no column, and the codes of the clusters that are left.

    ValueError where columns or labels are not of one length.
    """
    import numpy as np

    arrays = [floats(column) for column in columns]
    if len({len(array) for array in arrays}) > 1:
        raise ValueError(f"columns of different length: {[len(array) for array in arrays]}")
    codes = cluster_codes(clusters, len(arrays[0]))
    there = ~np.any([np.isnan(array) for array in arrays], axis=0)
    if there.all():
        return arrays, codes
    _, codes = np.unique(codes[there], return_inverse=True)
    return [array[there] for array in arrays], codes


def mean_variance(values: Values, clusters: Labels = None) -> MeanVariance:
    """The mean and its CR2 variance with Bell-McCaffrey degrees of freedom; missing left out.

    V = n⁻² Σ u_g² / (1 − n_g/n) with u_g the sum of deviations in cluster g of n_g cases: Bell and
    McCaffrey 2002, Pustejovsky and Tipton 2018, in closed form for a mean. Without clusters this
    is s²/n on n − 1 degrees of freedom.
    """
    (array,), codes = complete([values], clusters)
    return variance_of(array, codes)


def variance_of(array: Floats, codes: Codes) -> MeanVariance:
    """`mean_variance` of cases that `complete` has prepared."""
    both = covariance_of(array, array, codes)
    mean = both.means[0] if both.means else None
    return MeanVariance(mean, both.var_x, both.df, both.n, both.clusters, both.why)


def covariance_of(x: Floats, y: Floats, codes: Codes) -> MeanCovariance:
    """Both means and their CR2 covariance matrix, of cases that `complete` has prepared.

    As in `mean_variance`, with the cross products u_g v_g.
    """
    import numpy as np

    n = len(x)
    if n == 0:
        return MeanCovariance(None, None, None, None, None, 0, 0, NO_CASES)
    # fsum is exact, so that the order of the cases cannot show.
    mean = math.fsum(x.tolist()) / n
    means = mean, mean if y is x else math.fsum(y.tolist()) / n
    sizes = np.bincount(codes).astype(np.float64)
    if len(sizes) == 1:
        why = ONE_CASE if n == 1 else ONE_CLUSTER
        return MeanCovariance(means, None, None, None, None, n, 1, why)
    u = np.bincount(codes, x - means[0])
    v = u if y is x else np.bincount(codes, y - means[1])
    weights = 1 / (1 - sizes / n) / n**2
    var_x, cov_xy, var_y = (float(weights @ product) for product in (u * u, u * v, v * v))
    still_x, still_y = _is_rounding(var_x, x), _is_rounding(var_y, y)
    return MeanCovariance(
        means,
        var_x=0.0 if still_x else var_x,
        cov_xy=0.0 if still_x or still_y else cov_xy,
        var_y=0.0 if still_y else var_y,
        df=_degrees_of_freedom(sizes),
        n=n,
        clusters=len(sizes),
    )


def _is_rounding(variance: float, values: Floats) -> bool:
    import numpy as np

    return math.sqrt(variance) <= ROUNDING * float(np.max(np.abs(values)))


def _degrees_of_freedom(sizes: Floats) -> float:
    """n² / [Σ n_g² + (Σ w_g)² − Σ w_g²] with w_g = n_g² / (n − n_g): Bell and McCaffrey 2002."""
    n = sizes.sum()
    w = sizes**2 / (n - sizes)
    return float(n**2 / ((sizes**2).sum() + w.sum() ** 2 - (w**2).sum()))


def t_critical(alpha: float, df: float, sides: Sides = 2) -> float:
    """The quantile of Student's t that leaves `alpha` outside, on both sides together or on one.

    ValueError where `alpha` is not between 0 and 1, or a half for one side.
    """
    if not 0 < alpha < sides / 2:
        raise ValueError(f"alpha is {alpha!r} for {sides} side(s); it must leave an interval")
    return t_quantile(alpha / sides, df)


def few_clusters(clusters: int) -> str:
    """A caution where there are too few independent clusters, else nothing."""
    return f"only {clusters} independent cases or clusters" if clusters < FEW_CLUSTERS else ""
