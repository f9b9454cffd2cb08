"""What a model or the API would reject in a request, said before anything is sent.

The only module that knows the rules of the Messages API's parameters; what differs from model to
model stands in the model table. A fact that the table does not know rejects nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, TypeGuard

from harness.errors import did_you_mean
from harness.models import EFFORTS, THINKING_TYPES, Model
from harness.models.message_rules import message_findings
from harness.models.schema_rules import schema_findings

API_VERSION = "2026-10-21"
SAMPLING_API_VERSION = "2023-06-01"
"""The last version of the API that accepts sampling parameters."""

KeyPath = tuple[str | int, ...]
Finding = tuple[KeyPath, str]
Params = Mapping[str, Any]
Check = Callable[[Model, Params], Iterator[Finding]]

SAMPLING = ("temperature", "top_p", "top_k")
_SAMPLING = frozenset(SAMPLING)

ELSEWHERE = {
    "stream": "remove it: answers are read as a whole",
    "timeout": "write `timeout_s:` in the suite",
    "output_format": "write `output_schema:` in the suite, or `output_config: {format: …}`",
    "extra_body": "write its keys here directly",
    "extra_headers": "set headers with ANTHROPIC_CUSTOM_HEADERS",
    "extra_query": "remove it",
    "user_profile_id": "it is a header: set it with ANTHROPIC_CUSTOM_HEADERS",
    "workspace_id": "it is a header: set it with ANTHROPIC_CUSTOM_HEADERS",
}
NOT_IN_PARAMS = ELSEWHERE | {
    "messages": "write `prompt:`, `turns:` or `messages:` in the suite or the case",
    "model": "list it under `models:`",
    "system": "write `system:` in the suite or the case",
}

BODY_KEYS = (
    *("max_tokens", *SAMPLING, "stop_sequences", "thinking", "output_config"),
    *("tools", "tool_choice", "cache_control", "container", "diagnostics", "metadata"),
    *("service_tier", "speed", "inference_geo"),
)
NULLABLE = ("cache_control", "container", "diagnostics", "inference_geo", "speed")
THINKING_KEYS = ("type", "budget_tokens", "display")
TOOL_CHOICES = ("auto", "any", "tool", "none")
TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")


def rejected(model: Model, params: Params, *, batch: bool = False) -> list[Finding]:
    """What would be rejected in the body `params`: key paths, each with the reason and a way out.

    `params` is what a suite sets, or a whole body: one with both `model` and `messages`. `batch`
    adds what a Message Batch does not accept.
    """
    whole = "model" in params and "messages" in params
    found = [*_unknown_keys(params), *misplaced(params, ELSEWHERE if whole else NOT_IN_PARAMS)]
    given = {key: value for key, value in params.items() if value is not None}
    for check in CHECKS:
        found += check(model, given)
    if whole:
        found += [*message_findings(model, given), *_tools_at_hand(given)]
    return found + list(_batch(given)) if batch else found


def misplaced(params: Params, elsewhere: Mapping[str, str] = NOT_IN_PARAMS) -> Iterator[Finding]:
    """The keys that belong to another part of a suite than its params, and where they belong."""
    for key in (key for key in params if key in elsewhere):
        yield (key,), f"`{key}` does not belong in params; {elsewhere[key]}"


def warnings_for(model: Model) -> list[str]:
    """What to know before relying on the model: that it retires, or that its price is unknown."""
    warnings = []
    if model.lifecycle == "deprecated":
        when = f" (retirement: {model.retires_on})" if model.retires_on else ""
        warnings.append(f"{model.id} is deprecated{when}; plan to move to another model")
    if not model.prices:
        warnings.append(
            f"no price of {model.id} is known, so its costs are not; add it to a models file"
        )
    return warnings


def needs_old_version(params: Params) -> bool:
    """Whether the request must go out with SAMPLING_API_VERSION instead of API_VERSION."""
    # Asked for every request, of which nearly none has such a key.
    return not _SAMPLING.isdisjoint(params) and any(params.get(key) is not None for key in SAMPLING)


def betas_for(model: Model, params: Params) -> tuple[str, ...]:
    """The beta headers without which the API would reject these parameters."""
    fast = params.get("speed") == "fast" and model.fast_beta is not None
    return (str(model.fast_beta),) if fast else ()


def _unknown_keys(params: Params) -> Iterator[Finding]:
    for key, value in params.items():
        if key not in BODY_KEYS and key not in NOT_IN_PARAMS:
            hint = did_you_mean(key, BODY_KEYS) or f"; known are {_listed(BODY_KEYS)}"
            yield (key,), f"`{key}` is no parameter of the Messages API{hint}"
        elif value is None and key in BODY_KEYS and key not in NULLABLE:
            yield (key,), f"`{key}` is empty; give it a value or remove it"


def _lifecycle(model: Model, _params: Params) -> Iterator[Finding]:
    if model.lifecycle == "retired":
        when = f" on {model.retires_on}" if model.retires_on else ""
        yield ("model",), f"{model.id} was retired{when} and answers no more; choose another model"


def _max_tokens(model: Model, params: Params) -> Iterator[Finding]:
    at, value, limit = ("max_tokens",), params.get("max_tokens"), model.max_output_tokens
    if "max_tokens" not in params:
        yield at, "`max_tokens` is required; set it to the longest answer that you expect"
    elif not _is_whole(value) or value < 1:
        yield at, f"`max_tokens` must be a whole number, 1 or above, not {value!r}"
    elif limit is not None and value > limit:
        yield at, f"{model.id} writes at most {limit} tokens; lower `max_tokens` to that or less"


def _sampling(model: Model, params: Params) -> Iterator[Finding]:
    for key in (key for key in SAMPLING if key in params):
        value = params[key]
        if model.sampling == "none":
            yield (key,), f"{model.id} does not accept `{key}`; remove it"
        elif key == "top_k" and (not _is_whole(value) or value < 0):
            yield (key,), f"`top_k` must be a whole number, 0 or above, not {value!r}"
        elif key != "top_k" and not (_is_number(value) and 0 <= value <= 1):
            yield (key,), f"`{key}` must be a number from 0 to 1, not {value!r}"
    if model.sampling == "one" and "temperature" in params and "top_p" in params:
        yield ("top_p",), f"{model.id} accepts `temperature` or `top_p`, not both; remove one"
    if model.sampling != "none" and _part(params, "thinking", "type") in ("enabled", "adaptive"):
        yield from _sampling_of_thought(params)


def _sampling_of_thought(params: Params) -> Iterator[Finding]:
    """The thinking pages: no `top_k`, a `temperature` of 1, a `top_p` of 0.95 or above."""
    if params.get("temperature", 1) != 1:
        yield ("temperature",), "`temperature` is 1 with thinking; remove it, or `thinking`"
    if "top_k" in params:
        yield ("top_k",), "`top_k` cannot go with thinking; remove one of them"
    if _is_number(params.get("top_p")) and params["top_p"] < 0.95:
        yield ("top_p",), "`top_p` is 0.95 or above with thinking; raise it or remove it"


def _thinking(model: Model, params: Params) -> Iterator[Finding]:
    thinking = params.get("thinking")
    if thinking is None:
        return
    kind = thinking.get("type") if isinstance(thinking, Mapping) else None
    if kind not in THINKING_TYPES:
        options = _listed(THINKING_TYPES)
        yield ("thinking",), f"`thinking` must be a mapping whose `type` is one of {options}"
        return
    yield from _known(thinking, THINKING_KEYS, "thinking")
    yield from _option(thinking, "display", ("summarized", "omitted"), "thinking")
    if model.thinking is not None and kind not in model.thinking:
        yield ("thinking", "type"), _not_thinking(model, kind)
    else:
        yield from _thinking_effort(model, kind, params)
    yield from _budget(thinking, kind, params)


def _not_thinking(model: Model, kind: str) -> str:
    if kind == "disabled" and model.thinking_always_on:
        return (
            f"{model.id} always thinks; remove `thinking`, and lower `output_config.effort` "
            "to think less"
        )
    options = _listed(model.thinking or ())
    return f"{model.id} does not accept thinking of type `{kind}`; it accepts {options}"


def _thinking_effort(model: Model, kind: str, params: Params) -> Iterator[Finding]:
    efforts = model.thinking_efforts.get(kind)
    effort = _part(params, "output_config", "effort") or model.default_effort
    if efforts is not None and effort is not None and effort not in efforts:
        yield (
            ("thinking", "type"),
            f"{model.id} accepts thinking of type `{kind}` only at effort {_listed(efforts)}, "
            f"not `{effort}`; change `output_config.effort`",
        )


def _budget(thinking: Params, kind: str, params: Params) -> Iterator[Finding]:
    at = ("thinking", "budget_tokens")
    budget, limit = thinking.get("budget_tokens"), params.get("max_tokens")
    if kind != "enabled":
        if budget is not None:
            yield at, f"thinking of type `{kind}` has no `budget_tokens`; remove it"
        return
    if not _is_whole(budget) or budget < 1024:
        yield at, f"`budget_tokens` must be a whole number, 1024 or above, not {budget!r}"
    elif _is_whole(limit) and budget >= limit:
        yield at, f"`budget_tokens` must be below `max_tokens` ({limit}); lower it"
    if _part(params, "tool_choice", "type") in ("any", "tool"):
        yield (
            ("tool_choice",),
            "thinking of type `enabled` cannot go with a forced tool; write `{type: auto}`",
        )


def _output_config(model: Model, params: Params) -> Iterator[Finding]:
    config = params.get("output_config")
    if config is None:
        return
    if not isinstance(config, Mapping):
        yield ("output_config",), "`output_config` must be a mapping with `effort` or `format`"
        return
    yield from _known(config, ("effort", "format"), "output_config")
    if config.get("effort") is not None:
        yield from _effort(model, config["effort"])
    if config.get("format") is not None:
        yield from _format(config["format"])


def _effort(model: Model, effort: Any) -> Iterator[Finding]:
    at = ("output_config", "effort")
    accepted = EFFORTS if model.efforts is None else model.efforts
    if not accepted:
        yield at, f"{model.id} does not support effort; remove it"
    elif effort not in accepted:
        yield at, f"{model.id} does not accept effort {effort!r}; write {_listed(accepted)}"


def _format(value: Any) -> Iterator[Finding]:
    at = ("output_config", "format")
    schema = value.get("schema") if isinstance(value, Mapping) else None
    if not isinstance(schema, Mapping) or value.get("type") != "json_schema":
        yield at, "`format` must be {type: json_schema, schema: …} with a JSON Schema as mapping"
        return
    yield from _known(value, ("type", "schema"), *at)


def _schemas(_model: Model, params: Params) -> Iterator[Finding]:
    yield from schema_findings(params)


def _tools(_model: Model, params: Params) -> Iterator[Finding]:
    tools = params.get("tools", [])
    if not isinstance(tools, list | tuple):
        yield ("tools",), f"`tools` must be a list, not {tools!r}"
        return
    seen: set[str] = set()
    for index, tool in enumerate(tools):
        name = tool.get("name") if isinstance(tool, Mapping) else None
        # Anthropic's own tools have a type of their own, and some of them no name.
        own = isinstance(tool, Mapping) and tool.get("type", "custom") != "custom"
        if own and name is None:
            continue
        if not isinstance(name, str) or not TOOL_NAME.fullmatch(name):
            yield (
                ("tools", index, "name"),
                f"a tool's `name` must be 1 to 128 letters, digits, `_` or `-`, not {name!r}",
            )
        elif name in seen:
            yield ("tools", index, "name"), f"two tools are called `{name}`; rename one"
        else:
            seen.add(name)


def _tool_choice(model: Model, params: Params) -> Iterator[Finding]:
    choice = params.get("tool_choice")
    if choice is None:
        return
    kind = choice.get("type") if isinstance(choice, Mapping) else None
    if kind not in TOOL_CHOICES:
        options = _listed(TOOL_CHOICES)
        yield ("tool_choice",), f"`tool_choice` must be a mapping whose `type` is one of {options}"
        return
    keys = ("type",) if kind == "none" else ("type", "disable_parallel_tool_use")
    yield from _known(choice, (*keys, "name") if kind == "tool" else keys, "tool_choice")
    yield from _option(choice, "disable_parallel_tool_use", (True, False), "tool_choice")
    if kind == "tool" and not isinstance(choice.get("name"), str):
        yield ("tool_choice", "name"), "`tool_choice` of type `tool` needs the tool's `name`"
    if kind in ("any", "tool") and model.forced_tool_choice is False:
        yield (
            ("tool_choice", "type"),
            f"{model.id} cannot be forced to use a tool; write `{{type: auto}}` and ask for it",
        )


def _tools_at_hand(params: Params) -> Iterator[Finding]:
    """What a whole request's `tool_choice` needs of its tools."""
    choice, tools = _mapping(params.get("tool_choice")), params.get("tools")
    if not choice:
        return
    if not tools:
        yield ("tool_choice",), "`tool_choice` needs `tools`; write them, or remove it"
    elif choice.get("type") == "tool" and isinstance(tools, list | tuple):
        names = [_mapping(tool).get("name") for tool in tools]
        name = choice.get("name")
        if isinstance(name, str) and name not in names:
            hint = did_you_mean(name, [n for n in names if isinstance(n, str)])
            yield ("tool_choice", "name"), f"no tool is called `{name}`{hint or '; name one'}"


