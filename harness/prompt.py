"""What is sent in a trial: the rendered parts of a script, put together into Messages requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.attachments import TTLS, blocks
from harness.errors import RenderError
from harness.models import Registry
from harness.models.rules import API_VERSION, SAMPLING_API_VERSION, betas_for, needs_old_version
from harness.records import Block, Candidate, Json, Mode, Request
from harness.render import Renderer, is_plain
from harness.suite import Case, Script, Suite, Written

DEFAULT_MAX_TOKENS = 4096
DEFAULT_TTL = "5m"
BATCH_TTL = "1h"
"""A batch may take an hour, and its requests share a prompt over all of it."""
MERGED_PARAMS = frozenset({"output_config"})
"""Parameters whose parts come from different places: an effort here, a format there."""


class UnrenderableError(RenderError):
    """A template that failed, with what was `written` and where in it."""

    def __init__(self, written: Written, error: RenderError) -> None:
        self.written = written
        super().__init__(error.message, line=error.line, keys=error.keys)


@dataclass(slots=True)
class Prompt:
    """One conversation as it grows: what all its requests share, and the messages so far."""

    base: Mapping[str, Any]
    betas: tuple[str, ...] = ()
    timeout_s: float | None = None
    messages: list[Mapping[str, Any]] = field(default_factory=list)

    def request(self, own: Mapping[str, Any] | None = None) -> Request:
        """The request that asks for the next answer; `own` are parameters of this one alone."""
        params = self.params(own)
        version = SAMPLING_API_VERSION if needs_old_version(params) else API_VERSION
        return Request(params, version, self.betas, timeout_s=self.timeout_s)

    def params(self, own: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The body of that request."""
        return {**self.base, **(own or {}), "messages": tuple(self.messages)}

    def say(self, content: Json) -> None:
        """Add what the user says: a text or blocks."""
        self.messages.append({"role": "user", "content": content})

    def hear(self, content: Sequence[Mapping[str, Any]]) -> None:
        """Add what the model said, unchanged; an empty answer leaves nothing to add."""
        if content:
            self.messages.append({"role": "assistant", "content": list(content)})


@dataclass(frozen=True, slots=True)
class _Shared:
    """What all candidates are asked in one case, rendered."""

    params: tuple[Mapping[str, Any], ...]
    system: Json
    tools: Json
    history: Json


