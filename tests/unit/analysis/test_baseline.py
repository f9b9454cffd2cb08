"""Runs as they are compared with others: gathered from results, and laid over each other."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from snapshot_making import arm, case, each, run_of

from harness.analysis.baseline import CaseRecord, clusters_of, overlap, snapshot
from harness.analysis.sidebyside import side_by_side
from harness.records import (
    Answer,
    Bill,
    Call,
    Candidate,
    Outcome,
    Purpose,
    Request,
    Result,
    Run,
    TrialId,
    Usage,
)

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
RUN = Run("r", NOON, "live", "1", "2", "", (), (Candidate("haiku", "m"),), {"haiku": 3})


def result(
    repeat: int,
    outcome: Outcome = Outcome.PASSED,
    *,
    simulated: bool = False,
    purpose: Purpose = "answer",
) -> Result:
    answer = Answer((), "m", "end_turn", Usage(1, 1), NOON, simulated=simulated)
    bill = Bill(Decimal("0.25"))
    call = Call(Request({"model": "m"}, "v", purpose=purpose), answer, bill)
    score = None if outcome.missing else float(outcome is Outcome.PASSED)
    return Result(TrialId("s", "c", "haiku", repeat), outcome, score, calls=(call,), content="h")


def test_repeats_stand_in_their_order_whichever_comes_first() -> None:
    results = [result(1), result(2, Outcome.FAILED), result(3, Outcome.ERRORED)]
    wanted = CaseRecord("h", None, (True, False), (1.0, 0.0), 1)
    for order in itertools.permutations(results):
        assert snapshot(RUN, order).arms["haiku"].cases["s", "c"] == wanted


def test_a_run_costs_what_its_own_calls_cost() -> None:
    found = snapshot(RUN, [result(1), result(2, purpose="judge"), result(3, purpose="rival")])
    assert found.arms["haiku"].cost_usd == Decimal("0.50")


def test_one_simulated_answer_makes_a_run_simulated() -> None:
    assert not snapshot(RUN, [result(1)]).simulated
    assert snapshot(RUN, [result(1), result(2, simulated=True)]).simulated


def test_a_result_of_no_candidate_is_an_error() -> None:
    stray = Result(TrialId("s", "c", "opus"), Outcome.PASSED, 1.0)
    with pytest.raises(ValueError, match="of no candidate"):
        snapshot(RUN, [stray])


def test_missing_repeats_bound_the_share_that_passed() -> None:
    one = case("pf--")
    assert (one.pass_share, one.bound(missing_pass=False), one.bound(missing_pass=True)) == (
        0.5,
        0.25,
        0.75,
    )


def test_a_case_without_a_hash_is_like_no_other() -> None:
    found = overlap(arm({"a": case("p", "")}), arm({"a": case("p", "")}))
    assert (found.identical, found.changed, found.unknown) == ((), (("s", "a"),), 1)


def test_a_case_without_a_cluster_is_its_own() -> None:
    one = arm({"a": case("p", cluster="b"), "b": case("p"), "c": case("p", cluster="b")})
    a, b, c = clusters_of(one, one.cases)
    assert a == c != b


def test_runs_stand_side_by_side_with_the_first_less_each_other() -> None:
    now, old = run_of(arm(each("p", 30))), run_of(arm(each("f", 6) | each("p", 24, 6)), run="old")
    found = side_by_side([now, old, run_of(arm(each("p", 30)), run="older")])
    assert [(one.other, one.difference) for one in found.differences] == [
        ("old", pytest.approx(0.2)),
        ("older", 0.0),
    ]
    assert [showing.pass_rate for showing in found.showings] == [1.0, 0.8, 1.0]


def test_p_allows_for_the_number_of_differences() -> None:
    now = run_of(arm(each("p", 30)))
    others = [run_of(arm(each("f", 6) | each("p", 24, 6)), run=f"r{n}") for n in range(2)]
    one, _ = side_by_side([now, *others]).differences
    assert one.p is not None
    assert one.p_adjusted == pytest.approx(2 * one.p)


def test_two_runs_of_one_candidate_each_are_compared_whatever_their_names() -> None:
    runs = [run_of(arm(each("p", 5), name), run=name) for name in ("haiku", "opus")]
    (one,) = side_by_side(runs).differences
    assert (one.candidate, one.other_candidate) == ("haiku", "opus")
