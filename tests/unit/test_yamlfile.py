"""YAML as data that remembers where it stands, and what is refused in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import Place, SuiteError
from harness.yamlfile import PlaceOf, dump_yaml, read_yaml, scan_yaml


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "f.yaml"


def read(file: Path, text: str) -> tuple[Any, PlaceOf]:
    file.write_text(text, encoding="utf-8")
    return read_yaml(file)


def refused(file: Path, content: str | bytes) -> list[str]:
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(SuiteError) as caught:
        read_yaml(file)
    return [str(problem).removeprefix(f"{file}:") for problem in caught.value.problems]


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(tree=plain)
def test_what_yaml_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, tree: object
) -> None:
    file = tmp_path_factory.getbasetemp() / "law.yaml"
    assert read(file, yaml.safe_dump(tree))[0] == tree


@given(tree=plain | st.dictionaries(st.text(), st.floats(allow_nan=False)))
def test_what_is_dumped_is_read_back_with_its_keys_in_order(
    tmp_path_factory: pytest.TempPathFactory, tree: object
) -> None:
    file = tmp_path_factory.getbasetemp() / "dumped.yaml"
    found = read(file, dump_yaml(tree))[0]
    assert found == tree
    assert not isinstance(tree, dict) or list(found) == list(tree)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("true", True, id="boolean"),
        pytest.param("~", None, id="null"),
        pytest.param("-3", -3, id="whole number"),
        pytest.param("+3", 3, id="with a sign"),
        pytest.param("1.10", 1.1, id="number"),
        pytest.param("1e3", "1e3", id="no number to YAML 1.1"),
        pytest.param("'yes'", "yes", id="quoted"),
        pytest.param("=", "=", id="equals sign"),
        pytest.param("? a\n: 1", {"a": 1}, id="explicit key"),
        pytest.param("1: a", {"1": "a"}, id="a key is a text"),
        pytest.param("yes: a", {"yes": "a"}, id="a key is no boolean"),
        pytest.param("a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}", None, id="merged"),
    ],
)
def test_a_scalar_is_what_it_looks_like(file: Path, text: str, value: object) -> None:
    data, _place_of = read(file, text)
    expected = {"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}} if text.startswith("a: &x") else value
    assert data == expected


@pytest.mark.parametrize("text", ["yes", "no", "On", "off", "Yes"])
def test_a_word_that_is_a_boolean_to_yaml_is_refused_with_both_ways_out(
    file: Path, text: str
) -> None:
    (problem,) = refused(file, f"a: {text}")
    assert problem.startswith(f'1:4: `{text}` is a boolean to YAML; write "{text}" to mean')
    assert problem.endswith(("or true to mean the boolean", "or false to mean the boolean"))


@pytest.mark.parametrize(
    ("text", "number"),
    [("0123", "83"), ("12:30", "750"), ("1_000", "1000"), ("0x1f", "31"), ("0b11", "3")],
)
def test_a_number_that_is_another_one_is_refused(file: Path, text: str, number: str) -> None:
    (problem,) = refused(file, f"a: {text}")
    assert f'`{text}` is the number {number} to YAML; write "{text}" to mean the text' in problem


@pytest.mark.parametrize("text", ["2026-01-31", "2026-01-31 10:00:00"])
def test_a_bare_date_is_refused(file: Path, text: str) -> None:
    assert refused(file, f"- {text}") == [
        f'1:3: `{text}` is a date to YAML; write "{text}" to mean the text'
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param("a: [1", "2:1: not valid YAML: ", id="open bracket"),
        pytest.param("a: b: c", "1:5: not valid YAML: mapping values are not allowed", id="colon"),
        pytest.param("a:\n\t- b", "2:1: not valid YAML: ", id="tab"),
        pytest.param("a: @b", "1:4: not valid YAML: ", id="reserved"),
        pytest.param("a: 1\n---\nb: 2", "2:1: not valid YAML: expected a single", id="documents"),
        pytest.param("a: *x", "1:4: not valid YAML: ", id="no anchor"),
        pytest.param("a: &x [*x]", "1:4: nested too deeply", id="an alias in itself"),
        pytest.param("a: 1\nb: 2\na: 3", "3:1: `a` stands twice", id="twice"),
        pytest.param("[a]: 1", "1:1: a key must be a text", id="a list as key"),
        pytest.param("a: !x 1", "1:4: the tag `!x` is not known", id="tag"),
        pytest.param("a: {<<: 3}", "1:9: `<<` merges mappings only", id="merge"),
        pytest.param("a: 1\nb: \x00", "2:4: the character U+0000 may not", id="control"),
        pytest.param(b"a: caf\xe9", "1:7: byte 6 is not UTF-8", id="latin-1"),
        pytest.param("a: 1".encode("utf-16"), "1:1: byte 0 is not UTF-8", id="utf-16"),
    ],
)
def test_what_is_no_yaml_is_refused_at_its_place(
    file: Path, content: str | bytes, problem: str
) -> None:
    assert refused(file, content)[0].startswith(problem)


def test_a_tab_is_told_to_be_spaces(file: Path) -> None:
    assert "indent with spaces" in refused(file, "a:\n\t- b")[0]


def test_deep_nesting_is_refused(file: Path) -> None:
    assert "nested too deeply" in refused(file, "[" * 200 + "]" * 200)[0]


def test_aliases_of_aliases_do_not_fill_the_memory(file: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 10)}]" for n in range(12)]
    assert "aliases repeat more than 100,000 values" in refused(file, "\n".join(lines))[0]


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="cannot be read: Is a directory"):
        read_yaml(tmp_path)


def test_everything_that_is_wrong_is_said_at_once(file: Path) -> None:
    found = refused(file, "a: yes\nb: 0123\na: 2026-01-01\n")
    assert [problem[:3] for problem in found] == ["1:4", "2:4", "3:1", "3:4"]


def test_what_was_misread_stands_in_the_scan_as_written(file: Path) -> None:
    file.write_text("a: yes\nb: 0123\n", encoding="utf-8")
    data, _place_of, problems = scan_yaml(file)
    assert (data, len(problems)) == ({"a": "yes", "b": "0123"}, 2)


TEXT = """\
suite: t
cases:
  - id: a
    vars: {x: 1.10}
    prompt: |
      one
        two
    system: "quoted
      on two lines"
