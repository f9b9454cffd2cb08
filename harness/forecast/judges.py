"""Which models judge, read off the graders as a suite writes them; nothing is rendered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.errors import GraderError, ModelsError
from harness.graders import arguments
from harness.graders.judge_asking import DEFAULT_JUDGE
from harness.models import Model, Registry
from harness.suite import GraderSpec, Script, Suite

MODEL_JUDGED = ("rubric", "reference", "pairwise")
COMBINED = ("not", "all", "any")
ORDERS = {"pairwise": 2}
"""Times that a judge is asked about one answer: a pair is judged in both orders."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One call of a judge for each answer: the model, `None` where only rendering tells it.

    `params` are its own, and `size` is the length of what its grader says, in characters. `against`
    is the candidate with whom it compares: of whom himself it is not asked.
    """

    model: Model | None
    params: Mapping[str, Any]
    size: int
    against: str = ""


def of_script(script: Script, registry: Registry) -> tuple[Judged, ...]:
    """The judges' calls for one trial of the script."""
    return tuple(_calls((spec.item.value for spec in _specs(script)), registry))


def models(suites: Iterable[Suite], registry: Registry) -> dict[str, Model]:
    """The models that judge in these suites, by id."""
    specs: dict[int, GraderSpec] = {}
    for suite in suites:
        for script in (suite.script, *(case.script for case in suite.cases if case.script)):
            specs |= {id(spec): spec for spec in _specs(script)}
    found = _calls((spec.item.value for spec in specs.values()), registry)
    return {judged.model.id: judged.model for judged in found if judged.model is not None}


def may_ask(item: Any) -> bool:
    """The grader may ask a model: a judge, one made of such, or what only rendering tells."""
    try:
        given = arguments(item)
    except GraderError:
        return True
    inner = _inner(given.options) if given.kind in COMBINED else ()
    return given.kind in (*MODEL_JUDGED, "panel") or any(map(may_ask, inner))


def asking_part(item: Any) -> Any:
    """What is left of a rendered grader without those in it that ask no model; `None`: nothing."""
    try:
        given = arguments(item, rendered=True)
    except GraderError:
        return item  # it cannot be built: nothing of it is called
    if given.kind not in COMBINED:
        return item if given.kind in (*MODEL_JUDGED, "panel") else None
    parts = [part for one in _inner(given.options) if (part := asking_part(one)) is not None]
    if not parts:
        return None
    return {given.kind: parts[0] if given.kind == "not" else parts}


def may_ask_any(script: Script) -> bool:
    """One of the script's graders may ask a model."""
    return any(may_ask(spec.item.value) for spec in _specs(script))


def rivals(script: Script) -> set[str]:
    """The candidates whom the script's graders compare with, as far as they are written."""
    found: set[str] = set()
    items = [spec.item.value for spec in _specs(script)]
    while items:
        try:
            given = arguments(items.pop())
        except GraderError:
            continue
        against = given.options.get("against")
        if given.kind == "pairwise" and isinstance(against, str):
            found.add(against)
        elif given.kind in COMBINED:
            items += _inner(given.options)
    return found


def _specs(script: Script) -> Iterator[GraderSpec]:
    yield from script.graders
    for turn in script.turns:
        yield from turn.graders


def _calls(items: Iterable[Any], registry: Registry) -> Iterator[Judged]:
    for item in items:
        try:
            given = arguments(item)
        except GraderError:  # what is still a template may be one when it is rendered
            continue
        options = given.options
        if given.kind in COMBINED:
            yield from _calls(_inner(options), registry)
        elif given.kind == "panel":
            for name in _listed(options.get("judges")):
                yield _judged(name, options, registry)
        elif given.kind in MODEL_JUDGED:
            name = str(options.get("judge", DEFAULT_JUDGE))
            for _ in range(ORDERS.get(given.kind, 1)):
                yield _judged(name, options, registry)


def _inner(options: Mapping[str, Any]) -> list[Any]:
    """The graders that a grader is made of."""
    inner = options.get("graders", options.get("grader"))
    return inner if isinstance(inner, list) else [inner]


def _listed(names: Any) -> list[str]:
    return [str(name) for name in names] if isinstance(names, list) else [str(names)]


def _judged(name: str, options: Mapping[str, Any], registry: Registry) -> Judged:
    try:
        model: Model | None = registry.resolve(name)
    except ModelsError:
        model = None
    params = options.get("params")
    against = options.get("against")
    return Judged(
        model,
        params if isinstance(params, Mapping) else {},
        len(str(options)),
        against if isinstance(against, str) else "",
    )
