"""A value that a JSON Schema describes: what the simulator fills into tools and formats.

Covers what structured outputs take: types, enum, const, anyOf, allOf, `$ref` to `$defs`.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

Schema = Mapping[str, Any]
MAX_DEPTH = 12
WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "harbor")
FORMATS = {
    "date": "2026-01-15",
    "date-time": "2026-01-15T09:30:00Z",
    "time": "09:30:00Z",
    "email": "ana@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "192.0.2.1",
    "hostname": "example.com",
    "duration": "P1D",
}


def instance(schema: Schema, random: Random) -> Any:
    """An instance of `schema`; `random` chooses among what is allowed."""
    return _value(schema, random, root=schema, depth=0)


def _value(schema: Any, random: Random, *, root: Schema, depth: int) -> Any:
    if not isinstance(schema, Mapping) or depth > MAX_DEPTH:
        return None
    if "$ref" in schema:
        return _value(_resolved(schema["$ref"], root), random, root=root, depth=depth + 1)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return random.choice(schema["enum"])
    for key in ("anyOf", "oneOf"):
        if schema.get(key):
            return _value(schema[key][0], random, root=root, depth=depth + 1)
    if schema.get("allOf"):
        parts = [_value(part, random, root=root, depth=depth + 1) for part in schema["allOf"]]
        merged = {
            key: item for part in parts if isinstance(part, dict) for key, item in part.items()
        }
        return merged or parts[0]
    return _plain(schema, random, root=root, depth=depth)


def _plain(schema: Schema, random: Random, *, root: Schema, depth: int) -> Any:
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {
            key: _value(part, random, root=root, depth=depth + 1)
            for key, part in (schema.get("properties") or {}).items()
        }
    if kind == "array":
        count = max(schema.get("minItems", 0), 1)
        items = schema.get("items", {"type": "string"})
        return [_value(items, random, root=root, depth=depth + 1) for _ in range(count)]
    if kind in ("integer", "number"):
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
        return min(random.randint(int(low), int(low) + 9), schema.get("maximum", int(low) + 9))
    if kind in ("boolean", "null"):
        return random.random() < 0.5 if kind == "boolean" else None
    return FORMATS.get(schema.get("format", "")) or _word(schema, random)


def _word(schema: Schema, random: Random) -> str:
    word: str = random.choice(WORDS)
    word += "x" * (schema.get("minLength", 0) - len(word))
    return word[: int(schema.get("maxLength", len(word)))]


def _resolved(reference: str, root: Schema) -> Any:
    found: Any = root
    for key in reference.removeprefix("#").strip("/").split("/"):
        if key:
            found = found.get(key) if isinstance(found, Mapping) else None
    return found
