"""The mean corrected for its judge: by hand, its laws, and where there is little to go on."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analysis.intervals import rate_interval
from harness.analysis.ppi import corrected_mean

# Y and f of four labelled cases, f of four others.
LABELS = [1, 1, 0, 0, None, None, None, None]
JUDGED = [1, 1, 1, 0, 1, 1, 0, 1]

score = st.sampled_from([0.0, 0.5, 1.0])
case = st.tuples(st.none() | score, st.none() | score, st.integers(0, 4))


def simulated(seed, n=300, labelled=60):
    """A judge with sensitivity .9 and specificity .8 where the truth is .75."""
    random = np.random.default_rng(seed)
    truth = random.random(n) < 0.75
    judged = np.where(truth, random.random(n) < 0.9, random.random(n) < 0.2)
    return [float(t) if i < labelled else None for i, t in enumerate(truth)], judged.astype(float)


def test_the_estimate_and_its_weight_by_hand():
    """cov 1/6, var 3/14 over all eight, n/N 1: w = 7/18; ½ − ¾w + ¾w = ½."""
    found = corrected_mean(LABELS, JUDGED)
    assert found.weight == pytest.approx(7 / 18)
    assert found.value == pytest.approx(0.5)


def test_the_interval_by_hand():
    """Y − wf is 11/18, 11/18, −7/18, 0, and f has s² = ¼ over the others; t(3) = 3.182446."""
    left, weight = [11 / 18, 11 / 18, -7 / 18, 0.0], 7 / 18
    mean = sum(left) / 4
    variance = sum((x - mean) ** 2 for x in left) / 3 / 4 + weight**2 * 0.25 / 4
    found = corrected_mean(LABELS, JUDGED)
    assert found.low == pytest.approx(max(0, 0.5 - 3.182446 * math.sqrt(variance)), abs=1e-6)
    assert found.high == pytest.approx(min(1, 0.5 + 3.182446 * math.sqrt(variance)), abs=1e-6)


def test_a_judge_that_tells_nothing_leaves_the_labels_alone():
    labels = [1, 0, 1, 1, 0, None, None]
    found = corrected_mean(labels, [1] * 7)
    assert found.weight == 0
    assert (found.low, found.high) == (found.labels.low, found.labels.high)


def test_a_judge_that_is_right_is_used_and_narrows_the_interval():
    labels, judged = simulated(1)
    found = corrected_mean(labels, judged)
    assert 0.5 < found.weight < 1
    assert found.high - found.low < found.labels.high - found.labels.low


def test_a_biased_judge_is_corrected():
    """Two hundred runs: the judge's mean is .725, the truth and the corrected mean .75."""
    runs = [corrected_mean(*simulated(seed)) for seed in range(200)]
    assert np.mean([run.judge.value for run in runs]) == pytest.approx(0.725, abs=0.006)
    assert np.mean([run.value for run in runs]) == pytest.approx(0.75, abs=0.012)


def test_a_judge_that_never_differed_is_not_taken_as_infallible():
    """Sixty labels of which none differs: the score limits alone are ±t²/(60 + t²) = ±.063."""
    truth = [float(i % 4 > 0) for i in range(1000)]
    found = corrected_mean([*truth[:60], *[None] * 940], truth)
    assert found.caution == "the judge agrees with every label"
    assert found.value - found.low > 0.0626
    assert found.value == pytest.approx(0.75)


def test_clusters_that_repeat_each_case_widen_the_interval():
    labels, judged = simulated(2)
    alone = corrected_mean(labels, judged)
    thrice = [np.repeat(np.array(column, dtype=float), 3) for column in (labels, judged)]
    clusters = np.repeat(np.arange(300), 3).tolist()
    again = corrected_mean(*thrice, clusters)
    assert again.value == pytest.approx(alone.value, abs=1e-3)
    assert again.high - again.low == pytest.approx(alone.high - alone.low, rel=0.02)


def test_clusters_on_both_sides_of_the_split_count_together():
    labels, judged = simulated(3, n=120)
    apart, together = (
        corrected_mean(labels, judged),
        corrected_mean(labels, judged, [*range(60)] * 2),
    )
    assert together.high - together.low >= 0.98 * (apart.high - apart.low)


def test_other_cases_of_a_single_source_leave_the_labels_alone():
    found = corrected_mean(LABELS, JUDGED, [1, 2, 3, 4, 5, 5, 5, 5])
    assert (found.weight, found.low) == (0, found.labels.low)


def test_a_case_without_a_judgement_is_missing():
    assert corrected_mean([1, 0, 1, None], [1, 0, None, None]).missing == 2


@pytest.mark.parametrize(
    ("labels", "judged", "why"),
    [
        ([], [], "of labels, no cases"),
        ([None, None], [1, 0], "of labels, no cases"),
        ([1, None], [1, 0], "of labels, only one case"),
        ([1, 0], [None, None], "of labels, no cases"),
        ([0.5, 7], [1, 0], "of labels, scores outside 0 to 1"),
    ],
    ids=["empty", "no labels", "one label", "no judgements", "no shares"],
)
def test_too_little_gives_no_limits_and_says_why(labels, judged, why):
    found = corrected_mean(labels, judged)
    assert (found.low, found.high, found.why) == (None, None, why)


def test_labels_of_everything_need_no_judge():
    found = corrected_mean([1, 0, 1, 1], [1, 1, 0, 1])
    alone = rate_interval([1, 0, 1, 1])
    assert (found.value, found.low, found.high) == (alone.value, alone.low, alone.high)


@given(st.lists(case, max_size=25))
@settings(deadline=None)
def test_the_interval_holds_the_estimate_within_0_and_1(cases):
    columns = [list(column) for column in zip(*cases, strict=True)] or [[], [], []]
    found = corrected_mean(*columns)
    if found.low is None:
        assert found.why
    else:
        assert 0 <= found.low <= found.value <= found.high <= 1
        assert found.low < found.high


@given(st.lists(case, max_size=25), st.randoms())
@settings(deadline=None)
def test_the_order_of_cases_does_not_matter(cases, random):
    one, other = (
        corrected_mean(*([list(column) for column in zip(*some, strict=True)] or [[], [], []]))
        for some in (cases, random.sample(cases, len(cases)))
    )
    assert (one.value, one.low) == (pytest.approx(other.value), pytest.approx(other.low))


def test_a_judge_that_tells_nothing_does_so_in_every_order():
    """Σ(Y − ½)(f − ⅔) is 0, which floats make of it in some orders only."""
    pairs = [(0.0, 1.0), (0.5, 1.0), (1.0, 0.0), (1.0, 0.5), (1.0, 1.0), (1.0, 1.0)]
    pairs += [(0.0, 0.5)] * 3 + [(None, 0.0)] * 2
    turned = [pairs[start:] + pairs[:start] for start in range(len(pairs))]
    assert {corrected_mean(*zip(*some, strict=True)).weight for some in turned} == {0.0}
