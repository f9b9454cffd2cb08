"""Student's t and the binomial distribution, as far as intervals and tests need them.

A library that has them takes longer to import than all else of a comparison takes to compute.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.analysis.variance import Floats

EPSILON = 2**-53
CENTRE = 7.0
"""Up to this t² the tail is a half less the middle, which costs no digits worth having."""

STEPS = 1000
SMALL = 1e-9
"""Newton's error is about the square of his last step."""


def t_above(statistic: float, df: float) -> float:
    """The probability that Student's t with `df` degrees of freedom exceeds `statistic`.

    An incomplete beta function, I_x(df/2, 1/2)/2 at x = df/(df + t²): DLMF 8.17. Relative errors
    are below 1e-13 up to 2,000 degrees of freedom, and grow with them beyond.
    """
    if statistic < 0:
        return 1 - t_above(-statistic, df)
    if math.isinf(statistic):
        return 0.0
    a, square = df / 2, statistic * statistic
    # x^a·√(1 − x) / B(a, 1/2)
    front = math.exp(-a * math.log1p(square / df)) * _over_beta(a)
    front *= math.sqrt(square / (df + square))
    if square < min(CENTRE, df):  # beyond df the series is slow, and the fraction quick
        return 0.5 - front * _middle(a, square / (df + square))
    return front * _tail(a, df / (df + square)) / df


def _over_beta(a: float) -> float:
    """1 / B(a, 1/2) = Γ(a + 1/2) / (Γ(a)·√π); for large a by the series of DLMF 5.11.13."""
    if a < 100:
        return math.gamma(a + 0.5) / math.gamma(a) / math.sqrt(math.pi)
    z = 1 / a
    series = 1 - z / 8 * (1 - z / 16 * (1 + z * 5 / 8 * (1 - z * 21 / 160 * (1 + z * 19 / 8))))
    return math.sqrt(a / math.pi) * series


def _middle(a: float, y: float) -> float:
    """I_y(1/2, a)/2 over √y·(1 − y)^a/B: a series whose terms are all positive, DLMF 8.17.8."""
    term = total = 1.0
    n = 0
    while term > EPSILON * total:
        term *= (a + 0.5 + n) / (n + 1.5) * y
        total += term
        n += 1
    return total


def _tail(a: float, x: float) -> float:
    """I_x(a, 1/2)·a over x^a·√(1 − x)/B: the continued fraction 8.17.22 of DLMF, as Lentz 1976."""
    c, d = 1.0, 1 / (1 - (a + 0.5) * x / (a + 1))
    value = d
    for m in range(1, STEPS):
        at = a + 2 * m
        for factor in (
            m * (0.5 - m) * x / ((at - 1) * at),
            -(a + m) * (a + 0.5 + m) * x / (at * (at + 1)),
        ):
            c, d = 1 + factor / c, 1 / (1 + factor * d)
            value *= c * d
        if abs(c * d - 1) <= 2 * EPSILON:
            break
    return value


@lru_cache(maxsize=1024)  # one run asks for few different ones, each many times
def t_quantile(outside: float, df: float) -> float:
    """The value that Student's t with `df` degrees of freedom exceeds with chance `outside`.

    By Newton's method from the normal quantile, stretched as Abramowitz and Stegun 26.7.5 begins.
    ValueError where `outside` is not between 0 and a half.
    """
    if not 0 < outside < 0.5:
        raise ValueError(f"the chance outside is {outside!r}; it lies between 0 and a half")
    normal = -NormalDist().inv_cdf(outside)
    value = normal * (1 + (normal * normal + 1) / (4 * df))
    for _ in range(STEPS):
        step = (t_above(value, df) - outside) / _density(value, df)
        # The tail is convex, so that from below no step goes too far.
        value = max(value / 2, value + step)
        if abs(step) <= SMALL * value:
            break
    return value


def _density(t: float, df: float) -> float:
    power = math.exp(-(df + 1) / 2 * math.log1p(t * t / df))
    return power * _over_beta(df / 2) / math.sqrt(df)


def binomial_at_most(n: int, share: float) -> Floats:
    """The chances of at most 0, 1, … n − 1 successes in `n` trials of chance `share` each.

    Within 1e-9; `share` lies between 0 and 1 and is neither.
    """
    import numpy as np

    fewer = np.arange(n)
    ratios = np.log((n - fewer) / (fewer + 1)) + math.log(share / (1 - share))
    logs = np.concatenate([np.zeros(1), np.cumsum(ratios)])
    chances = np.exp(logs - logs.max())
    return np.asarray(np.cumsum(chances)[:-1] / chances.sum(), dtype=np.float64)


def tosses_at_most(k: int, n: int) -> float:
    """The chance of at most `k` heads in `n` tosses of a fair coin, `k` at most half of `n`."""
    term = total = 1.0
    for fewer in range(k, 0, -1):
        term *= fewer / (n - fewer + 1)
        total += term
        if term <= EPSILON * total:
            break
    return float(math.comb(n, k) / 2**n) * total
