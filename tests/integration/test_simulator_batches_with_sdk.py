"""The batch endpoints over real HTTP: with the real SDK, and with bytes where it hides them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import anthropic
import pytest
from anthropic import Anthropic, AsyncAnthropic, DefaultAioHttpClient

from harness.models.table import load_registry
from harness.simulator import Fault, Settings, Simulator

REGISTRY = load_registry()
HEADERS = {"x-api-key": "key", "anthropic-version": "2026-10-21"}
BATCHES = "/v1/messages/batches"
Client = AsyncAnthropic
Talk = Callable[[AsyncAnthropic, Simulator], Awaitable[Any]]


def requests(*ids: str, **changes: Any) -> list[Any]:
    return [
        {
            "custom_id": name,
            "params": {
                "model": "claude-haiku-4-5-20251001",
                "max_tokens": 50,
                "messages": [{"role": "user", "content": f"Say {name}."}],
                **changes,
            },
        }
        for name in ids
    ]


def run(talk: Talk, *faults: str, clock: Any = None, **settings: Any) -> Any:
    """What `talk` returns, with a client that does not retry; batches take no time by default."""

    async def main() -> Any:
        parsed = tuple(Fault.parse(text) for text in faults)
        known = Settings(faults=parsed, **{"batch_s": 0.0, **settings})
        how = {"clock": clock} if clock else {}
        async with Simulator(known, registry=REGISTRY, **how) as simulator:
            options: dict[str, Any] = {"api_key": "key", "max_retries": 0}
            async with AsyncAnthropic(
                base_url=simulator.url, http_client=DefaultAioHttpClient(), **options
            ) as client:
                return await talk(client, simulator)

    return asyncio.run(main())


async def ended(client: Client, batch_id: str) -> Any:
    while True:
        batch = await client.messages.batches.retrieve(batch_id)
        if batch.processing_status == "ended":
            return batch
        await asyncio.sleep(0.005)


async def submitted(client: Client, *ids: str, **changes: Any) -> Any:
    created = await client.messages.batches.create(requests=requests(*(ids or "ab"), **changes))
    return await ended(client, created.id)


@contextlib.asynccontextmanager
async def bare(
    method: str, url: str, headers: dict[str, str] = HEADERS, **how: Any
) -> AsyncIterator[aiohttp.ClientResponse]:
    """The response to a request that no SDK has made."""
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.request(method, url, **how) as response,
    ):
        yield response


async def results(client: Client, batch_id: str) -> list[Any]:
    found: AsyncIterator[Any] = await client.messages.batches.results(batch_id)
    return [result async for result in found]


@pytest.fixture(autouse=True)
def _no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def test_the_sdk_creates_a_batch():
    batch = run(lambda client, _: client.messages.batches.create(requests=requests("a", "b")))
    assert (batch.processing_status, batch.request_counts.processing) == ("in_progress", 2)
    assert (batch.expires_at - batch.created_at).total_seconds() == 24 * 3600
    assert (batch.ended_at, batch.results_url) == (None, None)


def test_the_sdk_waits_for_a_batch_and_reads_its_results():
    async def talk(client: Client, simulator: Simulator) -> Any:
        batch = await submitted(client, "a", "b", "c")
        return batch, await results(client, batch.id), simulator.ledger()

    batch, found, ledger = run(talk, batch_s=0.05)
    assert {one.custom_id: one.result.type for one in found} == dict.fromkeys("abc", "succeeded")
    assert {one.result.message.usage.service_tier for one in found} == {"batch"}
    assert batch.request_counts.succeeded == ledger["paid"] == 3
    assert {entry["batch_id"] for entry in ledger["requests"]} == {batch.id}


def test_the_synchronous_sdk_reads_results():
    def ask(url: str) -> list[str]:
        with Anthropic(api_key="key", base_url=url) as client:
            batch = client.messages.batches.create(requests=requests("a"))
            while not client.messages.batches.retrieve(batch.id).results_url:
                pass
            return [line.custom_id for line in client.messages.batches.results(batch.id)]

    assert run(lambda _, simulator: asyncio.to_thread(ask, simulator.url)) == ["a"]


def test_a_batch_ends_although_nobody_looks():
    async def talk(client: Client, simulator: Simulator) -> int:
        await client.messages.batches.create(requests=requests("a", "b"))
        for _ in range(1000):
            if paid := simulator.ledger()["paid"]:
                return paid
            await asyncio.sleep(0.005)
        return 0

    assert run(talk) == 2


def test_a_batch_ends_by_the_clock_that_is_handed_in():
    now = [1_700_000_000.0]

    async def talk(client: Client, _: Simulator) -> list[str]:
        created = await client.messages.batches.create(requests=requests("a"))
        before = await client.messages.batches.retrieve(created.id)
        now[0] += 3600
        after = await client.messages.batches.retrieve(created.id)
        return [before.processing_status, after.processing_status]

    assert run(talk, batch_s=3600, clock=lambda: now[0]) == ["in_progress", "ended"]


def test_the_sdk_says_what_is_wrong_with_one_request():
    async def talk(client: Client, _: Simulator) -> Any:
        batch = await submitted(client, "a", max_tokens=0)
        return (await results(client, batch.id))[0].result.error

    error = run(talk)
    assert (error.error.type, error.error.message) == (
        *("invalid_request_error", "max_tokens: must be at least 1 in a batch"),
    )
    assert error.request_id.startswith("req_")


def test_results_before_the_end_are_none_to_the_sdk():
    async def talk(client: Client, simulator: Simulator) -> int:
        created = await client.messages.batches.create(requests=requests("a"))
        with pytest.raises(anthropic.AnthropicError, match="No `results_url`"):
            await client.messages.batches.results(created.id)
        async with bare("GET", f"{simulator.url}{BATCHES}/{created.id}/results") as response:
            return response.status

    assert run(talk, batch_s=60) == 404


def test_the_sdk_cancels_a_batch():
    async def talk(client: Client, _: Simulator) -> Any:
        created = await client.messages.batches.create(requests=requests("a", "b"))
        canceled = await client.messages.batches.cancel(created.id)
        assert (canceled.processing_status, canceled.request_counts.processing) == ("canceling", 2)
        over = await ended(client, created.id)
        return over.request_counts.canceled, await results(client, created.id)

    count, found = run(talk, batch_s=1)
    assert (count, {one.result.type for one in found}) == (2, {"canceled"})


def test_the_sdk_deletes_a_batch_once_it_has_ended():
    async def talk(client: Client, _: Simulator) -> Any:
        batch = await submitted(client)
        deleted = await client.messages.batches.delete(batch.id)
        with pytest.raises(anthropic.NotFoundError):
            await client.messages.batches.retrieve(batch.id)
        return deleted.type, [one.id async for one in client.messages.batches.list()]

    assert run(talk) == ("message_batch_deleted", [])


def test_a_batch_in_progress_is_not_deleted():
    async def talk(client: Client, _: Simulator) -> None:
        created = await client.messages.batches.create(requests=requests("a"))
        await client.messages.batches.delete(created.id)

    with pytest.raises(anthropic.BadRequestError, match="before it has ended"):
        run(talk, batch_s=60)


def test_the_sdk_lists_batches_over_several_pages():
    async def talk(client: Client, _: Simulator) -> Any:
        made = [(await client.messages.batches.create(requests=requests("a"))).id for _ in "12345"]
        return made, [one.id async for one in client.messages.batches.list(limit=2)]

    made, listed = run(talk)
    assert listed == made[::-1]


CALLS: dict[str, Callable[[Client], Any]] = {
    "retrieve": lambda client: client.messages.batches.retrieve("msgbatch_1"),
    "cancel": lambda client: client.messages.batches.cancel("msgbatch_1"),
    "delete": lambda client: client.messages.batches.delete("msgbatch_1"),
    "results": lambda client: client.messages.batches.results("msgbatch_1"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_batch_that_nobody_knows_is_not_found(call):
    with pytest.raises(anthropic.NotFoundError, match="msgbatch_1"):
        run(lambda client, _: call(client))


def test_a_repeated_custom_id_is_refused_at_once():
    with pytest.raises(anthropic.BadRequestError, match=r"requests\.1\.custom_id"):
        run(lambda client, _: client.messages.batches.create(requests=requests("a", "a")))


@pytest.mark.parametrize("limit", [{"batch_bytes": 300}, {"batch_bytes": 10}], ids=["some", "few"])
def test_a_body_that_is_too_large_is_refused_at_once(limit):
    with pytest.raises(anthropic.RequestTooLargeError) as refused:
        run(lambda client, _: client.messages.batches.create(requests=requests(*"abc")), **limit)
    assert refused.value.type == "request_too_large"


def test_a_body_of_unknown_length_is_measured_as_it_comes():
    async def talk(_: Client, simulator: Simulator) -> int:
        async def body() -> AsyncIterator[bytes]:
            for _ in range(5):
                yield b" " * 1000

        async with bare("POST", simulator.url + BATCHES, data=body()) as response:
            return response.status

    assert run(talk, batch_bytes=3000) == 413


CREDENTIALS = {
    "no key": ({"anthropic-version": "2026-10-21"}, 401),
    "bearer": ({"authorization": "Bearer key", "anthropic-version": "2026-10-21"}, 200),
    "x-api-key": (HEADERS, 200),
    "old version": ({**HEADERS, "anthropic-version": "2023-06-01"}, 200),
    "no version": ({"x-api-key": "key"}, 400),
}


@pytest.mark.parametrize(("headers", "status"), CREDENTIALS.values(), ids=CREDENTIALS)
def test_batches_take_the_credentials_and_versions_of_the_api(headers, status):
    async def talk(_: Client, simulator: Simulator) -> int:
        async with bare("GET", simulator.url + BATCHES, headers) as response:
            return response.status

    assert run(talk) == status


def test_results_are_json_lines_of_this_server():
    async def talk(client: Client, simulator: Simulator) -> Any:
        batch = await submitted(client)
        assert urlsplit(batch.results_url).netloc == urlsplit(simulator.url).netloc
        async with bare("GET", batch.results_url) as response:
            return response.headers, await response.text()

    headers, text = run(talk)
    assert headers["content-type"] == "application/x-jsonl"
    assert headers["x-simulated"]
    assert text.endswith("\n")
    assert len([json.loads(line) for line in text.split("\n") if line]) == 2


LANDING = {
    "create_lands": anthropic.InternalServerError,
    "create_lands=529": anthropic.OverloadedError,
    "create_drops": anthropic.APIConnectionError,
    "create_slow=30": anthropic.APITimeoutError,
}


@pytest.mark.parametrize(("fault", "error"), LANDING.items(), ids=LANDING)
def test_a_batch_may_land_although_its_creation_fails(fault, error):
    async def talk(client: Client, _: Simulator) -> list[Any]:
        with pytest.raises(error):
            await client.messages.batches.create(requests=requests("a", "b"), timeout=0.2)
        return (await client.messages.batches.list()).data

    assert len(run(talk, f"{fault},times=1")) == 1


REFUSING = {
    "create_status": anthropic.InternalServerError,
    "create_status=429,retry_after=1": anthropic.RateLimitError,
    "create_lost": anthropic.APIConnectionError,
}


@pytest.mark.parametrize(("fault", "error"), REFUSING.items(), ids=REFUSING)
def test_a_creation_may_fail_without_a_batch(fault, error):
    async def talk(client: Client, simulator: Simulator) -> Any:
        with pytest.raises(error):
            await client.messages.batches.create(requests=requests("a"))
        await client.messages.batches.create(requests=requests("a"))
        return simulator.ledger()["batches"]

    assert list(run(talk, f"{fault},times=1").values()) == [1]


def test_a_body_that_breaks_off_lands_nothing(caplog):
    async def talk(client: Client, simulator: Simulator) -> list[Any]:
        where = urlsplit(simulator.url)
        head = f"POST {BATCHES} HTTP/1.1\r\nHost: {where.netloc}\r\nContent-Length: 9999\r\n"
        lines = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
        with socket.create_connection((where.hostname, where.port)) as connection:
            connection.sendall(f'{head}{lines}\r\n{{"requests": ['.encode())
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.05)
        return (await client.messages.batches.list()).data

    assert run(talk) == []
    assert caplog.records == []


def test_a_client_that_leaves_while_it_reads_results_is_no_error(caplog):
    async def talk(client: Client, _: Simulator) -> int:
        batch = await submitted(client, *(f"r{n}" for n in range(2000)), system="x" * 50)
        async with bare("GET", batch.results_url) as response:
            await response.content.readline()
            response.close()
        return len(await results(client, batch.id))

    assert run(talk) == 2000
    assert caplog.records == []


@pytest.mark.parametrize(
    ("kind", "error"),
    [("results_cut", aiohttp.ClientPayloadError), ("results_short", json.JSONDecodeError)],
    ids=["cut", "short"],
)
def test_results_may_break_off_once(kind, error):
    async def talk(client: Client, _: Simulator) -> int:
        batch = await submitted(client, *"abcdef")
        async with bare("GET", batch.results_url) as response:
            with pytest.raises(error):
                [json.loads(line) async for line in response.content]
        return len(await results(client, batch.id))

    assert run(talk, f"{kind},times=1") == 6


def test_results_may_be_refused():
    async def talk(client: Client, _: Simulator) -> None:
        batch = await submitted(client)
        await results(client, batch.id)

    with pytest.raises(anthropic.ServiceUnavailableError):
        run(talk, "results_status=503")


def test_a_poll_may_be_refused():
    async def talk(client: Client, _: Simulator) -> int:
        created = await client.messages.batches.create(requests=requests("a"))
        with pytest.raises(anthropic.OverloadedError):
            await client.messages.batches.retrieve(created.id)
        return len((await client.messages.batches.list()).data)

    assert run(talk, "poll_status=529,times=1") == 1


def test_the_command_takes_the_time_of_a_batch_and_its_faults():
    command = [sys.executable, "-m", "harness", "simulate", "--port", "0", "--batch-seconds", "0"]
    process = subprocess.Popen(
        [*command, "--fault", "expired,times=1"], stdout=subprocess.PIPE, text=True
    )
    with process, process.stdout as output:  # type: ignore[union-attr]
        url = output.readline().split(" at ")[1].split(" ")[0]
        with Anthropic(api_key="key", base_url=url) as client:
            batch = client.messages.batches.create(requests=requests("a", "b"))
            counts = client.messages.batches.retrieve(batch.id).request_counts
        process.terminate()
    assert (counts.succeeded, counts.expired) == (1, 1)
