"""Made-up runs and results for the reports, and comparison with golden files."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from harness.analysis.compare import compare
from harness.analysis.comparison import Comparison
from harness.records import (
    Answer,
    Bill,
    Call,
    Candidate,
    Grade,
    Missing,
    Outcome,
    Request,
    Result,
    Run,
    SuiteFacts,
    TrialId,
    Usage,
)

GOLDEN = Path(__file__).parents[2] / "golden"
NOON = datetime(2026, 10, 21, 12, tzinfo=UTC)


def make_call(text: str = "billing", *, dollars: str | None = "0.00042", **answer: object) -> Call:
    request = Request({"model": "claude-haiku-4-5-20251001", "max_tokens": 16}, "2026-10-21")
    total = None if dollars is None else Decimal(dollars)
    half = None if total is None else total / 2
    told = Answer(
        content=({"type": "text", "text": text},),
        model="claude-haiku-4-5-20251001",
        stop_reason="end_turn",
        usage=Usage(input_tokens=120, output_tokens=4),
        answered_at=NOON,
        request_id="req_1",
        latency_s=0.42,
    )
    told = dataclasses.replace(told, **answer)  # type: ignore[arg-type]
    return Call(request, told, Bill(total, total, half))


def make_result(
    case: str = "charged-twice",
    *,
    text: str = "billing",
    candidate: str = "haiku",
    outcome: Outcome = Outcome.PASSED,
    calls: tuple[Call, ...] | None = None,
    **more: object,
) -> Result:
    passed = outcome is Outcome.PASSED
    result = Result(
        id=TrialId("support-triage", case, candidate),
        outcome=outcome,
        score=None if outcome.missing else float(passed),
        grades=(Grade(passed=passed, name="equals"),),
        calls=(make_call(text),) if calls is None else calls,
        messages=({"role": "user", "content": "I was charged twice."},),
        reason="" if passed else "expected 'billing'",
        tags=("billing",),
    )
    return dataclasses.replace(result, **more)  # type: ignore[arg-type]


def make_run(*, suites: tuple[str, ...] = ("support-triage",), **more: object) -> Run:
    run = Run(
        id="20261021-a1b2",
        started_at=NOON,
        finished_at=NOON,
        mode="live",
        harness_version="1.0.0",
        sdk_version="2.10.0",
        prices_as_of="2026-08-22",
        suites=tuple(SuiteFacts(name, f"suites/{name}.yaml", "0" * 64, 3) for name in suites),
        candidates=(
            Candidate("haiku", "claude-haiku-4-5-20251001"),
            Candidate("sonnet", "claude-sonnet-4-6", {"temperature": 0.5}),
        ),
        planned={"haiku": 3, "sonnet": 3},
        exit_code=0,
    )
    return dataclasses.replace(run, **more)  # type: ignore[arg-type]


@pytest.fixture
def results() -> list[Result]:
    """Three cases for two candidates: passed, failed and missing ones."""
    missing = Missing("overloaded_error", "529 after 5 attempts", "req_9")
    return [
        make_result("charged-twice"),
        make_result("angry", text="I think it's\nsales | no?", outcome=Outcome.FAILED),
        make_result(
            "spam", outcome=Outcome.FAILED, text="", calls=(make_call("No", stop_reason="refusal"),)
        ),
        make_result("charged-twice", candidate="sonnet", calls=(make_call(reused=True),)),
        make_result("angry", candidate="sonnet", tags=("billing", "tone")),
        make_result(
            "spam",
            candidate="sonnet",
            outcome=Outcome.ERRORED,
            calls=(),
            missing=missing,
            reason="529 after 5 attempts",
        ),
    ]


@pytest.fixture
def comparison(results: list[Result]) -> Comparison:
    return compare(make_run(), results)


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compares a text with the golden file of that name; a new one is written, and fails."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        if not path.exists():
            path.write_text(text, encoding="utf-8", newline="")
            pytest.fail(f"{path} is new: read it, and run again")
        assert text == path.read_text(encoding="utf-8")

    return check


@pytest.fixture
def a_call() -> Callable[..., Call]:
    return make_call


@pytest.fixture
def a_result() -> Callable[..., Result]:
    return make_result


@pytest.fixture
def a_run() -> Callable[..., Run]:
    return make_run
