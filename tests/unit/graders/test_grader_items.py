"""The ways in which a suite may write a grader, and what is said about the others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from harness.errors import GraderError
from harness.graders import GraderArguments, GraderContext, arguments, build, describe, names

DOCS = "\n".join(
    page.read_text(encoding="utf-8")
    for page in sorted((Path(__file__).parents[3] / "docs").glob("graders-*.md"))
)
CONTRACT = {
    *("equals", "contains", "starts_with", "ends_with", "contains_all", "contains_any", "one_of"),
    *("regex", "answer", "number", "length", "similarity", "f1", "json", "contains_json", "label"),
    *("json_schema", "json_path", "stop_reason", "refusal", "max_output_tokens", "max_cost_usd"),
    *("choice", "cites", "max_latency_s", "tool_called", "tool_sequence", "no_tool_called"),
    *("python", "not", "all", "any"),
}


@pytest.mark.parametrize(
    ("item", "kind", "options"),
    [
        ({"contains": "x"}, "contains", {"text": "x"}),
        ({"contains": {"text": "x", "ignore_case": True}}, "contains", None),
        ({"contains": "x", "ignore_case": True}, "contains", {"text": "x", "ignore_case": True}),
        ({"number": {"value": 3, "abs": 0.1}}, "number", {"value": 3, "abs": 0.1}),
        ({"json_path": "$.a", "equals": 3}, "json_path", {"path": "$.a", "equals": 3}),
        ({"equals": {"text": "a"}}, "equals", {"text": {"text": "a"}}),
        ({"equals": {"text": "a", "ignore_case": True}}, "equals", None),
        ({"equals": {"a": 1}, "ignore_case": True}, "equals", None),
        ({"json": {"type": "object"}}, "json", {"schema": {"type": "object"}}),
        ({"json_schema": {"file": "a.json"}}, "json_schema", {"schema": {"file": "a.json"}}),
        ("json", "json", {"schema": True}),
        ("refusal", "refusal", {"expected": True}),
        ({"not": {"contains": "x"}}, "not", {"grader": {"contains": "x"}}),
        ({"not": "json"}, "not", {"grader": "json"}),
        ({"any": [{"contains": "x"}]}, "any", {"graders": [{"contains": "x"}]}),
        ({"python": "f.py:f", "equals": 1}, "python", {"function": "f.py:f", "equals": 1}),
        ({"one_of": "{{ queues }}"}, "one_of", {"texts": "{{ queues }}"}),
        ({"one_of": ["{{ a }}", "b"]}, "one_of", {"texts": ["{{ a }}", "b"]}),
        ({"number": "{{ n }}", "abs": "{% if a %}1{% endif %}"}, "number", None),
        ({"refusal": "{{ r }}"}, "refusal", {"expected": "{{ r }}"}),
        ({"tool_called": {"name": "f", "times": 0}}, "tool_called", {"name": "f", "times": 0}),
        ("no_tool_called", "no_tool_called", {"expected": True}),
    ],
    ids=lambda v: str(v)[:50],
)
def test_an_item_becomes_a_kind_and_options(item, kind, options):
    found = arguments(item)
    assert found.kind == found.name == kind
    assert options is None or found.options == options


@pytest.mark.parametrize(
    "item",
    [
        {"contains": "x", "name": "mine", "weight": 2},
        {"contains": {"text": "x", "name": "mine", "weight": 2}},
        {"contains": {"text": "x", "weight": 2}, "name": " mine "},
    ],
    ids=["beside", "inside", "both"],
)
def test_name_and_weight_may_stand_beside_or_inside(item):
    assert arguments(item) == GraderArguments("contains", {"text": "x"}, "mine", 2.0)


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ({"contain": "x"}, "no grader `contain`; did you mean `contains`"),
        ({"zzz": "x"}, "no grader `zzz`; there are: all, answer"),
        ({}, "no grader is named here"),
        ({"weight": 1}, "no grader is named here"),
        ({"equals": "x", "contains": "y"}, "`equals` and `contains` are graders of their own"),
        ([], "a grader is a mapping"),
        ("contains", "`contains` needs its `text`; write `contains: …`"),
        ("contians", "no grader 'contians'; did you mean `contains`"),
        ({"contains": None}, "`contains` needs its `text`"),
        ({"refusal": None}, "`refusal` needs its `expected`"),
        ({"length": 5}, "`length` needs one of `min_words`"),
        ({"length": {"min_wrds": 5}}, "no option `min_wrds`; did you mean `min_words`"),
        ({"contains": "x", "full": True}, "no option `full`; there are: text, ignore_case"),
        ({"contains": {"text": "x"}, "text": "y"}, "`text` stands twice"),
        ({"contains": {"text": "x", "weight": 1}, "weight": 2}, "`weight` stands twice"),
        ({"contains": 3}, '3 is a number; quote it: "3"'),
        ({"contains": True}, "YAML reads this as the boolean true .as it does yes, no"),
        ({"contains": ["x"]}, "must be a text, not \\['x'\\]"),
        ({"one_of": "x"}, "must be a list of texts, not 'x'"),
        ({"one_of": []}, "must not be an empty list"),
        ({"one_of": ["x", 2]}, "holds an element that must be a text"),
        ({"all": []}, "must not be an empty list"),
        ({"equals": 1.5}, "a text or a mapping or a list, but 1.5 is a number"),
        ({"regex": "x", "full": "maybe"}, "must be true or false, not 'maybe'"),
        ({"length": {"max_words": 2.5}}, "must be a whole number, not 2.5"),
        ({"contains": "x", "weight": -1}, "`weight` must be a number of 0 or more, not -1"),
        ({"contains": "x", "weight": True}, "`weight` must be a number"),
        ({"contains": "x", "weight": float("inf")}, "`weight` must be a number"),
        ({"contains": "x", "name": 3}, "`name` must be a text, not 3"),
        ({"not": {"contians": "x"}}, "`not`: in `grader`: there is no grader `contians`"),
        ({"any": [{"all": [{"regex": 3}]}]}, "`any`: in `graders`: `all`: .*3 is a number"),
    ],
    ids=lambda v: str(v)[:50],
)
def test_a_wrong_item_is_an_error_that_says_the_way_out(item, problem):
    with pytest.raises(GraderError, match=problem):
        arguments(item)


def test_the_contract_s_graders_are_there():
    assert set(names()) >= CONTRACT


@pytest.mark.parametrize("name", sorted(CONTRACT))
def test_every_grader_says_what_it_is(name):
    kind = describe(name)
    assert kind.name == name
    assert kind.doc.startswith("Pass when")
    assert kind.main == (None if name == "length" else kind.options[0].name)
    assert all(option.name != "context" for option in kind.options)


def documented_items():
    blocks = re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL)
    blocks = [yaml.safe_load(block) for block in blocks]
    return [item for b in blocks for item in (b["graders"] if isinstance(b, dict) else b)]


@pytest.mark.parametrize("item", documented_items(), ids=str)
def test_every_example_in_the_docs_is_an_item(item):
    assert arguments(item).kind in CONTRACT


@pytest.mark.parametrize("name", sorted(CONTRACT))
def test_every_grader_and_option_is_documented_under_a_heading(name):
    sections = re.split(r"^#+ ", DOCS, flags=re.MULTILINE)
    found = [section for section in sections if f"`{name}`" in section.partition("\n")[0]]
    assert len(found) == 1
    kind = describe(name)
    own = {option.name for option in kind.options} - {kind.main, "ignore_case"}
    assert all(option in found[0] for option in own)


def test_an_option_is_described_with_type_and_default():
    option = describe("similarity").option("min")
    assert (option.annotation, option.default, option.required) == (float, 0.8, False)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (GraderArguments("contians", {}), "did you mean `contains`"),
        (GraderArguments("contains", {}), "`contains` needs `text`"),
        (GraderArguments("contains", {"txt": "x"}), "no option `txt`"),
        (GraderArguments("contains", {"text": None}), "must be a text, not null"),
        (GraderArguments("length", {"max_words": "many"}), "must be a whole number, not 'many'"),
    ],
    ids=["kind", "main", "option", "null", "type"],
)
def test_building_checks_what_a_template_became(tmp_path, given, problem):
    with pytest.raises(GraderError, match=problem):
        build(given, GraderContext(tmp_path))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("number", {"value": "3.0"}),
        ("refusal", {"expected": "False"}),
        ("length", {"max_chars": "1"}),
        ("length", {"max_chars": 1.0}),
        ("not", {"grader": {"equals": 4}}),
    ],
    ids=["number", "boolean", "whole", "float", "nested"],
)
def test_what_a_data_set_holds_as_text_is_read(made, tmp_path, kind, options):
    assert build(GraderArguments(kind, options), GraderContext(tmp_path))(made("3")).passed
