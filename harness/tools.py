"""What answers a model's tool calls in a trial: canned replies and functions of the suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from harness.errors import HarnessError
from harness.files import load_function
from harness.records import Answer, Block, Json
from harness.render import Renderer
from harness.suite import Tool


def tool_results(
    answer: Answer, tools: Sequence[Tool], renderer: Renderer, scope: Mapping[str, Any]
) -> list[Block]:
    """One `tool_result` for each call in `answer`, in order; a failed call is an error result."""
    known = {tool.name: tool for tool in tools}
    return [_result(use, known.get(use["name"]), renderer, scope) for use in answer.tool_uses]


def unanswered(answer: Answer) -> list[Block]:
    """An error result for each call in an answer after which no more rounds are made."""
    refusal = {"content": "no more tool calls are answered in this turn", "is_error": True}
    return [
        {"type": "tool_result", "tool_use_id": use["id"], **refusal} for use in answer.tool_uses
    ]


def _result(use: Block, tool: Tool | None, renderer: Renderer, scope: Mapping[str, Any]) -> Block:
    result = {"type": "tool_result", "tool_use_id": use["id"]}
    try:
        return {**result, "content": _reply(use, tool, renderer, scope)}
    except HarnessError as error:
        return {**result, "content": str(error), "is_error": True}
    except (Exception, SystemExit) as error:  # a suite's own function may raise anything
        return {**result, "content": f"{type(error).__name__}: {error}", "is_error": True}


def _reply(use: Block, tool: Tool | None, renderer: Renderer, scope: Mapping[str, Any]) -> str:
    if tool is None:
        raise HarnessError(f"there is no tool named {use['name']!r}")
    if tool.function is not None:
        function = load_function(tool.function, renderer.folder)
        return _text(function(**use["input"]))
    if tool.reply is None:
        raise HarnessError(f"the suite gives no reply for the tool {tool.name!r}")
    return _text(renderer.value(tool.reply.value, {**scope, "input": use["input"]}))


def _text(value: Json) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
