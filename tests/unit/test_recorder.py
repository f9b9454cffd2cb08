"""What is asked once, kept first, told to all who wait; with a real store and a fake backend."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from harness.errors import AnswerMissingError, RunStoppedError, StoreError
from harness.recorder import Asked, Recorder, Space, digest, identity, simulated_identity
from harness.records import Answer, Missing, Outcome, Request, Result, TrialId, Usage
from harness.store import Entry, ResultRow, Store

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
REAL = Space("")
ASK = Request({"model": "m", "messages": [{"role": "user", "content": "hi"}]}, "2026-10-21")
ROW = ResultRow("run", 0, Result(TrialId("s", "c", "m"), Outcome.PASSED, 1.0))


def answer(text: str = "hi", *, simulated: bool = False) -> Answer:
    return Answer(({"type": "text", "text": text},), "m", "end_turn", Usage(1, 1), NOON,
                  simulated=simulated)  # fmt: skip


class Backend:
    """Counts what it is asked and answers with the count, or as it is told."""

    def __init__(self, say: Callable[[int], Awaitable[Answer]] | None = None) -> None:
        self.say, self.asked = say, 0
        self.simulated = False

    async def answer(self, request: Request, _key: str = "") -> Answer:
        self.asked += 1
        await asyncio.sleep(0)
        if self.say:
            return await self.say(self.asked)
        return answer(str(self.asked), simulated=self.simulated)

    def stop(self) -> None:
        pass

    async def close(self) -> None:
        pass


class BrokenStore:
    """A store that fails in one way, after `good` exchanges."""

    def __init__(self, error: Exception, good: int = 0) -> None:
        self.error, self.good = error, good

    def exchange(
        self, wanted: Collection[str], entries: Sequence[Entry] = (), rows: Any = ()
    ) -> dict[str, Answer]:
        self.good -= 1
        if self.good < 0:
            raise self.error
        return {}


@pytest.fixture
def store(tmp_path: Path) -> Any:
    opened = Store(f"sqlite:///{tmp_path}/store.db")
    yield opened
    opened.close()


def recorded(store: Any, use: Callable[[Recorder], Awaitable[Any]], backend: Backend | None = None,
             space: Space = REAL) -> Any:  # fmt: skip
    """What `use` returns, with a recorder that is closed after it."""

    async def main() -> Any:
        recorder = Recorder(store, backend or Backend(), space)
        try:
            async with asyncio.timeout(10):
                return await use(recorder)
        finally:
            await recorder.close()

    return asyncio.run(main())


async def answered(recorder: Recorder, request: Request, asked: Asked) -> Answer:
    return await recorder.answer(request, recorder.key_of(request, asked), asked)


def ask(store: Any, backend: Backend, request: Request = ASK, *, repeat: int = 1,
        space: Space = REAL) -> Answer:  # fmt: skip
    said: Answer = recorded(store, lambda r: answered(r, request, Asked(repeat)), backend, space)
    return said


def test_an_answer_is_in_the_store_before_it_is_handed_on(store: Store):
    async def use(recorder: Recorder) -> Any:
        said = await answered(recorder, ASK, Asked())
        return said, store.exchange([said.key])

    said, kept = recorded(store, use)
    assert kept == {said.key: said}


def test_whoever_was_slower_than_another_process_is_given_the_stored_answer(store: Store):
    async def use(recorder: Recorder) -> Answer:
        key = recorder.key_of(ASK, Asked())

        async def beaten(_count: int) -> Answer:
            store.exchange([], [Entry(key, ASK, replace(answer("first"), id="msg_1"))])
            return replace(answer("second"), id="msg_2")

        recorder.backend = Backend(beaten)
        return await answered(recorder, ASK, Asked())

    said = recorded(store, use)
    assert (said.text, said.reused) == ("first", True)


def test_what_was_answered_is_not_asked_again(store: Store):
    backend = Backend()
    first, second = ask(store, backend), ask(store, backend)
    assert (backend.asked, first, first.reused, second.reused) == (1, second, False, True)


def test_what_a_run_paid_for_before_it_was_stopped_is_not_reused(store: Store):
    space = Space("", run="run-1")
    ask(store, Backend(), space=space)
    again = ask(store, Backend(), space=space)
    other = ask(store, Backend(), space=Space("", run="run-2"))
    assert (again.reused, other.reused) == (False, True)


def test_an_answer_that_trials_of_a_resumed_run_share_counts_once(store: Store):
    space = Space("", run="run-1")
    ask(store, Backend(), space=space)

    async def twice(recorder: Recorder) -> Any:
        return [(await answered(recorder, ASK, Asked())).reused for _ in range(2)]

    assert recorded(store, twice, space=space) == [False, True]


def test_identical_requests_under_way_are_asked_once(store: Store):
    backend = Backend()
    said = recorded(
        store, lambda r: asyncio.gather(*(answered(r, ASK, Asked()) for _ in range(50))), backend
    )
    assert backend.asked == 1
    assert sorted(a.reused for a in said) == [False] + [True] * 49


def test_a_trial_that_asks_the_same_twice_gets_two_answers(store: Store):
    async def use(recorder: Recorder) -> list[str]:
        asked = Asked()
        return [(await answered(recorder, ASK, asked)).text for _ in range(3)]

    backend = Backend()
    assert recorded(store, use, backend) == recorded(store, use, backend) == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("other", "repeat"),
    [
        pytest.param(ASK, 2, id="repeat"),
        pytest.param(replace(ASK, params={**ASK.params, "max_tokens": 2}), 1, id="params"),
        pytest.param(replace(ASK, api_version="2023-06-01"), 1, id="version"),
        pytest.param(replace(ASK, betas=("x",)), 1, id="betas"),
        pytest.param(replace(ASK, params=dict(reversed(ASK.params.items()))), 1, id="order"),
    ],
)
def test_another_request_or_repeat_is_another_answer(store: Store, other: Request, repeat: int):
    backend = Backend()
    ask(store, backend)
    ask(store, backend, other, repeat=repeat)
    assert backend.asked == 2


@pytest.mark.parametrize(
    "other",
    [replace(ASK, purpose="judge"), replace(ASK, timeout_s=3.0)],
    ids=["purpose", "timeout"],
)
def test_what_is_not_sent_makes_no_other_request(store: Store, other: Request):
    backend = Backend()
    ask(store, backend)
    ask(store, backend, other)
    assert backend.asked == 1


def test_a_fresh_run_uses_its_own_answers_only(store: Store):
    backend = Backend()
    fresh = Space("", run="run-1", fresh=True)
    said = [
        ask(store, backend, space=s).text
        for s in (REAL, fresh, fresh, Space("", run="2", fresh=True))
    ]
    assert said == ["1", "2", "2", "3"]


@pytest.mark.parametrize(
    ("simulated", "first", "then"),
    [
        pytest.param(True, Space("offline-1", models=False), REAL, id="real after simulated"),
        pytest.param(False, REAL, Space("offline-1", models=False), id="simulated after real"),
        pytest.param(True, Space("offline-1", models=False), Space("offline-2", models=False),
                     id="another script"),
        pytest.param(True, Space("http://a:1"), Space("http://b:2"), id="another simulator"),
    ],
)  # fmt: skip
def test_simulated_answers_are_kept_apart(store: Store, simulated: bool, first: Space, then: Space):
    backend = Backend()
    backend.simulated = simulated
    ask(store, backend, space=first)
    ask(store, backend, space=then)
    assert backend.asked == 2


def test_identities_differ_in_every_part():
    sent = digest(ASK)
    keys = {
        identity(sent, 1, 0), identity(sent, 2, 0), identity(sent, 1, 1),
        identity(sent, 1, 0, "run"), simulated_identity(identity(sent, 1, 0), "a"),
        simulated_identity(identity(sent, 1, 0), "b"),
    }  # fmt: skip
    assert len(keys) == 6


@pytest.mark.parametrize(
    "error",
    [
        AnswerMissingError(Missing("x", "no answer")),
        RunStoppedError("spend limit"),
        ValueError("a bug"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_who_waits_for_an_answer_hears_why_there_is_none(store: Store, error: Exception):
    async def fail(_count: int) -> Answer:
        raise error

    said = recorded(
        store,
        lambda r: asyncio.gather(
            *(answered(r, ASK, Asked()) for _ in range(3)), return_exceptions=True
        ),
        Backend(fail),
    )
    assert said == [error] * 3


def test_a_request_without_an_answer_is_asked_again_later(store: Store):
    async def fail_once(count: int) -> Answer:
        if count == 1:
            raise AnswerMissingError(Missing("x", "no answer"))
        return answer()

    backend = Backend(fail_once)
    with pytest.raises(AnswerMissingError):
        ask(store, backend)
    assert ask(store, backend).text == "hi"


def test_who_gives_up_waiting_takes_nothing_from_the_others(store: Store):
    go = asyncio.Event()

    async def wait(_count: int) -> Answer:
        await go.wait()
        return answer()

    async def use(recorder: Recorder) -> list[Any]:
        asked = [asyncio.create_task(answered(recorder, ASK, Asked())) for _ in range(3)]
        await asyncio.sleep(0.01)
        asked[1].cancel()
        await asyncio.sleep(0)
        go.set()
        return await asyncio.gather(*asked, return_exceptions=True)

    first, cancelled, third = recorded(store, use, Backend(wait))
    assert isinstance(cancelled, asyncio.CancelledError)
    assert first == third == answer()


def test_who_waits_for_one_that_was_cancelled_is_not_left_waiting(store: Store):
    async def never(_count: int) -> Answer:
        return await asyncio.Event().wait()  # type: ignore[return-value]

    async def use(recorder: Recorder) -> Any:
        leader, other = (asyncio.create_task(answered(recorder, ASK, Asked())) for _ in range(2))
        await asyncio.sleep(0.01)
        leader.cancel()
        return await asyncio.gather(leader, other, return_exceptions=True)

    assert isinstance(recorded(store, use, Backend(never))[1], RunStoppedError)


@pytest.mark.parametrize("good", [0, 1], ids=["while looking up", "while keeping"])
@pytest.mark.parametrize(
    "error", [StoreError("disk full"), TypeError("a bug")], ids=["store", "bug"]
)
def test_a_store_that_fails_is_told_to_all_and_nobody_waits(error: Exception, good: int):
    async def use(recorder: Recorder) -> list[Any]:
        asked = [answered(recorder, ASK, Asked(n)) for n in range(1, 9)]
        return await asyncio.gather(*asked, return_exceptions=True)

    async def main() -> list[Any]:
        recorder = Recorder(BrokenStore(error, good), Backend(), REAL)  # type: ignore[arg-type]
        async with asyncio.timeout(10):
            said = await use(recorder)
            with pytest.raises(StoreError):
                await recorder.close()
        return said

    assert {type(said) for said in asyncio.run(main())} == {StoreError}


def test_a_result_after_the_store_failed_is_refused():
    async def main() -> None:
        broken = BrokenStore(StoreError("disk full"))
        recorder = Recorder(broken, Backend(), REAL)  # type: ignore[arg-type]
        recorder.desk.note(ROW)
        with pytest.raises(StoreError):
            await recorder.close()
        with pytest.raises(StoreError):
            recorder.desk.note(ROW)

    asyncio.run(main())


def test_results_are_kept_when_the_recorder_is_closed(store: Store):
    async def use(recorder: Recorder) -> None:
        recorder.desk.note(ROW)

    recorded(store, use)
    assert [str(result.id) for result in store.results("run")] == ["s/c[m-r1]"]


def test_closing_without_having_asked_anything_ends(store: Store):
    async def use(recorder: Recorder) -> None:
        pass

    recorded(store, use)


def test_what_a_trial_hands_back_is_new_to_whoever_is_given_it_next(store: Store):
    async def twice(recorder: Recorder) -> list[bool]:
        attempt = Asked()
        first = await answered(recorder, ASK, attempt)
        recorder.hand_back(attempt)
        again = [await answered(recorder, ASK, Asked()) for _ in range(2)]
        return [first.reused, *(answer.reused for answer in again)]

    assert recorded(store, twice, space=Space("", run="this")) == [False, False, True]
