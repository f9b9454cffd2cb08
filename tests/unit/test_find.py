"""Which files are suites."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.errors import SuiteError
from harness.find import find_suites, is_suite, suite_folders


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


def test_a_pipe_in_a_folder_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "p.yaml")
    assert "p.yaml" not in [path.name for path in find_suites([folder])]


def test_what_is_neither_file_nor_folder_is_not_called_a_folder() -> None:
    with pytest.raises(SuiteError, match=r"^/dev/null: neither a file nor a folder"):
        find_suites([Path("/dev/null")])


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that fails to read")
def test_a_file_of_a_folder_that_cannot_be_read_is_an_error(folder: Path) -> None:
    # No permission keeps root from reading; an address of no memory keeps everybody.
    (folder / "x.yaml").symlink_to("/proc/self/mem")
    with pytest.raises(SuiteError, match=r"x\.yaml: cannot be read: "):
        find_suites([folder])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("name", ["deep", "b.yaml"], ids=["folder", "file"])
def test_what_one_may_not_read_in_a_folder_is_an_error(folder: Path, name: str) -> None:
    (folder / name).chmod(0)
    try:
        with pytest.raises(SuiteError, match=f"{name}: cannot be read: Permission denied"):
            find_suites([folder])
    finally:
        (folder / name).chmod(0o700)


def test_the_folder_of_a_suite_comes_after_the_folder_that_is_named(folder: Path) -> None:
    assert suite_folders([folder]) == [folder, folder, folder / "deep"]


def test_the_folder_that_is_named_first_comes_last(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    found = suite_folders([folder / "b.yaml", tmp_path / "empty"])
    assert found == [tmp_path / "empty", folder]


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
