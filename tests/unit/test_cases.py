"""Cases and data sets: vars, ids, tags and clusters, rendered; a cell never is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from suite_making import HEAD, loaded, problems

CSV = "id,text,queue\n7,charged twice,billing\n8,cannot log in,technical\n"
ROWS = """\
cases:
  - data: t.csv
    id: "ticket-{{ row.id }}"
    vars: {message: "{{ row.text }}"}
    tags: ["{{ row.queue }}", all]
    cluster: "{{ row.queue }}"
    prompt: "{{ row.index }}: {{ row.text }}"
"""


def test_a_row_becomes_a_case(tmp_path: Path) -> None:
    first, second = loaded(tmp_path, HEAD + ROWS, t_csv=CSV).cases
    assert (first.id, first.tags, first.cluster) == ("ticket-7", ("billing", "all"), "billing")
    assert (second.id, second.vars["message"]) == ("ticket-8", "cannot log in")


def test_a_wrong_query_is_found_where_the_suite_names_its_data(tmp_path: Path) -> None:
    cases = "cases:\n  - id: a\n    data: {sqlite: t.db, query: SELECT * FROM gone}\n"
    (found,) = problems(tmp_path, HEAD + cases, t_db="")
    assert found.startswith("s.yaml:9:5: the query 'SELECT * FROM gone' of 't.db' failed: no such")


def test_a_row_is_seen_by_vars_and_prompts_with_its_index(tmp_path: Path) -> None:
    _first, second = loaded(tmp_path, HEAD + ROWS, t_csv=CSV).cases
    assert second.vars["row"] == {
        "index": 2, "id": "8", "text": "cannot log in", "queue": "technical",
    }  # fmt: skip


@given(cell=st.text())
def test_a_cell_is_data_and_never_rendered(
    tmp_path_factory: pytest.TempPathFactory, cell: str
) -> None:
    folder = tmp_path_factory.getbasetemp() / "cells"
    folder.mkdir(exist_ok=True)
    row = json.dumps({"cell": cell})
    text = "cases:\n  - data: d.jsonl\n    vars: {a: '{{ row.cell }}', b: '{{ a }}'}\n"
    (case,) = loaded(folder, HEAD + text, d_jsonl=row).cases
    assert (case.vars["a"], case.vars["b"]) == (cell, cell)


def test_a_cell_with_braces_stays_as_it_is(tmp_path: Path) -> None:
    text = "cases:\n  - data: t.csv\n    vars: {m: '{{ row.text }}', n: 'say {{ m }}'}\n"
    (case,) = loaded(tmp_path, HEAD + text, t_csv="text\n{{ word }} {% if %}\n").cases
    assert case.vars["n"] == "say {{ word }} {% if %}"


def test_a_cases_vars_stand_over_the_suites_and_see_those_above(tmp_path: Path) -> None:
    text = "cases:\n  - vars: {word: 'no, {{ word }}', twice: '{{ word }} {{ word }}'}\n"
    (case,) = loaded(tmp_path, HEAD + text).cases
    assert case.vars["twice"] == "no, yes please no, yes please"


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        pytest.param("cases: [{vars: {a: b}}, {id: x}]\n", ["case-1", "x"], id="by number"),
        pytest.param("cases: [{data: t.csv}]\n", ["7", "8"], id="by the column id"),
        pytest.param("cases: [{data: u.csv}]\n", ["row-1", "row-2"], id="by row"),
    ],
)
def test_a_case_without_an_id_is_numbered(tmp_path: Path, text: str, ids: list[str]) -> None:
    suite = loaded(tmp_path, HEAD + text, t_csv=CSV, u_csv="a\n1\n2\n")
    assert [case.id for case in suite.cases] == ids


def test_a_tag_that_renders_to_nothing_is_none(tmp_path: Path) -> None:
    text = "cases:\n  - tags: [\"{{ '' }}\", b, b]\n    cluster: \"{{ '' }}\"\n"
    (case,) = loaded(tmp_path, HEAD + text).cases
    assert (case.tags, case.cluster) == (("b",), None)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("cases: [{id: a}, {id: b}, {id: a}]\n",
                     ["s.yaml:7:27: the id 'a' is taken by the case at s.yaml:7:9; write another"],
                     id="inline"),
        pytest.param("cases: [{data: d.csv, id: '{{ row.a }}'}]\n",
                     ["d.csv:4:1: the id '1' is taken by the case at d.csv:2:1; write another"],
                     id="in data"),
        pytest.param("cases: [{id: '2'}, {data: d.csv, id: '{{ row.index }}'}]\n",
                     ["d.csv:3:1: the id '2' is taken by the case at s.yaml:7:9; write another"],
                     id="between both"),
    ],
)  # fmt: skip
def test_an_id_that_is_taken_names_both_places(tmp_path: Path, text: str, found: list[str]) -> None:
    told = problems(tmp_path, HEAD + text, d_csv="a\n1\n2\n1\n")
    assert len(told) == len(found)
    assert told[0].startswith(found[0])


def test_of_many_taken_ids_the_first_few_are_told(tmp_path: Path) -> None:
    rows = "a\n" + "x\n" * 500
    found = problems(tmp_path, HEAD + "cases: [{data: d.csv, id: same}]\n", d_csv=rows)
    assert len(found) == 20
    assert found[-1].endswith("there are more like this")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("vars: {a: '{{ x }}'}", "8:12: undefined: 'x' is undefined", id="vars"),
        pytest.param("vars: {a: [1, {b: '{{ x }}'}]}", "8:20: undefined: 'x'", id="deep in vars"),
        pytest.param("id: '{{ x }}'", "8:5: undefined: 'x' is undefined", id="id"),
        pytest.param("tags: [a, '{{ x }}']", "8:15: undefined: 'x' is undefined", id="tag"),
        pytest.param("cluster: '{{ x }}'", "8:5: undefined: 'x' is undefined", id="cluster"),
        pytest.param("vars:\n      a: |\n        one\n        {{ x }}", "11:9: undefined",
                     id="a line of a block"),
    ],
)  # fmt: skip
def test_an_undefined_variable_is_found_at_its_line(
    tmp_path: Path, text: str, problem: str
) -> None:
    (found,) = problems(tmp_path, f"{HEAD}cases:\n  - {text}\n")
    assert found.startswith(f"s.yaml:{problem}")


def test_an_undefined_variable_names_its_case(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, HEAD + "cases: [{id: b, vars: {a: '{{ wrod }}'}}]\n")
    assert found.endswith("undefined: 'wrod' is undefined; did you mean `word`? (case 'b')")


def test_a_column_that_is_not_there_names_row_and_columns(tmp_path: Path) -> None:
    found = problems(tmp_path, HEAD + ROWS.replace("row.text", "row.txt"), t_csv=CSV)
    assert "there is no `txt`; did you mean `text`? (row at t.csv:2:1)" in found[0]


def test_what_is_wrong_with_every_row_is_told_of_the_first_few(tmp_path: Path) -> None:
    rows = "a\n" + "x\n" * 500
    found = problems(tmp_path, HEAD + "cases: [{data: d.csv, id: '{{ q }}'}]\n", d_csv=rows)
    assert 1 <= len(found) <= 30


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        pytest.param("tickts.csv", "s.yaml:8:5: there is no file 'tickts.csv'", id="missing"),
        pytest.param("../t.csv", "s.yaml:8:5: '../t.csv' is outside the suite's", id="outside"),
        pytest.param("tickets.csv", "tickets.csv:3:1: 1 cells under 2 headers", id="row"),
        pytest.param("{python: d.py:gone}", "s.yaml:8:5: 'd.py' has no function 'gone'", id="code"),
        pytest.param("{python: d.py:f}", "d.py:2:1: 'f' raised ZeroDivisionError", id="raised"),
    ],
)
def test_a_data_set_that_cannot_be_used_is_an_error(
    tmp_path: Path, data: str, problem: str
) -> None:
    files = {"tickets_csv": "a,b\n1,2\n3\n", "d_py": "def f():\n    1 / 0\n"}
    found = problems(tmp_path, f"{HEAD}cases:\n  - data: {data}\n", **files)
    assert found[0].startswith(problem)


def test_a_number_that_loses_a_zero_as_text_is_a_warning(tmp_path: Path) -> None:
    suite = loaded(tmp_path, HEAD + "cases: [{vars: {v: 1.10, m: {n: [2.50, 3.5]}}}]\n")
    assert [warning.partition("s.yaml:")[2] for warning in suite.warnings] == [
        '7:17: `1.10` is the number 1.1 to YAML; quote it to mean the text',
        '7:34: `2.50` is the number 2.5 to YAML; quote it to mean the text',
    ]  # fmt: skip
