"""What a JSON Schema may say where the API holds answers or tool calls to it.

Rules of Anthropic's structured-output page (2026-08-22): those of `output_config.format` and of
tools with `strict: true`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

KeyPath = tuple[str | int, ...]
Finding = tuple[KeyPath, str]
Placed = tuple[KeyPath, Any]
"""A part of a schema and the keys that lead to it."""

MAX_STRICT_TOOLS = 20
MAX_OPTIONAL = 24
MAX_UNIONS = 16

UNSUPPORTED_KEYWORDS = (
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("minLength", "maxLength", "maxItems", "uniqueItems", "minProperties", "maxProperties"),
)
DEFINITIONS = ("$defs", "definitions")


def schema_findings(params: Mapping[str, Any]) -> Iterator[Finding]:
    """What structured output does not take in the schemas of a request, with the keys to it."""
    schemas = [*_format_schemas(params), *_strict_schemas(params)]
    for at, schema in schemas:
        yield from _one(schema, at)
    yield from _together(schemas)
    strict = sum(1 for at, _ in schemas if at[0] == "tools")
    if strict > MAX_STRICT_TOOLS:
        yield (
            ("tools",),
            f"the API takes at most {MAX_STRICT_TOOLS} tools with `strict: true`, not {strict}; "
            "let the others do without",
        )


def _format_schemas(params: Mapping[str, Any]) -> Iterator[Placed]:
    form = _mapping(_mapping(params.get("output_config")).get("format"))
    if form.get("type") == "json_schema" and isinstance(form.get("schema"), Mapping):
        yield ("output_config", "format", "schema"), form["schema"]


def _strict_schemas(params: Mapping[str, Any]) -> Iterator[Placed]:
    tools = params.get("tools")
    for index, tool in enumerate(tools if isinstance(tools, list | tuple) else ()):
        if isinstance(tool, Mapping) and tool.get("strict") is True:
            yield ("tools", index, "input_schema"), tool.get("input_schema")


def _one(schema: Any, at: KeyPath) -> Iterator[Finding]:
    parts = list(_parts(schema, at))
    for keys, part in parts:
        yield from _part(part, keys)
    yield from _recursion(schema, parts)


def _part(node: Mapping[str, Any], at: KeyPath) -> Iterator[Finding]:
    if _is_object(node) and node.get("additionalProperties") is not False:
        yield at, "structured output needs `additionalProperties: false` on every object"
    for key in (key for key in UNSUPPORTED_KEYWORDS if key in node):
        yield (*at, key), f"structured output does not support `{key}`; check it with a grader"
    if node.get("minItems", 0) not in (0, 1):
        yield (*at, "minItems"), "structured output supports a `minItems` of 0 or 1 only"
    if not str(node.get("$ref", "#")).startswith("#"):
        yield (*at, "$ref"), "structured output follows no external `$ref`; write the schema here"


def _is_object(node: Mapping[str, Any]) -> bool:
    kind = node.get("type")
    kinds = kind if isinstance(kind, list | tuple) else (kind,)
    return "object" in kinds or (kind is None and isinstance(node.get("properties"), Mapping))


def _recursion(schema: Any, parts: Sequence[Placed]) -> Iterator[Finding]:
    """The first `$ref` that leads back to itself."""
    places = {part["$ref"]: at for at, part in parts if isinstance(part.get("$ref"), str)}
    graph = {ref: _refs(_target(schema, ref)) for ref in places}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        ref = next(each for each in error.args[1] if each in places)
        message = f"structured output takes no recursive schema, and `{ref}` leads back to itself"
        yield (*places[ref], "$ref"), f"{message}; write out as many levels as are needed"


def _refs(target: Any) -> set[str]:
    """What a part of a schema refers to, without what is only defined in it."""
    inner = _mapping(target)
    bare = {key: value for key, value in inner.items() if key not in DEFINITIONS}
    return {part["$ref"] for _, part in _parts(bare) if isinstance(part.get("$ref"), str)}


def _target(schema: Any, ref: str) -> Any:
    """What a local reference names (a JSON Pointer, RFC 6901), `None` where it is nothing."""
    found = schema
    for step in ref.removeprefix("#").split("/")[1:] if ref.startswith("#") else [""]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list | tuple):
            found = found[int(key)] if key.isdecimal() and int(key) < len(found) else None
        else:
            found = _mapping(found).get(key)
    return found


def _together(schemas: Sequence[Placed]) -> Iterator[Finding]:
    """The limits that hold for all schemas of a request together; told at the first one."""
    optional = unions = 0
    for at, schema in schemas:
        for _, part in _parts(schema, at):
            optional += _optional(part)
            unions += _is_union(part)
    if optional > MAX_OPTIONAL:
        message = f"structured output takes {MAX_OPTIONAL} optional properties, not {optional}"
        yield schemas[0][0], f"{message}; list more of them under `required`"
    if unions > MAX_UNIONS:
        message = f"structured output takes {MAX_UNIONS} properties of several types, not {unions}"
        yield schemas[0][0], f"{message}; give more of them one type"


def _optional(part: Mapping[str, Any]) -> int:
    required = part.get("required")
    names = required if isinstance(required, list | tuple) else ()
    return sum(1 for name in _mapping(part.get("properties")) if name not in names)


def _is_union(part: Mapping[str, Any]) -> bool:
    kind = part.get("type")
    return "anyOf" in part or (isinstance(kind, list | tuple) and len(kind) > 1)


def _parts(node: Any, at: KeyPath = ()) -> Iterator[tuple[KeyPath, Mapping[str, Any]]]:
    """Every schema in a schema, itself first, with the keys that lead to it."""
    if isinstance(node, Mapping):
        yield at, node
    for keys, child in _within(node):
        yield from _parts(child, (*at, *keys))


def _within(node: Any) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(node, list | tuple):
        yield from (((index,), child) for index, child in enumerate(node))
    inner = _mapping(node)
    yield from (((k,), inner[k]) for k in ("items", "anyOf", "allOf", "oneOf", "not") if k in inner)
    for key in ("properties", *DEFINITIONS):
        yield from (((key, name), child) for name, child in _mapping(inner.get(key)).items())


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
