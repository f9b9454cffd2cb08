"""One request with a cacheable prefix goes ahead, and the others when its answer has begun."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from harness.backends.access import Access
from harness.backends.live import LiveBackend, connecting
from harness.backends.warm import BEGUN, LIFE_S, WarmFirst
from harness.errors import AnswerMissingError
from harness.models.table import load_registry
from harness.records import Answer, Missing, Request, Usage
from harness.simulator.server import Simulator
from harness.simulator.service import Settings

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SYSTEM = [{"type": "text", "text": "word " * 200, "cache_control": {"type": "ephemeral"}}]


def request(number: int, system: Any = SYSTEM) -> Request:
    messages = ({"role": "user", "content": str(number)},)
    return Request({"model": "m", "system": system, "messages": messages}, "v")


def answer(*, written: int = 1000) -> Answer:
    return Answer((), "m", "end_turn", Usage(1, 1, 0, 0, written), NOON)


class Asked:
    """A backend that says what `say` does, and counts what is under way."""

    def __init__(self, say: Callable[[int], Awaitable[Answer]]) -> None:
        self.say = say
        self.begun: list[int] = []
        self.under_way = self.most = 0

    async def answer(self, asked: Request, _key: str, /) -> Answer:
        number = int(asked.params["messages"][0]["content"])
        self.begun.append(number)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(0)
            return await self.say(number)
        finally:
            self.under_way -= 1

    async def wave(self) -> None:
        pass

    def record_with(self, _keep: object, /) -> None:
        pass

    def stop(self) -> None:
        pass

    async def close(self) -> None:
        pass


async def written(_number: int) -> Answer:
    await asyncio.sleep(0.001)
    return answer()


async def all_of(warm: WarmFirst, *requests: Request) -> list[Answer | BaseException]:
    asking = (warm.answer(one, "k") for one in requests)
    async with asyncio.timeout(10):
        return await asyncio.gather(*asking, return_exceptions=True)


def test_the_others_wait_until_the_first_is_answered():
    async def say(number: int) -> Answer:
        assert number == 0 or asked.begun[0] == 0
        if number == 0:
            await asyncio.sleep(0.01)
            assert asked.begun == [0]
        return answer()

    asked = Asked(say)
    found = asyncio.run(all_of(WarmFirst(asked), *map(request, range(5))))
    assert all(isinstance(one, Answer) for one in found)
    assert asked.begun == [0, 1, 2, 3, 4]


def test_the_others_go_together_once_the_prefix_is_warm():
    asked = Asked(written)
    asyncio.run(all_of(WarmFirst(asked), *map(request, range(5))))
    assert asked.most == 4


def test_the_others_go_when_the_first_answer_has_begun():
    async def say(number: int) -> Answer:
        if number == 0:
            begin = BEGUN.get()
            assert begin is not None
            begin()
            while len(asked.begun) < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        return answer()

    asked = Asked(say)
    asyncio.run(all_of(WarmFirst(asked), *map(request, range(3))))
    assert asked.begun == [0, 1, 2]


def test_requests_without_a_shared_prefix_do_not_wait():
    asked = Asked(written)
    asyncio.run(all_of(WarmFirst(asked), *(request(number, "s") for number in range(5))))
    assert asked.most == 5


def test_prefixes_do_not_wait_for_each_other():
    other = [{**SYSTEM[0], "text": "else " * 200}]
    asked = Asked(written)
    asyncio.run(all_of(WarmFirst(asked), request(0), request(1, other)))
    assert asked.most == 2


def test_where_the_first_fails_another_goes_ahead():
    async def say(number: int) -> Answer:
        if number == 0:
            raise AnswerMissingError(Missing("overloaded_error", "busy"))
        assert asked.begun[:2] == [0, 1]
        return await written(number)

    asked = Asked(say)
    first, *others = asyncio.run(all_of(WarmFirst(asked), *map(request, range(4))))
    assert isinstance(first, AnswerMissingError)
    assert all(isinstance(one, Answer) for one in others)
    assert asked.most == 2


def test_one_goes_ahead_again_when_the_entry_has_died():
    now = 0.0
    asked = Asked(written)
    warm = WarmFirst(asked, clock=lambda: now)

    async def twice(pause_s: float) -> int:
        nonlocal now
        await warm.answer(request(0), "k")
        now += pause_s
        asked.most = 0
        await all_of(warm, request(1), request(2))
        return asked.most

    assert asyncio.run(twice(LIFE_S - 1)) == 2
    assert asyncio.run(twice(LIFE_S + 1)) == 1


def test_a_prompt_that_the_model_does_not_cache_is_not_waited_for_again():
    now = 0.0

    async def uncached(_number: int) -> Answer:
        await asyncio.sleep(0.001)
        return answer(written=0)

    async def later(warm: WarmFirst) -> None:
        nonlocal now
        await warm.answer(request(0), "k")
        now += 10 * LIFE_S
        await all_of(warm, request(1), request(2))

    asked = Asked(uncached)
    asyncio.run(later(WarmFirst(asked, clock=lambda: now)))
    assert asked.most == 2


@pytest.mark.parametrize("cancelled", [0, 1], ids=["the first", "one that waits"])
def test_a_cancelled_request_leaves_nobody_waiting(cancelled: int):
    async def main() -> list[Answer | BaseException]:
        warm = WarmFirst(Asked(written))
        tasks = [asyncio.create_task(warm.answer(request(n), "k")) for n in range(3)]
        await asyncio.sleep(0)
        tasks[cancelled].cancel()
        async with asyncio.timeout(10):
            return await asyncio.gather(*tasks, return_exceptions=True)

    found = asyncio.run(main())
    assert isinstance(found.pop(cancelled), asyncio.CancelledError)
    assert all(isinstance(one, Answer) for one in found)


def test_a_shared_prefix_is_written_once_at_the_api():
    registry = load_registry()
    system = [{**SYSTEM[0], "text": "word " * 6000}]

    async def main() -> dict[str, Any]:
        async with Simulator(Settings(latency_s=0.02), registry=registry) as simulator:
            live = LiveBackend(connecting(Access("k", base_url=simulator.url)))
            warm = WarmFirst(live)
            asked = (request(number, system) for number in range(20))
            found = await all_of(warm, *(_sendable(one) for one in asked))
            await warm.close()
            assert all(isinstance(one, Answer) for one in found)
            return simulator.ledger()

    paid = [one["usage"] for one in asyncio.run(main())["requests"]]
    written = [usage["cache_creation_input_tokens"] for usage in paid]
    assert sum(count > 0 for count in written) == 1
    assert sum(usage["cache_read_input_tokens"] > 0 for usage in paid) == 19


def _sendable(asked: Request) -> Request:
    params = {**asked.params, "model": "claude-haiku-4-5-20251001", "max_tokens": 5}
    return Request(params, "2026-10-21")


def test_all_else_is_the_backends_own():
    told: list[str] = []

    class Backend(Asked):
        async def wave(self) -> None:
            told.append("wave")

        def record_with(self, _keep: object, /) -> None:
            told.append("record_with")

        def stop(self) -> None:
            told.append("stop")

        async def close(self) -> None:
            told.append("close")

    async def main() -> None:
        warm = WarmFirst(Backend(written))
        warm.record_with(None)  # type: ignore[arg-type]
        warm.stop()
        await warm.wave()
        await warm.close()

    asyncio.run(main())
    assert told == ["record_with", "stop", "wave", "close"]
