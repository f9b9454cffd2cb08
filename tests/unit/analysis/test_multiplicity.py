"""Adjusted p-values, against published worked examples."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.multiplicity import holm

# Benjamini and Hochberg 1995, section 3.2: fifteen hypotheses of a trial on infarction.
INFARCTION = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
    0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000,
]  # fmt: skip

p_values = st.lists(st.floats(0, 1), max_size=12)


def test_holms_worked_example() -> None:
    # The usual example of the method: at .05 only the first and the last are rejected.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02), abs=1e-12)


def test_the_infarction_trial_rejects_as_many_as_published() -> None:
    assert sum(p is not None and p <= 0.05 for p in holm(INFARCTION)) == 3


def test_an_unknown_p_stays_unknown_and_counts_as_asked() -> None:
    assert holm([0.02, None]) == (0.04, None)


def test_of_one_question_or_none_there_is_nothing_to_adjust() -> None:
    assert holm([0.3]) == (0.3,)
    assert holm([]) == ()


@given(p_values)
def test_an_adjusted_p_is_never_smaller(ps: list[float]) -> None:
    for p, adjusted in zip(ps, holm(ps), strict=True):
        assert adjusted is not None
        assert p - 1e-12 <= adjusted <= 1


@given(st.permutations(INFARCTION))
def test_the_order_of_questions_is_nothing(ps: list[float]) -> None:
    expected = dict(zip(INFARCTION, holm(INFARCTION), strict=True))
    assert holm(ps) == tuple(expected[p] for p in ps)


@given(p_values)
def test_a_smaller_p_stays_smaller(ps: list[float]) -> None:
    pairs = sorted(zip(ps, holm(ps), strict=True))
    assert [after for _, after in pairs] == sorted(after for _, after in pairs)
