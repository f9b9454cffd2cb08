"""Counts and sums of a candidate's trials in one suite, gathered in one pass over the Results."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from harness.analysis.attempts import CaseFigures, CaseKey, answers_and_judges, count
from harness.analysis.decisions import Decision, decisions
from harness.records import Bill, Call, Outcome, Result, Usage, add_dollars

REASON_KEPT = 300


@dataclass(slots=True)
class Tally:
    """All trials of one candidate; dollars and tokens are of the time the answers were made.

    `labels` counts, by case, what its `label` graders expected and found.
    """

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
    cases: dict[CaseKey, CaseFigures] = field(default_factory=dict)
    labels: dict[CaseKey, Counter[Decision]] = field(default_factory=dict)

    def add(self, result: Result) -> None:
        """Count one trial."""
        calls = result.calls
        answers, judges = answers_and_judges(result)
        self.outcomes[result.outcome] += 1
        self.reused += result.reused
        for call in calls:
            self._add_call(call)
        self._add_answers(answers)
        for call in judges:
            self.judges += call.bill
        if count(self.cases, result, answers, judges).passed is None:
            kind = result.missing.kind if result.missing else result.outcome.value
            self.missing[kind, result.reason[:REASON_KEPT]] += 1
        else:
            self._add_labels(result)

    def _add_call(self, call: Call) -> None:
        answer, paid = call.answer, call.bill.total
        if not answer.reused:
            self.spent = add_dollars(self.spent, paid)
        self.simulated = self.simulated or answer.simulated
        self.retried += answer.attempts > 1
        if paid is not None:
            return
        # Why it has no price: its tokens are not known, or its model's prices.
        if answer.usage.prompt_tokens is None or answer.usage.output_tokens is None:
            self.unknown_usage += 1
        else:
            self.unpriced.add(answer.model)

    def _add_answers(self, calls: Sequence[Call]) -> None:
        refused = truncated = False
        for call in calls:
            answer = call.answer
            self.usage += answer.usage
            self.answers += call.bill
            self.requests += 1
            refused = refused or answer.refused
            truncated = truncated or answer.truncated
            # A batch answers when it likes: how long that took says nothing about the model.
            if answer.mode == "live" and answer.latency_s is not None:
                self.latencies_s.append(answer.latency_s)
        self.refused += refused
        self.truncated += truncated

    def _add_labels(self, result: Result) -> None:
        for decision in decisions(result.grades):
            key = result.id.suite, result.id.case
            self.labels.setdefault(key, Counter())[decision] += 1

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
            labels=self.labels | other.labels,
        )
