"""A Message as the server-sent events that the API streams it in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Body = Mapping[str, Any]
PIECE_CHARACTERS = 24
DELTA_USAGE = (
    "input_tokens",
    "output_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "server_tool_use",
    "output_tokens_details",
)


def event(data: Body) -> bytes:
    """One event on the wire; its name is the `type` of its data."""
    import orjson

    return b"event: %b\ndata: %b\n\n" % (data["type"].encode(), orjson.dumps(data))


def events(message: Body) -> Iterator[Body]:
    """The events of a message in order, from `message_start` to `message_stop`."""
    yield {"type": "message_start", "message": _opening(message)}
    yield {"type": "ping"}
    for index, block in enumerate(message["content"]):
        yield {"type": "content_block_start", "index": index, "content_block": _empty(block)}
        for delta in _deltas(block):
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    closing: dict[str, Any] = {
        "type": "message_delta",
        "delta": {
            key: message[key]
            for key in ("stop_reason", "stop_sequence", "stop_details", "container")
        },
    }
    if "usage" in message:
        closing["usage"] = {key: message["usage"][key] for key in DELTA_USAGE}
    yield closing
    yield {"type": "message_stop"}


def _opening(message: Body) -> dict[str, Any]:
    opening = {**message, "content": [], "stop_reason": None, "stop_sequence": None}
    opening["stop_details"] = None
    if "usage" in message:
        usage = {**message["usage"], "output_tokens": min(1, message["usage"]["output_tokens"])}
        opening["usage"] = {**usage, "output_tokens_details": {"thinking_tokens": 0}}
    return opening


def _empty(block: Body) -> dict[str, Any]:
    kind = block["type"]
    if kind == "text":
        return {**block, "text": "", "citations": [] if block.get("citations") else None}
    if kind == "thinking":
        return {**block, "thinking": "", "signature": ""}
    if kind == "tool_use":
        return {**block, "input": {}}
    return dict(block)


def _deltas(block: Body) -> Iterator[Body]:
    kind = block["type"]
    if kind == "text":
        yield from ({"type": "text_delta", "text": part} for part in _pieces(block["text"]))
        for citation in block.get("citations") or ():
            yield {"type": "citations_delta", "citation": citation}
    elif kind == "thinking":
        for part in _pieces(block["thinking"]):
            yield {"type": "thinking_delta", "thinking": part}
        yield {"type": "signature_delta", "signature": block["signature"]}
    elif kind == "tool_use":
        for part in ("", *_input_pieces(block["input"])):
            yield {"type": "input_json_delta", "partial_json": part}


def _input_pieces(value: Any) -> Iterator[str]:
    import orjson

    # An empty input is streamed as no JSON at all.
    return _pieces(orjson.dumps(value).decode() if value else "")


def _pieces(text: str) -> Iterator[str]:
    for start in range(0, len(text), PIECE_CHARACTERS):
        yield text[start : start + PIECE_CHARACTERS]
