"""A run in a thread of its own: results as they come, and what ends it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from local_api import Asked, LocalApi, access, error, http, message
from suite_making import registry, write

from harness import plan
from harness.errors import InterruptedRunError, RunStoppedError
from harness.invocation import Invocation
from harness.load import load
from harness.prepare import prepare_trials
from harness.pytest_plugin.background import RUSH, BackgroundRun
from harness.records import Outcome, Result
from harness.run import begin
from harness.store import Store

SUITE = """
suite: s
models: [haiku]
prompt: "Say {{ n }}."
params: {max_tokens: 5}
graders: [{contains: hi}]
cases:
"""


@pytest.fixture
def begun(tmp_path: Path, serve: Callable[..., LocalApi]) -> Iterator[Callable[..., BackgroundRun]]:
    """Starts a run of so many cases against a server that behaves as a function says."""
    with ExitStack() as stack:

        def start(count: int, behave: Callable[[Asked], bytes], width: int = 1) -> BackgroundRun:
            cases = "".join(f"  - {{id: c{n}, vars: {{n: {n}}}}}\n" for n in range(count))
            models = registry(tmp_path)
            suites = load([write(tmp_path, SUITE + cases)], models)
            invocation = Invocation((), cwd=str(tmp_path), concurrency=width)
            environ = access(serve(behave).url)
            prepared = prepare_trials(invocation, models, environ, list(plan.trials(suites)))
            store = Store(f"sqlite:///{tmp_path}/store.db")
            stack.callback(store.close)
            run = BackgroundRun(prepared, store, begin(prepared, store))
            stack.callback(run.finish)
            return run

        yield start


def test_results_are_there_in_any_order(begun: Callable[..., BackgroundRun]) -> None:
    run = begun(3, lambda _asked: http(message("hi")))
    outcomes = [run.result(trial.index).outcome for trial in reversed(run.prepared.trials)]
    assert outcomes == [Outcome.PASSED] * 3
    assert run.finish().stopped is None
    assert run.done


def test_a_run_that_is_finished_early_is_interrupted(begun: Callable[..., BackgroundRun]) -> None:
    run = begun(500, lambda _asked: http(message("hi")))
    run.result(0)
    assert isinstance(run.finish().stopped, InterruptedRunError)
    with pytest.raises(InterruptedRunError):
        run.result(499)


def test_finishing_before_the_first_answer_loses_nothing(
    begun: Callable[..., BackgroundRun],
) -> None:
    run = begun(50, lambda _asked: http(message("hi")))
    assert isinstance(run.finish().stopped, InterruptedRunError)


def test_what_stops_the_run_is_raised_to_whoever_waits(begun: Callable[..., BackgroundRun]) -> None:
    run = begun(3, lambda _asked: http(error("authentication_error"), status=401))
    for trial in run.prepared.trials:
        with pytest.raises(RunStoppedError, match="401"):
            run.result(trial.index)
    assert isinstance(run.finish().stopped, RunStoppedError)


def test_a_run_can_be_finished_twice(begun: Callable[..., BackgroundRun]) -> None:
    run = begun(1, lambda _asked: http(message("hi")))
    run.result(0)
    assert run.finish() is run.finish()


def test_a_run_that_asks_is_not_waited_for(begun: Callable[..., BackgroundRun]) -> None:
    answered = threading.Event()

    def behave(_asked: Asked) -> bytes:
        answered.wait()
        return http(message("hi"))

    run = begun(3, behave)
    run.settle()
    over = run.over
    answered.set()
    assert not over


def test_results_that_come_as_fast_as_stored_ones_are_waited_for(
    begun: Callable[..., BackgroundRun],
) -> None:
    answered = threading.Event()

    def behave(_asked: Asked) -> bytes:
        answered.wait()
        return http(message("hi"))

    run, many = begun(1, behave), 500 * RUSH
    (trial,) = run.prepared.trials

    def come() -> None:
        for index in range(many):
            run.ended(replace(trial, index=index), Result(trial.id, Outcome.PASSED, 1.0))

    with ThreadPoolExecutor() as store:
        coming = store.submit(come)
        run.result(0)
        run.settle()
        all_came = coming.done()
        answered.set()
    assert all_came


def test_a_run_whose_answers_are_stored_asks_nothing(begun: Callable[..., BackgroundRun]) -> None:
    first = begun(5, lambda _asked: http(message("hi")))
    assert all(first.result(n) for n in range(5))
    first.finish()
    run = begun(5, lambda _asked: http(error("authentication_error"), status=401))
    assert all(run.result(n).reused for n in range(5))
    assert run.finish().stopped is None
    assert run.over


def test_a_result_is_there_for_everyone_who_waits(begun: Callable[..., BackgroundRun]) -> None:
    answered = threading.Event()

    def behave(_asked: Asked) -> bytes:
        answered.wait()
        return http(message("hi"))

    run = begun(1, behave)
    with ThreadPoolExecutor() as waiting:
        futures = [waiting.submit(run.result, 0) for _ in range(3)]
        answered.set()
        assert len({id(future.result()) for future in futures}) == 1


def test_a_run_that_is_stopped_ends_by_itself(begun: Callable[..., BackgroundRun]) -> None:
    stopped = threading.Event()

    def behave(asked: Asked) -> bytes:
        if asked.number:
            stopped.wait()
        return http(message("hi"))

    run = begun(500, behave)
    run.result(0)
    run.stop()
    stopped.set()
    with pytest.raises(InterruptedRunError):
        run.result(499)
