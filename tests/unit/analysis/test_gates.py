"""Gates: what they say of a run, and the exit code."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from harness.analysis.compare import compare
from harness.analysis.comparison import Comparison, GateVerdict
from harness.analysis.gates import exit_code, judge
from harness.records import (
    Answer,
    Bill,
    Call,
    Candidate,
    Gate,
    Outcome,
    Request,
    Result,
    Run,
    SuiteFacts,
    TrialId,
    Usage,
)

NOON = datetime(2026, 10, 21, 12, tzinfo=UTC)
PASSED, FAILED, ERRORED, UNGRADED = Outcome


def trial(number: int, outcome: Outcome, dollars: str | None) -> Result:
    total = None if dollars is None else Decimal(dollars)
    answer = Answer((), "m", "end_turn", Usage(100, 10), NOON, latency_s=1.25)
    call = Call(Request({"model": "m"}, "2026-10-21"), answer, Bill(total, total, total))
    score = None if outcome.missing else float(outcome is PASSED)
    return Result(TrialId("s", f"c{number}", "haiku"), outcome, score, calls=(call,))


def compared(
    metric: str,
    bounds: Mapping[str, float],
    outcomes: tuple[Outcome, ...] = (PASSED, PASSED, FAILED),
    *,
    dollars: str | None = "0.000006",
    total: int | None = None,
    planned: int | None = None,
) -> Comparison:
    count = planned or len(outcomes)
    suite = SuiteFacts(
        "s", "s.yaml", "0", len(outcomes), total, {"haiku": count}, (Gate(metric, bounds),)
    )
    run = Run(
        "r", NOON, "live", "1", "2", "", (suite,), (Candidate("haiku", "m"),), {"haiku": count}
    )
    return compare(run, [trial(n, outcome, dollars) for n, outcome in enumerate(outcomes)])


def verdict(comparison: Comparison) -> GateVerdict:
    (found,) = judge(comparison)
    return found


@pytest.mark.parametrize(
    ("metric", "bounds", "detail"),
    [
        ("pass_rate", {"min": 0.85}, "66.7 %, wanted at least 85 %"),
        ("score", {"min": 0.5, "max": 0.9}, "0.67, wanted at least 0.5 and at most 0.9"),
        ("cost_usd", {"max": 0.01}, "$0.000018, wanted at most $0.01"),
        ("cost_per_pass", {"max": 0.000005}, "$0.0000090, wanted at most $0.000005"),
        ("latency_s", {"max": 2}, "1.25 s, wanted at most 2 s"),
        ("errors", {"max": 0}, "0, wanted at most 0"),
    ],
    ids=str,
)
def test_a_gate_writes_its_figure_as_the_tables_do(
    metric: str, bounds: dict[str, float], detail: str
) -> None:
    assert verdict(compared(metric, bounds)).detail == detail


@pytest.mark.parametrize(
    ("metric", "bounds", "detail"),
    [
        ("score", {"min": 0.67}, "0.6666666666666666, wanted at least 0.67"),
        ("cost_usd", {"max": 0.0000181}, "$0.000018, wanted at most $0.0000181"),
        ("cost_usd", {"max": 0.0000179}, "$0.000018, wanted at most $0.0000179"),
    ],
    ids=["the same digits", "a bound of more digits", "a bound that is missed"],
)
def test_a_figure_next_to_its_bound_does_not_read_as_the_bound(
    metric: str, bounds: dict[str, float], detail: str
) -> None:
    assert verdict(compared(metric, bounds)).detail == detail


def test_a_verdict_carries_its_figures_as_data() -> None:
    found = verdict(compared("cost_usd", {"max": 0.01}))
    assert (found.verdict, found.value, found.bounds) == (
        "pass",
        Decimal("0.000018"),
        {"max": 0.01},
    )


@pytest.mark.parametrize(
    ("options", "detail"),
    [
        pytest.param({"total": 60}, "not judged: 3 of 60 cases selected", id="a selection"),
        pytest.param({"planned": 9}, "not judged: 3 of 9 trials have run", id="stopped early"),
    ],
)
def test_a_part_of_a_run_judges_no_gate(options: dict[str, int], detail: str) -> None:
    comparison = compared("pass_rate", {"min": 0.99}, **options)  # type: ignore[arg-type]
    found = verdict(comparison)
    assert (found.verdict, found.judged, found.detail) == ("inconclusive", False, detail)
    assert found.value is None


@pytest.mark.parametrize(
    ("metric", "options", "detail"),
    [
        pytest.param(
            "cost_usd", {"dollars": None}, "unknown, wanted at most $1", id="an unknown price"
        ),
        pytest.param(
            "cost_per_pass",
            {"outcomes": (FAILED, FAILED)},
            "nothing passed, wanted at most $1",
            id="no pass to divide by",
        ),
        pytest.param(
            "cost_usd",
            {"outcomes": (PASSED, ERRORED)},
            "1 of 2 trials are missing",
            id="too much is missing",
        ),
    ],
)
def test_a_gate_without_a_figure_is_invalid(
    metric: str, options: dict[str, object], detail: str
) -> None:
    found = verdict(compared(metric, {"max": 1}, **options))  # type: ignore[arg-type]
    assert (found.verdict, found.detail) == ("invalid", detail)


@pytest.mark.parametrize(
    ("metric", "bounds", "outcomes", "code"),
    [
        pytest.param("pass_rate", {"min": 0.5}, (PASSED, FAILED), 0, id="at the bound"),
        pytest.param("pass_rate", {"min": 0.6}, (PASSED, FAILED), 1, id="below it"),
        pytest.param("pass_rate", {"min": 0.5}, (PASSED, UNGRADED), 3, id="half is missing"),
    ],
)
def test_the_exit_code_follows(
    metric: str, bounds: dict[str, float], outcomes: tuple[Outcome, ...], code: int
) -> None:
    comparison = compared(metric, bounds, outcomes)
    judged = Comparison(comparison.run, comparison.candidates, gates=judge(comparison))
    assert exit_code(judged, strict=False) == code


def test_a_regression_gate_needs_a_baseline() -> None:
    said = verdict(compared("regression", {"margin": 0.03}))
    assert (said.verdict, said.judged) == ("inconclusive", True)
    assert said.detail.startswith("it needs a baseline")
