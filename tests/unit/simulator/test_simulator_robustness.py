"""No request, however strange, is more than a refusal."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.models.table import load_registry
from harness.simulator import Settings
from harness.simulator.problem import ApiError
from harness.simulator.service import Service
from harness.simulator.stream import event, events
from harness.simulator.wire import CREATE_OPTIONAL

REGISTRY = load_registry()
KINDS = ["text", "image", "tool_use", "tool_result", "document", "thinking", "search_result"]
KINDS += ["ephemeral", "enabled", "adaptive", "any", "tool", "json_schema", "base64", "url"]
KEYS = ["type", "text", "role", "content", "id", "tool_use_id", "name", "input", "source", "data"]
KEYS += ["cache_control", "ttl", "media_type", "input_schema", "schema", "format", "title"]
SCALARS = st.none() | st.booleans() | st.integers(-9, 2000) | st.sampled_from(KINDS) | st.text()
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)
BODIES = st.fixed_dictionaries(
    {
        "model": st.sampled_from(["claude-haiku-4-5", "claude-opus-5-5", "claude-sonnet-4-6"]),
        "max_tokens": st.just(50) | JSON,
        "messages": st.just([{"role": "user", "content": "hi"}])
        | st.lists(st.fixed_dictionaries({"role": st.just("user"), "content": JSON}), max_size=3)
        | JSON,
    },
    optional=dict.fromkeys(CREATE_OPTIONAL, JSON),
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(BODIES)
def test_a_strange_body_is_refused_or_answered(body: dict[str, Any]) -> None:
    service = Service(Settings(), REGISTRY, clock=lambda: 0.0)
    with contextlib.suppress(ApiError):
        message = service.answer(
            body, service.check(body, "2026-10-21"), request_id="req_1"
        ).message
        assert message["usage"]["output_tokens"] <= body["max_tokens"]
        assert b"".join(map(event, events(message))).endswith(b'"message_stop"}\n\n')


SCHEMAS = {
    "recursive": {"$ref": "#"},
    "dangling": {"$ref": "#/$defs/none"},
    "odd": {"type": ["string", "null"], "enum": []},
    "unknown type": {"type": "color"},
    "odd parts": {"properties": [], "anyOf": 5, "items": True},
    "odd numbers": {"type": "array", "minItems": "x"},
    "odd bounds": {"type": "integer", "minimum": "a"},
    "odd reference": {"$ref": 5},
}


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
def test_a_strange_schema_is_refused_or_filled(make_service, body, schema):
    tool = {"name": "look", "input_schema": {"type": "object", "properties": {"a": schema}}}
    service, request = make_service(), body(tools=[tool], tool_choice={"type": "any"})
    with contextlib.suppress(ApiError):
        model = service.check(request, "2026-10-21")
        assert (
            service.answer(request, model, request_id="req_1").message["stop_reason"] == "tool_use"
        )
