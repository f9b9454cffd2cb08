"""Files and functions that a suite names."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.errors import SuiteError
from harness.files import inside, load_function, read_text_inside


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "suites"
    folder.mkdir()
    return folder


def code(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


def refused(name: str, folder: Path) -> str:
    with pytest.raises(SuiteError) as caught:
        load_function(name, folder)
    return str(caught.value).replace(f"{folder}/", "")


def test_a_text_is_read_without_its_byte_order_mark(folder: Path) -> None:
    (folder / "p.md").write_bytes(b"\xef\xbb\xbfhi")
    assert read_text_inside(folder, "p.md") == (folder / "p.md", "hi")


@pytest.mark.parametrize("name", ["../secret.md", "link.md", "{tmp}/secret.md"])
def test_a_file_outside_the_folder_is_not_read(tmp_path: Path, folder: Path, name: str) -> None:
    (tmp_path / "secret.md").write_text("x")
    (folder / "link.md").symlink_to(tmp_path / "secret.md")
    with pytest.raises(SuiteError, match="lies outside the suite's folder; move it there"):
        inside(folder, name.format(tmp=tmp_path))


def test_a_missing_file_names_its_neighbours(folder: Path) -> None:
    (folder / "route.j2").write_text("x")
    with pytest.raises(SuiteError, match=r"is not in .*; did you mean 'route.j2'\?"):
        inside(folder, "rout.j2")


def test_a_missing_file_without_neighbours_says_where_to_put_it(folder: Path) -> None:
    with pytest.raises(SuiteError, match=r"'deep/x.md' is not in .*; put it there"):
        inside(folder, "deep/x.md")


def test_a_file_that_is_not_utf_8_is_refused(folder: Path) -> None:
    (folder / "p.md").write_bytes(b"caf\xe9")
    with pytest.raises(SuiteError, match="byte 3 is not UTF-8; save it as UTF-8"):
        read_text_inside(folder, "p.md")


def test_a_function_of_a_file_is_found(folder: Path) -> None:
    code(folder, "f.py", "def one():\n    return 1\n")
    assert load_function("f.py:one", folder)() == 1


def test_a_function_of_a_module_is_found(folder: Path) -> None:
    assert load_function("json:dumps", folder)([1]) == "[1]"


def test_a_file_is_run_once(folder: Path) -> None:
    code(folder, "f.py", "made = []\ndef one():\n    made.append(1)\n    return len(made)\n")
    assert [load_function("f.py:one", folder)() for _ in range(2)] == [1, 2]


def test_a_file_may_import_the_modules_beside_it(folder: Path) -> None:
    code(folder, "beside.py", "N = 7\n")
    code(folder, "f.py", "from beside import N\ndef one():\n    return N\n")
    assert load_function("f.py:one", folder)() == 7
    assert str(folder) not in sys.path


def test_modules_of_one_name_in_two_folders_are_two(tmp_path: Path) -> None:
    for n in (1, 2):
        code(tmp_path / f"s{n}", "beside.py", f"N = {n}\n")
        code(tmp_path / f"s{n}", "f.py", "from beside import N\ndef one():\n    return N\n")
    assert [load_function("f.py:one", tmp_path / f"s{n}")() for n in (1, 2)] == [1, 2]


def test_a_file_with_a_dataclass_can_be_loaded(folder: Path) -> None:
    text = "from __future__ import annotations\nfrom dataclasses import dataclass\n"
    code(folder, "f.py", f"{text}@dataclass\nclass A:\n    n: int\ndef one():\n    return A(1).n\n")
    assert load_function("f.py:one", folder)() == 1


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        pytest.param("f.py", "'f.py' names no function; write `file.py:function`", id="no colon"),
        pytest.param(":one", "':one' names no function", id="no file"),
        pytest.param("f.py:on", "'f.py' has no function 'on'; did you mean `one`?", id="near"),
        pytest.param("f.py:N", "'f.py' has no function 'N'; define it there", id="no function"),
        pytest.param("g.py:one", "'g.py' is not in", id="no such file"),
        pytest.param("../f.py:one", "lies outside the suite's folder", id="outside"),
        pytest.param("nowhere.x:f", "module 'nowhere.x' cannot be imported: ModuleNo", id="module"),
        pytest.param("raises.py:f", "raises.py:2:1: file 'raises.py' cannot be loaded: ZeroDiv",
                     id="raises"),
        pytest.param("exits.py:f", "cannot be loaded: SystemExit: 3", id="exits"),
        pytest.param("syntax.py:f", "syntax.py:2:", id="syntax"),
    ],
)  # fmt: skip
def test_what_is_no_function_is_refused(folder: Path, name: str, problem: str) -> None:
    code(folder, "f.py", "N = 1\ndef one():\n    pass\n")
    code(folder, "raises.py", "import math\n1 / 0\n")
    code(folder, "exits.py", "raise SystemExit(3)\n")
    code(folder, "syntax.py", "a = 1\ndef f(:\n")
    assert problem in refused(name, folder)


def test_a_file_that_broke_is_run_again_once_it_is_mended(folder: Path) -> None:
    code(folder, "f.py", "1 / 0\n")
    refused("f.py:one", folder)
    code(folder, "f.py", "def one():\n    return 'mended'\n")
    assert load_function("f.py:one", folder)() == "mended"
