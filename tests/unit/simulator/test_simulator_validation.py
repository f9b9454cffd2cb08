"""What the simulated API refuses, and in which words."""

from __future__ import annotations

from typing import Any

import pytest

from harness.simulator.problem import ApiError

NEW, OLD = "2026-10-21", "2023-06-01"
USER = {"role": "user", "content": "hi"}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "42"}
CALLED = {"role": "assistant", "content": [CALL]}
TOOL = {"name": "look", "input_schema": {"type": "object"}}
MARKED = {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}
LONG = {**MARKED, "cache_control": {"type": "ephemeral", "ttl": "1h"}}
CITED = {
    "type": "document",
    "source": {"type": "text", "media_type": "text/plain", "data": "x"},
    "citations": {"enabled": True},
}
FORMAT = {"type": "json_schema", "schema": {"type": "object", "properties": {}}}

OPUS_46, OPUS_47, OPUS_5, OPUS_55 = (f"claude-opus-{n}" for n in ("4-6", "4-7", "5", "5-5"))


def error(service, request: dict[str, Any], version: str = NEW, **how: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        service.check(request, version, **how)
    return caught.value


@pytest.mark.parametrize("key", ["model", "max_tokens", "messages"])
def test_a_required_key_that_is_missing_is_named(make_service, body, key):
    request = body()
    del request[key]
    assert error(make_service(), request).message == f"{key}: Field required"


SHAPES = {
    "unknown key": ({"foo": 1}, "foo: Extra inputs are not permitted"),
    "text for a number": ({"max_tokens": "9"}, "max_tokens: Input should be a valid integer"),
    "boolean for a number": ({"max_tokens": True}, "max_tokens: Input should be a valid integer"),
    "negative number": ({"max_tokens": -1}, "max_tokens: Input should be greater than or equal"),
    "no list": ({"messages": {}}, "messages: Input should be a valid list"),
    "unknown role": (
        {"messages": [{"role": "tool", "content": "x"}]},
        "messages.0.role: Input should be 'user', 'assistant' or 'system'",
    ),
    "unknown block": (
        {"messages": [{"role": "user", "content": [{"type": "x"}]}]},
        "messages.0.content.0: Input tag 'x' found using 'type' does not match",
    ),
    "block without its key": (
        {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
        "messages.0.content.0.text.text: Field required",
    ),
    "block without a type": (
        {"messages": [{"role": "user", "content": [{"text": "x"}]}]},
        "messages.0.content.0.type: Field required",
    ),
    "bad ttl": (
        {"cache_control": {"type": "ephemeral", "ttl": "2h"}},
        "cache_control.ephemeral.ttl: Input should be '5m' or '1h'",
    ),
    "small budget": (
        {"thinking": {"type": "enabled", "budget_tokens": 5}},
        "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
    ),
    "tool without schema": (
        {"tools": [{"name": "a"}]},
        "tools.0.custom.input_schema: Field required",
    ),
    "bad tool name": (
        {"tools": [{**TOOL, "name": "a b"}]},
        "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'",
    ),
    "long user id": (
        {"metadata": {"user_id": "x" * 513}},
        "metadata.user_id: String should have at most 512 characters",
    ),
    "bad service tier": (
        {"service_tier": "batch"},
        "service_tier: Input should be 'auto' or 'standard_only'",
    ),
}


@pytest.mark.parametrize(("change", "message"), SHAPES.values(), ids=SHAPES)
def test_a_wrong_shape_is_refused_with_its_path(make_service, body, change, message):
    caught = error(make_service(), body(**change))
    assert (caught.status, caught.message[: len(message)]) == (400, message)


TURNS = {
    "no messages": ([], "messages: at least one message is required"),
    "assistant first": (
        [{"role": "assistant", "content": "hi"}],
        'messages: first message must use the "user" role',
    ),
    "empty content": ([{"role": "user", "content": ""}], "messages.0: all messages must have non-"),
    "empty text block": (
        [{"role": "user", "content": [{"type": "text", "text": ""}]}],
        "messages: text content blocks must be non-empty",
    ),
    "unanswered call": (
        [USER, CALLED, USER],
        "messages.1: tool_use ids were found without tool_result blocks immediately after: toolu_1",
    ),
    "call at the end": (
        [USER, CALLED],
        "messages.1: tool_use ids were found without tool_result blocks immediately after: toolu_1",
    ),
    "late result": (
        [USER, CALLED, {"role": "user", "content": [{"type": "text", "text": "x"}, RESULT]}],
        "messages.1: tool_use ids were found without tool_result",
    ),
    "result of nothing": (
        [{"role": "user", "content": [RESULT]}],
        "messages.0.content: unexpected tool_use_id found in tool_result blocks: toolu_1",
    ),
    "two results": (
        [USER, CALLED, {"role": "user", "content": [RESULT, RESULT]}],
        "messages.2.content: each tool_use must have a single result",
    ),
    "two calls of one id": (
        [USER, {"role": "assistant", "content": [CALL, CALL]}, USER],
        "messages.1.content: tool_use ids must be unique",
    ),
    "system turn on an old model": (
        [USER, {"role": "system", "content": "x"}],
        'messages: Unexpected role "system"',
    ),
    "five breakpoints": (
        [{"role": "user", "content": [MARKED] * 5}],
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
    "long after short": (
        [{"role": "user", "content": [MARKED, LONG]}],
        "a ttl='1h' cache_control block must not come after a ttl='5m'",
    ),
    "document of the assistant": (
        [
            USER,
            {
                "role": "assistant",
                "content": [
                    {
                        "type": "document",
                        "source": {"type": "text", "media_type": "text/plain", "data": "x"},
                    }
                ],
            },
            USER,
        ],
        "messages.1.content.0: document blocks are not permitted in assistant messages",
    ),
    "citations of the user": (
        [{"role": "user", "content": [{"type": "text", "text": "a", "citations": [{}]}]}],
        "messages.0.content.0: citations are not permitted in user messages",
    ),
}


@pytest.mark.parametrize(("messages", "message"), TURNS.values(), ids=TURNS)
def test_a_conversation_that_does_not_hold_is_refused(make_service, body, messages, message):
    caught = error(make_service(), body(messages=messages))
    assert caught.message[: len(message)] == message


RULES = {
    "max_tokens": (
        {"max_tokens": 64_001},
        "max_tokens: 64001 > 64000, which is the maximum allowed number of output tokens",
    ),
    "prefill": (
        {"model": OPUS_46, "messages": [USER, {"role": "assistant", "content": "{"}]},
        "This model does not support assistant message prefill.",
    ),
    "prefill with white space": (
        {"messages": [USER, {"role": "assistant", "content": "The answer: "}]},
        "messages: final assistant content cannot end with trailing whitespace",
    ),
    "adaptive on 4.5": ({"thinking": {"type": "adaptive"}}, "adaptive thinking is not supported"),
    "enabled on 4.7": (
        {"model": OPUS_47, "thinking": {"type": "enabled", "budget_tokens": 1024}},
        '"thinking.type.enabled" is not supported for this model.',
    ),
    "disabled on a model that always thinks": (
        {"model": OPUS_55, "thinking": {"type": "disabled"}},
        '"thinking.type.disabled" is not supported for this model.',
    ),
    "disabled at high effort": (
        {
            "model": OPUS_5,
            "thinking": {"type": "disabled"},
            "output_config": {"effort": "max"},
        },
        '"thinking.type.disabled" is not supported at effort',
    ),
    "budget above max_tokens": (
        {"max_tokens": 1024, "thinking": {"type": "enabled", "budget_tokens": 1024}},
        "`max_tokens` must be greater than `thinking.budget_tokens`.",
    ),
    "effort on a model without": (
        {"output_config": {"effort": "low"}},
        "This model does not support the effort parameter.",
    ),
    "unknown effort level": (
        {"model": OPUS_46, "output_config": {"effort": "xhigh"}},
        "output_config.effort: 'xhigh' is not supported by this model.",
    ),
    "forced tool": (
        {"model": OPUS_55, "tools": [TOOL], "tool_choice": {"type": "any"}},
        "tool_choice: type 'any' is not supported for this model.",
    ),
    "forced tool that is not there": (
        {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "see"}},
        "tool_choice: Tool 'see' not found in provided tools",
    ),
    "tool choice without tools": (
        {"tool_choice": {"type": "auto"}},
        "tool_choice: may only be specified while providing tools.",
    ),
    "schema that is none": (
        {"tools": [{**TOOL, "input_schema": {"type": "object", "required": 5}}]},
        "tools.0.custom.input_schema: JSON schema is invalid.",
    ),
    "bounds in a format": (
        {"output_config": {"format": {**FORMAT, "schema": {"type": "integer", "minimum": 1}}}},
        "output_config.format.schema: For 'integer' type, properties minimum are not supported",
    ),
    "format with citations": (
        {
            "output_config": {"format": {"type": "json_schema", "schema": {"type": "string"}}},
            "messages": [{"role": "user", "content": [CITED]}],
        },
        "output_config.format: cannot be used together with citations.",
    ),
    "empty stop sequence": ({"stop_sequences": ["\n"]}, "stop_sequences: each stop sequence must"),
    "forced tool while thinking": (
        {
            "max_tokens": 4000,
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "tools": [TOOL],
            "tool_choice": {"type": "any"},
        },
        "Thinking may not be enabled when tool_choice forces tool use.",
    ),
    "between_tools elsewhere": (
        {"model": OPUS_46, "thinking": {"type": "between_tools"}},
        '"thinking.type.between_tools" is not supported for this model.',
    ),
    "empty system block": (
        {"system": [{"type": "text", "text": ""}]},
        "system: text content blocks must be non-empty",
    ),
    "two tools of one name": ({"tools": [TOOL, TOOL]}, "tools: Tool names must be unique."),
    "open object in a format": (
        {"output_config": {"format": FORMAT}},
        "output_config.format.schema: For 'object' type, 'additionalProperties' must be",
    ),
    "geography of an old model": ({"inference_geo": "us"}, "inference_geo: not supported"),
    "fast mode of a slow model": ({"speed": "fast"}, "speed: fast mode is not supported"),
    "temperature": ({"temperature": 0}, "temperature: Extra inputs are not permitted"),
}


@pytest.mark.parametrize(("change", "message"), RULES.values(), ids=RULES)
def test_what_a_model_does_not_take_is_refused(make_service, body, change, message):
    caught = error(make_service(), body(**change))
    assert (caught.status, caught.message[: len(message)]) == (400, message)


OLD_RULES = {
    "one": ({"temperature": 0}, None),
    "both": ({"temperature": 0, "top_p": 0.9}, "`temperature` and `top_p` cannot both be spec"),
    "range": ({"temperature": 1.5}, "temperature: range: 0..1"),
    "deprecated": ({"model": OPUS_47, "temperature": 0}, "`temperature` is deprecated for this"),
    "default is no news": ({"model": OPUS_47, "temperature": 1}, None),
    "both on 4.6": ({"model": OPUS_46, "temperature": 0, "top_p": 0.9}, None),
    "thinking": (
        {
            "max_tokens": 2000,
            "temperature": 0,
            "thinking": {"type": "enabled", "budget_tokens": 1024},
        },
        "`temperature` may only be set to 1 when thinking is enabled.",
    ),
}


@pytest.mark.parametrize(("change", "message"), OLD_RULES.values(), ids=OLD_RULES)
def test_the_old_version_takes_sampling_parameters_where_the_model_does(
    make_service, body, change, message
):
    if message is None:
        assert make_service().check(body(**change), OLD)
    else:
        assert error(make_service(), body(**change), OLD).message.startswith(message)


@pytest.mark.parametrize("name", ["claude-nonsense-9", "haiku", "claude-3-opus-20240229"])
def test_a_model_that_cannot_be_called_is_not_found(make_service, body, name):
    caught = error(make_service(), body(model=name))
    assert (caught.status, caught.message) == (404, f"model: {name}")


def test_an_alias_of_the_api_names_the_dated_model(make_service, body):
    checked = make_service().check(body(model="claude-haiku-4-5"), NEW)
    assert checked.id == "claude-haiku-4-5-20251001"


def test_a_complete_tool_round_is_accepted(make_service, body):
    answered = {"role": "user", "content": [RESULT, {"type": "text", "text": "go on"}]}
    assert make_service().check(body(messages=[USER, CALLED, answered], tools=[TOOL]), NEW)


def test_a_system_turn_is_accepted_by_models_that_take_it(make_service, body):
    turns = [USER, {"role": "system", "content": "Be brief."}, USER]
    assert make_service().check(body(model=OPUS_5, messages=turns), NEW)


def test_counting_takes_no_max_tokens(make_service, body):
    caught = error(make_service(), body(), counting=True)
    assert caught.message == "max_tokens: Extra inputs are not permitted"


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'"x"', b"\xff"])
def test_a_body_that_is_no_json_object_is_refused(make_service, raw):
    with pytest.raises(ApiError, match="not valid JSON") as caught:
        make_service().parse(raw)
    assert caught.value.status == 400


