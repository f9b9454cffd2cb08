"""What several attempts at the same case tell: pass@k, pass^k, flakiness, and if more would help.

Repeats of a case are no new cases; they only make the case's own figure more certain.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

from harness.analysis.intervals import Interval, rate_interval
from harness.analysis.variance import NO_CASES, ROUNDING, cluster_codes, floats, variance_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.analysis.variance import Codes, Floats, Labels

    Counts = Sequence[tuple[int, int]]
    """For each case its valid repeats, and how many of them passed."""


def pass_at_k(valid: int, passed: int, k: int) -> float | None:
    """The chance that at least one of `k` repeats passes, unbiased; None with fewer than k.

    1 − C(n − c, k)/C(n, k) for `passed` c of `valid` n repeats: Chen et al. 2021. ValueError where
    `k` is not positive.
    """
    ways = _ways(valid, k)
    return 1 - math.comb(valid - passed, k) / ways if ways else None


def pass_hat_k(valid: int, passed: int, k: int) -> float | None:
    """The chance that all of `k` repeats pass, unbiased; None with fewer than k.

    C(c, k)/C(n, k) for `passed` c of `valid` n repeats: Yao et al. 2024, τ-bench. ValueError where
    `k` is not positive.
    """
    ways = _ways(valid, k)
    return math.comb(passed, k) / ways if ways else None


def _ways(valid: int, k: int) -> int:
    if k < 1:
        raise ValueError(f"k is {k!r}; it counts repeats, from 1")
    return math.comb(valid, k)


def flakiness(valid: int, passed: int) -> float | None:
    """The chance that two repeats of a case disagree, unbiased; None with fewer than two.

    2c(n − c)/(n(n − 1)), whose mean is 2p(1 − p): 0 always the same, ½ a tossed coin. With few
    repeats it can exceed ½.
    """
    return passed * (valid - passed) / math.comb(valid, 2) if valid >= 2 else None


def mean_pass_at_k(
    counts: Counts, k: int, clusters: Labels = None, *, alpha: float = 0.05
) -> Interval:
    """The mean of `pass_at_k` over the cases that have k repeats, with effective-n Wilson limits.

    `caution` tells how many cases were left out for having fewer.
    """
    return _mean_of(pass_at_k, counts, k, clusters, alpha)


def mean_pass_hat_k(
    counts: Counts, k: int, clusters: Labels = None, *, alpha: float = 0.05
) -> Interval:
    """The mean of `pass_hat_k` over the cases that have k repeats, with effective-n Wilson limits.

    `caution` tells how many cases were left out for having fewer.
    """
    return _mean_of(pass_hat_k, counts, k, clusters, alpha)


def _mean_of(
    estimate: Callable[[int, int, int], float | None],
    counts: Counts,
    k: int,
    clusters: Labels,
    alpha: float,
) -> Interval:
    # Many cases, few different counts.
    known = {count: estimate(*count, k) for count in set(counts)}
    found = rate_interval([known[count] for count in counts], clusters, alpha=alpha)
    short = len(counts) - found.n
    if not counts or not short:
        return found
    left_out = f"{short} of {len(counts)} cases have fewer than {k} repeats"
    if found.n == 0:
        return replace(found, why=left_out)
    return replace(found, caution="; ".join(filter(None, (left_out, found.caution))))


@dataclass(frozen=True, slots=True)
class Spread:
    """Where the scores of `n` cases vary, in squared score units.

    `within` is the mean variance between repeats of one case, `between` that of the cases' true
    means, `repeats` the (harmonic) mean number of repeats, and `removable` the share of the
    variance of the mean that endless repeats would remove; the rest only more cases can. `why`
    says what makes a field None.
    """

    within: float | None
    between: float | None
    removable: float | None
    n: int
    repeats: float | None = None
    why: str = ""


def spread(cases: Sequence[Sequence[float | None]], clusters: Labels = None) -> Spread:
    """The variance of scores within and between cases, from the scores of each case's repeats.

    Within is the mean of s_i² over the cases that have two valid repeats or more; between is the
    variance of the cases' means less within/K. One-way random effects, by moments: Miller 2024.
    """
    import numpy as np

    lengths = [len(case) for case in cases]
    values = floats(list(chain.from_iterable(cases)))
    owner = np.repeat(np.arange(len(cases)), lengths)[~np.isnan(values)]
    values = values[~np.isnan(values)]
    count = np.bincount(owner, minlength=len(cases)).astype(np.float64)
    there = count > 0
    n = int(there.sum())
    if n == 0:
        return Spread(None, None, None, 0, None, NO_CASES)
    count_or_one = np.maximum(count, 1)
    means = np.bincount(owner, values, len(cases)) / count_or_one
    squares = np.bincount(owner, (values - means[owner]) ** 2, len(cases))
    repeats = float(n / (1 / count[there]).sum())
    if not (count > 1).any():
        return Spread(None, None, None, n, repeats, "no case has two repeats")
    within = float((squares[count > 1] / (count[count > 1] - 1)).mean())
    codes = cluster_codes(clusters, len(cases))[there]
    return _spread(means[there], within, repeats, codes)


def _spread(means: Floats, within: float, repeats: float, codes: Codes) -> Spread:
    import numpy as np

    n = len(means)
    if within <= ROUNDING**2:
        within = 0.0
    found = variance_of(means, np.unique(codes, return_inverse=True)[1])
    between = None if n == 1 else max(0.0, float(means.var(ddof=1)) - within / repeats)
    if found.variance is None:
        return Spread(within, between, None, n, repeats, found.why)
    noise = within / repeats / n
    if found.variance == 0 and noise == 0:
        return Spread(within, between, None, n, repeats, "nothing varies")
    removable = min(1.0, noise / found.variance) if found.variance else 1.0
    return Spread(within, between, removable, n, repeats)
