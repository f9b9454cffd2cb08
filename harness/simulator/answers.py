"""What is answered: the script's reply, or one that is made up, right or wrong by a model's odds.

Pure: the same seed, request and count of its repetitions give the same reply.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from harness.simulator.instances import WORDS, instance
from harness.simulator.script import Entry, Reply, Script
from harness.simulator.turns import blocks

if TYPE_CHECKING:
    from harness.models import Model

Body = Mapping[str, Any]
ODDS = {"opus": 0.95, "fable": 0.95, "mythos": 0.95, "sonnet": 0.88, "haiku": 0.74}
OTHER_ODDS = 0.8
NUMBER = re.compile(r"(.{0,20}[:= $€£]\s*|)(-?\d+(?:\.\d+)?)(\s*%?)", re.DOTALL)
UNSURE = "I am not sure."
QUOTED_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as the answer depends on it; `seen` counts identical requests before it."""

    body: Body
    model: Model
    fingerprint: str
    seed: int = 0
    seen: int = 0

    @property
    def calls(self) -> int:
        """How often the conversation was answered before; a prefill is no answer."""
        messages = self.body["messages"]
        prefilled = int(messages[-1]["role"] == "assistant")
        said = [message for message in messages if message["role"] == "assistant"]
        return len(said) - prefilled

    def random(self, purpose: str) -> Random:
        """A source of its own for each purpose, the same for the same request."""
        return Random(f"{self.seed}/{self.fingerprint}/{self.model.id}/{self.seen}/{purpose}")


def reply_to(asked: Asked, script: Script) -> Reply:
    """The scripted reply, or a made-up one where the script has none for this model."""
    entry = script.entries.get(asked.fingerprint)
    if entry is None:
        return _made_up(asked)
    names = (asked.model.id, str(asked.body["model"]), *asked.model.aliases)
    reply = entry.reply(names, asked.calls)
    if reply is not None:
        return reply
    return _made_up(asked) if entry.expected is None else _right_or_wrong(asked, entry)


def odds(model_id: str) -> float:
    """How often a made-up answer of this model is the expected one."""
    return next((chance for line, chance in ODDS.items() if line in model_id), OTHER_ODDS)


def _right_or_wrong(asked: Asked, entry: Entry) -> Reply:
    forced = _forced_tool(asked)
    if forced is not None:
        return forced
    expected = entry.expected or ""
    random = asked.random("grade")
    if random.random() < odds(asked.model.id):
        return Reply.of({"text": expected})
    schema = _format_schema(asked.body)
    if schema is not None:
        return _json_reply(schema, random)
    return Reply.of(wrong(expected, entry.choices, random=random))


def wrong(expected: str, choices: tuple[str, ...], *, random: Random) -> str:
    """A plausible answer that is not `expected`: another choice, or a number next to it."""
    others = [choice for choice in choices if choice != expected]
    if others:
        return random.choice(others)
    found = NUMBER.fullmatch(expected)
    if not found:
        return UNSURE if expected != UNSURE else "I do not know."
    before, digits, after = found.groups()
    places = len(digits.partition(".")[2])
    step = max(1, int(abs(float(digits)) * 10**places) // 10)
    off = random.choice((-1, 1)) * random.randint(1, step) / 10**places
    return f"{before}{float(digits) + off:.{places}f}{after}"


def _made_up(asked: Asked) -> Reply:
    forced = _forced_tool(asked)
    if forced is not None:
        return forced
    schema = _format_schema(asked.body)
    if schema is not None:
        return _json_reply(schema, asked.random("json"))
    word = asked.random("text").choice(WORDS)
    return Reply.of(f"This answer is simulated ({word}). It was asked: {_last_text(asked.body)}")


def _forced_tool(asked: Asked) -> Reply | None:
    choice = asked.body.get("tool_choice") or {}
    if choice.get("type") not in ("any", "tool"):
        return None
    tools = [tool for tool in asked.body["tools"] if choice.get("name") in (None, tool.get("name"))]
    tool = tools[0]
    value = instance(tool.get("input_schema", {"type": "object"}), asked.random("tool"))
    # Only a toolset of the API's has no name of its own.
    name = tool.get("name") or tool["type"]
    return Reply(({"type": "tool_use", "name": name, "input": value},))


def _json_reply(schema: Mapping[str, Any], random: Random) -> Reply:
    import orjson

    return Reply.of(orjson.dumps(instance(schema, random)).decode())


def _format_schema(body: Body) -> Mapping[str, Any] | None:
    wanted = (body.get("output_config") or {}).get("format")
    schema: Mapping[str, Any] | None = wanted["schema"] if wanted else None
    return schema


def _last_text(body: Body) -> str:
    texts = [
        block["text"]
        for message in body["messages"][-3:]
        if message["role"] == "user"
        for block in blocks(message["content"])
        if block["type"] == "text"
    ]
    text = " ".join(texts[-1].split()) if texts else "(no text)"
    return text if len(text) <= QUOTED_CHARACTERS else text[:QUOTED_CHARACTERS] + "…"
