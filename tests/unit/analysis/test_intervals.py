"""Intervals of a rate, a mean and a quantile, against published values and by their laws."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from harness.analysis.intervals import (
    Interval,
    mean_interval,
    quantile_interval,
    rate_interval,
    wilson,
)

Z95 = 1.959963984540054

scores = st.lists(
    st.sampled_from([0.0, 1.0, 0.5]) | st.floats(0, 1).map(lambda x: round(x, 4)), min_size=2
)
labels = st.integers(0, 5)


def bounds(found: Interval) -> tuple[float, float]:
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


@pytest.mark.parametrize(
    ("passed", "n", "expected"),
    [
        # Newcombe 1998, Statistics in Medicine 17:857, table I.
        (81, 263, (0.2553, 0.3662)),
        (0, 20, (0.0, 0.1611)),
        # R package contingencytables, ligarden_2010.
        (13, 16, (0.5699, 0.9341)),
        # R 3.6.2, prop.test(3, 10, correct=FALSE).
        (3, 10, (0.1077913, 0.6032219)),
    ],
    ids=["newcombe", "none of 20", "ligarden", "prop.test"],
)
def test_wilsons_limits_are_the_published_ones(
    passed: int, n: int, expected: tuple[float, float]
) -> None:
    assert wilson(passed / n, n, Z95) == pytest.approx(expected, abs=6e-5)


def test_plain_passes_give_wilson_with_t() -> None:
    # Computed from the definition: 13 of 16 with the t quantile on 15 degrees of freedom.
    found = rate_interval([1] * 13 + [0] * 3)
    assert bounds(found) == pytest.approx((0.5472617159666522, 0.9395202748495732), abs=1e-9)
    assert found.n_eff == pytest.approx(16)


def test_clusters_of_unequal_size_give_the_reference_interval() -> None:
    # Computed with statsmodels and direct CR2 matrices.
    found = rate_interval([1, 0, 1, 1, 1, 0, 0, 0, 1, 1, 0.5, 1], list("aaabbbccccdd"))
    assert bounds(found) == pytest.approx((0.43557842337342945, 0.7825821528051686), abs=1e-9)
    assert found.caution == "only 4 independent cases or clusters"


def test_thirty_passes_of_thirty_are_no_certainty() -> None:
    found = rate_interval([1.0] * 30)
    assert bounds(found) == pytest.approx((0.8776301477634811, 1.0), abs=1e-9)
    assert found.n_eff == 30


def test_equal_scores_count_as_many_as_there_are_clusters() -> None:
    found = rate_interval([1.0] * 30, [i % 6 for i in range(30)])
    assert (found.n_eff, found.df) == (6, 5)


def test_clusters_that_cancel_out_still_leave_an_interval() -> None:
    found = rate_interval([1, 0] * 10, [i // 2 for i in range(20)])
    assert found.n_eff == 10
    assert found.value == 0.5


@pytest.mark.parametrize(
    ("values", "clusters", "value", "why"),
    [
        ([], None, None, "no cases"),
        ([None], None, None, "no cases"),
        ([1], None, 1.0, "only one case"),
        ([1, 0], ["a", "a"], 0.5, "only one cluster"),
        ([1, 2], None, None, "scores outside 0 to 1"),
    ],
    ids=["none", "missing", "one case", "one cluster", "out of range"],
)
def test_no_interval_says_why(
    values: list[float | None], clusters: list[str] | None, value: float | None, why: str
) -> None:
    found = rate_interval(values, clusters)
    assert (found.value, found.low, found.high, found.why) == (value, None, None, why)


def test_a_near_perfect_rate_from_few_clusters_is_cautioned() -> None:
    found = rate_interval([1.0] * 59 + [0.0], [i % 10 for i in range(60)])
    assert found.caution == "a rate near its end from only 10 clusters"


def test_one_side_at_half_the_error_is_the_two_sided_interval() -> None:
    values = [1, 0, 1, 1, 0.5]
    assert rate_interval(values, alpha=0.05, sides=1) == rate_interval(values, alpha=0.1)


@given(scores, st.data())
def test_a_rates_interval_contains_it_and_has_a_width(values: list[float], data: st.DataObject):
    clusters = data.draw(st.none() | st.lists(labels, min_size=len(values), max_size=len(values)))
    found = rate_interval(values, clusters)
    assume(found.low is not None)
    low, high = bounds(found)
    assert found.value is not None
    assert 0 <= low <= found.value <= high <= 1
    assert low < high


@given(scores)
def test_failing_is_the_mirror_of_passing(values: list[float]) -> None:
    low, high = bounds(rate_interval(values))
    mirrored = bounds(rate_interval([1 - v for v in values]))
    assert (1 - high, 1 - low) == pytest.approx(mirrored, abs=1e-9)


@given(scores)
def test_twice_the_cases_are_more_certain(values: list[float]) -> None:
    low, high = bounds(rate_interval(values))
    low_of_more, high_of_more = bounds(rate_interval(values * 2))
    assert high_of_more - low_of_more < high - low


@given(scores.flatmap(lambda values: st.tuples(st.just(values), st.permutations(values))))
def test_the_order_of_scores_is_nothing(both: tuple[list[float], list[float]]) -> None:
    assert bounds(rate_interval(both[0])) == pytest.approx(bounds(rate_interval(both[1])), abs=1e-9)


def test_a_mean_has_students_limits() -> None:
    # Student 1908, extra sleep under the second drug less the first: 0.70 to 2.46 (R, t.test).
    sleep = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]
    assert bounds(mean_interval(sleep)) == pytest.approx((0.7001142, 2.4598858), abs=1e-6)


def test_one_unknown_cost_makes_the_mean_unknown() -> None:
    found = mean_interval([1, None, 3])
    assert (found.value, found.why) == (None, "1 of 3 values are unknown")


def test_equal_costs_tell_nothing_of_their_spread() -> None:
    found = mean_interval([0.1, 0.1, 0.1])
    assert (found.value, found.low, found.high) == (pytest.approx(0.1), None, None)
    assert found.why == "nothing varies, so its spread is unknown"


@pytest.mark.parametrize(("values", "why"), [([], "no cases"), ([2], "only one case")])
def test_a_mean_of_too_little_says_so(values: list[float], why: str) -> None:
    found = mean_interval(values)
    assert (found.low, found.high, found.why) == (None, None, why)


def test_the_median_of_ten_lies_between_the_second_and_the_ninth() -> None:
    # The sign test's table, n = 10: X(2) to X(9) covers 97.9 %.
    found = quantile_interval(range(1, 11), 0.5)
    assert (found.low, found.value, found.high) == (2, 5.5, 9)


@pytest.mark.parametrize(("n", "high"), [(58, None), (59, 59.0)])
def test_a_95th_percentile_needs_59_values_for_an_upper_limit(n: int, high: float | None) -> None:
    # Wilks 1941: the largest of 59 exceeds 95 % of the population with 95 % confidence.
    assert quantile_interval(range(1, n + 1), 0.95, sides=1).high == high


def test_a_limit_that_few_values_cannot_give_says_so() -> None:
    found = quantile_interval([1, 2, 3], 0.95)
    assert (found.low, found.high, found.why) == (
        2.0, None, "3 values are too few for both limits"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("values", "why"), [([], "no cases"), ([1, None], "1 of 2 values are unknown")]
)
def test_a_quantile_of_nothing_known_says_so(values: list[float | None], why: str) -> None:
    found = quantile_interval(values, 0.5)
    assert (found.value, found.why) == (None, why)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=200), st.sampled_from([0.01, 0.5, 0.95]))
def test_a_quantiles_interval_contains_it(values: list[float], share: float) -> None:
    found = quantile_interval(values, share)
    assert found.value is not None
    assert found.low is None or found.low <= found.value
    assert found.high is None or found.value <= found.high


@pytest.mark.parametrize("share", [0, 1, 95])
def test_a_share_that_is_none_is_an_error(share: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        quantile_interval([1, 2], share)
