"""Whether the first request of every case can be rendered, and whether its model takes it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from harness.check.cached import CachedPrompts
from harness.check.notes import Notes
from harness.models import Model
from harness.models.message_rules import message_findings
from harness.models.rules import misplaced, rejected
from harness.prompt import MERGED_PARAMS, Prompt, UnrenderableError, first_turns
from harness.records import Candidate, Json
from harness.suite import Case, Written
from harness.tool_rules import without_schema
from harness.workshop import Workshop
from harness.yamlfile import KeyPath

CHARACTERS_PER_TOKEN = 3
TOO_LONG = 1.5
"""Estimated tokens, per token of context, above which ordinary text cannot fit."""

Params = Mapping[str, Any]


@dataclass(slots=True)
class _Base:
    """What a candidate's request has beside its messages: its parameters' shape, and its length.

    A `bare` one has neither tools nor blocks: once it is `checked`, a text of the user's after it
    breaks no rule, and caches nothing.
    """

    params: Params
    shape: bytes
    characters: int
    bare: bool
    checked: bool = False

    @classmethod
    def of(cls, params: Params) -> _Base:
        shape = {key: value for key, value in params.items() if key not in ("system", "messages")}
        system, tools = params.get("system"), params.get("tools")
        bare = not tools and not isinstance(system, list) and not params.get("cache_control")
        return cls(params, orjson.dumps(shape), _characters(system) + _characters(tools), bare)


class RequestCheck:
    """The requests of one suite under check."""

    def __init__(
        self, notes: Notes, workshop: Workshop, models: Mapping[str, Model], cached: CachedPrompts
    ) -> None:
        self.notes, self.workshop, self.suite = notes, workshop, workshop.suite
        self.models, self.cached = models, cached
        self._seen: set[tuple[str, bytes]] = set()
        self._asked: dict[bytes, list[str]] = {}
        self._bases: dict[str, _Base] = {}
        self._heard: tuple[Case | None, dict[tuple[int, int], Json]] = None, {}

    def request(self, case: Case, candidate: Candidate) -> None:
        """Note why the first request cannot be rendered, or what the model refuses in it."""
        try:
            prompt = self.workshop.opening(case, candidate)
        except UnrenderableError:
            prompt = None
            self._opening(case, candidate)
        turns = first_turns(self.suite.script_of(case), candidate)
        said = [self._said(case, number, written) for number, written in enumerate(turns)]
        if prompt is None or any(content is None for content in said):
            return
        if said:
            prompt.say(said[0])
        first = candidate is self.suite.candidates[0] and not self.suite.program
        if first and len(turns) <= 1:
            self._remember(prompt.params(), case)
        base = self._base(prompt.base, candidate)
        characters = base.characters + _characters(prompt.messages)
        self._length(characters, case, candidate, turns[0] if turns else None)
        if not (base.bare and base.checked and self._is_text(prompt)):
            self._rules(prompt.params(), base, case, candidate)
            self.cached.add(prompt.params(), candidate)

    def identical(self) -> Iterator[str]:
        """A warning for the cases that ask the same."""
        for cases in self._asked.values():
            if len(cases) > 1:
                named = ", ".join(cases[:5]) + (", …" if len(cases) > 5 else "")
                yield (
                    f"{self.suite.path}: cases {named} send identical requests: they are asked "
                    "once, and are one observation, not several"
                )

    def same(self) -> dict[str, str]:
        """The cases that ask the same, each with the name that those alike share."""
        return {
            case: f"asked as {cases[0]}"
            for cases in self._asked.values()
            if len(cases) > 1
            for case in cases
        }

    def _opening(self, case: Case, candidate: Candidate) -> None:
        """Every part that stands before the first turn, on its own."""
        script, workshop = self.suite.script_of(case), self.workshop
        parts = [*self._layers(case, candidate), *(tool.definition for tool in script.tools)]
        ways = [(workshop.rendered, part) for part in parts]
        ways += [(workshop.content, script.system)] if script.system else []
        ways += [(workshop.history, script.messages)] if script.messages else []
        for render, written in ways:
            try:
                render(written, case.vars)
            except UnrenderableError as error:
                self.notes.unrenderable(error, case)

    def _said(self, case: Case, number: int, written: Written) -> Json:
        """What the user says in a turn, whoever is asked; `None` where that cannot be rendered."""
        if self._heard[0] is not case:
            self._heard = case, {}
        heard, key = self._heard[1], (number, id(written))
        if key not in heard:
            heard[key] = self._rendered(case, number, written)
        return heard[key]

    def _rendered(self, case: Case, number: int, written: Written) -> Json:
        try:
            if number:
                scope = {**case.vars, "answers": [""] * number}
                content = self.workshop.content(written, scope)
            else:
                content = self.workshop.first(case, written)
        except UnrenderableError as error:
            self.notes.unrenderable(error, case)
            return None
        if _is_empty(content):
            message = "the prompt is empty once it is rendered; write what to ask"
            self.notes.note(message, written, case)
        return content

    @staticmethod
    def _is_text(prompt: Prompt) -> bool:
        """Nothing but a text of the user's."""
        if len(prompt.messages) != 1:
            return False
        message = prompt.messages[0]
        return message["role"] == "user" and isinstance(message["content"], str)

    def _base(self, params: Params, candidate: Candidate) -> _Base:
        """Worked out once for the cases that share it."""
        known = self._bases.get(candidate.name)
        if known is None or known.params is not params:
            known = self._bases[candidate.name] = _Base.of(params)
        return known

    def _length(
        self, characters: int, case: Case, candidate: Candidate, written: Written | None
    ) -> None:
        """The first request is not far longer than what the model reads."""
        model = self.models[candidate.name]
        tokens = characters // CHARACTERS_PER_TOKEN
        if model.context_tokens is not None and tokens > TOO_LONG * model.context_tokens:
            self.notes.note(
                f"the prompt of {characters:,} characters is about {tokens:,} tokens long, and "
                f"{model.id} reads at most {model.context_tokens:,}; shorten it",
                written,
                case,
            )

    def _rules(self, params: Params, base: _Base, case: Case, candidate: Candidate) -> None:
        """What the model refuses: in a shape of parameters once, in messages every time."""
        model, key = self.models[candidate.name], (candidate.name, base.shape)
        known, astray = key in self._seen, set[KeyPath]()
        self._seen.add(key)
        base.checked = True
        if not known:
            for written in self._layers(case, candidate):
                for keys, message in misplaced(written.value):
                    astray.add(keys)
                    at = Written(None, written.path, (*written.keys, *keys))
                    self.notes.note(message, at, case)
            for keys, message in without_schema(params.get("tools"), self.workshop.context):
                self.notes.note(message, self._param_at(case, candidate, keys), case)
        who = "" if candidate.name == candidate.model else f"{candidate.name}: "
        for keys, message in (message_findings if known else rejected)(model, params):
            if keys not in astray:
                self.notes.note(f"{who}{message}", self._param_at(case, candidate, keys), case)

    def _layers(self, case: Case, candidate: Candidate) -> list[Written]:
        """Where parameters are written, the outermost first."""
        own = self.suite.params_of(candidate)
        return [*self.suite.script_of(case).params, *([own] if own else [])]

    def _remember(self, params: Params, case: Case) -> None:
        asked = hashlib.sha256(orjson.dumps(params)).digest()[:12]
        self._asked.setdefault(asked, []).append(case.id)

    def _param_at(self, case: Case, candidate: Candidate, keys: KeyPath) -> Written | None:
        """Where the part of a request is written: of parameters, the innermost layer."""
        script = self.suite.script_of(case)
        if keys[:1] == ("tools",) and script.tools:
            index = keys[1] if len(keys) > 1 and isinstance(keys[1], int) else 0
            at = script.tools[index].definition
            return Written(None, at.path, (*at.keys, *keys[2:]))
        if keys[:1] == ("system",) and script.system:
            return Written(None, script.system.path, (*script.system.keys, *keys[1:]))
        if keys[:1] == ("messages",):
            return self._message_at(case, candidate, keys[1:])
        named = [
            (_depth(layer.value, keys), number)
            for number, layer in enumerate(self._layers(case, candidate))
        ]
        depth, number = max(named, default=(0, 0))
        if not depth:
            return None
        layer = self._layers(case, candidate)[number]
        # What `output_schema` says is put under keys of the API that its author never wrote.
        own = keys[3:] if layer.keys == ("output_schema",) else keys
        return Written(None, layer.path, (*layer.keys, *own))

    def _message_at(self, case: Case, candidate: Candidate, keys: KeyPath) -> Written | None:
        """Where a message, or a block of it, is written: the history, or the first turn."""
        script = self.suite.script_of(case)
        turns = first_turns(script, candidate)
        given = len(script.messages.value) if script.messages else 0
        index = keys[0] if keys and isinstance(keys[0], int) else given
        if script.messages and index < given:
            return Written(None, script.messages.path, (*script.messages.keys, *keys))
        if not turns:
            return script.messages
        at = turns[0]
        # A text that is a whole file of its own has no keys, nor has a part of it.
        return Written(None, at.path, (*at.keys, *keys[2:]) if at.keys else ())


def _depth(value: Json, keys: KeyPath) -> int:
    """How many of the keys lead into the value; a parameter counts whole where none is merged."""
    depth = 0
    for key in keys if keys[:1] and keys[0] in MERGED_PARAMS else keys[:1]:
        if not isinstance(value, dict) or key not in value:
            break
        value, depth = value[key], depth + 1
    return depth


def _characters(value: Json) -> int:
    """How much text there is to read; an image or a PDF is counted by no character."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        if value.get("type") == "base64":
            return 0
        keys = [key for key in value if key not in ("role", "type")]
        return sum([_characters(value[key]) for key in keys])
    return sum([_characters(part) for part in value]) if isinstance(value, list | tuple) else 0


def _is_empty(content: Json) -> bool:
    """The API refuses a text of nothing but white space."""
    if isinstance(content, str):
        return not content.strip()
    return not content or any(
        block.get("type") == "text" and not str(block.get("text", "")).strip() for block in content
    )
