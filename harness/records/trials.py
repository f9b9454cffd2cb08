"""What becomes of a trial: the `Conversation`, what graders say of it, and how it ended."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import field
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from harness.records.answers import (
    TRUNCATED,
    Answer,
    Bill,
    Call,
    Missing,
    Purpose,
    Request,
    Usage,
    add_dollars,
)
from harness.records.record import record


@record(frozen=True, slots=True)
class Conversation:
    """What graders see: every message sent and received, the calls behind them, the case's vars.

    `calls` holds the candidate's calls only, in order; a judge's are kept beside its grade.
    `rival` asks another candidate, by name, the same: for a grader that compares.
    """

    messages: tuple[Mapping[str, Any], ...]
    calls: tuple[Call, ...]
    vars: Mapping[str, Any] = field(default_factory=dict)
    rival: Rival | None = field(default=None, compare=False)

    @property
    def answer(self) -> Answer:
        """The last answer of the candidate."""
        return self.calls[-1].answer

    @property
    def text(self) -> str:
        """The text of the last answer."""
        return self.answer.text

    @property
    def usage(self) -> Usage:
        """The candidate's tokens over all calls."""
        return sum((call.answer.usage for call in self.calls), Usage())


@record(frozen=True, slots=True)
class Grade:
    """What a grader says: `passed` and `score` (0 to 1), or neither where it could not say.

    A grader returns the first three; the name, weight and turn are its place in the suite.
    `judge` names the model that judged and its prompt, with the prompt's hash. `label` has the
    class that was expected and the one that was found (`None`: none), where a grader looks for one.
    """

    passed: bool | None
    score: float | None = None
    reason: str = ""
    name: str = ""
    weight: float = 1.0
    turn: int | None = None
    parts: tuple[Grade, ...] = ()
    judge: str = ""
    label: tuple[str, str | None] | None = None

    def __post_init__(self) -> None:
        if self.score is None and self.passed is not None:
            object.__setattr__(self, "score", 1.0 if self.passed else 0.0)

    @property
    def broken(self) -> bool:
        """The grader could not say; the trial is missing, not failed."""
        return self.passed is None

    def placed(self, name: str, weight: float) -> Grade:
        """The same grade in its place in a suite."""
        # Written out, since this runs for every grader of every trial.
        return Grade(
            self.passed, self.score, self.reason, name, weight,
            self.turn, self.parts, self.judge, self.label,
        )  # fmt: skip


T = TypeVar("T")
Steps = Generator[Sequence[Request], Sequence[Answer | Missing], T]
"""A computation that asks: it yields requests, is sent their answers in order, returns a `T`."""

Grader = Callable[[Conversation], "Grade | Steps[Grade]"]
Rival = Callable[[str], Steps[Conversation]]


class Outcome(StrEnum):
    """How a trial ended; the first two enter quality, the other two are missing."""

    PASSED = "passed"
    FAILED = "failed"
    ERRORED = "errored"
    UNGRADED = "ungraded"

    @property
    def missing(self) -> bool:
        """Neither pass nor fail."""
        return self in (Outcome.ERRORED, Outcome.UNGRADED)


@record(frozen=True, slots=True)
class TrialId:
    """One attempt at one case by one candidate; `repeat` counts from 1."""

    suite: str
    case: str
    candidate: str
    repeat: int = 1

    def __str__(self) -> str:
        return f"{self.suite}/{self.case}[{self.candidate}-r{self.repeat}]"


@record(frozen=True, slots=True)
class Result:
    """How a trial ended, with all that was asked and said on the way.

    `score` is the weighted mean of the grades, `None` where the trial is missing.
    `reason` says why it failed or is missing; `content` is the hash of what its case tests.
    """

    id: TrialId
    outcome: Outcome
    score: float | None
    grades: tuple[Grade, ...] = ()
    calls: tuple[Call, ...] = ()
    messages: tuple[Mapping[str, Any], ...] = ()
    missing: Missing | None = None
    reason: str = ""
    tags: tuple[str, ...] = ()
    cluster: str | None = None
    content: str = ""

    def calls_for(self, purpose: Purpose) -> tuple[Call, ...]:
        """The calls that answered, or those that judged."""
        if len(self.calls) == 1 and self.calls[0].request.purpose == purpose:
            return self.calls  # nearly every trial, and every report asks several times
        return tuple(call for call in self.calls if call.request.purpose == purpose)

    @property
    def usage(self) -> Usage | None:
        """The candidate's tokens over all its answers; `None` where it gave none."""
        usages = [call.answer.usage for call in self.calls_for("answer")]
        return usages[0] if len(usages) == 1 else sum(usages, Usage()) if usages else None

    @property
    def bill(self) -> Bill | None:
        """Dollars of answers and judges, as they were when made; `None` where nothing was asked."""
        own = [call.bill for call in self.calls if call.request.purpose != "rival"]
        if len(own) == 1:
            return own[0]
        return sum(own, Bill()) if self.calls else None

    @property
    def spent(self) -> Decimal | None:
        """What this run paid; unknown where a price is."""
        spent: Decimal | None = Decimal(0)
        for call in self.calls:
            spent = add_dollars(spent, call.spent)
        return spent

    @property
    def latency_s(self) -> float | None:
        """Seconds that the candidate's answers took together; known of live answers only."""
        known = [call.answer.latency_s for call in self.calls_for("answer")]
        if len(known) == 1:
            return known[0]
        return math.fsum(s for s in known if s is not None) if known and None not in known else None

    @property
    def refused(self) -> bool:
        """The candidate declined in one of its answers."""
        return "refusal" in [call.answer.stop_reason for call in self.calls_for("answer")]

    @property
    def truncated(self) -> bool:
        """One of the candidate's answers was cut off."""
        return not TRUNCATED.isdisjoint(
            [call.answer.stop_reason for call in self.calls_for("answer")]
        )

    @property
    def reused(self) -> bool:
        """Nothing was paid for: every answer was in the store already."""
        return bool(self.calls) and all(call.answer.reused for call in self.calls)
