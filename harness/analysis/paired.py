"""Whether one candidate is better than another on the same cases, or not worse by a margin.

The interval and the p-values come from one statistic, so that they never contradict each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.analysis.distributions import t_above, tosses_at_most
from harness.analysis.variance import (
    NO_CASES,
    Sides,
    complete,
    few_clusters,
    t_critical,
    variance_of,
)

if TYPE_CHECKING:
    from harness.analysis.variance import Codes, Floats, Labels, Values


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean of a − b over the `n` cases that both have, its limits and two-sided p.

    `a_better` and `b_better` count cases; `df` is of Student's t. `why` says what makes a field
    None, `caution` what makes the limits less reliable.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    n: int = 0
    clusters: int = 0
    df: float | None = None
    a_better: int = 0
    b_better: int = 0
    why: str = ""
    caution: str = ""


@dataclass(frozen=True, slots=True)
class NonInferiority:
    """Whether a is worse than b by less than `margin`: `low` is the one-sided limit of a − b.

    `p` is of the hypothesis that a is worse by the margin or more; `holds` is None where the data
    give no answer at all, and False where they do not show it, which is not the same as inferior.
    """

    margin: float
    value: float | None
    low: float | None = None
    p: float | None = None
    holds: bool | None = None
    n: int = 0
    clusters: int = 0
    why: str = ""
    caution: str = ""


@dataclass(frozen=True, slots=True)
class _Pair:
    """What there is to say of a pair before an error rate is chosen."""

    value: float | None
    n: int
    clusters: int
    wins: tuple[int, int] = (0, 0)
    counts: tuple[float, float, float] | None = None
    df: float = 0.0
    why: str = ""


def tango_statistic(b: float, c: float, m: float, delta: float) -> float:
    """Tango's score statistic for a difference `delta` between two rates on the same cases.

    `b` of `m` cases pass for a alone, `c` for b alone; they need not be whole. Rises with b − c,
    falls with `delta`, about standard normal where the difference is `delta`. Tango 1998.
    """
    surplus = b - c - m * delta
    # The constrained estimate of the share that c stands for is a root of x·q² + y·q + z.
    x, y = 2 * m, -b - c + (2 * m - b + c) * delta
    z = -c * delta * (1 - delta)
    root = math.sqrt(max(0.0, y * y - 4 * x * z))
    q = (root - y) / (2 * x) if y <= 0 else -2 * z / (root + y)
    variance = m * (2 * q + delta * (1 - delta))
    if variance <= 0:
        return math.copysign(math.inf, surplus) if surplus else 0.0
    return surplus / math.sqrt(variance)


def tango_limits(b: float, c: float, m: float, critical: float) -> tuple[float, float]:
    """The differences that the score statistic does not reject at `critical`. Tango 1998."""
    return -_upper_limit(c, b, m, critical), _upper_limit(b, c, m, critical)


def _upper_limit(b: float, c: float, m: float, critical: float) -> float:
    """The difference, at most 1, above which the data are too unlikely."""
    inside, outside = (b - c) / m, 1.0
    while inside < (middle := (inside + outside) / 2) < outside:
        if tango_statistic(b, c, m, middle) > -critical:
            inside = middle
        else:
            outside = middle
    return outside


def difference(
    a: Values, b: Values, clusters: Labels = None, *, alpha: float = 0.05, sides: Sides = 2
) -> Difference:
    """How much better `a` scores than `b` over the cases that both have, one score a case.

    Tango's interval for scores from 0 to 1, repeats and clusters: the counts of better and worse
    cases, S⁺ = Σ max(d, 0) and S⁻ = Σ max(−d, 0), are scaled so that their binomial variance is
    the CR2 variance, and Student's t stands for z. For scores of 0 and 1 without clusters this is
    Tango 1998 with t. Equal scores throughout give ±t²/(m + t²) with m clusters, never no width.
    """
    pair = _pair(a, b, clusters)
    bare = _bare(pair)
    if pair.counts is None or pair.value is None:
        return bare
    low, high = tango_limits(*pair.counts, t_critical(alpha, pair.df, sides))
    return Difference(
        value=pair.value,
        low=min(low, pair.value),
        high=max(high, pair.value),
        p=2 * t_above(abs(tango_statistic(*pair.counts, 0.0)), pair.df),
        n=pair.n,
        clusters=pair.clusters,
        df=pair.df,
        a_better=pair.wins[0],
        b_better=pair.wins[1],
        caution=few_clusters(pair.clusters),
    )


def _bare(pair: _Pair) -> Difference:
    better, worse = pair.wins
    return Difference(
        pair.value,
        n=pair.n,
        clusters=pair.clusters,
        a_better=better,
        b_better=worse,
        why=pair.why,
    )


def noninferiority(
    a: Values, b: Values, margin: float, clusters: Labels = None, *, alpha: float = 0.05
) -> NonInferiority:
    """Whether `a` is worse than `b` by less than `margin`, at a one-sided error rate of `alpha`.

    p = P(t > T(−margin)) with the statistic of `difference`; it holds where the one-sided lower
    limit is above −margin. ValueError where `margin` is not from 0 to 1.
    """
    if not 0 <= margin <= 1:
        raise ValueError(f"a margin of {margin!r} is not a difference of scores from 0 to 1")
    pair = _pair(a, b, clusters)
    if pair.counts is None or pair.value is None:
        return NonInferiority(margin, pair.value, None, None, None, pair.n, pair.clusters, pair.why)
    low, _ = tango_limits(*pair.counts, t_critical(alpha, pair.df, 1))
    p = t_above(tango_statistic(*pair.counts, -margin), pair.df)
    return NonInferiority(
        margin=margin,
        value=pair.value,
        low=min(low, pair.value),
        p=p,
        holds=p < alpha,
        n=pair.n,
        clusters=pair.clusters,
        caution=few_clusters(pair.clusters),
    )


def _pair(a: Values, b: Values, clusters: Labels) -> _Pair:
    import numpy as np

    (first, second), codes = complete([a, b], clusters)
    d = first - second
    if len(d) == 0:
        return _Pair(None, 0, 0, why=f"{NO_CASES} that both have")
    groups = int(codes.max()) + 1
    if np.abs(d).max() > 1:
        return _Pair(None, len(d), groups, why="scores outside 0 to 1")
    wins = int((d > 0).sum()), int((d < 0).sum())
    found = variance_of(d, codes)
    if found.mean is None or found.variance is None or found.df is None:
        return _Pair(found.mean, len(d), groups, wins, why=found.why)
    better, worse = float(np.maximum(d, 0).sum()), float(np.maximum(-d, 0).sum())
    scale, df = groups / len(d), float(groups - 1)
    if found.variance:
        binomial = ((better + worse) / len(d) - found.mean**2) / (len(d) - 1)
        scale, df = binomial / found.variance, found.df
    counts = better * scale, worse * scale, len(d) * scale
    return _Pair(found.mean, len(d), groups, wins, counts, df)


@dataclass(frozen=True, slots=True)
class McNemar:
    """Two-sided p-values of a binary pair from its discordant cases alone."""

    exact: float
    mid: float


def discordant(a: Values, b: Values) -> tuple[int, int] | None:
    """How many cases pass for `a` alone and for `b` alone; None where a score is not 0 or 1."""
    import numpy as np

    (first, second), _ = complete([a, b])
    if not np.isin(np.concatenate([first, second]), (0, 1)).all():
        return None
    return int((first > second).sum()), int((first < second).sum())


def mcnemar(b: int, c: int) -> McNemar:
    """McNemar's test where `b` and `c` cases pass for one alone: a cross-check of `difference`.

    Exact conditional and mid-p: Fagerland, Lydersen and Laake 2013. 1 where none is discordant.
    """
    n, fewer = b + c, min(b, c)
    if n == 0:
        return McNemar(1.0, 1.0)
    here = math.comb(n, fewer) / 2**n
    exact = min(1.0, 2 * tosses_at_most(fewer, n))
    return McNemar(exact, 1 - here / 2 if b == c else exact - here)


EXACT_CLUSTERS = 18


@dataclass(frozen=True, slots=True)
class SignFlip:
    """The p of a sign-flip test; `exact` where all ways were counted, else from `draws` of them."""

    p: float | None
    exact: bool
    clusters: int
    draws: int
    why: str = ""


def sign_flip(
    a: Values, b: Values, clusters: Labels = None, *, seed: int, draws: int = 4999
) -> SignFlip:
    """The chance of so large a difference if every cluster might as well have gone the other way.

    Exact for the hypothesis of no effect at all; with G clusters p is at least 2^(1 − G). Up to 18
    clusters that differ, all ways are counted (Fisher's randomisation), beyond that `draws` from
    `seed`, the data themselves counted in. On binary data without clusters it is McNemar's exact.
    """
    import numpy as np

    (first, second), codes = complete([a, b], clusters)
    if len(codes) == 0:
        return SignFlip(None, True, 0, 0, f"{NO_CASES} that both have")
    groups = int(codes.max()) + 1
    sums = _sorted_sums(first - second, codes)
    # Sums that differ by rounding only are equal.
    seen = abs(float(sums.sum())) - 1e-9 * max(1.0, float(np.abs(sums).sum()))
    if len(sums) <= EXACT_CLUSTERS:
        flipped = _all_flips(sums)
        return SignFlip(float((np.abs(flipped) >= seen).mean()), True, groups, len(flipped))
    hits = int((np.abs(_some_flips(sums, seed, draws)) >= seen).sum())
    return SignFlip((1 + hits) / (1 + draws), False, groups, draws)


def _sorted_sums(d: Floats, codes: Codes) -> Floats:
    """Each cluster's sum, without those that are 0; sorted, so that the cases' order is nothing."""
    import numpy as np

    sums = np.bincount(codes, d)
    return np.sort(sums[np.abs(sums) > 1e-12])


def _all_flips(sums: Floats) -> Floats:
    import numpy as np

    totals = np.zeros(1)
    for one in sums:
        totals = np.concatenate([totals - one, totals + one])
    return totals


def _some_flips(sums: Floats, seed: int, draws: int) -> Floats:
    """`draws` totals under random signs, eight clusters to a random byte."""
    import numpy as np

    octets = np.pad(sums, (0, -len(sums) % 8)).reshape(-1, 8)
    signs = 1.0 - 2.0 * np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)
    rng = np.random.default_rng(seed)
    totals = np.zeros(draws)
    for octet in octets:
        totals += (signs @ octet)[rng.integers(0, 256, draws, dtype=np.uint8)]
    return totals
