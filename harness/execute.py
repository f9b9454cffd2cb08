"""The driver: runs every trial's generator and hands what it yields to the recorder."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Hashable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from harness.attempt import Attempt
from harness.errors import AnswerMissingError, PendingAnswerError, RunStoppedError, StoreError
from harness.order import Turns, in_turn
from harness.prefix import prefix_of
from harness.recorder import BLOCK, Asked, Recorder
from harness.records import Answer, Missing, Outcome, Request, Result
from harness.tabs import on_a_tab
from harness.trial import Trial, steps
from harness.watchdog import Watchdog
from harness.workshop import Workshop

log = logging.getLogger("harness")

WIDTH = 256
"""Trials that are under way at once, more where a model's are late; the backend bounds the
requests."""

GIVING_WAY = 8
"""Trials after which whoever else waits for the event loop has a turn."""

Sink = Callable[[Trial, Result], None]
Replies = Sequence[Answer | Missing]


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
        turns = Turns(self.width, models=models)
        taken, working = asyncio.Event(), 0

        async def feed() -> None:
            while self._stopped is None and (block := list(islice(order, BLOCK))):
                turns.add(await self._from_store(block))
                begin()
                while turns.waiting >= self.width and self._stopped is None:
                    taken.clear()
                    await taken.wait()

        async def work() -> None:
            nonlocal working
            while self._stopped is None and (attempt := turns.take()) is not None:
                taken.set()
                begin()
                with on_a_tab(attempt.trial):
                    await self._finish(attempt)
                turns.ended(attempt)
            working -= 1

        def begin() -> None:
            nonlocal working
            for _ in range(min(turns.places - working, turns.waiting)):
                working += 1
                group.create_task(self._or_stop(work(), taken))

        async with asyncio.TaskGroup() as group:
            group.create_task(self._or_stop(feed(), taken))

    async def _or_stop(self, working: Coroutine[Any, Any, None], ended: asyncio.Event) -> None:
        """Do it; whatever goes wrong stops the run, and the answers under way are recorded."""
        try:
            await working
        except Exception as error:
            self.stop(error)
        finally:
            ended.set()

    async def run_stored(self, trials: Iterable[Trial]) -> None:
        """Run those whose answers are all stored, and ask nothing: a stopped run shows these."""
        stopped, self._stopped = self._stopped, None
        self.recorder.stored_only = True
        try:
            await self.run(trials)
        finally:
            self._stopped, self.recorder.stored_only = stopped, False

    async def _from_store(self, trials: Sequence[Trial]) -> list[Attempt]:
        """Run trials as far as stored answers lead, all looked up at once; those that need more.

        Evals in Python are left, too: what they do besides asking is done when they are asked.
        """
        attempts = [Attempt.at(trial) for trial in trials]
        ended: set[Attempt] = set()
        going: list[tuple[Attempt, Replies | None]] = [
            (attempt, None) for attempt in attempts if attempt.trial.suite.program is None
        ]
        while going and self._stopped is None:
            asking = []
            for number, (attempt, replies) in enumerate(going):
                if number % GIVING_WAY == 0:
                    await asyncio.sleep(0)  # a grader may take its time, and Ctrl-C must be heard
                result = self._result(attempt, replies)
                if result is None:
                    asking.append(attempt)
                else:
                    ended.add(attempt)
                    self.sink(attempt.trial, result)
            keys = [key for one in asking for key in one.keys]
            found = await self.recorder.stored(keys) if keys else {}
            going = [
                (one, [self.recorder.given(found[key], one.asked) for key in one.keys])
                for one in asking
                if all(key in found for key in one.keys)
            ]
        return [attempt for attempt in attempts if attempt not in ended]

    async def _finish(self, attempt: Attempt) -> None:
        """Run one trial to its end, or as far as its answers are there."""
        result = self._result(attempt, None) if attempt.asking is None else None
        while result is None:
            try:
                replies = await self._replies(attempt)
            except PendingAnswerError:
                self.recorder.hand_back(attempt.asked)
                self.pending.append(attempt.trial)  # it is run again, and finds its answer stored
                return
            except (RunStoppedError, StoreError):
                raise
            except Exception as error:  # a fault in one trial must not lose the run
                result = _broken(attempt.trial, error)
            else:
                result = self._result(attempt, replies)
        self.sink(attempt.trial, result)

    def _family(self, trial: Trial) -> Hashable | None:
        """What a case shares in the prompt cache with others, where its suite wants that."""
        if trial.script.cache is None:
            return None
        workshop = self.workshops[trial.suite.name]
        try:
            opening = self.watchdog.run(workshop.opening, trial.case, trial.candidate)
        except Exception:
            return None  # its trials tell what is wrong
        return prefix_of(opening.request())

    def _result(self, attempt: Attempt, replies: Replies | None) -> Result | None:
        """The result, where the trial ends with these replies; its own errors make it missing."""
        trial = attempt.trial
        try:
            if attempt.asking is None:
                attempt.asking = steps(trial, self.workshops[trial.suite.name])
                attempt.requests = self.watchdog.run(next, attempt.asking)
            else:
                attempt.heard = True
                attempt.requests = self.watchdog.run(attempt.asking.send, replies or ())
            attempt.keys = [self.recorder.key_of(one, attempt.asked) for one in attempt.requests]
        except StopIteration as stop:
            result: Result = stop.value
            return result
        except Exception as error:
            return _broken(trial, error)
        return None

    async def _replies(self, attempt: Attempt) -> Replies:
        asked = attempt.asked
        replies = [
            self._reply(request, key, asked)
            for request, key in zip(attempt.requests, attempt.keys, strict=True)
        ]
        if len(replies) == 1:
            return [await replies[0]]
        # All are waited for, so that what is under way is recorded even where one ends the run.
        done = await asyncio.gather(*replies, return_exceptions=True)
        for reply in done:
            if isinstance(reply, BaseException):
                raise reply
        return [reply for reply in done if not isinstance(reply, BaseException)]

    async def _reply(self, request: Request, key: str, asked: Asked) -> Answer | Missing:
        if self._stopped is not None:
            raise RunStoppedError("the run was stopped")
        try:
            return await self.recorder.answer(request, key, asked)
        except AnswerMissingError as error:
            return error.missing


def _broken(trial: Trial, error: Exception) -> Result:
    log.exception("trial %s broke", trial.id)
    missing = Missing("internal_error", f"{type(error).__name__}: {error}")
    return Result(
        trial.id, Outcome.ERRORED, None, missing=missing, reason=missing.reason,
        tags=trial.case.tags, cluster=trial.case.cluster,
    )  # fmt: skip
