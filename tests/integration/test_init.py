"""`harness init`, as somebody new meets it: what it writes runs, and what is there stays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from harness.cli import cli
from harness.cli.failures import reported
from harness.schema import schema_text, suite_schema

WRITTEN = {
    ".github/workflows/evals.yml",
    "suites/first/answers.yaml",
    "suites/first/first.yaml",
    "suites/suite.schema.json",
}
NOBODY = 65534


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_AUTH_TOKEN",
        "ANTHROPIC_BASE_URL",
        "HARNESS_STORE",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def harness(*args: str) -> int:
    return reported(cli, list(args))


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Path]:
    """A folder that nobody may write to, and nobody is who runs the test."""
    tmp_path.chmod(0o555)
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    yield tmp_path
    os.seteuid(user)
    tmp_path.chmod(0o755)


def test_the_files_are_written_and_the_next_command_is_named(folder, capsys):
    assert harness("init") == 0
    assert set(files_in(folder)) == WRITTEN
    said = capsys.readouterr().out
    assert all(f"wrote  {name}" in said for name in WRITTEN)
    assert said.endswith("\nNext:  harness run suites/first --offline\n")


def test_the_suite_passes_its_check_and_runs_offline(folder):
    command = [sys.executable, "-m", "harness"]
    for args in (["init"], ["check", "suites"], ["run", "suites/first", "--offline"]):
        done = subprocess.run([*command, *args], check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert "83.3 %" in done.stdout


def test_the_small_model_fails_a_case_and_the_large_one_none(folder):
    harness("init")
    assert harness("run", "suites/first", "--offline", "--quiet", "--out", "report") == 0
    candidates = json.loads((folder / "report/run.json").read_text("utf-8"))["candidates"]
    failed = {each["name"]: each["trials"]["failed"] for each in candidates}
    assert (failed["haiku"], failed["opus"]) == (1, 0)


def test_the_suite_names_the_schema_beside_it_and_fits(folder):
    harness("init")
    path = folder / "suites/first/first.yaml"
    text = path.read_text(encoding="utf-8")
    schema = path.parent / text.splitlines()[0].partition("$schema=")[2]
    assert schema.read_text(encoding="utf-8") == schema_text()
    assert not list(Draft202012Validator(suite_schema()).iter_errors(yaml.safe_load(text)))


def test_the_workflow_runs_live_with_a_secret_and_keeps_the_report(folder):
    harness("init")
    workflow = yaml.safe_load((folder / ".github/workflows/evals.yml").read_text(encoding="utf-8"))
    steps = workflow["jobs"]["evals"]["steps"]
    (run,) = [step for step in steps if "harness run" in step.get("run", "")]
    assert run["run"] == "harness run suites --mode live --out eval-report"
    assert run["env"] == {"ANTHROPIC_API_KEY": "${{ secrets.ANTHROPIC_API_KEY }}"}
    assert any(step.get("uses", "").startswith("actions/upload-artifact@") for step in steps)


@pytest.mark.parametrize("repository", [True, False], ids=["git", "plain"])
def test_a_second_time_nothing_changes(folder, capsys, repository):
    if repository:
        (folder / ".git").mkdir()
    harness("init")
    before = files_in(folder)
    capsys.readouterr()
    assert harness("init") == 0
    assert files_in(folder) == before
    assert capsys.readouterr().out.count(", which was there") == len(WRITTEN)


def test_a_file_that_is_there_is_left_as_it_is(folder):
    mine = folder / "suites/first/first.yaml"
    mine.parent.mkdir(parents=True)
    mine.write_text("suite: mine\n", encoding="utf-8")
    assert harness("init") == 0
    assert mine.read_text(encoding="utf-8") == "suite: mine\n"
    assert set(files_in(folder)) == WRITTEN


def test_another_folder_is_made_and_named_in_the_next_command(folder, capsys):
    assert harness("init", "new one") == 0
    assert set(files_in(folder / "new one")) == WRITTEN
    assert "cd 'new one' && harness run" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, None),
        ("", ".harness/\n"),
        ("dist/", "dist/\n.harness/\n"),
        ("dist/\n", "dist/\n.harness/\n"),
        (".harness\n", ".harness\n"),
        ("a\n  .harness/\nb", "a\n  .harness/\nb"),
    ],
    ids=["none", "empty", "no newline", "other", "there", "among others"],
)
def test_gitignore_gets_a_line_where_it_lacks_one(folder, before, after):
    path = folder / ".gitignore"
    if before is not None:
        path.write_text(before, encoding="utf-8")
    harness("init")
    assert (path.read_text(encoding="utf-8") if path.exists() else None) == after


@pytest.mark.parametrize(
    ("above", "made"), [("", True), (".harness/\n", False)], ids=["silent", "ignores it"]
)
def test_in_a_repository_the_gitignore_above_counts(folder, above, made):
    (folder / ".git").mkdir()
    (folder / ".gitignore").write_text(above, encoding="utf-8")
    harness("init", "evals")
    assert (folder / "evals/.gitignore").exists() == made


def test_a_read_only_folder_is_an_error_with_its_path_and_a_way_out(locked, capsys):
    assert harness("init", str(locked / "x")) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {locked / 'x/suites/first/first.yaml'} cannot be written: ")
    assert "name another folder: `harness init DIR`" in said


def test_a_file_in_the_way_of_a_folder_is_an_error_that_names_it(folder, capsys):
    (folder / "suites").write_text("", encoding="utf-8")
    assert harness("init") == 2
    assert "suites/first/first.yaml cannot be written: " in capsys.readouterr().err


def test_check_prints_the_schema_without_a_path(capsys):
    assert harness("check", "--schema") == 0
    assert capsys.readouterr().out == schema_text()