"""


@pytest.mark.parametrize(
    ("keys", "line", "column"),
    [
        pytest.param((), 1, 1, id="file"),
        pytest.param(("cases", 0), 3, 5, id="list entry"),
        pytest.param(("cases", 0, "vars", "x"), 4, 12, id="in a flow mapping"),
        pytest.param(("cases", 0, "tags", 2), 3, 5, id="the deepest part that exists"),
        pytest.param(("cases", 7), 2, 1, id="no such entry"),
    ],
)
def test_a_key_path_has_a_place(
    file: Path, keys: tuple[str | int, ...], line: int, column: int
) -> None:
    assert read(file, TEXT)[1](keys) == Place(file, line, column)


@pytest.mark.parametrize(
    ("key", "number", "line", "column"),
    [
        pytest.param("prompt", 1, 6, 7, id="a block's first line"),
        pytest.param("prompt", 2, 7, 9, id="a block's second line"),
        pytest.param("system", 1, 8, 5, id="a quoted text's first line"),
        pytest.param("system", 2, 9, 7, id="a quoted text's second line"),
        pytest.param("prompt", 9, 7, 9, id="never past the end"),
        pytest.param("vars", 2, 4, 5, id="no text"),
    ],
)
def test_a_line_within_a_text_has_a_place(
    file: Path, key: str, number: int, line: int, column: int
) -> None:
    place = read(file, TEXT)[1].within(("cases", 0, key), number)
    assert (place.line, place.column) == (line, column)


def test_a_number_is_known_as_it_is_written(file: Path) -> None:
    assert read(file, TEXT)[1].written(("cases", 0, "vars", "x")) == "1.10"


def test_an_empty_file_has_a_place_too(file: Path) -> None:
    data, place_of = read(file, "# nothing\n")
    assert (data, place_of(("a",)), place_of.written(("a",))) == (None, Place(file, 1, 1), None)
