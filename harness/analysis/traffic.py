"""What one attempt at each case cost and whether it passed, several candidates side by side.

Traffic pays for answers, not for grading, so the dollars here leave judges and rivals out; an
attempt that ended without an answer counts as missing and has no cost.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from harness.analysis.attempts import NOTHING_TOLD, Case, Told, attempt_of, case_of
from harness.analysis.columns import Columns, columns_of, shared
from harness.errors import UsageError, did_you_mean
from harness.records import Bill, Grade, Outcome, Result, Run, add_dollars

if TYPE_CHECKING:
    from harness.analysis.attempts import CaseKey
    from harness.analysis.columns import Numbers


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The cases that several candidates were all asked, in one order, and the columns of each."""

    keys: tuple[CaseKey, ...]
    reference: Columns
    columns: dict[str, Columns]

    @property
    def clusters(self) -> Numbers:
        """A number for each case's cluster: those of one source have the same."""
        return self.reference.clusters

    @property
    def groups(self) -> int:
        """How many clusters there are."""
        return self.reference.groups

    @property
    def tags(self) -> list[tuple[str, ...]]:
        """The tags of each case."""
        return [case.tags for case in self.reference.cases]

    def take(self, rows: Sequence[int]) -> Table:
        """The table of some of the cases."""
        columns = {name: columns.take(rows) for name, columns in self.columns.items()}
        return Table(tuple(self.keys[row] for row in rows), columns[self.reference.name], columns)


class Traffic:
    """Gathers the results of a run in one pass, in any order, unless they are `gathered` already.

    `signal` names a grader whose score a cascade may go by; `texts` keeps what answers said, so
    that repeats can be seen to agree.
    """

    def __init__(
        self,
        run: Run,
        *,
        signal: str | None = None,
        texts: bool = False,
        gathered: Mapping[str, Columns] | None = None,
    ) -> None:
        self.run, self.signal, self.texts = run, signal, texts
        self.names = [candidate.name for candidate in run.candidates]
        self.graders: set[str] = set()
        self.simulated = run.simulated
        self._cases: dict[str, dict[CaseKey, Case]] = {name: {} for name in self.names}
        self._whole: dict[str, Columns] = dict(gathered or {})

    def add(self, result: Result) -> None:
        """Take in one trial; KeyError where it is of a candidate that the run does not name."""
        name = result.id.candidate
        case = case_of(self._cases[name], result)
        self._whole.pop(name, None)
        self.simulated = self.simulated or any(c.answer.simulated for c in result.calls)
        bills = [call.bill for call in result.calls_for("answer")]
        told = self._told(result) if self.signal or self.texts else NOTHING_TOLD
        asked = bool(result.calls)
        case.add(attempt_of(result, bills, told), sum(bills, Bill()).total, asked=asked)

    def alone(self, candidate: str) -> Columns:
        """One candidate over all the cases that it was asked."""
        if candidate not in self._whole:
            self._whole[candidate] = columns_of(candidate, self._cases[candidate])
        return self._whole[candidate]

    def pending(self, candidate: str) -> int:
        """Planned trials of the candidate that have not ended."""
        return max(0, self.run.planned.get(candidate, 0) - self.alone(candidate).attempts)

    def table(self, reference: str) -> Table:
        """The cases that the reference and all who share a case with it were asked.

        A candidate of another suite, which shares none, is not in it. UsageError where there is no
        result, or no such case.
        """
        whole = {name: self.alone(name) for name in self.names}
        if not any(map(len, whole.values())):
            raise UsageError(
                f"run {self.run.id} has no results; `harness resume {self.run.id}` asks for them"
            )
        first = whole[reference]
        near = {name: one for name, one in whole.items() if shared([first, one])}
        keys = shared([first, *near.values()])
        if not keys or len(near) < 2:
            raise UsageError(
                f"no case of run {self.run.id} was asked of {reference} and of the others"
            )
        columns = {name: one.over(keys) for name, one in near.items()}
        return Table(keys, columns[reference], columns)

    def require_signal(self) -> None:
        """UsageError where no answer was graded by the grader that is to be the signal."""
        if self.signal is None or self.signal in self.graders:
            return
        known = ", ".join(sorted(self.graders)) or "none"
        near = did_you_mean(self.signal, self.graders)
        raise UsageError(f"no grader {self.signal!r} graded this run{near}; its graders: {known}")

    def _told(self, result: Result) -> Told:
        answered = result.outcome is not Outcome.ERRORED and result.calls_for("answer")
        said = _said(result) if self.texts and answered else None
        if self.signal is None:
            return Told(said)
        grades = list(_all(result.grades))
        self.graders.update(grade.name for grade in grades)
        named = [grade for grade in grades if grade.name == self.signal]
        return Told(said, *_signal(result, named))


def _all(grades: Iterable[Grade]) -> Iterable[Grade]:
    for grade in grades:
        yield grade
        yield from _all(grade.parts)


def _signal(result: Result, named: Sequence[Grade]) -> tuple[float | None, Decimal | None, bool]:
    """The lowest score of the named grader, its judges' dollars, and whether it is the verdict."""
    scores = [grade.score for grade in named]
    known = [score for score in scores if score is not None]
    signal = min(known) if known and len(known) == len(scores) else None
    gate: Decimal | None = Decimal(0)
    if any(grade.judge for grade in named):
        for call in result.calls_for("judge"):
            gate = add_dollars(gate, call.bill.at_live_prices)
    passed = all(grade.passed for grade in named)
    tells = bool(known) and not result.outcome.missing
    return signal, gate, not tells or passed is (result.outcome is Outcome.PASSED)


def _said(result: Result) -> int:
    """A number for the last answer's text, case and spacing aside, and the tools it called."""
    answer = result.calls_for("answer")[-1].answer
    tools = [[block.get("name"), block.get("input")] for block in answer.tool_uses]
    called = json.dumps(tools, sort_keys=True, default=str)
    return hash((" ".join(answer.text.casefold().split()), called))
