"""What a model rejects: limits, sampling, thinking, effort, forced tools, prefill.

Written from Anthropic's pages on models, thinking and errors (2026-08-22), and on purpose without
the harness's own rules: where the two differ, one of them is wrong.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.simulator.attachments import check_attachments, cites
from harness.simulator.problem import InvalidError
from harness.simulator.turns import blocks
from harness.simulator.wire import SAMPLING

if TYPE_CHECKING:
    from harness.models import Model

Body = Mapping[str, Any]
SYSTEM_ROLE_SINCE = (4, 8)
GEO_SINCE = (4, 6)
FAST_MODELS = ("claude-opus-4-8", "claude-opus-5", "claude-opus-5-5")
FAST_IGNORED = "claude-opus-4-6"
MODELS_THAT_THINK_AT_HIGH_EFFORT = ("claude-opus-5", "claude-haiku-5-5")
EFFORTS_WITHOUT_THINKING = (None, "low", "medium", "high")
MAX_STRICT_TOOLS = 20
UNSUPPORTED_IN_SCHEMAS = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "maxItems",
    "uniqueItems",
)


def generation(model_id: str) -> tuple[int, int]:
    """Major and minor number in a model id; what cannot be read counts as the newest."""
    found = re.match(r"claude-[a-z]+-(\d+)(?:-(\d{1,2}))?(?!\d)", model_id)
    if not found:
        return (99, 0)
    return int(found[1]), int(found[2] or 0)


def takes_system_turns(model: Model) -> bool:
    """Whether a message may have the role `system`: 4.8 and later, but not Sonnet 5."""
    return generation(model.id) >= SYSTEM_ROLE_SINCE and model.id != "claude-sonnet-5"


def thinks(body: Body, model: Model) -> bool:
    """Whether the answer begins with a thinking block."""
    thinking = body.get("thinking")
    if thinking is None:
        return bool(model.thinking_always_on) or model.thinking_default not in (None, "disabled")
    if thinking["type"] == "between_tools":
        content = blocks(body["messages"][-1]["content"])
        return any(block["type"] == "tool_result" for block in content)
    return bool(thinking["type"] != "disabled")


def check_model_rules(body: Body, model: Model) -> None:
    """Refuse what this model refuses; raises InvalidError with the API's message."""
    _check_max_tokens(body, model)
    if any(key in body for key in SAMPLING):
        _check_sampling(body, model)
    if "thinking" in body:
        _check_thinking(body, model)
    if "output_config" in body:
        _check_output_config(body, model)
    if "tools" in body or "tool_choice" in body:
        _check_tools(body, model)
    _check_prefill(body, model)
    _check_tier(body, model)
    check_attachments(body, model)


def _check_max_tokens(body: Body, model: Model) -> None:
    limit, asked = model.max_output_tokens, body.get("max_tokens", 0)
    if limit is not None and asked > limit:
        raise InvalidError(
            f"max_tokens: {asked} > {limit}, which is the maximum allowed number of output tokens "
            f"for {model.id}"
        )
    if any(not stop.strip() for stop in body.get("stop_sequences", ())):
        raise InvalidError("stop_sequences: each stop sequence must contain non-whitespace")


def _check_sampling(body: Body, model: Model) -> None:
    defaults = {"temperature": 1, "top_p": 1}
    sent = [key for key in SAMPLING if key in body and body[key] != defaults.get(key)]
    if model.sampling == "none" and sent:
        raise InvalidError(f"`{sent[0]}` is deprecated for this model.")
    if model.sampling == "one" and "temperature" in body and "top_p" in body:
        raise InvalidError(
            "`temperature` and `top_p` cannot both be specified for this model. "
            "Please use only one."
        )
    if not thinks(body, model):
        return
    if body.get("temperature", 1) != 1:
        raise InvalidError("`temperature` may only be set to 1 when thinking is enabled.")
    if "top_k" in body:
        raise InvalidError("`top_k` must be unset when thinking is enabled.")
    if body.get("top_p", 1) < 0.95:
        raise InvalidError(
            "`top_p` must be greater than or equal to 0.95 when thinking is enabled."
        )


def _check_thinking(body: Body, model: Model) -> None:
    kind = body["thinking"]["type"]
    always_on = kind == "disabled" and model.thinking_always_on
    # A model that cannot think has nothing to turn off.
    harmless = kind == "disabled" and not model.thinking
    if always_on or (model.thinking is not None and kind not in model.thinking and not harmless):
        raise InvalidError(_thinking_refusal(kind))
    effort = body.get("output_config", {}).get("effort")
    bound = kind == "disabled" and model.id in MODELS_THAT_THINK_AT_HIGH_EFFORT
    if (bound or kind == "between_tools") and effort not in EFFORTS_WITHOUT_THINKING:
        raise InvalidError(
            f'"thinking.type.{kind}" is not supported at effort {effort!r} for this model.'
        )
    if kind == "enabled" and "max_tokens" in body:
        _check_budget(body)


def _thinking_refusal(kind: str) -> str:
    if kind == "adaptive":
        return "adaptive thinking is not supported on this model"
    if kind == "enabled":
        return (
            '"thinking.type.enabled" is not supported for this model. Use '
            '"thinking.type.adaptive" and "output_config.effort" to control thinking behavior.'
        )
    return f'"thinking.type.{kind}" is not supported for this model.'


