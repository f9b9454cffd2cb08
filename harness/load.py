"""From a YAML file to a `Suite`, with everything that is wrong in it said at once.

Checks the file's shape, expands data sets into cases and renders the cases' `vars`.
Nothing is sent and nothing but the suite's own folder is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cases import Expander
from harness.check import check
from harness.errors import ModelsError, Place, Problem, SuiteError
from harness.find import find_suites
from harness.models import Registry
from harness.records import Candidate, Gate
from harness.suite import GraderSpec, Script, Suite, Tool, Turn, Written

if TYPE_CHECKING:
    from harness.evals import Evaluation
    from harness.suite_file import CandidateFile, CaseFile, SuiteFile, ToolFile, TurnFile
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
            suites += load_file(path, registry, models=models, default_model=default_model)
        except SuiteError as error:
            problems += error.problems
    problems += same_names(suites)
    if problems:
        raise SuiteError(list(dict.fromkeys(problems)))
    return tuple(suites)


def load_file(
    path: Path,
    registry: Registry,
    *,
    models: Sequence[str] | None = None,
    default_model: str = DEFAULT_MODEL,
) -> list[Suite]:
    """The suites in one file: the one of a YAML file, the evals of a Python file."""
    if path.suffix != ".py":
        return [load_suite(path, registry, models=models, default_model=default_model)]
    from harness.evals import evaluations_in

    return [
        load_evaluation(evaluation, path, registry, models=models, default_model=default_model)
        for evaluation in evaluations_in(path)
    ]


def load_suite(
    path: Path,
    registry: Registry,
    *,
    models: Sequence[str] | None = None,
    default_model: str = DEFAULT_MODEL,
) -> Suite:
    """The suite in one file; raises SuiteError with all that is wrong in it."""
    from harness.garbage import gc_paused
    from harness.suite_errors import in_order
    from harness.yamlfile import scan_yaml

    data, place_of, misread = scan_yaml(path)
    with gc_paused():
        file, problems, whole = _shaped(data, place_of)
        lines = {problem.place.line for problem in misread if problem.place}
        problems = [p for p in problems if p.place is None or p.place.line not in lines]
        loader = _Loader(path, place_of, file, whole=whole) if file else None
        suite = loader.suite(registry, models, default_model) if loader else None
    problems += [*misread, *(loader.problems if loader else ())]
    if suite is not None and problems:
        problems += check([suite], registry).problems
    if suite is None or problems:
        raise SuiteError(in_order(problems, path))
    return suite


def load_evaluation(
    evaluation: Evaluation,
    path: Path,
    registry: Registry,
    *,
    models: Sequence[str] | None = None,
    default_model: str = DEFAULT_MODEL,
) -> Suite:
    """An eval in Python as a suite; raises SuiteError with all that is wrong with it."""
    from harness.yamlfile import PlaceOf

    place = Place(path, evaluation.place.line, 1)
    if (wrong := evaluation.wrong()) is not None:
        raise SuiteError([Problem(wrong, place)])
    place_of = PlaceOf(path, line=place.line)
    file, problems, _ = _shaped(evaluation.written_in(path), place_of)
    loader = _Loader(path, place_of, file, whole=False) if file else None
    suite = loader.suite(registry, models, default_model) if loader else None
    problems += loader.problems if loader else ()
    if suite is None or problems:
        raise SuiteError(problems)
    return replace(suite, program=evaluation.function)


def _shaped(data: Any, place_of: PlaceOf) -> tuple[SuiteFile | None, list[Problem], bool]:
    """The file as far as its shape allows, what is wrong with that, and whether all of it is there.

    Without its unknown keys, and without cases of a wrong shape, a file may still tell what else
    is wrong with it.
    """
    from pydantic import ValidationError

    from harness.suite_errors import problems_of, without_broken_parts, without_unknown_keys
    from harness.suite_file import SuiteFile

    if not isinstance(data, dict):
        what = "the file is empty" if data is None else "the file is not a mapping"
        return None, [Problem(f"{what}; a suite begins with `suite: NAME`", place_of(()))], False
    if "suite" not in data:
        message = "`suite: NAME` is missing at the top level; without it the file is no suite"
        return None, [Problem(message, place_of(()))], False
    try:
        return SuiteFile.model_validate(data), [], True
    except ValidationError as first:
        error = first
    problems = problems_of(error, data, place_of)
    for without in (without_unknown_keys, without_broken_parts):
        data = without(error, data)
        try:
            return SuiteFile.model_validate(data), problems, False
        except ValidationError as left:
            error = left
    return None, problems, False


def same_names(suites: Sequence[Suite]) -> Iterator[Problem]:
    """What would be mixed up in a run: suites, or differing candidates, of one name."""
    seen: dict[str, Suite] = {}
    candidates: dict[str, tuple[Candidate, Suite]] = {}
    for suite in suites:
        other = seen.setdefault(suite.name, suite)
        if other is not suite:
            message = f"the suite {suite.name!r} has the name of {other.path}; rename one"
            yield Problem(message, Place(suite.path, 1, 1))
        for candidate in suite.candidates:
            known, where = candidates.setdefault(candidate.name, (candidate, suite))
            if known != candidate:
                message = f"candidate {candidate.name!r} differs from the one in {where.path}"
                message += "; give one of them another `name`"
                yield Problem(message, Place(suite.path, 1, 1))


class _Loader:
    """One suite file on its way to a `Suite`; collects the problems it meets.

    What a file that is not `whole` lacks may stand under a key that nobody knows.
    """

    def __init__(self, path: Path, place_of: PlaceOf, file: SuiteFile, *, whole: bool) -> None:
        self.path, self.place_of, self.file, self.whole = path, place_of, file, whole
        self.problems: list[Problem] = []

    def suite(self, registry: Registry, models: Sequence[str] | None, default_model: str) -> Suite:
        from harness.suite_errors import LEFT_OUT

        file = self.file
        candidates = self.candidates(registry, models, default_model)
        script = self.script()
        expander = Expander(self.path, self.place_of, file)
        cases = expander.cases(lambda index, case: self.override(index, case, script))
        self.problems += expander.problems
        return Suite(
            name=file.suite,
            path=self.path,
            sha256=hashlib.sha256(self.path.read_bytes()).hexdigest(),
            candidates=candidates,
            own_params=self.own_params(),
            script=script,
            cases=tuple(case for case in cases if not case.id.startswith(LEFT_OUT)),
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
        known = {name: item for name, item, _index in self.declared()}
        indexes = {name: index for name, _item, index in self.declared()}
        self.refuse_twins()
        found: dict[str, Candidate] = {}
        for name in models or list(known) or [default_model]:
            item = known.get(name, name)
            model, params = (item, {}) if isinstance(item, str) else (item.model, item.params)
            try:
                model_id = registry.resolve(model).id
            except ModelsError as error:
                if name in indexes:
                    self.problem(str(error), "models", indexes[name])
                else:
                    self.problems.append(Problem(f"{'--models: ' if models else ''}{error}"))
                continue
            for variant in [*(self.file.prompts or ())] or [None]:
                full = f"{name}/{variant}" if variant else name
                found[full] = Candidate(full, model_id, params, variant)
        return tuple(found.values())

    def declared(self) -> Iterator[tuple[str, str | CandidateFile, int]]:
        """The candidates of the file by name, with their index."""
        for index, item in enumerate(self.file.models or ()):
            yield item if isinstance(item, str) else item.name or item.model, item, index

    def refuse_twins(self) -> None:
        seen: set[str] = set()
        for name, _item, index in self.declared():
            if name in seen:
                message = f"two candidates are named {name!r}; give one a `name`"
                self.problem(message, "models", index)
            seen.add(name)

    def own_params(self) -> dict[str, Written]:
        return {
            name: Written(item.params, self.path, ("models", index, "params"))
            for name, item, index in self.declared()
            if not isinstance(item, str) and item.params
        }

    def gates(self) -> Iterator[Gate]:
        for index, item in enumerate(self.file.gates):
            given = item.model_dump(exclude_none=True)
            if not given and self.whole:
                self.problem(
                    "a gate needs a metric, such as `pass_rate: {min: 0.9}`", "gates", index
                )
            for metric, bounds in given.items():
                if not bounds and self.whole:
                    self.problem(f"`{metric}` needs `min` or `max`", "gates", index, metric)
                yield Gate(metric, bounds)
            for keys, message in item.wrong():
                self.problem(message, "gates", index, *keys)

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
        if not self.whole:
            return
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
            if tool.reply is not None and tool.python is not None:
                self.problem("`reply` and `python` exclude each other; keep one", *keys, "python")
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
