"""Planning against published sample sizes; the formulas are tested by turning them round."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.power import (
    Aim,
    Spread,
    binary_spread,
    cases_needed,
    design_effect,
    detectable,
    expected_flips,
    measured_spread,
    repeats_needed,
    settle_regression,
    unseen_spread,
    within_variance,
)

MILLER = Spread(1 / 9, 1 / 6, 1 / 6)
# Accuracies .80 and .85 with answers that vary as those of a real suite do.
USUAL = Spread(0.0174, 0.105, 0.105)

spreads = st.builds(
    Spread, st.floats(0.001, 0.3), st.floats(0.001, 0.25), st.floats(0.001, 0.25),
    st.floats(1, 3),
)  # fmt: skip


def test_three_points_need_969_cases():
    """Miller 2024 (arXiv 2411.00640), section 5."""
    assert cases_needed(Spread(1 / 9, 0, 0), 0.03).number == 969


@pytest.mark.parametrize(("repeats", "effect"), [(1, 0.13273), (10, 0.07567)], ids=["K=1", "K=10"])
def test_198_cases_detect_13_points_and_with_ten_repeats_8(repeats, effect):
    """Miller 2024, section 5, which rounds them to 13.2 % and 7.5 %."""
    assert detectable(MILLER, cases=198, repeats=repeats).difference == pytest.approx(
        effect, abs=1e-5
    )


@pytest.mark.parametrize(
    ("repeats", "share"), [(1, 1), (2, 2 / 3), (4, 1 / 2), (6, 4 / 9)], ids=str
)
def test_repeats_take_away_their_part_of_the_variance_only(repeats, share):
    """Miller 2024, section 3: difficulties uniform between 0 and 1."""
    uniform = Spread(1 / 12, 1 / 6, 0.0)
    assert uniform.of_case(repeats) / uniform.of_case(1) == pytest.approx(share)


@pytest.mark.parametrize(
    ("cases", "share"), [(1, 0.95), (10, 0.2589), (20, 0.1391), (300, 0.00994)], ids=str
)
def test_cases_that_all_agree_leave_a_share_that_may_not(cases: int, share: float):
    """R `binom.test(0, n, alternative = "less")$conf.int[2]`."""
    assert unseen_spread(cases).between == pytest.approx(share, abs=1e-4)


def test_non_inferiority_needs_227_pairs():
    """R statpsych, `size.supinf.prop.ps(.05, .9, .35, .20, .45, .05)`."""
    p, q, phi, margin = 0.35, 0.20, 0.45, 0.05
    covariance = phi * math.sqrt(p * (1 - p) * q * (1 - q))
    spread = Spread(p * (1 - p) + q * (1 - q) - 2 * covariance)
    assert cases_needed(spread, p - q - margin, aim=Aim(power=0.9)).number == 227


@pytest.mark.parametrize(
    ("cases", "repeats", "points"),
    [(20, 1, 29.9), (50, 3, 11.7), (100, 5, 6.8), (300, 10, 3.2), (1000, 1, 4.2)],
    ids=str,
)
def test_the_detectable_effect_of_a_usual_suite(cases, repeats, points):
    """By the formula of Miller 2024, computed apart from this code."""
    found = detectable(USUAL, cases=cases, repeats=repeats).difference
    assert 100 * found == pytest.approx(points, abs=0.06)


@given(spreads, st.floats(0.01, 0.5), st.integers(1, 9))
def test_the_cases_that_are_needed_detect_the_difference(spread, difference, repeats):
    number = cases_needed(spread, difference, repeats=repeats).number
    effect = detectable(spread, cases=number, repeats=repeats).difference
    assert effect <= difference * (1 + 1e-6)


@given(spreads, st.floats(0.01, 0.5), st.integers(20, 500))
def test_the_repeats_that_are_needed_detect_the_difference(spread, difference, cases):
    plan = repeats_needed(spread, difference, cases=cases)
    if plan.number is None:
        assert plan.why
    else:
        found = detectable(spread, cases=cases, repeats=plan.number).difference
        assert found <= difference * (1 + 1e-6)


@given(spreads, st.integers(20, 500), st.integers(1, 5))
def test_more_cases_or_repeats_detect_no_less(spread, cases, repeats):
    now = detectable(spread, cases=cases, repeats=repeats).difference
    if now is not None:
        assert detectable(spread, cases=cases + 1, repeats=repeats).difference <= now
        assert detectable(spread, cases=cases, repeats=repeats + 1).difference <= now


def test_repeats_cannot_settle_what_the_cases_differ_in():
    plan = repeats_needed(Spread(0.1, 0.1, 0.1), 0.01, cases=50)
    assert plan.number is None
    assert "more cases are needed" in plan.why


def test_without_repeats_more_repeats_cannot_be_planned():
    assert repeats_needed(Spread(0.1), 0.05, cases=50).why.startswith("how much answers vary")


@pytest.mark.parametrize(
    "plan",
    [
        cases_needed(USUAL, 0.0),
        repeats_needed(USUAL, 0.0, cases=10),
        cases_needed(USUAL, 1e-9),
    ],
    ids=["cases", "repeats", "enormous"],
)
def test_what_cannot_be_planned_says_why(plan):
    assert plan.number is None
    assert plan.why


@pytest.mark.parametrize(
    ("cases", "why"), [(0, "no cases"), (3, "too few cases")], ids=["none", "few"]
)
def test_what_cannot_be_detected_says_why(cases, why):
    found = detectable(Spread(0.5), cases=cases)
    assert found.difference is None
    assert found.why.startswith(why)


def test_the_unknown_spread_of_two_independent_arms_is_that_of_their_passes():
    assert binary_spread(2 * 0.8 * 0.2).of_case() == pytest.approx(0.32)


def test_a_spread_is_measured_between_cases_and_within():
    """By hand: d = ½, 0, ½, 0, so s_d² = 1/12; each arm's s² is below, K = 2."""
    a, b = [[1, 1], [1, 0], [1, 0], [0, 0]], [[1, 0], [1, 0], [0, 0], [0, 0]]
    found = measured_spread(a, b)
    assert found == Spread(0.0, 0.25, 0.25, 1.0)
    assert within_variance(a) == pytest.approx(0.25)


