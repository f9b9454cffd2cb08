"""The path, put together: ask, grade, compare. What a front door calls once a run is prepared.

`begin` makes the record of the run, `execute` asks, and `conclude` compares.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from typing import TYPE_CHECKING, Any, Protocol

import harness
from harness import baselines
from harness.analysis.compare import Comparer, compare
from harness.analysis.comparison import Comparison
from harness.analysis.gates import exit_code
from harness.asking import Told, backend_of
from harness.backends.access import Access
from harness.errors import (
    HarnessError,
    InterruptedRunError,
    PendingAnswerError,
    UsageError,
)
from harness.execute import Driver
from harness.garbage import rare_collections
from harness.interrupts import interrupts
from harness.prepare import Prepared
from harness.prompt import ttl_of
from harness.recorder import Recorder, Space
from harness.records import MAX_MISSING, Candidate, Result, Run, SuiteFacts
from harness.second_look import SecondLook
from harness.served import served
from harness.trial import Trial
from harness.workshop import Workshop

if TYPE_CHECKING:
    from harness.backends.base import Backend, Waited
    from harness.store import Store

BEAT_S = 1.0


class Watch(Protocol):
    """Who is told how a run goes, while it goes."""

    def begin(self, run: Run, total: int, stop: Callable[[], None], /) -> None:
        """`total` trials are about to run; `stop`, from any thread, ends the run in good order."""
        ...

    def ended(self, trial: Trial, result: Result, /) -> None:
        """One trial has ended."""
        ...

    def interrupted(self) -> None:
        """The run was asked to stop, and waits for what is under way."""
        ...

    def news(self, line: str, /) -> None:
        """Something worth knowing has happened, such as a batch that was sent."""
        ...

    def beat(self, trouble: str, /) -> None:
        """A second has passed; `trouble` says why requests wait to be asked again, if any do."""
        ...

    def waiting(self, batches: Sequence[Waited], /) -> None:
        """These batches are processing: told at every look at them."""
        ...


def begin(prepared: Prepared, store: Store, *, run_id: str | None = None) -> Run:
    """The record of a run that starts now, or of `run_id` that goes on; kept in the store.

    A live run is this process's alone, until `conclude`. Raises UsageError where another process
    has it, and where it needs credentials, or prices, and has none.
    """
    _require_access(prepared)
    known = store.run(run_id) if run_id else None
    candidates = _candidates(prepared.trials)
    suites = list(dict.fromkeys(trial.suite.name for trial in prepared.trials))
    names = [candidate.name for candidate in candidates]
    invocation = baselines.checked(prepared.invocation, known, (suites, names), store)
    now = datetime.now(UTC)
    if invocation.budget is not None and invocation.mode != "replay":
        from harness.purse import require_prices

        require_prices(candidates, prepared.suites, prepared.registry, now.date())
    run = Run(
        id=known.id if known else new_id(now),
        started_at=known.started_at if known else now,
        mode=invocation.mode,
        harness_version=harness.__version__,
        sdk_version=metadata.version("anthropic"),
        prices_as_of=prepared.registry.prices_as_of,
        suites=tuple(_facts(prepared)),
        candidates=candidates,
        planned=Counter(trial.candidate.name for trial in prepared.trials),
        invocation=invocation.as_dict(),
        simulated=invocation.offline,
        max_missing=MAX_MISSING if invocation.max_missing is None else invocation.max_missing,
    )
    if run.mode == "live":
        from harness import lease

        lease.take(store, run.id)
    store.start(run, same=known is not None and _is_same(known, run))
    return run


def _is_same(known: Run, run: Run) -> bool:
    """The same suites, word for word, and the same trials, so that each has its old place."""
    return (known.suites, known.candidates, known.planned) == (
        run.suites,
        run.candidates,
        dict(run.planned),
    )


def _require_access(prepared: Prepared) -> None:
    invocation = prepared.invocation
    if invocation.mode != "replay" and not invocation.offline:
        Access.of(prepared.environ)


def new_id(now: datetime) -> str:
    """An id that sorts by time: date, time, and four random hex digits."""
    return f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def _facts(prepared: Prepared) -> Iterator[SuiteFacts]:
    """What is planned in each suite that has a trial."""
    repeats = prepared.invocation.repeats
    for suite in prepared.suites:
        whole = prepared.totals[suite.name]
        trials = [trial for trial in prepared.trials if trial.suite is suite]
        yield SuiteFacts(
            name=suite.name,
            path=str(suite.path),
            sha256=suite.sha256,
            cases=len({trial.case.id for trial in trials}),
            total=len(whole.cases),
            planned=Counter(trial.candidate.name for trial in trials),
            whole=sum(repeats or whole.script_of(case).repeats for case in whole.cases),
            gates=suite.gates,
        )


def _candidates(trials: Iterable[Trial]) -> tuple[Candidate, ...]:
    return tuple({trial.candidate.name: trial.candidate for trial in trials}.values())


@dataclass(slots=True)
class Execution:
    """What came of running the trials: what stopped them early, if anything, and the count."""

    counted: Comparer
    stopped: HarnessError | None = None
    paces: Sequence[object] = ()


def execute(
    prepared: Prepared, store: Store, run: Run, watch: Watch, *, on_signal: bool = True
) -> Execution:
    """Run every trial; raises UsageError only."""
    done = Execution(Comparer(run))
    try:
        with rare_collections():
            asyncio.run(_execute(prepared, store, watch, done, on_signal=on_signal))
    except (KeyboardInterrupt, asyncio.CancelledError):
        done.stopped = InterruptedRunError("interrupted; answers under way were given up")
    except UsageError:
        raise
    except HarnessError as error:
        done.stopped = error
    return done


async def _execute(
    prepared: Prepared, store: Store, watch: Watch, done: Execution, *, on_signal: bool
) -> None:
    invocation, run = prepared.invocation, done.counted.run
    async with contextlib.AsyncExitStack() as stack:
        environ, simulator = await _surroundings(prepared, stack)
        space = Space(simulator, run.id, models=not invocation.offline, fresh=invocation.fresh)
        backend = backend_of(
            invocation, prepared.registry, environ, store, run, Told(watch.news, watch.waiting)
        )
        recorder = Recorder(store, backend, space)
        backend.record_with(recorder)
        stack.push_async_callback(backend.close)
        stack.push_async_callback(recorder.close)
        beating = asyncio.create_task(_beat(backend, watch))
        try:
            await _drive(prepared, recorder, watch, done, on_signal=on_signal)
        finally:
            beating.cancel()
            done.paces = backend.paces()


async def _beat(backend: Backend, watch: Watch) -> None:
    """Let the watcher say something although no trial ends."""
    while True:
        await asyncio.sleep(BEAT_S)
        watch.beat(backend.trouble())


async def _drive(
    prepared: Prepared, recorder: Recorder, watch: Watch, done: Execution, *, on_signal: bool
) -> None:
    """Run the trials; those that wait for a batch are run again when it has ended."""
    from harness.store import ResultRow

    run, loop = done.counted.run, asyncio.get_running_loop()

    def ended(trial: Trial, result: Result) -> None:
        recorder.desk.note(ResultRow(run.id, trial.index, result))
        done.counted.add(result)
        watch.ended(trial, result)

    ttl = ttl_of(run.mode)
    workshops = {
        suite.name: Workshop(suite, prepared.registry, ttl=ttl) for suite in prepared.suites
    }
    driver = Driver(recorder, workshops, ended, mixed=on_signal)
    again = SecondLook(run, prepared.trials, recorder, mixed=on_signal)

    def interrupted() -> None:
        watch.interrupted()
        for driven in (driver, again.driver):
            driven.stop(InterruptedRunError("interrupted"))

    def stop() -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: the run has ended
            loop.call_soon_threadsafe(interrupted)

    with interrupts(interrupted) if on_signal else contextlib.nullcontext():
        watch.begin(run, len(prepared.trials), stop)
        await _run_all(driver, prepared)
        if prepared.invocation.confirm:
            trials = await again.due(prepared.registry)
            if trials:
                watch.news(f"second look: {len(trials):,} trials are asked again")
            await _to_the_end(again.driver, trials)


async def _run_all(driver: Driver, prepared: Prepared) -> None:
    """Run all trials; what is stored is run again even where the rest waits for a batch."""
    pending: PendingAnswerError | None = None
    for trials in prepared.waves:
        try:
            await _to_the_end(driver, trials)
        except PendingAnswerError as error:
            pending = error
    if pending is not None:
        raise pending


async def _to_the_end(driver: Driver, trials: Sequence[Trial]) -> None:
    """Run the trials; those that wait for a batch are run again when it has ended."""
    while trials:
        trials = await driver.run(iter(trials))
        if trials:
            try:
                await driver.recorder.backend.wave()
            except HarnessError:
                await driver.run_stored(trials)
                raise


async def _surroundings(
    prepared: Prepared, stack: contextlib.AsyncExitStack
) -> tuple[Mapping[str, str], str]:
    """The environment that leads to the API, and the name of a simulator that it leads to."""
    environ = prepared.environ
    if not prepared.invocation.offline:
        return environ, environ.get("ANTHROPIC_BASE_URL") or ""
    answering = served(prepared.suites, prepared.registry)
    url, simulator = await stack.enter_async_context(answering)
    return {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "simulated"}, simulator


def conclude(prepared: Prepared, store: Store, done: Execution) -> Comparison:
    """What the run found so far, with its gates judged; kept in the store with its exit code."""
    from harness.purse import paid_by

    run, stopped = done.counted.run, done.stopped
    whole = done.counted.count == len(prepared.trials)
    # A run that was stopped may have results of an earlier attempt in the store.
    comparison = done.counted.comparison() if whole else compare(run, store.results(run.id))
    comparison = replace(
        baselines.judged(comparison, store),
        batches=batches_of(run, store),
        pace=tuple(done.paces),
    )
    strict = prepared.invocation.strict
    code = stopped.exit_code if stopped else exit_code(comparison, strict=strict)
    paid = paid_by(store, run.id, prepared.registry) if stopped or prepared.finished else None
    ended = replace(comparison.run, finished_at=datetime.now(UTC), exit_code=code, paid=paid)
    store.finish(ended)
    if run.mode == "live":
        from harness import lease

        lease.release(store, run.id)
    return replace(comparison, run=ended)


def batches_of(run: Run, store: Store) -> tuple[Mapping[str, Any], ...]:
    """The batches that the run has sent, oldest first, as `run.json` lists them."""
    if run.mode != "batch":
        return ()
    from harness.journal import Journal

    return tuple(
        {
            "id": batch.id,
            "requests": batch.requests,
            "submitted_at": batch.submitted_at,
            "ended_at": batch.ended_at,
            "status": batch.state.value,
            "answered": batch.answered,
            "cost_usd": batch.cost,
            "saved_usd": batch.saved,
        }
        for batch in Journal(store).all(run.id)
    )
