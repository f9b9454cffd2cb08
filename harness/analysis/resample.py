"""The joint cluster bootstrap: one resample of the clusters serves all candidates alike.

For what has no formula (who is on the Pareto front, who ranks first); means have better intervals.
What comes out are bootstrap frequencies, not probabilities of being the best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.analysis.variance import NO_CASES, ONE_CLUSTER, cluster_codes, floats

if TYPE_CHECKING:
    import numpy as np

    from harness.analysis.variance import Floats, Labels, Values

DRAWS = 2000
BATCH = 250_000
"""Multiplications at once: of more, numpy makes threads, which cost more time than they save."""

EQUAL = 1e-12
"""Means this near to each other are equal: quality as it is, cost relative to itself."""


@dataclass(frozen=True, slots=True, eq=False)
class Resampled:
    """Means of resamples: a row a draw, a column a column of the data; `None` and `why` if none.

    `draws` counts the rows: a resample in which a column had no value at all is not among them.
    """

    means: Floats | None
    draws: int
    clusters: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class Frequencies:
    """How often each candidate was on the Pareto front, and in which rank by quality.

    `front[i]` and `ranks[i][r]` are shares of the draws; rank 0 is the best, and candidates that
    are equal share the better rank. Empty with `why` where there is nothing to resample.
    """

    front: tuple[float, ...]
    ranks: tuple[tuple[float, ...], ...]
    draws: int
    why: str = ""


def resample(
    columns: Sequence[Values],
    clusters: Labels = None,
    *,
    seed: int,
    draws: int = DRAWS,
) -> Resampled:
    """Means of every column over `draws` resamples of the clusters, drawn with replacement.

    A column holds a value for each case, the same cases in every column, `None` where missing: a
    mean is over what is there. Without `clusters` every case is its own. The same seed gives the
    same resamples, whatever the order of the cases and the names of the clusters. (Davison and
    Hinkley 1997, section 3.8: whole clusters are drawn.)
    """
    import numpy as np

    if not columns or not len(columns[0]):
        return Resampled(None, 0, 0, NO_CASES)
    sums, group_count = _cluster_sums(columns, clusters)
    if not (sums[:, len(columns) :].sum(axis=0) > 0).all():
        return Resampled(None, 0, group_count, "a column has no value")
    if group_count < 2:
        return Resampled(None, 0, group_count, ONE_CLUSTER)
    random = np.random.default_rng(seed)
    batch = max(1, BATCH // sums.size)
    totals = np.concatenate(
        [
            _weights(random, min(batch, draws - start), group_count) @ sums
            for start in range(0, draws, batch)
        ]
    )
    values, counts = totals[:, : len(columns)], totals[:, len(columns) :]
    whole = (counts > 0).all(axis=1)
    means = values[whole] / counts[whole]
    return Resampled(means, len(means), group_count, "" if len(means) else "no complete resample")


def front_and_ranks(
    quality: Sequence[Values],
    cost: Sequence[Values],
    clusters: Labels = None,
    *,
    seed: int,
    draws: int = DRAWS,
) -> Frequencies:
    """How often each candidate is on the Pareto front and in each rank, on joint resamples.

    `quality` (more is better) and `cost` (dollars, less is better) have a column a candidate.
    """
    if not quality:
        return Frequencies((), (), 0, "no candidates")
    drawn = resample([*quality, *cost], clusters, seed=seed, draws=draws)
    if drawn.means is None:
        return Frequencies((), (), 0, drawn.why)
    good, dear = drawn.means[:, : len(quality)], drawn.means[:, len(quality) :]
    return Frequencies(front_frequency(good, dear), rank_frequency(good), drawn.draws)


def front_frequency(quality: Floats, cost: Floats) -> tuple[float, ...]:
    """The share of rows in which each column is on the Pareto front; twins are both on it."""
    shares = []
    for i in range(quality.shape[1]):
        good, dear = quality[:, [i]], cost[:, [i]]
        # Sums of the same values may differ in the last bits, and twins are not to beat each other.
        no_worse = (quality >= good - EQUAL) & (cost <= dear * (1 + EQUAL))
        better = (quality > good + EQUAL) | (cost < dear * (1 - EQUAL))
        shares.append(float(1 - (no_worse & better).any(axis=1).mean()))
    return tuple(shares)


def rank_frequency(quality: Floats) -> tuple[tuple[float, ...], ...]:
    """For each column the share of rows in which it has rank 0, 1, …; equals share the better."""
    count = quality.shape[1]
    table = []
    for i in range(count):
        rank = (quality > quality[:, [i]] + EQUAL).sum(axis=1)
        table.append(tuple(float((rank == r).mean()) for r in range(count)))
    return tuple(table)


def _cluster_sums(columns: Sequence[Values], clusters: Labels) -> tuple[Floats, int]:
    """A row a cluster: the sums of all columns, then the numbers of values behind them.

    One number serves all columns where no value is missing.
    """
    import numpy as np

    data = np.array([floats(column) for column in columns]).T
    there = ~np.isnan(data)
    counted = there[:, :1] if there.all() else there
    rows = np.concatenate([np.where(there, data, 0.0), counted], axis=1)
    codes = cluster_codes(clusters, len(rows))
    sums = np.array([np.bincount(codes, column) for column in rows.T]).T
    # In an order of their own, so that the draws do not depend on that of the cases.
    return sums[np.lexsort(sums.T)], len(sums)


def _weights(random: np.random.Generator, draws: int, clusters: int) -> Floats:
    """How often each cluster was drawn, a row a draw; each row adds to `clusters`."""
    import numpy as np

    picks = random.integers(0, clusters, size=(draws, clusters), dtype=np.int32)
    weights = np.empty((draws, clusters))
    for row, picked in zip(weights, picks, strict=True):
        row[:] = np.bincount(picked, minlength=clusters)
    return weights
