"""A share that is remembered for about as many requests as it says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.backends.share import SAMPLE, Share


@given(st.lists(st.booleans()))
def test_a_share_stays_between_none_and_all(kinds: list[bool]) -> None:
    share = Share()
    for of_the_kind in kinds:
        share.add() if of_the_kind else share.fade()
    assert 0 <= share.value < 1


def test_a_share_that_lasts_is_found() -> None:
    share = Share()
    for _ in range(20 * SAMPLE):
        share.add()
        share.fade()
    assert share.value == pytest.approx(0.5, abs=0.02)


def test_what_is_forgotten_counts_no_more() -> None:
    share = Share()
    share.add()
    share.forget()
    assert share.value == 0
