"""What structured output takes of JSON Schema.

The rules are those of Anthropic's structured-output page (2026-08-22).
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.models.schema_rules import schema_findings

TEXT = {"type": "string"}
CLOSED = {"type": "object", "additionalProperties": False}


def found(schema: Any, **more: Any) -> list[tuple[str, str]]:
    """What is wrong with an output schema, by its place within it."""
    config = {"format": {"type": "json_schema", "schema": schema}}
    return told({"output_config": config, **more})


def told(params: dict[str, Any]) -> list[tuple[str, str]]:
    prefix = "output_config.format.schema"
    return [
        (".".join(map(str, keys)).removeprefix(prefix).removeprefix("."), message)
        for keys, message in schema_findings(params)
    ]


def closed(*required: str, **properties: Any) -> dict[str, Any]:
    return {**CLOSED, "properties": properties, "required": list(required)}


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param(closed("a", a=TEXT), id="object"),
        pytest.param({"type": "array", "items": TEXT, "minItems": 1}, id="not empty"),
        pytest.param({**closed("a", a={"$ref": "#/$defs/d"}), "$defs": {"d": TEXT}}, id="$defs"),
        pytest.param(
            {
                **closed("a", "b", a={"$ref": "#/$defs/d"}, b={"$ref": "#/$defs/e"}),
                "$defs": {"d": TEXT, "e": {"type": "array", "items": {"$ref": "#/$defs/d"}}},
            },
            id="a definition twice",
        ),
        pytest.param(closed(**{f"a{n}": TEXT for n in range(24)}), id="24 optional"),
        pytest.param({"anyOf": [TEXT, {"type": "null"}]}, id="union"),
        pytest.param(closed("minimum", minimum=TEXT), id="a property named like a keyword"),
        pytest.param({"enum": ["a"], "title": "maxLength"}, id="title"),
    ],
)
def test_what_is_supported_is_not_found_fault_with(schema: dict[str, Any]) -> None:
    assert found(schema) == []


UNIONS = {f"u{n}": {"type": ["string", "null"]} for n in range(17)}
LOOP = {"$ref": "#/$defs/node"}


@pytest.mark.parametrize(
    ("schema", "at", "said"),
    [
        pytest.param({"type": "object"}, "", "`additionalProperties: false`", id="open"),
        pytest.param({"properties": {}}, "", "`additionalProperties: false`", id="untyped"),
        pytest.param({"type": ["object", "null"], "additionalProperties": True}, "",
                     "`additionalProperties: false`", id="open on purpose"),
        pytest.param({"$defs": {"d": {"type": "object"}}}, "$defs.d", "additional", id="in $defs"),
        pytest.param({"type": "string", "maxLength": 3}, "maxLength", "`maxLength`", id="length"),
        pytest.param(closed("n", n={"type": "number", "minimum": 0}), "properties.n.minimum",
                     "check it with a grader", id="bound"),
        pytest.param({"type": "array", "minItems": 2}, "minItems", "0 or 1 only", id="items"),
        pytest.param({"$ref": "https://a.b/c"}, "$ref", "no external `$ref`", id="external"),
        pytest.param(closed("a", a={"$ref": "#"}), "properties.a.$ref", "recursive", id="root"),
        pytest.param({"$defs": {"node": closed("n", n=LOOP)}, **LOOP},
                     "$defs.node.properties.n.$ref", "`#/$defs/node` leads back to itself",
                     id="recursive"),
        pytest.param(closed(**{f"a{n}": TEXT for n in range(25)}), "", "24 optional properties, no",
                     id="25 optional"),
        pytest.param(closed(*UNIONS, **UNIONS), "", "16 properties of several types, not 17",
                     id="17 unions"),
    ],
)  # fmt: skip
def test_what_is_not_supported_is_said_once_with_its_place(
    schema: dict[str, Any], at: str, said: str
) -> None:
    ((place, message),) = found(schema)
    assert place == at
    assert said in message


def test_a_strict_tool_follows_the_same_rules() -> None:
    tools = [{"name": "a", "input_schema": {"type": "object"}}]
    assert told({"tools": tools}) == []
    ((place, _),) = told({"tools": [*tools, {**tools[0], "strict": True}]})
    assert place == "tools.1.input_schema"


def test_twenty_tools_may_be_strict() -> None:
    tool = {"strict": True, "input_schema": closed()}
    assert told({"tools": [tool] * 20}) == []
    ((place, message),) = told({"tools": [tool] * 21})
    assert (place, "at most 20 tools" in message) == ("tools", True)


def test_optional_properties_are_counted_over_all_schemas() -> None:
    half = closed(**{f"a{n}": TEXT for n in range(13)})
    ((place, message),) = found(half, tools=[{"strict": True, "input_schema": half}])
    assert (place, "24 optional properties, not 26" in message) == ("", True)


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("#/$defs/a"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "$ref", "$defs", "items", "a", "minItems"]), inner
        )
    ),
    max_leaves=8,
)


@given(ODD)
def test_an_odd_schema_is_found_fault_with_but_never_raises(schema: Any) -> None:
    assert all(message for _, message in found(schema, tools=[{"strict": True, "input_schema": 3}]))
