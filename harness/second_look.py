"""The second look at an alarm: the compared cases of both sides are asked again, and graded.

They are trials like any other, asked through the run's own backend, under its pace and its budget.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness import baselines, confirming
from harness.errors import RunNotFoundError, UsageError
from harness.execute import Driver
from harness.prompt import Prompt, ttl_of
from harness.recorder import Recorder
from harness.records import Candidate, Request, Result, Run
from harness.suite import Case, GraderSpec, Script
from harness.trial import Trial
from harness.workshop import Workshop

if TYPE_CHECKING:
    from harness.confirming import At, StoredSide
    from harness.models import Registry
    from harness.store import Store
    from harness.suite import Suite


@dataclass(frozen=True, slots=True)
class AskedBefore:
    """A case as the baseline asked it: `case` is to be asked so, and tests what `tested` does."""

    case: Case
    tested: Case
    request: Request


class AgainWorkshop(Workshop):
    """Composes a suite's requests as they are now, and those of a baseline as they were."""

    def __init__(self, suite: Suite, registry: Registry, *, ttl: str) -> None:
        super().__init__(suite, registry, ttl=ttl)
        self._before: dict[int, AskedBefore] = {}

    def add(self, before: AskedBefore) -> None:
        """Take in a case of the baseline."""
        self._before[id(before.case)] = before

    def opening(self, case: Case, candidate: Candidate) -> Prompt:
        """The conversation before its first turn; of a baseline's case, all that was sent."""
        before = self._before.get(id(case))
        if before is None:
            return super().opening(case, candidate)
        base = {key: value for key, value in before.request.params.items() if key != "messages"}
        messages = list(before.request.params["messages"])
        return Prompt(base, before.request.betas, self.suite.timeout_s, messages)

    def fingerprint(self, case: Case) -> str:
        """The hash of what the case tests: who asks it, and how, is no part of that."""
        before = self._before.get(id(case))
        return super().fingerprint(before.tested if before else case)


class _Apart(Recorder):
    """Finds no answer but those of the second look, and keeps them as the run's, which pays."""

    def __init__(self, of: Recorder) -> None:
        space = replace(of.space, run=confirming.look_id(of.space.run), fresh=True)
        super().__init__(of.desk.store, of.backend, space)
        self.desk = of.desk


class SecondLook:
    """Asks again what has raised an alarm in a run; `driver` is there to be stopped from the start.

    `trials` are the run's own.
    """

    def __init__(
        self, run: Run, trials: Sequence[Trial], recorder: Recorder, *, mixed: bool
    ) -> None:
        self.run, self.trials, self.desk = run, trials, recorder.desk
        self.workshops: dict[str, AgainWorkshop] = {}
        self.driver = Driver(_Apart(recorder), self.workshops, self._ended, mixed=mixed)

    async def due(self, registry: Registry) -> list[Trial]:
        """The trials of both sides of every alarm, once the run's own have ended."""
        await self.desk.look_up(())  # all results are kept now
        try:
            return await asyncio.to_thread(self._due, self.desk.store, registry)
        except (UsageError, RunNotFoundError):
            return []  # a baseline that is gone: the gates say why

    def _due(self, store: Store, registry: Registry) -> list[Trial]:
        name = str(self.run.invocation["baseline"])
        folder = Path(self.run.invocation.get("cwd") or ".")
        force = bool(self.run.invocation.get("force"))
        baseline = baselines.find(name, store, folder)
        beside = baselines.beside(self.run, store, baseline, force=force)
        alarms = {at: set(keys) for at, keys in beside.alarms()}
        if not alarms:
            return []
        for suite in {trial.suite.name: trial.suite for trial in self.trials}.values():
            workshop = AgainWorkshop(suite, registry, ttl=ttl_of(self.run.mode))
            self.workshops[suite.name] = workshop
        now: defaultdict[At, list[Trial]] = defaultdict(list)
        for trial in self.trials:
            at = (trial.suite.name, trial.candidate.name)
            if (trial.suite.name, trial.case.id) in alarms.get(at, ()):
                now[at].append(trial)
        stored = confirming.stored_sides(
            beside, self.run, store, baselines.stored(name, store, folder)
        )
        due = [trial for at in alarms for trial in (*now[at], *self._before(now[at], stored[at]))]
        return sorted(due, key=lambda trial: trial.index)

    def _before(self, now: Sequence[Trial], stored: StoredSide) -> Iterator[Trial]:
        """The baseline's trials of the same cases, graded by the suite as it is.

        Their repeats go on where the run's end: an identical request is another answer.
        """
        if stored.why:
            return
        places, repeats = len(self.trials), max(trial.repeat for trial in self.trials)
        for trial in {trial.case.id: trial for trial in now}.values():
            key = (trial.suite.name, trial.case.id)
            if key not in stored.requests:
                continue
            before = asked_before(trial, stored.requests[key])
            self.workshops[trial.suite.name].add(before)
            model = replace(trial.candidate, model=before.request.model)
            for position, repeat in stored.places[key]:
                yield Trial(trial.suite, before.case, model, repeats + repeat, places + position)

    def _ended(self, trial: Trial, result: Result) -> None:
        from harness.store import ResultRow

        place = trial.index - len(self.trials)
        side: confirming.SideName = "now" if place < 0 else "before"
        position = trial.index if place < 0 else place
        self.desk.note(ResultRow(confirming.rows_of(self.run.id, side), position, result))


def asked_before(trial: Trial, request: Request) -> AskedBefore:
    """The trial's case, to be asked with a request that holds all of the conversation already."""
    script = trial.script
    graders: list[GraderSpec] = [spec for turn in script.turns for spec in turn.graders]
    asked = Script(
        graders=(*graders, *script.graders),
        tools=script.tools,
        cache=script.cache,
        repeats=script.repeats,
    )
    return AskedBefore(replace(trial.case, script=asked), trial.case, request)
