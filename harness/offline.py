"""A run without the API: the built-in simulator, told by the suites what to answer.

A script `answers.yaml` beside a suite (or `NAME.answers.yaml` for `NAME.yaml`) says what each
model answers in each case, and what judges say of that. Where it is silent, the simulator answers
as `expected` in the case's vars would have it, or else wrongly, with odds that differ by model.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from harness.chat import Chat
from harness.errors import Problem, RenderError, SuiteError, did_you_mean
from harness.find import is_evals, is_suite
from harness.models import Registry
from harness.prompt import Prompt, first_turns
from harness.records import Candidate, Json, Request
from harness.render import Renderer
from harness.suite import Case, Suite
from harness.talk import Talk
from harness.watchdog import Watchdog
from harness.workshop import Workshop

if TYPE_CHECKING:
    from harness.simulator import Entry, Reply, Script
    from harness.yamlfile import PlaceOf

EVERY = "*"
FIRST_LIMIT_S = 5.0
"""How long an eval may take to its first question; one that loops will be told so by its trial."""


def script_of(suites: Iterable[Suite], registry: Registry) -> tuple[Script, str]:
    """What the simulator answers to these suites, and a digest of the answers' scripts.

    Raises SuiteError with all that is wrong in the scripts.
    """
    from harness.simulator import Script

    found: list[Callable[[], Mapping[str, Entry]]] = []
    problems: list[Problem] = []
    digest = hashlib.sha256()
    for suite in suites:
        path = script_path(suite)
        if path is None:
            found.append(functools.partial(_Answers({}, {}, registry).entries, suite))
            continue
        try:
            entries = _Answers.read(path, registry).entries(suite)
        except SuiteError as error:
            problems += error.problems
            continue
        found.append(functools.partial(dict, entries))
        digest.update(path.read_bytes())
    if problems:
        raise SuiteError(problems)
    return Script(_Entries(found)), digest.hexdigest()[:12]


class _Entries(Mapping[str, "Entry"]):
    """The entries of several suites, made when the first is looked up.

    Where everything is stored the simulator is asked nothing; and a suite without a script has
    nothing wrong in it.
    """

    def __init__(self, suites: Iterable[Callable[[], Mapping[str, Entry]]]) -> None:
        self._suites = suites

    @functools.cached_property
    def _made(self) -> dict[str, Entry]:
        return {mark: entry for made in self._suites for mark, entry in made().items()}

    def __getitem__(self, mark: str) -> Entry:
        return self._made[mark]

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)


def warnings_of(suites: Iterable[Suite], registry: Registry) -> list[str]:
    """The cases and models of the suites' scripts that none of the suites has.

    Meant for suites with all their cases; nothing is said of a script that other suites, too,
    answer from. Raises SuiteError for a script that cannot be read.
    """
    sharing: dict[Path, list[Suite]] = {}
    for suite in suites:
        if path := script_path(suite):
            sharing.setdefault(path, []).append(suite)
    warnings: list[str] = []
    for path, users in sharing.items():
        if not _others(path, users):
            warnings += _Answers.read(path, registry).unused(users)
    return warnings


def _others(script: Path, users: Sequence[Suite]) -> bool:
    """Suites that are not among the users have this script as theirs."""
    known = {suite.path.name for suite in users}
    return any(
        (is_suite(file) or is_evals(file)) and _script_beside(file) == script
        for file in script.parent.iterdir()
        if file.name not in known
    )


def script_path(suite: Suite) -> Path | None:
    """The script beside the suite, if there is one."""
    return _script_beside(suite.path)


def _script_beside(file: Path) -> Path | None:
    names = (f"{file.stem}.answers.yaml", "answers.yaml")
    return next((path for name in names if (path := file.with_name(name)).is_file()), None)


Said = Mapping[str, Mapping[str, Json]]
"""What is said, by case, then by model or candidate."""
At = tuple[str, str, str]
"""Where something is said: section, case, model."""


class _Answers:
    """The answers and verdicts of one script."""

    def __init__(
        self, answers: Said, judges: Said, registry: Registry, place_of: PlaceOf | None = None
    ) -> None:
        self.said = {"answers": answers, "judges": judges}
        self.registry, self.place_of = registry, place_of

    @classmethod
    def read(cls, path: Path, registry: Registry) -> _Answers:
        """The script in a file; raises SuiteError."""
        from harness.yamlfile import read_yaml

        data, place_of = read_yaml(path)
        answers = data.get("answers") if isinstance(data, dict) else None
        if not isinstance(answers, dict):
            message = "no script of answers; write `answers: {CASE: {MODEL: text}}`"
            raise SuiteError([Problem(message, place_of(()))])
        judges = data.get("judges", {})
        if not isinstance(judges, dict):
            message = "`judges` is a mapping; write `judges: {CASE: {CANDIDATE: met}}`"
            raise SuiteError([Problem(message, place_of(("judges",)))])
        problems = [
            *_wrong_shapes("answers", answers, place_of), *_wrong_shapes("judges", judges, place_of)
        ]  # fmt: skip
        if problems:
            raise SuiteError(problems)
        return cls(_by_case(answers), _by_case(judges), registry, place_of)

    def unused(self, suites: Sequence[Suite]) -> Iterator[str]:
        """A warning for each case and model that is in none of the suites."""
        cases = {EVERY, *(case.id for suite in suites for case in suite.cases)}
        names = {EVERY, *(name for suite in suites for name in _candidate_names(suite))}
        every = ((section, c, s) for section, by in self.said.items() for c, s in by.items())
        for section, case, said in every:
            if case not in cases:
                at = self.at(section, case)
                yield f"{at}no case has the id {case!r}{did_you_mean(case, cases)}"
            for name in said:
                if name not in names and not self.registry.get(name):
                    what = f"{name!r} is no candidate and no model{did_you_mean(name, names)}"
                    yield f"{self.at(section, case, name)}{what}"

    def at(self, *keys: str) -> str:
        """Where the answers of a case, or of a model in it, are written."""
        return f"{self.place_of(keys)}: " if self.place_of else ""

    def entries(self, suite: Suite) -> dict[str, Entry]:
        """The simulator's entries for every case and prompt variant of the suite."""
        found: dict[str, Entry] = {}
        problems: dict[Problem, None] = {}
        workshop = Workshop(suite, self.registry)
        variants: dict[str | None, list[Candidate]] = {}
        for candidate in suite.candidates:
            variants.setdefault(candidate.prompt, []).append(candidate)
        for case in suite.cases:
            for candidates in variants.values():
                mark = _fingerprint(workshop, case, candidates[0])
                try:
                    if mark is not None and mark not in found:
                        found[mark] = self.entry(case, candidates, workshop.renderer)
                except SuiteError as error:
                    problems |= dict.fromkeys(error.problems)
        if problems:
            raise SuiteError(list(problems))
        return {**found, **self.judge_entries(workshop, found)} if self.said["judges"] else found

    def judge_entries(self, workshop: Workshop, answers: Mapping[str, Entry]) -> dict[str, Entry]:
        """The simulator's entries for the judges of the suite, when models answer `answers`.

        Raises SuiteError.
        """
        from harness.rehearsal import Rehearsal
        from harness.simulator import Entry, Script

        suite = workshop.suite
        found: dict[str, dict[str, tuple[Reply, ...]]] = {}
        rehearsal = Rehearsal(suite, self.registry, Script(answers))
        problems: dict[Problem, None] = {}
        for case in suite.cases:
            for candidate in suite.candidates:
                at = self.written("judges", case, candidate)
                if at is None:
                    continue
                say = functools.partial(self.verdict, at, case, workshop.renderer)
                try:
                    for mark, model, reply in rehearsal.judged(case, candidate, say):
                        found.setdefault(mark, {}).setdefault(model, (reply,))
                except SuiteError as error:
                    problems |= dict.fromkeys(error.problems)
        if problems:
            raise SuiteError(list(problems))
        return {mark: Entry(replies) for mark, replies in found.items()}

    def verdict(
        self, at: At, case: Case, renderer: Renderer, request: Request, number: int, order: int
    ) -> Reply:
        """What a judge says to the trial's so-manieth request; a list has one for each."""
        from harness.simulator.verdicts import verdict_reply

        written = self.said[at[0]][at[1]][at[2]]
        schema = request.params["output_config"]["format"]["schema"]
        item = min(number, len(written) - 1) if isinstance(written, list) and written else None
        try:
            value = renderer.value(written, case.vars)
            if isinstance(written, list):
                value = value[item] if value else None
            return verdict_reply(value, schema, order)
        except (RenderError, ValueError) as error:
            asked = f", question {number + 1} of the trial's judges"
            raise self.wrong(error, at, case, asked, item=item) from error

    def wrong(
        self, error: Exception, at: At, case: Case, asked: str = "", *, item: int | None = None
    ) -> SuiteError:
        """What is wrong in what is said, with its place, or that of an item of its list."""
        keys = at if item is None else (*at, item)
        place = self.place_of(keys) if self.place_of else None
        return SuiteError([Problem(f"{error} (case {case.id!r}{asked})", place)])

    def entry(self, case: Case, candidates: Sequence[Candidate], renderer: Renderer) -> Entry:
        """What is answered in one case, asked with one prompt."""
        from harness.simulator import Entry

        replies = {}
        for candidate in candidates:
            at = self.written("answers", case, candidate)
            if at is not None:
                replies[candidate.model] = tuple(self.replies(at, case, renderer))
        return Entry(replies, _expected(case), _choices(case))

    def written(self, section: str, case: Case, candidate: Candidate) -> At | None:
        """The case and the model under which this answer stands, the nearest first."""
        if not self.said[section]:
            return None
        alias = self.registry.alias_of(candidate.model) or ""
        base = candidate.name.rpartition("/")[0] if candidate.prompt else candidate.name
        for where in (case.id, EVERY):
            said = self.said[section].get(where, {})
            for name in (candidate.name, base, alias, candidate.model, EVERY):
                if name in said:
                    return section, where, name
        return None

    def replies(self, at: At, case: Case, renderer: Renderer) -> Iterator[Reply]:
        """One reply for each call of a conversation; a list has several."""
        from harness.simulator import Reply

        written = self.said[at[0]][at[1]][at[2]]
        try:
            value = renderer.value(written, case.vars)
            for item in value if isinstance(written, list) else [value]:
                yield Reply.of(_as_text(item))
        except (RenderError, ValueError) as error:
            raise self.wrong(error, at, case) from error


