"""Made-up runs for routing: who passed which case, for what money."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from harness.analysis.traffic import Traffic, traffic_of
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

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
PRICES = {"haiku": "0.001", "sonnet": "0.003", "opus": "0.015"}

Passes = Callable[[str, int], bool | None]
"""Whether a candidate passes a case, by name and number; None where the trial is missing."""


def make_call(
    dollars: str | None, *, key: str = "", text: str = "hi", purpose: str = "answer"
) -> Call:
    total = None if dollars is None else Decimal(dollars)
    request = Request({"model": "m", "messages": [], "key": key}, "v", purpose=purpose)  # type: ignore[arg-type]
    block = {"type": "text", "text": text}
    answer = Answer((block,), "m", "end_turn", Usage(1, 2), NOON, key=key)
    return Call(request, answer, Bill(total, total, None if total is None else total / 2))


def make_trial(
    candidate: str, case: int, *, passed: bool | None, repeat: int = 1, **more: object
) -> Result:
    price = PRICES[candidate]
    # A little more for every case, so that costs vary.
    dollars = str(Decimal(price) * (1 + Decimal(case % 7) / 100))
    told = {
        "tags": (),
        "grades": (Grade(passed, name="equals"),),
        "calls": (make_call(dollars, key=f"{candidate}-{case}-{repeat}"),),
    } | more
    outcome = Outcome.UNGRADED if passed is None else Outcome.PASSED if passed else Outcome.FAILED
    score = None if passed is None else float(passed)
    return Result(TrialId("s", f"c{case}", candidate, repeat), outcome, score, **told)  # type: ignore[arg-type]


def make_run(names: Iterable[str], trials: int, **more: object) -> Run:
    told: dict[str, object] = {
        "id": "r1",
        "started_at": NOON,
        "mode": "live",
        "harness_version": "1",
        "sdk_version": "2",
        "prices_as_of": "2026-08-22",
        "suites": (SuiteFacts("s", "s.yaml", "0", trials),),
        "candidates": tuple(
            Candidate(name, f"claude-{name}", {"max_tokens": 16}) for name in names
        ),
        "planned": dict.fromkeys(names, trials),
    }
    return Run(**(told | more))  # type: ignore[arg-type]


def gathered(results: Sequence[Result], **more: object) -> Traffic:
    """The traffic of a run that is made of these results."""
    names = list(dict.fromkeys(result.id.candidate for result in results))
    counts = {name: sum(r.id.candidate == name for r in results) for name in names}
    return traffic_of(make_run(names, 0, planned=counts), results, **more)  # type: ignore[arg-type]


def make_traffic(
    passes: Passes,
    cases: int,
    names: Iterable[str] = ("haiku", "opus"),
    tag: Callable[[int], tuple[str, ...]] = lambda _case: (),
) -> Traffic:
    """A run in which every candidate was asked every case once."""
    return gathered(
        [
            make_trial(name, case, passed=passes(name, case), tags=tag(case))
            for case in range(cases)
            for name in names
        ]
    )


def failing(shares: Mapping[str, int]) -> Passes:
    """Each candidate fails one case in so many: 0 is none."""
    return lambda name, case: not shares[name] or case % shares[name] != 0
