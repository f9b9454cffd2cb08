"""The command `harness costs`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.cli.costing import costs
from harness.errors import UsageError
from harness.records import Answer, Request, Usage
from harness.store import Entry, Store

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store(f"sqlite:///{tmp_path / 'some.db'}")
    request = Request({"model": "claude-sonnet-4-6", "messages": []}, "v")
    answer = Answer((), "claude-sonnet-4-6", "end_turn", Usage(1_000_000), NOON)
    store.exchange((), [Entry("k", request, answer, "r1")])
    store.close()


def said(*args: str) -> Result:
    return CliRunner().invoke(costs, [*args, "--store", "some.db"])


def test_a_table_by_model_is_the_default():
    head, line = said().output.splitlines()
    assert head.split()[:3] == ["model", "answers", "paid"]
    assert line.split()[:3] == ["claude-sonnet-4-6", "1", "$3.00"]


@pytest.mark.parametrize("how", [["--json"], ["--format", "json"]], ids=" ".join)
def test_json_is_data(how: list[str]):
    document = json.loads(said(*how, "--by", "run").output)
    assert document["spent"]["groups"][0]["run"] == "r1"


def test_csv_has_a_head_and_a_row():
    assert len(said("--format", "csv").output.splitlines()) == 2


@pytest.mark.parametrize(
    ("days", "spent"),
    [
        (["--since", "2026-11-20", "--until", "2026-11-20"], True),
        (["--since", "2026-11-21"], False),
        (["--until", "2026-11-19"], False),
    ],
    ids=["that day", "later", "earlier"],
)
def test_the_first_and_the_last_day_count(days: list[str], spent: bool):
    assert ("$3.00" in said(*days).output) is spent


def test_days_the_wrong_way_round_are_refused():
    caught = said("--since", "2026-11-21", "--until", "2026-11-20").exception
    assert isinstance(caught, UsageError)
    assert "2026-11-21 is after --until 2026-11-20" in str(caught)


def test_a_day_that_is_none_is_refused():
    assert said("--since", "yesterday").exit_code == 2


def test_prices_of_ones_own_are_used(tmp_path: Path):
    prices = "prices: {input: '1', output: '1', cache_read: '1'}"
    (tmp_path / "mine.yaml").write_text(f"models: [{{id: claude-sonnet-4-6, {prices}}}]\n")
    assert "$1.00" in said("--models-file", "mine.yaml").output
