"""What stands on the terminal at the end of a run."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from rich.console import Console

from harness.analysis.compare import compare
from harness.analysis.comparison import Comparison, GateVerdict
from harness.records import UNKNOWN_USAGE, Bill, Call, Candidate, Result, Run, TrialId
from reports.terminal import print_summary

Printed = Callable[..., str]


@pytest.fixture
def printed() -> Printed:
    def show(comparison: Comparison, **options: object) -> str:
        out = io.StringIO()
        print_summary(Console(file=out), comparison, **options)  # type: ignore[arg-type]
        return out.getvalue()

    return show


def test_the_summary_compares_the_candidates(comparison: Comparison, printed: Printed) -> None:
    text = printed(comparison)
    assert "haiku" in text
    assert "33 % (2–94)" in text
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


def test_a_missing_price_is_said_with_its_model(
    a_run: Callable[..., Run],
    a_result: Callable[..., Result],
    a_call: Callable[..., Call],
    printed: Printed,
) -> None:
    text = printed(compare(a_run(), [a_result(calls=(a_call(dollars=None),))]))
    assert "Cost: –, of which this run paid – (no price for claude-haiku-4-5-20251001)" in text


def test_an_unknown_usage_is_not_called_an_unknown_price(
    a_run: Callable[..., Run],
    a_result: Callable[..., Result],
    a_call: Callable[..., Call],
    printed: Printed,
) -> None:
    lost = a_result(calls=(a_call(dollars=None, usage=UNKNOWN_USAGE),))
    text = printed(compare(a_run(), [lost]))
    assert "this run paid – (usage unknown for 1 answer)\n" in text


def test_missing_trials_are_told_with_their_candidates_and_reason(
    comparison: Comparison, printed: Printed
) -> None:
    line = "Missing: 1 of 6 trials (sonnet 1 of 3); 1 overloaded_error (529 after 5 attempts)"
    assert line in printed(comparison)


def test_gates_that_are_not_judged_are_one_line(comparison: Comparison, printed: Printed) -> None:
    detail = "not judged: 12 of 60 cases selected"
    gate = GateVerdict("s", "pass_rate", "haiku", "inconclusive", detail, judged=False)
    text = printed(replace(comparison, gates=(gate,) * 14))
    assert "14 gates not judged: 12 of 60 cases selected\n" in text
    assert text.count("not judged") == 1


@pytest.mark.parametrize(
    ("shard", "line"),
    [
        pytest.param((2, 4), "no trials in this shard", id="an empty shard"),
        pytest.param(None, "no trials\n", id="nothing selected"),
    ],
)
def test_a_run_without_trials_says_so(
    a_run: Callable[..., Run], printed: Printed, shard: tuple[int, int] | None, line: str
) -> None:
    run = a_run(planned={}, candidates=(), invocation={"shard": shard})
    text = printed(compare(run, []))
    assert line in text
    assert "per pass" not in text


def test_one_pending_trial_is_a_trial(a_run: Callable[..., Run], printed: Printed) -> None:
    run = a_run(planned={"haiku": 1})
    text = printed(compare(run, []), store="other.db")
    assert "Pending: 1 trial; go on with harness resume 20261021-a1b2 --store other.db" in text


def test_an_answer_that_took_several_attempts_is_noted(
    a_run: Callable[..., Run],
    a_result: Callable[..., Result],
    a_call: Callable[..., Call],
    printed: Printed,
) -> None:
    run = a_run(planned={"haiku": 1})
    text = printed(compare(run, [a_result(calls=(a_call(attempts=3),))]))
    assert "haiku: 1 retried" in text


LONG = [f"claude-with-a-very-long-name-{n}-20251001/prompt-variant-{n % 3}" for n in range(9)]


@pytest.fixture
def nine(a_run: Callable[..., Run], a_result: Callable[..., Result]) -> Comparison:
    run = a_run(
        candidates=tuple(Candidate(name, "m") for name in LONG), planned=dict.fromkeys(LONG, 3)
    )
    return compare(run, [a_result(f"c{n}", candidate=name) for name in LONG for n in range(3)])


@pytest.mark.parametrize("width", [40, 60, 80, 100, 160])
def test_a_narrow_terminal_crops_no_number(nine: Comparison, width: int) -> None:
    out = io.StringIO()
    print_summary(Console(file=out, width=width, force_terminal=True, color_system=None), nine)
    table = out.getvalue().split(f"{nine.candidates[0].name} is level")[0]
    words = re.split(r"\s{2,}|\n", table)
    for cell in (
        "100 % (14–100)",
        "1.00",
        "$0.0013",
        "$0.00042",
        "360",
        "12",
        "0.42 s",
        "tokens in",
    ):
        assert words.count(cell) >= (9 if cell[0] != "t" else 1), cell
    assert max(map(len, table.splitlines())) <= width


def test_who_is_better_is_said(comparison: Comparison, printed: Printed) -> None:
    assert "haiku and sonnet cannot be compared: 1 of 3 trials of sonnet" in printed(comparison)


def test_a_pipe_gets_every_name_whole(nine: Comparison, printed: Printed) -> None:
    text = printed(nine)
    assert [line.split()[0] for line in text.splitlines()[1:10]] == LONG


def test_what_a_stopped_run_has_paid_for_is_told_in_all(
    comparison: Comparison, printed: Printed
) -> None:
    run = replace(comparison.run, paid=Bill(Decimal("0.5")))
    stopped = replace(comparison, run=run)
    told = "Cost: $0.0021 for the trials that have ended; this run paid $0.50 in all"
    assert told in printed(stopped)
