"""What is said of a run beside its tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.analysis.compare import compare
from harness.analysis.comparison import Comparison, GateVerdict
from harness.records import Candidate, Missing, Outcome, Result, Run
from reports import sentences, tables

Make = Callable[..., Result]


def lost(make: Make, case: str, kind: str, reason: str, **more: object) -> Result:
    outcome = Outcome.ERRORED
    missing = Missing(kind, reason)
    return make(case, outcome=outcome, calls=(), missing=missing, reason=reason, **more)


def test_kinds_of_missing_trials_are_counted_over_candidates(
    a_run: Callable[..., Run], a_result: Make
) -> None:
    results = [
        lost(a_result, "a", "timeout", "no answer in 60 s"),
        lost(a_result, "b", "api_error", "500"),
        lost(a_result, "a", "timeout", "no answer in 60 s", candidate="sonnet"),
        a_result("c", outcome=Outcome.UNGRADED, reason="rubric: no verdict"),
    ]
    rows = tables.missing_table(compare(a_run(), results)).rows
    assert rows == (
        ("timeout", "no answer in 60 s", "haiku 1, sonnet 1", "2"),
        ("api_error", "500", "haiku 1", "1"),
        ("ungraded", "rubric: no verdict", "haiku 1", "1"),
    )


def test_a_reason_that_may_not_be_that_of_all_is_an_example(
    a_run: Callable[..., Run], a_result: Make
) -> None:
    results = [lost(a_result, case, "tool_error", f"it {case}") for case in ("hangs", "breaks")]
    results.append(lost(a_result, "hangs", "api_error", "500"))
    results.append(lost(a_result, "hangs", "api_error", "500", candidate="sonnet"))
    said = sentences.missing_trials(compare(a_run(), results))
    assert said.endswith("; 2 tool_error (for example: it breaks), 2 api_error (500)")


def test_a_long_reason_ends_after_a_whole_word(a_run: Callable[..., Run], a_result: Make) -> None:
    reason = "connection refused " * 20
    comparison = compare(a_run(), [lost(a_result, "a", "connection", reason)])
    assert sentences.missing_trials(comparison).endswith("connection refused …)")


def test_too_many_missing_trials_are_told_with_their_number(comparison: Comparison) -> None:
    assert sentences.why_not_judged(comparison) == (
        "too many trials are missing to judge: 1 of 6 trials (sonnet 1 of 3); "
        "1 overloaded_error (529 after 5 attempts)"
    )


def test_a_gate_without_a_figure_is_not_called_missing_trials(
    a_run: Callable[..., Run], a_result: Make
) -> None:
    comparison = compare(a_run(planned={"haiku": 1}), [a_result()])
    gate = GateVerdict("s", "cost_usd", "haiku", "invalid", "unknown, wanted at most $2")
    assert sentences.why_not_judged(replace(comparison, gates=(gate,))) == (
        "1 gate could not be checked: s cost_usd [haiku]: unknown, wanted at most $2"
    )


def test_many_candidates_are_not_all_listed(a_run: Callable[..., Run], a_result: Make) -> None:
    names = [f"m{n}" for n in range(9)]
    run = a_run(candidates=tuple(Candidate(n, n) for n in names), planned=dict.fromkeys(names, 1))
    results = [lost(a_result, "a", "api_error", "500", candidate=name) for name in names]
    assert "m3 1 of 1 and 5 more)" in sentences.missing_trials(compare(run, results))


def test_nothing_missing_is_nothing_said(a_run: Callable[..., Run], a_result: Make) -> None:
    comparison = compare(a_run(planned={"haiku": 1}), [a_result()])
    assert sentences.missing_trials(comparison) == sentences.why_not_judged(comparison) == ""


@pytest.mark.parametrize("judged", [True, False])
def test_a_gate_that_was_not_judged_is_not_inconclusive(
    comparison: Comparison, judged: bool
) -> None:
    gate = GateVerdict("s", "pass_rate", "haiku", "inconclusive", "", judged=judged)
    said = sentences.verdict(replace(comparison, gates=(gate,)))
    assert said == f"Gates: 1 {'inconclusive' if judged else 'not judged'}"
