"""A reply as the API's Message: blocks completed, cut where it has to stop, and its usage.

Pure. Fields are those of Anthropic's Messages API reference; each that it requires is sent, also
where it is null.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from harness.simulator.cache import Prompt
from harness.simulator.citations import citations
from harness.simulator.rules import FAST_MODELS, GEO_SINCE, generation, thinks
from harness.simulator.script import Reply
from harness.simulator.tokens import (
    CALL_TOKENS,
    block_tokens,
    characters,
    has_new_tokenizer,
    text_tokens,
)

if TYPE_CHECKING:
    from harness.models import Model

Body = Mapping[str, Any]
Block = dict[str, Any]
THOUGHT = "The request is read once more, and what it asks for is looked up in the script."
LEAST_THINKING, THINKING_SPREAD = 24, 160


@dataclass(frozen=True, slots=True)
class _Said:
    """The blocks so far, why they stop, and what they cost."""

    blocks: tuple[Block, ...]
    stop_reason: str
    stop_sequence: str | None = None
    tokens: int = 0
    thinking_tokens: int = 0


def message(body: Body, model: Model, *, reply: Reply, prompt: Prompt, message_id: str) -> Block:
    """The whole Message; `service_tier` is `standard`, and a batch's is set by the batch."""
    said = _said(body, model, reply=reply, message_id=message_id)
    said = _stopped(said, body.get("stop_sequences") or ())
    said = _limited(said, body, model=model, prompt=prompt)
    result: Block = {
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "model": model.id,
        "content": list(said.blocks),
        "stop_reason": said.stop_reason,
        "stop_sequence": said.stop_sequence,
        "stop_details": _stop_details(said.stop_reason),
        "container": None,
        "usage": _usage(body, model, said=said, prompt=prompt),
    }
    if body.get("diagnostics"):
        result["diagnostics"] = {"cache_miss_reason": None}
    if reply.output_tokens is not None:
        result["usage"]["output_tokens"] = min(reply.output_tokens, body["max_tokens"])
    return result


def _said(body: Body, model: Model, *, reply: Reply, message_id: str) -> _Said:
    wants_thinking = thinks(body, model)
    given = [block for block in reply.blocks if wants_thinking or block["type"] != "thinking"]
    refused = reply.stop_reason == "refusal" and not given
    thought = next((b["thinking"] for b in given if b["type"] == "thinking"), None)
    if wants_thinking and thought is None and not refused:
        given.insert(0, {"type": "thinking", "thinking": THOUGHT})
    blocks = tuple(
        _complete(b, i, body=body, model=model, message_id=message_id) for i, b in enumerate(given)
    )
    called = any(block["type"] == "tool_use" for block in blocks)
    spent = (
        _thinking_tokens(body, model, thought=thought, message_id=message_id)
        if wants_thinking
        else 0
    )
    return _Said(
        blocks=blocks,
        stop_reason=reply.stop_reason or ("tool_use" if called else "end_turn"),
        thinking_tokens=0 if refused else spent,
    )


def _complete(block: Body, index: int, *, body: Body, model: Model, message_id: str) -> Block:
    kind = block["type"]
    if kind == "text":
        cited = citations(block.get("citations"), body)
        return {"type": "text", "text": block["text"], "citations": cited}
    if kind == "thinking":
        shown = "" if _display(body, model) == "omitted" else block["thinking"]
        signature = hashlib.sha256(f"{message_id}/{index}".encode()).hexdigest()
        return {"type": "thinking", "thinking": shown, "signature": signature}
    if kind == "tool_use":
        made_up = f"toolu_{message_id.removeprefix('msg_')}{index}"
        return {
            "type": "tool_use",
            "id": block.get("id", made_up),
            "name": block["name"],
            "input": block["input"],
            "caller": block.get("caller", {"type": "direct"}),
        }
    return dict(block)


def _display(body: Body, model: Model) -> str:
    asked = (body.get("thinking") or {}).get("display")
    return asked or ("omitted" if has_new_tokenizer(model) else "summarized")


def _thinking_tokens(body: Body, model: Model, *, thought: str | None, message_id: str) -> int:
    if thought is not None:
        return text_tokens(thought, model)
    spread = int(hashlib.sha256(message_id.encode()).hexdigest()[:6], 16) % THINKING_SPREAD
    budget: int = (body.get("thinking") or {}).get("budget_tokens") or body["max_tokens"] // 2
    # Adaptive thinking adapts: half of what may be written is left for the answer.
    return min(LEAST_THINKING + spread, budget)


def _stopped(said: _Said, stops: Sequence[str]) -> _Said:
    """Cut at the first stop sequence in the text."""
    for index, block in enumerate(said.blocks):
        found = [(block["text"].find(stop), stop) for stop in stops] if _is_text(block) else []
        hits = [hit for hit in found if hit[0] >= 0]
        if hits:
            at, stop = min(hits)
            kept = (*said.blocks[:index], *_cut(block, at))
            return replace(said, blocks=kept, stop_reason="stop_sequence", stop_sequence=stop)
    return said


def _limited(said: _Said, body: Body, *, model: Model, prompt: Prompt) -> _Said:
    """Cut at `max_tokens`, or at the end of the context window."""
    room, reason = body["max_tokens"], "max_tokens"
    if model.context_tokens and model.context_tokens - prompt.total < room:
        room, reason = model.context_tokens - prompt.total, "model_context_window_exceeded"
    if room <= 0:
        return _Said((), reason)
    used = min(said.thinking_tokens, room)
    said = replace(said, thinking_tokens=used)
    for index, block in enumerate(said.blocks):
        cost = _cost(block, model)
        if used + cost > room:
            kept = (*said.blocks[:index], *_cut(block, characters(room - used, model)))
            return replace(said, blocks=kept, stop_reason=reason, stop_sequence=None, tokens=room)
        used += cost
    silent = said.stop_reason == "refusal" and not said.blocks
    return replace(said, tokens=used if silent else max(used, 1))


def _cost(block: Body, model: Model) -> int:
    if block["type"] == "thinking":
        return 0
    if block["type"] in ("text", "tool_use"):
        return block_tokens(block, model)
    return CALL_TOKENS


def _cut(block: Block, length: int) -> tuple[Block, ...]:
    if not _is_text(block) or length <= 0:
        return ()
    return ({**block, "text": block["text"][:length]},)


def _is_text(block: Body) -> bool:
    return bool(block["type"] == "text")


def _stop_details(reason: str) -> Block | None:
    if reason != "refusal":
        return None
    return {"type": "refusal", "category": None, "explanation": None}


def _usage(body: Body, model: Model, *, said: _Said, prompt: Prompt) -> Block:
    fast = body.get("speed") == "fast" and model.id in FAST_MODELS
    old = generation(model.id) < GEO_SINCE
    return {
        "input_tokens": prompt.input_tokens,
        "output_tokens": said.tokens,
        "cache_creation_input_tokens": prompt.written_5m + prompt.written_1h,
        "cache_read_input_tokens": prompt.read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": prompt.written_5m,
            "ephemeral_1h_input_tokens": prompt.written_1h,
        },
        "server_tool_use": None,
        "service_tier": "standard",
        "inference_geo": "not_available" if old else body.get("inference_geo") or "global",
        "output_tokens_details": {"thinking_tokens": said.thinking_tokens},
        "speed": "fast" if fast else "standard",
    }
