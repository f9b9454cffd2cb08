"""The second look at a loss: when there is one, what confirms it, and how it reads."""

from __future__ import annotations

import pytest
from snapshot_making import arm, each, run_of

from harness.analysis.baseline import CaseRecord
from harness.analysis.regression import regress
from harness.analysis.regression_confirm import FreshSides, confirmed
from harness.analysis.regression_records import Confirmation, Policy, RegressionVerdict
from harness.analysis.regression_words import detail

OF = 40
Cases = dict[str, CaseRecord]


def first(lost: int, margin: float = 0.03, *, confirm: bool = True) -> RegressionVerdict:
    """The first look at a run that lost so many of its cases."""
    now, before = each("f", lost) | each("p", OF - lost, lost), each("p", OF)
    policies = {"s": Policy(margin, gated=True, confirm=confirm)}
    (found,) = regress(run_of(arm(now)), run_of(arm(before), run="old"), policies).candidates
    return found


def looked(now: Cases, before: Cases, *, lost: int = 10, why: str = "") -> RegressionVerdict:
    """The verdict after a second look that found these cases."""
    clusters = [(name,) for name in now]
    sides = FreshSides(list(now.values()), list(before.values()), clusters, why)
    return confirmed(first(lost), sides)


def seen(found: RegressionVerdict) -> Confirmation:
    assert found.confirmation is not None
    return found.confirmation


def test_a_loss_waits_for_its_second_look() -> None:
    found = first(10)
    assert (found.verdict, found.why) == ("inconclusive", "the second look has not ended")
    assert seen(found).alarmed is None
    assert first(10, confirm=False).verdict == "regression"


@pytest.mark.parametrize(
    ("lost", "margin"), [(1, 0.03), (10, 0.5)], ids=["too few lost", "inside the margin"]
)
def test_what_is_no_regression_anyway_needs_no_second_look(lost: int, margin: float) -> None:
    found, plain = first(lost, margin), first(lost, margin, confirm=False)
    assert (found, found.confirmation) == (plain, None)


def test_the_first_look_alarms_before_a_loss_is_certain() -> None:
    lost = next(n for n in range(OF) if first(n).confirmation is not None)
    assert first(lost, confirm=False).verdict == "inconclusive"


@pytest.mark.parametrize(
    ("lost", "verdict", "why"),
    [(10, "regression", ""), (0, "inconclusive", "the alarm did not repeat")],
    ids=["again", "not again"],
)
def test_only_a_loss_that_shows_again_is_a_regression(lost: int, verdict: str, why: str) -> None:
    found = looked(each("f", lost) | each("p", OF - lost, lost), each("p", OF))
    assert (found.verdict, found.why) == (verdict, why)
    assert (seen(found).alarmed, seen(found).n_cases) == (verdict == "regression", OF)


def test_missing_trials_that_do_not_decide_are_counted() -> None:
    now = each("f", 4) | each("-", 4, 4) | each("p", OF - 8, 8)
    found = looked(now, each("p", OF))
    assert (found.verdict, seen(found).missing, seen(found).n_cases) == ("regression", 4, OF - 4)
    assert ", 4 trials missing, both sides asked again" in detail(found)


def test_missing_trials_that_decide_leave_it_open() -> None:
    before = each("p", OF - 4) | each("-", 4, OF - 4)
    found = looked(each("f", 5) | each("p", OF - 5, 5), before)
    assert found.why == "how the missing trials of the second look would have ended decides"
    assert found.verdict == "inconclusive"


def test_both_looks_are_told() -> None:
    found = looked(each("f", 10) | each("p", OF - 10, 10), each("p", OF))
    said = detail(found)
    assert "worse than the baseline, twice; first look: at most −" in said
    assert "second look: −25.0 points (" in said
    assert said.endswith("in 40 cases, both sides asked again")


def test_a_stored_side_is_told_with_what_it_costs() -> None:
    found = looked(each("f", 10) | each("p", OF - 10, 10), each("p", OF), why="it is a file")
    told = "beside the stored baseline, since it is a file: false alarms are about 3 %, not 1 %"
    assert (seen(found).baseline_fresh, told in detail(found)) == (False, True)
