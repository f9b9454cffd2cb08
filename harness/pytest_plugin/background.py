"""A run in a thread of its own, whose results are waited for one by one, in any order."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TYPE_CHECKING

from harness.analysis.compare import Comparer
from harness.errors import HarnessError, InterruptedRunError
from harness.prepare import Prepared
from harness.records import Result, Run
from harness.run import Execution, execute
from harness.trial import Trial

if TYPE_CHECKING:
    from harness.store import Store

STEP_S = 0.05
RUSH = 100
"""More results than this in one step come from the store: no account answers so many so fast."""


class BackgroundRun:
    """Runs all trials of `prepared`, and gives each result as soon as it is there."""

    def __init__(self, prepared: Prepared, store: Store, run: Run) -> None:
        self.prepared, self.store, self.run = prepared, store, run
        self.execution = Execution(Comparer(run))
        self._results: dict[int, Result] = {}
        # Waiting for a queue can be interrupted at any instant; waiting for a future may lose the
        # interrupt over a lock that it has not taken back.
        self._awaited: dict[int, list[SimpleQueue[None]]] = {}
        self._lock = threading.Lock()
        self._ended: BaseException | None = None
        self._stop: Callable[[], None] | None = None
        self._wanted_stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="evals", daemon=True)
        self._thread.start()

    def result(self, index: int) -> Result:
        """The result of the trial with this index; raises what stopped the run before it was there.

        Takes no trial: where the waiting is interrupted, pytest writes out every argument, and a
        trial has the whole suite in it.
        """
        with self._lock:
            if index in self._results:
                return self._results[index]
            if self._ended is not None:
                raise self._ended
            bell = SimpleQueue[None]()
            self._awaited.setdefault(index, []).append(bell)
        bell.get()
        return self.result(index)

    def settle(self) -> None:
        """Wait for as long as results come so fast that they are stored ones.

        Whoever shows results would only take the time that the run needs to find the others.
        """
        gained = RUSH
        while gained >= RUSH and not self.over:
            before = len(self._results)
            self._thread.join(STEP_S)
            gained = len(self._results) - before

    def stop(self) -> None:
        """Send nothing more; returns at once."""
        self._wanted_stop.set()
        if self._stop is not None and not self.done:
            self._stop()

    def finish(self) -> Execution:
        """End the run: send nothing more, record what is under way; what came of it."""
        self.stop()
        self._thread.join()
        return self.execution

    @property
    def done(self) -> bool:
        """Every trial has its result."""
        return len(self._results) == len(self.prepared.trials)

    @property
    def over(self) -> bool:
        """Nothing of the run is at work any more, and what it has found is all it will find."""
        return not self._thread.is_alive()

    def _work(self) -> None:
        error: BaseException | None = None
        try:
            self.execution = execute(self.prepared, self.store, self.run, self, on_signal=False)
            error = self.execution.stopped
        except BaseException as exc:  # whoever waits for a result must hear of it
            error = exc
            if isinstance(exc, HarnessError):
                self.execution.stopped = exc
        with self._lock:
            self._ended = error or InterruptedRunError("the run was stopped")
            for index in list(self._awaited):
                self._ring(index)

    def begin(self, _run: Run, _total: int, stop: Callable[[], None], /) -> None:
        """The run has begun, and can be stopped by `stop`, from any thread."""
        self._stop = stop
        if self._wanted_stop.is_set():
            stop()

    def ended(self, trial: Trial, result: Result, /) -> None:
        """Hand the result to whoever waits for it."""
        with self._lock:
            self._results[trial.index] = result
            self._ring(trial.index)

    def _ring(self, index: int) -> None:
        for bell in self._awaited.pop(index, ()):
            bell.put(None)

    def interrupted(self) -> None:
        """Nobody is watching."""

    def news(self, _line: str, /) -> None:
        """Nobody is listening."""

    def beat(self, _trouble: str, /) -> None:
        """Nobody is watching."""

    def waiting(self, _batches: object, /) -> None:
        """Nobody is watching."""
