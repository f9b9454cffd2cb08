"""The live backend and its policy, over real HTTP, with time that passes only when it is slept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from local_api import Asked, Behaviour, LocalApi, error, http, in_turn, message, sse

from harness.backends.access import Access
from harness.backends.client import make_client
from harness.backends.live import LiveBackend
from harness.backends.policy import Policy
from harness.errors import AnswerMissingError, RunStoppedError
from harness.records import Answer, Request
from harness.simulator.stream import events

KEY = "sk-ant-api03-SECRET"
OK = http(message("hi"))
BUSY = error("rate_limit_error")
LONG = 50_000
Serve = Callable[[Behaviour], LocalApi]


class Time:
    """A clock that goes on by what is slept."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


def request(model: str = "claude-haiku-4-5", max_tokens: int = 16, **how: Any) -> Request:
    params = {"model": model, "max_tokens": max_tokens, "messages": []}
    return Request(params, "2026-10-21", **how)


def with_backend(url: str, use: Callable[[LiveBackend], Awaitable[Any]], **how: Any) -> Any:
    """What `use` returns, with a backend that is closed after it."""

    async def main() -> Any:
        time = how.pop("time", None) or Time()
        client = make_client(Access(KEY, base_url=url))
        backend = LiveBackend(lambda: client, clock=time.clock, sleep=time.sleep, **how)
        try:
            async with asyncio.timeout(20):
                return await use(backend)
        finally:
            await backend.close()

    return asyncio.run(main())


