"""Tables that fit a terminal."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from reports.columns import parts
from reports.tables import Table

NUMBERS = ("87.5 %", "$0.00042", "1,234", "0.42 s")
letters = st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=90)
names = st.lists(letters, min_size=1, max_size=9, unique=True)


def a_table(rows: list[str], *, left: int = 1) -> Table:
    columns = (*("suite", "candidate")[-left:], "passed", "cost", "cases", "p50")
    return Table("T", columns, tuple((*(name,) * left, *NUMBERS) for name in rows), left)


def cells(lines: list[str]) -> list[list[str]]:
    return [re.split(r"\s{2,}", line.strip()) for line in lines]


@given(names, st.integers(30, 200), st.sampled_from([1, 2]))
def test_every_number_appears_whole_and_no_line_is_too_long(
    rows: list[str], width: int, left: int
) -> None:
    printed = [line for part in parts(a_table(rows, left=left), width) for line in part]
    assert max(map(cell_len, printed)) <= width
    found = [cell for line in cells(printed) for cell in line]
    for number in NUMBERS:
        assert found.count(number) >= len(rows)


@given(names, st.integers(30, 200))
def test_names_that_differ_still_differ(rows: list[str], width: int) -> None:
    for part in parts(a_table(rows), width):
        shown = [line[0] for line in cells(part[1:])]
        assert len(set(shown)) == len(rows)


def test_a_long_name_loses_its_middle() -> None:
    (part,) = parts(a_table(["claude-haiku-4-5-20251001/short"]), 56)
    assert part[1].startswith("claude-haik…51001/short  ")


def test_a_table_that_is_too_wide_goes_on_below() -> None:
    first, second = parts(a_table(["claude-haiku-4-5"]), 40)
    assert cells(first) == [["candidate", "passed", "cost"], ["claude-haiku-4-5", *NUMBERS[:2]]]
    assert cells(second) == [["candidate", "cases", "p50"], ["claude-haiku-4-5", *NUMBERS[2:]]]


@pytest.mark.parametrize("width", [None, 1000], ids=["a pipe", "a wide terminal"])
def test_where_there_is_room_nothing_is_cut(width: int | None) -> None:
    name = "a" * 70
    assert cells(parts(a_table([name]), width)[0])[1] == [name, *NUMBERS]


def test_numbers_stand_under_each_other() -> None:
    table = Table("T", ("name", "n"), (("a", "1"), ("b", "1,000")))
    assert parts(table, 80) == [["name      n", "a         1", "b     1,000"]]


def test_names_that_no_cut_tells_apart_are_numbered() -> None:
    part, *_ = parts(a_table(["a" * n for n in range(30, 70)]), 60)
    shown = [line[0] for line in cells(part[1:])]
    assert len(set(shown)) == 40
    assert any(name.endswith("a…2") for name in shown)