def test_one_repeat_leaves_the_within_case_variance_unknown():
    found = measured_spread([[1], [0], [1]], [[0], [0], [1]])
    assert found.within_a is None
    assert found.between == pytest.approx(1 / 3)


def test_cases_without_a_pair_do_not_count():
    assert measured_spread([[1], []], [[0], [1]]) is None
    assert measured_spread([], []) is None


def test_clusters_of_equal_cases_multiply_the_variance_by_their_size():
    """Twelve cases that are four, three times over: s²/4 of those by s²/12 of these, by hand."""
    differences, clusters = [1.0] * 3 + [0.0] * 3 + [1.0] * 3 + [0.0] * 3, "aaabbbcccddd"
    assert design_effect(differences, clusters) == pytest.approx((1 / 12) / (3 / 11 / 12))
    assert design_effect(differences, None) == 1
    assert design_effect([0.0, 0.0], "ab") == 1


@pytest.mark.parametrize(
    ("seen", "towards"),
    [(0.0, "pass"), (-0.01, "pass"), (-0.045, "regression")],
    ids=["no change", "inside", "near the margin"],
)
def test_the_nearer_verdict_of_a_gate_is_planned(seen, towards):
    found = settle_regression(USUAL, seen=seen, margin=0.05, cases=100)
    gap = max(seen + 0.05, -seen)
    assert found.towards == towards
    assert found.cases == cases_needed(USUAL, gap, aim=Aim(sides=1)).number


def test_nothing_settles_a_difference_on_the_margin_itself():
    found = settle_regression(USUAL, seen=0.0, margin=0.0, cases=100)
    assert (found.cases, found.repeats, found.towards) == (None, None, None)
    assert found.why


def test_flips_by_chance_are_the_variance_within_cases():
    """Sum of p(1−p), for which c(K−c)/(K(K−1)) stands: 0 + 1/3 + 0, by hand."""
    flips = expected_flips([[1, 1, 1], [1, 1, 0], [0, 0, 0]])
    assert flips.each_way == pytest.approx(1 / 3)
    assert flips.each_way <= flips.at_most == pytest.approx(3 * (5 / 9) * (4 / 9))


def test_flips_without_repeats_are_bounded_only():
    """100 cases at 85 %: at most 12.75 each way."""
    flips = expected_flips([[1]] * 85 + [[0]] * 15)
    assert flips.each_way is None
    assert flips.at_most == pytest.approx(12.75)


def test_a_flip_of_repeated_runs_is_a_change_by_more_than_half():
    """Two coins against two: only 2 heads against 0 is a flip, 1/4 · 1/4."""
    assert expected_flips([[1, 0]], repeats=2).each_way == pytest.approx(1 / 16)


def test_no_cases_have_no_flips():
    assert expected_flips([[], []]).why == "no cases"
