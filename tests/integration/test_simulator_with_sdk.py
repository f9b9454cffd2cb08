"""The simulator over real HTTP: with the real SDK, and with bytes where the SDK hides them."""

from __future__ import annotations

import asyncio
import io
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import aiohttp
import anthropic
import httpx2
import pytest
from anthropic import Anthropic, AsyncAnthropic, DefaultAioHttpClient

from harness.errors import UsageError
from harness.models.table import load_registry
from harness.simulator import (
    Entry,
    Fault,
    RateLimit,
    Reply,
    Script,
    Settings,
    Simulator,
    fingerprint,
    run_forever,
)

HAIKU = "claude-haiku-4-5-20251001"
ASK: dict[str, Any] = {
    "model": HAIKU,
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "What is 2 + 2?"}],
}
HEADERS = {"x-api-key": "key", "anthropic-version": "2026-10-21"}
TOOLS = [{"name": "look", "input_schema": {"type": "object"}}]
REGISTRY = load_registry()


def run(talk: Callable[[Simulator], Awaitable[Any]], *faults: str, **settings: Any) -> Any:
    """What `talk` returns, with a simulator that lives as long as it talks."""

    async def main() -> Any:
        parsed = tuple(Fault.parse(text) for text in faults)
        async with Simulator(Settings(faults=parsed, **settings), registry=REGISTRY) as simulator:
            return await talk(simulator)

    return asyncio.run(main())


def with_sdk(talk: Callable[[AsyncAnthropic], Awaitable[Any]], *faults: str, **how: Any) -> Any:
    """What `talk` returns, with a client of the simulator that does not retry."""

    async def main(simulator: Simulator) -> Any:
        options: dict[str, Any] = {"api_key": "key", "max_retries": 0}
        async with AsyncAnthropic(
            base_url=simulator.url, http_client=DefaultAioHttpClient(), **options
        ) as client:
            return await talk(client)

    return run(main, *faults, **how)


def post(body: Any, *faults: str, headers: dict[str, str] = HEADERS, **how: Any) -> Any:
    """Status, headers and bytes of a bare POST."""

    async def main(simulator: Simulator) -> Any:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with aiohttp.ClientSession() as session:
            url = simulator.url + "/v1/messages"
            async with session.post(url, data=io.BytesIO(raw), headers=headers) as response:
                return response.status, response.headers, await response.read()

    return run(main, *faults, **how)


def script(*replies: Any) -> Script:
    return Script({fingerprint(ASK): Entry({"*": tuple(map(Reply.of, replies))})})


@pytest.fixture(autouse=True)
def _no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    return


def test_the_sdk_reads_a_message():
    message = with_sdk(lambda client: client.messages.create(**ASK), script=script("four"))
    assert (message.content[0].text, message.model, message.stop_reason) == (
        *("four", HAIKU, "end_turn"),
    )
    assert message._request_id.startswith("req_")


def test_the_synchronous_sdk_reads_a_message():
    def ask(url: str) -> anthropic.types.Message:
        with Anthropic(api_key="key", base_url=url) as client:
            return client.messages.create(**ASK)

    message = run(lambda simulator: asyncio.to_thread(ask, simulator.url), script=script("four"))
    assert message.content[0].text == "four"


