"""The JSON Schema of suite files: what an editor shows, completes and refuses while one is written.

Made from the types of `suite_file` and from the graders' registry. It refuses what the loader
refuses as far as one file's shape tells: what templates come to, and what stands in other files,
only `harness check` knows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Literal, get_args, get_origin

from harness.graders import GraderType, describe, names
from harness.graders.values import Item, Text, members_of
from harness.models.rules import BODY_KEYS
from harness.suite_file import SuiteFile

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ID = "urn:claude-eval-harness:suite"

NULL: Schema = {"type": "null"}
TEXT: Schema = {"type": "string"}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


NUMERAL: Schema = {"type": "string", "pattern": r"^\s*[-+]?[\d_.]+([eE][-+]?\d+)?\s*$"}
BOOLEAN_WORD: Schema = {
    "type": "string",
    "pattern": "^\\s*([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])\\s*$",
}
SHARED: Mapping[str, Schema] = {
    "Template": {"type": "string", "pattern": r"\{[{%#]"},
    "Number": {"anyOf": [{"type": "number"}, NUMERAL]},
    "WholeNumber": {"anyOf": [{"type": "integer"}, NUMERAL]},
    "TrueOrFalse": {"anyOf": [{"type": "boolean"}, BOOLEAN_WORD]},
    "GradeName": {
        "type": "string",
        "pattern": r"\S",
        "description": "What reports call the grade.",
    },
    "GradeWeight": {
        "type": "number",
        "minimum": 0,
        "default": 1,
        "description": "How much the grade counts in the score, beside the others.",
    },
    "Params": {
        "type": "object",
        "properties": {key: {} for key in BODY_KEYS},
        "additionalProperties": False,
    },
}
COMMON: Mapping[str, Schema] = {"name": _ref("GradeName"), "weight": _ref("GradeWeight")}
TYPES: Mapping[Any, Schema] = {
    Any: {},
    Text: TEXT,
    str: TEXT,
    bool: _ref("TrueOrFalse"),
    int: _ref("WholeNumber"),
    float: _ref("Number"),
    Decimal: _ref("Number"),
    type(None): NULL,
    Item: _ref("Grader"),
}


def suite_schema() -> Schema:
    """The JSON Schema (draft 2020-12) that every suite file fits."""
    schema: Schema = _tidied(SuiteFile.model_json_schema())
    models: dict[str, Schema] = schema.pop("$defs")
    for name, model in models.items():
        model["title"] = name.removesuffix("File")
    for model in (schema, *models.values()):
        _name_what_is_open(model["properties"])
    for name in ("GateFile", "Bounds", "Share"):
        models[name]["minProperties"] = 1
    models["CaseFile"]["allOf"] = [_not_both("prompt", "turns")]
    schema |= {"title": "Suite", "allOf": list(_rules_of_suites())}
    definitions = {**models, **SHARED, "Grader": _any_grader(), **dict(_graders())}
    ordered = {key: definitions[key] for key in sorted(definitions)}
    return {"$schema": DIALECT, "$id": ID, **schema, "$defs": ordered}


def schema_text() -> str:
    """The schema as it is written to a file."""
    return json.dumps(suite_schema(), indent=1, ensure_ascii=False) + "\n"


def _tidied(node: Any, *, named: bool = False) -> Any:
    """The schema without what says nothing; the keys of a `named` mapping are a user's words."""
    if isinstance(node, list):
        return [_tidied(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _tidied(value, named=not named and key in ("properties", "$defs"))
        for key, value in node.items()
        if named or not _says_nothing(key, value)
    }


def _says_nothing(key: str, value: Any) -> bool:
    return (
        key == "title"
        or (key == "default" and value is None)
        or (key == "additionalProperties" and value is True)
    )


def _name_what_is_open(properties: dict[str, Schema]) -> None:
    """Graders and parameters, plain mappings to the types, by their own definitions."""
    if "params" in properties:
        properties["params"] = {**_without_type(properties["params"]), **_ref("Params")}
    if "graders" in properties:
        parts = [properties["graders"], *properties["graders"].get("anyOf", ())]
        items = {"anyOf": [_ref("Grader"), _ref("Template")]}
        next(part for part in parts if part.get("type") == "array")["items"] = items


def _without_type(schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if key != "type"}


def _given(name: str) -> Schema:
    return {"required": [name], "properties": {name: {"not": NULL}}}


def _not_both(first: str, second: str) -> Schema:
    return {"not": {"allOf": [_given(first), _given(second)]}}


def _rules_of_suites() -> Iterable[Schema]:
    """What the keys of a suite and of its cases say about each other."""
    yield _not_both("prompt", "prompts")
    yield _not_both("turns", "prompt")
    yield _not_both("turns", "prompts")
    asks = [_given(name) for name in ("prompt", "turns", "messages")]
    yield _here_or_in_each_case([*asks, _given("prompts")], asks)
    graded = {"required": ["graders"], "properties": {"graders": {"minItems": 1}}}
    graded_turn = {
        "required": ["turns"],
        "properties": {"turns": {"type": "array", "contains": graded}},
    }
    grades = [_given("graders"), graded_turn]
    yield _here_or_in_each_case([*grades, _given("output_schema")], grades)


def _here_or_in_each_case(here: list[Schema], in_case: list[Schema]) -> Schema:
    cases = {"type": "array", "items": {"anyOf": in_case}}
    return {"if": {"not": {"anyOf": here}}, "then": {"properties": {"cases": cases}}}


def _any_grader() -> Schema:
    bare = [name for name in names() if _may_be_bare(describe(name))]
    return {
        "title": "Grader",
        "description": "One key names the grader, its value is the main argument.",
        "anyOf": [{"enum": bare}, *(_ref(f"grader-{name}") for name in names())],
    }


def _may_be_bare(kind: GraderType) -> bool:
    main = kind.option(kind.main) if kind.main else None
    return main is not None and bool in members_of(main.annotation)


def _graders() -> Iterable[tuple[str, Schema]]:
    for name in names():
        yield f"grader-{name}", _grader(describe(name))


def _grader(kind: GraderType) -> Schema:
    """A mapping with the grader's key, and its options beside it or inside its value."""
    options = _options(kind)
    schema = {
        "title": kind.name,
        "type": "object",
        "required": [kind.name],
        "properties": {**options, **COMMON, kind.name: {"description": kind.doc}},
        **_closed(kind),
    }
    if kind.main is None or kind.main in COMMON:
        schema["properties"][kind.name] |= _value(kind, options)
        return schema
    value, beside = _value(kind, options), _value_beside_main(kind, options)
    return schema | {
        "if": {"required": [kind.main]},
        "then": {"properties": {kind.name: beside}},
        "else": {"properties": {kind.name: value}},
    }


def _closed(kind: GraderType) -> Schema:
    return {} if kind.open else {"additionalProperties": False}


def _options(kind: GraderType) -> dict[str, Schema]:
    found: dict[str, Schema] = {"context": {"not": {}}} if kind.open else {}
    for option in kind.options:
        said = isinstance(option.default, str | bool | int | float)
        default = {"default": option.default} if said else {}
        found[option.name] = {**_type(option.annotation), **default}
    return found


def _value(kind: GraderType, options: Mapping[str, Schema]) -> Schema:
    """The main argument, or a mapping of options that holds it."""
    main = kind.option(kind.main) if kind.main else None
    if main is None:
        return {"anyOf": [_mapping(kind, options), NULL]}
    if main.required:
        needed = sorted(kind.marks) if kind.main_is_mapping else [main.name]
        return {"anyOf": [options[main.name], _mapping(kind, options, needed)]}
    return {"anyOf": [options[main.name], _mapping(kind, options), NULL]}


def _value_beside_main(kind: GraderType, options: Mapping[str, Schema]) -> Schema:
    if kind.main_is_mapping:
        return NULL
    others = {name: option for name, option in options.items() if name != kind.main}
    return {"anyOf": [_mapping(kind, others), NULL]}


def _mapping(
    kind: GraderType, options: Mapping[str, Schema], required: Iterable[str] = ()
) -> Schema:
    properties = {**COMMON, **options}
    needed = {"required": list(required)} if required else {}
    return {"type": "object", "properties": properties, **needed, **_closed(kind)}


def _type(annotation: Any) -> Schema:
    """What an option takes as it is written: its type, or a template that becomes it.

    A grader's key stands there as it is, in a grader inside another too.
    """
    found = [_member(member) for member in members_of(annotation)]
    if {} in found:
        return {}
    if not any(open_to_text in found for open_to_text in (TEXT, TYPES[Item])):
        found.append(_ref("Template"))
    return found[0] if len(found) == 1 else {"anyOf": found}


def _member(member: Any) -> Schema:
    origin = get_origin(member) or member
    if origin is list:
        (element,) = get_args(member)
        some = {} if element is Any else {"items": _type(element), "minItems": 1}
        return {"type": "array", **some}
    if origin is dict:
        return {"type": "object"}
    if origin is Literal:
        return {"enum": list(get_args(member))}
    return TYPES[member]
