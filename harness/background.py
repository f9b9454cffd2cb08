"""A run in a thread of its own, whose results are waited for one by one, in any order."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING

from harness.analysis.compare import Comparer
from harness.errors import HarnessError, InterruptedRunError
from harness.records import Result, Run
from harness.run import Execution, Prepared, execute
from harness.trial import Trial

if TYPE_CHECKING:
    from harness.store import Store


class BackgroundRun:
    """Runs all trials of `prepared`, and gives each result as soon as it is there."""

    def __init__(self, prepared: Prepared, store: Store, run: Run) -> None:
        self.prepared, self.store, self.run = prepared, store, run
        self.execution = Execution(Comparer(run))
        self._results = {trial.index: Future[Result]() for trial in prepared.trials}
        self._stop: Callable[[], None] | None = None
        self._wanted_stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="evals", daemon=True)
        self._thread.start()

    def result(self, index: int) -> Result:
        """The result of the trial with this index; raises what stopped the run before it was there.

        Takes no trial: where the waiting is interrupted, pytest writes out every argument, and a
        trial has the whole suite in it.
        """
        return self._results[index].result()

    def finish(self) -> Execution:
        """End the run: send nothing more, record what is under way; what came of it."""
        self._wanted_stop.set()
        if self._stop is not None and not self.done:
            self._stop()
        self._thread.join()
        return self.execution

    @property
    def done(self) -> bool:
        """Every trial has its result."""
        return all(future.done() for future in self._results.values())

    def _work(self) -> None:
        error: BaseException | None = None
        try:
            self.execution = execute(self.prepared, self.store, self.run, self, on_signal=False)
            error = self.execution.stopped
        except BaseException as exc:  # whoever waits for a result must hear of it
            error = exc
            if isinstance(exc, HarnessError):
                self.execution.stopped = exc
        for future in self._results.values():
            if not future.done():
                future.set_exception(error or InterruptedRunError("the run was stopped"))

    def begin(self, _run: Run, _total: int, stop: Callable[[], None], /) -> None:
        """The run has begun, and can be stopped by `stop`, from any thread."""
        self._stop = stop
        if self._wanted_stop.is_set():
            stop()

    def ended(self, trial: Trial, result: Result, /) -> None:
        """Hand the result to whoever waits for it."""
        self._results[trial.index].set_result(result)

    def interrupted(self) -> None:
        """Nobody is watching."""

    def news(self, _line: str, /) -> None:
        """Nobody is listening."""

    def beat(self, _trouble: str, /) -> None:
        """Nobody is watching."""

    def waiting(self, _batches: object, /) -> None:
        """Nobody is watching."""
