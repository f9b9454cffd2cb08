"""What is wrong with a suite file's shape, told to its author: place, problem, what to write."""

from __future__ import annotations

import copy
import functools
import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from harness import suite_file
from harness.errors import Place, Problem, did_you_mean

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from harness.yamlfile import KeyPath, PlaceOf

MODEL_KEYS = {
    name: tuple(model.model_fields)
    for name, model in vars(suite_file).items()
    if isinstance(model, type) and issubclass(model, BaseModel) and model is not BaseModel
}

ROOMS: Mapping[str | int, str] = {
    "cases": "CaseFile",
    "gates": "GateFile",
    "turns": "TurnFile",
    "messages": "MessageFile",
    "<candidate>": "CandidateFile",
    "<file>": "FileRef",
    "<python>": "DataFunction",
    "<sqlite>": "DataQuery",
}
WANTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "string_too_short": "a text that is not empty",
}
LEFT_OUT = "(left out) "
"""Begins the id of a case that stands in for one of a wrong shape."""
SPARE = frozenset(
    {"cache", "description", "gates", "max_tool_rounds", "pass_score", "repeats", "timeout_s"}
)
"""Keys of a suite without which its cases ask and are graded the same."""
BOUNDS = {
    "greater_than": ("gt", "greater than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


def problems_of(error: ValidationError, data: Any, place_of: PlaceOf) -> list[Problem]:
    """Each error of the shape check with its place in the file."""
    found: dict[tuple[KeyPath, str], Problem] = {}
    for detail in error.errors(include_url=False, include_context=True):
        keys = _keys_in(data, detail["loc"])
        message = _message(detail, keys, place_of)
        found[keys, message] = Problem(message, place_of(keys))
    return list(found.values())


def without_unknown_keys(error: ValidationError, data: Any) -> Any:
    """A copy of the file's data without the keys that are known nowhere near."""
    kept = copy.deepcopy(data)
    for detail in error.errors(include_url=False):
        if detail["type"] == "extra_forbidden":
            *parents, key = _keys_in(data, detail["loc"])
            functools.reduce(operator.getitem, parents, kept).pop(key, None)
    return kept


def without_broken_parts(error: ValidationError, data: Any) -> Any:
    """A copy of the file's data in which nothing is wrong with single cases and spare keys.

    In the place of a broken case stands an empty one, so that the others keep their numbers.
    """
    kept = copy.deepcopy(data)
    for detail in error.errors(include_url=False):
        keys = _keys_in(data, detail["loc"])
        if keys[:1] == ("cases",) and len(keys) > 1:
            kept["cases"][keys[1]] = {"id": f"{LEFT_OUT}{keys[1]}"}
        elif keys and keys[0] in SPARE:
            kept.pop(keys[0], None)
    return kept


def in_order(problems: Iterable[Problem], path: Path) -> list[Problem]:
    """The problems of a suite file by line, after them those of the files that it names."""

    def position(problem: Problem) -> tuple[bool, str, int, int]:
        place = problem.place or Place(path)
        return place.path != path, str(place.path), place.line, place.column

    return sorted(problems, key=position)


def _keys_in(data: Any, location: Sequence[str | int]) -> KeyPath:
    """The error's location without the names of the shapes that were tried on the way."""
    return tuple(_steps(data, location))


def _steps(data: Any, location: Sequence[str | int]) -> Iterator[str | int]:
    for index, key in enumerate(location):
        last = index == len(location) - 1
        if isinstance(data, dict) and (key in data or last):
            yield key
            data = data.get(str(key))
        elif isinstance(data, list) and isinstance(key, int) and key < len(data):
            yield key
            data = data[key]


def _message(detail: ErrorDetails, keys: KeyPath, place_of: PlaceOf) -> str:
    kind, key = detail["type"], _named(keys)
    if kind == "extra_forbidden":
        allowed = _siblings(detail["loc"])
        return f"unknown key {key}{did_you_mean(str(keys[-1]), allowed)}; known here: " + ", ".join(
            allowed
        )
    if kind == "missing":
        return f"{key} is missing; write `{keys[-1]}: …` here"
    if kind == "too_short":
        return f"{key} is empty; write at least one entry"
    if detail["input"] is None:
        return f"nothing stands under {key}; write {_wanted(detail)}, or take the key out"
    return f"{key} must be {_wanted(detail)}, not {_shown(detail, place_of.written(keys))}"


def _wanted(detail: ErrorDetails) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in BOUNDS:
        name, words = BOUNDS[kind]
        return f"{words} {context[name]}"
    if kind == "literal_error":
        return f"{context['expected']}"
    if kind == "string_too_long":
        return f"at most {context['max_length']} characters long"
    return WANTED.get(kind) or detail["msg"].lower()


def _named(keys: KeyPath) -> str:
    if keys and isinstance(keys[-1], int):
        return f"entry {keys[-1] + 1} of {_named(keys[:-1])}"
    return f"`{keys[-1]}`" if keys else "the file"


def _siblings(location: Sequence[str | int]) -> tuple[str, ...]:
    """The keys that are known where this unknown one stands."""
    if "gates" in location[:-3]:
        return MODEL_KEYS["Margin" if location[-2] == "regression" else "Bounds"]
    near = [ROOMS[step] for step in location[:-1] if step in ROOMS]
    return MODEL_KEYS[near[-1] if near else "SuiteFile"]


def _shown(detail: ErrorDetails, written: str | None) -> str:
    """The value as its author wrote it, and the way out where YAML read no text."""
    value = detail["input"]
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    if not isinstance(value, bool | int | float):
        return repr(value)
    text = written if written is not None else repr(value)
    if detail["type"] != "string_type":
        return text
    kind = "a boolean" if isinstance(value, bool) else "a number"
    return f'`{text}`, which is {kind} to YAML; write "{text}" to mean the text'
