"""The command line as its users meet it: the real path, with the simulator for an API."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest

from harness.cli import COMMANDS, cli, main

SUITE = """\
suite: capitals
models: [haiku, opus]
prompt: "The capital of {{ country }}? Answer with the name alone."
graders: [{equals: "{{ expected }}"}]
cases:
  - {id: peru, vars: {country: Peru, expected: Lima}, tags: [america]}
  - {id: chile, vars: {country: Chile, expected: Santiago}, tags: [america]}
  - {id: italy, vars: {country: Italy, expected: Rome}, tags: [europe]}
"""
RIGHT = """\
answers:
  "*": {"*": "{{ expected }}"}
"""
WRONG = """\
answers:
  "*": {haiku: Paris, opus: "{{ expected }}"}
"""
HEAVY = {"rich", "yaml", "jinja2", "pydantic", "sqlalchemy", "aiohttp", "anthropic", "orjson"}
OFFLINE = ("run", "capitals.yaml", "--offline")


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Harness = Callable[..., Ended]


@pytest.fixture
def harness(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Harness:
    """The command in this process, in a folder with a suite that the simulator answers rightly."""
    monkeypatch.chdir(tmp_path)
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "HARNESS_STORE", "CLAUDE_MODEL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "capitals.yaml").write_text(SUITE)
    (tmp_path / "answers.yaml").write_text(RIGHT)

    def call(*args: str) -> Ended:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(args)
        said = capsys.readouterr()
        return Ended(int(ended.value.code or 0), said.out, said.err)

    return call


def process(*args: str, folder: Path, **options: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "harness", *args], cwd=folder, **options)


def wrong_answers(folder: Path, *, gate: str = "") -> None:
    (folder / "answers.yaml").write_text(WRONG)
    (folder / "capitals.yaml").write_text(SUITE + gate)


def failing(gate: str) -> str:
    return f"gates: [{gate}]\n"


def cases(ended: Ended) -> set[str]:
    """The cases that a run with `--json` asked."""
    folder = Path(".harness/runs") / ended.json["run"]["id"]
    lines = (folder / "trials.jsonl").read_text().splitlines()
    return {json.loads(line)["case"] for line in lines}


# --- run: what it shows, what it leaves, how it ends


def test_a_run_prints_a_row_for_each_candidate(harness: Harness) -> None:
    ended = harness(*OFFLINE)
    assert ended.code == 0
    rows = [line.split()[:3] for line in ended.out.splitlines()]
    assert ["haiku", "100", "%"] in rows
    assert ["opus", "100", "%"] in rows


def test_an_offline_run_says_that_it_is_simulated(harness: Harness) -> None:
    assert harness(*OFFLINE).out.startswith("simulated: nothing here came from Claude")


@pytest.mark.parametrize("name", ["run.json", "trials.jsonl", "trials.csv", "report.md"])
def test_a_run_leaves_its_reports_in_the_folder_of_runs(harness: Harness, name: str) -> None:
    harness(*OFFLINE)
    (folder,) = Path(".harness/runs").iterdir()
    assert (folder / name).stat().st_size > 0


def test_out_names_the_folder_of_the_reports(harness: Harness) -> None:
    ended = harness(*OFFLINE, "--out", "here")
    assert "Report: here/report." in ended.out
    assert Path("here/run.json").is_file()
    assert not Path(".harness/runs").exists()


def test_a_run_ends_with_the_command_that_shows_a_failure(harness: Harness, tmp_path: Path) -> None:
    wrong_answers(tmp_path)
    ended = harness(*OFFLINE)
    (command,) = [line for line in ended.out.splitlines() if line.startswith("See a failure: ")]
    *_, run, trial = command.split()
    assert "expected" in harness("show", run, trial.strip("'")).out


def test_a_failed_gate_is_exit_code_1_and_said_on_stderr(harness: Harness, tmp_path: Path) -> None:
    wrong_answers(tmp_path, gate=failing("pass_rate: {min: 0.9}"))
    ended = harness(*OFFLINE)
    assert ended.code == 1
    assert "fail: capitals pass_rate [haiku]" in ended.out
    assert "a gate failed" in ended.err


def test_failed_trials_without_a_gate_are_exit_code_0(harness: Harness, tmp_path: Path) -> None:
    wrong_answers(tmp_path)
    assert harness(*OFFLINE).code == 0


@pytest.mark.parametrize("strict", [(), ("--strict",)], ids=["lax", "strict"])
def test_a_gate_is_not_judged_on_a_selection(
    harness: Harness, tmp_path: Path, strict: tuple[str, ...]
) -> None:
    wrong_answers(tmp_path, gate=failing("pass_rate: {min: 0.9}"))
    ended = harness(*OFFLINE, "--limit", "1", *strict)
    assert ended.code == 0
    assert "1 of 3 cases selected" in ended.out


def test_too_many_missing_trials_are_exit_code_3(harness: Harness) -> None:
    ended = harness("run", "capitals.yaml", "--mode", "replay")
    assert ended.code == 3
    assert "too many trials are missing" in ended.err


def test_replay_reads_what_an_earlier_run_has_stored(harness: Harness) -> None:
    harness(*OFFLINE)
    ended = harness(*OFFLINE, "--mode", "replay", "--json")
    assert [c["trials"]["passed"] for c in ended.json["candidates"]] == [3, 3]


def test_the_second_run_pays_nothing(harness: Harness) -> None:
    harness(*OFFLINE)
    assert "of which this run paid $0\n" in harness(*OFFLINE).out


def test_a_fresh_run_pays_again(harness: Harness) -> None:
    harness(*OFFLINE)
    ended = harness(*OFFLINE, "--fresh", "--json")
    assert [c["trials"]["reused"] for c in ended.json["candidates"]] == [0, 0]


def test_json_prints_the_run_json_and_nothing_else(harness: Harness) -> None:
    ended = harness(*OFFLINE, "--json")
    folder = Path(".harness/runs") / ended.json["run"]["id"]
    assert ended.json == json.loads((folder / "run.json").read_text())


def test_quiet_prints_nothing(harness: Harness) -> None:
    ended = harness(*OFFLINE, "--quiet")
    assert (ended.code, ended.out, ended.err) == (0, "", "")


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        (("-k", "peru"), {"peru"}),
        (("-k", "capitals not peru"), {"chile", "italy"}),
        (("-k", "not peru not chile"), {"italy"}),
        (("--tags", "europe"), {"italy"}),
        (("--tags", "europe,america"), {"peru", "chile", "italy"}),
        (("--limit", "2"), {"peru", "chile"}),
        (("--tags", "america", "--limit", "1"), {"peru"}),
    ],
    ids=lambda value: " ".join(sorted(value) if isinstance(value, set) else value),
)
def test_cases_are_selected(
    harness: Harness, options: tuple[str, ...], chosen: set[str]
) -> None:  # fmt: skip
    assert cases(harness(*OFFLINE, "--json", *options)) == chosen


def test_the_shards_are_disjoint_and_together_all_cases(harness: Harness) -> None:
    first, second = (cases(harness(*OFFLINE, "--json", "--shard", part)) for part in ("1/2", "2/2"))
    assert first | second == {"chile", "italy", "peru"}
    assert first & second == set()


def test_models_asks_others_than_the_suite_says(harness: Harness) -> None:
    ended = harness(*OFFLINE, "--json", "--models", "sonnet, claude-haiku-4-5")
    assert [c["name"] for c in ended.json["candidates"]] == ["sonnet", "claude-haiku-4-5"]


def test_repeats_multiplies_the_trials(harness: Harness) -> None:
    ended = harness(*OFFLINE, "--json", "--repeats", "2")
    assert [c["trials"]["planned"] for c in ended.json["candidates"]] == [6, 6]


def test_the_store_may_be_named(harness: Harness) -> None:
    harness(*OFFLINE, "--store", "kept.db")
    assert len(harness("runs", "--store", "kept.db", "--json").json) == 1


def test_the_store_may_be_named_in_a_dotenv_file(harness: Harness) -> None:
    Path(".env").write_text("HARNESS_STORE=kept.db\n")
    harness(*OFFLINE)
    assert Path("kept.db").is_file()


def test_no_run_is_recorded_where_there_is_no_key(harness: Harness) -> None:
    harness(*OFFLINE)
    ended = harness("run", "capitals.yaml")
    assert ended.code == 2
    assert "ANTHROPIC_API_KEY" in ended.err
    assert "--offline" in ended.err
    assert len(harness("runs", "--json").json) == 1


# --- resume, runs, show, report, check, models


def test_resume_goes_on_with_the_same_run(harness: Harness) -> None:
    first = harness(*OFFLINE, "--json").json["run"]["id"]
    again = harness("resume", "latest", "--json")
    assert again.json["run"]["id"] == first
    assert [c["trials"]["reused"] for c in again.json["candidates"]] == [0, 0]


def test_resume_grades_anew_after_a_grader_changed(harness: Harness, tmp_path: Path) -> None:
    harness(*OFFLINE)
    stricter = SUITE.replace("expected }}", "expected }}, of course", 1)
    (tmp_path / "capitals.yaml").write_text(stricter)
    ended = harness("resume", "latest", "--json")
    assert [c["trials"]["passed"] for c in ended.json["candidates"]] == [0, 0]


def test_resume_works_from_another_folder(
    harness: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness(*OFFLINE, "--out", "here")
    monkeypatch.chdir(tmp_path.parent)
    store = str(tmp_path / ".harness" / "store.db")
    assert harness("resume", "latest", "--store", store).code == 0
    assert str(tmp_path / "here" / "run.json") in harness("report", "latest", "--store", store).out


def test_runs_lists_the_newest_first(harness: Harness) -> None:
    ids = [harness(*OFFLINE, "--json").json["run"]["id"] for _ in range(2)]
    listed = [line.split()[0] for line in harness("runs").out.splitlines()]
    assert sorted(listed) == sorted(ids)
    assert len(harness("runs", "--limit", "1").out.splitlines()) == 1


@pytest.mark.parametrize("name", ["whole", "prefix", "latest", "folder"])
def test_a_run_goes_by_several_names(harness: Harness, name: str) -> None:
    run = harness(*OFFLINE, "--json").json["run"]["id"]
    names = {"whole": run, "prefix": run[:10], "latest": "latest", "folder": f".harness/runs/{run}"}
    assert harness("show", names[name], "--json").json["run"]["id"] == run


@pytest.mark.parametrize(
    "name", ["capitals/peru[haiku-r1]", "peru[haiku-r1]", "peru[haiku]", "peru[h"]
)
def test_show_prints_the_transcript_of_one_trial(harness: Harness, name: str) -> None:
    harness(*OFFLINE)
    ended = harness("show", "latest", name)
    assert ended.out.startswith("capitals/peru[haiku-r1]: passed")
    assert "The capital of Peru?" in ended.out


def test_show_prints_a_trial_as_json(harness: Harness) -> None:
    harness(*OFFLINE)
    assert harness("show", "latest", "peru[opus]", "--json").json["outcome"] == "passed"


def test_show_names_the_trials_where_several_match(harness: Harness) -> None:
    harness(*OFFLINE)
    ended = harness("show", "latest", "peru")
    assert ended.code == 2
    assert "capitals/peru[haiku-r1]" in ended.err
    assert "capitals/peru[opus-r1]" in ended.err


def test_report_writes_the_formats_that_are_named(harness: Harness) -> None:
    harness(*OFFLINE)
    ended = harness("report", "latest", "--format", "md,csv", "--out", "o")
    assert sorted(ended.out.split()) == ["o/report.md", "o/trials.csv"]
    assert sorted(path.name for path in Path("o").iterdir()) == ["report.md", "trials.csv"]


def test_check_counts_the_cases_and_sends_nothing(harness: Harness) -> None:
    ended = harness("check", ".")
    assert ended.out == "capitals.yaml: 3 cases for haiku, opus\nno errors; nothing was sent\n"
    assert not Path(".harness").exists()


def test_check_tells_as_json(harness: Harness) -> None:
    assert harness("check", ".", "--json").json[0]["candidates"] == ["haiku", "opus"]


def test_models_lists_the_aliases(harness: Harness) -> None:
    row = next(
        row for row in harness("models", "--json").json["models"] if "opus" in row["aliases"]
    )
    assert row["id"] == "claude-opus-4-6"
    assert "claude-opus-4-6" in harness("models").out


def test_models_takes_a_users_table(harness: Harness) -> None:
    Path("more.yaml").write_text("models: [{id: claude-next, lifecycle: active}]\n")
    assert "claude-next" in harness("models", "--models-file", "more.yaml").out


# --- what is wrong is told in one message


WRONG_COMMANDS = [
    (("run", "nowhere"), "nowhere: no such file or folder"),
    (("run", "capitals.yaml", "--offline", "-k", "zzz"), "none of 3 cases is selected"),
    (("run", "capitals.yaml", "--shard", "3/2"), "1/4 for the first of four"),
    (("run", "capitals.yaml", "--models", "haikku"), "did you mean `haiku`?"),
    (("run", "capitals.yaml", "--offline", "--out", "capitals.yaml/x"), "capitals.yaml/x"),
    (("run", "capitals.yaml", "--offline", "--store", "capitals.yaml"), "no SQLite database"),
    (("run", "capitals.yaml", "--models-file", "none.yaml"), "none.yaml"),
    (("run",), "Missing argument 'PATHS...'"),
    (("rnu",), "did you mean `run`?"),
    (("check", "capitals.yaml", "--modles", "a"), "--models"),
    (("runs",), "`harness run` makes one"),
    (("show", "latest"), "`harness run` makes one"),
]


@pytest.mark.parametrize(
    ("args", "said"), WRONG_COMMANDS, ids=[" ".join(args) for args, _ in WRONG_COMMANDS]
)
def test_a_wrong_command_is_one_message_and_exit_code_2(
    harness: Harness, args: tuple[str, ...], said: str
) -> None:
    ended = harness(*args)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("show", "nope"), "no run 'nope'"),
        (("show", "2"), "several runs begin with '2'"),
        (("show", "latest", "zzz"), "no trial of"),
        (("resume", "nope"), "no run 'nope'"),
        (("report", "latest", "--format", "docx"), "'docx' is no report format"),
    ],
    ids=" ".join,
)
def test_a_name_that_fits_nothing_is_one_message(
    harness: Harness, args: tuple[str, ...], said: str
) -> None:
    for _ in range(2):
        harness(*OFFLINE)
    ended = harness(*args)
    assert ended.code == 2
    assert ended.err.count("error:") == 1
    assert said in ended.err


def test_every_problem_of_a_suite_is_told_with_its_place(harness: Harness, tmp_path: Path) -> None:
    (tmp_path / "capitals.yaml").write_text(SUITE.replace("equals", "equal") + "gate: []\n")
    ended = harness("check", ".")
    assert ended.code == 2
    assert "capitals.yaml:4:" in ended.err
    assert "capitals.yaml:9:1: unknown key `gate`; did you mean `gates`?" in ended.err


@pytest.mark.parametrize("args", [("show", "nope"), ("run",)], ids=["ours", "click's"])
def test_debug_shows_the_traceback_and_changes_no_exit_code(
    harness: Harness, args: tuple[str, ...]
) -> None:
    ended = harness(*args, "--debug")
    assert ended.code == 2
    assert ended.err.startswith("Traceback")
    assert harness(*args).err in ended.err


# --- help


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_the_help_of_every_command_has_an_example(harness: Harness, name: str) -> None:
    ended = harness(*filter(None, [name]), "--help")
    assert ended.code == 0
    assert f"Example:  harness {name}" in ended.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_in_the_list_is_there(name: str) -> None:
    found = cli.get_command(click.Context(cli), name)
    assert found is not None
    assert found.name == name


def test_the_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from harness.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: print(*sys.modules, file=sys.stderr)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert HEAVY & set(shown.stderr.split()) == set()


# --- pipes and terminals


def test_a_reader_that_leaves_ends_no_run(harness: Harness, tmp_path: Path) -> None:
    wrong_answers(tmp_path, gate=failing("pass_rate: {min: 0.9}"))
    read, write = os.pipe()
    os.close(read)
    with process(*OFFLINE, folder=tmp_path, stdout=write, stderr=write) as running:
        os.close(write)
        assert running.wait() == 1
    assert harness("runs", "--json").json[0]["exit_code"] == 1


def test_a_closed_pipe_is_silent(harness: Harness, tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    with process("models", folder=tmp_path, stdout=write, stderr=subprocess.PIPE) as running:
        os.close(write)
        assert running.communicate()[1] == b""
    assert running.returncode == 0


def test_progress_is_plain_lines_where_there_is_no_terminal(harness: Harness) -> None:
    (line,) = harness(*OFFLINE).err.splitlines()
    assert line.endswith(": 6 trials, mode live")
    assert "\x1b" not in line


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_progress_is_a_bar_on_a_terminal(harness: Harness, tmp_path: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    surroundings = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    with process(
        *OFFLINE, folder=tmp_path, stdout=subprocess.DEVNULL, stderr=theirs, env=surroundings
    ) as running:
        os.close(theirs)
        shown = read_all(ours)
    assert running.returncode == 0
    assert "━" in shown
    assert "0/6" in shown


def read_all(terminal: int) -> str:
    """What is written to a pseudo-terminal until its last writer is gone, which is an error."""
    parts = []
    try:
        while part := os.read(terminal, 65536):
            parts.append(part)
    except OSError:
        os.close(terminal)
    return b"".join(parts).decode()
