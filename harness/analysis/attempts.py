"""What one candidate did in each case, attempt by attempt: all that a comparison keeps of a Result.

Memory grows with the number of trials, not with what they hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from harness.records import Bill, Call, Outcome, Result, add_dollars

CaseKey = tuple[str, str]
"""Suite and case: case ids are unique within their suite only."""


class Told(NamedTuple):
    """What a cascade may go by: `said` stands for what the last answer said.

    `signal` is the named grader's score, `gate` what its judges cost live, and `alone` whether
    that grader said just what the eval's verdict is.
    """

    said: int | None = None
    signal: float | None = None
    gate: Decimal | None = Decimal(0)
    alone: bool = False


NOTHING_TOLD = Told()


class TrialFigures(NamedTuple):
    """One attempt: `passed` and `score` are None where it is missing.

    `bill` is of the answers alone, None where there is no whole answer.
    """

    passed: float | None
    score: float | None
    bill: Bill | None
    told: Told = NOTHING_TOLD


@dataclass(slots=True)
class CaseFigures:
    """One case of one candidate: its attempts, and what they and their judges cost together.

    Cases of one `cluster` have one source. `asked` says that a request was answered.
    """

    tags: tuple[str, ...]
    cluster: tuple[str, ...]
    attempts: tuple[TrialFigures, ...] = ()
    passed: int = 0
    graded: int = 0
    dollars: Decimal | None = Decimal(0)
    asked: bool = False

    def add(self, attempt: TrialFigures, dollars: Decimal | None, *, asked: bool) -> None:
        """Count one attempt, which cost `dollars` for answers and judges together."""
        # Nearly every case has one attempt: no sum to make, no list to keep room in.
        self.dollars = add_dollars(self.dollars, dollars) if self.attempts else dollars
        self.attempts = (*self.attempts, attempt) if self.attempts else (attempt,)
        self.asked = self.asked or asked
        if attempt.passed is not None:
            self.graded += 1
            self.passed += attempt.passed == 1

    @property
    def missing(self) -> int:
        """The attempts that were not graded."""
        return len(self.attempts) - self.graded


def answers_and_judges(result: Result) -> tuple[Sequence[Call], Sequence[Call]]:
    """The calls that answered, and those that judged; rivals are neither."""
    answers = result.calls_for("answer")
    return answers, result.calls_for("judge") if len(answers) < len(result.calls) else ()


def count(
    cases: dict[CaseKey, CaseFigures],
    result: Result,
    answers: Sequence[Call],
    judges: Sequence[Call],
    told: Told = NOTHING_TOLD,
) -> TrialFigures:
    """The figures of a trial, counted in its case, which is made where it is the first of it."""
    bill = answers[0].bill if len(answers) == 1 else sum([call.bill for call in answers], Bill())
    dollars = bill.total
    for call in judges:
        dollars = add_dollars(dollars, call.bill.total)
    figures = _figures(result, bill if answers else None, told)
    _case_of(cases, result).add(figures, dollars, asked=bool(result.calls))
    return figures


def _case_of(cases: dict[CaseKey, CaseFigures], result: Result) -> CaseFigures:
    trial = result.id
    key = trial.suite, trial.case
    case = cases.get(key)
    if case is None:
        # A case without a cluster is its own; cluster names, like case ids, are the suite's.
        cluster = key if result.cluster is None else (trial.suite, "", result.cluster)
        case = cases[key] = CaseFigures(result.tags, cluster)
    return case


def _figures(result: Result, bill: Bill | None, told: Told) -> TrialFigures:
    outcome = result.outcome
    if outcome is Outcome.PASSED:
        return TrialFigures(1.0, result.score, bill, told)
    if outcome is Outcome.FAILED:
        return TrialFigures(0.0, result.score, bill, told)
    return TrialFigures(None, None, None if outcome is Outcome.ERRORED else bill, told)
