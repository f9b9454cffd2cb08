"""Which part of a prompt is shared through the cache, and how much of it was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from harness.prefix import CacheCount, CacheHits, prefix_of
from harness.records import Answer, Bill, Call, Outcome, Request, Result, TrialId, Usage

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LONG = "word " * 200
MARK = {"cache_control": {"type": "ephemeral"}}


def text(said: str = LONG, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": said, **more}


def request(user: Any = "hi", **params: Any) -> Request:
    messages = ({"role": "user", "content": user},)
    return Request({"model": "m", "messages": messages, **params}, "v")


def test_requests_that_differ_after_the_breakpoint_share_a_prefix():
    one, other = (request(user, system=[text(**MARK)]) for user in ("hi", "ho"))
    assert prefix_of(one) == prefix_of(other) is not None


@pytest.mark.parametrize(
    "different",
    [
        {"system": [text(LONG + "!", **MARK)]},
        {"model": "another"},
        {"tools": [{"name": "t"}]},
    ],
    ids=["system", "model", "tools"],
)
def test_what_differs_before_the_breakpoint_is_another_prefix(different: Mapping[str, Any]):
    base = {"system": [text(**MARK)]}
    assert prefix_of(request(**base)) != prefix_of(request(**{**base, **different}))


def test_the_last_breakpoint_of_the_system_prompt_counts():
    def system(second: str) -> Request:
        return request(system=[text(**MARK), text(second, **MARK), text("not cached")])

    assert prefix_of(system("a")) != prefix_of(system("b"))


def test_a_breakpoint_after_the_tools_leaves_the_system_prompt_out():
    tools = [{"name": "t", "description": LONG, **MARK}]
    assert prefix_of(request(tools=tools, system="a")) == prefix_of(
        request(tools=tools, system="b")
    )


def test_a_document_of_the_first_message_is_shared_up_to_its_breakpoint():
    one, other = (request([text(**MARK), text(q)]) for q in ("when?", "where?"))
    assert prefix_of(one) == prefix_of(other) is not None
    assert prefix_of(one) != prefix_of(request([text(**MARK), text("when?")], system="s"))


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(request(system=LONG), id="no breakpoint"),
        pytest.param(request(LONG, **MARK), id="cached as a whole"),
        pytest.param(request(system=[text("short", **MARK)]), id="too short for any model"),
        pytest.param(request(system=[text()]), id="blocks without a breakpoint"),
    ],
)
def test_nothing_is_shared_without_a_breakpoint_in_a_prefix_that_is_long_enough(asked: Request):
    assert prefix_of(asked) is None


def call(asked: Request, read: int | None, written: int = 0, *, reused: bool = False) -> Call:
    usage = Usage(5, 5, 0, read, written)
    answer = Answer((text("hi"),), "m", "end_turn", usage, NOON, reused=reused)
    return Call(asked, answer, Bill())


def result(*calls: Call) -> Result:
    return Result(TrialId("s", "c", "haiku"), Outcome.PASSED, 1.0, calls=calls)


def counted(*results: Result) -> CacheHits:
    count = CacheCount()
    for one in results:
        count.add(one)
    return count.total()


SHARED = request(system=[text(**MARK)])


def test_all_but_the_first_could_read_what_that_has_written():
    results = [
        result(call(SHARED, 0, 1000)),
        result(call(SHARED, 0, 1000)),
        result(call(SHARED, 1000)),
    ]
    hits = counted(*results)
    assert hits == CacheHits(1000, 2000)
    assert hits.share == 0.5


def test_each_prefix_has_a_first_of_its_own():
    other = request(system=[text(LONG + "!", **MARK)])
    results = [
        result(call(SHARED, 0, 1000)),
        result(call(other, 0, 700)),
    ]
    assert counted(*results) == CacheHits(0, 0)
    assert counted(*results).share is None


def test_what_an_earlier_run_has_written_the_first_can_read():
    assert counted(result(call(SHARED, 1000))) == CacheHits(1000, 1000)


def test_a_conversation_that_is_cached_as_a_whole_can_read_what_it_said_before():
    turns = [call(request(LONG, **MARK), read, written) for read, written in ((0, 100), (100, 50))]
    assert counted(result(*turns)) == CacheHits(100, 100)


def test_reused_answers_and_judges_do_not_count():
    judged = call(replace(SHARED, purpose="judge"), 0, 1000)
    results = [result(call(SHARED, 0, 1000, reused=True), judged)]
    assert counted(*results) == CacheHits(0, 0)


def test_what_the_api_did_not_count_is_unknown():
    hits = counted(result(call(SHARED, None)))
    assert hits == CacheHits(None, None)
    assert hits.share is None
