"""JSON in answers: parsing, schemas, paths, deep comparison."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import GraderError

FENCED = '```json\n{"a": 1}\n```'
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name"],
    "additionalProperties": False,
}

PARSING = [
    ("json", '{"a": 1}', True, '{"a": 1}'),
    ("json", " [] ", True, "[]"),
    ("json", "3", True, "3"),
    ("json", "Sure: {}", False, "not JSON: Expecting value (line 1, column 1): 'Sure: {}'"),
    ("json", "[NaN]", False, "not JSON: NaN is not a JSON value: '[NaN]'"),
    ("json", "[1e999]", False, "not JSON: 1e999 is too large for a number: '[1e999]'"),
    ("json", "", False, "not JSON: Expecting value (line 1, column 1): ''"),
    ("json", '{"a": 1} {}', False, None),
    ("json", "[" * 100_000, False, None),
    ("contains_json", FENCED, True, '{"a": 1}'),
    ("contains_json", 'It is {maybe} this: {"a": [1]}.', True, '{"a": [1]}'),
    ("contains_json", "none here", False, "no JSON object or array in 'none here'"),
    ("contains_json", "[" * 100_000, False, None),
    ("contains_json", "{" * 20_000, False, None),
    ({"json": PERSON}, '{"name": "Ana"}', True, 'fits the schema: {"name": "Ana"}'),
    ({"json_schema": PERSON}, '{"name": "Ana", "age": 3.0}', True, None),
    ({"json_schema": PERSON}, '{"name": 3}', False, "$.name: 3 is not of type 'string'"),
    ({"json_schema": PERSON}, "[]", False, "$: [] is not of type 'object'"),
    ({"json_schema": {"type": "integer"}}, "true", False, "$: True is not of type 'integer'"),
    ({"json": {"schema": {"type": "array"}, "weight": 2}}, "[]", True, None),
    ({"json_schema": {"pattern": "^\\p{Lu}"}}, '"Ana"', True, None),
    ({"json_schema": {"pattern": "^x"}}, '"Ana"', False, "$: 'Ana' does not match '^x'"),
    (
        {
            "json_schema": {
                "$ref": "#/$defs/a~1b/allOf/0",
                "$defs": {"a/b": {"allOf": [{"const": 1}]}},
            }
        },
        "1",
        True,
        None,
    ),
    ({"json_schema": {"patternProperties": {"^a": {"type": "null"}}}}, '{"ab": 1}', False, None),
    ({"json_schema": {"enum": [{"$ref": "x", "pattern": "("}]}}, "1", False, None),
    ({"contains_json": PERSON}, 'Here: {"name": "Ana"}', True, None),
    ({"contains_json": PERSON}, 'Here: {} {"name": "Ana"}', False, None),
]


@pytest.mark.parametrize(
    ("item", "text", "passed", "reason"), PARSING, ids=[f"{i[0]!s:.30} {i[1]:.20}" for i in PARSING]
)
def test_json_graders(graded, item, text, passed, reason):
    grade = graded(item, text)
    assert grade.passed is passed
    assert reason is None or grade.reason == reason


def test_json_in_a_fence_is_not_json_and_the_reason_says_what_accepts_it(graded):
    grade = graded("json", FENCED)
    assert grade.passed is False
    assert "only inside a ``` fence (which `contains_json` accepts)" in grade.reason


def test_a_schema_names_up_to_five_problems(graded):
    grade = graded({"json_schema": {"items": {"type": "string"}}}, "[1, 2, 3, 4, 5, 6]")
    assert grade.reason.startswith("$[0]: 1 is not of type 'string'; $[1]: 2")
    assert grade.reason.endswith("$[4]: 5 is not of type 'string' (and more)")


def test_a_schema_may_stand_in_a_file_of_the_suite(graded, tmp_path):
    (tmp_path / "person.json").write_text(json.dumps(PERSON))
    item = {"json_schema": {"file": "person.json"}}
    assert graded(item, '{"name": "Ana"}', folder=tmp_path).passed
    assert not graded(item, "{}", folder=tmp_path).passed


def test_a_pattern_in_a_schema_is_stopped_too(graded):
    schema = {"type": "string", "pattern": "(?:(?:a|b|ab)*)*c(?<=x)"}
    grade = graded({"json_schema": schema}, json.dumps("ab" * 60 + "c"), regex_timeout_s=0.02)
    assert grade.passed is None


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ({"type": "objekt"}, r"not a JSON Schema: \$.type: 'objekt' is not valid"),
        ({"properties": {"a": {"pattern": "("}}}, "not a regular expression"),
        ({"patternProperties": {"(": {}}}, "not a regular expression"),
        ({"$ref": "#/$defs/person"}, "names nothing in this schema"),
        ({"$ref": "https://example.com/person.json"}, "not fetched"),
        ({"file": "../person.json"}, "outside the suite's folder"),
        ({"file": "absent.json"}, "absent.json"),
        ({"default": {1, 2}}, "something that JSON cannot"),
    ],
    ids=lambda v: str(v)[:40],
)
def test_a_schema_that_is_none_is_an_error(graded, schema, problem):
    with pytest.raises(GraderError, match=problem):
        graded({"json_schema": schema}, "{}")


def test_a_schema_file_that_is_not_json_is_an_error(graded, tmp_path):
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(GraderError, match=r"'broken\.json' is not JSON"):
        graded({"json_schema": {"file": "broken.json"}}, "{}", folder=tmp_path)


def test_no_schema_but_false_is_an_error(graded):
    with pytest.raises(GraderError, match="`not: json`"):
        graded({"json": False}, "{}")


EQUAL = [
    ({"a": 1}, '{"a": 1.0}', None),
    ({"a": 1, "b": [2]}, '{"b": [2], "a": 1}', None),
    ([], "[]", None),
    ({"a": True}, '{"a": 1}', "$.a: expected true, got 1"),
    ({"a": 0}, '{"a": false}', "$.a: expected 0, got false"),
    ({"a": "1"}, '{"a": 1}', '$.a: expected "1", got 1'),
    ({"a": [{"b": 1}]}, '{"a": [{"b": 2}]}', "$.a[0].b: expected 1, got 2"),
    ({"a": 1}, "{}", "$.a: expected 1, but there is no such key"),
    ({}, '{"b c": 1}', '$["b c"]: not expected, got 1'),
    ([1, 2], "[1]", "$: expected 2 items, got 1"),
    ([1, 2], "[2, 1]", "$[0]: expected 1, got 2"),
    ({"a": None}, '{"a": 0}', "$.a: expected null, got 0"),
    ({"a": 1}, "no", "not JSON: Expecting value (line 1, column 1): 'no'"),
]


@pytest.mark.parametrize(("value", "text", "problem"), EQUAL, ids=[str(e[:2]) for e in EQUAL])
def test_equals_compares_json_deeply_and_names_the_first_difference(graded, value, text, problem):
    grade = graded({"equals": value}, text)
    assert grade.passed is (problem is None)
    assert grade.reason == (problem or "the same JSON")


def test_equals_may_ignore_the_case_of_texts_inside(graded):
    assert graded({"equals": {"a": "X"}, "ignore_case": True}, '{"a": "x"}').passed


DOCUMENT = '{"items": [{"sku": "A", "n": 1}, {"sku": "B", "n": 2}], "total": 3, "none": null}'
PATHS = [
    ({"json_path": "$.total"}, True, "$.total is 3"),
    ({"json_path": "$.absent"}, False, "$.absent selects nothing"),
    ({"json_path": "$.none"}, True, "$.none is null"),
    ({"json_path": "$.none", "equals": None}, True, "$.none is null"),
    ({"json_path": "$.total", "equals": None}, False, "$.total: $: expected null, got 3"),
    ({"json_path": "$.absent", "exists": False}, True, "$.absent selects nothing"),
    ({"json_path": "$.total", "exists": False}, False, "$.total is 3"),
    ({"json_path": "$.total", "equals": 3.0}, True, "$.total is 3"),
    ({"json_path": "$.total", "equals": "3"}, False, '$.total: $: expected "3", got 3'),
    ({"json_path": "$.items[*].sku", "equals": ["A", "B"]}, True, None),
    ({"json_path": "$.items[*].sku", "equals": ["B", "A"]}, False, None),
    ({"json_path": "$.items[*].sku", "equals": "A"}, False, None),
    ({"json_path": "$..total", "equals": 3}, True, None),
    ({"json_path": "$.items[?@.n > 1].sku", "equals": "B"}, True, None),
    ({"json_path": "$.items[*].sku", "matches": "^[AB]$"}, True, None),
    (
        {"json_path": "$.items[*].sku", "matches": "A"},
        False,
        "$.items[*].sku: 'A' matches nothing in 'B'",
    ),
    ({"json_path": {"path": "$.total", "matches": "^3$"}}, True, None),
]


@pytest.mark.parametrize(("item", "passed", "reason"), PATHS, ids=[str(p[0])[14:60] for p in PATHS])
def test_json_path(graded, item, passed, reason):
    grade = graded(item, DOCUMENT)
    assert grade.passed is passed
    assert reason is None or grade.reason == reason


def test_json_path_fails_where_the_answer_is_not_json(graded):
    assert graded({"json_path": "$.a", "exists": False}, "no").passed is False


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ({"json_path": "$.a["}, "not a JSON path"),
        ({"json_path": "a.b"}, "not a JSON path"),
        ({"json_path": "$.a", "matches": "("}, "not a regular expression"),
        ({"json_path": "$.a", "exists": False, "equals": 1}, "leaves nothing"),
    ],
    ids=lambda v: str(v)[:40],
)
def test_a_path_that_cannot_work_is_an_error(graded, item, problem):
    with pytest.raises(GraderError, match=problem):
        graded(item, "{}")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(st.lists(JSON, max_size=4))
def test_every_json_value_equals_itself_and_is_found_in_prose(graded, value):
    text = json.dumps(value)
    assert graded({"equals": value}, text).passed
    assert graded({"contains_json": True}, f"Here you are: {text}").passed
