"""A problem is shown with the line of the file it is in."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import Place, Problem
from reports.problems import excerpt, told


def at(folder: Path, text: str, line: int, column: int) -> Place:
    path = folder / "s.yaml"
    path.write_text(text, encoding="utf-8")
    return Place(path, line, column)


def test_the_line_of_the_file_is_shown_with_a_caret(tmp_path: Path) -> None:
    place = at(tmp_path, "suite: x\nmodel: haiku\n", 2, 1)
    assert told([Problem("unknown key `model`", place)]).splitlines() == [
        f"{place}: unknown key `model`",
        "     2 | model: haiku",
        "       | ^",
    ]


@pytest.mark.parametrize(
    ("text", "column", "caret"),
    [
        pytest.param("a: yes", 4, 3, id="in the middle"),
        pytest.param("\ta: yes", 2, 1, id="behind a tab"),
        pytest.param("\x1b[2Ja: yes", 6, 8, id="behind what is made visible"),
        pytest.param("short", 99, 5, id="beyond the end"),
    ],
)
def test_the_caret_stands_below_the_column(
    tmp_path: Path, text: str, column: int, caret: int
) -> None:
    shown, below = excerpt(at(tmp_path, text, 1, column))
    assert below.index("^") - below.index("|") - 2 == caret
    assert "\x1b" not in shown


def test_of_a_long_line_the_part_around_the_column_is_shown(tmp_path: Path) -> None:
    shown, below = excerpt(at(tmp_path, "x" * 500 + "!" + "y" * 500, 1, 501))
    assert len(shown) < 120
    assert shown[below.index("^")] == "!"


@pytest.mark.parametrize("line", [0, 9], ids=["the file as a whole", "a line that is not there"])
def test_without_a_line_there_is_no_excerpt(tmp_path: Path, line: int) -> None:
    assert excerpt(at(tmp_path, "suite: x\n", line, 1)) == []


def test_a_file_that_is_gone_has_no_excerpt(tmp_path: Path) -> None:
    assert excerpt(Place(tmp_path / "gone.yaml", 1, 1)) == []