def test_a_stream_ends_in_the_same_message_as_one_body():
    async def both(client: AsyncAnthropic) -> Any:
        whole = await client.messages.create(**ASK)
        async with client.messages.stream(**ASK) as stream:
            return whole, await stream.get_final_message()

    blocks = [
        {"type": "text", "text": "I look it up, and then I tell you what I have found. " * 3},
        {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": [1, 2], "é": "ü"}},
    ]
    whole, streamed = with_sdk(both, script=script({"blocks": blocks}))
    keys = {"content", "stop_reason", "stop_sequence", "stop_details", "role", "model", "usage"}
    assert streamed.to_dict() | {"id": ""} == whole.to_dict() | {"id": ""}
    assert keys <= set(whole.to_dict())


def test_a_stream_of_a_model_that_thinks_has_the_signature():
    async def stream(client: AsyncAnthropic) -> Any:
        asked = {**ASK, "model": "claude-opus-5-5", "thinking": {"type": "adaptive"}}
        async with client.messages.stream(**asked) as events:
            return await events.get_final_message()

    thinking = with_sdk(stream).content[0]
    assert (thinking.type, thinking.thinking, len(thinking.signature)) == ("thinking", "", 64)


def test_the_events_of_a_stream_come_in_the_order_of_the_api():
    async def names(client: AsyncAnthropic) -> list[str]:
        return [event.type async for event in await client.messages.create(**ASK, stream=True)]

    assert with_sdk(names, script=script("four")) == [
        *("message_start", "content_block_start", "content_block_delta"),
        *("content_block_stop", "message_delta", "message_stop"),
    ]


def test_raw_responses_carry_the_rate_limits_and_say_that_they_are_simulated():
    raw = with_sdk(lambda client: client.messages.with_raw_response.create(**ASK))
    assert raw.headers["x-simulated"] == "claude-eval-harness"
    assert "anthropic-organization-id" in raw.headers
    kinds = ("requests", "tokens", "input-tokens", "output-tokens")
    columns = ("limit", "remaining", "reset")
    wanted = {f"anthropic-ratelimit-{kind}-{column}" for kind in kinds for column in columns}
    assert wanted <= set(raw.headers)


def test_tokens_are_counted_as_they_are_billed():
    async def both(client: AsyncAnthropic) -> Any:
        asked = {key: value for key, value in ASK.items() if key != "max_tokens"}
        counted = await client.messages.count_tokens(**asked)
        return counted.input_tokens, (await client.messages.create(**ASK)).usage.input_tokens

    counted, billed = with_sdk(both)
    assert counted == billed > 0


def test_the_list_of_models_goes_over_several_pages():
    async def ids(client: AsyncAnthropic) -> list[str]:
        return [model.id async for model in client.models.list(limit=3)]

    found = with_sdk(ids)
    assert len(set(found)) == len(found) > 10
    assert HAIKU in found
    assert "claude-3-opus-20240229" not in found


def test_a_page_of_models_may_end_before_one():
    async def page(client: AsyncAnthropic) -> Any:
        every = (await client.models.list(limit=1000)).data
        before = await client.models.list(limit=2, before_id=every[3].id)
        return [model.id for model in every], [model.id for model in before.data], before.has_more

    every, before, has_more = with_sdk(page)
    assert (before, has_more) == (every[1:3], True)


def test_retired_models_are_listed_when_asked_for():
    async def stages(client: AsyncAnthropic) -> set[str]:
        models = await client.models.list(limit=1000, lifecycle=["retired"])
        return {model.lifecycle for model in models.data}

    assert with_sdk(stages) == {"retired"}


def test_a_model_tells_what_it_takes():
    model = with_sdk(lambda client: client.models.retrieve("claude-haiku-4-5"))
    assert (model.id, model.line, model.max_tokens) == (HAIKU, "haiku", 64_000)
    assert model.capabilities.thinking.types.enabled.supported
    assert not model.capabilities.effort.supported


def test_an_unknown_page_limit_is_refused():
    with pytest.raises(anthropic.BadRequestError, match="limit: Input should be between"):
        with_sdk(lambda client: client.models.list(limit=0))


ERRORS = {
    "status=400": anthropic.BadRequestError,
    "status=401": anthropic.AuthenticationError,
    "status=402": anthropic.PaymentRequiredError,
    "status=429": anthropic.RateLimitError,
    "status=500": anthropic.InternalServerError,
    "status=529": anthropic.OverloadedError,
    "status=429,error_code=enforced_spend_limit_reached": anthropic.EnforcedSpendLimitReachedError,
    "error_event": anthropic.OverloadedError,
    "drop": anthropic.APIConnectionError,
}


@pytest.mark.parametrize(("fault", "error"), ERRORS.items(), ids=ERRORS)
def test_the_sdk_knows_each_error(fault, error):
    with pytest.raises(error):
        with_sdk(lambda client: client.messages.create(**ASK), fault)


def test_an_unknown_model_is_not_found():
    with pytest.raises(anthropic.NotFoundError, match="model: claude-nonsense"):
        with_sdk(lambda client: client.messages.create(**{**ASK, "model": "claude-nonsense"}))


def test_the_sdk_gets_through_when_it_retries():
    async def retry(client: AsyncAnthropic) -> Any:
        patient = client.with_options(max_retries=2)
        raw = await patient.messages.with_raw_response.create(**ASK)
        return raw.retries_taken

    assert with_sdk(retry, "status=529,times=2,retry_after=0.01") == 2


async def _streamed(client: AsyncAnthropic) -> Any:
    async with client.messages.stream(**ASK) as stream:
        return await stream.get_final_message()


def test_a_stream_that_is_cut_has_no_stop_reason():
    assert with_sdk(_streamed, "cut").stop_reason is None


def test_an_error_event_ends_a_stream():
    with pytest.raises(anthropic.APIStatusError) as caught:
        with_sdk(_streamed, "error_event=529")
    assert (caught.value.status_code, caught.value.type) == (200, "overloaded_error")


def test_a_malformed_event_cannot_be_read():
    with pytest.raises(json.JSONDecodeError):
        with_sdk(_streamed, "malformed")


def test_a_body_that_is_cut_ends_too_early():
    with pytest.raises((httpx2.HTTPError, anthropic.APIConnectionError)):
        with_sdk(lambda client: client.messages.create(**ASK), "cut")


def test_an_unknown_block_is_kept_as_it_is():
    message = with_sdk(lambda client: client.messages.create(**ASK), "unknown_block")
    assert message.content[0].type == "brand_new_block"


BROKEN_BODIES = {
    "malformed": ("application/json", lambda raw: raw.startswith(b'{"id"') and raw[-1:] != b"}"),
    "html": ("text/html", lambda raw: raw.startswith(b"<html>")),
    "empty": ("application/json", lambda raw: raw == b""),
    "no_usage": ("application/json", lambda raw: "usage" not in json.loads(raw)),
}


@pytest.mark.parametrize("kind", BROKEN_BODIES)
def test_a_200_may_be_broken(kind):
    content_type, broken = BROKEN_BODIES[kind]
    status, headers, raw = post(ASK, kind)
    assert (status, headers["Content-Type"]) == (200, content_type)
    assert broken(raw)


@pytest.mark.parametrize("kind", ["drop", "cut", "malformed", "html", "empty", "no_usage"])
def test_what_is_lost_on_the_way_was_paid_for(kind):
    async def main(simulator: Simulator) -> Any:
        async with aiohttp.ClientSession(headers=HEADERS) as session:
            try:
                async with session.post(simulator.url + "/v1/messages", json=ASK) as response:
                    await response.read()
            except aiohttp.ClientError:
                pass
            async with session.get(simulator.url + "/__simulator/ledger") as response:
                return await response.json()

    assert run(main, kind)["paid"] == 1


def test_what_is_refused_was_not_paid_for():
    async def main(simulator: Simulator) -> Any:
        async with aiohttp.ClientSession(headers=HEADERS) as session:
            for _ in range(3):
                async with session.post(simulator.url + "/v1/messages", json=ASK):
                    pass
        return simulator.ledger()

    ledger = run(main, "status=529,times=2")
    assert (ledger["paid"], ledger["failed"]) == (1, {"529": 2})


def test_a_reset_empties_the_ledger():
    async def main(simulator: Simulator) -> Any:
        async with aiohttp.ClientSession(headers=HEADERS) as session:
            async with session.post(simulator.url + "/v1/messages", json=ASK):
                pass
            async with session.post(simulator.url + "/__simulator/reset") as response:
                return response.status, simulator.ledger()["paid"]

    assert run(main) == (200, 0)


CREDENTIALS = {
    "none": ({}, None, 401),
    "empty": ({"x-api-key": ""}, None, 401),
    "x-api-key": ({"x-api-key": "k"}, None, 200),
    "bearer": ({"Authorization": "Bearer k"}, None, 200),
    "basic": ({"Authorization": "Basic k"}, None, 401),
    "wrong x-api-key": ({"x-api-key": "k"}, frozenset({"other"}), 401),
    "right bearer": ({"Authorization": "Bearer k"}, frozenset({"k"}), 200),
}


@pytest.mark.parametrize(("sent", "keys", "status"), CREDENTIALS.values(), ids=CREDENTIALS)
def test_either_header_lets_a_key_in(sent, keys, status):
    headers = {"anthropic-version": "2023-06-01", **sent}
    assert post(ASK, headers=headers, api_keys=keys)[0] == status


@pytest.mark.parametrize("version", [None, "2022-01-01"], ids=["missing", "unknown"])
def test_the_version_must_be_one_that_there_is(version):
    headers = {"x-api-key": "k"} | ({"anthropic-version": version} if version else {})
    status, _, raw = post(ASK, headers=headers)
    error = json.loads(raw)["error"]
    assert (status, error["type"]) == (400, "invalid_request_error")
    assert error["message"].startswith("anthropic-version: ")


def test_sampling_parameters_go_through_under_the_old_version_only():
    asked = {**ASK, "temperature": 0}
    assert post(asked)[0] == 400
    assert post(asked, headers={**HEADERS, "anthropic-version": "2023-06-01"})[0] == 200


def test_a_body_above_32_mb_is_too_large():
    status, headers, raw = post(b" " * (32 * 1024 * 1024 + 1))
    assert (status, json.loads(raw)["error"]["type"]) == (413, "request_too_large")
    assert headers["x-simulated"]


def test_a_broken_body_is_refused_in_the_shape_of_the_api():
    status, headers, raw = post(b"{")
    error = json.loads(raw)
    assert (status, error["type"], error["error"]["type"]) == (
        *(400, "error", "invalid_request_error"),
    )
    assert error["request_id"] == headers["request-id"]


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/x", 404), ("GET", "/v1/messages", 405)]
)
def test_an_unknown_path_is_answered_in_the_shape_of_the_api(method, path, status):
    async def main(simulator: Simulator) -> Any:
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, simulator.url + path) as response,
        ):
            return response.status, (await response.json())["type"]

    assert run(main) == (status, "error")


