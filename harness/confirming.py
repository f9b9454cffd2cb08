"""What a second look at an alarm found: fresh answers of both sides, out of the store.

Asks nothing itself; `second_look` does. Its results stand under names of their own beside the
run's, so that whoever opens the run later comes to the same verdict.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple

from harness.analysis.attempts import CaseKey
from harness.analysis.baseline import CaseRecord, Snapshot, clusters_of, overlap, snapshot
from harness.analysis.regression_confirm import FreshSides, confirmed
from harness.records import Outcome, Request, Result, Run, add_dollars

if TYPE_CHECKING:
    from harness.analysis.comparison import CandidateSummary, Cost
    from harness.analysis.regression_records import Regression, RegressionVerdict
    from harness.store import Store

A_FILE = "it is a file"
A_PROGRAM = "it is of an eval in Python"
ASKS_RIVALS = "its graders ask other candidates"
GONE = "its answers are no longer in the store"
OTHERWISE = "its repeats were asked differently"
SEVERAL = "its trials made several requests"
UNSCRIPTED = "the built-in simulator knows the prompts of this run alone"
UNANSWERED = "none of its trials was answered"

SideName = Literal["now", "before"]
At = tuple[str, str]
"""A suite, and a candidate in it."""


class Beside(NamedTuple):
    """A run and its baseline, case by case, and what the first look has found."""

    now: Snapshot
    before: Snapshot
    found: Regression

    def alarms(self) -> Iterator[tuple[At, tuple[CaseKey, ...]]]:
        """Each candidate and suite that is to be looked at again, with the compared cases."""
        for one in self.found.candidates:
            if one.confirmation is not None:
                sides = self.now.arms[one.candidate], self.before.arms[one.candidate]
                yield (one.suite, one.candidate), overlap(*sides, [one.suite]).identical


@dataclass(slots=True)
class StoredSide:
    """What the baseline asked in the compared cases of a candidate, where it can be asked again.

    `places` are the trials of each case: position in the baseline's run, and repeat. `why` says
    what cannot be asked again; then none of it is.
    """

    requests: dict[CaseKey, Request] = field(default_factory=dict)
    places: defaultdict[CaseKey, list[tuple[int, int]]] = field(
        default_factory=partial(defaultdict, list)
    )
    why: str = ""

    def add(self, position: int, result: Result) -> None:
        """Take in one trial of the baseline; one that was never answered has nothing to ask."""
        key = (result.id.suite, result.id.case)
        calls, errored = result.calls_for("answer"), result.outcome is Outcome.ERRORED
        if result.calls_for("rival"):
            self.why = ASKS_RIVALS
        elif len(calls) > 1 or (calls and errored):
            self.why = SEVERAL
        elif not calls:
            self.why = self.why if errored else GONE
        elif self.requests.setdefault(key, calls[0].request).params != calls[0].request.params:
            self.why = OTHERWISE
        else:
            self.places[key].append((position, result.id.repeat))


def look_id(run: str) -> str:
    """What keeps the answers of the second look at a run from all others; the same on resuming."""
    return f"{run}/again"


def rows_of(run: str, side: SideName) -> str:
    """The name under which the store has the second look's results of one side."""
    return f"{look_id(run)}/{side}"


def stored_sides(
    beside: Beside, run: Run, store: Store, baseline: str | None
) -> dict[At, StoredSide]:
    """For each alarm, what can be asked again of the `baseline`: a run's id, None for a file."""
    wanted = {at: frozenset(keys) for at, keys in beside.alarms()}
    if baseline is None:
        return {at: StoredSide(why=A_FILE) for at in wanted}
    sides = {at: StoredSide() for at in wanted}
    for position, result in enumerate(store.results(baseline)):
        at, key = (result.id.suite, result.id.candidate), (result.id.suite, result.id.case)
        if at in wanted and key in wanted[at]:
            sides[at].add(position, result)
    programs = {suite.name for suite in run.suites if suite.path.endswith(".py")}
    offline = bool(run.invocation.get("offline"))
    known = _openings(store.results(run.id)) if offline else None
    for at, side in sides.items():
        side.why = side.why or _why_not(at, side, programs, known)
    return sides


