"""A streamed message put together again: the events of the API in, the body of a plain answer out.

Blocks stay as the API wrote them, so that they can be sent back unchanged in the next turn; what
nobody knows yet, events or fields, is passed over or kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from harness.backends.wire import malformed

Event = Mapping[str, Any]
GROWING = {"text_delta": "text", "thinking_delta": "thinking", "compaction_delta": "content"}
"""The deltas that add to a text, and the field of the block that they add to."""


class Assembly:
    """A message that arrives in pieces; `message` is the whole once the last event is added."""

    def __init__(self) -> None:
        self._message: dict[str, Any] | None = None
        self._blocks: dict[int, dict[str, Any]] = {}
        self._texts: dict[tuple[int, str], list[str]] = {}
        self._ended = False

    def add(self, event: object) -> None:
        """Take one event; raises FaultError where it cannot belong to a message."""
        if not isinstance(event, Mapping):
            raise malformed("the stream holds an event that is no JSON object")
        try:
            self._take(event)
        except (KeyError, TypeError, AttributeError) as exc:
            raise malformed(f"the stream holds a broken {event.get('type')} event") from exc

    def message(self) -> dict[str, Any]:
        """The body; raises FaultError where the stream ended before the message did."""
        if self._message is None or not self._ended:
            raise malformed("the stream ended early")
        for (index, name), parts in self._texts.items():
            self._blocks[index][name] = _whole(name, parts, self._blocks[index])
        content = [self._blocks[index] for index in sorted(self._blocks)]
        return {**self._message, "content": content}

    def _take(self, event: Event) -> None:
        kind = event["type"]
        if kind == "message_start":
            self._message = dict(event["message"])
        elif kind == "content_block_start":
            self._blocks[event["index"]] = dict(event["content_block"])
        elif kind == "content_block_delta":
            self._grow(event["index"], event["delta"])
        elif kind == "message_delta":
            self._close(event)
        elif kind == "message_stop":
            self._ended = True

    def _grow(self, index: int, delta: Event) -> None:
        block, kind = self._blocks[index], delta["type"]
        if kind in GROWING:
            name = GROWING[kind]
            self._texts.setdefault((index, name), [block.get(name) or ""]).append(delta[name])
        elif kind == "input_json_delta":
            self._texts.setdefault((index, "input"), []).append(delta["partial_json"])
        elif kind == "signature_delta":
            block["signature"] = delta["signature"]
        elif kind == "citations_delta":
            block["citations"] = [*(block.get("citations") or ()), delta["citation"]]

    def _close(self, event: Event) -> None:
        if self._message is None:
            raise malformed("the stream ends a message that it did not begin")
        told = {key: value for key, value in event["delta"].items() if value is not None}
        self._message |= told
        # Counts here are totals, and only those that apply; the others stand in message_start.
        usage = {k: v for k, v in (event.get("usage") or {}).items() if v is not None}
        if usage:
            self._message["usage"] = {**(self._message.get("usage") or {}), **usage}


def _whole(name: str, parts: list[str], block: Mapping[str, Any]) -> Any:
    text = "".join(parts)
    if name != "input":
        return text
    try:
        return orjson.loads(text) if text else block.get("input", {})
    except orjson.JSONDecodeError as exc:
        raise malformed("the stream holds a tool's input that is not JSON") from exc
