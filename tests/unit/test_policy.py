"""How long the API is waited for, and when it counts as not there: without a clock."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.backends.policy import Outage, Policy
from harness.backends.wire import Fault

OUTAGE = Policy(outage_errors=20, unreached_s=3, outage_s=60)


@pytest.mark.parametrize(
    ("reached", "errors", "seconds", "certain"),
    [
        (False, 20, 3, True),
        (False, 20, 2, False),
        (False, 19, 99, False),
        (True, 20, 59, False),
        (True, 20, 60, True),
        (True, 500, 10, False),
    ],
)
def test_an_outage_is_certain_after_enough_errors_and_time(
    reached: bool, errors: int, seconds: float, certain: bool
):
    outage = Outage(OUTAGE)
    if reached:
        outage.heard()
    for _ in range(errors):
        outage.failed(100.0)
    assert outage.certain(100.0 + seconds) is certain


@given(st.integers(0, 10_000), st.integers(0, 2**32))
def test_a_pause_is_never_longer_than_the_longest_nor_shorter_by_a_quarter(n: int, seed: int):
    policy, fault = Policy(), Fault("x", "x", retry=True)
    expected = min(0.5 * 2.0 ** min(n, 30), 30.0)
    assert 0.75 * expected <= policy.delay(n, fault, Random(seed)) <= expected