def _stop_sequences(_model: Model, params: Params) -> Iterator[Finding]:
    texts = params.get("stop_sequences", [])
    if not isinstance(texts, list | tuple) or not all(
        isinstance(t, str) and t.strip() for t in texts
    ):
        yield (
            ("stop_sequences",),
            f"`stop_sequences` must be a list of texts, none blank: {texts!r}",
        )


def _routing(model: Model, params: Params) -> Iterator[Finding]:
    """How the request is served: tier, speed and geography."""
    yield from _option(params, "service_tier", ("auto", "standard_only"))
    yield from _option(params, "speed", ("standard", "fast"))
    yield from _option(params, "inference_geo", ("global", "us"))
    if params.get("speed") == "fast" and model.speeds is not None and "fast" not in model.speeds:
        yield ("speed",), f"{model.id} has no fast mode; remove `speed`"
    if "inference_geo" in params and model.inference_geos == ():
        yield ("inference_geo",), f"{model.id} does not accept `inference_geo`; remove it"


def _extras(_model: Model, params: Params) -> Iterator[Finding]:
    user = _part(params, "metadata", "user_id")
    if not isinstance(params.get("metadata", {}), Mapping):
        yield ("metadata",), "`metadata` must be a mapping with `user_id`"
    elif user is not None and not (isinstance(user, str) and len(user) <= 512):
        yield ("metadata", "user_id"), "`user_id` must be a text of at most 512 characters"
    yield from _known(_mapping(params.get("metadata")), ("user_id",), "metadata")
    cache = params.get("cache_control", {"type": "ephemeral"})
    if _part(params, "cache_control", "type") != "ephemeral" and "cache_control" in params:
        yield ("cache_control",), "`cache_control` must be {type: ephemeral}, with `ttl` 5m or 1h"
    yield from _option(_mapping(cache), "ttl", ("5m", "1h"), "cache_control")


