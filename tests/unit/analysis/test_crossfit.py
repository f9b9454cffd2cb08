"""Choices valued on cases held out: cascades, and what their fitting gains on paper."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analysis.crossfit import Rows, cheapest_within, cross_fit_cascade, split

# The cheap model is right where its signal is high, the expensive one always.
SIGNAL = [i / 20 for i in range(20)]
CHEAP = [0.0] * 8 + [1.0] * 12


def clear(**more):
    facts = {"cheap_cost": [1.0] * 20, "expensive_score": [1.0] * 20, "expensive_cost": [5.0] * 20}
    return Rows(SIGNAL, CHEAP, **{**facts, **more})


def noise(n, seed):
    """Both models right at random, and a signal that knows nothing."""
    random = np.random.default_rng(seed)
    scores = [(random.random(n) < p).astype(float) for p in (0.7, 0.8)]
    return Rows(random.random(n), scores[0], np.ones(n), scores[1], np.full(n, 2.0))


def net_benefit(worth):
    """Choose what makes the most of score × worth less cost."""
    return lambda quality, cost: int((worth * quality - cost).argmax())


def test_a_signal_that_knows_is_found_and_pays():
    """By hand: 8 of 20 escalate at 5, all pay 1 and a gate of ½: 3.5 a case for all right."""
    found = cross_fit_cascade(clear(gate_cost=0.5), cheapest_within(0.0), seed=1)
    assert (found.escalates, found.threshold) == ("below", 0.4)
    assert found.quality.value == 1
    assert found.cost.value == pytest.approx(3.5, abs=0.3)
    assert found.position.side == "above"


def test_the_fold_of_a_case_has_no_say_in_its_threshold():
    """The case next below the threshold is kept when it is held out only if others allow it."""
    lone = Rows([0.1, 0.2, 0.3, 0.9], [0, 1, 1, 1], [1] * 4, [1] * 4, [9] * 4)
    found = cross_fit_cascade(lone, cheapest_within(0.0), seed=1, folds=4)
    assert found.quality.value == 0.75
    assert found.quality_optimism == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("worth", "escalates"), [(0.0, "never"), (100.0, "always")], ids=["worthless", "priceless"]
)
def test_what_an_answer_is_worth_decides_when_to_escalate(worth, escalates):
    everywhere = Rows(SIGNAL, [0.0] * 20, [1.0] * 20, [1.0] * 20, [5.0] * 20)
    found = cross_fit_cascade(everywhere, net_benefit(worth), seed=1)
    assert (found.escalates, found.threshold) == (escalates, None)
    assert found.escalated == (escalates == "always")


def test_fitting_to_noise_is_optimistic_and_holding_out_is_not():
    """One hundred suites of fifty cases: what the best threshold gains in-sample is not there."""
    found = [
        cross_fit_cascade(noise(50, seed), net_benefit(13.0), seed=seed) for seed in range(100)
    ]
    optimism = np.mean([13 * one.quality_optimism + one.cost_optimism for one in found])
    assert optimism > 0.4


def test_a_gate_that_cannot_say_escalates():
    signal = [None if i < 8 else 0.9 for i in range(20)]
    rows = Rows(signal, CHEAP, [1.0] * 20, [1.0] * 20, [5.0] * 20)
    found = cross_fit_cascade(rows, cheapest_within(0.0), seed=1)
    assert (found.escalates, found.threshold, found.escalated) == ("below", 0.9, 0.4)


def test_repeats_of_a_case_count_as_one_case():
    twice = Rows(
        np.repeat(SIGNAL, 2), np.repeat(CHEAP, 2), [1.0] * 40, [1.0] * 40, [5.0] * 40,
        cases=np.repeat(np.arange(20), 2).tolist(),
    )  # fmt: skip
    once, again = (cross_fit_cascade(r, cheapest_within(0.0), seed=1) for r in (clear(), twice))
    assert again == once


def test_the_models_alone_stand_beside_the_cascade():
    found = cross_fit_cascade(clear(gate_cost=0.5), net_benefit(1.0), seed=1)
    assert found.cheap.at == (1.0, 0.6)
    assert found.expensive.at == (5.0, 1.0)


def test_an_incomplete_row_is_left_out_and_counted():
    costs = [None, *[5.0] * 19]
    found = cross_fit_cascade(clear(expensive_cost=costs), net_benefit(1.0), seed=1)
    assert (found.missing, found.quality.n) == (1, 19)


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (Rows([], [], [], [], []), "no cases"),
        (Rows([1], [None], [1], [1], [1]), "no cases"),
        (Rows([1], [1], [1], [1], [1]), "only one cluster"),
        (Rows([1, 2], [1, 0], [1, 1], [1, 1], [1, 1], clusters="aa"), "only one cluster"),
    ],
    ids=["empty", "missing", "one case", "one cluster"],
)
def test_a_cascade_that_cannot_be_held_out_says_why(rows, why):
    found = cross_fit_cascade(rows, net_benefit(1.0), seed=1)
    assert (found.why, found.quality.value, found.escalates) == (why, None, None)


@given(st.lists(st.integers(0, 8), max_size=40), st.integers(1, 7), st.integers(0, 9))
def test_a_split_keeps_clusters_whole_and_folds_even(labels, folds, seed):
    codes = np.unique(np.array(labels, dtype=int), return_inverse=True)[1]
    fold = split(codes, folds=folds, seed=seed)
    fold_of = dict(zip(codes.tolist(), fold.tolist(), strict=True))
    assert [fold_of[code] for code in codes.tolist()] == fold.tolist()
    sizes = np.bincount(list(fold_of.values())) if fold_of else np.zeros(1)
    assert sizes.max() - sizes.min() <= 1


row = st.tuples(
    st.none() | st.sampled_from([0.1, 0.5, 0.9]), *[st.sampled_from([None, 0.0, 0.5, 1.0])] * 4
)


@given(st.lists(row, max_size=15), st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_a_cascade_costs_between_the_cheap_model_and_both(rows, seed):
    columns = [list(column) for column in zip(*rows, strict=True)] or [[]] * 5
    found = cross_fit_cascade(Rows(*columns), net_benefit(1.0), seed=seed)
    if found.why:
        assert found.quality.value is None
    else:
        assert found.cheap.cost - 1e-9 <= found.cost.value
        assert found.cost.value <= found.cheap.cost + found.expensive.cost + 1e-9
        assert 0 <= found.escalated <= 1


def test_clusters_may_be_named_by_anything():
    names = [("suite", i // 2) if i % 2 else None for i in range(20)]
    assert cross_fit_cascade(clear(clusters=names), net_benefit(1.0), seed=1).cost.clusters == 20