def _by_case(said: Mapping[Any, Mapping[Any, Json]]) -> Said:
    """With ids as texts: YAML reads `7` as a number."""
    return {str(case): {str(k): v for k, v in some.items()} for case, some in said.items()}


def _wrong_shapes(section: str, answers: Mapping[str, Any], place_of: PlaceOf) -> Iterator[Problem]:
    for case, said in answers.items():
        at = (section, case)
        if not isinstance(said, dict):
            message = f"the answers of case {case!r} are a mapping from model to text"
            yield Problem(f"{message}; write `{case}: {{haiku: …}}`", place_of(at))
            continue
        for model, value in said.items():
            if value is None:
                message = f"nothing is answered by {model!r}; write a text, blocks or a list"
                yield Problem(message, place_of((*at, model)))


def _candidate_names(suite: Suite) -> Iterator[str]:
    """What a script may call the models of the suite."""
    yield from suite.own_params
    for candidate in suite.candidates:
        yield from (candidate.name, candidate.model)
        if candidate.prompt:
            yield candidate.name.rpartition("/")[0]


def _as_text(item: Json) -> Json:
    """A rendered expression may be a number or a list; the model would have written it."""
    if isinstance(item, str | dict):
        return item
    return orjson.dumps(item).decode()


def _fingerprint(workshop: Workshop, case: Case, candidate: Candidate) -> str | None:
    """How the simulator knows the conversation: by how it opens."""
    from harness.simulator import fingerprint

    try:
        prompt = workshop.opening(case, candidate)
        said = _first_said(workshop, prompt, case, candidate)
    except (Exception, SystemExit):  # what cannot be asked needs no answer; the trial will say why
        return None
    if said is not None:
        prompt.say(said)
    return fingerprint(prompt.request().params)


def _first_said(workshop: Workshop, prompt: Prompt, case: Case, candidate: Candidate) -> Json:
    suite = workshop.suite
    if suite.program is not None:
        talk = Talk(workshop, prompt, case.vars)
        begun = suite.program(Chat(talk, lambda: talk), case)
        watchdog = Watchdog(FIRST_LIMIT_S)
        try:
            return watchdog.run(functools.partial(next, begun)).content
        finally:
            watchdog.close()
    turns = first_turns(suite.script_of(case), candidate)
    return workshop.content(turns[0], case.vars) if turns else None


def _expected(case: Case) -> str | None:
    value = case.vars.get("expected")
    return None if value is None else str(_as_text(value))


def _choices(case: Case) -> tuple[str, ...]:
    lists = [v for v in case.vars.values() if isinstance(v, list) and len(v) > 1]
    expected = case.vars.get("expected")
    return next((tuple(map(str, v)) for v in lists if expected in v), ())