def _batch(params: Params) -> Iterator[Finding]:
    if "speed" in params:
        yield ("speed",), "a batch does not accept `speed`; remove it, or run with `--mode live`"


CHECKS: tuple[Check, ...] = (
    _lifecycle,
    _max_tokens,
    _sampling,
    _thinking,
    _output_config,
    _schemas,
    _tools,
    _tool_choice,
    _stop_sequences,
    _routing,
    _extras,
)


def _known(value: Params, keys: Collection[str], *at: str) -> Iterator[Finding]:
    for key in (key for key in value if key not in keys):
        hint = did_you_mean(key, keys) or f"; it takes {_listed(keys)}"
        yield (*at, key), f"`{key}` is no key of `{'.'.join(at)}` here{hint}"


def _option(value: Params, key: str, options: Collection[Any], *at: str) -> Iterator[Finding]:
    if value.get(key) is not None and value[key] not in options:
        yield (*at, key), f"`{key}` must be {_listed(options)}, not {value[key]!r}"


def _part(params: Params, key: str, part: str) -> Any:
    return _mapping(params.get(key)).get(part)


def _mapping(value: Any) -> Params:
    return value if isinstance(value, Mapping) else {}


def _is_whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _listed(words: Collection[Any]) -> str:
    return ", ".join(f"`{str(w).lower() if isinstance(w, bool) else w}`" for w in words)