def _check_budget(body: Body) -> None:
    if body["max_tokens"] <= body["thinking"]["budget_tokens"]:
        raise InvalidError("`max_tokens` must be greater than `thinking.budget_tokens`.")


def _check_output_config(body: Body, model: Model) -> None:
    config = body["output_config"]
    if config.get("effort"):
        _check_effort(config["effort"], model)
    if config.get("format"):
        check_is_schema(config["format"]["schema"], "output_config.format.schema")
        check_structured(config["format"]["schema"], "output_config.format.schema")
        if any(cites(block) for m in body["messages"] for block in blocks(m["content"])):
            raise InvalidError("output_config.format: cannot be used together with citations.")


def _check_effort(effort: str, model: Model) -> None:
    if model.efforts is None or effort in model.efforts:
        return
    if not model.efforts:
        raise InvalidError("This model does not support the effort parameter.")
    raise InvalidError(
        f"output_config.effort: {effort!r} is not supported by this model. Supported levels: "
        f"{', '.join(model.efforts)}."
    )


def check_is_schema(schema: Any, path: str) -> None:
    """Refuse what is no JSON Schema; raises InvalidError."""
    import orjson

    if not _is_schema(orjson.dumps(schema)):
        raise InvalidError(
            f"{path}: JSON schema is invalid. It must match JSON Schema draft 2020-12"
        )


@functools.lru_cache(maxsize=1024)
def _is_schema(raw: bytes) -> bool:
    import orjson
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    try:
        Draft202012Validator.check_schema(orjson.loads(raw))
    except SchemaError:
        return False
    return True


def check_structured(schema: Any, path: str) -> None:
    """Refuse a JSON Schema that structured outputs do not take; raises InvalidError."""
    if not isinstance(schema, dict):
        return
    kind = schema.get("type")
    if kind == "object" and schema.get("additionalProperties") is not False:
        raise InvalidError(
            f"{path}: For 'object' type, 'additionalProperties' must be explicitly set to false"
        )
    found = [key for key in UNSUPPORTED_IN_SCHEMAS if key in schema]
    if found and kind:
        raise InvalidError(
            f"{path}: For {kind!r} type, properties {', '.join(found)} are not supported"
        )
    if schema.get("minItems", 0) > 1:
        raise InvalidError(
            f"{path}: For 'array' type, 'minItems' values other than 0 or 1 are not supported"
        )
    for part in _parts(schema):
        check_structured(part, path)


def _parts(schema: Body) -> Iterator[Any]:
    for key in ("properties", "$defs"):
        yield from (schema.get(key) or {}).values()
    for key in ("anyOf", "allOf"):
        yield from schema.get(key) or ()
    yield schema.get("items")


def _check_tools(body: Body, model: Model) -> None:
    names = [tool["name"] for tool in body.get("tools", ()) if "name" in tool]
    if len(set(names)) < len(names):
        raise InvalidError("tools: Tool names must be unique.")
    _check_tool_schemas(body.get("tools", ()))
    choice = body.get("tool_choice")
    if choice is None:
        return
    if not body.get("tools"):
        raise InvalidError("tool_choice: may only be specified while providing tools.")
    if choice["type"] in ("any", "tool"):
        _check_forced(body, model, names)


def _check_tool_schemas(tools: Sequence[Body]) -> None:
    for index, tool in enumerate(tools):
        if "input_schema" in tool:
            path = f"tools.{index}.custom.input_schema"
            check_is_schema(tool["input_schema"], path)
            if tool.get("strict"):
                check_structured(tool["input_schema"], path)
    strict = sum(1 for tool in tools if tool.get("strict"))
    if strict > MAX_STRICT_TOOLS:
        raise InvalidError(f"tools: too many strict tools: {strict} > {MAX_STRICT_TOOLS}")


def _check_forced(body: Body, model: Model, names: Sequence[str]) -> None:
    choice = body["tool_choice"]
    if model.forced_tool_choice is False:
        raise InvalidError(
            f"tool_choice: type {choice['type']!r} is not supported for this model. "
            "Use 'auto' or 'none'."
        )
    if choice["type"] == "tool" and choice["name"] not in names:
        raise InvalidError(f"tool_choice: Tool {choice['name']!r} not found in provided tools")
    if body.get("thinking", {}).get("type") == "enabled":
        raise InvalidError("Thinking may not be enabled when tool_choice forces tool use.")


def _check_prefill(body: Body, model: Model) -> None:
    last = body["messages"][-1]
    if last["role"] != "assistant":
        return
    if model.prefill is False:
        raise InvalidError(
            "This model does not support assistant message prefill. The conversation must end "
            "with a user message."
        )
    content = blocks(last["content"])
    if content and content[-1]["type"] == "text" and content[-1]["text"][-1:].isspace():
        raise InvalidError("messages: final assistant content cannot end with trailing whitespace")
    if body.get("thinking", {}).get("type") == "enabled":
        raise InvalidError("messages: prefill is not supported when thinking is enabled.")


def _check_tier(body: Body, model: Model) -> None:
    if body.get("inference_geo") and generation(model.id) < GEO_SINCE:
        raise InvalidError("inference_geo: not supported for this model.")
    fast = body.get("speed") == "fast" and model.id != FAST_IGNORED
    if fast and model.id not in FAST_MODELS:
        raise InvalidError("speed: fast mode is not supported for this model.")
