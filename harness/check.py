"""The proof, before anything is sent, that every case of a suite can be asked and graded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import orjson

from harness.errors import GraderError, Place, Problem, SuiteError
from harness.model_rules import misplaced, rejected, warnings_for
from harness.models import Registry
from harness.prompt import UnrenderableError, first_turns
from harness.records import Candidate
from harness.suite import Case, GraderSpec, Suite, Written
from harness.trial import Workshop

MAX_PROBLEMS = 200


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


class _Check:
    """One suite under check; a problem that many cases share is kept once."""

    def __init__(self, suite: Suite, registry: Registry) -> None:
        self.suite, self.registry = suite, registry
        self.workshop = Workshop(suite, registry)
        self.models = {c.name: registry.resolve(c.model) for c in suite.candidates}
        self.found: dict[tuple[object, ...], tuple[Written | None, Problem, list[str]]] = {}
        self.warnings: list[str] = []
        self.params_seen: set[tuple[str, bytes]] = set()
        self.requests: dict[bytes, list[str]] = {}

    def run(self) -> None:
        for case in self.suite.cases:
            self.graders(case)
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

    def grader(self, spec: GraderSpec, case: Case) -> None:
        try:
            self.workshop.grader(spec, case.vars)
        except UnrenderableError as error:
            self.unrenderable(error, case)
        except (GraderError, SuiteError) as error:
            self.note(str(error), spec.item, case)

    def request(self, case: Case, candidate: Candidate) -> None:
        """The first request can be rendered, and the model takes it."""
        script = self.suite.script_of(case)
        try:
            prompt = self.workshop.opening(case, candidate)
            for number, written in enumerate(first_turns(script, candidate)):
                scope = {**case.vars, "answers": [""] * number} if number else case.vars
                said = self.workshop.content(written, scope)
                if not said:
                    self.note("the prompt is empty once it is rendered", written, case)
                prompt.say(said)
        except UnrenderableError as error:
            self.unrenderable(error, case)
            return
        self.rules(prompt.request().params, case, candidate)

    def rules(self, params: object, case: Case, candidate: Candidate) -> None:
        assert isinstance(params, dict)
        model = self.models[candidate.name]
        shape = {key: value for key, value in params.items() if key not in ("system", "messages")}
        key = (candidate.name, orjson.dumps(shape))
        if candidate is self.suite.candidates[0]:
            self.remember(params, case)
        if key in self.params_seen:
            return
        self.params_seen.add(key)
        layers = [*self.suite.script_of(case).params, Written(candidate.params, self.suite.path)]
        for written in layers:
            for keys, message in misplaced(written.value):
                self.note(message, Written(None, written.path, (*written.keys, *keys)), case)
        for keys, message in rejected(model, params):
            self.note(f"{candidate.name}: {message}", self.param_at(case, keys), case)

    def remember(self, params: dict[str, object], case: Case) -> None:
        asked = hashlib.sha256(orjson.dumps(params)).digest()[:12]
        self.requests.setdefault(asked, []).append(case.id)

    def param_at(self, case: Case, keys: tuple[str | int, ...]) -> Written | None:
        """Where the parameter is written: the innermost layer that names it."""
        for written in reversed(self.suite.script_of(case).params):
            if keys and isinstance(written.value, dict) and keys[0] in written.value:
                return Written(None, written.path, (*written.keys, keys[0]))
        return None

    def unrenderable(self, error: UnrenderableError, case: Case) -> None:
        written = error.written
        at = Written(written.value, written.path, (*written.keys, *error.keys))
        self.note(error.message, at, case, error.line)

    def note(self, message: str, written: Written | None, case: Case, line: int = 1) -> None:
        key = (message, written.path, written.keys, line) if written else (message,)
        if key not in self.found:
            place = Place(self.suite.path, case.line, 1)
            self.found[key] = (written, Problem(message, place), [])
        self.found[key][2].append(case.id)

    def listed(self) -> Iterator[Problem]:
        """The problems with their places, found in the file anew, and the cases they show in."""
        for key, (written, problem, cases) in self.found.items():
            place = _place(written, int(str(key[3]))) if written else problem.place
            more = f" and {len(cases) - 1} more" if len(cases) > 1 else ""
            yield Problem(f"{problem.message} (case {cases[0]!r}{more})", place)

    def warn_of_identical(self) -> None:
        for cases in self.requests.values():
            if len(cases) > 1:
                named = ", ".join(cases[:5]) + (", …" if len(cases) > 5 else "")
                self.warnings.append(
                    f"{self.suite.path}: cases {named} send identical requests: they are asked "
                    "once, and are one observation, not several"
                )


def _place(written: Written, line: int) -> Place:
    from harness.yamlfile import read_yaml

    if not written.keys:
        return Place(written.path, line, 1)
    place_of = read_yaml(written.path)[1]
    if line > 1:
        return Place(written.path, place_of.text_line(written.keys) + line - 1, 1)
    return place_of(written.keys)
