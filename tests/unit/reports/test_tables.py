"""Rows and columns of the tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from harness.analysis.compare import compare
from harness.analysis.comparison import Comparison, Estimate, GateVerdict
from harness.records import Result, Run, TrialId
from reports import sentences, tables
from reports.commands import Commands

Make = Callable[..., Result]


def test_a_candidate_is_a_row(comparison: Comparison) -> None:
    table = tables.comparison_table(comparison)
    haiku = dict(zip(table.columns, table.rows[0], strict=True))
    assert haiku["passed"] == "33 % (2–94)"
    assert haiku["cases"] == "3"
    assert haiku["cost"] == "$0.0013"
    assert haiku["flags"] == "1 refused"


def test_what_is_missing_has_a_column_only_where_something_is(
    comparison: Comparison, a_run: Callable[..., Run], a_result: Make
) -> None:
    complete = compare(a_run(planned={"haiku": 1}), [a_result()])
    assert "missing" in tables.comparison_table(comparison).columns
    assert "missing" not in tables.comparison_table(complete).columns


def test_an_unknown_price_shows_as_unknown(
    a_run: Callable[..., Run], a_result: Make, a_call: Callable[..., object]
) -> None:
    table = tables.comparison_table(compare(a_run(), [a_result(calls=(a_call(dollars=None),))]))
    assert table.rows[0][table.columns.index("cost")] == "–"


def test_a_tag_is_a_row_and_a_candidate_a_column(comparison: Comparison) -> None:
    table = tables.by_tag_table(comparison)
    assert table.columns == ("tag", "cases", "haiku", "sonnet")
    assert table.rows[0] == (
        *("billing", "3"),
        *("33 % (2–94) · $0.00042", "100 % (1–100) (n=2) · $0.00042"),
    )
    assert table.rows[1][2] == "–"


@pytest.mark.parametrize(
    ("found", "size"),
    [
        pytest.param(Estimate(0.5, None, None, 1200, 1200, 1), "1,200", id="cases alone"),
        pytest.param(Estimate(0.5, None, None, 40, 9, 1), "40 in 9 clusters", id="clusters"),
        pytest.param(Estimate(0.5, None, None, 40, 40, 3), "40 × 3", id="repeats"),
    ],
)
def test_what_a_figure_is_of_stands_beside_it(found: Estimate, size: str) -> None:
    assert tables.sample_size(found) == size


def test_a_suite_and_candidate_is_a_row(comparison: Comparison) -> None:
    rows = tables.by_suite_table(comparison).rows
    assert [row[:2] for row in rows] == [("support-triage", "haiku"), ("support-triage", "sonnet")]


def test_the_total_is_unknown_when_one_price_is(comparison: Comparison) -> None:
    first, *rest = comparison.candidates
    unknown = replace(first, cost_usd=replace(first.cost_usd, total=None))
    total, spent = sentences.total_cost(replace(comparison, candidates=(unknown, *rest)))
    assert total is None
    assert spent == Decimal("0.00168")


@pytest.mark.parametrize(
    ("verdicts", "line"),
    [
        pytest.param([], "", id="no gates"),
        pytest.param(["pass", "pass"], "Gates: 2 passed", id="all hold"),
        pytest.param(
            ["pass", "fail", "inconclusive"], "Gates: 1 failed, 1 inconclusive, 1 passed", id="some"
        ),
    ],
)
def test_the_verdict_counts_the_gates(
    comparison: Comparison, verdicts: list[str], line: str
) -> None:
    gates = tuple(GateVerdict("s", "pass_rate", "haiku", v, "") for v in verdicts)  # type: ignore[arg-type]
    assert sentences.verdict(replace(comparison, gates=gates)) == line


def test_gates_that_did_not_pass_come_first(comparison: Comparison) -> None:
    gates = tuple(GateVerdict("s", "g", "haiku", v, "") for v in ("pass", "fail"))  # type: ignore[arg-type]
    assert tables.gates_table(replace(comparison, gates=gates)).rows[0][0] == "fail"


def test_the_command_for_a_transcript_is_quoted() -> None:
    command = Commands("latest").show(TrialId("s", "it's", "haiku"))
    assert command == """harness show latest 's/it'"'"'s[haiku-r1]'"""
