"""Adjusted p-values, against published worked examples."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.multiplicity import benjamini_hochberg, holm

# Benjamini and Hochberg 1995, section 3.2: fifteen hypotheses of a trial on infarction.
INFARCTION = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
    0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000,
]  # fmt: skip

p_values = st.lists(st.floats(0, 1), max_size=12)


def test_holms_worked_example() -> None:
    # The usual example of the method: at .05 only the first and the last are rejected.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02), abs=1e-12)


@pytest.mark.parametrize(("adjust", "rejected"), [(benjamini_hochberg, 4), (holm, 3)])
def test_the_infarction_trial_rejects_as_many_as_published(adjust, rejected: int) -> None:
    assert sum(p <= 0.05 for p in adjust(INFARCTION)) == rejected


def test_a_rate_of_false_discoveries_by_hand() -> None:
    assert benjamini_hochberg([0.03, 0.01, 0.02]) == pytest.approx((0.03, 0.03, 0.03))
    assert benjamini_hochberg([0.9, 0.01]) == pytest.approx((0.9, 0.02))


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
def test_an_unknown_p_stays_unknown_and_counts_as_asked(adjust) -> None:
    assert adjust([0.02, None]) == (0.04, None)


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
def test_of_one_question_or_none_there_is_nothing_to_adjust(adjust) -> None:
    assert adjust([0.3]) == (0.3,)
    assert adjust([]) == ()


@given(p_values)
def test_an_adjusted_p_is_never_smaller_and_holms_is_the_larger(ps: list[float]) -> None:
    for p, discovery, family in zip(ps, benjamini_hochberg(ps), holm(ps), strict=True):
        assert discovery is not None
        assert family is not None
        assert p - 1e-12 <= discovery <= family + 1e-12 <= 1 + 1e-12


@given(st.permutations(INFARCTION), st.sampled_from([holm, benjamini_hochberg]))
def test_the_order_of_questions_is_nothing(ps: list[float], adjust) -> None:
    expected = dict(zip(INFARCTION, adjust(INFARCTION), strict=True))
    assert adjust(ps) == tuple(expected[p] for p in ps)


@given(p_values, st.sampled_from([holm, benjamini_hochberg]))
def test_a_smaller_p_stays_smaller(ps: list[float], adjust) -> None:
    pairs = sorted(zip(ps, adjust(ps), strict=True))
    assert [after for _, after in pairs] == sorted(after for _, after in pairs)
