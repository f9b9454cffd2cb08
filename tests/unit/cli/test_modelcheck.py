"""`harness models --check`: the age of prices, models in use, and the API's list."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from harness.backends.modellist import Listed
from harness.cli.modelcheck import Finding, of_list, of_prices, of_use
from harness.cli.modeltable import models
from harness.errors import UsageError
from harness.models.table import load_registry

REGISTRY = load_registry()
TODAY = date.fromisoformat(REGISTRY.prices_as_of)
HAIKU = REGISTRY.resolve("haiku")
SUITE = """
suite: old
models: [{model}]
prompt: hi
graders: [{{contains: hi}}]
cases: [{{id: c}}]
"""


@pytest.mark.parametrize(("age", "warned"), [(0, False), (90, False), (91, True)], ids=str)
def test_prices_are_old_after_90_days(age: int, warned: bool):
    found = list(of_prices(REGISTRY, TODAY + timedelta(days=age)))
    assert bool(found) is warned
    assert all(finding.warning and f"{age} days" in finding.message for finding in found)


@pytest.mark.parametrize(("ahead", "warned"), [(1, False), (2, True), (1800, True)], ids=str)
def test_prices_of_a_day_to_come_are_a_warning(ahead: int, warned: bool):
    found = list(of_prices(REGISTRY, TODAY - timedelta(days=ahead)))
    assert bool(found) is warned
    assert all(finding.warning and "is yet to come" in finding.message for finding in found)


@pytest.mark.parametrize(
    ("facts", "today", "said"),
    [
        ({"lifecycle": "active"}, TODAY, ""),
        ({"lifecycle": "deprecated", "retires_on": date(2027, 1, 2)}, TODAY,
         "is deprecated and retires on 2027-01-02"),
        ({"lifecycle": "deprecated", "retires_on": date(2026, 1, 2)}, TODAY,
         "is deprecated and was to retire on 2026-01-02"),
        ({"lifecycle": "deprecated", "retires_on": None}, TODAY, "is deprecated"),
        ({"lifecycle": "retired"}, TODAY, "is retired: the API refuses it"),
        ({"lifecycle": "active", "retires_on": date(2026, 1, 2)}, TODAY,
         "was to retire on 2026-01-02"),
    ],
    ids=["active", "deprecated", "overdue", "no date", "retired", "active past its day"],
)  # fmt: skip
def test_a_model_in_use_that_ends_is_a_warning(facts: dict[str, Any], today: date, said: str):
    changed = replace(HAIKU, **facts)
    registry = replace(REGISTRY, models={**REGISTRY.models, HAIKU.id: changed})
    found = list(
        of_use(registry, [("haiku", "the alias `haiku`"), (HAIKU.id, "the suite s")], today)
    )
    assert bool(found) is bool(said)
    for finding in found:
        assert said in finding.message
        assert "used by the alias `haiku`, the suite s" in finding.message


def test_a_model_that_no_table_lists_is_a_warning():
    (found,) = of_use(REGISTRY, [("claude-new", "the suite s")], TODAY)
    assert "claude-new is in no table" in found.message


def listed(**changes: Any) -> list[Listed]:
    """The API's list as the table has it, but for these facts of Haiku."""
    told = [
        Listed(m.id, m.lifecycle, m.retires_on, m.context_tokens, m.max_output_tokens)
        for m in REGISTRY
    ]
    return [replace(one, **changes) if one.id == HAIKU.id else one for one in told]


def test_a_list_that_agrees_finds_nothing():
    assert list(of_list(REGISTRY, listed())) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"lifecycle": "deprecated"}, "lifecycle is deprecated, active in the table"),
        ({"retires_on": date(2027, 1, 2)}, "the day it retires is 2027-01-02, unknown"),
        ({"context_tokens": 500_000}, "context window is 500,000, 200,000 in the table"),
        ({"max_output_tokens": 1}, "longest answer is 1, 64,000 in the table"),
    ],
    ids=["lifecycle", "retires", "context", "output"],
)
def test_what_the_api_says_otherwise_is_a_warning(changes: dict[str, Any], said: str):
    (found,) = of_list(REGISTRY, listed(**changes))
    assert found.warning
    assert found.message.startswith(f"{HAIKU.id}: {said}")


def test_what_the_api_leaves_out_it_does_not_deny():
    silent = {"lifecycle": None, "context_tokens": None, "max_output_tokens": None}
    assert list(of_list(REGISTRY, listed(**silent))) == []


def test_a_model_that_the_table_does_not_know_is_a_warning():
    (found,) = of_list(REGISTRY, [*listed(), Listed("claude-new", "active")])
    assert "claude-new is new" in found.message


def test_a_model_that_the_key_may_not_see_is_a_note():
    (found,) = of_list(REGISTRY, [one for one in listed() if one.id != HAIKU.id])
    assert found == Finding(f"the API does not list, to this key: {HAIKU.id}", warning=False)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_table_without_a_fault_says_so_and_that_nothing_was_compared(here: Path):
    (here / "harness.yaml").write_text(f'prices_as_of: "{date.today()}"\n')
    ended = CliRunner().invoke(models, ["--check", "--strict"])
    assert ended.exit_code == 0
    assert "not compared with the API's list: no API key" in ended.output
    assert "up to date" in ended.output


@pytest.mark.parametrize(("strict", "code"), [([], 0), (["--strict"], 1)], ids=["lax", "strict"])
def test_a_suite_of_a_deprecated_model_is_a_warning_that_strict_fails(
    here: Path, strict: list[str], code: int
):
    (here / "old.yaml").write_text(SUITE.format(model="claude-sonnet-4-5-20250929"))
    ended = CliRunner().invoke(models, ["--check", "--json", *strict])
    assert ended.exit_code == code
    warnings = json.loads(ended.output)["warnings"]
    assert any("used by the suite old" in warning for warning in warnings)


def test_a_suite_that_cannot_be_read_is_told_and_the_rest_is_looked_at(here: Path):
    (here / "a.yaml").write_text("suite: a\nnonsense: 1\n")
    (here / "old.yaml").write_text(SUITE.format(model="claude-sonnet-4-5-20250929"))
    output = CliRunner().invoke(models, ["--check"]).output
    assert "warning: not looked at: " in output
    assert "used by the suite old" in output


def test_an_api_that_is_not_there_is_a_warning(here: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    output = CliRunner().invoke(models, ["--check"]).output
    assert "warning: the API's list of models cannot be read: connection failed" in output


def test_strict_without_check_is_refused(here: Path):
    assert isinstance(CliRunner().invoke(models, ["--strict"]).exception, UsageError)
