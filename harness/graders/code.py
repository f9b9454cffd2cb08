"""The `python` grader: a function of the user's, and how its result becomes a grade.

The only module that runs a suite's code for grading.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.util
import inspect
import math
import numbers
import sys
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

from harness.errors import GraderError, SuiteError
from harness.files import inside
from harness.graders.registry import GraderContext, grader, suggest
from harness.graders.show import one_line, ratio
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
    place, _, name = spec.rpartition(":")
    if not place or not name:
        raise GraderError(f"{spec!r} names no function; write `file.py:function`")
    module = _from_file(folder, place) if place.endswith(".py") else _imported(place, folder)
    found: Any = getattr(module, name, None)
    if not callable(found):
        defined = tuple(n for n, each in vars(module).items() if inspect.isfunction(each))
        raise GraderError(f"{place!r} has no function {name!r}{suggest(name, defined)}")
    kinds = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    if any(is_kind(found) for is_kind in kinds):
        raise GraderError(f"{spec!r} is async or a generator; a grader is a plain function")
    return found, _parameters(found)


def _from_file(folder: Path, name: str) -> ModuleType:
    try:
        path = inside(folder, name).resolve()
    except SuiteError as exc:
        raise GraderError(str(exc)) from exc
    return _module(path)


@functools.lru_cache(maxsize=256)
def _module(path: Path) -> ModuleType:
    unique = f"harness_suite_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}_{path.stem}"
    spec = importlib.util.spec_from_file_location(unique, path)
    if spec is None or spec.loader is None:
        raise GraderError(f"file {path.name!r} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and pickle look their module up by name.
    sys.modules[unique] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as exc:
        del sys.modules[unique]
        raise GraderError(f"file {path.name!r} cannot be loaded: {_words(exc)}") from exc
    return module


def _imported(name: str, folder: Path) -> ModuleType:
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as exc:
        hint = f"; a file in {folder} is named with its `.py`"
        raise GraderError(f"module {name!r} cannot be imported: {_words(exc)}{hint}") from exc


def _words(exc: BaseException) -> str:
    where = f", line {exc.lineno}" if isinstance(exc, SyntaxError) else ""
    return f"{type(exc).__name__}: {one_line(str(exc))}{where}"


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