def test_a_rate_limit_is_refused_with_the_time_to_wait():
    async def twice(client: AsyncAnthropic) -> Any:
        await client.messages.create(**ASK)
        with pytest.raises(anthropic.RateLimitError) as caught:
            await client.messages.create(**ASK)
        return caught.value.response.headers

    headers = with_sdk(twice, rate_limit=RateLimit(requests_per_minute=1))
    assert headers["retry-after"] == "60"
    assert headers["anthropic-ratelimit-requests-remaining"] == "0"


def test_a_tool_round_goes_there_and_back():
    async def talk(client: AsyncAnthropic) -> Any:
        first = await client.messages.create(**ASK, tools=TOOLS)
        call = first.content[-1]
        result = {"type": "tool_result", "tool_use_id": call.id, "content": "4"}
        turns = [
            *ASK["messages"],
            {"role": "assistant", "content": first.to_dict()["content"]},
            {"role": "user", "content": [result]},
        ]
        return first, await client.messages.create(**{**ASK, "messages": turns}, tools=TOOLS)

    call = {"blocks": [{"type": "tool_use", "name": "look", "input": {}}]}
    first, second = with_sdk(talk, script=script(call, "It is 4."))
    assert (first.stop_reason, second.content[0].text) == ("tool_use", "It is 4.")


