"""What repeats of a case tell, against enumeration and published figures."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.repeats import (
    flakiness,
    mean_pass_at_k,
    mean_pass_hat_k,
    pass_at_k,
    pass_hat_k,
    spread,
)

counts = st.integers(1, 7).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))


def test_two_passes_of_five_at_three() -> None:
    # Chen et al. 2021, human_eval; Yao et al. 2024, tau-bench.
    assert pass_at_k(5, 2, 3) == pytest.approx(0.9)
    assert pass_hat_k(5, 2, 3) == 0


@pytest.mark.parametrize("valid", [0, 2])
def test_fewer_repeats_than_k_have_no_answer(valid: int) -> None:
    assert pass_at_k(valid, 0, 3) is None
    assert pass_hat_k(valid, valid, 3) is None


@given(counts, st.integers(1, 7))
def test_both_are_what_drawing_k_of_the_repeats_would_show(count: tuple[int, int], k: int) -> None:
    valid, passed = count
    draws = list(combinations([True] * passed + [False] * (valid - passed), k))
    if not draws:
        assert pass_at_k(valid, passed, k) is None
        return
    assert pass_at_k(valid, passed, k) == pytest.approx(sum(map(any, draws)) / len(draws))
    assert pass_hat_k(valid, passed, k) == pytest.approx(sum(map(all, draws)) / len(draws))


@given(counts)
def test_at_one_both_are_the_pass_rate(count: tuple[int, int]) -> None:
    valid, passed = count
    assert pass_at_k(valid, passed, 1) == pytest.approx(passed / valid)
    assert pass_hat_k(valid, passed, 1) == pytest.approx(passed / valid)


def test_k_counts_from_one() -> None:
    with pytest.raises(ValueError, match="from 1"):
        pass_at_k(5, 2, 0)


@given(counts)
def test_flakiness_is_how_often_two_repeats_disagree(count: tuple[int, int]) -> None:
    valid, passed = count
    draws = list(combinations([True] * passed + [False] * (valid - passed), 2))
    expected = sum(a != b for a, b in draws) / len(draws) if draws else None
    assert flakiness(valid, passed) == (expected if expected is None else pytest.approx(expected))


def test_the_mean_over_cases_leaves_out_those_with_too_few_repeats_and_says_so() -> None:
    found = mean_pass_at_k([(5, 2), (5, 5), (2, 2)], 3)
    assert (found.value, found.n) == (pytest.approx(0.95), 2)
    assert found.caution.startswith("1 of 3 cases have fewer than 3 repeats")
    assert found.low is not None
    assert found.low < 0.95


def test_all_of_k_passing_has_an_interval_over_cases() -> None:
    found = mean_pass_hat_k([(3, 3)] * 8 + [(3, 0)] * 2, 3, list("aabbccddee"))
    assert (found.value, found.clusters) == (pytest.approx(0.8), 5)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.8 < found.high


@pytest.mark.parametrize(
    ("of", "why"),
    [([], "no cases"), ([(2, 1), (1, 1)], "2 of 2 cases have fewer than 3 repeats")],
    ids=["none", "all short"],
)
def test_no_case_with_k_repeats_has_no_mean(of: list[tuple[int, int]], why: str) -> None:
    found = mean_pass_at_k(of, 3)
    assert (found.value, found.low, found.high, found.why) == (None, None, None, why)


def test_the_spread_is_split_as_in_an_analysis_of_variance() -> None:
    # One-way layout by hand: s² 2, 2, 0; means 2, 6, 4, so 4 less (4/3)/2 is between.
    found = spread([[1, 3], [5, 7], [4, 4]])
    assert found.within == pytest.approx(4 / 3)
    assert found.between == pytest.approx(4 - 2 / 3)
    assert found.removable == pytest.approx((2 / 3) / 4)
    assert (found.n, found.repeats) == (3, pytest.approx(2))


def test_missing_repeats_are_no_repeats() -> None:
    assert spread([[1, None, 0], [None], [1, 1, None]]) == spread([[1, 0], [1, 1]])


def test_cases_that_only_seem_to_differ_are_all_noise() -> None:
    found = spread([[1, 0], [0, 1], [1, 0]])
    assert (found.between, found.removable) == (0, 1)


def test_cases_of_one_source_leave_less_to_remove() -> None:
    cases = [[1, 1], [1, 0], [1, 1], [0, 0], [0, 1], [0, 0]]
    alone, together = spread(cases).removable, spread(cases, list("aaabbb")).removable
    assert alone is not None
    assert together is not None
    assert together < alone


@pytest.mark.parametrize(
    ("cases", "clusters", "why"),
    [
        ([], None, "no cases"),
        ([[None], []], None, "no cases"),
        ([[1], [0]], None, "no case has two repeats"),
        ([[1, 0]], None, "only one case"),
        ([[1, 0], [1, 1]], ["a", "a"], "only one cluster"),
        ([[0.1, 0.1, 0.1], [0.1, 0.1, 0.1]], None, "nothing varies"),
    ],
    ids=["none", "missing", "no repeats", "one case", "one cluster", "constant"],
)
def test_what_cannot_be_split_says_why(
    cases: list[list[float | None]], clusters: list[str] | None, why: str
) -> None:
    found = spread(cases, clusters)
    assert (found.removable, found.why) == (None, why)


@given(st.lists(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=1, max_size=4), min_size=1))
def test_the_removable_share_is_a_share(cases: list[list[float]]) -> None:
    found = spread(cases)
    assert found.removable is None or 0 <= found.removable <= 1
    assert found.between is None or found.between >= 0
