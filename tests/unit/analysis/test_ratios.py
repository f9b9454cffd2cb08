"""Ratios of two means with Fieller's limits."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from harness.analysis.ratios import cost_per_correct, ratio
from harness.analysis.variance import mean_variance, t_critical

# Twelve pairs of the documentation of R's statpsych::ci.ratio.mean.ps.
FIRST = [76.41, 66.91, 81.06, 74.78, 83.76, 89.31, 78.78, 87.06, 82.61, 76.74, 88.33, 86.18]
SECOND = [59.85, 60.64, 84.86, 68.16, 71.53, 86.18, 67.3, 65.46, 83.5, 66.76, 88.37, 65.02]

cost = st.floats(0.01, 100).map(lambda x: round(x, 4))
row = st.tuples(cost, cost, st.integers(0, 6))
rows = st.lists(row, min_size=2)


def test_fiellers_limits_are_the_reference_ones() -> None:
    # Fieller 1954; by the quadratic formula and by inverting the test. statpsych gives 1.120213.
    found = ratio(FIRST, SECOND)
    assert found.value == pytest.approx(1.120213, abs=1e-6)
    assert found.low == pytest.approx(1.0434993150762104, abs=1e-9)
    assert found.high == pytest.approx(1.2095247646946963, abs=1e-9)
    assert not found.unbounded


def test_each_limit_is_where_the_data_no_longer_tell_the_ratio_apart() -> None:
    clusters = [i // 2 for i in range(12)]
    found = ratio(FIRST, SECOND, clusters)
    for limit in (found.low, found.high):
        assert limit is not None
        rest = mean_variance([x - limit * y for x, y in zip(FIRST, SECOND, strict=True)], clusters)
        assert rest.mean is not None
        assert rest.variance is not None
        assert abs(rest.mean) / math.sqrt(rest.variance) == pytest.approx(t_critical(0.05, 5))


def test_a_denominator_near_nothing_has_no_upper_limit_and_says_at_least() -> None:
    found = cost_per_correct([1.0, 1.2, 0.8, 1.1, 0.9, 1.0], [0, 0, 0, 0, 0, 1])
    assert found.unbounded
    assert found.value == pytest.approx(6)
    assert (found.high, found.why) == (None, "")
    assert found.low is not None
    assert 0 < found.low < 6


def test_two_means_that_may_both_be_nothing_leave_everything_open() -> None:
    found = ratio([0, 0, 0, 3], [0, 5, 0, 0])
    assert (found.low, found.high, found.unbounded) == (0, None, True)


def test_nothing_passed_has_no_ratio_and_no_limit() -> None:
    found = cost_per_correct([1, 2, 3], [0, 0, 0])
    assert (found.value, found.low, found.high, found.unbounded) == (None, None, None, False)
    assert found.why == "nothing passed"


def test_a_case_without_a_score_is_left_out_with_its_cost() -> None:
    labels = ["a", "b", "c", "d"]
    found = cost_per_correct([1, 2, 3, None], [1, 0, 1, None], labels)
    assert found == cost_per_correct([1, 2, 3], [1, 0, 1], labels[:3])


def test_an_unknown_cost_makes_the_ratio_unknown() -> None:
    found = cost_per_correct([1, None, 3], [1, 0, 1])
    assert (found.value, found.why) == (None, "1 of 3 values are unknown")


def test_money_is_understood_as_a_number() -> None:
    costs = [Decimal("0.25"), Decimal("0.5"), Decimal("0.75")]
    assert cost_per_correct(costs, [1, 1, 0]).value == 0.75


def test_few_cases_are_few_for_skewed_costs() -> None:
    found = cost_per_correct([1, 2, 3, 1, 2, 9], [1, 1, 1, 1, 1, 0])
    assert found.caution == "costs are skewed, and 6 independent cases are few for that"


def test_scores_that_never_vary_are_cautioned() -> None:
    found = cost_per_correct([float(i) for i in range(60)], [1] * 60)
    assert found.caution == "one of the two figures never varies"


@pytest.mark.parametrize(
    ("x", "y", "clusters", "value", "why"),
    [
        ([], [], None, None, "no cases"),
        ([2], [1], None, 2.0, "only one case"),
        ([2, 4], [1, 2], ["a", "a"], 2.0, "only one cluster"),
        ([2, 4, 6], [1, 2, 3], None, 2.0, "the ratio never varies, so its spread is unknown"),
        ([1, 1], [1, 1], None, 1.0, "the ratio never varies, so its spread is unknown"),
        ([1, 2], [0, 0], None, None, "the denominator is 0"),
        ([1, -2], [1, 1], None, None, "a negative value"),
    ],
    ids=["none", "one case", "one cluster", "constant ratio", "equal", "nothing below", "negative"],
)
def test_no_limits_say_why(
    x: list[float], y: list[float], clusters: list[str] | None, value: float | None, why: str
) -> None:
    found = ratio(x, y, clusters)
    assert (found.value, found.low, found.high, found.why) == (value, None, None, why)
    assert not found.unbounded


def test_costs_without_their_scores_are_an_error() -> None:
    with pytest.raises(ValueError, match="2 costs for 1 scores"):
        cost_per_correct([1, 2], [1])


@given(rows)
def test_the_interval_contains_its_ratio(of: list[tuple[float, float, int]]) -> None:
    found = ratio([x for x, *_ in of], [y for _, y, _ in of], [c for *_, c in of])
    assume(found.low is not None)
    assert found.low is not None
    assert found.value is not None
    assert 0 <= found.low <= found.value
    assert found.unbounded is (found.high is None)
    assert found.high is None or found.value <= found.high


@given(rows)
def test_the_ratio_the_other_way_round_is_the_reciprocal(
    of: list[tuple[float, float, int]],
) -> None:
    x, y = [x for x, *_ in of], [y for _, y, _ in of]
    found, other = ratio(x, y), ratio(y, x)
    assume(found.high is not None and other.high is not None)
    assert found.low is not None
    assert other.high is not None
    assert found.low == pytest.approx(1 / other.high, rel=1e-6)


@given(rows, st.sampled_from([1e-6, 0.5, 1000]))
def test_another_currency_changes_nothing_but_the_scale(
    of: list[tuple[float, float, int]], rate: float
) -> None:
    x, y = [x for x, *_ in of], [y for _, y, _ in of]
    found, other = ratio(x, y), ratio([v * rate for v in x], y)
    assume(found.high is not None)
    assert found.high is not None
    assert other.high == pytest.approx(found.high * rate, rel=1e-6)


@given(rows.flatmap(lambda of: st.tuples(st.just(of), st.permutations(of))))
def test_the_order_of_cases_is_nothing(
    both: tuple[list[tuple[float, float, int]], list[tuple[float, float, int]]],
) -> None:
    one, other = (
        ratio([x for x, *_ in of], [y for _, y, _ in of], [c for *_, c in of]) for of in both
    )
    assert (one.value, one.unbounded, one.why) == (other.value, other.unbounded, other.why)
    assert (one.low is None) == (other.low is None)
    if one.low is not None:
        assert one.low == pytest.approx(other.low, rel=1e-6, abs=1e-9)