def test_a_reply_may_fail_or_take_its_time():
    with pytest.raises(anthropic.APITimeoutError):
        with_sdk(
            lambda client: client.with_options(timeout=0.1).messages.create(**ASK),
            script=script({"text": "late", "latency_s": 1}),
        )
    with pytest.raises(anthropic.OverloadedError):
        with_sdk(lambda client: client.messages.create(**ASK), script=script({"status": 529}))


BROKEN_STREAMS = {
    "empty": (0, b""),
    "no_usage": (1, b"message_stop"),
    "unknown_block": (1, b"brand_new_block"),
    "cut": (1, b"message_start"),
}


@pytest.mark.parametrize(("kind", "wanted"), BROKEN_STREAMS.items(), ids=BROKEN_STREAMS)
def test_a_stream_may_be_broken(kind, wanted):
    starts, part = wanted
    status, headers, raw = post({**ASK, "stream": True}, kind)
    assert (status, raw.count(b"event: message_start"), part in raw) == (200, starts, True)
    assert headers["Content-Type"].startswith("text/event-stream")
    assert (b"usage" in raw) == (kind in ("unknown_block", "cut"))


def test_a_stream_takes_the_time_of_its_tokens():
    async def times(client: AsyncAnthropic) -> float:
        loop = asyncio.get_running_loop()
        started = loop.time()
        await _streamed(client)
        return loop.time() - started

    # Some 60 characters in three pieces of six tokens each.
    assert with_sdk(times, tokens_per_second=100) >= 0.15


def test_a_body_without_a_length_may_be_too_large_too():
    async def pieces() -> Any:
        for _ in range(33):
            yield b" " * 1024 * 1024

    async def main(simulator: Simulator) -> int:
        async with aiohttp.ClientSession(headers=HEADERS) as session:
            url = simulator.url + "/v1/messages"
            async with session.post(url, data=pieces()) as response:
                return response.status

    assert run(main) == 413


def test_the_server_says_where_it_is_and_ends_when_told():
    code = (
        "from harness.models.table import load_registry\n"
        "from harness.simulator import Settings, run_forever\n"
        "say = lambda url: print(url, flush=True)\n"
        "run_forever(Settings(), registry=load_registry(), on_start=say)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        with Anthropic(api_key="key", base_url=url) as client:
            assert client.messages.create(**ASK).model == HAIKU
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=10) == 0


def test_a_port_that_is_taken_is_said_so():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{port}"):
            run_forever(Settings(), registry=REGISTRY, port=port)
