"""Student's t and the binomial distribution, against scipy.special and exact fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import bdtr, stdtr, stdtrit  # type: ignore[import-untyped, unused-ignore]

from harness.analysis.distributions import (
    binomial_at_most,
    t_above,
    t_quantile,
    tosses_at_most,
)

FREEDOM = [1, 1.7, 2, 3.4, 9, 19, 49.5, 150, 199, 200, 201, 999, 2999.3, 9999]


@pytest.mark.parametrize("df", FREEDOM, ids=str)
@pytest.mark.parametrize("t", [0, 0.01, 0.7, 1.96, 2.6, 2.7, 4, 9, 30], ids=str)
def test_the_tail_of_t_is_that_of_scipy(t: float, df: float) -> None:
    assert t_above(t, df) == pytest.approx(float(stdtr(df, -t)), rel=1e-12)


@pytest.mark.parametrize("df", FREEDOM, ids=str)
@pytest.mark.parametrize("outside", [0.0001, 0.005, 0.025, 0.05, 0.2, 0.45], ids=str)
def test_the_quantile_of_t_is_that_of_scipy(outside: float, df: float) -> None:
    assert t_quantile(outside, df) == pytest.approx(-float(stdtrit(df, outside)), rel=1e-12)


def test_with_one_degree_of_freedom_t_is_cauchys_distribution() -> None:
    assert t_above(1.0, 1) == pytest.approx(0.25, rel=1e-15)
    assert t_above(1e6, 1) == pytest.approx(1e-6 / math.pi, rel=1e-11)


@given(st.floats(-30, 30), st.floats(1, 5000))
def test_both_tails_of_t_add_to_one(t: float, df: float) -> None:
    assert t_above(t, df) + t_above(-t, df) == pytest.approx(1, abs=1e-15)


@given(st.floats(1e-6, 0.49), st.floats(1, 5000))
def test_beyond_the_quantile_lies_what_was_asked_for(outside: float, df: float) -> None:
    assert t_above(t_quantile(outside, df), df) == pytest.approx(outside, rel=1e-11)


@pytest.mark.parametrize("statistic", [math.inf, -math.inf], ids=str)
def test_beyond_infinity_there_is_nothing(statistic: float) -> None:
    assert t_above(statistic, 3) == (statistic < 0)


@pytest.mark.parametrize("outside", [0, 0.5, -0.1, math.nan], ids=str)
def test_a_quantile_of_no_tail_is_an_error(outside: float) -> None:
    with pytest.raises(ValueError, match="between 0 and a half"):
        t_quantile(outside, 5)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95], ids=str)
@pytest.mark.parametrize("n", [1, 2, 7, 100, 5000], ids=str)
def test_successes_are_as_likely_as_scipy_says(n: int, share: float) -> None:
    assert binomial_at_most(n, share) == pytest.approx(bdtr(np.arange(n), n, share), abs=1e-10)


@pytest.mark.parametrize(("k", "n"), [(0, 1), (1, 3), (0, 60), (20, 45), (499, 1000), (500, 1000)])
def test_heads_are_as_likely_as_counting_says(k: int, n: int) -> None:
    ways = sum(math.comb(n, heads) for heads in range(k + 1))
    assert tosses_at_most(k, n) == pytest.approx(float(Fraction(ways, 2**n)), rel=1e-14)
