"""Prompt caching and token counts."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.models.table import load_registry
from harness.simulator.tokens import block_tokens, image_tokens, prompt_tokens

MODEL = "claude-sonnet-4-6"
LONG = "word " * 2000
REGISTRY = load_registry()


def mark(text=LONG, **ttl):
    return {"type": "text", "text": text, "cache_control": {"type": "ephemeral", **ttl}}


def usage(service, request):
    answered = service.answer(request, service.check(request, "2026-10-21"), request_id="req_1")
    service.begin(answered)
    return answered.message["usage"]


def test_the_first_request_writes_and_the_second_reads(make_service, body):
    service, request = make_service(), body(model=MODEL, system=[mark()])
    first, second = usage(service, request), usage(service, request)
    assert first["cache_creation_input_tokens"] == second["cache_read_input_tokens"] == 2500
    assert second["cache_creation_input_tokens"] == first["cache_read_input_tokens"] == 0
    assert first["input_tokens"] == second["input_tokens"] == 8


def test_the_tokens_of_a_prompt_are_billed_once_each(make_service, body):
    service, request = make_service(), body(model=MODEL, system=[mark()])
    whole = prompt_tokens(request, REGISTRY.resolve(MODEL))
    for _ in range(2):
        billed = usage(service, request)
        parts = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
        assert sum(billed[part] for part in parts) == whole


def test_one_hour_and_five_minutes_are_counted_apart(make_service, body):
    system = [mark(ttl="1h"), mark("other " * 1000)]
    written = usage(make_service(), body(model=MODEL, system=system))["cache_creation"]
    assert written == {"ephemeral_1h_input_tokens": 2500, "ephemeral_5m_input_tokens": 1500}


def test_below_the_minimum_nothing_is_cached(make_service, body):
    short = usage(make_service(), body(model=MODEL, system=[mark("short")]))
    assert (short["cache_creation_input_tokens"], short["input_tokens"]) == (0, 10)


@pytest.mark.parametrize(("ttl", "lives_s"), [("5m", 300), ("1h", 3600)], ids=["5m", "1h"])
def test_an_entry_lives_as_long_as_it_says(make_service, body, clock, ttl, lives_s):
    service, request = make_service(), body(model=MODEL, system=[mark(ttl=ttl)])
    usage(service, request)
    clock.now += lives_s - 1
    assert usage(service, request)["cache_read_input_tokens"] == 2500
    clock.now += lives_s + 1
    assert usage(service, request)["cache_read_input_tokens"] == 0


def test_reading_an_entry_keeps_it_alive(make_service, body, clock):
    service, request = make_service(), body(model=MODEL, system=[mark()])
    usage(service, request)
    for _ in range(3):
        clock.now += 200
        assert usage(service, request)["cache_read_input_tokens"] == 2500


def test_an_entry_is_readable_only_once_the_response_began(make_service, body):
    service, request = make_service(), body(model=MODEL, system=[mark()])
    model = service.check(request, "2026-10-21")
    for _ in range(2):
        answered = service.answer(request, model, request_id="req_1")
        assert answered.message["usage"]["cache_read_input_tokens"] == 0


def test_models_do_not_share_a_cache(make_service, body):
    service = make_service()
    usage(service, body(model=MODEL, system=[mark()]))
    other = usage(service, body(model="claude-sonnet-5", system=[mark()]))
    assert other["cache_read_input_tokens"] == 0


def test_a_changed_tool_choice_leaves_system_cached_but_not_messages(make_service, body):
    tools = [{"name": "look", "input_schema": {"type": "object"}}]
    service = make_service()
    request = body([mark()], model=MODEL, system=[mark()], tools=tools)
    written = usage(service, request)["cache_creation_input_tokens"]
    read = usage(service, {**request, "tool_choice": {"type": "none"}})["cache_read_input_tokens"]
    assert 2500 <= read < written


def test_the_automatic_breakpoint_grows_with_the_conversation(make_service, body):
    service = make_service()
    automatic = {"model": MODEL, "cache_control": {"type": "ephemeral"}}
    first = body(LONG, **automatic)
    turns = [
        *first["messages"],
        {"role": "assistant", "content": "yes"},
        {"role": "user", "content": "and?"},
    ]
    written = usage(service, first)["cache_creation_input_tokens"]
    second = usage(service, {**first, "messages": turns})
    assert second["cache_read_input_tokens"] == written
    assert second["cache_creation_input_tokens"] > 0


@given(st.text(max_size=400), st.text(min_size=1, max_size=400))
def test_longer_prompts_have_no_fewer_tokens(one, more):
    model = REGISTRY.resolve(MODEL)
    short = prompt_tokens({"messages": [{"role": "user", "content": one}]}, model)
    long = prompt_tokens({"messages": [{"role": "user", "content": one + more}]}, model)
    assert short <= long


def test_models_from_4_7_on_count_about_30_percent_more(body):
    old, new = (
        prompt_tokens(body(LONG), REGISTRY.resolve(f"claude-opus-{name}")) for name in ("4-6", "5")
    )
    assert new / old == pytest.approx(1.3, abs=0.01)


def test_tools_bring_hidden_tokens(body):
    tools = [{"name": "look", "input_schema": {"type": "object"}}]
    model = REGISTRY.resolve(MODEL)
    extra = prompt_tokens(body(tools=tools), model) - prompt_tokens(body(), model)
    assert extra > 497


DOCUMENTS = {
    "text": ({"type": "text", "media_type": "text/plain", "data": "x" * 400}, 100),
    "content": ({"type": "content", "content": "x" * 400}, 100),
    "pdf": ({"type": "base64", "media_type": "application/pdf", "data": "x" * 3000}, 112),
    "unread": ({"type": "url", "url": "https://example.com/a.pdf"}, 12),
}


@pytest.mark.parametrize(("source", "tokens"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_documents_count(source, tokens):
    block = {"type": "document", "source": source}
    assert block_tokens(block, REGISTRY.resolve(MODEL)) == tokens


def test_what_a_tool_returns_counts_and_thinking_does_not():
    model, text = REGISTRY.resolve(MODEL), {"type": "text", "text": "x" * 400}
    assert block_tokens({"type": "tool_result", "content": [text]}, model) == 112
    assert block_tokens({"type": "thinking", "thinking": "x" * 400}, model) == 0


@pytest.mark.parametrize("data", ["", "!", "R0lGODlhZABkAA=="], ids=["empty", "no base64", "gif"])
def test_an_image_of_any_kind_counts(data):
    source = {"type": "base64", "media_type": "image/gif", "data": data}
    expected = 16 if data.startswith("R0") else 1296
    assert image_tokens(source, REGISTRY.resolve(MODEL)) == expected


# Sizes and tokens of Anthropic's vision page (2026-08-22).
@pytest.mark.parametrize(
    ("width", "height", "tokens"), [(1000, 1000, 1296), (1024, 1024, 1369), (28, 28, 1)]
)
def test_images_count_by_patches(width, height, tokens):
    head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big")
    data = base64.b64encode(head + b"\0" * 24).decode()
    source = {"type": "base64", "media_type": "image/png", "data": data}
    assert image_tokens(source, REGISTRY.resolve(MODEL)) == tokens
