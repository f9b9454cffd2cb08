"""The documents say what is there: every command, option, key, grader and exit code."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest

from harness import errors, graders
from harness.analysis.compare import compare
from harness.analysis.comparison import CandidateSummary
from harness.check import check
from harness.cli import COMMANDS, cli, failures
from harness.evals import IN_THE_FUNCTION
from harness.load import load
from harness.models.table import MODEL_KEYS, RATES, SETTINGS, load_registry
from harness.pytest_plugin.options import FLAGS, OPTIONS
from harness.records import Run
from harness.suite_file import CaseFile, GateFile, SuiteFile
from reports.json_report import run_document
from reports.write import FORMATS

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text(encoding="utf-8")
SUITES, COMMANDS_MD, MODELS, PYTEST, EVALS, OUTPUT = (
    (DOCS / f"{name}.md").read_text(encoding="utf-8")
    for name in ("suites", "commands", "models", "pytest", "evals", "output-files")
)
GRADERS = "\n".join(
    page.read_text(encoding="utf-8") for page in [*DOCS.glob("graders*.md"), DOCS / "judges.md"]
)
PAGES = sorted([ROOT / "README.md", *DOCS.glob("*.md")])
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PARTS = ("pypi", "pythonhosted", "npmjs", "rubygems", "crates", "golang")
HOSTS = re.compile(rf"\b(?:{'|'.join(PARTS)})\.(?:org|io|com)\b")
GENERATED = {"__pycache__", "build", "dist", "node_modules"}


def command(name: str) -> click.Command:
    found = cli.get_command(click.Context(cli), name)
    assert found is not None
    return found


def options() -> Iterator[tuple[str, str]]:
    for name in COMMANDS:
        for parameter in command(name).params:
            if isinstance(parameter, click.Option):
                yield from ((name, option) for option in parameter.opts)


def section(text: str, title: str) -> str:
    """What stands under a heading, up to the next of its level."""
    return text.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def headings(text: str) -> list[str]:
    return re.findall(r"^#+ (.+)$", text, re.MULTILINE)


def blocks(text: str, language: str) -> list[str]:
    return [body for kind, _name, body in BLOCK.findall(text) if kind == language]


def documented_suites() -> list[str]:
    return [
        body for page in PAGES for body in blocks(page.read_text(encoding="utf-8"), "yaml")
        if body.startswith("suite:") and "\ncases:" in body
    ]  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_section_with_an_example(name: str) -> None:
    assert f"\nharness {name}" in section(COMMANDS_MD, f"harness {name}")


@pytest.mark.parametrize(("name", "option"), list(options()))
def test_every_option_is_documented_with_its_command(name: str, option: str) -> None:
    assert re.search(rf"`{option}\b", section(COMMANDS_MD, f"harness {name}"))


@pytest.mark.parametrize("name", FORMATS)
def test_every_report_format_is_documented(name: str) -> None:
    assert f"`{name}`" in section(COMMANDS_MD, "harness report")
    assert re.search(rf"\b{name}\b", command("report").get_help(click.Context(command("report"))))


@pytest.mark.parametrize("option", ["--help", "--version", "--debug"])
def test_every_option_of_all_commands_is_documented(option: str) -> None:
    assert f"{option}`" in COMMANDS_MD


@pytest.mark.parametrize("name", [*OPTIONS, *FLAGS])
def test_every_option_under_pytest_is_documented_with_its_ini_key(name: str) -> None:
    key = f"eval_{name}".replace("-", "_")
    assert re.search(rf"^\| `--eval-{name}\b[^|]*` \| `{key}` \|", PYTEST, re.MULTILINE)


EVAL_KEYS = set(SuiteFile.model_fields) - set(IN_THE_FUNCTION)


@pytest.mark.parametrize("key", sorted(EVAL_KEYS))
def test_every_key_of_an_eval_is_documented(key: str) -> None:
    assert f"`{key}" in section(EVALS, "What `@evaluation` takes")


@pytest.mark.parametrize(
    "text", blocks(EVALS, "python"), ids=lambda text: text.split("def ")[-1][:20]
)
def test_every_eval_in_the_documents_is_sound(text: str, tmp_path: Path) -> None:
    for _kind, name, body in BLOCK.findall(EVALS):
        if name:
            (tmp_path / name).write_text(body, encoding="utf-8")
    (tmp_path / "test_it.py").write_text(text, encoding="utf-8")
    registry = load_registry()
    found = check(load([tmp_path / "test_it.py"], registry), registry)
    assert (found.problems, found.warnings) == ([], [])


@pytest.mark.parametrize("name", graders.names())
def test_every_grader_has_a_heading(name: str) -> None:
    assert any(f"`{name}`" in heading for heading in headings(GRADERS))


@pytest.mark.parametrize("key", SuiteFile.model_fields)
def test_every_key_of_a_suite_has_a_section(key: str) -> None:
    assert any(key in heading.split(", ") for heading in headings(SUITES))


@pytest.mark.parametrize("key", CaseFile.model_fields)
def test_every_key_of_a_case_is_documented(key: str) -> None:
    assert f"`{key}`" in section(SUITES, "cases")


@pytest.mark.parametrize("key", GateFile.model_fields)
def test_every_gate_is_documented(key: str) -> None:
    assert f"\n| `{key}` |" in section(SUITES, "gates")


@pytest.mark.parametrize("key", [*SETTINGS, "aliases", "models", *MODEL_KEYS, *RATES])
def test_every_key_of_a_model_table_is_documented(key: str) -> None:
    assert f"`{key}`" in MODELS


NOTHING_RAN = run_document(
    compare(Run("r", datetime(2026, 11, 20, tzinfo=UTC), "live", "1", "2", "", (), (), {}), [])
)


def row(text: str, key: str) -> str:
    """The line of a table whose first cell names the key."""
    found = re.search(rf"^\|[^|]*`{key}`[^|]*\|.*$", text, re.MULTILINE)
    assert found is not None, key
    return found[0]


@pytest.mark.parametrize("key", [key for key in NOTHING_RAN if key != "format"])
def test_every_key_of_run_json_is_documented(key: str) -> None:
    assert row(section(OUTPUT, "run.json"), key)


@pytest.mark.parametrize("key", NOTHING_RAN["run"])
def test_every_key_of_a_run_in_run_json_is_documented(key: str) -> None:
    assert f"`{key}`" in row(section(OUTPUT, "run.json"), "run")


@pytest.mark.parametrize("key", [field.name for field in fields(CandidateSummary)])
def test_every_key_of_a_candidate_in_run_json_is_documented(key: str) -> None:
    assert row(section(OUTPUT, "run.json").split("\nA candidate:\n")[1], key)


def exit_codes() -> set[int]:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    ours = {kind.exit_code for kind in kinds if issubclass(kind, errors.HarnessError)}
    return ours | {0, 1, failures.INTERRUPTED, failures.OUR_FAULT}


@pytest.mark.parametrize("code", sorted(exit_codes()))
def test_every_exit_code_is_documented(code: int) -> None:
    assert f"\n| {code} |" in section(COMMANDS_MD, "Exit codes")


@pytest.mark.parametrize("code", sorted(exit_codes() - {failures.OUR_FAULT}))
def test_the_readme_and_the_help_name_every_exit_code(code: int) -> None:
    assert f"\n| {code} |" in README
    assert re.search(rf"\b{code} ", cli.get_help(click.Context(cli)))


@pytest.mark.parametrize("text", documented_suites(), ids=lambda text: text.split("\n")[0][7:])
def test_every_suite_in_the_documents_is_sound(text: str, tmp_path: Path) -> None:
    for _kind, name, body in BLOCK.findall(SUITES):
        if name:
            (tmp_path / name).write_text(body, encoding="utf-8")
    suite = tmp_path / "suite.yaml"
    suite.write_text(text, encoding="utf-8")
    registry = load_registry()
    found = check(load([suite], registry), registry)
    assert (found.problems, found.warnings) == ([], [])


def test_the_documented_model_table_is_read(tmp_path: Path) -> None:
    table = tmp_path / "harness.yaml"
    table.write_text(blocks(section(MODELS, "Your own models"), "yaml")[0], encoding="utf-8")
    assert load_registry(table).resolve("next").id == "claude-opus-6"


@pytest.mark.parametrize("alias", load_registry().aliases)
def test_every_alias_is_documented_with_its_model(alias: str) -> None:
    assert f"| `{alias}` | `{load_registry().resolve(alias).id}` |" in MODELS


@pytest.mark.parametrize("wanted", ["pytest", "harness run"])
def test_the_door_finds_its_command_in_the_readme(wanted: str) -> None:
    door = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert f"command_in_readme {wanted}" in door.replace("'", "")
    pattern = f"^pip install .*{wanted}"
    assert len(re.findall(pattern, README, re.MULTILINE)) == 1


def test_the_offline_command_of_the_readme_runs(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "suites", tmp_path / "suites")
    line = re.search(r"^pip install .* && (harness run .*)$", README, re.MULTILINE)
    assert line is not None
    words = shlex.split(line[1])
    bare = {k: v for k, v in os.environ.items() if not k.startswith(("ANTHROPIC", "HARNESS"))}
    ended = subprocess.run(
        [sys.executable, "-m", "harness", *words[1:]], cwd=tmp_path, env=bare, check=False
    )
    assert ended.returncode == 0
    assert list(tmp_path.glob(".harness/runs/*/report.md"))


@pytest.mark.parametrize(
    ("page", "limit"), [(ROOT / "README.md", 150), (DOCS / "architecture.md", 60)],
    ids=["README", "architecture"],
)  # fmt: skip
def test_a_page_stays_short(page: Path, limit: int) -> None:
    assert len(page.read_text(encoding="utf-8").splitlines()) <= limit


def anchors(page: Path) -> set[str]:
    titles = headings(BLOCK.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not link.startswith("http"):
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


def test_no_file_names_the_host_of_a_package_registry() -> None:
    naming = [
        path for path in ROOT.rglob("*")
        if path.is_file() and not ignored(path.relative_to(ROOT))
        and HOSTS.search(path.read_text(encoding="utf-8", errors="replace"))
    ]  # fmt: skip
    assert naming == []


def ignored(path: Path) -> bool:
    kept = path.parts[0] in (".ci", ".github")
    hidden = any(part.startswith(".") for part in path.parts[1 if kept else 0 :])
    return hidden or bool(GENERATED & set(path.parts))
