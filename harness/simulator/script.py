"""What the simulator is told to answer: replies by conversation, model and call.

A conversation is known by its opening, whatever the model and the parameters; see `fingerprint`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.simulator.turns import blocks

Block = Mapping[str, Any]
ANY_MODEL = "*"
STOP_REASONS = (
    "end_turn",
    "max_tokens",
    "stop_sequence",
    "tool_use",
    "pause_turn",
    "refusal",
    "model_context_window_exceeded",
)
REPLY_KEYS = ("text", "thinking", "blocks", "stop_reason", "output_tokens", "latency_s", "status")


class ReplyError(ValueError):
    """A reply in a script that cannot be meant: what is wrong, and what to write instead."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer, verbatim; `None` leaves a part to the simulator.

    `latency_s` is in seconds and replaces the server's own; `status` answers with that HTTP error.
    """

    blocks: tuple[Block, ...] = ()
    stop_reason: str | None = None
    output_tokens: int | None = None
    latency_s: float | None = None
    status: int | None = None

    @classmethod
    def of(cls, value: Any) -> Reply:
        """The reply that a script means: a text, or a mapping with `text` or `blocks`.

        Raises ReplyError, a ValueError, with what is wrong and what to write instead.
        """
        if isinstance(value, str):
            return cls(_text_blocks(value))
        if not isinstance(value, Mapping):
            raise ReplyError(
                f"a reply is a text or a mapping, not {value!r}; put a text into quotes"
            )
        unknown = [str(key) for key in value if key not in REPLY_KEYS]
        if unknown:
            raise ReplyError(
                f"a reply has no key `{unknown[0]}`; it may have {', '.join(REPLY_KEYS)}"
            )
        if not any(key in value for key in ("text", "thinking", "blocks", "status", "stop_reason")):
            raise ReplyError("a reply says nothing; give it `text`, `blocks`, or a `status`")
        return cls(
            blocks=_reply_blocks(value),
            stop_reason=_stop_reason(value.get("stop_reason")),
            output_tokens=_count(value, "output_tokens", 0),
            latency_s=_seconds(value.get("latency_s")),
            status=_count(value, "status", 400),
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """What is answered in one conversation.

    `replies` holds a reply for each call, by model id or `*`; the last one is repeated.
    Without one, `expected` (among `choices`) is answered right or wrong with a model's odds.
    """

    replies: Mapping[str, tuple[Reply, ...]] = field(default_factory=dict)
    expected: str | None = None
    choices: tuple[str, ...] = ()

    def reply(self, names: tuple[str, ...], call: int) -> Reply | None:
        """The reply to the `call`-th request (from 0) of the model that goes by `names`."""
        for name in (*names, ANY_MODEL):
            replies = self.replies.get(name)
            if replies:
                return replies[min(call, len(replies) - 1)]
        return None


@dataclass(frozen=True, slots=True)
class Script:
    """Entries by the fingerprint of their conversation."""

    entries: Mapping[str, Entry] = field(default_factory=dict)


def fingerprint(body: Mapping[str, Any]) -> str:
    """A stable digest of a conversation's opening: the system text and all to the first user turn.

    Model, parameters, tools and cache breakpoints do not change it, and a text is the same
    written as a string or as blocks.
    """
    digest = hashlib.sha256()
    _add(digest, "system", body.get("system"))
    for message in body.get("messages", ()):
        _add(digest, message["role"], message["content"])
        if message["role"] == "user":
            break
    return digest.hexdigest()[:32]


def _add(digest: Any, role: str, content: Any) -> None:
    import orjson

    digest.update(f"\n{role}".encode())
    for block in blocks(content):
        if block.get("type") == "text":
            digest.update(f"\ntext {len(block['text'])}\n{block['text']}".encode(errors="replace"))
            continue
        plain = {key: value for key, value in block.items() if key != "cache_control"}
        digest.update(b"\n" + orjson.dumps(plain, option=orjson.OPT_SORT_KEYS))


def _text_blocks(text: str) -> tuple[Block, ...]:
    return ({"type": "text", "text": text},) if text else ()


def _reply_blocks(value: Mapping[str, Any]) -> tuple[Block, ...]:
    if "blocks" in value:
        if "text" in value or "thinking" in value:
            raise ReplyError("a reply has `blocks` or `text` and `thinking`, not both")
        return _given_blocks(value["blocks"])
    for key in ("text", "thinking"):
        if key in value and not isinstance(value[key], str):
            raise ReplyError(f"`{key}` of a reply is a text, not {value[key]!r}; put it in quotes")
    thinking = value.get("thinking")
    first: tuple[Block, ...] = ({"type": "thinking", "thinking": thinking},) if thinking else ()
    return (*first, *_text_blocks(value.get("text", "")))


def _given_blocks(value: Any) -> tuple[Block, ...]:
    if not isinstance(value, (list, tuple)):
        raise ReplyError(f"`blocks` of a reply is a list of content blocks, not {value!r}")
    for block in value:
        if not isinstance(block, Mapping) or not isinstance(block.get("type"), str):
            raise ReplyError(f"a content block is a mapping with a `type`, not {block!r}")
        needed = {"text": ("text",), "tool_use": ("name", "input")}.get(block["type"], ())
        missing = [key for key in needed if key not in block]
        if missing:
            raise ReplyError(f"a {block['type']} block needs `{missing[0]}`: {dict(block)!r}")
    return tuple(value)


def _stop_reason(value: Any) -> str | None:
    if value is not None and value not in STOP_REASONS:
        raise ReplyError(f"no stop reason is {value!r}; there are {', '.join(STOP_REASONS)}")
    return None if value is None else str(value)


def _count(value: Mapping[str, Any], key: str, minimum: int) -> int | None:
    number = value.get(key)
    if number is None:
        return None
    if isinstance(number, bool) or not isinstance(number, int) or number < minimum:
        raise ReplyError(f"`{key}` of a reply is a whole number from {minimum} up, not {number!r}")
    return number


def _seconds(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        raise ReplyError(f"`latency_s` of a reply is a number of seconds, not {value!r}")
    return float(value)