async def until(condition: Callable[[], object]) -> None:
    """Wait for what happens in the server's thread."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0.001)


def ask(url: str, *requests: Request, **how: Any) -> list[Any]:
    """The answers, or the exceptions instead."""

    async def use(backend: LiveBackend) -> list[Any]:
        asked = [backend.answer(r, "k") for r in requests or [request()]]
        return await asyncio.gather(*asked, return_exceptions=True)

    said: list[Any] = with_backend(url, use, **how)
    return said


def outcome(said: Any) -> str:
    if isinstance(said, Answer):
        return f"answer {said.text}"
    if isinstance(said, AnswerMissingError):
        return f"missing {said.missing.kind}"
    assert isinstance(said, RunStoppedError), repr(said)
    return "stopped"


def test_what_is_sent_is_the_body_as_it_is_with_version_and_betas(serve: Serve):
    api = serve(in_turn(OK))
    asked = Request({"model": "m", "zeta": 1, "messages": []}, "2023-06-01", ("a-1", "b-2"))
    ask(api.url, asked)
    (sent,) = api.asked
    assert (sent.path, sent.body) == ("/v1/messages", b'{"model":"m","zeta":1,"messages":[]}')
    assert (sent.headers["anthropic-version"], sent.headers["anthropic-beta"]) == (
        *("2023-06-01", "a-1,b-2"),
    )


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (http(error("invalid_request_error"), 400), "missing invalid_request_error"),
        (http(error("not_found_error"), 404), "missing not_found_error"),
        (http(error("request_too_large"), 413), "missing request_too_large"),
        (http(b"<html>no</html>", 418), "missing http_418"),
        (http(status=302), "missing http_302"),
        (http(error("authentication_error"), 401), "stopped"),
        (http(error("billing_error"), 402), "stopped"),
        (http(error("permission_error"), 403), "stopped"),
        (http(error("rate_limit_error", error_code="enforced_spend_limit_reached"), 429),
         "stopped"),
        (http(error("x"), 500, x_should_retry="false"), "missing x"),
    ],
    ids=["400", "404", "413", "418 html", "302", "401", "402", "403", "spend limit", "not again"],
)  # fmt: skip
def test_what_cannot_get_better_is_asked_once(serve: Serve, said: bytes, expected: str):
    api = serve(in_turn(said, OK))
    assert outcome(*ask(api.url)) == expected
    assert len(api.asked) == 1


FLEETING = {
    "408": http(status=408),
    "409": http(error("conflict_error"), 409),
    "429": http(BUSY, 429),
    "429 html": http(b"<html>slow down</html>", 429),
    "500": http(error("api_error"), 500),
    "502 html": http(b"<html>bad gateway</html>", 502),
    "503": http(error("api_error"), 503),
    "504": http(error("timeout_error"), 504),
    "529": http(error("overloaded_error"), 529),
    "400 to try again": http(error("x"), 400, x_should_retry="true"),
    "dropped": b"",
    "dropped in the headers": b"HTTP/1.1 200 OK\r\ncontent-le",
    "no HTTP": b"hello\r\n\r\n",
    "cut in the body": OK[:-20],
    "empty 200": http(),
    "204": b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n",
    "html 200": http(b"<html>portal</html>"),
    "broken json": http(b'{"content": ['),
    "no content": http({"type": "message"}),
    "stop_reason null": http(message("hi", stop_reason=None)),
    "error in a 200": http(error("overloaded_error")),
    "not gzip": http(message("hi"), content_encoding="gzip"),
}


@pytest.mark.parametrize("said", FLEETING.values(), ids=FLEETING)
def test_what_may_pass_is_asked_again(serve: Serve, said: bytes):
    api = serve(in_turn(said, OK))
    (answer,) = ask(api.url)
    assert (outcome(answer), answer.attempts, len(api.asked)) == ("answer hi", 2, 2)


@pytest.mark.parametrize("said", FLEETING.values(), ids=FLEETING)
def test_what_does_not_pass_is_missing_in_the_end(serve: Serve, said: bytes):
    (missing,) = ask(serve(in_turn(said)).url, policy=Policy(patience_s=20))
    assert isinstance(missing, AnswerMissingError)
    assert "attempts" in missing.missing.reason


def test_a_broken_api_is_tried_six_times_with_growing_pauses(serve: Serve):
    api, time = serve(in_turn(http(status=500))), Time()
    ask(api.url, time=time)
    assert len(api.asked) == 6
    assert time.slept == sorted(time.slept)


def test_a_crowded_api_is_asked_for_as_long_as_patience_lasts(serve: Serve):
    api, time = serve(in_turn(http(BUSY, 429))), Time()
    (missing,) = ask(api.url, time=time, policy=Policy(patience_s=300))
    assert outcome(missing) == "missing rate_limit_error"
    assert len(api.asked) > 6
    assert 240 < time.now - 1000 <= 310  # the last turn at the gate has to be waited for, too


@pytest.mark.parametrize("header", ["retry_after", "retry_after_ms"])
def test_retry_after_is_waited_for(serve: Serve, header: str):
    wait = {"retry_after": "40", "retry_after_ms": "40000"}[header]
    time = Time()
    (answer,) = ask(serve(in_turn(http(BUSY, 429, **{header: wait}), OK)).url, time=time)
    assert outcome(answer) == "answer hi"
    assert 1040 <= time.now < 1043


def test_a_day_is_not_waited_for_and_the_run_says_how_to_go_on(serve: Serve):
    time = Time()
    (stopped,) = ask(serve(in_turn(http(BUSY, 429, retry_after="86400"))).url, time=time)
    assert outcome(stopped) == "stopped"
    assert "asks to wait 24 h 0 min" in str(stopped)
    assert "`harness resume` goes on" in str(stopped)
    assert time.slept == []


def test_all_models_of_a_class_wait_when_the_api_asks_one_of_them(serve: Serve):
    time, seen = Time(), []

    def behave(asked: Asked) -> bytes:
        seen.append(time.now)
        return http(BUSY, 429, retry_after="50") if asked.number == 0 else OK

    async def use(backend: LiveBackend) -> None:
        first = asyncio.create_task(backend.answer(request("opus-4-6"), "k"))
        await until(lambda: backend.retries)
        await asyncio.gather(first, backend.answer(request("opus-4-8"), "k"))

    with_backend(serve(behave).url, use, time=time, class_of=lambda model: model[:6])
    assert [at >= 1050 for at in seen] == [False, True, True]


def told(limit: int, left: int) -> dict[str, str]:
    """Headers that tell of a limit on requests."""
    prefix = "anthropic_ratelimit_requests"
    return {f"{prefix}_limit": str(limit), f"{prefix}_remaining": str(left)}


@pytest.mark.parametrize("max_tokens", [16, LONG], ids=["plain", "streamed"])
def test_limits_are_read_from_every_kind_of_answer(serve: Serve, max_tokens: int):
    async def use(backend: LiveBackend) -> int | None:
        await backend.answer(request(max_tokens=max_tokens), "k")
        return backend.paces()[0].requests_per_minute

    said = sse(*PARTS, **told(600, 599)) if max_tokens == LONG else http(message(), **told(600, 5))
    assert with_backend(serve(in_turn(said)).url, use) == 600


def test_a_refusal_tells_of_limits_too(serve: Serve):
    async def use(backend: LiveBackend) -> str:
        await backend.answer(request(), "k")
        return str(backend.paces()[0])

    said = with_backend(serve(in_turn(http(BUSY, 429, **told(60, 0)), OK)).url, use)
    assert said.startswith("claude-haiku-4-5: 2 requests sent, 1 refused, waited ")
    assert said.endswith("limits a minute: 60 requests")


def test_what_the_pace_came_to_is_logged_at_the_end(serve: Serve, caplog: pytest.LogCaptureFixture):
    caplog.set_level("INFO", logger="harness")
    ask(serve(in_turn(OK)).url)
    assert caplog.messages == [
        "pace of claude-haiku-4-5: 1 requests sent, 0 refused, waited 0.0 s; "
        "limits a minute: none told"
    ]


def test_all_requests_of_a_model_wait_when_the_api_asks_for_it(serve: Serve):
    time, seen = Time(), []

    def behave(asked: Asked) -> bytes:
        seen.append((asked.json["model"], time.now))
        return http(BUSY, 429, retry_after="50") if asked.number == 0 else OK

    async def use(backend: LiveBackend) -> None:
        first = asyncio.create_task(backend.answer(request("a"), "k"))
        await until(lambda: backend.retries)
        await asyncio.gather(first, backend.answer(request("a"), "k"))

    with_backend(serve(behave).url, use, time=time)
    assert [at >= 1050 for _, at in seen] == [False, True, True]


def test_a_model_that_has_to_wait_leaves_its_slot_to_others(serve: Serve):
    released = asyncio.Event()

    class Held(Time):
        async def sleep(self, seconds: float) -> None:
            await released.wait()
            self.now += seconds

    def behave(asked: Asked) -> bytes:
        return http(BUSY, 429, retry_after="50") if asked.number == 0 else OK

    async def use(backend: LiveBackend) -> list[Any]:
        waiting = [asyncio.create_task(backend.answer(request("a"), "k")) for _ in range(3)]
        await until(lambda: backend.retries)
        other = await backend.answer(request("b"), "k")
        released.set()
        return [other, *await asyncio.gather(*waiting)]

    said = with_backend(serve(behave).url, use, time=Held(), concurrency=1)
    assert list(map(outcome, said)) == ["answer hi"] * 4


def test_no_more_requests_are_under_way_than_allowed(serve: Serve):
    under_way, most = set(), []

    def behave(asked: Asked) -> Iterator[bytes]:
        under_way.add(asked.number)
        most.append(len(under_way))
        yield OK[:-1]
        under_way.discard(asked.number)
        yield OK[-1:]

    said = ask(serve(behave).url, *[request()] * 20, concurrency=3)
    assert list(map(outcome, said)) == ["answer hi"] * 20
    assert max(most) <= 3


def test_a_slow_answer_ends_at_the_timeout_of_the_suite(serve: Serve):
    def drip(_asked: Asked) -> Iterator[bytes]:
        import time

        yield OK[:-40]
        for _ in range(100):
            time.sleep(0.02)
            yield b" "

    (missing,) = ask(serve(drip).url, request(timeout_s=0.1), policy=Policy(attempts=1))
    assert outcome(missing) == "missing timeout"
    assert "timeout_s" in missing.missing.reason


def test_stopping_wakes_all_who_wait(serve: Serve):
    class Never(Time):
        async def sleep(self, seconds: float) -> None:
            await asyncio.Event().wait()

    async def use(backend: LiveBackend) -> list[Any]:
        asked = [asyncio.create_task(backend.answer(request(), "k")) for _ in range(5)]
        await until(lambda: backend.retries)
        backend.stop()
        return await asyncio.gather(*asked, return_exceptions=True)

    api = serve(in_turn(http(BUSY, 429, retry_after="100")))
    said = with_backend(api.url, use, time=Never(), concurrency=2)
    assert list(map(outcome, said)) == ["stopped"] * 5


def test_an_outage_is_looked_at_now_and_then_by_one_of_all_who_wait(serve: Serve):
    time, crowded = Time(), http(error("overloaded_error"), 529)
    api = serve(lambda _asked: OK if time.now > 1060 else crowded)
    said = ask(api.url, *[request()] * 100, time=time, concurrency=10)
    assert list(map(outcome, said)) == ["answer hi"] * 100
    assert len(api.asked) < 150


def test_what_is_under_way_is_answered_after_a_stop(serve: Serve):
    async def use(backend: LiveBackend) -> Any:
        asked = asyncio.create_task(backend.answer(request(), "k"))
        await until(lambda: api.asked)
        backend.stop()
        return await asked

    api = serve(in_turn(OK))
    assert outcome(with_backend(api.url, use)) == "answer hi"


# Streams, asked for where max_tokens is large.

BLOCKS = [
    {"type": "thinking", "thinking": "Let me see.", "signature": "c2lnbmF0dXJl"},
    {"type": "text", "text": "I look it up.", "citations": None},
    {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": [1, 2], "é": "\u2028"}},
]
WHOLE = message(*BLOCKS, stop_reason="tool_use")
PARTS = list(events(WHOLE))


def test_a_long_answer_is_streamed_and_equal_to_a_plain_one(serve: Serve):
    plain, streamed = ask(
        serve(lambda asked: sse(*PARTS) if asked.json.get("stream") else http(WHOLE)).url,
        *(request(), request(max_tokens=LONG)),
    )
    same = ("content", "model", "stop_reason", "usage", "id", "service_tier", "request_id")
    assert [getattr(streamed, f) for f in same] == [getattr(plain, f) for f in same]
    assert list(streamed.content) == BLOCKS


BROKEN_STREAMS = {
    "error event": sse(*PARTS[:4], {**error("overloaded_error")}),
    "no message_stop": sse(*PARTS[:-1]),
    "cut": sse(*PARTS[:5]),
    "cut in an event": sse(*PARTS[:5])[:-9],
    "garbage": sse(*PARTS[:4], b"event: content_block_delta\ndata: {nope\n\n", *PARTS[4:]),
    "empty": sse(),
    "not a stream": http(WHOLE),
    "html": http(b"<html>portal</html>"),
    "500": http(status=500),
    "a list": sse(b"event: message_start\ndata: [1]\n\n"),
    "length too long": sse(*PARTS, content_length="99999"),
}


@pytest.mark.parametrize("said", BROKEN_STREAMS.values(), ids=BROKEN_STREAMS)
def test_a_stream_that_breaks_is_asked_again(serve: Serve, said: bytes):
    api = serve(in_turn(said, sse(*PARTS)))
    (answer,) = ask(api.url, request(max_tokens=LONG))
    assert (outcome(answer), answer.attempts) == ("answer I look it up.", 2)


def test_a_stream_with_news_in_it_is_read(serve: Serve):
    news = [{"type": "ping"}, {"type": "brand_new", "x": 1}, b": comment\n\n", b"data: {}\n\n"]
    said = sse(*PARTS[:3], *news, *PARTS[3:], *news)
    assert outcome(*ask(serve(in_turn(said)).url, request(max_tokens=LONG))) == (
        "answer I look it up."
    )


# An API that is not there.

NOBODY = "http://127.0.0.1:1"


def test_an_api_that_is_not_there_ends_the_run_and_says_where_it_was_sought():
    time = Time()
    said = ask(NOBODY, *[request()] * 30, time=time)
    stopped = [error for error in said if isinstance(error, RunStoppedError)]
    assert stopped
    assert "http://127.0.0.1:1" in str(stopped[0])
    assert "ANTHROPIC_BASE_URL" in str(stopped[0])


def test_a_lone_request_without_a_connection_is_missing():
    assert outcome(*ask(NOBODY)) == "missing connection_error"


def test_connection_errors_between_answers_are_no_outage(serve: Serve):
    api = serve(lambda asked: b"" if asked.number % 3 else OK)
    said = ask(api.url, *[request()] * 40, policy=Policy(attempts=60))
    assert list(map(outcome, said)) == ["answer hi"] * 40


# Credentials.


@pytest.mark.parametrize(
    "said",
    [
        http(error("invalid_request_error", f"bad key {KEY}"), 400),
        http(error("authentication_error", f"bad key {KEY}"), 401),
        http(f"<html>{KEY}</html>".encode(), 403),
        http(f"{KEY}".encode()),
        sse({"type": "error", "error": {"type": KEY, "message": KEY}}),
    ],
    ids=["400", "401", "html", "200", "in a stream"],
)
@pytest.mark.parametrize("max_tokens", [16, LONG], ids=["plain", "streamed"])
def test_a_key_that_the_api_quotes_is_not_repeated(serve: Serve, said: bytes, max_tokens: int):
    api = serve(in_turn(said))
    (fault,) = ask(api.url, request(max_tokens=max_tokens), policy=Policy(attempts=1))
    assert "SECRET" not in f"{fault!r} {fault} {getattr(fault, 'missing', '')}"


def test_the_key_goes_out_in_a_header_only(serve: Serve):
    api = serve(in_turn(OK))
    ask(api.url)
    assert KEY in api.asked[0].headers["authorization"]
    assert KEY.encode() not in api.asked[0].body


def test_a_proxy_is_not_asked_the_way_to_this_machine(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HTTP_PROXY", NOBODY)
    assert outcome(*ask(serve(in_turn(OK)).url)) == "answer hi"
