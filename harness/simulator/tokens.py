"""How many tokens a request has: a plausible, deterministic count, part by part.

About four characters a token; the tokenizer of 4.7 and later makes 30 % more. Hidden tokens of
tools, and tokens of images, are those of Anthropic's pricing and vision pages (2026-08-22).
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.media import picture_size
from harness.simulator.rules import generation
from harness.simulator.turns import blocks

if TYPE_CHECKING:
    from harness.models import Model

Body = Mapping[str, Any]
NEW_TOKENIZER_SINCE = (4, 7)
TOKENS_PER_CHARACTER = {False: 0.25, True: 0.325}
TURN_TOKENS = 4
CALL_TOKENS = 12
PDF_BYTES_PER_TOKEN = 30
TOOL_SYSTEM_TOKENS = {
    "claude-opus-4-7": (675, 804),
    "claude-opus-4-8": (290, 410),
    "claude-opus-5": (286, 406),
    "claude-sonnet-5": (354, 474),
}
OLD_TOOL_SYSTEM_TOKENS = (497, 589)
NEW_TOOL_SYSTEM_TOKENS = (290, 410)
PATCH_PX = 28
STANDARD_IMAGE = (1568, 1568)
LARGE_IMAGE = (2576, 4784)
UNKNOWN_SIZE_PX = (1000, 1000)
HEAD_CHARACTERS = 4 * 64 * 1024
"""How much of a picture is read for its size; a camera's notes stand before it."""


class Segment(NamedTuple):
    """One block of the prompt in the order of the cache: tools, system, messages."""

    part: str
    role: str
    block: Body
    tokens: int


def has_new_tokenizer(model: Model) -> bool:
    """Whether the model counts with the tokenizer of 4.7 and later."""
    return generation(model.id) >= NEW_TOKENIZER_SINCE


def text_tokens(text: str, model: Model) -> int:
    """Tokens of a text; at least one, unless it is empty."""
    return math.ceil(len(text) * TOKENS_PER_CHARACTER[has_new_tokenizer(model)])


def characters(tokens: int, model: Model) -> int:
    """How many characters so many tokens can hold."""
    return int(tokens / TOKENS_PER_CHARACTER[has_new_tokenizer(model)])


def prompt_tokens(body: Body, model: Model) -> int:
    """Tokens of the whole prompt, cached or not."""
    return sum(segment.tokens for segment in segments(body, model))


def segments(body: Body, model: Model) -> Iterator[Segment]:
    """The prompt's blocks with their tokens; a turn's and the tools' overhead is in the first."""
    extra = _tool_system_tokens(body, model)
    for tool in body.get("tools", ()):
        yield Segment("tools", "", tool, extra + _json_tokens(tool, model))
        extra = 0
    for block in blocks(body.get("system")):
        yield Segment("system", "", block, block_tokens(block, model))
    for message in body["messages"]:
        extra = TURN_TOKENS
        for block in blocks(message["content"]):
            yield Segment("messages", message["role"], block, extra + block_tokens(block, model))
            extra = 0


def block_tokens(block: Body, model: Model) -> int:
    """Tokens of one content block; thinking of earlier turns counts nothing."""
    kind = block["type"]
    if kind == "text":
        return text_tokens(block["text"], model)
    if kind == "image":
        return image_tokens(block["source"], model)
    if kind in ("thinking", "redacted_thinking"):
        return 0
    if kind == "tool_result":
        content = blocks(block.get("content"))
        return CALL_TOKENS + sum(block_tokens(part, model) for part in content)
    if kind == "document":
        return _document_tokens(block, model)
    return CALL_TOKENS + _json_tokens(block.get("input", block), model)


def image_tokens(source: Body, model: Model) -> int:
    """Patches of 28 × 28 px after down-scaling; 1000 × 1000 px where the size cannot be read."""
    edge, most = LARGE_IMAGE if has_new_tokenizer(model) else STANDARD_IMAGE
    width, height = _image_size(source) or UNKNOWN_SIZE_PX
    scale = min(1.0, edge / max(width, height))
    while (patches := _patches(width * scale, height * scale)) > most:
        scale *= min(0.999, math.sqrt(most / patches))
    return patches


def _patches(width: float, height: float) -> int:
    return math.ceil(width / PATCH_PX) * math.ceil(height / PATCH_PX)


def _image_size(source: Body) -> tuple[int, int] | None:
    if source["type"] != "base64":
        return None
    try:
        return picture_size(base64.b64decode(source["data"][:HEAD_CHARACTERS]))
    except (binascii.Error, ValueError):
        return None


def _document_tokens(block: Body, model: Model) -> int:
    source = block["source"]
    around = text_tokens((block.get("title") or "") + (block.get("context") or ""), model)
    if source["type"] == "text":
        return around + text_tokens(source["data"], model)
    if source["type"] == "content":
        return around + sum(block_tokens(part, model) for part in blocks(source["content"]))
    return around + len(source.get("data", "")) // PDF_BYTES_PER_TOKEN + CALL_TOKENS


def _tool_system_tokens(body: Body, model: Model) -> int:
    if not body.get("tools"):
        return 0
    default = NEW_TOOL_SYSTEM_TOKENS if has_new_tokenizer(model) else OLD_TOOL_SYSTEM_TOKENS
    free, forced = TOOL_SYSTEM_TOKENS.get(model.id, default)
    return forced if body.get("tool_choice", {}).get("type") in ("any", "tool") else free


def _json_tokens(value: Any, model: Model) -> int:
    import orjson

    return text_tokens(orjson.dumps(value).decode(), model)
