"""What bodies, headers and errors of the API mean, without a network."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from local_api import error, message

from harness.backends.stream import Assembly
from harness.backends.wire import FaultError, answer_of, error_fault, retry_after_s, usage_of
from harness.records import UNKNOWN_USAGE, Answer
from harness.simulator.stream import events

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
TOOL = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": [1, {"é": None}]}}
THINKING = {"type": "thinking", "thinking": "Let me see.", "signature": "c2ln"}
CITED = {
    "type": "text",
    "text": "Blue.",
    "citations": [{"type": "char_location", "cited_text": "blue", "document_index": 0}],
}


def answer(body: Any, **headers: str) -> Answer:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return answer_of(raw, headers, answered_at=NOON, latency_s=1.0)


def without(body: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != key}


def test_every_fact_of_a_message_is_kept():
    facts = {"stop_reason": "stop_sequence", "stop_sequence": "END"}
    said = answer_of(
        orjson.dumps(message("hi", **facts)), {"request-id": "req_9"},
        answered_at=NOON, latency_s=1.5,
    )  # fmt: skip
    assert (said.text, said.stop_reason, said.stop_sequence) == ("hi", "stop_sequence", "END")
    assert (said.id, said.request_id, said.latency_s) == ("msg_1", "req_9", 1.5)
    assert (said.service_tier, said.inference_geo, said.speed) == ("standard", "global", "standard")


def test_a_refusal_without_content_is_an_answer():
    details = {"type": "refusal", "category": "cyber", "explanation": None}
    said = answer(message(stop_reason="refusal", stop_details=details))
    assert (said.refused, said.text, said.stop_details) == (True, "", details)


def test_a_block_of_an_unknown_type_is_kept_as_it_is():
    block = {"type": "brand_new", "text": 5}
    said = answer(message(block, "hi"))
    assert (said.content[0], said.text) == (block, "hi")


def test_the_simulator_says_that_it_is_no_model():
    headers = {"x-simulated": "claude-eval-harness"}
    assert answer_of(message("hi"), headers, answered_at=NOON, latency_s=None).simulated


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<html>gateway</html>", id="html"),
        pytest.param(b'{"type": "message", "content": [{"ty', id="cut"),
        pytest.param(b"[1]", id="a list"),
        pytest.param(b'"text"', id="a text"),
        pytest.param(b"\xff\xfe", id="no UTF-8"),
        pytest.param(without(message("hi"), "content"), id="no content"),
        pytest.param(message() | {"content": "hi"}, id="content is text"),
        pytest.param(message(None), id="a block is null"),
        pytest.param(message({"text": "hi"}), id="a block without type"),
        pytest.param(message({"type": "text"}), id="a text block without text"),
        pytest.param(message({"type": "text", "text": None}), id="a text that is null"),
        pytest.param(message({**TOOL, "input": "{}"}), id="a tool input that is text"),
        pytest.param(message("hi", stop_reason=None), id="stop_reason null"),
        pytest.param(message("hi", stop_reason=3), id="stop_reason a number"),
        pytest.param(without(message("hi"), "stop_reason"), id="no stop_reason"),
    ],
)
def test_what_is_no_answer_is_asked_again(body: Any):
    with pytest.raises(FaultError) as caught:
        answer(body, **{"request-id": "req_7"})
    fault = caught.value.fault
    assert (fault.kind, fault.retry, fault.request_id) == ("malformed_response", True, "req_7")


@pytest.mark.parametrize("usage", [None, [], "many"], ids=repr)
def test_usage_that_is_missing_is_unknown_not_zero(usage: Any):
    assert answer(message("hi", usage=usage)).usage == UNKNOWN_USAGE


@pytest.mark.parametrize("count", [-1, 1.5, "5", True, None], ids=repr)
def test_a_count_that_is_no_count_is_unknown(count: Any):
    assert usage_of({"input_tokens": count, "output_tokens": 3}).input_tokens is None


def test_cache_writes_without_a_split_are_of_five_minutes():
    usage = usage_of({"input_tokens": 1, "output_tokens": 1, "cache_creation_input_tokens": 7})
    assert (usage.cache_write_5m_input_tokens, usage.cache_write_1h_input_tokens) == (7, 0)


def test_usage_has_every_class_of_tokens():
    usage = usage_of(
        {
            "input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": 4,
            "cache_creation_input_tokens": 24,
            "cache_creation": {"ephemeral_5m_input_tokens": 8, "ephemeral_1h_input_tokens": 16},
            "server_tool_use": {"web_search_requests": 32},
            "output_tokens_details": {"thinking_tokens": 64},
        }
    )  # fmt: skip
    assert usage.prompt_tokens == 1 + 4 + 24
    assert (usage.output_tokens, usage.thinking_tokens, usage.web_search_requests) == (2, 64, 32)


def fault_says(status: int, body: Any, **headers: str) -> str:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    fault = error_fault(body, status, named)
    return "stop" if fault.fatal else "again" if fault.retry else "missing"


# Sections 3.4 and 5 of the API's documentation of errors, and what gateways add to them.
@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (400, error("invalid_request_error", "max_tokens: too large"), "missing"),
        (400, error("invalid_request_error", "You have reached your specified API usage limits. "
                    "You will regain access on 2026-12-01."), "stop"),
        (400, error("invalid_request_error",
                    "You have reached your specified workspace API usage limits."), "stop"),
        (400, error("invalid_request_error",
                    "Your credit balance is too low to access the Anthropic API."), "stop"),
        (401, error("authentication_error", "invalid x-api-key"), "stop"),
        (401, "<html>login</html>", "stop"),
        (402, error("billing_error"), "stop"),
        (403, error("permission_error"), "stop"),
        (403, "<html>Blocked by the firewall: this prompt</html>", "missing"),
        (404, error("not_found_error", "model: claude-nope"), "missing"),
        (405, "", "missing"),
        (408, "", "again"),
        (409, error("conflict_error"), "again"),
        (412, "", "missing"),
        (413, error("request_too_large"), "missing"),
        (422, error("invalid_request_error"), "missing"),
        (429, error("rate_limit_error"), "again"),
        (429, "slow down", "again"),
        (429, error("rate_limit_error", error_code="enforced_spend_limit_reached"), "stop"),
        (429, error("rate_limit_error", error_code="contract_spend_limit_reached"), "stop"),
        (429, error("rate_limit_error", error_code="ramp_limit_exceeded"), "stop"),
        (499, "", "missing"),
        (500, error("api_error"), "again"),
        (501, "", "again"),
        (502, "<html><h1>502 Bad Gateway</h1></html>", "again"),
        (503, error("api_error"), "again"),
        (504, error("timeout_error"), "again"),
        (529, error("overloaded_error"), "again"),
        (599, None, "again"),
    ],
)  # fmt: skip
def test_an_error_is_a_retry_a_missing_answer_or_the_end(status: int, body: Any, outcome: str):
    assert fault_says(status, body) == outcome


@pytest.mark.parametrize(
    ("status", "should", "outcome"),
    [
        (400, "true", "again"),
        (500, "false", "missing"),
        (529, "False", "missing"),
        (429, "false", "missing"),
        (500, "maybe", "again"),
        (401, "true", "stop"),
    ],
)
def test_x_should_retry_has_the_last_word_on_retries(status: int, should: str, outcome: str):
    assert fault_says(status, error("some_error"), x_should_retry=should) == outcome


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (error("overloaded_error"), "again"),
        (error("api_error"), "again"),
        (error("invalid_request_error"), "missing"),
        (error("authentication_error"), "stop"),
    ],
    ids=lambda value: value if isinstance(value, str) else value["error"]["type"],
)
def test_an_error_inside_a_200_is_judged_by_its_type(body: Any, outcome: str):
    assert fault_says(200, body) == outcome


@pytest.mark.parametrize(
    ("status", "body", "crowded"),
    [(429, "", True), (529, "", True), (200, error("overloaded_error"), True), (500, "", False)],
    ids=["429", "529", "overloaded in a stream", "500"],
)
def test_a_crowded_api_is_told_from_a_broken_one(status: int, body: Any, crowded: bool):
    assert error_fault(body, status, {}).crowded is crowded


@pytest.mark.parametrize(
    "body",
    [None, "", [], {}, {"error": "text"}, {"error": {"type": None, "message": None}},
     {"error": {"type": 5, "message": ["x"], "details": "y"}}],
    ids=repr,
)  # fmt: skip
def test_an_error_body_of_any_shape_has_a_kind_and_a_reason(body: Any):
    fault = error_fault(body, 418, {})
    assert fault.kind
    assert "418" in fault.reason


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "Fri, 20 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Fri, 20 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "86400"}, 86400.0),
        ({"retry-after": "-5"}, 0.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after-ms": "x", "retry-after": "3"}, 3.0),
        ({"retry-after": "Fri, 99 Nov 2026 12:00:30 GMT"}, None),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_retry_after_is_read_in_every_form(headers: dict[str, str], seconds: float | None):
    assert retry_after_s(headers, NOON) == seconds


@given(st.text())
def test_retry_after_is_never_negative_and_never_breaks(text: str):
    seconds = retry_after_s({"retry-after": text}, NOON)
    assert seconds is None or seconds >= 0


def assembled(*parts: Any) -> dict[str, Any]:
    assembly = Assembly()
    for part in parts:
        assembly.add(part)
    return assembly.message()


BLOCKS = st.lists(
    st.one_of(
        st.builds(lambda text: {"type": "text", "text": text, "citations": None}, st.text()),
        st.builds(
            lambda said, sig: {"type": "thinking", "thinking": said, "signature": sig},
            st.text(), st.text(min_size=1),
        ),
        st.builds(
            lambda value: {**TOOL, "input": value},
            st.dictionaries(st.text(), st.none() | st.integers(-9, 9) | st.text(), max_size=3),
        ),
    ),
    max_size=4,
)  # fmt: skip


@given(BLOCKS)
def test_a_streamed_message_is_the_same_as_a_plain_one(blocks: list[Any]):
    said = message(*blocks, stop_reason="tool_use")
    assert assembled(*events(said)) == said


@pytest.mark.parametrize(
    "block",
    [
        TOOL,
        THINKING,
        CITED,
        {"type": "redacted_thinking", "data": "AAAA"},
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"q": "x"}},
        {"type": "brand_new", "payload": {"deep": [1]}},
        {**TOOL, "input": {}, "caller": {"type": "direct"}},
    ],
    ids=lambda block: block["type"],
)
def test_a_streamed_block_can_be_sent_back_unchanged(block: dict[str, Any]):
    assert assembled(*events(message(block)))["content"] == [block]


START: dict[str, Any] = {"type": "message_start", "message": message(stop_reason=None)}
TEXT = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
DELTA = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi"}}
END = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}}
STOP = {"type": "message_stop"}


def test_events_that_nobody_knows_are_passed_over():
    news = [{"type": "ping"}, {"type": "brand_new", "x": 1}]
    delta = {**DELTA, "delta": {"type": "brand_new_delta", "x": 1}}
    said = assembled(START, *news, TEXT, DELTA, delta, *news, END, STOP)
    assert said["content"] == [{"type": "text", "text": "hi"}]


def test_totals_at_the_end_of_a_stream_replace_those_of_its_beginning():
    usage = assembled(START, TEXT, DELTA, END, STOP)["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (12, 9)


@pytest.mark.parametrize(
    "parts",
    [
        (),
        (START, TEXT, DELTA, END),
        (START, TEXT, DELTA),
        (TEXT, DELTA, END, STOP),
        (START, DELTA, END, STOP),
        (STOP,),
        (START, {"type": "content_block_delta", "index": 0}, END, STOP),
        (START, {"no": "type"}),
        (START, "text"),
        ({"type": "message_start"}, END, STOP),
        (START, {"type": "content_block_start", "index": 0, "content_block": TOOL},
         {**DELTA, "delta": {"type": "input_json_delta", "partial_json": '{"a":'}}, END, STOP),
    ],
    ids=["empty", "no message_stop", "cut", "no message_start", "delta without block", "only stop",
         "delta without delta", "no type", "text", "start without message", "broken tool input"],
)  # fmt: skip
def test_a_broken_stream_is_asked_again(parts: tuple[Any, ...]):
    with pytest.raises(FaultError) as caught:
        assembled(*parts)
    assert (caught.value.fault.kind, caught.value.fault.retry) == ("malformed_response", True)


@pytest.mark.parametrize(
    ("status", "unbilled"),
    [
        *((status, True) for status in (400, 401, 404, 409, 413, 429, 500, 503, 529)),
        *((status, False) for status in (None, 200, 408, 499, 502, 504, 520, 524)),
    ],
)
def test_a_refusal_is_known_by_its_status_and_not_by_its_words(status: int | None, unbilled: bool):
    assert error_fault(error("overloaded_error"), status, {}).unbilled is unbilled
