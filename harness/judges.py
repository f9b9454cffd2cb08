"""Which models judge, read off the graders as a suite writes them; nothing is rendered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.errors import GraderError, ModelsError
from harness.graders import arguments
from harness.graders.judge_asking import DEFAULT_JUDGE
from harness.models import Model, Registry
from harness.suite import Case, GraderSpec, Suite

MODEL_JUDGED = ("rubric", "reference", "pairwise")
ORDERS = {"pairwise": 2}
"""Times that a judge is asked about one answer: a pair is judged in both orders."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One call of a judge for each answer: the model, `None` where only rendering tells it.

    `params` are its own, and `size` is the length of what its grader says, in characters.
    """

    model: Model | None
    params: Mapping[str, Any]
    size: int


def of_case(suite: Suite, case: Case, registry: Registry) -> tuple[Judged, ...]:
    """The judges' calls for one trial of the case."""
    script = suite.script_of(case)
    specs = [*script.graders, *(spec for turn in script.turns for spec in turn.graders)]
    return tuple(_calls((spec.item.value for spec in specs), registry))


def models(suites: Iterable[Suite], registry: Registry) -> dict[str, Model]:
    """The models that judge in these suites, by id."""
    specs: dict[int, GraderSpec] = {}
    for suite in suites:
        for script in (suite.script, *(case.script for case in suite.cases if case.script)):
            inner = [spec for turn in script.turns for spec in turn.graders]
            specs |= {id(spec): spec for spec in (*script.graders, *inner)}
    found = _calls((spec.item.value for spec in specs.values()), registry)
    return {judged.model.id: judged.model for judged in found if judged.model is not None}


def _calls(items: Iterable[Any], registry: Registry) -> Iterator[Judged]:
    for item in items:
        try:
            given = arguments(item)
        except GraderError:  # what is still a template may be one when it is rendered
            continue
        options = given.options
        if given.kind in ("not", "all", "any"):
            inner = options.get("graders", options.get("grader"))
            yield from _calls(inner if isinstance(inner, list) else [inner], registry)
        elif given.kind == "panel":
            for name in _listed(options.get("judges")):
                yield _judged(name, options, registry)
        elif given.kind in MODEL_JUDGED:
            name = str(options.get("judge", DEFAULT_JUDGE))
            for _ in range(ORDERS.get(given.kind, 1)):
                yield _judged(name, options, registry)


def _listed(names: Any) -> list[str]:
    return [str(name) for name in names] if isinstance(names, list) else [str(names)]


def _judged(name: str, options: Mapping[str, Any], registry: Registry) -> Judged:
    try:
        model: Model | None = registry.resolve(name)
    except ModelsError:
        model = None
    params = options.get("params")
    return Judged(model, params if isinstance(params, Mapping) else {}, len(str(options)))
