"""Rows of data sets, from every kind of source, and what is wrong with them."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data import rows
from harness.errors import Place, SuiteError

Write = Callable[[str, "str | bytes"], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to(name: str, content: str | bytes) -> str:
        data = content.encode() if isinstance(content, str) else content
        (tmp_path / name).write_bytes(data)
        return name

    return to


@pytest.fixture
def database(tmp_path: Path) -> str:
    with closing(sqlite3.connect(tmp_path / "t.db")) as connection:
        connection.execute("create table tickets (id integer, text text, raw blob)")
        connection.execute("insert into tickets values (7, 'charged twice', x'00ff')")
        connection.commit()
    return "t.db"


def values(source: object, folder: Path) -> list[dict[str, object]]:
    found = [dict(row.values) for row in rows(source, folder)]
    return [{key: cell for key, cell in row.items() if key != "index"} for row in found]


def problems(source: object, folder: Path) -> list[str]:
    with pytest.raises(SuiteError) as caught:
        rows(source, folder)
    return [str(problem).removeprefix(f"{folder}/") for problem in caught.value.problems]


TWO_ROWS = [{"text": "a"}, {"text": "b"}]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("d.csv", "text\na\nb\n", id="csv"),
        pytest.param("d.csv", "\ufefftext\r\na\r\n\r\nb", id="csv from Excel"),
        pytest.param("d.CSV", '" text "\n"a"\n"b"\n', id="csv quoted"),
        pytest.param("d.tsv", "text\na\nb\n", id="tsv"),
        pytest.param("d.jsonl", '{"text": "a"}\n\n{"text": "b"}\n', id="jsonl"),
        pytest.param("d.json", '[{"text": "a"}, {"text": "b"}]', id="json"),
        pytest.param(
            "d.json", '{"v": 1, "rows": [{"text": "a"}, {"text": "b"}]}', id="json mapping"
        ),
        pytest.param("d.yaml", "- text: a\n- text: b\n", id="yaml"),
        pytest.param("d.yml", "rows:\n  - text: a\n  - text: b\n", id="yaml mapping"),
    ],
)
def test_every_kind_of_file_gives_its_rows(
    tmp_path: Path, write: Write, name: str, content: str
) -> None:
    assert values(write(name, content), tmp_path) == TWO_ROWS


def test_rows_are_counted_from_1(tmp_path: Path, write: Write) -> None:
    assert [row.values["index"] for row in rows(write("d.csv", "t\na\nb\n"), tmp_path)] == [1, 2]


def test_a_column_named_index_is_the_files_own(tmp_path: Path, write: Write) -> None:
    (row,) = rows(write("d.csv", "index\nseven\n"), tmp_path)
    assert row.values == {"index": "seven"}


def test_csv_cells_stay_text(tmp_path: Path, write: Write) -> None:
    source = write("d.csv", "a,b,c\n007,true,\n")
    assert values(source, tmp_path) == [{"a": "007", "b": "true", "c": ""}]


def test_a_cell_may_hold_a_document(tmp_path: Path, write: Write) -> None:
    before = csv.field_size_limit()
    assert values(write("d.csv", f"a\n{'x' * 200_000}\n"), tmp_path)[0]["a"] == "x" * 200_000
    assert csv.field_size_limit() == before


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
        min_size=1,
        max_size=5,
    )
)
def test_what_the_csv_module_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, cells: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("csv")
    out = io.StringIO(newline="")
    csv.writer(out).writerows([["a", "b"], *([cell, "x"] for cell in cells)])
    (folder / "d.csv").write_text(out.getvalue(), encoding="utf-8", newline="")
    assert [row["a"] for row in values("d.csv", folder)] == cells


@pytest.mark.parametrize(
    ("name", "content", "lines"),
    [
        pytest.param("d.csv", 'a,b\n"x\ny",1\n\nz,2\n', [2, 5], id="csv"),
        pytest.param("d.jsonl", '\n{"a": 1}\n\n{"a": 2}', [2, 4], id="jsonl"),
        pytest.param("d.json", '[\n  {"a":\n 1},\n  {"a": [2]}\n]', [2, 4], id="json"),
        pytest.param("d.json", '{"v": 1,\n "r": [{}\n, {}]}', [2, 3], id="json mapping"),
        pytest.param("d.yaml", "# tickets\n- a: 1\n- a: 2\n", [2, 3], id="yaml"),
        pytest.param("d.txt", "one\n\ntwo\n", [1, 3], id="txt"),
    ],
)
def test_a_row_knows_its_line(
    tmp_path: Path, write: Write, name: str, content: str, lines: list[int]
) -> None:
    found = rows(write(name, content), tmp_path)
    assert [row.place.line for row in found] == lines
    assert {row.place.path for row in found} == {tmp_path / name}


@given(
    st.lists(st.dictionaries(st.text(max_size=3), st.integers() | st.lists(st.none())), min_size=1),
    st.sampled_from([None, 0, 3]),
    st.booleans(),
)
def test_json_rows_are_found_however_they_are_laid_out(
    tmp_path_factory: pytest.TempPathFactory,
    items: list[dict[str, object]],
    indent: int | None,
    wrapped: bool,
) -> None:
    folder = tmp_path_factory.mktemp("json")
    document = {"a": {"b": [1]}, "rows": items, "z": "]"} if wrapped else items
    text = json.dumps(document, indent=indent)
    (folder / "d.json").write_text(text, encoding="utf-8")
    found = rows("d.json", folder)
    assert [{"index": n, **item} for n, item in enumerate(items, 1)] == [r.values for r in found]
    for row in found:
        assert text.split("\n")[row.place.line - 1][row.place.column - 1] == "{"


def test_a_text_file_is_a_row_a_line(tmp_path: Path, write: Write) -> None:
    assert values(write("d.txt", "one\r\n\r\ntwo \r\n"), tmp_path) == [
        {"text": "one", "line": 1},
        {"text": "two ", "line": 3},
    ]


def test_a_text_file_of_blocks_is_a_row_a_block(tmp_path: Path, write: Write) -> None:
    assert values(write("d.txt", "one\nmore\n\n\ntwo\n"), tmp_path) == [
        {"text": "one\nmore", "line": 1},
        {"text": "two", "line": 5},
    ]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        pytest.param(
            "d.csv",
            "a,b\n1\n2,3\n4,5,6\n",
            ["d.csv:2:1: 1 cells", "d.csv:4:1: 3 cells"],
            id="ragged",
        ),
        pytest.param(
            "d.csv",
            "a,,a\n1,2,3\n",
            ["d.csv:1:1: column 2 has no", "d.csv:1:1: 2 columns are named 'a'"],
            id="headers",
        ),
        pytest.param("d.csv", "a;b\n1;2\n", ["d.csv:1:1: one column named 'a;b'"], id="semicolons"),
        pytest.param("d.csv", 'a\n"open\n', ["d.csv:2:1: not valid CSV"], id="open quote"),
        pytest.param("d.csv", "a\nx\0y\n", ["d.csv:2:1: a NUL character"], id="NUL"),
        pytest.param("d.csv", b"a\ncaf\xe9\n", ["d.csv:2:1: byte 5 is not UTF-8"], id="latin-1"),
        pytest.param(
            "d.csv",
            b"\xef\xbb\xbfa\ncaf\xe9\n",
            ["d.csv:2:1: byte 8 is not UTF-8"],
            id="latin-1 after a mark",
        ),
        pytest.param(
            "d.csv", "a\n".encode("utf-16"), ["d.csv:1:1: byte 0 looks like UTF-16"], id="utf-16"
        ),
        pytest.param(
            "d.jsonl",
            '{"a": 1}\n{"a": \n[1]\n',
            ["d.jsonl:2:7: not valid JSON", "d.jsonl:3:1: a row must be a mapping"],
            id="jsonl",
        ),
        pytest.param(
            "d.jsonl",
            '{"a": NaN}\n{"a": 1, "a": 2}\n',
            [
                "d.jsonl:1:1: not valid JSON: NaN",
                "d.jsonl:2:1: not valid JSON: the key 'a' stands twice",
            ],
            id="what nobody means",
        ),
        pytest.param(
            "d.jsonl",
            '{"a": "\\ud83d"}\n',
            ["d.jsonl:1:1: not valid JSON: \\ud83d is half"],
            id="half a character",
        ),
        pytest.param(
            "d.jsonl",
            "[" * 100_000,
            ["d.jsonl:1:1: not valid JSON: nested too deeply"],
            id="nested",
        ),
        pytest.param("d.json", '[{"a": 1},\n {"a" 2}]', ["d.json:2:7: not valid JSON"], id="json"),
        pytest.param(
            "d.json",
            '[1,\n "b"]',
            ["d.json:1:2: a row must be a mapping", "d.json:2:2: a row must"],
            id="json items",
        ),
        pytest.param(
            "d.json",
            '{"a": [], "b": []}',
            ["d.json:1:1: the rows must be a list, or the only list of a mapping; found 2"],
            id="two lists",
        ),
        pytest.param("d.yaml", "a: 1\n", ["d.yaml:1:1: the rows must be a list"], id="no list"),
        pytest.param(
            "d.yaml", "- just text\n", ["d.yaml:1:3: a row must be a mapping"], id="yaml items"
        ),
    ],
)
def test_all_that_is_wrong_in_a_file_is_said_with_its_place(
    tmp_path: Path, write: Write, name: str, content: str | bytes, expected: list[str]
) -> None:
    found = problems(write(name, content), tmp_path)
    assert len(found) == len(expected)
    assert all(message.startswith(start) for message, start in zip(found, expected, strict=True))


def test_many_problems_are_cut_short(tmp_path: Path, write: Write) -> None:
    found = problems(write("d.jsonl", "x\n" * 500), tmp_path)
    assert len(found) == 21
    assert found[-1] == "d.jsonl:21:1: and 480 more rows like these"


@pytest.mark.parametrize("name", ["d.csv", "d.jsonl", "d.txt"])
def test_an_empty_data_set_is_an_error(tmp_path: Path, write: Write, name: str) -> None:
    assert problems(write(name, ""), tmp_path) == [
        f"the data set '{name}' has no rows; add at least one"
    ]


def test_a_header_alone_is_no_data_set(tmp_path: Path, write: Write) -> None:
    assert "has no rows" in problems(write("d.csv", "a,b\n"), tmp_path)[0]


def test_a_missing_file_names_the_near_ones(tmp_path: Path, write: Write) -> None:
    write("tickets.csv", "a\n1\n")
    (message,) = problems("tickts.csv", tmp_path)
    assert message == f"there is no file 'tickts.csv' in {tmp_path}; is it 'tickets.csv'?"


@pytest.mark.parametrize(
    ("there", "near"),
    [
        (["colon.yaml", "answers.csv"], None),
        (["tickets.yaml", "tickets2.csv"], "'tickets2.csv'"),
        (["tickets.yaml", "colon.csv"], "'tickets.yaml'"),
    ],
    ids=["none is like it", "its kind first", "another kind"],
)
def test_a_missing_files_name_is_compared_with_those_of_its_kind_first(
    tmp_path: Path, write: Write, there: list[str], near: str | None
) -> None:
    for name in there:
        write(name, "")
    (message,) = problems("tickets.csv" if near else "nope.csv", tmp_path)
    assert message.endswith(f"; is it {near}?" if near else f" in {tmp_path}")


def test_a_wrong_query_stands_at_its_place_in_the_suite(tmp_path: Path, database: str) -> None:
    source = {"sqlite": database, "query": "select * from ticket"}
    with pytest.raises(SuiteError, match=r"^s\.yaml:9:5: the query 'select \* from ticket' of 't"):
        rows(source, tmp_path, at=Place(Path("s.yaml"), 9, 5))


def test_what_is_wrong_with_the_source_stands_at_its_place_in_the_suite(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=r"^s\.yaml:9:5: there is no file"):
        rows("d.csv", tmp_path, at=Place(Path("s.yaml"), 9, 5))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        pytest.param("notes.pdf", "is of no known kind; a data file ends in .csv, .tsv", id="kind"),
        pytest.param("", "names no data set", id="nothing"),
        pytest.param(7, "names no data set", id="number"),
        pytest.param({"sqlite": "t.db"}, "names no data set", id="no query"),
        pytest.param({"python": "rows"}, "write file.py:function", id="no function"),
        pytest.param("a\0b", "cannot be read", id="NUL in the name"),
    ],
)
def test_a_source_that_is_none(tmp_path: Path, write: Write, source: object, message: str) -> None:
    write("notes.pdf", "")
    assert message in problems(source, tmp_path)[0]


@pytest.mark.parametrize("name", ["../secret.csv", "link.csv", "{outside}/secret.csv"])
def test_a_file_outside_the_folder_is_not_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n", encoding="utf-8")
    folder = tmp_path / "suite"
    folder.mkdir()
    (folder / "link.csv").symlink_to(tmp_path / "secret.csv")
    assert "is outside the suite's folder" in problems(name.format(outside=tmp_path), folder)[0]


def test_a_query_gives_its_rows(tmp_path: Path, database: str) -> None:
    source = {"sqlite": database, "query": "select id, text, null as gone from tickets"}
    assert values(source, tmp_path) == [{"id": 7, "text": "charged twice", "gone": None}]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        pytest.param("select * from ticket", "no such table: ticket", id="no table"),
        pytest.param("delete from tickets", "not authorized; it may only SELECT", id="write"),
        pytest.param("attach 'other.db' as o", "it may only SELECT", id="attach"),
        pytest.param("select 1; select 2", "one statement", id="two statements"),
        pytest.param("select raw from tickets", "'raw' is binary; select hex(raw)", id="blob"),
        pytest.param("select id, id from tickets", "2 columns are named 'id'", id="columns"),
        pytest.param("select id from tickets where id > 9", "has no rows", id="empty"),
    ],
)
def test_a_query_that_cannot_be_used(
    tmp_path: Path, database: str, query: str, message: str
) -> None:
    assert message in problems({"sqlite": database, "query": query}, tmp_path)[0]


def test_a_file_that_is_no_database(tmp_path: Path, write: Write) -> None:
    source = {"sqlite": write("t.db", "x" * 5000), "query": "select 1 from t"}
    assert "file is not a database" in problems(source, tmp_path)[0]


def test_the_line_that_raised_is_named_under_a_relative_folder_too(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("made.py", "def make():\n    return 1 / 0\n")
    monkeypatch.chdir(tmp_path)
    assert problems({"python": "made.py:make"}, Path())[0].startswith("made.py:2:1: ")


def test_a_function_gives_its_rows(tmp_path: Path, write: Write) -> None:
    write("made.py", "def make():\n    for n in (1, 2):\n        yield {'n': n}\n")
    assert values({"python": "made.py:make"}, tmp_path) == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        pytest.param(
            "def make():\n    yield {}\n    return 1 / 0\n",
            "made.py:3:1: 'make' raised ZeroDivisionError",
            id="raises",
        ),
        pytest.param(
            "x = 1\ndef make(:\n",
            "made.py:2:10: file 'made.py' cannot be loaded: SyntaxError",
            id="syntax",
        ),
        pytest.param(
            "import sys\ndef make():\n    yield {}\n    sys.exit()\n",
            "made.py:4:1: 'make' raised SystemExit",
            id="ends the program",
        ),
        pytest.param(
            "raise SystemExit(0)\n",
            "made.py:1:1: file 'made.py' cannot be loaded: SystemExit: 0",
            id="ends the program when loaded",
        ),
        pytest.param("other = 1\n", "'made.py' has no function 'make'", id="none"),
        pytest.param(
            "def make():\n    return [1]\n", "made.py: a row must be a mapping", id="item"
        ),
        pytest.param(
            "def make():\n    return [{1: 2}]\n", "made.py: the column name 1 is no text", id="name"
        ),
    ],
)
def test_a_function_that_gives_no_rows(
    tmp_path: Path, write: Write, code: str, message: str
) -> None:
    write("made.py", code)
    assert problems({"python": "made.py:make"}, tmp_path)[0].startswith(message)
