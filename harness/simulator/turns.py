"""What the API asks of a conversation as a whole: roles, pairs of tool calls and results, texts.

Messages of errors are those that Anthropic's documentation and its API give.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.simulator.problem import InvalidError
from harness.simulator.wire import MAX_MESSAGES, SAMPLING_VERSION

MAX_BREAKPOINTS = 4
Body = Mapping[str, Any]


def check_turns(body: Body, version: str, *, system_role: bool) -> None:
    """Refuse a conversation that the API refuses whatever the model; raises InvalidError."""
    messages = body["messages"]
    if not messages:
        raise InvalidError("messages: at least one message is required")
    if len(messages) > MAX_MESSAGES:
        raise InvalidError(f"messages: List should have at most {MAX_MESSAGES} items")
    if messages[0]["role"] != "user":
        raise InvalidError('messages: first message must use the "user" role')
    for index, message in enumerate(messages):
        if message["role"] == "system":
            _check_system_turn(message, index, allowed=system_role)
        _check_content(message, index, last=index == len(messages) - 1)
        if version != SAMPLING_VERSION and not isinstance(message["content"], str):
            _check_new_rules(message, index)
    _check_system(body.get("system"))
    _check_pairs(messages)
    _check_breakpoints(body)


def _check_system_turn(message: Body, index: int, *, allowed: bool) -> None:
    if not allowed:
        raise InvalidError(
            'messages: Unexpected role "system". The Messages API accepts a top-level `system` '
            'parameter, not "system" as an input message role.'
        )
    if any(block["type"] != "text" for block in blocks(message["content"])):
        raise InvalidError("messages with the system role may hold text blocks only").under(
            "messages", index
        )


def _check_content(message: Body, index: int, *, last: bool) -> None:
    content = message["content"]
    if not content and not (last and message["role"] == "assistant"):
        raise InvalidError(
            f"messages.{index}: all messages must have non-empty content except for the optional "
            "final assistant message"
        )
    if isinstance(content, str):
        return
    for block in content:
        if block["type"] == "text" and not block["text"]:
            if block.get("cache_control"):
                raise InvalidError("messages: cache_control cannot be set for empty text blocks")
            raise InvalidError("messages: text content blocks must be non-empty")


def _check_system(system: Any) -> None:
    if isinstance(system, list) and any(not block["text"] for block in system):
        raise InvalidError("system: text content blocks must be non-empty")


def _check_new_rules(message: Body, index: int) -> None:
    for place, block in enumerate(message["content"]):
        at = ("messages", index, "content", place)
        if message["role"] == "assistant" and block["type"] == "document":
            raise InvalidError("document blocks are not permitted in assistant messages").under(*at)
        if message["role"] == "user" and _quotes(block):
            raise InvalidError("citations are not permitted in user messages").under(*at)


def _quotes(block: Body) -> bool:
    if block["type"] == "search_result":
        return any(_quotes(part) for part in block["content"])
    return block["type"] == "text" and bool(block.get("citations"))


def _check_pairs(messages: Sequence[Body]) -> None:
    calls: set[str] = set()
    for index, (role, content) in enumerate(merged(messages)):
        results = _ids(content, "tool_result", "tool_use_id")
        if role == "user":
            _check_answered(calls, content, index)
        stray = [name for name in results if name not in calls]
        if stray:
            raise InvalidError(
                f"messages.{index}.content: unexpected tool_use_id found in tool_result blocks: "
                f"{', '.join(stray)}. Each tool_result block must have a corresponding tool_use "
                "block in the previous message."
            )
        calls = _unique_calls(content, index) if role == "assistant" else set()
    if calls:
        _unanswered(sorted(calls), len(messages) - 1)


def _check_answered(calls: set[str], content: Sequence[Body], index: int) -> None:
    answered: list[str] = []
    for block in content:
        if block["type"] != "tool_result":
            break
        answered.append(block["tool_use_id"])
    if len(set(answered)) < len(answered):
        raise InvalidError(
            f"messages.{index}.content: each tool_use must have a single result. Found multiple "
            "tool_result blocks with one id."
        )
    missing = calls.difference(answered)
    if missing:
        _unanswered(sorted(missing), index - 1)


def _unanswered(missing: Sequence[str], index: int) -> None:
    raise InvalidError(
        f"messages.{index}: tool_use ids were found without tool_result blocks immediately after: "
        f"{', '.join(missing)}. Each tool_use block must have a corresponding tool_result block "
        "in the next message."
    )


def _unique_calls(content: Sequence[Body], index: int) -> set[str]:
    calls = _ids(content, "tool_use", "id")
    if len(set(calls)) < len(calls):
        raise InvalidError(f"messages.{index}.content: tool_use ids must be unique")
    return set(calls)


def _ids(content: Sequence[Body], kind: str, key: str) -> list[str]:
    return [block[key] for block in content if block["type"] == kind]


def blocks(content: Any) -> Sequence[Body]:
    """The content of a message or a system prompt as blocks."""
    if isinstance(content, str):
        return ({"type": "text", "text": content},)
    return content or ()


def merged(messages: Sequence[Body]) -> Iterator[tuple[str, list[Body]]]:
    """Role and blocks, consecutive turns of one role as the one turn that the API makes of them.

    A turn of the system role stands between turns and parts none of them.
    """
    role, content = "", list[Body]()
    for message in messages:
        if message["role"] == "system":
            continue
        if message["role"] != role and role:
            yield role, content
            content = []
        role = message["role"]
        content.extend(blocks(message["content"]))
    yield role, content


def _check_breakpoints(body: Body) -> None:
    marks = list(_marks(body))
    automatic = 1 if body.get("cache_control") else 0
    if len(marks) + automatic > MAX_BREAKPOINTS:
        raise InvalidError(
            f"A maximum of {MAX_BREAKPOINTS} blocks with cache_control may be provided. "
            f"Found {len(marks) + automatic}."
        )
    short = False
    for mark in marks:
        if mark.get("ttl") == "1h" and short:
            raise InvalidError(
                "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block"
            )
        short = short or mark.get("ttl") != "1h"


def _marks(body: Body) -> Iterator[Body]:
    for item in (*body.get("tools", ()), *blocks(body.get("system"))):
        if item.get("cache_control"):
            yield item["cache_control"]
    for message in body["messages"]:
        if isinstance(message["content"], str):
            continue
        for block in message["content"]:
            if block.get("cache_control"):
                yield block["cache_control"]
