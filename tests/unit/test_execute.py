"""The driver: trials side by side, one that breaks, and a run that is stopped, in good order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from harness import plan
from harness.attempt import Attempt
from harness.errors import AnswerMissingError, InterruptedRunError, RunStoppedError, StoreError
from harness.execute import Driver
from harness.load import load
from harness.models.table import load_registry
from harness.recorder import Asked, Recorder, Space
from harness.records import Answer, Missing, Outcome, Request, Result, Usage
from harness.store import Store
from harness.suite import Suite
from harness.trial import Trial
from harness.workshop import Workshop

REGISTRY = load_registry()
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SUITE = """
suite: s
models: [haiku]
prompt: "{{ n }}"
params: {max_tokens: 5}
graders: [{equals: hi}]
cases:
"""


def said(text: str = "hi") -> Answer:
    return Answer(({"type": "text", "text": text},), "m", "end_turn", Usage(1, 1), NOON)


class Backend:
    """Answers each request as a function of its text says, until it is stopped."""

    def __init__(self, say: Callable[[str], Awaitable[Answer]]) -> None:
        self.say = say
        self.asked: list[str] = []
        self.stopped = False

    async def answer(self, request: Request, _key: str = "") -> Answer:
        if self.stopped:
            raise RunStoppedError("the run was stopped")
        text = str(request.params["messages"][-1]["content"])
        self.asked.append(text)
        await asyncio.sleep(0)
        return await self.say(text)

    def stop(self) -> None:
        self.stopped = True

    async def close(self) -> None:
        pass


async def hi(_text: str) -> Answer:
    return said()


class Bench:
    """A driver over a real store, with what its trials came to."""

    def __init__(self, store: Store, suite: Suite) -> None:
        self.store, self.suite = store, suite
        self.results: dict[str, Result] = {}

    def sink(self, trial: Trial, result: Result) -> None:
        self.results[trial.case.id] = result

    def run(
        self, say: Callable[[str], Awaitable[Answer]], *, width: int = 4, **how: Any
    ) -> Backend:
        backend = Backend(say)
        asyncio.run(self._run(backend, width, **how))
        return backend

    async def _run(
        self, backend: Backend, width: int, meddle: Any = None, trials: Any = None, sink: Any = None
    ) -> None:
        recorder = Recorder(self.store, backend, Space(""))
        workshops = {self.suite.name: Workshop(self.suite, REGISTRY)}
        driver = Driver(recorder, workshops, sink or self.sink, width=width)
        meddling = asyncio.create_task(meddle(driver, backend)) if meddle else None
        try:
            async with asyncio.timeout(10):
                await driver.run(trials or plan.trials([self.suite]))
        finally:
            await recorder.close()
            if meddling:
                await meddling


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    cases = "".join(f"  - {{id: c{n}, vars: {{n: '{n}'}}}}\n" for n in range(20))
    (tmp_path / "s.yaml").write_text(SUITE + cases)
    (suite,) = load([tmp_path / "s.yaml"], REGISTRY)
    store = Store(f"sqlite:///{tmp_path}/store.db")
    yield Bench(store, suite)
    store.close()


def test_every_trial_has_a_result(bench: Bench):
    bench.run(hi)
    assert {result.outcome for result in bench.results.values()} == {Outcome.PASSED}
    assert len(bench.results) == 20


@pytest.mark.parametrize("width", [1, 3, 256])
def test_no_more_trials_are_under_way_than_allowed(bench: Bench, width: int):
    under_way, most = 0, 0

    async def count(_text: str) -> Answer:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.001)
        under_way -= 1
        return said()

    bench.run(count, width=width)
    assert most == min(width, 20)


def test_a_trial_without_an_answer_is_missing_not_failed(bench: Bench):
    async def say(text: str) -> Answer:
        if text == "7":
            raise AnswerMissingError(Missing("overloaded_error", "too busy"))
        return said()

    bench.run(say)
    missing = bench.results["c7"]
    assert (missing.outcome, missing.reason) == (Outcome.ERRORED, "too busy")
    assert sum(result.outcome is Outcome.PASSED for result in bench.results.values()) == 19


def test_a_fault_in_one_trial_does_not_lose_the_others(
    bench: Bench, caplog: pytest.LogCaptureFixture
):
    async def say(text: str) -> Answer:
        return 1 / 0 if text == "7" else said()  # type: ignore[return-value]

    bench.run(say)
    assert bench.results["c7"].missing == Missing(
        "internal_error", "ZeroDivisionError: division by zero"
    )
    assert len(bench.results) == 20
    assert "c7" in caplog.text


@pytest.mark.parametrize(
    "error",
    [RunStoppedError("spend limit"), StoreError("disk full")],
    ids=lambda error: type(error).__name__,
)
def test_what_ends_the_run_ends_it_after_the_answers_under_way(bench: Bench, error: Exception):
    ended = asyncio.Event()
    asked: list[str] = []

    async def say(text: str) -> Answer:
        asked.append(text)
        if len(asked) == 3:
            ended.set()
            raise error
        await ended.wait()
        await asyncio.sleep(0.01)
        return said()

    with pytest.raises(type(error)) as caught:
        bench.run(say)
    assert caught.value is error
    assert set(bench.results) == {f"c{asked[number]}" for number in (0, 1, 3)}


def test_an_interrupted_run_begins_nothing_more_and_keeps_what_is_under_way(bench: Bench):
    go = asyncio.Event()

    async def say(_text: str) -> Answer:
        await go.wait()
        return said()

    async def interrupt(driver: Driver, backend: Backend) -> None:
        while len(backend.asked) < 4:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        driver.stop(InterruptedRunError("interrupted"))
        go.set()

    with pytest.raises(InterruptedRunError):
        bench.run(say, meddle=interrupt)
    assert len(bench.results) == 4
    assert len(bench.run(hi).asked) == 16


def test_the_first_reason_to_stop_is_the_one_that_is_told(bench: Bench):
    async def stop_twice(driver: Driver, _backend: Backend) -> None:
        driver.stop(InterruptedRunError("interrupted"))
        driver.stop(RunStoppedError("spend limit"))

    with pytest.raises(InterruptedRunError):
        bench.run(hi, meddle=stop_twice)


def test_a_watcher_that_breaks_loses_no_answer(bench: Bench):
    def sink(_trial: Trial, _result: Result) -> None:
        raise BrokenPipeError

    async def say(_text: str) -> Answer:
        await asyncio.sleep(0.005)
        return said()

    with pytest.raises(BrokenPipeError):
        bench.run(say, sink=sink)
    assert len(bench.run(hi).asked) == 16


def test_the_answers_beside_one_that_ends_the_run_are_recorded(bench: Bench):
    async def say(text: str) -> Answer:
        if text == "ends":
            raise RunStoppedError("spend limit")
        await asyncio.sleep(0.01)
        return said()

    async def main() -> set[str]:
        recorder = Recorder(bench.store, Backend(say), Space(""))
        driver = Driver(recorder, {}, bench.sink)
        requests = [
            Request({"model": "m", "messages": [{"content": text}]}, "v") for text in ("ends", "b")
        ]
        attempt = Attempt.at(next(plan.trials([bench.suite])))
        attempt.requests = requests
        attempt.keys = [recorder.key_of(request, attempt.asked) for request in requests]
        with pytest.raises(RunStoppedError):
            await driver._replies(attempt)
        await recorder.close()
        return {answer.text for answer in await _stored(requests[1])}

    async def _stored(request: Request) -> list[Answer]:
        again = Recorder(bench.store, Backend(hi), Space(""))
        answer = await again.answer(request, again.key_of(request, Asked()), Asked())
        await again.close()
        return [answer] if answer.reused else []

    assert asyncio.run(main()) == {"hi"}


def test_a_run_that_goes_on_asks_only_what_is_not_in_the_store(bench: Bench):
    bench.run(hi, trials=iter(list(plan.trials([bench.suite]))[:12]))
    assert len(bench.run(hi).asked) == 8


def test_trials_run_in_the_random_order_of_the_run(bench: Bench):
    asked = bench.run(hi, width=1).asked
    assert asked != sorted(asked, key=int)
    assert sorted(asked, key=int) == [str(number) for number in range(20)]


class Late(Backend):
    """Answers for opus come when haiku has been asked 20 times; `order` is whose have come."""

    def __init__(self) -> None:
        super().__init__(hi)
        self.free = asyncio.Event()
        self.order: list[str] = []

    async def answer(self, request: Request, _key: str = "") -> Answer:
        if "opus" in request.model:
            await self.free.wait()
        self.order.append(request.model)
        if sum("haiku" in model for model in self.order) == 20:
            self.free.set()
        return said()


def two_models(folder: Path, text: str = SUITE) -> Suite:
    cases = "".join(f"  - {{id: c{n}, vars: {{n: '{n}'}}}}\n" for n in range(20))
    (folder / "two.yaml").write_text(text.replace("[haiku]", "[haiku, opus]") + cases)
    (suite,) = load([folder / "two.yaml"], REGISTRY)
    return suite


async def driven(
    store: Store, backend: Backend, suite: Suite, only: str = ""
) -> list[tuple[Trial, Result]]:
    """What the trials of a run came to: of all candidates, or of one."""
    recorder = Recorder(store, backend, Space("", run="the run"))
    results: list[tuple[Trial, Result]] = []
    workshops = {suite.name: Workshop(suite, REGISTRY)}
    driver = Driver(recorder, workshops, lambda *ended: results.append(ended), width=8)
    async with asyncio.timeout(10):
        trials = plan.trials([suite])
        await driver.run(trial for trial in trials if only in trial.candidate.name)
    await recorder.close()
    return results


def test_a_model_that_answers_late_does_not_hold_up_another(bench: Bench, tmp_path: Path):
    late = Late()
    assert len(asyncio.run(driven(bench.store, late, two_models(tmp_path)))) == 40
    assert all("haiku" in model for model in late.order[:20])


def test_what_a_trial_has_heard_is_its_own_while_its_model_is_late(bench: Bench, tmp_path: Path):
    turns = 'turns: [{user: "{{ n }}"}, {user: again}]'
    suite = two_models(tmp_path, SUITE.replace('prompt: "{{ n }}"', turns))

    async def first_turn_only(text: str) -> Answer:
        if text == "again":
            raise AnswerMissingError(Missing("overloaded_error", "too busy"))
        return said()

    asyncio.run(driven(bench.store, Backend(first_turn_only), suite, "opus"))
    late = Late()
    results = asyncio.run(driven(bench.store, late, suite))
    assert sum("opus" in model for model in late.order) == 20
    assert [call.answer.reused for _, result in results for call in result.calls] == [False] * 80


def test_cases_of_a_cached_suite_with_one_prefix_run_together(tmp_path: Path):
    system = "system: '{{ doc }}" + "word " * 200 + "'\ncache: 5m\n"
    cases = "".join(f"  - {{id: c{n}, vars: {{n: '{n}', doc: '{n % 4}'}}}}\n" for n in range(20))
    (tmp_path / "cached.yaml").write_text(SUITE.replace("params:", f"{system}params:") + cases)
    (suite,) = load([tmp_path / "cached.yaml"], REGISTRY)
    store = Store(f"sqlite:///{tmp_path}/cached.db")
    asked = Bench(store, suite).run(hi, width=1).asked
    store.close()
    documents = [int(text) % 4 for text in asked]
    assert sum(one != other for one, other in pairwise(documents)) == 3
