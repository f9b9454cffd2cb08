"""The `python` grader: a function of the user's, and how its result becomes a grade."""

from __future__ import annotations

import functools
import inspect
import math
import numbers
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from harness.errors import GraderError, Problem, SuiteError
from harness.files import load_function
from harness.graders.registry import GraderContext, grader, suggest
from harness.graders.show import ratio
from harness.records import Conversation, Grade, Grader

GIVEN: Mapping[str, Callable[[Conversation], Any]] = {
    "text": lambda conversation: conversation.text,
    "answer": lambda conversation: conversation.answer,
    "conversation": lambda conversation: conversation,
    "vars": lambda conversation: conversation.vars,
}

Function = Callable[..., Any]


@grader("python")
def python(
    function: str,
    *,
    min: float | None = None,  # noqa: A002 (the option's name)
    context: GraderContext,
    **options: Any,
) -> Grader:
    """Pass when the function says so: `file.py:function` in the suite's folder, or an importable.

    It is given, by name, what it asks for of `text`, `answer`, `conversation` and `vars`, and the
    options. It returns a bool, a Grade, or a score from 0 to 1 that passes from `min` on.
    """
    called, parameters = _load(function.strip(), context.folder)
    if min is not None and not 0 <= min <= 1:
        raise GraderError(f"`min` must be between 0 and 1, not {min:g}")
    if min is not None and "min" in parameters:
        options["min"] = min
    given = _checked(function, parameters, options)

    def grade(conversation: Conversation) -> Grade:
        arguments = {name: GIVEN[name](conversation) for name in given}
        return _graded(called(**arguments, **options), min)

    return grade


@functools.lru_cache(maxsize=256)
def _load(spec: str, folder: Path) -> tuple[Function, Mapping[str, inspect.Parameter]]:
    try:
        found = load_function(spec, folder)
    except SuiteError as exc:
        raise GraderError("; ".join(map(_said, exc.problems))) from exc
    kinds = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    if any(is_kind(found) for is_kind in kinds):
        raise GraderError(f"{spec!r} is async or a generator; a grader is a plain function")
    return found, _parameters(found)


def _said(problem: Problem) -> str:
    at = problem.place
    return f"{problem.message} (at {at})" if at and at.line else problem.message


def _parameters(function: Function) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(function).parameters
    except ValueError as exc:
        raise GraderError(
            f"{function!r} does not say what it takes; wrap it in a function"
        ) from exc


def _checked(
    spec: str, parameters: Mapping[str, inspect.Parameter], options: Mapping[str, Any]
) -> tuple[str, ...]:
    """Which of GIVEN the function asks for; raises GraderError where the options do not fit."""
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    named = {p.name for p in parameters.values() if p.kind in by_name}
    given = tuple(name for name in GIVEN if name in named)
    if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        known = tuple(sorted(named - set(GIVEN)))
        for name in options.keys() - named:
            raise GraderError(f"{spec!r} takes no `{name}`{suggest(name, known)}")
    for name in options.keys() & GIVEN.keys():
        raise GraderError(f"`{name}` is given by the harness; call the option something else")
    try:
        inspect.Signature(list(parameters.values())).bind(**dict.fromkeys((*given, *options)))
    except TypeError as exc:
        takes = ", ".join(GIVEN)
        problem = f"{spec!r} cannot be called: {exc}"
        raise GraderError(f"{problem}; it is given {takes} and the options, by name") from exc
    return given


def _graded(result: Any, limit: float | None) -> Grade:
    if isinstance(result, Grade):
        return _sound(result)
    if isinstance(result, bool):
        return Grade(result, reason=f"the function returned {result}")
    if not isinstance(result, numbers.Real | Decimal):
        kind = type(result).__name__
        return Grade(None, reason=f"the function returned a {kind}, not a bool, a score or a Grade")
    score = float(result)
    if not 0 <= score <= 1:
        return Grade(None, reason=f"the function returned {score}; a score is from 0 to 1")
    if limit is None:
        reason = f"the function returned the score {ratio(score)}, and no `min` says what passes"
        return Grade(None, reason=reason)
    return Grade(score >= limit, score, f"score {ratio(score)}, at least {limit:g} wanted")


def _sound(grade: Grade) -> Grade:
    score = grade.score
    if grade.passed not in (True, False, None) or not (
        score is None or (math.isfinite(score) and 0 <= score <= 1)
    ):
        reason = f"the function returned passed={grade.passed!r}, score={score!r}"
        return Grade(None, reason=f"{reason}; a score is from 0 to 1")
    return grade
