"""trials.csv."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest

from harness.analysis.comparison import Comparison
from harness.records import Call, Outcome, Result
from reports.csv_report import COLUMNS, TrialsCsv

Make = Callable[..., Result]
Rows = Callable[..., list[dict[str, str]]]


@pytest.fixture
def rows(comparison: Comparison) -> Rows:
    def write(*results: Result) -> list[dict[str, str]]:
        file = io.BytesIO()
        report = TrialsCsv(file, comparison)
        for result in results:
            report.add(result)
        report.finish()
        return list(csv.DictReader(io.StringIO(file.getvalue().decode(), newline="")))

    return write


def test_a_trial_is_a_row(rows: Rows, a_result: Make) -> None:
    (row,) = rows(a_result())
    assert tuple(row) == COLUMNS
    assert row["outcome"] == "passed"
    assert row["input_tokens"] == "120"
    assert row["cost_usd"] == "0.00042"
    assert row["latency_s"] == "0.42"
    assert row["reused"] == "false"


def test_what_is_unknown_is_empty(rows: Rows, a_result: Make, a_call: Callable[..., Call]) -> None:
    (row,) = rows(a_result(calls=(a_call(dollars=None, latency_s=None),)))
    assert (row["cost_usd"], row["latency_s"]) == ("", "")


def test_a_trial_without_an_answer_has_no_figures(rows: Rows, a_result: Make) -> None:
    (row,) = rows(a_result(outcome=Outcome.ERRORED, calls=()))
    assert {row[name] for name in ("score", "input_tokens", "cost_usd", "answer")} == {""}


def test_a_reused_answer_was_not_paid_again(
    rows: Rows, a_result: Make, a_call: Callable[..., Call]
) -> None:
    (row,) = rows(a_result(calls=(a_call(reused=True),)))
    assert (row["cost_usd"], row["spent_usd"], row["reused"]) == ("0.00042", "0", "true")


def test_an_answer_runs_nothing_in_a_spreadsheet(rows: Rows, a_result: Make) -> None:
    (row,) = rows(a_result(text='=HYPERLINK("http://evil")\nnext "line", more'))
    assert row["answer"] == '\'=HYPERLINK("http://evil")\nnext "line", more'
