"""What is wrong with a suite file's shape, told to its author: place, problem, what to write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from harness import suite_file
from harness.errors import Problem, did_you_mean

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from harness.yamlfile import KeyPath, PlaceOf

MODEL_KEYS = {
    name: tuple(model.model_fields)
    for name, model in vars(suite_file).items()
    if isinstance(model, type) and issubclass(model, BaseModel) and model is not BaseModel
}
ALL_KEYS = sorted({key for keys in MODEL_KEYS.values() for key in keys})

WANTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "string_too_short": "a text that is not empty",
    "too_short": "at least one entry",
}


def problems_of(error: ValidationError, data: Any, place_of: PlaceOf) -> list[Problem]:
    """Each error of the shape check with its place in the file."""
    found: dict[tuple[KeyPath, str], Problem] = {}
    for detail in error.errors(include_url=False, include_context=True):
        keys = _keys_in(data, detail["loc"])
        message = _message(detail, keys, place_of)
        found[keys, message] = Problem(message, place_of(keys))
    return list(found.values())


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
    kind, key = detail["type"], str(keys[-1]) if keys else "the file"
    if kind == "extra_forbidden":
        allowed = _siblings(keys)
        return f"unknown key `{key}`{did_you_mean(key, allowed)}; known here: {', '.join(allowed)}"
    if kind == "missing":
        return f"`{key}` is missing"
    if kind in WANTED:
        got = _shown(detail["input"], place_of.written(keys))
        return f"`{key}` must be {WANTED[kind]}, not {got}"
    return f"`{key}`: {detail['msg'].lower()}, not {_shown(detail['input'], None)}"


def _siblings(keys: KeyPath) -> tuple[str, ...]:
    parents = [str(key) for key in keys[:-1] if isinstance(key, str)]
    rooms = {
        "cases": "CaseFile", "gates": "GateFile", "turns": "TurnFile", "models": "CandidateFile",
        "messages": "MessageFile", "regression": "Margin", "data": "DataQuery",
        "prompt": "FileRef", "system": "FileRef", "user": "FileRef",
    }  # fmt: skip
    gate = next((p for p in parents[:-1] if p == "gates"), None)
    if gate and parents[-1] != "regression":
        return MODEL_KEYS["Bounds"]
    nearest = next((rooms[p] for p in reversed(parents) if p in rooms), "SuiteFile")
    return MODEL_KEYS[nearest]


def _shown(value: Any, written: str | None) -> str:
    """The value as its author wrote it, and the way out where YAML read no text."""
    if value is None:
        return "empty"
    if isinstance(value, bool | int | float):
        kind = "a boolean" if isinstance(value, bool) else "a number"
        text = written if written is not None else repr(value)
        return f'`{text}`, which is {kind} to YAML; write "{text}" to mean the text'
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    return repr(value)
