"""What stands on the terminal at the end of a run."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from harness.analysis.compare import compare
from harness.analysis.comparison import Comparison, GateVerdict
from harness.records import Call, Result, Run, TrialId
from reports.terminal import print_summary

Printed = Callable[..., str]


@pytest.fixture
def printed() -> Printed:
    def show(comparison: Comparison, **options: object) -> str:
        out = io.StringIO()
        print_summary(Console(file=out, width=100), comparison, **options)  # type: ignore[arg-type]
        return out.getvalue()

    return show


def test_the_summary_compares_the_candidates(comparison: Comparison, printed: Printed) -> None:
    text = printed(comparison)
    assert "haiku" in text
    assert "33.3 %" in text
    assert "1 errored" in text


def test_it_says_what_was_paid_now_and_what_the_answers_cost(
    comparison: Comparison, printed: Printed
) -> None:
    assert "Cost: $0.0021, of which this run paid $0.0017" in printed(comparison)


def test_it_says_where_to_look_next(comparison: Comparison, printed: Printed) -> None:
    failure = TrialId("support-triage", "angry", "haiku")
    text = printed(comparison, folder=Path("out"), failure=failure)
    assert f"Report: {Path('out/report.html')}" in text
    assert "harness show 20261021-a1b2 'support-triage/angry[haiku-r1]'" in text


@pytest.mark.parametrize("simulated", [True, False])
def test_a_simulated_run_says_so(comparison: Comparison, printed: Printed, simulated: bool) -> None:
    shown = printed(replace(comparison, run=replace(comparison.run, simulated=simulated)))
    assert ("nothing here came from Claude" in shown) is simulated


def test_a_gate_that_failed_is_named(comparison: Comparison, printed: Printed) -> None:
    gate = GateVerdict("support-triage", "pass_rate", "haiku", "fail", "33.3 %, at least 85 %")
    text = printed(replace(comparison, gates=(gate,)))
    assert "fail: support-triage pass_rate [haiku]: 33.3 %, at least 85 %" in text


def test_trials_that_have_not_ended_are_pending(
    a_run: Callable[..., Run], a_result: Callable[..., Result], printed: Printed
) -> None:
    assert "Pending: 5 trials" in printed(compare(a_run(), [a_result()]))


def test_names_are_text_and_not_markup(a_run: Callable[..., Run], printed: Printed) -> None:
    comparison = compare(a_run(), [])
    named = replace(comparison.candidates[0], name="[bold]a\x1b[2J[/bold]")
    assert r"[bold]a\x1b[2J[/bold]" in printed(replace(comparison, candidates=(named,)))


def test_an_unknown_price_is_said_in_words(
    a_run: Callable[..., Run],
    a_result: Callable[..., Result],
    a_call: Callable[..., Call],
    printed: Printed,
) -> None:
    text = printed(compare(a_run(), [a_result(calls=(a_call(dollars=None),))]))
    assert "Cost: –, of which this run paid – (the price of a model is not known)" in text
