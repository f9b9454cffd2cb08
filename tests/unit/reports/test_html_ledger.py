"""What the page gathers from the trials: dollars and tokens by who caused them, and latencies."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

import pytest

from harness.analysis.compare import compare
from harness.records import Call, Result, Run
from reports.html_ledger import Ledger

Make = Callable[..., Result]
MakeCall = Callable[..., Call]


def for_purpose(call: Call, purpose: str) -> Call:
    return dataclasses.replace(call, request=dataclasses.replace(call.request, purpose=purpose))


def gathered(results: Iterable[Result]) -> Ledger:
    ledger = Ledger()
    for result in results:
        ledger.add(result)
    return ledger


@pytest.fixture
def page(a_run: Callable[..., Run]) -> Callable[[list[Result]], str]:
    def drawn(results: list[Result]) -> str:
        return "".join(gathered(results).sections(compare(a_run(), results)))

    return drawn


def test_calls_are_told_apart_by_who_caused_them(a_result: Make, a_call: MakeCall) -> None:
    calls = (a_call(), for_purpose(a_call(), "judge"), for_purpose(a_call(reused=True), "rival"))
    table = gathered([a_result(calls=calls)]).causes_table(["haiku"])
    assert [(row[1], row[2], row[3], *row[-2:]) for row in table.rows] == [
        ("answers", "1", "0", "$0.00042", "$0"),
        ("judges", "1", "0", "$0.00042", "$0"),
        ("rivals", "1", "1", "$0", "$0.00042"),
    ]


def test_the_bar_of_a_candidate_has_its_parts(
    page: Callable[[list[Result]], str], a_result: Make, a_call: MakeCall
) -> None:
    calls = (a_call(), for_purpose(a_call(), "judge"))
    assert "haiku, judges: $0.00042" in page([a_result(calls=calls)])


def test_a_candidate_with_an_unknown_price_has_no_bar(
    page: Callable[[list[Result]], str], a_result: Make, a_call: MakeCall
) -> None:
    known = a_result(candidate="sonnet")
    drawn = page([a_result(calls=(a_call(), a_call(dollars=None))), known])
    assert "1 candidate without a known sum" in drawn
    assert "haiku, answers:" not in drawn


def test_attempts_that_failed_are_told(
    page: Callable[[list[Result]], str], a_result: Make, a_call: MakeCall
) -> None:
    assert "1 answer took 2 attempts more" in page([a_result(calls=(a_call(attempts=3),))])


def test_latencies_of_live_answers_fall_into_bins(
    page: Callable[[list[Result]], str], a_result: Make, a_call: MakeCall
) -> None:
    calls = [a_call(latency_s=s) for s in (0.41, 0.42, 3.0, None)]
    drawn = page([a_result(str(n), calls=(call,)) for n, call in enumerate(calls)])
    assert "haiku, 0.40 s to 0.50 s: 2 of 3 answers" in drawn


def test_memory_does_not_grow_with_trials(a_result: Make) -> None:
    ledger = gathered(a_result(str(n)) for n in range(500))
    assert len(ledger.caused) == 1
    assert len(ledger.bins["haiku"]) == 1


def test_a_judge_says_nothing_of_the_candidates_latency(a_result: Make, a_call: MakeCall) -> None:
    calls = (a_call(latency_s=None), for_purpose(a_call(), "judge"))
    assert not gathered([a_result(calls=calls)]).bins


def test_a_batch_has_no_latency(
    page: Callable[[list[Result]], str], a_result: Make, a_call: MakeCall
) -> None:
    drawn = page([a_result(calls=(a_call(latency_s=None, mode="batch"),))])
    assert "No live answer" in drawn
