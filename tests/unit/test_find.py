"""Which files are suites."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import SuiteError
from harness.find import find_suites, is_suite


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {
        "b.yaml": "suite: b\n",
        "a.yml": "# first\nsuite : a\n",
        "answers.yaml": "answers: {}\n",
        "notes.txt": "suite: no\n",
        "deep/c.yaml": "suite: c\n",
        ".hidden/d.yaml": "suite: d\n",
        "node_modules/e.yaml": "suite: e\n",
        "nested.yaml": "x:\n  suite: f\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_a_folder_gives_its_suites_and_those_of_its_folders(folder: Path) -> None:
    found = [str(path.relative_to(folder)) for path in find_suites([folder])]
    assert found == ["a.yml", "b.yaml", "deep/c.yaml"]


def test_a_suite_that_is_named_twice_is_found_once(folder: Path) -> None:
    again = folder / "deep" / ".." / "b.yaml"
    assert find_suites([folder / "b.yaml", folder / "b.yaml", again]) == [folder / "b.yaml"]


def test_a_file_that_is_named_is_taken_whatever_it_holds(folder: Path) -> None:
    assert find_suites([folder / "answers.yaml"]) == [folder / "answers.yaml"]


def test_everything_that_is_not_there_is_said_at_once(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SuiteError) as caught:
        find_suites([folder / "gone.yaml", tmp_path / "empty"])
    first, second = map(str, caught.value.problems)
    assert first == f"{folder}/gone.yaml: no such file or folder"
    assert second.startswith(f"{tmp_path}/empty: no suite in this folder; suites are YAML files")


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        pytest.param("s.yaml", b"suite: x", True, id="suite"),
        pytest.param("s.yaml", b"'suite': x", True, id="quoted"),
        pytest.param("s.yml", b"suite:\tx", True, id="a tab after the colon"),
        pytest.param("s.yaml", b"\xef\xbb\xbfsuite: x", True, id="byte order mark"),
        pytest.param("s.yaml", b"suite: caf\xe9", True, id="not UTF-8"),
        pytest.param("s.yaml", b"suites: x", False, id="another key"),
        pytest.param("s.json", b"suite: x", False, id="another kind of file"),
    ],
)
def test_a_suite_is_known_by_its_first_level(
    tmp_path: Path, name: str, content: bytes, *, expected: bool
) -> None:
    (tmp_path / name).write_bytes(content)
    assert is_suite(tmp_path / name) is expected


def test_what_cannot_be_read_is_no_suite(tmp_path: Path) -> None:
    assert not is_suite(tmp_path / "gone.yaml")
