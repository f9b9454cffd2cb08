"""The driver: runs every trial's generator and hands what it yields to the recorder."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import partial

from harness.errors import AnswerMissingError, PendingAnswerError, RunStoppedError, StoreError
from harness.garbage import rare_collections
from harness.order import Turns, in_turn
from harness.prefix import prefix_of
from harness.recorder import Asked, Recorder
from harness.records import Answer, Missing, Outcome, Request, Result
from harness.trial import Trial, steps
from harness.watchdog import Watchdog
from harness.workshop import Workshop

log = logging.getLogger("harness")

WIDTH = 256
"""Trials that are under way at once, more where a model's are late; the backend bounds the
requests."""

Sink = Callable[[Trial, Result], None]


class Driver:
    """Runs trials side by side, gives each result to `sink`, and stops as a whole.

    The order is random, the run's id its seed; cases that are not `mixed` keep theirs.
    """

    def __init__(
        self,
        recorder: Recorder,
        workshops: Mapping[str, Workshop],
        sink: Sink,
        *,
        width: int = WIDTH,
        mixed: bool = True,
    ) -> None:
        self.recorder, self.workshops, self.sink = recorder, workshops, sink
        self.width, self.mixed = width, mixed
        self.watchdog = Watchdog()
        self.pending: list[Trial] = []
        self._stopped: Exception | None = None

    def stop(self, reason: Exception) -> None:
        """Begin no trial and send no request any more; what is under way is still recorded."""
        if self._stopped is None:
            self._stopped = reason
            self.recorder.backend.stop()

    async def run(self, trials: Iterable[Trial]) -> list[Trial]:
        """Run all, in the order of this run's id; those whose answers are pending, to be run again.

        Raises what stopped it, after the last answer under way has been recorded.
        """
        self.pending = []
        try:
            with rare_collections():
                await self._run(list(trials))
        finally:
            self.watchdog.close()
            self.watchdog = Watchdog()
        if self._stopped is not None:
            raise self._stopped
        return sorted(self.pending, key=lambda trial: trial.index)

    async def _run(self, trials: Sequence[Trial]) -> None:
        models = len({trial.candidate.model for trial in trials})
        order = in_turn(trials, self.recorder.space.run, self._family, mixed=self.mixed)
        turns = Turns(order, self.width, models=models)
        working = 0

        async def work() -> None:
            try:
                while self._stopped is None and (trial := turns.take()) is not None:
                    begin()
                    await self._finish(trial)
                    turns.ended(trial)
            except Exception as error:  # whatever it is: the answers under way are recorded first
                self.stop(error)

        def begin() -> None:
            nonlocal working
            while working < turns.places:
                working += 1
                group.create_task(work())

        async with asyncio.TaskGroup() as group:
            begin()

    async def run_stored(self, trials: Iterable[Trial]) -> None:
        """Run those whose answers are all stored, and ask nothing: a stopped run shows these."""
        stopped, self._stopped = self._stopped, None
        self.recorder.stored_only = True
        try:
            await self.run(trials)
        finally:
            self._stopped, self.recorder.stored_only = stopped, False

    async def _finish(self, trial: Trial) -> None:
        """Run one trial to its end, or as far as its answers are there."""
        try:
            result = await self._attempt(trial)
        except PendingAnswerError:
            self.pending.append(trial)  # it is run again, and finds its answer stored
        else:
            self.sink(trial, result)

    def _family(self, trial: Trial) -> Hashable | None:
        """What a case shares in the prompt cache with others, where its suite wants that."""
        if trial.script.cache is None:
            return None
        workshop = self.workshops[trial.suite.name]
        try:
            opening = self.watchdog.run(partial(workshop.opening, trial.case, trial.candidate))
        except Exception:
            return None  # its trials tell what is wrong
        return prefix_of(opening.request())

    async def _attempt(self, trial: Trial) -> Result:
        """One trial from its first request to its result; its own errors make it missing."""
        asking = steps(trial, self.workshops[trial.suite.name])
        asked = Asked()
        try:
            requests = self.watchdog.run(partial(next, asking))
            while True:
                replies = await self._replies(requests, trial.repeat, asked)
                requests = self.watchdog.run(partial(asking.send, replies))
        except StopIteration as stop:
            result: Result = stop.value
            return result
        except PendingAnswerError:
            self.recorder.hand_back(asked)
            raise
        except (RunStoppedError, StoreError):
            raise
        except Exception as error:  # a fault in one trial must not lose the run
            log.exception("trial %s broke", trial.id)
            missing = Missing("internal_error", f"{type(error).__name__}: {error}")
            return Result(
                trial.id, Outcome.ERRORED, None, missing=missing, reason=missing.reason,
                tags=trial.case.tags, cluster=trial.case.cluster,
            )  # fmt: skip

    async def _replies(
        self, requests: Sequence[Request], repeat: int, asked: Asked
    ) -> list[Answer | Missing]:
        replies = [self._reply(request, repeat, asked) for request in requests]
        if len(replies) == 1:
            return [await replies[0]]
        # All are waited for, so that what is under way is recorded even where one ends the run.
        done = await asyncio.gather(*replies, return_exceptions=True)
        for reply in done:
            if isinstance(reply, BaseException):
                raise reply
        return [reply for reply in done if not isinstance(reply, BaseException)]

    async def _reply(self, request: Request, repeat: int, asked: Asked) -> Answer | Missing:
        if self._stopped is not None:
            raise RunStoppedError("the run was stopped")
        try:
            return await self.recorder.answer(request, repeat, asked)
        except AnswerMissingError as error:
            return error.missing
