"""Attempts that may be on the bill although nothing came of them are told of, and no others."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest
from local_api import Asked, Behaviour, LocalApi, error, http, in_turn, message, sse

from harness.backends.access import Access
from harness.backends.budgeted import BudgetedLive
from harness.backends.client import make_client
from harness.backends.noted import NotedLive
from harness.backends.policy import Policy
from harness.budget import Budget, Purse
from harness.errors import RunStoppedError, StoreError
from harness.records import Answer, Bill, Request
from harness.simulator.stream import events

Serve = Callable[[Behaviour], LocalApi]
LONG = 50_000


async def at_once(_seconds: float) -> None:
    await asyncio.sleep(0)


async def answered(backend: NotedLive, max_tokens: int) -> Answer:
    params = {"model": "claude-haiku-4-5", "max_tokens": max_tokens, "messages": []}
    return await backend.answer(Request(params, "2026-10-21"), "k")


def with_backend(
    url: str, use: Callable[[NotedLive], Awaitable[object]], *, full: bool = False
) -> int:
    """How many attempts `broke_off` was told of while in use; a `full` disk keeps none of them."""
    broke: list[Request] = []

    def note(request: Request) -> None:
        broke.append(request)
        if full:
            raise StoreError("the disk is full")

    async def main() -> None:
        client = make_client(Access("sk-key", base_url=url))
        policy = Policy(outage_errors=2, unreached_s=0.0)
        backend = NotedLive(lambda: client, policy=policy, sleep=at_once, broke_off=note)
        try:
            async with asyncio.timeout(20):
                await use(backend)
        finally:
            await backend.close()

    asyncio.run(main())
    return len(broke)


OK = http(message("hi"))
WHOLE = list(events(message("hi")))


@pytest.mark.parametrize(
    ("first", "times"),
    [
        pytest.param(OK, 0, id="an answer"),
        pytest.param(http(error("overloaded_error"), 529), 0, id="529"),
        pytest.param(http(error("rate_limit_error"), 429), 0, id="429"),
        pytest.param(http(error("api_error"), 500), 0, id="500"),
        pytest.param(http(error("timeout_error"), 504), 1, id="504"),
        pytest.param(http(error("api_error"), 502), 1, id="502"),
        pytest.param(http(error("overloaded_error")), 1, id="an error with status 200"),
        pytest.param(OK[:-20], 1, id="cut"),
        pytest.param(b"", 1, id="dropped"),
    ],
)
def test_an_attempt_that_may_be_billed_is_told_of(serve: Serve, first: bytes, times: int):
    api = serve(in_turn(first, OK))
    assert with_backend(api.url, lambda backend: answered(backend, 16)) == times


def test_an_error_within_a_stream_comes_when_the_answer_has_begun(serve: Serve):
    api = serve(in_turn(sse(WHOLE[0], error("overloaded_error")), sse(*WHOLE)))
    assert with_backend(api.url, lambda backend: answered(backend, LONG)) == 1


@pytest.mark.parametrize("max_tokens", [16, LONG], ids=["plain", "streamed"])
def test_a_connection_that_was_refused_cost_nothing(max_tokens: int):
    async def use(backend: NotedLive) -> None:
        with pytest.raises(RunStoppedError, match="no connection"):
            await answered(backend, max_tokens)

    assert with_backend("http://127.0.0.1:9", use) == 0


@pytest.mark.parametrize(
    ("sent", "full", "times"),
    [(True, False, 1), (False, False, 0), (True, True, 1)],
    ids=["sent", "not yet", "sent and the disk is full"],
)
def test_an_attempt_that_is_given_up_is_told_of_where_it_was_sent(
    serve: Serve, sent: bool, full: bool, times: int
):
    going_on = threading.Event()

    def behave(_asked: Asked) -> bytes:
        going_on.wait(10)
        return OK

    api = serve(behave)

    async def use(backend: NotedLive) -> None:
        asking = asyncio.ensure_future(answered(backend, 16))
        while sent and not api.asked:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert asking.cancelled()
        going_on.set()

    assert with_backend(api.url, use, full=full) == times


def test_an_answer_stands_although_the_store_is_not_told_that_it_cost_less(serve: Serve):
    noted: list[Decimal] = []

    def note(amount: Decimal) -> None:
        noted.append(amount)
        if amount < max(noted):
            raise StoreError("the disk is full")

    budget = Budget(Decimal(1), note=note)
    purse = Purse(budget, lambda _: Decimal(1), lambda _: None, lambda _: Bill())
    access = Access("sk-key", base_url=serve(in_turn(OK)).url)

    async def main() -> Answer:
        given = {"purse": purse, "broke_off": pytest.fail}
        backend = BudgetedLive(lambda: client, sleep=at_once, **given)
        client = make_client(access)
        try:
            return await answered(backend, 16)
        finally:
            await client.close()

    assert asyncio.run(main()).text == "hi"
    assert (budget.left, len(noted)) == (1, 2)
