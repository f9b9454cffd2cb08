"""What one attempt at each case cost and whether it passed: the columns that routing starts from.

Traffic pays for answers, not for grading, so the dollars here leave judges and rivals out; an
attempt that ended without an answer counts as missing and has no cost.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, NamedTuple

from harness.errors import UsageError, did_you_mean
from harness.records import Bill, Grade, Outcome, Result, Run, add_dollars

if TYPE_CHECKING:
    from harness.analysis.tally import CaseKey
    from harness.analysis.variance import Codes, Floats

Tier = Literal["billed", "live", "batch"]
TIERS: tuple[Tier, ...] = ("billed", "live", "batch")


class Attempt(NamedTuple):
    """One attempt: `passed` is None where it is missing, `bill` where it has no whole answer.

    `said` stands for what the last answer said, `signal` is the named grader's score, `gate` what
    its judges cost live, and `alone` whether that grader said just what the eval's verdict is.
    """

    passed: float | None
    bill: Bill | None
    said: int | None = None
    signal: float | None = None
    gate: Decimal | None = Decimal(0)
    alone: bool = False


@dataclass(slots=True)
class Case:
    """One case of one candidate, with its attempts in the order they came."""

    tags: tuple[str, ...]
    cluster: tuple[str, ...]
    attempts: list[Attempt] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """One candidate over the cases of a `Table`: shares of attempts passed, and dollars of one.

    NaN is missing. `worst` and `best` take every missing attempt for a fail and for a pass. A tier
    of dollars is None as a whole where one of its prices is unknown.
    """

    name: str
    passed: Floats
    worst: Floats
    best: Floats
    dollars: dict[Tier, Floats | None]
    cases: tuple[Case, ...]
    missing: int
    attempts: int

    def take(self, rows: Sequence[int]) -> Columns:
        """The same candidate over some of the cases; a price unknown in one is unknown in all."""
        import numpy as np

        some = np.array(rows, dtype=np.intp)
        cases = tuple(self.cases[row] for row in rows)
        attempts = [attempt for case in cases for attempt in case.attempts]
        return Columns(
            name=self.name,
            passed=self.passed[some],
            worst=self.worst[some],
            best=self.best[some],
            dollars={tier: _known(self.dollars[tier], some) for tier in TIERS},
            cases=cases,
            missing=sum(attempt.passed is None for attempt in attempts),
            attempts=len(attempts),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The cases that several candidates were all asked, in one order, and the columns of each.

    `clusters` are numbers: those of one source have the same.
    """

    keys: tuple[CaseKey, ...]
    clusters: tuple[int, ...]
    tags: tuple[tuple[str, ...], ...]
    columns: dict[str, Columns]

    def take(self, rows: Sequence[int]) -> Table:
        """The table of some of the cases."""
        return Table(
            tuple(self.keys[row] for row in rows),
            tuple(self.clusters[row] for row in rows),
            tuple(self.tags[row] for row in rows),
            {name: columns.take(rows) for name, columns in self.columns.items()},
        )


