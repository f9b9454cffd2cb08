"""What is said about a request before it is sent.

The rules are those of Anthropic's API reference, thinking, effort, tool use, structured output and
batch pages (2026-08-22) and of the model pages of the 5.5 family (2026-09 to 2026-10).
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.models import Model
from harness.models.rules import (
    BODY_KEYS,
    betas_for,
    misplaced,
    needs_old_version,
    rejected,
    warnings_for,
)
from harness.models.table import load_registry

REGISTRY = load_registry()
UNKNOWN = Model("claude-opus-9")


def check(name: str, *, batch: bool = False, **params: Any) -> list[tuple[tuple[Any, ...], str]]:
    return rejected(REGISTRY.resolve(name), {"max_tokens": 4096, **params}, batch=batch)


def schema(**keywords: Any) -> dict[str, Any]:
    return {"format": {"type": "json_schema", "schema": keywords}}


CLOSED = {"type": "object", "additionalProperties": False}
THINK = {"type": "enabled", "budget_tokens": 2048}

ACCEPTED = {
    "nothing-but-max-tokens": ("haiku", {}),
    "temperature-on-4-5": ("haiku", {"temperature": 0}),
    "both-on-4-6": ("opus", {"temperature": 0.5, "top_p": 0.9, "top_k": 5}),
    "budget-on-4-6": ("opus", {"thinking": THINK}),
    "adaptive-on-5-5": ("claude-opus-5-5", {"thinking": {"type": "adaptive"}}),
    "display": ("opus", {"thinking": {"type": "adaptive", "display": "omitted"}}),
    "disabled-at-default-effort": ("claude-opus-5", {"thinking": {"type": "disabled"}}),
    "between-tools": ("claude-sonnet-5-5", {"thinking": {"type": "between_tools"}}),
    "effort-max-on-4-6": ("opus", {"output_config": {"effort": "max"}}),
    "forced-tool-on-5": ("claude-opus-5", {"tool_choice": {"type": "any"}}),
    "forced-tool-unknown": ("claude-fable-5-2", {"tool_choice": {"type": "any"}}),
    "schema": ("haiku", {"output_config": schema(**CLOSED, properties={"a": {"minItems": 1}})}),
    "local-reference": ("haiku", {"output_config": schema(**{"$ref": "#/$defs/a"})}),
    "server-tool-without-name": ("opus", {"tools": [{"type": "mcp_toolset"}]}),
    "fast-on-4-6": ("opus", {"speed": "fast"}),
    "us-on-4-6": ("opus", {"inference_geo": "us"}),
    "null-where-allowed": ("haiku", {"speed": None, "inference_geo": None}),
    "cache": ("haiku", {"cache_control": {"type": "ephemeral", "ttl": "1h"}}),
    "user": ("haiku", {"metadata": {"user_id": "a"}}),
}


@pytest.mark.parametrize(("name", "params"), ACCEPTED.values(), ids=ACCEPTED)
def test_what_the_model_accepts_is_not_rejected(name, params):
    assert check(name, **params) == []


# What is sent to which model, where it is refused, and a piece of what is said.
REJECTED = {
    "unknown-key": ("haiku", {"temprature": 0}, "temprature", "did you mean `temperature`?"),
    "unknown-key-like-none": ("haiku", {"zzz": 0}, "zzz", "known are `max_tokens`"),
    "stream": ("haiku", {"stream": True}, "stream", "answers are read as a whole"),
    "messages": ("haiku", {"messages": []}, "messages", "write `prompt:`"),
    "model": ("haiku", {"model": "opus"}, "model", "list it under `models:`"),
    "system": ("haiku", {"system": "s"}, "system", "write `system:`"),
    "timeout": ("haiku", {"timeout": 3}, "timeout", "`timeout_s:`"),
    "null": ("haiku", {"thinking": None}, "thinking", "give it a value or remove it"),
    "max-tokens-text": ("haiku", {"max_tokens": "16"}, "max_tokens", "whole number"),
    "max-tokens-true": ("haiku", {"max_tokens": True}, "max_tokens", "whole number"),
    "max-tokens-0": ("haiku", {"max_tokens": 0}, "max_tokens", "1 or above"),
    "max-tokens-above": ("haiku", {"max_tokens": 64001}, "max_tokens", "at most 64000 tokens"),
    "temperature-on-4-7": ("claude-opus-4-7", {"temperature": 1}, "temperature", "remove it"),
    "top-k-on-5": ("claude-opus-5", {"top_k": 1}, "top_k", "does not accept `top_k`"),
    "both-on-4-5": ("haiku", {"temperature": 0, "top_p": 1}, "top_p", "not both"),
    "temperature-2": ("opus", {"temperature": 2}, "temperature", "from 0 to 1"),
    "top-p-text": ("opus", {"top_p": "1"}, "top_p", "from 0 to 1"),
    "top-k-negative": ("opus", {"top_k": -1}, "top_k", "0 or above"),
    "thinking-shape": ("opus", {"thinking": True}, "thinking", "a mapping whose `type`"),
    "thinking-type": ("opus", {"thinking": {"type": "on"}}, "thinking", "`adaptive`"),
    "thinking-key": ("opus", {"thinking": {**THINK, "budget": 1}}, "thinking.budget", "did you"),
    "thinking-display": (
        "opus",
        {"thinking": {"type": "adaptive", "display": "full"}},
        "thinking.display",
        "must be `summarized`, `omitted`",
    ),
    "enabled-on-4-7": ("claude-opus-4-7", {"thinking": THINK}, "thinking.type", "`adaptive`"),
    "adaptive-on-4-5": ("haiku", {"thinking": {"type": "adaptive"}}, "thinking.type", "`enabled`"),
    "disabled-on-5-5": (
        "claude-opus-5-5",
        {"thinking": {"type": "disabled"}},
        "thinking.type",
        "always thinks; remove `thinking`",
    ),
    "disabled-at-xhigh": (
        "claude-opus-5",
        {"thinking": {"type": "disabled"}, "output_config": {"effort": "xhigh"}},
        "thinking.type",
        "only at effort `low`, `medium`, `high`, not `xhigh`",
    ),
    "between-tools-at-max": (
        "claude-sonnet-5-5",
        {"thinking": {"type": "between_tools"}, "output_config": {"effort": "max"}},
        "thinking.type",
        "change `output_config.effort`",
    ),
    "budget-missing": (
        "opus",
        {"thinking": {"type": "enabled"}},
        "thinking.budget_tokens",
        "1024 or above, not None",
    ),
    "budget-small": (
        "opus",
        {"thinking": {"type": "enabled", "budget_tokens": 1023}},
        "thinking.budget_tokens",
        "1024 or above",
    ),
    "budget-not-below-max": (
        "opus",
        {"thinking": {"type": "enabled", "budget_tokens": 4096}},
        "thinking.budget_tokens",
        "below `max_tokens` (4096)",
    ),
    "budget-of-adaptive": (
        "opus",
        {"thinking": {"type": "adaptive", "budget_tokens": 2048}},
        "thinking.budget_tokens",
        "has no `budget_tokens`",
    ),
    "budget-and-forced-tool": (
        "opus",
        {"thinking": THINK, "tool_choice": {"type": "any"}},
        "tool_choice",
        "cannot go with a forced tool",
    ),
    "effort-on-4-5": ("haiku", {"output_config": {"effort": "low"}}, "output_config.effort", "not"),
    "effort-xhigh-on-4-6": (
        "opus",
        {"output_config": {"effort": "xhigh"}},
        "output_config.effort",
        "write `low`, `medium`, `high`, `max`",
    ),
    "config-shape": ("opus", {"output_config": "low"}, "output_config", "must be a mapping"),
    "config-key": ("opus", {"output_config": {"efort": 1}}, "output_config.efort", "`effort`"),
    "format-shape": (
        "opus",
        {"output_config": {"format": {"type": "json"}}},
        "output_config.format",
        "{type: json_schema, schema: …}",
    ),
    "open-object": (
        "opus",
        {"output_config": schema(type="object")},
        "output_config.format.schema",
        "`additionalProperties: false`",
    ),
    "open-object-inside": (
        "opus",
        {"output_config": schema(anyOf=[{"items": {"type": ["object", "null"]}}])},
        "output_config.format.schema.anyOf.0.items",
        "`additionalProperties: false`",
    ),
    "bound": (
        "opus",
        {"output_config": schema(**CLOSED, properties={"a": {"type": "number", "minimum": 1}})},
        "output_config.format.schema.properties.a.minimum",
        "does not support `minimum`",
    ),
    "min-items": (
        "opus",
        {"output_config": schema(type="array", minItems=2)},
        "output_config.format.schema.minItems",
        "0 or 1 only",
    ),
    "external-reference": (
        "opus",
        {"output_config": schema(**{"$ref": "other.json"})},
        "output_config.format.schema.$ref",
        "write the schema here",
    ),
    "forced-tool-on-5-5": (
        "claude-opus-5-5",
        {"tool_choice": {"type": "tool", "name": "t"}},
        "tool_choice.type",
        "cannot be forced to use a tool",
    ),
    "choice-shape": ("opus", {"tool_choice": "auto"}, "tool_choice", "whose `type` is one of"),
    "choice-without-name": (
        "opus",
        {"tool_choice": {"type": "tool"}},
        "tool_choice.name",
        "needs the tool's `name`",
    ),
    "choice-key": (
        "opus",
        {"tool_choice": {"type": "none", "disable_parallel_tool_use": True}},
        "tool_choice.disable_parallel_tool_use",
        "it takes `type`",
    ),
    "tools-shape": ("opus", {"tools": "t"}, "tools", "must be a list"),
    "tool-name": ("opus", {"tools": [{"name": "a b"}]}, "tools.0.name", "not 'a b'"),
    "tool-name-long": ("opus", {"tools": [{"name": "a" * 129}]}, "tools.0.name", "1 to 128"),
    "tool-twice": ("opus", {"tools": [{"name": "a"}] * 2}, "tools.1.name", "called `a`"),
    "stop-text": ("opus", {"stop_sequences": "END"}, "stop_sequences", "list of texts"),
    "stop-blank": ("opus", {"stop_sequences": ["\n"]}, "stop_sequences", "none blank"),
    "tier": ("opus", {"service_tier": "batch"}, "service_tier", "must be `auto`"),
    "speed": ("opus", {"speed": "faster"}, "speed", "must be `standard`, `fast`"),
    "fast-on-sonnet": ("sonnet", {"speed": "fast"}, "speed", "has no fast mode"),
    "geo": ("opus", {"inference_geo": "eu"}, "inference_geo", "must be `global`, `us`"),
    "geo-on-4-5": ("haiku", {"inference_geo": "us"}, "inference_geo", "does not accept"),
    "metadata": ("opus", {"metadata": "me"}, "metadata", "a mapping with `user_id`"),
    "metadata-key": ("opus", {"metadata": {"user": "a"}}, "metadata.user", "`user_id`"),
    "user-long": ("opus", {"metadata": {"user_id": "a" * 513}}, "metadata.user_id", "512"),
    "cache": ("opus", {"cache_control": "5m"}, "cache_control", "{type: ephemeral}"),
    "cache-ttl": (
        "opus",
        {"cache_control": {"type": "ephemeral", "ttl": "2h"}},
        "cache_control.ttl",
        "must be `5m`, `1h`",
    ),
    "temperature-with-thinking": (
        "opus",
        {"temperature": 0, "thinking": {"type": "adaptive"}},
        "temperature",
        "is 1 with thinking",
    ),
    "top-k-with-thinking": ("haiku", {"top_k": 5, "thinking": THINK}, "top_k", "remove one"),
    "top-p-with-thinking": ("haiku", {"top_p": 0.9, "thinking": THINK}, "top_p", "0.95 or above"),
    "retired": ("claude-opus-4-1", {}, "model", "was retired on 2026-08-05"),
}


@pytest.mark.parametrize(("name", "params", "at", "said"), REJECTED.values(), ids=REJECTED)
def test_what_would_be_rejected_is_said_once_with_its_place(name, params, at, said):
    ((keys, message),) = check(name, **params)
    assert ".".join(map(str, keys)) == at
    assert said in message


def test_a_missing_max_tokens_is_said():
    assert rejected(UNKNOWN, {})[0][0] == ("max_tokens",)


@pytest.mark.parametrize("speed", ["fast", "standard"])
def test_a_batch_accepts_no_speed(speed):
    assert check("claude-opus-5-5", speed=speed) == []
    assert [keys for keys, _ in check("claude-opus-5-5", batch=True, speed=speed)] == [("speed",)]


BODY = {"model": "m", "messages": ({"role": "user", "content": "hi"},), "system": "s"}
PREFILLED = BODY | {"messages": (*BODY["messages"], {"role": "assistant", "content": "{"})}


def test_a_whole_body_may_hold_its_model_messages_and_system():
    assert check("claude-opus-5-5", **BODY) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [("opus", [("messages", 1)]), ("haiku", []), ("claude-opus-9", [])],
    ids=["refused", "accepted", "unknown"],
)
def test_a_prefill_is_rejected_where_the_model_is_known_to_take_none(name, expected):
    assert [keys for keys, _ in check(name, **PREFILLED)] == expected


TOOL = {"name": "look", "input_schema": {"type": "object"}}


@pytest.mark.parametrize(
    ("params", "at", "said"),
    [
        ({"tool_choice": {"type": "auto"}}, ("tool_choice",), "needs `tools`"),
        (
            {"tool_choice": {"type": "tool", "name": "lok"}, "tools": [TOOL]},
            ("tool_choice", "name"),
            "no tool is called `lok`; did you mean `look`?",
        ),
    ],
    ids=["no tools", "another name"],
)
def test_a_tool_that_is_chosen_is_among_the_tools(params, at, said):
    ((keys, message),) = check("haiku", **BODY, **params)
    assert (keys, said in message) == (at, True)


def test_a_whole_bodys_messages_are_looked_at_too():
    picture = {"type": "image", "source": {"type": "base64", "data": "!"}}
    body = BODY | {"messages": [{"role": "user", "content": [picture]}]}
    assert [keys for keys, _ in check("haiku", **body)] == [("messages", 0, "content", 0)]


def test_keys_of_other_parts_of_a_suite_are_misplaced_in_params():
    found = misplaced({"system": "s", "max_tokens": 1, "stream": True})
    assert [keys for keys, _ in found] == [("system",), ("stream",)]


def test_a_model_of_which_nothing_is_known_rejects_nothing_that_some_model_accepts():
    for _, params in ACCEPTED.values():
        assert rejected(UNKNOWN, {"max_tokens": 10**9, **params}) == []


def test_a_deprecated_model_is_a_warning_with_its_date():
    (warning,) = warnings_for(REGISTRY.resolve("claude-sonnet-4-5"))
    assert "deprecated (retirement: 2026-11-30)" in warning


def test_a_model_without_a_price_is_a_warning():
    assert "no price of claude-opus-9 is known" in warnings_for(UNKNOWN)[0]


def test_an_active_model_with_a_price_needs_no_warning():
    assert warnings_for(REGISTRY.resolve("opus")) == []


@pytest.mark.parametrize("key", ["temperature", "top_p", "top_k"])
def test_a_sampling_parameter_needs_the_old_version_even_at_0(key):
    assert needs_old_version({key: 0})
    assert not needs_old_version({"max_tokens": 1, key: None})


@pytest.mark.parametrize(
    ("name", "params", "betas"),
    [
        ("claude-opus-5", {"speed": "fast"}, ("fast-mode-2026-02-01",)),
        ("claude-opus-5", {"speed": "standard"}, ()),
        ("claude-opus-5-5", {"speed": "fast"}, ()),
    ],
    ids=["preview", "standard", "generally-available"],
)
def test_fast_mode_brings_its_beta_header_where_it_is_a_preview(name, params, betas):
    assert betas_for(REGISTRY.resolve(name), params) == betas


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
PARTS = ("type", "name", "budget_tokens", "effort", "format", "schema", "properties", "items")
SHAPES = ODD | st.dictionaries(st.sampled_from(PARTS), ODD)


@given(st.dictionaries(st.sampled_from((*BODY_KEYS, "messages", "model", "zzz")), SHAPES))
def test_odd_parameters_are_found_fault_with_but_never_raise(params):
    for model in (UNKNOWN, REGISTRY.resolve("haiku"), REGISTRY.resolve("claude-sonnet-5-5")):
        assert all(message for _, message in rejected(model, params, batch=True))