def test_a_prompt_beyond_the_context_window_is_refused(make_service, body):
    service, request = make_service(), body("x" * 1_000_000)
    with pytest.raises(ApiError, match="prompt is too long: 250004 tokens > 200000 maximum"):
        service.answer(request, service.check(request, NEW), request_id="req_1")


STRICT = {"name": "look", "strict": True, "input_schema": {"type": "object", "properties": {}}}
SOUND = {**STRICT, "input_schema": {"type": "object", "additionalProperties": False}}


@pytest.mark.parametrize(
    ("tools", "said"),
    [
        ([STRICT], "tools.0.custom.input_schema: For 'object' type, 'additionalProperties' must"),
        ([{**SOUND, "name": f"look-{n}"} for n in range(21)], "tools: too many strict tools: 21"),
    ],
    ids=["open object", "21 tools"],
)
def test_strict_tools_follow_the_rules_of_structured_output(make_service, body, tools, said):
    assert error(make_service(), body(tools=tools)).message.startswith(said)


def test_an_output_schema_may_ask_for_one_item_and_no_more(make_service, body):
    schema = {"type": "array", "items": {"type": "string"}, "minItems": 2}
    config = {"format": {"type": "json_schema", "schema": schema}}
    assert (
        "'minItems' values other than 0 or 1"
        in error(make_service(), body(output_config=config)).message
    )
