"""What a judge is shown of a conversation, so enclosed that none of it can speak to the judge.

Each text stands between tags whose names end in a code. The code is made from the texts, so that
the same answer makes the same request, and stands in none of them, so that no text can close its
own tag or open another.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from harness.graders.show import one_line
from harness.records import Answer, Conversation

CODE_DIGITS = 16


def enclosed(texts: Mapping[str, str]) -> dict[str, str]:
    """Each text between tags named after it, and the `code` that ends their names."""
    sound = {name: _sendable(text) for name, text in texts.items()}
    code = _code(sound)
    tagged = {name: f"<{name}-{code}>\n{text}\n</{name}-{code}>" for name, text in sound.items()}
    return {**tagged, "code": code}


def question(conversation: Conversation) -> str:
    """What the answer answers: the user's text, or of a longer conversation a JSON line a turn."""
    said = list(conversation.messages)
    if said and said[-1]["role"] == "assistant":
        said.pop()
    if len(said) == 1:
        return _text(said[0]["content"])
    # As JSON, so that no turn can contain what looks like another speaker's.
    turns = [{message["role"]: _text(message["content"])} for message in said]
    return "\n".join(json.dumps(turn, ensure_ascii=False) for turn in turns)


def ending(answer: Answer, what: str = "The answer") -> str:
    """What is to know of an answer beside its text, as a sentence; empty where it just ended."""
    if answer.refused:
        return f"{what} was declined: its stop reason is `refusal`."
    if answer.truncated:
        return f"{what} was cut off: its stop reason is `{answer.stop_reason}`."
    return "" if answer.text.strip() else f"{what} holds no text."


def _sendable(text: str) -> str:
    """Half a surrogate pair is no text to UTF-8, and could not be sent."""
    return text.encode("utf-8", "replace").decode()


def _code(texts: Mapping[str, str]) -> str:
    whole = hashlib.sha256()
    for name, text in texts.items():
        whole.update(f"{name} {len(text)}\n{text}\n".encode())
    code = whole.hexdigest()
    while any(code[:CODE_DIGITS] in text.lower() for text in texts.values()):
        code = hashlib.sha256(code.encode()).hexdigest()
    return code[:CODE_DIGITS]


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    shown = [_block(block) for block in content]
    return "\n".join(text for text in shown if text)


def _block(block: Mapping[str, Any]) -> str:
    kind = block.get("type")
    if kind == "text":
        return str(block["text"])
    if kind == "tool_use":
        given = json.dumps(block.get("input"), ensure_ascii=False, default=str)
        return f"[calls {block.get('name')} with {given}]"
    if kind == "tool_result":
        return f"[is told {_text(block.get('content') or '')}]"
    return "" if kind in ("thinking", "redacted_thinking") else f"[{one_line(str(kind))}]"
