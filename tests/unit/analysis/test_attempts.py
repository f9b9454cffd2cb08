"""What is kept of a trial in its case: its dollars, judges included, and what it came to."""

from __future__ import annotations

from decimal import Decimal

import pytest
from routing_making import gathered, make_call, make_trial

from harness.analysis.attempts import CaseFigures, CaseKey, answers_and_judges, count
from harness.analysis.tally import Tally
from harness.records import Call, Outcome, Result, TrialId

ANSWER, JUDGE = make_call("0.1"), make_call("0.02", purpose="judge")
RIVAL, UNPRICED = make_call("5", purpose="rival"), make_call(None, purpose="judge")


def counted(*results: Result) -> CaseFigures:
    """The case that these results are of."""
    cases: dict[CaseKey, CaseFigures] = {}
    for result in results:
        count(cases, result, *answers_and_judges(result))
    (case,) = cases.values()
    return case


@pytest.mark.parametrize(
    ("calls", "dollars"),
    [
        pytest.param((ANSWER,), "0.1", id="answer"),
        pytest.param((ANSWER, JUDGE, JUDGE), "0.14", id="judges"),
        pytest.param((ANSWER, ANSWER, JUDGE, RIVAL), "0.22", id="no rivals"),
        pytest.param((ANSWER, UNPRICED), None, id="unknown"),
        pytest.param((), "0", id="nothing asked"),
    ],
)
def test_a_case_costs_its_answers_and_their_judges(
    calls: tuple[Call, ...], dollars: str | None
) -> None:
    case = counted(make_trial("haiku", 1, passed=True, calls=calls))
    assert case.dollars == (None if dollars is None else Decimal(dollars))
    assert case.asked is bool(calls)


def test_an_attempt_costs_its_answers_alone() -> None:
    case = counted(make_trial("haiku", 1, passed=True, calls=(ANSWER, ANSWER, JUDGE)))
    (attempt,) = case.attempts
    assert attempt.bill is not None
    assert attempt.bill.total == Decimal("0.2")


def test_an_attempt_that_broke_off_has_no_bill_but_its_dollars_count() -> None:
    broken = Result(TrialId("s", "c1", "haiku", 2), Outcome.ERRORED, None, calls=(ANSWER,))
    case = counted(make_trial("haiku", 1, passed=False, calls=(ANSWER,)), broken)
    assert (case.attempts[1].bill, case.missing, case.dollars) == (None, 1, Decimal("0.2"))


def test_whoever_gathers_the_results_finds_the_same_dollars() -> None:
    result = make_trial("haiku", 1, passed=True, calls=(ANSWER, JUDGE))
    tally = Tally()
    tally.add(result)
    (case,) = tally.cases.values()
    assert list(gathered([result]).columns["haiku"].spent) == [float(case.dollars or 0)] == [0.12]
