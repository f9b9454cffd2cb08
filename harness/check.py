"""The proof, before anything is sent, that every case of a suite can be asked and graded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import orjson

from harness.errors import GraderError, Place, Problem, SuiteError, did_you_mean
from harness.files import load_function
from harness.graders import arguments
from harness.model_rules import misplaced, rejected, warnings_for
from harness.models import Registry
from harness.prompt import UnrenderableError, first_turns
from harness.records import Candidate, Json
from harness.suite import Case, GraderSpec, Suite, Tool, Written
from harness.tool_rules import unanswered, without_schema
from harness.workshop import Workshop
from harness.yamlfile import KeyPath, PlaceOf, scan_yaml

MAX_PROBLEMS = 200
CHARACTERS_PER_TOKEN = 3
TOO_LONG = 1.5
"""Estimated tokens, per token of context, above which ordinary text cannot fit."""
COMBINING = ("not", "all", "any")


@dataclass(slots=True)
class Findings:
    """What a check found: `problems` forbid the run, `warnings` do not."""

    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def check(suites: Iterable[Suite], registry: Registry) -> Findings:
    """What is wrong in the suites, each problem once, with the first case it shows in."""
    findings = Findings()
    for suite in suites:
        one = _Check(suite, registry)
        one.run()
        findings.problems += one.listed()
        findings.warnings += [*suite.warnings, *one.warnings]
    return findings


def require(suites: Iterable[Suite], registry: Registry) -> list[str]:
    """The warnings of `check`; raises SuiteError where there are problems."""
    findings = check(suites, registry)
    if findings.problems:
        raise SuiteError(findings.problems)
    return findings.warnings


@dataclass(slots=True)
class _Noted:
    """A problem, what it is with, and the cases it shows in."""

    message: str
    written: Written | None
    line: int
    first: Case
    cases: dict[str, None] = field(default_factory=dict)

    @property
    def told(self) -> str:
        """The message with its cases."""
        more = f" and {len(self.cases) - 1} more" if len(self.cases) > 1 else ""
        return f"{self.message} (case {self.first.id!r}{more})"


class _Check:
    """One suite under check; a problem that many cases share is kept once."""

    def __init__(self, suite: Suite, registry: Registry) -> None:
        self.suite, self.registry = suite, registry
        self.workshop = Workshop(suite, registry)
        self.models = {c.name: registry.resolve(c.model) for c in suite.candidates}
        self._place_of: PlaceOf | None = None
        self.found: dict[tuple[object, ...], _Noted] = {}
        self.inner: dict[int, tuple[GraderSpec, tuple[GraderSpec, ...]]] = {}
        self.tools_seen: dict[int, tuple[Tool, frozenset[str]]] = {}
        self.warnings: list[str] = []
        self.params_seen: set[tuple[str, bytes]] = set()
        self.requests: dict[bytes, list[str]] = {}

    def run(self) -> None:
        for case in self.suite.cases:
            self.graders(case)
            self.tools(case)
            for candidate in self.suite.candidates:
                self.request(case, candidate)
            if len(self.found) > MAX_PROBLEMS:
                break
        for name, model in self.models.items():
            self.warnings += [f"{name}: {warning}" for warning in warnings_for(model)]
        self.warn_of_identical()

    def graders(self, case: Case) -> None:
        """Every grader of the case can be built from its rendered options."""
        script = self.suite.script_of(case)
        specs = [*script.graders, *(spec for turn in script.turns for spec in turn.graders)]
        for spec in specs:
            self.grader(spec, case)

    def grader(self, spec: GraderSpec, case: Case) -> bool:
        """Whether the grader can be built; what is wrong is noted at the innermost grader."""
        try:
            self.workshop.grader(spec, case.vars)
        except UnrenderableError as error:
            self.unrenderable(error, case)
        except (GraderError, SuiteError) as error:
            inner = self.inner.setdefault(id(spec), (spec, tuple(_inside(spec))))[1]
            sound = [self.grader(nested, case) for nested in inner]
            if all(sound):
                self.note(self.retold(spec, error), spec.item, case)
        else:
            return True
        return False

    def retold(self, spec: GraderSpec, error: Exception) -> str:
        """The error with numbers as they are written: what must be quoted is `1.10`, not 1.1."""
        item = spec.item
        if not item.keys:
            return str(error)
        try:
            arguments(_spelled(item.value, item.keys, self.place_of()))
        except GraderError as better:
            return str(better)
        return str(error)

    def place_of(self) -> PlaceOf:
        """Where things stand in the suite's file, read anew: it is not kept while all is well."""
        if self._place_of is None:
            path, cases = self.suite.path, self.suite.cases
            python = PlaceOf(path, line=cases[0].line if cases else 1)
            self._place_of = python if self.suite.program else scan_yaml(path)[1]
        return self._place_of

    def tools(self, case: Case) -> None:
        """Every tool's function is there, and every reply is a template."""
        for tool in self.suite.script_of(case).tools:
            if id(tool) not in self.tools_seen:
                self.tools_seen[id(tool)] = (tool, self.tool(tool, case))
            for name in sorted(self.tools_seen[id(tool)][1] - case.vars.keys()):
                message = f"undefined: {name!r} is undefined{did_you_mean(name, case.vars)}"
                self.note(
                    f"{message}; a reply sees the `vars`, `input` and `answers`", tool.reply, case
                )

    def tool(self, tool: Tool, case: Case) -> frozenset[str]:
        """The variables that a tool's reply needs; what is wrong with the tool is noted."""
        if self.suite.max_tool_rounds and unanswered(tool):
            message = f"nothing answers the tool {tool.name!r}; write `reply` or `python`"
            self.note(f"{message}, or `max_tool_rounds: 0` for the suite", tool.definition, case)
        if tool.function is not None:
            at = replace(tool.definition, value=None, keys=(*tool.definition.keys, "python"))
            try:
                load_function(tool.function, self.suite.folder)
            except SuiteError as error:
                self.note("; ".join(p.message for p in error.problems), at, case)
        if tool.reply is None:
            return frozenset()
        for broken in self.workshop.renderer.check(tool.reply.value):
            self.unrenderable(UnrenderableError(tool.reply, broken), case)
        return self.workshop.renderer.names(tool.reply.value) - {"input", "answers"}

    def request(self, case: Case, candidate: Candidate) -> None:
        """The first request can be rendered, and the model takes it."""
        try:
            prompt = self.workshop.opening(case, candidate)
        except UnrenderableError:
            prompt = None
            self.opening(case, candidate)
        turns = first_turns(self.suite.script_of(case), candidate)
        said = [self.said(case, number, written) for number, written in enumerate(turns)]
        if prompt is not None and all(content is not None for content in said):
            for content in said[:1]:
                prompt.say(content)
            params = prompt.request().params
            self.length(params, case, candidate, turns[0] if turns else None)
            self.rules(params, case, candidate)

    def opening(self, case: Case, candidate: Candidate) -> None:
        """Every part that stands before the first turn, on its own."""
        script = self.suite.script_of(case)
        parts = [*self.layers(case, candidate), *(tool.definition for tool in script.tools)]
        for written in (*parts, script.system, script.messages):
            try:
                if written is not None:
                    self.workshop.content(written, case.vars)
            except UnrenderableError as error:
                self.unrenderable(error, case)

    def said(self, case: Case, number: int, written: Written) -> Json:
        """What the user says in a turn; `None` where that cannot be rendered."""
        try:
            if number:
                scope = {**case.vars, "answers": [""] * number}
                content = self.workshop.content(written, scope)
            else:
                content = self.workshop.first(case, written)
        except UnrenderableError as error:
            self.unrenderable(error, case)
            return None
        if _is_empty(content):
            self.note("the prompt is empty once it is rendered; write what to ask", written, case)
        return content

    def length(
        self, params: Json, case: Case, candidate: Candidate, written: Written | None
    ) -> None:
        """The first request is not far longer than what the model reads."""
        model = self.models[candidate.name]
        characters = sum(_characters(params.get(key)) for key in ("system", "messages", "tools"))
        tokens = characters // CHARACTERS_PER_TOKEN
        if model.context_tokens is not None and tokens > TOO_LONG * model.context_tokens:
            self.note(
                f"the prompt of {characters:,} characters is about {tokens:,} tokens long, and "
                f"{model.id} reads at most {model.context_tokens:,}; shorten it",
                written,
                case,
            )

    def rules(self, params: Json, case: Case, candidate: Candidate) -> None:
        model = self.models[candidate.name]
        shape = {key: value for key, value in params.items() if key not in ("system", "messages")}
        key = (candidate.name, orjson.dumps(shape))
        if candidate is self.suite.candidates[0] and not self.suite.program:
            self.remember(params, case)
        if key in self.params_seen:
            return
        self.params_seen.add(key)
        astray = set()
        for written in self.layers(case, candidate):
            for keys, message in misplaced(written.value):
                astray.add(keys)
                self.note(message, Written(None, written.path, (*written.keys, *keys)), case)
        for keys, message in without_schema(params.get("tools"), self.workshop.context):
            self.note(message, self.param_at(case, candidate, keys), case)
        for keys, message in rejected(model, params):
            if keys in astray:
                continue
            at = self.param_at(case, candidate, keys)
            who = "" if candidate.name == candidate.model else f"{candidate.name}: "
            self.note(f"{who}{message}", at, case)

    def layers(self, case: Case, candidate: Candidate) -> list[Written]:
        """Where parameters are written, the outermost first."""
        own = self.suite.params_of(candidate)
        return [*self.suite.script_of(case).params, *([own] if own else [])]

    def remember(self, params: dict[str, object], case: Case) -> None:
        asked = hashlib.sha256(orjson.dumps(params)).digest()[:12]
        self.requests.setdefault(asked, []).append(case.id)

    def param_at(
        self, case: Case, candidate: Candidate, keys: tuple[str | int, ...]
    ) -> Written | None:
        """Where the parameter is written: the innermost layer that names it."""
        tools = self.suite.script_of(case).tools
        if keys[:1] == ("tools",) and tools:
            index = keys[1] if len(keys) > 1 and isinstance(keys[1], int) else 0
            at = tools[index].definition
            return Written(None, at.path, (*at.keys, *keys[2:]))
        for written in reversed(self.layers(case, candidate)):
            if keys and isinstance(written.value, dict) and keys[0] in written.value:
                return Written(None, written.path, (*written.keys, *keys))
        return None

    def unrenderable(self, error: UnrenderableError, case: Case) -> None:
        written = error.written
        at = Written(written.value, written.path, (*written.keys, *error.keys))
        self.note(error.message, at, case, error.line)

    def note(self, message: str, written: Written | None, case: Case, line: int = 1) -> None:
        key = (message, written.path, written.keys, line) if written else (message,)
        if key not in self.found:
            self.found[key] = _Noted(message, written, line, case)
        self.found[key].cases.setdefault(case.id)

    def listed(self) -> list[Problem]:
        """The problems in the order of the file, with the cases they show in."""
        from harness.suite_errors import in_order

        problems = [Problem(noted.told, self.place(noted)) for noted in self.found.values()]
        return in_order(problems, self.suite.path)

    def place(self, noted: _Noted) -> Place:
        """Where the problem stands, found in the file anew."""
        written, path = noted.written, self.suite.path
        if written is None:
            return Place(path, noted.first.line, 1)
        if not written.keys:
            return Place(written.path, noted.line, 1)
        return self.place_of().within(written.keys, noted.line)

    def warn_of_identical(self) -> None:
        for cases in self.requests.values():
            if len(cases) > 1:
                named = ", ".join(cases[:5]) + (", …" if len(cases) > 5 else "")
                self.warnings.append(
                    f"{self.suite.path}: cases {named} send identical requests: they are asked "
                    "once, and are one observation, not several"
                )


