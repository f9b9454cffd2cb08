"""What a run found, case by case: a side of a comparison between runs, small enough to commit."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from harness.analysis.attempts import CaseKey
from harness.records import Candidate, Outcome, Result, Run, add_dollars


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """One case of one candidate: pass and score of each graded repeat, in order.

    `content` is the hash of what the case tests, empty where it is unknown; `missing` counts the
    repeats without a grade.
    """

    content: str
    cluster: str | None = None
    passed: tuple[bool, ...] = ()
    score: tuple[float | None, ...] = ()
    missing: int = 0

    @property
    def trials(self) -> int:
        """Repeats, missing ones included."""
        return len(self.passed) + self.missing

    @property
    def pass_share(self) -> float | None:
        """The share of the graded repeats that passed."""
        return sum(self.passed) / len(self.passed) if self.passed else None

    @property
    def mean_score(self) -> float | None:
        """The mean score of the graded repeats."""
        known = [score for score in self.score if score is not None]
        return math.fsum(known) / len(known) if known else None

    def bound(self, *, missing_pass: bool) -> float | None:
        """The pass share if every missing repeat had passed, or had failed."""
        if not self.trials:
            return None
        return (sum(self.passed) + missing_pass * self.missing) / self.trials


@dataclass(frozen=True, slots=True)
class Arm:
    """One candidate of a run; `cost_usd` is of all its trials, None where a price is unknown."""

    name: str
    model: str
    params: Mapping[str, Any] = field(default_factory=dict)
    prompt: str | None = None
    cost_usd: Decimal | None = None
    cases: Mapping[CaseKey, CaseRecord] = field(default_factory=dict)

    @property
    def suites(self) -> tuple[str, ...]:
        """The suites that it has cases of, in their order."""
        return tuple(dict.fromkeys(suite for suite, _ in self.cases))

    def of(self, suite: str) -> dict[str, CaseRecord]:
        """Its cases of one suite, by id."""
        return {case: record for (of, case), record in self.cases.items() if of == suite}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A run as far as other runs are compared with it; `arms` by the candidate's name."""

    run: str
    started_at: datetime
    mode: str
    simulated: bool
    harness_version: str
    sdk_version: str
    arms: Mapping[str, Arm] = field(default_factory=dict)

    @property
    def suites(self) -> tuple[str, ...]:
        """The suites that any candidate has cases of."""
        return tuple(dict.fromkeys(suite for arm in self.arms.values() for suite in arm.suites))


@dataclass(slots=True)
class _Case:
    """The repeats of one case as they come, in any order."""

    content: str
    cluster: str | None
    graded: list[tuple[int, bool, float | None]] = field(default_factory=list)
    missing: int = 0

    def add(self, result: Result) -> None:
        # A trial that ended before its case was rendered knows no hash; its neighbours may.
        self.content = self.content or result.content
        if result.outcome.missing:
            self.missing += 1
        else:
            passed = result.outcome is Outcome.PASSED
            self.graded.append((result.id.repeat, passed, result.score))

    def record(self) -> CaseRecord:
        ordered = sorted(self.graded, key=lambda graded: graded[0])
        passed = tuple(passed for _, passed, _ in ordered)
        score = tuple(score for _, _, score in ordered)
        return CaseRecord(self.content, self.cluster, passed, score, self.missing)


def snapshot(run: Run, results: Iterable[Result]) -> Snapshot:
    """What `run` found, in one pass over its results in any order.

    Marked simulated where any answer was. ValueError where a result is of no candidate of the run.
    """
    cases: dict[str, dict[CaseKey, _Case]] = {c.name: {} for c in run.candidates}
    cost: dict[str, Decimal | None] = dict.fromkeys(cases, Decimal(0))
    simulated = run.simulated
    for result in results:
        name, key = result.id.candidate, (result.id.suite, result.id.case)
        if name not in cases:
            raise ValueError(f"{result.id} is of no candidate of run {run.id!r}")
        case = cases[name].get(key)
        if case is None:
            case = cases[name][key] = _Case(result.content, result.cluster)
        case.add(result)
        for call in result.calls:
            simulated = simulated or call.answer.simulated
            if call.request.purpose != "rival":
                cost[name] = add_dollars(cost[name], call.bill.total)
    arms = {c.name: _arm(c, cases[c.name], cost[c.name]) for c in run.candidates}
    return Snapshot(
        run=run.id,
        started_at=run.started_at,
        mode=run.mode,
        simulated=simulated,
        harness_version=run.harness_version,
        sdk_version=run.sdk_version,
        arms=arms,
    )


def _arm(candidate: Candidate, cases: Mapping[CaseKey, _Case], cost: Decimal | None) -> Arm:
    return Arm(
        name=candidate.name,
        model=candidate.model,
        params=candidate.params,
        prompt=candidate.prompt,
        cost_usd=cost,
        cases={key: case.record() for key, case in cases.items()},
    )


@dataclass(frozen=True, slots=True)
class Overlap:
    """The cases of two sides: `identical` test the same, `changed` only have the same id.

    `unknown` of the changed ones have no hash on a side. New and removed are as seen from `b`,
    the earlier side.
    """

    identical: tuple[CaseKey, ...]
    changed: tuple[CaseKey, ...]
    new: tuple[CaseKey, ...]
    removed: tuple[CaseKey, ...]
    unknown: int = 0


def overlap(a: Arm, b: Arm, suites: Sequence[str] | None = None) -> Overlap:
    """The cases of `a`, the later side, beside those of `b`; of `suites` alone where given."""
    mine, theirs = (
        {key: record for key, record in arm.cases.items() if suites is None or key[0] in suites}
        for arm in (a, b)
    )
    both = [key for key in mine if key in theirs]
    same = {key for key in both if mine[key].content == theirs[key].content != ""}
    changed = tuple(key for key in both if key not in same)
    return Overlap(
        identical=tuple(key for key in both if key in same),
        changed=changed,
        new=tuple(key for key in mine if key not in theirs),
        removed=tuple(key for key in theirs if key not in mine),
        unknown=sum(not (mine[key].content and theirs[key].content) for key in changed),
    )


def clusters_of(a: Arm, keys: Iterable[CaseKey]) -> list[tuple[str, ...]]:
    """The cluster of each case; a case without one is its own, and names are the suite's."""
    return [key if (name := a.cases[key].cluster) is None else (key[0], "", name) for key in keys]


def changes(a: Arm, b: Arm) -> tuple[str, ...]:
    """What of the candidate itself differs between the later side `a` and `b`, in words."""
    found = []
    if a.model != b.model:
        found.append(f"model {b.model} → {a.model}")
    for name in sorted({*a.params, *b.params}):
        before, now = b.params.get(name, "unset"), a.params.get(name, "unset")
        if before != now:
            found.append(f"{name} {before} → {now}")
    if a.prompt != b.prompt:
        found.append(f"prompt {b.prompt or 'unnamed'} → {a.prompt or 'unnamed'}")
    return tuple(found)
