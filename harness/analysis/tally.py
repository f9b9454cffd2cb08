"""Counts and sums of a candidate's trials, gathered in one pass; only this reads Results.

Memory grows with the number of cases, not with what the trials hold.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

from harness.analysis.decisions import Decision, decisions
from harness.records import Bill, Call, Outcome, Result, Usage, add_dollars

REASON_KEPT = 300

CaseKey = tuple[str, str]
"""Suite and case: case ids are unique within their suite only."""


@dataclass(slots=True)
class CaseTally:
    """One case of one candidate, over its repeats; missing trials leave no score and no label.

    `labels` counts what its `label` graders expected and found; None where it has none.
    """

    suite: str
    tags: tuple[str, ...]
    cluster: tuple[str, ...]
    passed: int = 0
    graded: int = 0
    missing: int = 0
    scores: list[float] = field(default_factory=list)
    asked: bool = False
    dollars: Decimal | None = Decimal(0)
    labels: dict[Decision, int] | None = None

    def add(self, result: Result, dollars: Decimal | None) -> None:
        """Count one repeat, which cost `dollars` for answers and judges together."""
        self.asked = self.asked or bool(result.calls)
        self.dollars = add_dollars(self.dollars, dollars)
        if result.outcome.missing:
            self.missing += 1
            return
        self.graded += 1
        self.passed += result.outcome is Outcome.PASSED
        if result.score is not None:
            self.scores.append(result.score)
        for decision in decisions(result.grades):
            self.labels = self.labels or {}
            self.labels[decision] = self.labels.get(decision, 0) + 1

    @property
    def trials(self) -> int:
        """The repeats that have ended, missing ones included."""
        return self.graded + self.missing

    @property
    def pass_rate(self) -> float | None:
        """The share of graded repeats that passed."""
        return self.passed / self.graded if self.graded else None

    @property
    def mean_score(self) -> float | None:
        """The mean score of the graded repeats; exact, so that their order cannot show."""
        return math.fsum(self.scores) / len(self.scores) if self.scores else None

    @property
    def accuracy(self) -> float | None:
        """The share of its labels that were the expected ones."""
        if not self.labels:
            return None
        right = sum(n for (expected, found), n in self.labels.items() if expected == found)
        return right / sum(self.labels.values())


@dataclass(slots=True)
class Tally:
    """All trials of one candidate; dollars and tokens are of the time the answers were made."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    refused: int = 0
    truncated: int = 0
    reused: int = 0
    retried: int = 0
    missing: Counter[tuple[str, str]] = field(default_factory=Counter)
    unknown_usage: int = 0
    unpriced: set[str] = field(default_factory=set)
    simulated: bool = False
    usage: Usage = field(default_factory=Usage)
    requests: int = 0
    answers: Bill = field(default_factory=Bill)
    judges: Bill = field(default_factory=Bill)
    spent: Decimal | None = Decimal(0)
    latencies_s: array[float] = field(default_factory=lambda: array("d"))
    cases: dict[CaseKey, CaseTally] = field(default_factory=dict)

    def add(self, result: Result) -> None:
        """Count one trial."""
        self.outcomes[result.outcome] += 1
        self.refused += result.refused
        self.truncated += result.truncated
        self.reused += result.reused
        if result.outcome.missing:
            kind = result.missing.kind if result.missing else result.outcome.value
            self.missing[kind, result.reason[:REASON_KEPT]] += 1
        answers, judges = Bill(), Bill()
        for call in result.calls:
            self.spent = add_dollars(self.spent, call.spent)
            self.simulated = self.simulated or call.answer.simulated
            self.retried += call.answer.attempts > 1
            if call.bill.total is None:
                self._unknown(call)
            if call.request.purpose == "judge":
                judges += call.bill
            elif call.request.purpose == "answer":
                answers += call.bill
        self.answers += answers
        self.judges += judges
        self._add_answers(result)
        self._case(result).add(result, add_dollars(answers.total, judges.total))

    def _unknown(self, call: Call) -> None:
        """Note why the call has no price: its tokens are not known, or its model's prices."""
        usage = call.answer.usage
        if usage.prompt_tokens is None or usage.output_tokens is None:
            self.unknown_usage += 1
        else:
            self.unpriced.add(call.answer.model)

    def _add_answers(self, result: Result) -> None:
        for call in result.calls_for("answer"):
            self.usage += call.answer.usage
            self.requests += 1
            # A batch answers when it likes: how long that took says nothing about the model.
            if call.answer.mode == "live" and call.answer.latency_s is not None:
                self.latencies_s.append(call.answer.latency_s)

    def _case(self, result: Result) -> CaseTally:
        suite, case = result.id.suite, result.id.case
        tally = self.cases.get((suite, case))
        if tally is None:
            # A case without a cluster is its own; cluster names, like case ids, are the suite's.
            cluster = (suite, case) if result.cluster is None else (suite, "", result.cluster)
            tally = self.cases[suite, case] = CaseTally(suite, result.tags, cluster)
        return tally

    def __add__(self, other: Tally) -> Tally:
        """Both together; of two tallies that share no case."""
        return Tally(
            outcomes=self.outcomes + other.outcomes,
            refused=self.refused + other.refused,
            truncated=self.truncated + other.truncated,
            reused=self.reused + other.reused,
            retried=self.retried + other.retried,
            missing=self.missing + other.missing,
            unknown_usage=self.unknown_usage + other.unknown_usage,
            unpriced=self.unpriced | other.unpriced,
            simulated=self.simulated or other.simulated,
            usage=self.usage + other.usage,
            requests=self.requests + other.requests,
            answers=self.answers + other.answers,
            judges=self.judges + other.judges,
            spent=add_dollars(self.spent, other.spent),
            latencies_s=self.latencies_s + other.latencies_s,
            cases=self.cases | other.cases,
        )