def _characters(value: Json) -> int:
    """How much text there is to read; an image or a PDF is counted by no character."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        parts = [part for key, part in value.items() if key not in ("role", "type")]
        return 0 if value.get("type") == "base64" else sum(map(_characters, parts))
    return sum(map(_characters, value)) if isinstance(value, list | tuple) else 0


def _inside(spec: GraderSpec) -> Iterator[GraderSpec]:
    """The graders that a grader is made of."""
    item = spec.item
    for name in COMBINING:
        keys, inner = [*item.keys, name], None
        if isinstance(item.value, dict):
            inner = item.value.get(name)
        for option in ("grader", "graders"):
            if isinstance(inner, dict) and set(inner) == {option}:
                keys, inner = [*keys, option], inner[option]
        if isinstance(inner, list):
            for index, part in enumerate(inner):
                yield GraderSpec(Written(part, item.path, (*keys, index)))
        elif isinstance(inner, dict):
            yield GraderSpec(Written(inner, item.path, tuple(keys)))


class _Spelled(float):
    """A number that knows how it is written."""

    written: str


def _spelled(value: Json, keys: KeyPath, place_of: PlaceOf) -> Json:
    if isinstance(value, dict):
        return {key: _spelled(item, (*keys, key), place_of) for key, item in value.items()}
    if isinstance(value, list):
        return [_spelled(item, (*keys, index), place_of) for index, item in enumerate(value)]
    if not isinstance(value, float):
        return value
    spelled = _Spelled(value)
    spelled.written = place_of.written(keys) or str(value)
    return spelled


def _is_empty(content: Json) -> bool:
    """The API refuses a text of nothing but white space."""
    if isinstance(content, str):
        return not content.strip()
    return not content or any(
        block.get("type") == "text" and not str(block.get("text", "")).strip() for block in content
    )
