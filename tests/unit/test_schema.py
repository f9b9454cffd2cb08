"""The JSON Schema of suites beside the loader: both take the same, as far as a schema can tell."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from harness.check import require
from harness.errors import GraderError, SuiteError
from harness.graders import arguments, describe, names
from harness.load import load_suite
from harness.models.rules import BODY_KEYS
from harness.models.table import load_registry
from harness.schema import schema_text, suite_schema
from harness.yamlfile import read_yaml

ROOT = Path(__file__).parents[2]
FILE = ROOT / "harness" / "suite.schema.json"
EXAMPLES = sorted((ROOT / "suites").glob("*/*.yaml"))
SUITES = [
    path for path in EXAMPLES if path.name != "answers.yaml" and "suite" in read_yaml(path)[0]
]
SCHEMA = suite_schema()
VALIDATOR = Draft202012Validator(SCHEMA)
GRADER = Draft202012Validator({"$ref": "#/$defs/Grader", "$defs": SCHEMA["$defs"]})
REGISTRY = load_registry()

GOOD = """
suite: all-keys
description: Every key that a suite may have.
models: [haiku, {model: opus, name: low, params: {output_config: {effort: low}}}]
system: {file: system.txt}
prompts: {short: "{{ q }}?", long: [{type: text, text: "{{ q }}"}]}
messages: [{role: user, content: Hello}, {role: assistant, content: [{type: text, text: Hi}]}]
tools: [{name: look, input_schema: {type: object}, reply: "{{ q }}"}]
output_schema: {type: object, properties: {}, required: [], additionalProperties: false}
cache: 5m
max_tool_rounds: 3
params: {max_tokens: 100}
vars: {q: why, limit: 3, kinds: [a, b], more: {equals: a}}
repeats: 2
graders: [json, {equals: "{{ q }}"}, "{{ more }}", {not: {contains: x}, weight: 0}]
gates: [{pass_rate: {min: 0.5}}, {cost_usd: {max: 1}, errors: {max: 0, min: 0}}]
timeout_s: 30
pass_score: 0.5
cases:
  - id: plain
    vars: {q: how}
    tags: ["{{ q }}"]
    cluster: one
    params: {max_tokens: 50}
    repeats: 1
  - prompt: "{{ q }}!"
    system: Be kind.
    messages: []
    tools: [{name: find, input_schema: {type: object}, python: "tool.py:find"}]
    graders: [{length: {max_words: "{{ limit }}"}}, {one_of: "{{ kinds }}"}]
  - turns: [{user: Hello}, {user: {file: system.txt}, graders: [{contains: x}]}]
  - {data: rows.csv, id: "{{ row.n }}"}
  - {data: {sqlite: rows.db, query: SELECT 1 AS n}, id: "db-{{ row.n }}"}
  - {data: {python: "rows.py:rows"}, id: "py-{{ row.n }}"}
