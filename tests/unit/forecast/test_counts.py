"""Counts of tokens, remembered from one plan to the next."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.forecast.counts import remembered
from harness.records import Request


def asked(*names: str) -> list[Request]:
    return [Request({"model": name}, "v") for name in names]


class Api:
    """Counts the requests it was asked of; it knows no model `x`."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def count(self, requests: Sequence[Request]) -> tuple[list[int | None], str]:
        self.asked += [request.model for request in requests]
        return [None if request.model == "x" else 7 for request in requests], "no x"


def test_what_was_counted_is_not_asked_again(tmp_path: Path):
    api, file, warned = Api(), tmp_path / "folder" / "counts.json", list[str]()
    count = remembered(file, api.count, warn=warned.append)
    assert count(asked("a", "x")) == ([7, None], "no x")
    assert count(asked("a", "b")) == ([7, 7], "no x")
    assert (api.asked, warned) == (["a", "x", "b"], [])


def test_without_anybody_to_ask_only_what_was_counted_is_known(tmp_path: Path):
    file = tmp_path / "counts.json"
    remembered(file, Api().count, warn=pytest.fail)(asked("a"))
    assert remembered(file, warn=pytest.fail)(asked("b", "a")) == ([None, 7], "")


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"a": "b"}'], ids=str)
def test_a_damaged_file_counts_for_nothing(tmp_path: Path, text: str):
    file = tmp_path / "counts.json"
    file.write_text(text)
    assert remembered(file, Api().count, warn=pytest.fail)(asked("a"))[0] == [7]


def test_a_file_that_cannot_be_written_is_warned_of_and_the_counts_stand(tmp_path: Path):
    file, warned = tmp_path, list[str]()
    assert remembered(file, Api().count, warn=warned.append)(asked("a"))[0] == [7]
    assert warned == [f"{file} cannot be written: Is a directory"]
