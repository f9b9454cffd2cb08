"""JSON Schemas of suites: read, checked before anything is sent, and applied to answers.

The only module that imports `jsonschema`. References never leave the schema: nothing is fetched.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import GraderError, SuiteError
from harness.files import read_text_inside
from harness.graders.patterns import compile_pattern
from harness.graders.registry import GraderContext
from harness.graders.show import one_line

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

MAX_ERRORS = 5
DATA_KEYS = frozenset({"const", "enum", "default", "examples"})


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema that answers are checked against; `format` is a note, as its standard says."""

    validator: Validator

    def problems(self, value: Any) -> str | None:
        """The first five places where the value does not fit, or `None`."""
        errors = list(islice(self.validator.iter_errors(value), MAX_ERRORS + 1))
        lines = [f"{e.json_path}: {one_line(e.message, limit=200)}" for e in errors[:MAX_ERRORS]]
        more = " (and more)" if len(errors) > MAX_ERRORS else ""
        return f"{'; '.join(lines)}{more}" if errors else None


def schema_from(schema: Mapping[str, Any], context: GraderContext) -> Schema:
    """The schema itself, or the one in the file of `{file: name}` in the suite's folder.

    Raises GraderError for a file that cannot be read and for what is no JSON Schema.
    """
    if set(schema) == {"file"} and isinstance(schema["file"], str):
        return _from_file(context.folder, schema["file"], context.regex_timeout_s)
    try:
        text = json.dumps(schema)
    except (TypeError, ValueError, RecursionError) as exc:
        raise GraderError(f"the schema holds something that JSON cannot: {exc}") from exc
    return _compiled(text, context.regex_timeout_s)


@functools.lru_cache(maxsize=256)
def _from_file(folder: Path, name: str, regex_timeout_s: float) -> Schema:
    try:
        _, text = read_text_inside(folder, name)
        return _compiled(text, regex_timeout_s)
    except SuiteError as exc:
        raise GraderError(str(exc)) from exc
    except ValueError as exc:
        raise GraderError(f"file {name!r} is not JSON: {exc}") from exc
    except GraderError as exc:
        raise GraderError(f"file {name!r}: {exc}") from exc


# Checking a schema takes milliseconds, and the same one is built again for every trial.
@functools.lru_cache(maxsize=256)
def _compiled(text: str, regex_timeout_s: float) -> Schema:
    from jsonschema import Draft202012Validator, FormatChecker, SchemaError, validators
    from referencing import Registry

    schema = json.loads(text)
    base: Any = validators.validator_for(schema, default=Draft202012Validator)
    try:
        base.check_schema(schema, format_checker=FormatChecker(()))
    except SchemaError as exc:
        problem = f"{exc.json_path}: {one_line(exc.message, limit=200)}"
        raise GraderError(f"not a JSON Schema: {problem}") from exc
    for keyword, value in _keywords(schema):
        _check_keyword(keyword, value, schema)
    extend: Any = validators.extend
    checker = extend(base, {"pattern": _pattern_keyword(regex_timeout_s)})
    # Without a registry of its own, the library fetches what a `$ref` names from the network.
    return Schema(checker(schema, registry=Registry()))


def _keywords(schema: Any) -> Iterator[tuple[str, str]]:
    """Every `$ref` and every pattern in the schema."""
    if isinstance(schema, list):
        for each in schema:
            yield from _keywords(each)
    elif isinstance(schema, dict):
        for key, value in schema.items():
            if key in ("$ref", "pattern") and isinstance(value, str):
                yield key, value
            if key == "patternProperties" and isinstance(value, dict):
                yield from ((key, pattern) for pattern in value)
            if key not in DATA_KEYS:
                yield from _keywords(value)


def _check_keyword(keyword: str, value: str, schema: Any) -> None:
    if keyword == "pattern":
        compile_pattern(value, timeout_s=1.0)
    elif keyword == "patternProperties":
        _check_for_re(value)
    elif value.startswith("#/") and not _exists(schema, value):
        raise GraderError(f"`$ref: {value}` names nothing in this schema")
    elif not value.startswith("#") and "$id" not in schema:
        raise GraderError(f"`$ref: {value}` is not fetched; put that schema under `$defs`")


def _check_for_re(pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as exc:
        raise GraderError(f"pattern {pattern!r} is not a regular expression: {exc}") from exc


def _exists(schema: Any, pointer: str) -> bool:
    """The JSON Pointer (RFC 6901) in a `$ref` names a part of the schema."""
    found = schema
    for part in pointer.removeprefix("#/").split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and key.isdigit() and int(key) < len(found):
            found = found[int(key)]
        elif isinstance(found, dict) and key in found:
            found = found[key]
        else:
            return "$id" in schema or "%" in pointer
    return True


def _pattern_keyword(timeout_s: float) -> Callable[..., Iterator[Any]]:
    def check(validator: Any, source: str, instance: Any, _schema: Any) -> Iterator[Any]:
        from jsonschema import ValidationError

        if not validator.is_type(instance, "string"):
            return
        if not compile_pattern(source, timeout_s).search(instance):
            yield ValidationError(f"{instance!r} does not match {source!r}")

    return check