def _why_not(
    at: At, side: StoredSide, programs: set[str], known: Mapping[tuple[At, CaseKey], object] | None
) -> str:
    if at[0] in programs:
        return A_PROGRAM
    if not side.requests:
        return UNANSWERED
    if known is None:
        return ""
    same = all(known.get((at, key)) == _opening(asked) for key, asked in side.requests.items())
    return "" if same else UNSCRIPTED


def _openings(results: Iterable[Result]) -> dict[tuple[At, CaseKey], object]:
    """How each candidate's conversation about each case began."""
    return {
        ((result.id.suite, result.id.candidate), (result.id.suite, result.id.case)): _opening(
            calls[0].request
        )
        for result in results
        if (calls := result.calls_for("answer"))
    }


def _opening(request: Request) -> object:
    return request.params.get("system"), list(request.params["messages"])


@dataclass(slots=True)
class SecondLook:
    """The results of a second look, as far as there are any, and what they cost the run."""

    now: Snapshot
    before: Snapshot
    spent: dict[At, Decimal | None]

    @classmethod
    def of(cls, run: Run, store: Store) -> SecondLook:
        """What the store has of the second look at this run."""
        spent: dict[At, Decimal | None] = {}
        sides = [
            snapshot(run, _counted(store.results(rows_of(run.id, side)), run, spent))
            for side in ("now", "before")
        ]
        return cls(sides[0], sides[1], spent)

    def sides(
        self, at: At, keys: Iterable[CaseKey], beside: Beside, stored: StoredSide
    ) -> FreshSides | None:
        """Both sides of an alarm; None where the second look has not ended."""
        _, candidate = at
        fresh = (self.now.arms[candidate].cases, self.before.arms[candidate].cases)
        first = (beside.now.arms[candidate].cases, beside.before.arms[candidate].cases)
        none, now, before, listed = CaseRecord(""), [], [], list(keys)
        for key in listed:
            now.append(fresh[0].get(key, none))
            if now[-1].trials < first[0][key].trials:
                return None
            before.append(first[1][key] if stored.why else fresh[1].get(key, none))
            if not stored.why and before[-1].trials < len(stored.places.get(key, ())):
                return None
        clusters = clusters_of(beside.now.arms[candidate], listed)
        return FreshSides(now, before, clusters, stored.why)


def _counted(
    results: Iterable[Result], run: Run, spent: dict[At, Decimal | None]
) -> Iterator[Result]:
    """The results of the run's candidates; what each cost is added to `spent` on the way."""
    names = {candidate.name for candidate in run.candidates}
    for result in results:
        if result.id.candidate in names:  # another attempt may have asked others
            at = (result.id.suite, result.id.candidate)
            spent[at] = add_dollars(spent.get(at, Decimal(0)), result.spent)
            yield result


def looked_again(
    beside: Beside, run: Run, store: Store, baseline: str | None
) -> tuple[Regression, Mapping[At, Decimal | None]]:
    """What was found, with each alarm confirmed or not; and what the second look has cost the run.

    `baseline` is the id of a run in the store, None for a file.
    """
    again = SecondLook.of(run, store)
    alarms = dict(beside.alarms())
    stored = stored_sides(beside, run, store, baseline) if alarms else {}

    def judged(found: RegressionVerdict) -> RegressionVerdict:
        at = (found.suite, found.candidate)
        if at not in alarms:
            return found
        sides = again.sides(at, alarms[at], beside, stored[at])
        return found if sides is None else confirmed(found, sides)

    candidates = tuple(map(judged, beside.found.candidates))
    return replace(beside.found, candidates=candidates), again.spent


def with_spent(summary: CandidateSummary, spent: Mapping[At, Decimal | None]) -> CandidateSummary:
    """The candidate, where what the run paid for its second look is part of what it spent."""
    suites = {}
    cost_usd = summary.cost_usd
    for name, suite in summary.by_suite.items():
        dollars = spent.get((name, summary.name), Decimal(0))
        suites[name] = replace(suite, cost_usd=_paid(suite.cost_usd, dollars))
        cost_usd = _paid(cost_usd, dollars)
    return replace(summary, by_suite=suites, cost_usd=cost_usd)


def _paid(cost: Cost, dollars: Decimal | None) -> Cost:
    return replace(cost, spent=add_dollars(cost.spent, dollars))