"""
GATES = ("pass_rate", "score", "cost_usd", "cost_per_pass", "latency_s", "errors", "regression")


def suite(change: str = "") -> str:
    """A small suite with the lines of `change` in place of its own of the same keys."""
    whole = {"suite": "s", "models": ["haiku"], "prompt": "p", "graders": [{"equals": "a"}]}
    whole |= {"cases": [{"id": "one"}], **(yaml.safe_load(change) or {})}
    return yaml.safe_dump({key: value for key, value in whole.items() if value != "-"})


def loaded(folder: Path, text: str) -> None:
    """Load and check the suite; raises SuiteError."""
    path = folder / "suite.yaml"
    path.write_text(text, encoding="utf-8")
    require([load_suite(path, REGISTRY)], REGISTRY)


def refusals(text: str) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(yaml.safe_load(text))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    import sqlite3

    sqlite3.connect(tmp_path / "rows.db").close()
    files = {
        "system.txt": "You are {{ q }}.",
        "rows.csv": "n\n1\n",
        "rows.py": "def rows():\n    yield {'n': 1}\n",
        "tool.py": "def find():\n    return 1\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_the_schema_is_one():
    Draft202012Validator.check_schema(SCHEMA)


def test_the_file_is_what_the_types_and_graders_say():
    again = "harness check --schema > harness/suite.schema.json"
    assert FILE.read_text(encoding="utf-8") == schema_text(), f"out of date; write it by: {again}"


def test_nothing_in_the_schema_names_a_host():
    assert SCHEMA["$id"].startswith("urn:")
    assert schema_text().replace(SCHEMA["$schema"], "").count("://") == 0


def test_every_key_of_a_suite_has_words_for_an_editor():
    parts = [("Suite", SCHEMA), *SCHEMA["$defs"].items()]
    silent = [
        f"{name}.{key}"
        for name, part in parts
        if not name.startswith("grader-") and name != "Params"
        for key, value in part.get("properties", {}).items()
        if "description" not in value
    ]
    assert not silent


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_an_example_suite_fits(path):
    assert not list(VALIDATOR.iter_errors(read_yaml(path)[0]))


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_an_example_suite_names_the_schema_in_its_first_line(path):
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")
    assert (path.parent / first.partition("=")[2]).resolve() == FILE


def test_a_suite_with_every_key_fits_and_loads(folder):
    assert not refusals(GOOD)
    loaded(folder, GOOD)


def keys_in(value: object) -> set[str]:
    if isinstance(value, dict):
        return {*value, *(key for item in value.values() for key in keys_in(item))}
    return {key for item in value for key in keys_in(item)} if isinstance(value, list) else set()


def test_every_key_of_a_suite_or_case_is_in_the_suite_that_loads():
    case = SCHEMA["$defs"]["CaseFile"]["properties"]
    assert {*SCHEMA["properties"], *case} <= keys_in(yaml.safe_load(GOOD))


@pytest.mark.parametrize(
    "change",
    [
        "prompt: [{text: hi}]",
        "{prompt: '-', turns: [{user: hi}]}",
        "{prompt: '-', messages: [{role: user, content: hi}]}",
        "{prompt: '-', cases: [{prompt: hi}]}",
        "{prompt: null, prompts: {a: x}}",
        "{prompt: '-', graders: '-', turns: [{user: hi, graders: [json]}]}",
        "{graders: '-', cases: [{graders: [json]}]}",
        "{graders: '-', cases: [{turns: [{user: hi, graders: [json]}]}]}",
        "{graders: null, output_schema: {type: object, additionalProperties: false}}",
        "{models: null, description: '', gates: [], vars: {}, tools: []}",
        "vars: {a: {b: [1, null, true]}}",
        "graders: [{contains: , text: a}]",
        "graders: [{json_path: $.a, equals: 3}]",
        "graders: [{contains: {text: a, weight: 2}, name: mine}]",
        "graders: [{number: '3', abs: '0.5', which: first}]",
        "graders: [{refusal: 'True'}]",
        "graders: [{any: [json, {not: {grader: {regex: a}}}]}]",
        "graders: [{equals: {text: a, ignore_case: true}}, {equals: [1, {a: null}]}]",
        "graders: [{length: , max_words: 3}]",
        "{vars: {g: [{equals: a}]}, graders: [{all: '{{ g }}'}]}",
        *(f"gates: [{{{name}: {{min: 0.1}}}}]" for name in GATES if name != "regression"),
        "gates: [{regression: {margin: 0.03}}]",
    ],
    ids=str,
)
def test_what_the_loader_takes_fits(tmp_path, change):
    loaded(tmp_path, suite(change))
    assert not refusals(suite(change))


@pytest.mark.parametrize(
    "change",
    [
        "suite: '-'",
        "suite: 3",
        "suite: ''",
        "grader: []",
        "cases: []",
        "cases: '-'",
        "cases: [[]]",
        "cases: [{idd: one}]",
        "cases: [{id: 3}]",
        "cases: [{prompt: a, turns: [{user: b}]}]",
        "cases: [{data: {sqlite: rows.db}}]",
        "cases: [{data: {python: rows.py, query: a}}]",
        "cases: [{tags: one}]",
        "models: []",
        "models: [{name: a}]",
        "models: [{model: haiku, prams: {}}]",
        "prompt: ''",
        "prompt: []",
        "prompt: [text]",
        "prompt: {fil: a.txt}",
        "prompt: '-'",
        "prompts: {a: b}",
        "{prompt: '-', prompts: {}}",
        "turns: [{user: a}]",
        "{prompt: '-', turns: [{usr: a}]}",
        "messages: [{role: tool, content: a}]",
        "repeats: 0",
        "repeats: '3'",
        "repeats: true",
        "repeats: 20000",
        "timeout_s: 0",
        "pass_score: 1.5",
        "cache: 1d",
        "max_tool_rounds: -1",
        "vars: []",
        "params: [1]",
        "params: {max_token: 5}",
        "params: {model: opus}",
        "cases: [{params: {temprature: 1}}]",
        "tools: [{reply: a}]",
        "gates: [{}]",
        "gates: [{pass_rate: {}}]",
        "gates: [{pass_rate: 0.9}]",
        "gates: [{pass_rte: {min: 0.9}}]",
        "gates: [{regression: {margin: 2}}]",
        "graders: '-'",
        "graders: []",
        "graders: {equals: a}",
        "graders: [{contain: a}]",
        "graders: [jsn]",
        "graders: [contains]",
        "graders: [{contains: }]",
        "graders: [{contains: 3}]",
        "graders: [{contains: a, full: true}]",
        "graders: [{contains: {ignore_case: true}}]",
        "graders: [{contains: {text: a}, text: b}]",
        "gates: [{pass_rate: {min: 80}}]",
        "gates: [{cost_usd: {max: -1}}]",
        "graders: [{contains: {text: a, txt: b}}]",
        "graders: [{equals: a, contains: b}]",
        "graders: [{equals: 1.5}]",
        "graders: [{equals: a, weight: -1}]",
        "graders: [{equals: a, weight: true}]",
        "graders: [{equals: a, name: 3}]",
        "{vars: {w: 2}, graders: [{equals: a, weight: '{{ w }}'}]}",
        "{vars: {g: {equals: a}}, graders: [{not: '{{ g }}'}]}",
        "{vars: {g: {equals: a}}, graders: [{all: ['{{ g }}']}]}",
        "graders: [{one_of: a}]",
        "graders: [{one_of: []}]",
        "graders: [{one_of: [a, 2]}]",
        "graders: [{number: many}]",
        "graders: [{number: 3, which: middle}]",
        "graders: [{length: 5}]",
        "graders: [{length: {max_words: 2.5}}]",
        "graders: [{refusal: maybe}]",
        "graders: [{not: {contians: a}}]",
        "graders: [{any: []}]",
        "graders: [{any: [{all: [{regex: 3}]}]}]",
        "cases: [{graders: [{equals: a, full: true}]}]",
        "cases: [{turns: [{user: a, graders: [{equal: a}]}]}]",
    ],
    ids=str,
)
def test_what_the_loader_refuses_does_not_fit(tmp_path, change):
    with pytest.raises(SuiteError):
        loaded(tmp_path, suite(change))
    assert refusals(suite(change))


@pytest.mark.parametrize("key", BODY_KEYS)
def test_every_parameter_of_the_api_fits(key):
    assert not refusals(suite(f"params: {{{key}: '{{{{ x }}}}'}}"))


SCALARS = st.sampled_from(
    [None, True, False, 0, 3, -1, 0.5, "", "a", "3", "1e3", " False ", "{{ x }}", "last", "json"]
)


def items(values: st.SearchStrategy[object]) -> st.SearchStrategy[dict[str, object]]:
    """Graders with their own options beside them and inside, and now and then a foreign one."""

    def of(name: str) -> st.SearchStrategy[dict[str, object]]:
        own = [option.name for option in describe(name).options]
        keys = st.sampled_from([*own, *own, "name", "weight", "context", "equals"])
        options = st.dictionaries(keys, values, max_size=2)
        return st.builds(lambda main, beside: {**beside, name: main}, values | options, options)

    return st.sampled_from(names()).flatmap(of)


VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | items(inner), max_leaves=5
)


@given(items(VALUES))
def test_a_grader_that_the_registry_takes_fits(item):
    try:
        arguments(deepcopy(item))
    except GraderError:
        return
    assert GRADER.is_valid(item)


@pytest.mark.parametrize("name", names())
def test_an_editor_can_say_what_a_grader_does(name):
    shown = SCHEMA["$defs"][f"grader-{name}"]["properties"][name]
    assert shown["description"] == describe(name).doc
    assert json.dumps({"$ref": f"#/$defs/grader-{name}"}) in json.dumps(SCHEMA["$defs"]["Grader"])