class Composer:
    """Renders and puts together the requests of one suite; raises UnrenderableError.

    `ttl` is how long the prompt is cached where the suite leaves that open.
    """

    def __init__(self, suite: Suite, registry: Registry, *, ttl: str = DEFAULT_TTL) -> None:
        self.suite, self.registry = suite, registry
        named = suite.script.cache
        self.ttl = named if named in TTLS else ttl
        self.renderer = Renderer(suite.folder)
        self._last: tuple[Case, _Shared] | None = None
        self._common = self._of_all_cases()
        self._bases: dict[int, tuple[Candidate, Mapping[str, Any], tuple[str, ...]]] = {}
        self._asked: Case | None = None
        self._said: dict[int, Json] = {}

    def opening(self, case: Case, candidate: Candidate) -> Prompt:
        """The conversation before its first turn: model, parameters, system, tools, history."""
        shared = self._shared(case)
        base, betas = self._based(shared, case, candidate)
        return Prompt(base, betas, self.suite.timeout_s, list(shared.history))

    def _based(
        self, shared: _Shared, case: Case, candidate: Candidate
    ) -> tuple[Mapping[str, Any], tuple[str, ...]]:
        """The request without its messages, and its beta headers: kept where no case matters."""
        if shared is self._common and (kept := self._bases.get(id(candidate))) is not None:
            return kept[1:]
        base: dict[str, Any] = {"model": candidate.model}
        base |= merged_params([*shared.params, self._own(case, candidate)])
        if shared.system is not None:
            base["system"] = shared.system
        if shared.tools:
            base["tools"] = shared.tools
        if self.suite.script_of(case).cache is not None:
            base = with_breakpoint(base, self.ttl)
        betas = betas_for(self.registry.resolve(candidate.model), base)
        if shared is self._common and self._is_same_for_all(candidate):
            # Kept with what the id is of, so that no other object can come to have the same.
            self._bases[id(candidate)] = candidate, base, betas
        return base, betas

    def _is_same_for_all(self, candidate: Candidate) -> bool:
        written = self.suite.params_of(candidate)
        return written is None or is_plain(written.value)

    def first(self, case: Case, written: Written) -> Json:
        """What the user says first in a case: rendered once for all candidates."""
        if self._asked is not case:
            self._asked, self._said = case, {}
        if id(written) not in self._said:
            self._said[id(written)] = self.content(written, case.vars)
        return self._said[id(written)]

    def content(self, written: Written, scope: Mapping[str, Any]) -> Json:
        """A rendered text, or a list of content blocks."""
        try:
            if isinstance(written.value, str):
                return self.renderer.text(written.value, scope)
            return self.blocks(self.renderer.value(written.value, scope))
        except RenderError as error:
            raise UnrenderableError(written, error) from error

    def blocks(self, items: Iterable[Json]) -> list[Block]:
        """Content blocks with their files read; raises RenderError with the keys in the list."""
        return blocks(items, self.suite.folder, self.ttl)

    def history(self, written: Written, scope: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """The rendered messages of a given history."""
        return [
            {**message, "content": self._said_at(written, index, message["content"])}
            for index, message in enumerate(self.rendered(written, scope))
        ]

    def _said_at(self, written: Written, index: int, content: Json) -> Json:
        if not isinstance(content, list | Mapping):
            return str(content)  # a bare expression keeps its type, and a number is no list
        try:
            return self.blocks(content)
        except RenderError as error:
            error.keys = (index, "content", *error.keys)
            raise UnrenderableError(written, error) from error

    def rendered(self, written: Written, scope: Mapping[str, Any]) -> Json:
        """The tree with every template in it rendered."""
        try:
            return self.renderer.value(written.value, scope)
        except RenderError as error:
            raise UnrenderableError(written, error) from error

    def _own(self, case: Case, candidate: Candidate) -> Json:
        written = self.suite.params_of(candidate)
        return candidate.params if written is None else self.rendered(written, case.vars)

    def _shared(self, case: Case) -> _Shared:
        """Rendered once for the candidates of a case, which follow each other."""
        script = self.suite.script_of(case)
        if self._common is not None and _opens_alike(script, self.suite.script):
            return self._common
        if self._last is None or self._last[0] is not case:
            self._last = case, self._rendered_for(script, case.vars)
        return self._last[1]

    def _rendered_for(self, script: Script, scope: Mapping[str, Any]) -> _Shared:
        return _Shared(
            params=tuple(self.rendered(written, scope) for written in script.params),
            system=self.content(script.system, scope) if script.system else None,
            tools=[self.rendered(tool.definition, scope) for tool in script.tools],
            history=self.history(script.messages, scope) if script.messages else [],
        )

    def _of_all_cases(self) -> _Shared | None:
        """What the suite itself asks, where no case's `vars` and no file can change that."""
        script = self.suite.script
        system = script.system.value if script.system else ""
        trees = [written.value for written in script.params]
        trees += [tool.definition.value for tool in script.tools]
        fixed = isinstance(system, str) and script.messages is None
        if not fixed or not all(map(is_plain, (system, *trees))):
            return None
        return self._rendered_for(script, {})


def _opens_alike(script: Script, common: Script) -> bool:
    """The script changes nothing that stands before the first turn."""
    return script is common or (
        script.params is common.params
        and script.system is common.system
        and script.tools is common.tools
        and script.messages is common.messages
        and script.cache == common.cache
    )


def first_turns(script: Script, candidate: Candidate) -> tuple[Written, ...]:
    """What the user says, turn by turn; nothing where the given history asks already."""
    if script.turns:
        return tuple(turn.user for turn in script.turns)
    prompt = script.prompts.get(candidate.prompt, script.prompts.get(None))
    return (prompt,) if prompt is not None else ()


def ttl_of(mode: Mode) -> str:
    """How long a prompt is cached in this mode where the suite leaves that open."""
    return BATCH_TTL if mode == "batch" else DEFAULT_TTL


def merged_params(layers: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Parameters of the suite, under those of the case, under the candidate's own."""
    merged: dict[str, Any] = {"max_tokens": DEFAULT_MAX_TOKENS}
    for layer in layers:
        for name, value in layer.items():
            parts = name in MERGED_PARAMS and isinstance(value, dict)
            merged[name] = {**merged.get(name, {}), **value} if parts else value
    return merged


def with_breakpoint(base: dict[str, Any], ttl: str) -> dict[str, Any]:
    """`base` with a cache breakpoint after the system prompt, or after the tools without one."""
    mark = {"cache_control": {"type": "ephemeral", "ttl": ttl}}
    system = base.get("system")
    if isinstance(system, str):
        return {**base, "system": [{"type": "text", "text": system, **mark}]}
    if system:
        return {**base, "system": [*system[:-1], {**system[-1], **mark}]}
    if base.get("tools"):
        return {**base, "tools": [*base["tools"][:-1], {**base["tools"][-1], **mark}]}
    return {**base, **mark}
