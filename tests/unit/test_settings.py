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


def test_a_dotenv_file_is_read_here_and_over_it_those_beside_the_suites(
    tmp_path: Path, suites: Path
):
    (tmp_path / ".env").write_text("A=here\nB=here\nC=here\n")
    (suites / ".env").write_text("B=suite\nC=suite\n")
    (suites / "x.yaml").write_text("suite: x\n")
    found = settings.environment({"C": "environment"}, [suites / "x.yaml"], tmp_path)
    assert found == {"A": "here", "B": "suite", "C": "environment"}


@pytest.fixture
def nested(suites: Path) -> Path:
    """A suite two folders below the one that is named, with settings in each folder."""
    deep = suites / "a" / "b"
    deep.mkdir(parents=True)
    (deep / "x.yaml").write_text("suite: x\n")
    (suites / ".env").write_text("A=named\nB=named\n")
    (deep / ".env").write_text("B=beside\n")
    (suites / "harness.yaml").write_text("aliases: {one: opus, two: opus}\n")
    (deep / "harness.yaml").write_text("aliases: {two: haiku}\n")
    return suites


def test_a_folders_dotenv_is_under_that_beside_a_suite_below_it(nested: Path, tmp_path: Path):
    assert settings.environment({}, [nested], tmp_path) == {"A": "named", "B": "beside"}


def test_a_folders_models_are_under_those_beside_a_suite_below_it(nested: Path, tmp_path: Path):
    registry = settings.registry([nested], tmp_path, None)
    assert (registry.resolve("one").id, registry.resolve("two").id) == (
        registry.resolve("opus").id,
        registry.resolve("haiku").id,
    )


def test_a_folder_that_is_both_here_and_beside_a_suite_is_nearest(nested: Path):
    found = settings.environment({}, [nested], nested / "a" / "b")
    assert found == {"A": "named", "B": "beside"}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("nonsense here", 1),
        ("A=x\n\n\nnot a line\nB=y\n", 4),
        ("A='open\n", 1),
        ("# why\nA=x\nB C=y\n", 3),
    ],
    ids=["words", "after empty lines", "open quote", "space in a name"],
)
def test_a_dotenv_line_that_is_none_is_an_error_at_its_place(tmp_path: Path, text: str, line: int):
    (tmp_path / ".env").write_text(text)
    with pytest.raises(SuiteError) as caught:
        settings.environment({}, [], tmp_path)
    (problem,) = caught.value.problems
    assert str(problem).startswith(f"{tmp_path}/.env:{line}:1: no `NAME=value`")


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
