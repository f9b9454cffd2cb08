"""What environment, `.env` files and `harness.yaml` say, and which of them has the last word."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import settings
from harness.errors import SuiteError
from harness.load import DEFAULT_MODEL


@pytest.fixture
def suites(tmp_path: Path) -> Path:
    folder = tmp_path / "suites"
    folder.mkdir()
    return folder


def test_a_dotenv_file_is_read_beside_the_suites_and_here(tmp_path: Path, suites: Path):
    (suites / ".env").write_text("A=suite\nB=suite\nC=suite\n")
    (tmp_path / ".env").write_text("B=here\nC=here\n")
    found = settings.environment({"C": "environment"}, [suites / "x.yaml"], tmp_path)
    assert found == {"A": "suite", "B": "here", "C": "environment"}


def test_of_several_folders_the_first_has_the_last_word(tmp_path: Path, suites: Path):
    other = tmp_path / "other"
    other.mkdir()
    (suites / ".env").write_text("A=first\n")
    (other / ".env").write_text("A=second\n")
    assert settings.environment({}, [suites, other], tmp_path)["A"] == "first"


@pytest.mark.parametrize(
    ("line", "value"),
    [("A='x y'", "x y"), ("export A=x", "x"), ("A=x # why", "x"), ("A=", ""), ("\ufeffA=x", "x")],
    ids=["quoted", "export", "comment", "empty", "byte order mark"],
)
def test_a_dotenv_line_means_what_it_means_elsewhere(tmp_path: Path, line: str, value: str):
    (tmp_path / ".env").write_text(line + "\n", encoding="utf-8")
    assert settings.environment({}, [], tmp_path) == {"A": value}


def test_a_name_without_a_value_sets_nothing(tmp_path: Path):
    (tmp_path / ".env").write_text("A\n")
    assert settings.environment({}, [], tmp_path) == {}


def test_a_dotenv_file_that_cannot_be_read_is_named(tmp_path: Path):
    (tmp_path / ".env").write_bytes(b"A=\xff\xfe\n")
    with pytest.raises(SuiteError, match=r"\.env cannot be read"):
        settings.environment({}, [], tmp_path)


@pytest.mark.parametrize(
    ("environ", "model"),
    [
        ({}, DEFAULT_MODEL),
        ({"CLAUDE_MODEL": "opus"}, "opus"),
        ({"CLAUDE_MODEL": ""}, DEFAULT_MODEL),
    ],
    ids=["none", "set", "empty"],
)
def test_the_default_model_is_that_of_the_environment(environ: dict[str, str], model: str):
    assert settings.default_model(environ) == model


def test_a_named_file_has_the_last_word_over_harness_yaml(tmp_path: Path, suites: Path):
    (tmp_path / "harness.yaml").write_text("aliases: {cheap: claude-haiku-4-5, best: opus}\n")
    (suites / "harness.yaml").write_text("aliases: {cheap: claude-sonnet-4-6}\n")
    (tmp_path / "mine.yaml").write_text("aliases: {best: claude-sonnet-4-6}\n")
    registry = settings.registry([suites], tmp_path, str(tmp_path / "mine.yaml"))
    assert registry.resolve("cheap").id == "claude-sonnet-4-6"
    assert registry.resolve("best").id == "claude-sonnet-4-6"


@pytest.mark.parametrize(
    ("named", "environ", "ends"),
    [
        (None, {}, "/.harness/store.db"),
        (None, {"HARNESS_STORE": "a.db"}, "/a.db"),
        ("b.db", {"HARNESS_STORE": "a.db"}, "/b.db"),
        ("/tmp/c.db", {}, "sqlite:////tmp/c.db"),
        ("postgresql+psycopg://host/db", {}, "postgresql+psycopg://host/db"),
    ],
)
def test_the_store_is_a_file_or_a_url(named: str | None, environ: dict[str, str], ends: str):
    assert settings.store_url(named, environ).endswith(ends)


def test_a_store_keeps_its_place_when_the_folder_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    assert settings.store_url("a.db", {}) == f"sqlite:///{tmp_path}/a.db"
