"""From a YAML file to a `Suite`, with everything that is wrong in it said at once.

Checks the file's shape, expands data sets into cases and renders the cases' `vars`.
Nothing is sent and nothing but the suite's own folder is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cases import Expander
from harness.errors import ModelsError, Problem, SuiteError
from harness.find import find_suites
from harness.models import Registry
from harness.records import Candidate, Gate
from harness.suite import GraderSpec, Script, Suite, Tool, Turn, Written

if TYPE_CHECKING:
    from harness.suite_file import CaseFile, SuiteFile, ToolFile, TurnFile
    from harness.yamlfile import KeyPath, PlaceOf

DEFAULT_MODEL = "sonnet"


def load(
    paths: Iterable[Path],
    registry: Registry,
    *,
    models: Sequence[str] | None = None,
    default_model: str = DEFAULT_MODEL,
) -> tuple[Suite, ...]:
    """Every suite in `paths`, files or folders, in the order of their paths.

    `models` replaces the candidates of every suite. Raises SuiteError with the problems of all.
    """
    problems: list[Problem] = []
    suites: list[Suite] = []
    for path in find_suites(paths):
        try:
            suites.append(load_suite(path, registry, models=models, default_model=default_model))
        except SuiteError as error:
            problems += error.problems
    problems += _same_names(suites)
    if problems:
        raise SuiteError(problems)
    return tuple(suites)


def load_suite(
    path: Path,
    registry: Registry,
    *,
    models: Sequence[str] | None = None,
    default_model: str = DEFAULT_MODEL,
) -> Suite:
    """The suite in one file; raises SuiteError with all that is wrong in it."""
    from harness.yamlfile import read_yaml

    data, place_of = read_yaml(path)
    return _Loader(path, place_of, _checked(data, place_of)).suite(registry, models, default_model)


def _checked(data: Any, place_of: PlaceOf) -> SuiteFile:
    from pydantic import ValidationError

    from harness.suite_errors import problems_of
    from harness.suite_file import SuiteFile

    if not isinstance(data, dict):
        what = "the file is empty" if data is None else "the file is not a mapping"
        raise SuiteError([Problem(f"{what}; a suite begins with `suite: NAME`", place_of(()))])
    if "suite" not in data:
        message = "`suite: NAME` is missing at the top level; without it the file is no suite"
        raise SuiteError([Problem(message, place_of(()))])
    try:
        return SuiteFile.model_validate(data)
    except ValidationError as error:
        raise SuiteError(problems_of(error, data, place_of)) from error


def _same_names(suites: Sequence[Suite]) -> Iterator[Problem]:
    seen: dict[str, Suite] = {}
    candidates: dict[str, tuple[Candidate, Suite]] = {}
    for suite in suites:
        other = seen.setdefault(suite.name, suite)
        if other is not suite:
            message = f"the suite {suite.name!r} has the name of {other.path}; rename one"
            yield Problem(f"{suite.path}: {message}")
        for candidate in suite.candidates:
            known, where = candidates.setdefault(candidate.name, (candidate, suite))
            if known != candidate:
                message = f"candidate {candidate.name!r} differs from the one in {where.path}"
                yield Problem(f"{suite.path}: {message}; give one of them another `name`")


class _Loader:
    """One suite file on its way to a `Suite`; collects the problems it meets."""

    def __init__(self, path: Path, place_of: PlaceOf, file: SuiteFile) -> None:
        self.path, self.place_of, self.file = path, place_of, file
        self.problems: list[Problem] = []

    def suite(self, registry: Registry, models: Sequence[str] | None, default_model: str) -> Suite:
        file = self.file
        candidates = self.candidates(registry, models, default_model)
        script = self.script()
        expander = Expander(self.path, self.place_of, file)
        cases = expander.cases(lambda index, case: self.override(index, case, script))
        self.problems += expander.problems
        if self.problems:
            raise SuiteError(self.problems)
        return Suite(
            name=file.suite,
            path=self.path,
            sha256=hashlib.sha256(self.path.read_bytes()).hexdigest(),
            candidates=candidates,
            script=script,
            cases=cases,
            description=file.description.strip(),
            gates=tuple(self.gates()),
            timeout_s=file.timeout_s,
            pass_score=file.pass_score,
            max_tool_rounds=file.max_tool_rounds,
            warnings=tuple(expander.warnings),
        )

    def problem(self, message: str, *keys: str | int) -> None:
        self.problems.append(Problem(message, self.place_of(keys)))

    def candidates(
        self, registry: Registry, models: Sequence[str] | None, default_model: str
    ) -> tuple[Candidate, ...]:
        known = dict(self.declared())
        names = models or list(known) or [default_model]
        found: dict[str, Candidate] = {}
        for index, name in enumerate(names):
            model, params = known.get(name, (name, {}))
            try:
                model_id = registry.resolve(model).id
            except ModelsError as error:
                keys = ("models", index) if not models and known else ()
                self.problem(str(error), *keys)
                continue
            for variant in [*(self.file.prompts or ())] or [None]:
                full = f"{name}/{variant}" if variant else name
                found[full] = Candidate(full, model_id, params, variant)
        return tuple(found.values())

    def declared(self) -> Iterator[tuple[str, tuple[str, Mapping[str, Any]]]]:
        seen: set[str] = set()
        for index, item in enumerate(self.file.models or ()):
            model = item if isinstance(item, str) else item.model
            name = model if isinstance(item, str) else item.name or model
            if name in seen:
                self.problem(
                    f"two candidates are named {name!r}; give one a `name`", "models", index
                )
            seen.add(name)
            yield name, (model, {} if isinstance(item, str) else item.params)

    def gates(self) -> Iterator[Gate]:
        for index, item in enumerate(self.file.gates):
            given = item.model_dump(exclude_none=True)
            if not given:
                self.problem(
                    "a gate needs a metric, such as `pass_rate: {min: 0.9}`", "gates", index
                )
            for metric, bounds in given.items():
                if not bounds:
                    self.problem(f"`{metric}` needs `min` or `max`", "gates", index, metric)
                yield Gate(metric, bounds)

    def script(self) -> Script:
        file = self.file
        if file.prompt is not None and file.prompts is not None:
            self.problem("`prompt` and `prompts` exclude each other; keep one", "prompts")
        if file.turns is not None and (file.prompt is not None or file.prompts is not None):
            self.problem("`turns` and `prompt` exclude each other; begin with a turn", "turns")
        return Script(
            prompts=self.prompts(),
            system=self.content(file.system, ("system",)),
            turns=self.turns(file.turns, ("turns",)),
            messages=self.messages(file.messages, ("messages",)),
            params=tuple(self.suite_params()),
            graders=self.graders(file.graders, ("graders",)),
            tools=self.tools(file.tools, ("tools",)),
            cache=file.cache,
            repeats=file.repeats,
        )

    def suite_params(self) -> Iterator[Written]:
        if self.file.output_schema is not None:
            form = {"type": "json_schema", "schema": self.file.output_schema}
            yield Written({"output_config": {"format": form}}, self.path, ("output_schema",))
        yield Written(self.file.params, self.path, ("params",))

    def prompts(self) -> dict[str | None, Written]:
        if self.file.prompts:
            named = {
                name: self.content(content, ("prompts", name))
                for name, content in self.file.prompts.items()
            }
            return {name: written for name, written in named.items() if written is not None}
        prompt = self.content(self.file.prompt, ("prompt",))
        return {None: prompt} if prompt is not None else {}

    def override(self, index: int, case: CaseFile, suite: Script) -> Script | None:
        """The case's script, or `None` where it asks what the suite asks."""
        at: KeyPath = ("cases", index)
        changes = dict(self.changes(case, suite, at))
        script = replace(suite, **changes) if changes else None
        self.complete(script or suite, at)
        return script

    def changes(self, case: CaseFile, suite: Script, at: KeyPath) -> Iterator[tuple[str, Any]]:
        """What the case says of its own, by the field of the script that it replaces."""
        if case.prompt is not None and case.turns is not None:
            self.problem("`turns` and `prompt` exclude each other; begin with a turn", *at, "turns")
        if (prompt := self.content(case.prompt, (*at, "prompt"))) is not None:
            yield "prompts", dict.fromkeys(suite.prompts or [None], prompt)
            yield "turns", ()
        elif case.turns is not None:
            yield "prompts", {}
            yield "turns", self.turns(case.turns, (*at, "turns"))
        if case.params:
            yield "params", (*suite.params, Written(case.params, self.path, (*at, "params")))
        if case.repeats is not None:
            yield "repeats", case.repeats
        for field in ("system", "messages", "graders", "tools"):
            given = getattr(case, field)
            if given is not None:
                read = {"system": self.content}.get(field) or getattr(self, field)
                yield field, read(given, (*at, field))

    def complete(self, script: Script, at: KeyPath) -> None:
        """A case needs something to ask and something to grade by."""
        if not (script.prompts or script.turns or script.messages):
            self.problem("this case has no prompt; write `prompt:` here or for the suite", *at)
        if not (script.graders or any(turn.graders for turn in script.turns)):
            self.problem("this case has no grader; write `graders:` here or for the suite", *at)

    def graders(self, items: Sequence[Any] | None, at: KeyPath) -> tuple[GraderSpec, ...]:
        written = [
            GraderSpec(Written(item, self.path, (*at, index)))
            for index, item in enumerate(items or ())
        ]
        if at == ("graders",) and self.file.output_schema is not None:
            item = {"json_schema": self.file.output_schema}
            written.append(GraderSpec(Written(item, self.path, ("output_schema",))))
        return tuple(written)

    def turns(self, turns: Sequence[TurnFile] | None, at: KeyPath) -> tuple[Turn, ...]:
        result = []
        for index, turn in enumerate(turns or ()):
            keys = (*at, index)
            user = self.content(turn.user, (*keys, "user"))
            if user is not None:
                result.append(Turn(user, self.graders(turn.graders, (*keys, "graders"))))
        return tuple(result)

    def messages(self, messages: Sequence[Any] | None, at: KeyPath) -> Written | None:
        if messages is None:
            return None
        said = []
        for index, message in enumerate(messages):
            content = self.content(message.content, (*at, index, "content"))
            said.append({"role": message.role, "content": content.value if content else ""})
        return Written(said, self.path, at)

    def tools(self, tools: Sequence[ToolFile] | None, at: KeyPath) -> tuple[Tool, ...]:
        result = []
        for index, tool in enumerate(tools or ()):
            keys = (*at, index)
            definition = tool.model_dump(exclude={"reply", "python"})
            reply = None if tool.reply is None else Written(tool.reply, self.path, (*keys, "reply"))
            written = Written(definition, self.path, keys)
            result.append(Tool(written, tool.name, reply, tool.python))
        return tuple(result)

    def content(self, content: Any, at: KeyPath) -> Written | None:
        """A text, blocks, or the text of a file in the suite's folder."""
        from harness.suite_file import FileRef

        if not isinstance(content, FileRef):
            return None if content is None else Written(content, self.path, at)
        from harness.files import read_text_inside

        try:
            path, text = read_text_inside(self.path.parent, content.file)
        except SuiteError as error:
            self.problem(error.problems[0].message, *at, "file")
            return None
        return Written(text, path)