class Traffic:
    """Gathers the results of a run in one pass, in any order.

    `signal` names a grader whose score a cascade may go by; `texts` keeps what answers said, so
    that repeats can be seen to agree.
    """

    def __init__(self, run: Run, *, signal: str | None = None, texts: bool = False) -> None:
        self.run, self.signal, self.texts = run, signal, texts
        self.cases: dict[str, dict[CaseKey, Case]] = {c.name: {} for c in run.candidates}
        self.ended = dict.fromkeys(self.cases, 0)
        self.missing = dict.fromkeys(self.cases, 0)
        self.graders: set[str] = set()
        self._whole: dict[str, tuple[int, Columns]] = {}
        self.simulated = run.simulated

    def add(self, result: Result) -> None:
        """Take in one trial; KeyError where it is of a candidate that the run does not name."""
        cases = self.cases[result.id.candidate]
        self.ended[result.id.candidate] += 1
        self.missing[result.id.candidate] += result.outcome.missing
        key = result.id.suite, result.id.case
        case = cases.get(key)
        if case is None:
            # A case without a cluster is its own; cluster names are their suite's.
            own = key if result.cluster is None else (key[0], "", result.cluster)
            case = cases[key] = Case(result.tags, own)
        self.simulated = self.simulated or any(c.answer.simulated for c in result.calls)
        case.attempts.append(self._attempt(result))

    def pending(self, candidate: str) -> int:
        """Planned trials of the candidate that have not ended."""
        return max(0, self.run.planned.get(candidate, 0) - self.ended[candidate])

    def table(self, reference: str) -> Table:
        """The cases that the reference and all who share a case with it were asked.

        A candidate of another suite, which shares none, is not in it. UsageError where there is no
        result, or no such case.
        """
        if not any(self.ended.values()):
            raise UsageError(
                f"run {self.run.id} has no results; `harness resume {self.run.id}` asks for them"
            )
        first = self.cases[reference]
        near = {n: cases for n, cases in self.cases.items() if not first.keys().isdisjoint(cases)}
        # Sorted, so that the order in which trials ended shows in no last digit.
        keys = tuple(sorted(key for key in first if all(key in cases for cases in near.values())))
        if not keys or len(near) < 2:
            raise UsageError(
                f"no case of run {self.run.id} was asked of {reference} and of the others"
            )
        rows = [first[key] for key in keys]
        numbers: dict[tuple[str, ...], int] = {}
        return Table(
            keys,
            tuple(numbers.setdefault(case.cluster, len(numbers)) for case in rows),
            tuple(case.tags for case in rows),
            {name: self._columns(name, keys) for name in near},
        )

    def alone(self, candidate: str) -> Columns:
        """One candidate over all the cases that it was asked."""
        return self._columns(candidate, sorted(self.cases[candidate]))

    def _columns(self, name: str, keys: Sequence[CaseKey]) -> Columns:
        """One candidate over these cases; over all of its own, they are made but once."""
        cases = self.cases[name]
        if len(keys) < len(cases):
            return _columns(name, [cases[key] for key in keys])
        ended, found = self._whole.get(name, (-1, None))
        if found is None or ended != self.ended[name]:
            found = _columns(name, [cases[key] for key in keys])
            self._whole[name] = self.ended[name], found
        return found

    def require_signal(self) -> None:
        """UsageError where no answer was graded by the grader that is to be the signal."""
        if self.signal is None or self.signal in self.graders:
            return
        known = ", ".join(sorted(self.graders)) or "none"
        near = did_you_mean(self.signal, self.graders)
        raise UsageError(f"no grader {self.signal!r} graded this run{near}; its graders: {known}")

    def _attempt(self, result: Result) -> Attempt:
        missing = result.outcome.missing
        answered = result.outcome is not Outcome.ERRORED
        own = [call.bill for call in result.calls if call.request.purpose == "answer"]
        passed = None if missing else float(result.outcome is Outcome.PASSED)
        bill = sum(own, Bill()) if answered and own else None
        said = _said(result) if self.texts and bill is not None else None
        if self.signal is None:
            return Attempt(passed, bill, said)
        grades = list(_all(result.grades))
        self.graders.update(grade.name for grade in grades)
        named = [grade for grade in grades if grade.name == self.signal]
        return Attempt(passed, bill, said, *_signal(result, named))


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


def _columns(name: str, cases: Sequence[Case]) -> Columns:
    attempts = [attempt for case in cases for attempt in case.attempts]
    return Columns(
        name=name,
        passed=_means([[a.passed for a in case.attempts] for case in cases]),
        worst=_means([[a.passed or 0.0 for a in case.attempts] for case in cases]),
        best=_means([[1.0 if a.passed is None else a.passed for a in c.attempts] for c in cases]),
        dollars={tier: _dollars(cases, tier) for tier in TIERS},
        cases=tuple(cases),
        missing=sum(attempt.passed is None for attempt in attempts),
        attempts=len(attempts),
    )


def _known(dollars: Floats | None, rows: Codes) -> Floats | None:
    """The dollars of some cases; None where they are unknown, or none of these was answered."""
    import numpy as np

    some = None if dollars is None else dollars[rows]
    return None if some is None or np.isnan(some).all() else some


def _means(cases: Sequence[Sequence[float | None]]) -> Floats:
    import numpy as np

    return np.array([_mean(case) for case in cases], dtype=float)


def _mean(values: Sequence[float | None]) -> float:
    """The mean of those that are known, NaN without any."""
    if len(values) == 1 and values[0] is not None:
        return values[0]
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else math.nan


def price(bill: Bill, tier: Tier) -> Decimal | None:
    """The bill as it was, or as that tier would have made it."""
    if tier == "billed":
        return bill.total
    return bill.at_live_prices if tier == "live" else bill.at_batch_prices


def _dollars(cases: Sequence[Case], tier: Tier) -> Floats | None:
    """The mean of a case's attempts; None where a price is unknown or nothing was answered."""
    prices = [[price(a.bill, tier) for a in c.attempts if a.bill is not None] for c in cases]
    if not any(prices) or any(amount is None for case in prices for amount in case):
        return None
    return _means([[float(a) for a in case if a is not None] for case in prices])
