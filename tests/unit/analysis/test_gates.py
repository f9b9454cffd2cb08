"""Gates: what they say of a run, and the exit code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from harness.analysis.compare import compare
from harness.analysis.comparison import Comparison, GateVerdict
from harness.analysis.gates import exit_code, judge
from harness.analysis.regression_records import Finding, RegressionVerdict
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
    found = compare(run, [trial(n, outcome, dollars) for n, outcome in enumerate(outcomes)])
    return limited(found, None, None)


def limited(
    comparison: Comparison, low: float | None, high: float | None, *, unbounded: bool = False
) -> Comparison:
    """The comparison with these limits around every figure that may have some."""
    (candidate,) = comparison.candidates
    summary = candidate.by_suite["s"]
    ends = {"low": low, "high": high}
    dollars = {end: None if limit is None else Decimal(str(limit)) for end, limit in ends.items()}
    per_pass = replace(summary.cost_usd.per_pass, **dollars, unbounded=unbounded)
    changed = replace(
        summary,
        pass_rate=replace(summary.pass_rate, **ends),
        score=replace(summary.score, **ends),
        cost_usd=replace(summary.cost_usd, per_pass=per_pass),
        latency_s=replace(summary.latency_s, p95_low=low, p95_high=high),
    )
    return replace(comparison, candidates=(replace(candidate, by_suite={"s": changed}),))


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


def test_dollars_per_pass_fail_where_nothing_passed() -> None:
    found = verdict(compared("cost_per_pass", {"max": 1}, outcomes=(FAILED, FAILED)))
    assert (found.verdict, found.detail) == ("fail", "nothing passed, wanted at most $1")


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


@pytest.mark.parametrize(
    ("metric", "bounds", "low", "high", "expected"),
    [
        ("pass_rate", {"min": 0.6}, 0.61, 0.9, "pass"),
        ("pass_rate", {"min": 0.6}, 0.6, 0.9, "pass"),
        ("pass_rate", {"min": 0.6}, 0.5, 0.9, "inconclusive"),
        ("pass_rate", {"min": 0.85}, 0.5, 0.9, "inconclusive"),
        ("pass_rate", {"min": 0.95}, 0.5, 0.9, "fail"),
        ("score", {"min": 0.5, "max": 0.8}, 0.4, 0.7, "inconclusive"),
        ("score", {"min": 0.9, "max": 0.95}, 0.4, 0.7, "fail"),
        ("cost_per_pass", {"max": 0.00002}, 0.000001, 0.00003, "inconclusive"),
        ("cost_per_pass", {"max": 0.00002}, 0.00003, 0.00004, "fail"),
        ("latency_s", {"max": 2}, 1.0, 1.9, "pass"),
        ("latency_s", {"max": 2}, 1.0, None, "pass"),
        ("pass_rate", {"min": 1}, 0.2, 1.0, "fail"),
        ("cost_usd", {"max": 1}, 5, 9, "pass"),
    ],
    ids=[
        "all above", "limit at the bound", "point above", "point below", "all below",
        "two bounds", "two bounds, one missed", "dollars around", "dollars above",
        "seconds below", "no upper limit: the figure", "all is of these cases",
        "an exact figure has no limits",
    ],
)  # fmt: skip
def test_a_gate_fails_only_where_the_data_say_so(
    metric: str, bounds: dict[str, float], low: float, high: float | None, expected: str
) -> None:
    assert verdict(limited(compared(metric, bounds), low, high)).verdict == expected


def test_all_of_these_cases_are_enough_where_all_are_wanted() -> None:
    comparison = limited(compared("pass_rate", {"min": 1}, (PASSED, PASSED)), 0.3, 1.0)
    assert verdict(comparison).verdict == "pass"


def test_a_figure_is_told_with_its_limits() -> None:
    said = verdict(limited(compared("pass_rate", {"min": 0.85}), 0.208, 0.939)).detail
    assert said == "66.7 % (20.8 % to 93.9 %), wanted at least 85 %: the data do not say"


def test_a_ratio_without_an_upper_limit_may_be_any_amount() -> None:
    found = limited(compared("cost_per_pass", {"max": 1}), 0.000001, None, unbounded=True)
    assert verdict(found).verdict == "inconclusive"
    assert "($0.0000010 to any amount)" in verdict(found).detail


@pytest.mark.parametrize(("strict", "code"), [(False, 0), (True, 1)], ids=["lenient", "strict"])
def test_an_inconclusive_gate_fails_where_that_is_asked_for(strict: bool, code: int) -> None:
    found = limited(compared("pass_rate", {"min": 0.6}), 0.2, 0.9)
    assert exit_code(replace(found, gates=judge(found)), strict=strict) == code


def test_a_regression_gate_needs_a_baseline() -> None:
    said = verdict(compared("regression", {"margin": 0.03}))
    assert (said.verdict, said.judged) == ("inconclusive", True)
    assert said.detail.startswith("it needs a baseline")


def test_a_regression_gate_says_why_its_baseline_is_gone() -> None:
    (said,) = judge(compared("regression", {"margin": 0.03}), no_baseline="b.json: no such file")
    assert (said.verdict, said.detail) == ("inconclusive", "b.json: no such file")


@pytest.mark.parametrize(
    ("found", "expected", "judged"),
    [
        ("pass", "pass", True),
        ("regression", "fail", True),
        ("inconclusive", "inconclusive", True),
        ("invalid", "invalid", True),
        ("new", "inconclusive", False),
    ],
)
def test_a_regression_gate_follows_the_comparison_with_the_baseline(
    found: Finding,
    expected: str,
    judged: bool,
) -> None:
    one = RegressionVerdict("s", "haiku", found, 0.03, True, 0.05, why="so it is")
    comparison = replace(
        compared("regression", {"margin": 0.03}), regression={"candidates": (one,)}
    )
    said = verdict(comparison)
    assert (said.verdict, said.judged) == (expected, judged)
    assert said.detail.endswith("so it is")
