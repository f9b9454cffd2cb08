"""run.json and trials.jsonl."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest

from harness.analysis.compare import compare
from harness.analysis.comparison import Comparison
from harness.records import Bill, Call, Candidate, Outcome, Result, Run
from reports.json_report import RunJson, TrialsJsonl, run_document

Make = Callable[..., Result]
Line = Callable[[Result], dict[str, Any]]


def run_json(comparison: Comparison) -> str:
    file = io.BytesIO()
    RunJson(file, comparison).finish()
    return file.getvalue().decode()


@pytest.fixture
def line(comparison: Comparison) -> Line:
    def write(result: Result) -> dict[str, Any]:
        file = io.BytesIO()
        TrialsJsonl(file, comparison).add(result)
        document: dict[str, Any] = json.loads(file.getvalue())
        return document

    return write


def test_the_whole_run_json(comparison: Comparison, golden: Callable[[str, str], None]) -> None:
    golden("run.json", run_json(comparison))


def test_dollars_are_exact_numbers(comparison: Comparison) -> None:
    document = json.loads(run_json(comparison), parse_float=Decimal)
    assert document["candidates"][0]["cost_usd"]["total"] == Decimal("0.00126")


def test_an_unknown_price_is_null(
    a_run: Callable[..., Run], a_result: Make, a_call: Callable[..., Call]
) -> None:
    document = json.loads(run_json(compare(a_run(), [a_result(calls=(a_call(dollars=None),))])))
    assert document["candidates"][0]["cost_usd"]["total"] is None


def test_times_are_utc(comparison: Comparison) -> None:
    east = datetime(2026, 10, 21, 14, tzinfo=timezone(timedelta(hours=2)))
    run = replace(comparison.run, started_at=east, finished_at=None)
    document = json.loads(run_json(replace(comparison, run=run)))
    assert document["run"]["started_at"] == "2026-10-21T12:00:00Z"
    assert document["run"]["finished_at"] is None


def test_parameters_beyond_64_bits_are_still_written(a_run: Callable[..., Run]) -> None:
    run = a_run(candidates=(Candidate("big", "m", MappingProxyType({"seed": 2**80})),))
    document = json.loads(run_json(compare(run, [])))
    assert document["candidates"][0]["params"] == {"seed": 2**80}
    assert document["candidates"][0]["cost_usd"]["total"] == 0


def test_a_line_holds_the_trial_its_calls_and_grades(line: Line, a_result: Make) -> None:
    document = line(a_result())
    assert document["trial"] == "support-triage/charged-twice[haiku-r1]"
    assert document["messages"] == [{"role": "user", "content": "I was charged twice."}]
    assert document["grades"][0]["name"] == "equals"
    assert document["calls"][0]["answer"]["content"] == [{"type": "text", "text": "billing"}]
    assert document["calls"][0]["cost_usd"]["total"] == "0.00042"


def test_a_missing_trial_says_why(line: Line, results: list[Result]) -> None:
    document = line(next(r for r in results if r.outcome is Outcome.ERRORED))
    assert document["missing"]["kind"] == "overloaded_error"
    assert document["score"] is None


@pytest.mark.parametrize(
    "zone",
    [
        pytest.param(UTC, id="UTC"),
        pytest.param(timezone(timedelta(hours=2)), id="another zone"),
        pytest.param(None, id="no zone"),
    ],
)
def test_the_time_of_an_answer_is_utc(
    line: Line, a_result: Make, a_call: Callable[..., Call], zone: timezone | None
) -> None:
    hour = 14 if zone not in (UTC, None) else 12
    call = a_call(answered_at=datetime(2026, 10, 21, hour, tzinfo=zone))
    document = line(a_result(calls=(call,)))
    assert document["calls"][0]["answer"]["answered_at"] == "2026-10-21T12:00:00Z"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("\ud83d", id="half a character"),
        pytest.param("a\u2028b\nc", id="line separators"),
        pytest.param("\x1b[31m", id="control characters"),
    ],
)
def test_an_answer_is_kept_as_it_was(line: Line, a_result: Make, text: str) -> None:
    assert line(a_result(text=text))["calls"][0]["answer"]["content"][0]["text"] == text


def test_a_huge_number_in_a_tool_call_loses_no_digit(
    line: Line, a_result: Make, a_call: Callable[..., Call]
) -> None:
    block = {"type": "tool_use", "id": "t", "name": "pay", "input": {"cents": 10**30}}
    document = line(a_result(calls=(a_call(content=(block,)),)))
    assert document["calls"][0]["answer"]["content"][0]["input"]["cents"] == 10**30
    assert document["calls"][0]["cost_usd"]["total"] == "0.00042"


def test_the_run_tells_its_budget_and_what_it_has_paid(comparison: Comparison):
    paid = Bill(Decimal("0.5"))
    asked = replace(comparison.run, invocation={"budget": "2.50"}, paid=paid)
    document = run_document(replace(comparison, run=asked))
    assert document["run"]["budget_usd"] == Decimal("2.50")
    assert document["run"]["paid_usd"] == Decimal("0.5")
    assert run_document(comparison)["run"]["budget_usd"] is None
