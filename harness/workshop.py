"""What the trials of one suite share: composed requests, prices, built graders and their judges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

import orjson

from harness.errors import GraderError, ModelsError, RenderError
from harness.fingerprint import content_of
from harness.graders import GraderContext, arguments, build
from harness.models import Registry
from harness.models.rules import betas_for, rejected
from harness.pricing import bill
from harness.prompt import DEFAULT_TTL, Composer, Prompt, merged_params
from harness.records import Answer, Call, Grade, Grader, Json, Missing, Request, Steps
from harness.render import is_template
from harness.suite import Case, GraderSpec, Suite

RECENT = 4096
"""Graders kept for the other candidates and repeats of their case."""

JUDGE_MAX_TOKENS = 16_000
"""Room for a judge that thinks before it reasons; what is not written is not billed."""

Built = tuple[Grader, str, float]
"""A grader, its name and its weight."""

K = TypeVar("K")
T = TypeVar("T")
V = TypeVar("V")


class Workshop(Composer):
    """Composes the requests of a suite, prices its answers and builds its graders."""

    def __init__(self, suite: Suite, registry: Registry, *, ttl: str = DEFAULT_TTL) -> None:
        super().__init__(suite, registry, ttl=ttl)
        self.context = GraderContext(suite.folder, judging=self)
        self.judges: set[str] = set()
        self._contents: dict[str, str] = {}
        self._fixed: dict[int, _Made] = {}
        self._sound: dict[int, GraderSpec] = {}
        self._recent: dict[tuple[int, int], _Made] = {}
        self._items: dict[tuple[int, bytes], tuple[GraderSpec, Built]] = {}

    def call(self, request: Request, answer: Answer) -> Call:
        """The request and its answer, with the bill."""
        return Call(request, answer, bill(answer, self.registry))

    def rubric(self, options: Mapping[str, Any]) -> Grader:
        """The grader `rubric` with these options; raises GraderError.

        Its criteria come from Python, which puts values into texts itself: no template is rendered.
        """
        criteria = options.get("criteria")
        for text in criteria if isinstance(criteria, list) else [criteria]:
            if isinstance(text, str) and is_template(text):
                told = f"{text!r} is a template, and nothing renders it here"
                raise GraderError(f"{told}; write an f-string over `case.vars`")
        return build(arguments({"rubric": dict(options)}, rendered=True), self.context)

    def fingerprint(self, case: Case) -> str:
        """The hash of what a case tests, worked out once for all its trials."""
        if case.id not in self._contents:
            self._contents[case.id] = content_of(case, self, self.grader_item)
        return self._contents[case.id]

    def judged(self, asking: Steps[Grade], calls: list[Call]) -> Steps[Grade]:
        """What a grader asks, passed on; its calls are added to `calls`."""
        try:
            requests = next(asking)
            while True:
                replies = yield requests
                calls += self._calls(requests, replies)
                requests = asking.send(replies)
        except StopIteration as stop:
            grade: Grade = stop.value
            return grade

    @property
    def candidates(self) -> tuple[str, ...]:
        """The names of the suite's candidates."""
        return tuple(candidate.name for candidate in self.suite.candidates)

    def judge_id(self, name: str) -> str:
        """The id of the model that is to judge; raises GraderError where there is none."""
        try:
            return self.registry.resolve(name).id
        except ModelsError as error:
            raise GraderError(f"judge: {error}") from error

    def judge_text(self, template: str, scope: Mapping[str, Any]) -> str:
        """The rendered template of a judge; raises GraderError."""
        try:
            return self.renderer.text(template, scope)
        except RenderError as error:
            raise GraderError(f"line {error.line}: {error.message}") from error

    def judge_request(
        self, name: str, params: Mapping[str, Any], schema: Mapping[str, Any], *,
        system: str, user: str,
    ) -> Request:  # fmt: skip
        """A judge's request, its system prompt cached; raises GraderError where it is rejected.

        `max_tokens` is 16,000, or the most that the model writes, unless `params` say otherwise.
        """
        model = self.registry.resolve(self.judge_id(name))
        room = min(JUDGE_MAX_TOKENS, model.max_output_tokens or JUDGE_MAX_TOKENS)
        own = {"max_tokens": room, **params}
        for _keys, message in rejected(model, own):
            raise GraderError(f"judge {name}: {message}")
        form = {"output_config": {"format": {"type": "json_schema", "schema": schema}}}
        base = {"model": model.id, **merged_params([own, form])}
        if system:
            cached = {"type": "text", "text": system, "cache_control": {"type": "ephemeral"}}
            base["system"] = [cached]
        prompt = Prompt(base, betas_for(model, base), self.suite.timeout_s)
        prompt.say(user)
        self.judges.add(model.id)
        return replace(prompt.request(), purpose="judge")

    def self_judged(self) -> list[str]:
        """A warning for each candidate whose model is also a judge of the graders built so far."""
        return [
            f"{candidate.name}: {candidate.model} is also the judge, and judges tend to favour "
            "their own answers; name another `judge`"
            for candidate in self.suite.candidates
            if candidate.model in self.judges
        ]

    def _calls(
        self, requests: Sequence[Request], replies: Sequence[Answer | Missing]
    ) -> Iterator[Call]:
        for request, reply in zip(requests, replies, strict=True):
            if isinstance(reply, Answer):
                yield self.call(request, reply)

    def grader(self, spec: GraderSpec, scope: Mapping[str, Any]) -> Built:
        """The grader for one case, its name and weight; raises RenderError or GraderError.

        It is looked at as written too: a number that stands there is no text, a rendered one is.
        """
        made = self._made(spec, scope)
        if made is None:
            written = spec.item.value
            if id(spec) not in self._sound and not (
                isinstance(written, str) and is_template(written)
            ):
                arguments(written)
                self._sound[id(spec)] = spec
            made = self._make(spec, scope)
        return made.built

    def grader_item(self, spec: GraderSpec, scope: Mapping[str, Any]) -> Json:
        """The grader as rendered for one case; raises RenderError."""
        made = self._made(spec, scope)
        return self.rendered(spec.item, scope) if made is None else made.item

    def _made(self, spec: GraderSpec, scope: Mapping[str, Any]) -> _Made | None:
        """What was made for all cases, or for this one not long ago."""
        return self._fixed.get(id(spec)) or self._recent.get((id(scope), id(spec)))

    def _make(self, spec: GraderSpec, scope: Mapping[str, Any]) -> _Made:
        item = self.rendered(spec.item, scope)
        made = _Made(spec, scope, item, self._alike(spec, item))
        if item == spec.item.value:
            self._fixed[id(spec)] = made
        else:
            _put(self._recent, (id(scope), id(spec)), made)
        return made

    def _alike(self, spec: GraderSpec, item: Json) -> Built:
        """The grader of this item: many cases of a suite expect the same."""
        try:
            mark = orjson.dumps(item)
        except TypeError:
            return self._build(item)
        found = self._items.get((id(spec), mark))
        if found is None:
            found = spec, self._build(item)
            _put(self._items, (id(spec), mark), found)
        return found[1]

    def _build(self, item: Json) -> Built:
        given = arguments(item, rendered=True)
        return build(given, self.context), given.name or given.kind, given.weight


def _put(kept: dict[K, V], key: K, value: V) -> None:
    """Keep it, and nothing for ever."""
    if len(kept) >= RECENT:
        kept.clear()
    kept[key] = value


class _Made(NamedTuple):
    """A grader that was built; kept with what the ids are of, so that no other can have them."""

    spec: GraderSpec
    scope: Mapping[str, Any]
    item: Json
    built: Built
