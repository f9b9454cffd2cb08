"""What one attempt at each case cost and whether it passed, several candidates side by side.

Traffic pays for answers, not for grading, so the dollars here leave judges and rivals out; an
attempt that ended without an answer counts as missing and has no cost.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from harness.analysis.attempts import CaseFigures, Told, answers_and_judges, count
from harness.analysis.columns import Columns, columns_of, shared
from harness.errors import UsageError, did_you_mean
from harness.records import Grade, Outcome, Result, Run, add_dollars

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


@dataclass(frozen=True, slots=True, eq=False)
class Traffic:
    """What each candidate of a run did in the cases that it was asked.

    `signal` names a grader whose score a cascade may go by, and `graders` then those that there
    are; `texts` says that what answers said is kept, so that repeats can be seen to agree.
    """

    run: Run
    columns: Mapping[str, Columns]
    signal: str | None = None
    texts: bool = False
    graders: frozenset[str] = frozenset()

    @property
    def names(self) -> list[str]:
        """The candidates, in the run's order."""
        return [candidate.name for candidate in self.run.candidates]

    def pending(self, candidate: str) -> int:
        """Planned trials of the candidate that have not ended."""
        return max(0, self.run.planned.get(candidate, 0) - self.columns[candidate].attempts)

    def table(self, reference: str) -> Table:
        """The cases that the reference and all who share a case with it were asked.

        A candidate of another suite, which shares none, is not in it. UsageError where there is no
        result, or no such case.
        """
        if not any(map(len, self.columns.values())):
            raise UsageError(
                f"run {self.run.id} has no results; `harness resume {self.run.id}` asks for them"
            )
        first = self.columns[reference]
        near = {name: one for name, one in self.columns.items() if shared([first, one])}
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


def traffic_of(
    run: Run, results: Iterable[Result], *, signal: str | None = None, texts: bool = False
) -> Traffic:
    """The traffic of a run over one pass of its results, in any order.

    Marked simulated where any answer was. KeyError for a result of a candidate that the run does
    not name.
    """
    cases: dict[str, dict[CaseKey, CaseFigures]] = {c.name: {} for c in run.candidates}
    graders: set[str] = set()
    simulated = run.simulated
    for result in results:
        answers, judges = answers_and_judges(result)
        said = _said(result) if texts and answers else None
        told = _told(result, signal, said)
        count(cases[result.id.candidate], result, answers, judges, told)
        if signal is not None:
            graders.update(grade.name for grade in _all(result.grades))
        simulated = simulated or any(call.answer.simulated for call in result.calls)
    columns = {name: columns_of(name, of) for name, of in cases.items()}
    marked = replace(run, simulated=simulated)
    return Traffic(marked, columns, signal, texts, frozenset(graders))


def _told(result: Result, signal: str | None, said: int | None) -> Told:
    if result.outcome is Outcome.ERRORED:
        said = None
    if signal is None:
        return Told(said)
    named = [grade for grade in _all(result.grades) if grade.name == signal]
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
