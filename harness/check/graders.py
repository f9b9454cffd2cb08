"""Whether every grader of a case can be built from its rendered options."""

from __future__ import annotations

from collections.abc import Iterator

from harness.check.notes import Notes
from harness.errors import GraderError, SuiteError
from harness.graders import arguments
from harness.prompt import UnrenderableError
from harness.records import Json
from harness.suite import Case, GraderSpec, Written
from harness.workshop import Workshop
from harness.yamlfile import KeyPath, PlaceOf

COMBINING = ("not", "all", "any")


class GraderCheck:
    """The graders of one suite under check."""

    def __init__(self, notes: Notes, workshop: Workshop) -> None:
        self.notes, self.workshop = notes, workshop
        self._inner: dict[int, tuple[GraderSpec, tuple[GraderSpec, ...]]] = {}

    def case(self, case: Case) -> None:
        """Note every grader of the case, and of its turns, that cannot be built."""
        script = self.workshop.suite.script_of(case)
        specs = [*script.graders, *(spec for turn in script.turns for spec in turn.graders)]
        for spec in specs:
            self._sound(spec, case)

    def _sound(self, spec: GraderSpec, case: Case) -> bool:
        """Whether the grader can be built; what is wrong is noted at the innermost grader."""
        try:
            self.workshop.grader(spec, case.vars)
        except UnrenderableError as error:
            self.notes.unrenderable(error, case)
        except (GraderError, SuiteError) as error:
            inner = self._inner.setdefault(id(spec), (spec, tuple(_inside(spec))))[1]
            sound = [self._sound(nested, case) for nested in inner]
            if all(sound):
                self.notes.note(self._retold(spec, error), spec.item, case)
        else:
            return True
        return False

    def _retold(self, spec: GraderSpec, error: Exception) -> str:
        """The error with numbers as they are written: what must be quoted is `1.10`, not 1.1."""
        item = spec.item
        if not item.keys:
            return str(error)
        try:
            arguments(_spelled(item.value, item.keys, self.notes.place_of()))
        except GraderError as better:
            return str(better)
        return str(error)


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
