"""A judge beside people: agreement, kappa, and the biases that a judge may have."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analysis.agreement import (
    agreement,
    bias_by,
    length_bias,
    position_bias,
)


def pairs(table):
    """The two columns of verdicts that a table of counts comes from."""
    cells = [
        (i, j) for i, row in enumerate(table) for j, count in enumerate(row) for _ in range(count)
    ]
    return [i for i, _ in cells], [j for _, j in cells]


# Married couples on how often sex is fun (Agresti 1990, in R's vcd as SexualFun).
COUPLES = [[7, 7, 2, 3], [2, 8, 3, 7], [1, 5, 4, 9], [2, 8, 9, 14]]

verdict = st.sampled_from([None, "yes", "no", "cannot tell"])
verdicts = st.lists(st.tuples(verdict, verdict, st.integers(0, 5)), max_size=25)


def columns(rows):
    return [list(column) for column in zip(*rows, strict=True)] or [[], [], []]


def test_kappa_and_its_error_are_those_of_r():
    """vcd::Kappa(SexualFun): 0.1293, ASE 0.06860; n − 1 for n, and t(90) = 1.98667 for z."""
    kappa = agreement(*pairs(COUPLES)).kappa
    half = 1.98667 * 0.06860 * (91 / 90) ** 0.5
    assert kappa.value == pytest.approx(0.1293, abs=5e-5)
    assert kappa.high - kappa.value == pytest.approx(half, abs=2e-5)
    assert kappa.value - kappa.low == pytest.approx(half, abs=2e-5)


def test_accuracy_and_kappa_of_fifty_grants():
    """The worked example of Wikipedia, "Cohen's kappa": 20, 5, 10, 15 of 50."""
    found = agreement(*pairs([[20, 5], [10, 15]]))
    assert found.accuracy.value == pytest.approx(0.7)
    assert found.kappa.value == pytest.approx(0.4)
    assert found.confusion.counts == ((20, 5), (10, 15))


def test_a_missing_verdict_is_counted_and_in_no_figure():
    found = agreement(["yes", None, "no"], ["yes", "no", None])
    assert (found.missing, found.confusion.n, found.accuracy.n) == (2, 1, 1)


def test_full_agreement_is_no_certainty():
    found = agreement(["yes", "no"] * 10, ["yes", "no"] * 10).kappa
    assert (found.value, found.high) == (1.0, 1.0)
    assert 0.5 < found.low < 0.9


def test_opposite_verdicts_are_no_certainty_either():
    found = agreement(["yes", "no"] * 10, ["no", "yes"] * 10).kappa
    assert (found.value, found.low) == (-1.0, -1.0)
    assert -0.9 < found.high < 0


def test_answers_of_one_case_are_not_independent():
    people, judge = pairs([[20, 5], [10, 15]])
    alone = agreement(people, judge).kappa
    thrice = agreement(people * 3, judge * 3, [*range(50)] * 3).kappa
    assert (thrice.value, thrice.clusters) == (pytest.approx(0.4), 50)
    assert thrice.high - thrice.low == pytest.approx(alone.high - alone.low, rel=1e-6)


@pytest.mark.parametrize(
    ("people", "judge", "why"),
    [
        ([], [], "no cases"),
        ([None], ["yes"], "no cases"),
        (["yes"] * 3, ["yes"] * 3, "both always say the same one thing: chance explains it all"),
        (["yes"], ["no"], "only one case"),
    ],
    ids=["empty", "missing", "always yes", "one"],
)
def test_kappa_that_is_undefined_says_why(people, judge, why):
    kappa = agreement(people, judge).kappa
    assert (kappa.low, kappa.high, kappa.why) == (None, None, why)


@given(verdicts)
@settings(deadline=None)
def test_kappa_lies_within_its_interval_and_below_the_accuracy(rows):
    found = agreement(*columns(rows))
    if found.kappa.value is not None:
        assert found.kappa.value <= found.accuracy.value + 1e-9
    if found.kappa.low is not None:
        assert -1 <= found.kappa.low <= found.kappa.value <= found.kappa.high <= 1
        assert found.kappa.low < found.kappa.high


@given(verdicts)
@settings(deadline=None)
def test_agreement_is_mutual(rows):
    people, judge, clusters = columns(rows)
    one, other = agreement(people, judge, clusters), agreement(judge, people, clusters)
    assert one.accuracy == other.accuracy
    assert one.kappa.low == pytest.approx(other.kappa.low)
    assert one.confusion.counts == tuple(zip(*other.confusion.counts, strict=True))


def test_a_judge_that_favours_one_candidate_is_shown():
    """The judge passes 10 answers of `opus` that people fail, and agrees on all of `haiku`."""
    groups = ["haiku"] * 40 + ["opus"] * 40
    people = [1.0, 0.0] * 40
    judge = [*people[:40], *[1.0] * 20, *people[60:]]
    found = bias_by(people, judge, groups)
    assert found["opus"].value == pytest.approx(0.25)
    assert found["opus"].low > found["haiku"].high > found["haiku"].value == 0


def test_a_judge_that_likes_long_answers_has_a_slope():
    """By construction .1 more for each doubling, and a wobble that cancels out."""
    lengths = [2 ** (i % 5) for i in range(40)]
    wobble = [0.01 if i % 10 < 5 else -0.01 for i in range(40)]
    judge = [0.1 * (i % 5) + w for i, w in enumerate(wobble)]
    found = length_bias([0.0] * 40, judge, lengths)
    assert found.value == pytest.approx(0.1)
    assert 0.09 < found.low < 0.1 < found.high < 0.11


def test_the_error_of_a_slope_is_hc3():
    """x = −1, 0, 1 and y = 0, 1, 0 twice: slope 0, e/(1 − h) = ∓½, so V = 4·(½)²/16, by hand."""
    found = length_bias([0.0] * 6, [0, 1, 0] * 2, [1, 2, 4] * 2)
    leverage = 1 / 6 + 1 / 4
    error = ((1 / 3) / (1 - leverage)) * 2 / 4
    assert found.value == pytest.approx(0)
    assert found.high == pytest.approx(2.776445 * error, rel=1e-6)


@pytest.mark.parametrize(
    ("lengths", "why"),
    [
        ([], "0 independent cases are too few for a slope"),
        ([1, 2], "2 independent cases are too few for a slope"),
        ([None] * 4, "0 independent cases are too few for a slope"),
        ([7] * 4, "all answers are of one length"),
        ([1, 2, 4, 8], "nothing varies, so its spread is unknown"),
    ],
    ids=["none", "two", "missing", "one length", "no error"],
)
def test_a_slope_that_is_unknown_says_why(lengths, why):
    found = length_bias([1.0] * len(lengths), [1.0] * len(lengths), lengths)
    assert (found.low, found.high, found.why) == (None, None, why)


def test_a_slope_that_hangs_on_one_answer_has_no_interval():
    found = length_bias([0.0] * 4, [0.0, 1.0, 0.0, 1.0], [1, 1, 1, 64])
    assert found.value is not None
    assert (found.low, found.why) == (None, "one case alone decides the line")


def test_a_judge_that_follows_the_place_is_counted():
    picks = [("first", "first")] * 6 + [("second", "second")] * 2 + [("first", "second")] * 10
    found = position_bias([*picks, ("tie", "tie"), ("tie", "first"), (None, "first")])
    assert (found.follows.value, found.follows.n) == (8 / 20, 20)
    assert (found.first.value, found.first.n) == (6 / 8, 8)
    assert (found.consistent, found.undecided, found.missing) == (11, 1, 1)


def test_a_judge_that_never_follows_the_place_is_no_certainty():
    found = position_bias([("first", "second"), ("second", "first")] * 10)
    assert found.follows.low == 0 < found.follows.high
    assert found.first.why == "no cases"


@given(st.lists(st.tuples(*[st.sampled_from([None, "first", "second", "tie"])] * 2), max_size=20))
@settings(deadline=None)
def test_every_pair_of_orders_is_counted_once(picks):
    found = position_bias(picks)
    following = round((found.follows.value or 0) * found.follows.n)
    assert following + found.consistent + found.undecided + found.missing == len(picks)
