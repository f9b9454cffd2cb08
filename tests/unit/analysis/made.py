"""Made-up results for what is compared: who passed what, and how often."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from harness.analysis.compare import compare
from harness.analysis.comparison import Comparison
from harness.records import (
    Answer,
    Bill,
    Call,
    Candidate,
    Grade,
    Outcome,
    Request,
    Result,
    Run,
    SuiteFacts,
    TrialId,
    Usage,
)

NOON = datetime(2026, 10, 21, 12, tzinfo=UTC)
OUTCOMES = {"p": Outcome.PASSED, "f": Outcome.FAILED, "e": Outcome.ERRORED}


def a_result(case: str, candidate: str, letter: str, repeat: int = 1, **more: object) -> Result:
    """One trial that passed (p), failed (f) or has no answer (e); it cost a cent or `dollars`."""
    outcome, price = OUTCOMES[letter], Decimal(str(more.pop("dollars", "0.01")))
    answer = Answer((), "m", "end_turn", Usage(100, 10), NOON, latency_s=1.0)
    call = Call(Request({"model": "m"}, "2026-10-21"), answer, Bill(price, price, price))
    score = None if outcome.missing else float(letter == "p")
    trial = TrialId("s", case, candidate, repeat)
    return Result(trial, outcome, score, calls=(call,), **more)  # type: ignore[arg-type]


def a_run(names: Sequence[str]) -> Run:
    """A run of these candidates over one suite."""
    return Run(
        id="r",
        started_at=NOON,
        mode="live",
        harness_version="1",
        sdk_version="2",
        prices_as_of="2026-08-22",
        suites=(SuiteFacts("s", "s.yaml", "0", 9),),
        candidates=tuple(Candidate(name, "m") for name in names),
        planned={},
    )


def compared(letters: Mapping[str, str], **options: float) -> Comparison:
    """The comparison of candidates by a letter a case; `.` is a case that was not asked."""
    return compare(replace(a_run(list(letters)), **options), _results(letters))


def _results(letters: Mapping[str, str]) -> Iterator[Result]:
    for name, row in letters.items():
        for number, letter in enumerate(row):
            if letter != ".":
                yield a_result(f"c{number:03}", name, letter)


def a_label(expected: str, got: str) -> Grade:
    """What the `label` grader says of an answer that gave the class `got`."""
    return Grade(expected == got, name="label", label=(expected, got))
