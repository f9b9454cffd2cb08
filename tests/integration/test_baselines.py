"""Baselines and `harness compare` as their users meet them, with the simulator for an API."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest

from harness.cli import main

SUITE = """\
suite: words
models: [haiku, sonnet]
prompt: "Say {{ expected }}."
graders: [{equals: "{{ expected }}"}]
gates: [{regression: {margin: 0.1}}]
cases:
  - {data: words.csv, id: "c{{ row.n }}", vars: {expected: "{{ row.word }}"}}
"""
RIGHT = 'answers: {"*": {"*": "{{ expected }}"}}\n'
HALF_WRONG = (
    'answers: {"*": {haiku: "{{ expected if row.n | int is even else 0 }}", '
    'sonnet: "{{ expected }}"}}\n'
)
CASES = 30


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Bench:
    """A folder with a suite, and the command in it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def change(self, was: str, now: str, name: str = "words.yaml") -> None:
        text = (self.folder / name).read_text(encoding="utf-8")
        assert was in text
        self.write(name, text.replace(was, now))

    def __call__(self, *args: str) -> Ended:
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(args)
        said = self.capsys.readouterr()
        return Ended(int(ended.value.code or 0), said.out, said.err)

    def run(self, *args: str) -> Ended:
        return self("run", "words.yaml", "--offline", "--json", *args)


@pytest.fixture
def bench(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Bench:
    monkeypatch.chdir(tmp_path)
    return Bench(tmp_path, capsys)


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of the suite, and its baseline in `b.json`: made once, and copied."""
    folder = tmp_path_factory.mktemp("once")
    rows = [f"{n},word{n}" for n in range(CASES)]
    for name, text in {
        "words.csv": "\n".join(["n,word", *rows]), "words.yaml": SUITE, "answers.yaml": RIGHT,
    }.items():  # fmt: skip
        (folder / name).write_text(text, encoding="utf-8")
    harness = [sys.executable, "-m", "harness"]
    subprocess.run([*harness, "run", "words.yaml", "--offline", "-q"], cwd=folder, check=True)
    kept = subprocess.run([*harness, "baseline", "latest"], cwd=folder, check=True, stdout=PIPE)
    (folder / "b.json").write_bytes(kept.stdout)
    return folder


@pytest.fixture
def kept(bench: Bench, once: Path) -> Bench:
    """A folder of its own with that run."""
    shutil.copytree(once, bench.folder, dirs_exist_ok=True)
    return bench


def verdicts(ended: Ended) -> dict[str, str]:
    return {gate["candidate"]: gate["verdict"] for gate in ended.json["gates"]}


def test_an_unchanged_suite_passes_beside_its_baseline(kept: Bench) -> None:
    ended = kept.run("--baseline", "b.json")
    assert (ended.code, verdicts(ended)) == (0, {"haiku": "pass", "sonnet": "pass"})
    assert ended.json["regression"]["compared_cases"] == CASES


def test_a_worse_prompt_is_a_regression_of_the_candidate_that_lost(kept: Bench) -> None:
    kept.change("Say", "Name")
    kept.write("answers.yaml", HALF_WRONG)
    ended = kept.run("--baseline", "b.json")
    assert (ended.code, verdicts(ended)) == (1, {"haiku": "fail", "sonnet": "pass"})
    assert len(ended.json["regression"]["flips"]) == CASES // 2


@pytest.mark.parametrize("named", ["id", "latest", "folder"])
def test_a_baseline_is_also_a_run_in_the_store(kept: Bench, named: str) -> None:
    id_ = kept("runs", "--json").json[0]["id"]
    names = {"id": id_, "latest": "latest", "folder": f".harness/runs/{id_}"}
    ended = kept.run("--baseline", names[named])
    assert ended.json["regression"]["baseline"]["run"] == id_


def test_changed_new_and_removed_cases_are_listed_and_not_compared(kept: Bench) -> None:
    kept.change("0,word0\n1,word1\n", "0,other\nx,word1\n", "words.csv")
    found = kept.run("--baseline", "b.json").json["regression"]
    lists = [found[f"{what}_cases"] for what in ("changed", "new", "removed")]
    assert lists == [["words/c0"], ["words/cx"], ["words/c1"]]
    assert found["compared_cases"] == CASES - 2


def test_a_suite_without_the_gate_is_compared_and_gates_nothing(kept: Bench) -> None:
    kept.change("gates: [{regression: {margin: 0.1}}]\n", "")
    kept.change("Say", "Name")
    kept.write("answers.yaml", HALF_WRONG)
    ended = kept.run("--baseline", "b.json")
    assert (ended.code, ended.json["gates"]) == (0, [])
    found = ended.json["regression"]["candidates"]
    assert [(one["verdict"], one["margin"], one["gated"]) for one in found] == [
        ("regression", 0.03, False),
        ("inconclusive", 0.03, False),
    ]


def test_another_grader_leaves_nothing_to_compare(kept: Bench) -> None:
    kept.change("equals", "contains")
    ended = kept.run("--baseline", "b.json")
    assert (ended.code, verdicts(ended)) == (3, {"haiku": "invalid", "sonnet": "invalid"})


def test_a_real_baseline_beside_a_simulated_run_is_invalid_unless_forced(kept: Bench) -> None:
    kept.change('"simulated": true', '"simulated": false', "b.json")
    assert kept.run("--baseline", "b.json").code == 3
    assert kept.run("--baseline", "b.json", "--force").code == 0


@pytest.mark.parametrize(
    ("was", "now", "message"),
    [
        ("suite: words", "suite: others", "baseline b.json is of the suites words, and this run"),
        ("[haiku, sonnet]", "[opus]", "baseline b.json is of the candidates haiku, sonnet, and"),
    ],
    ids=["another suite", "other candidates"],
)
def test_a_baseline_of_something_else_is_refused_before_anything_is_asked(
    kept: Bench, was: str, now: str, message: str
) -> None:
    before = len(kept("runs", "--json").json)
    kept.change(was, now)
    ended = kept.run("--baseline", "b.json")
    assert (ended.code, message in ended.err) == (2, True)
    assert len(kept("runs", "--json").json) == before


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.json", "baseline none.json: no such file; `harness baseline RUN > none.json`"),
        ("2020", "no run '2020'"),
        ("words.csv", "words.csv:1:1: no JSON"),
    ],
)
def test_a_baseline_that_is_none_is_refused(kept: Bench, name: str, message: str) -> None:
    ended = kept.run("--baseline", name)
    assert (ended.code, message in ended.err) == (2, True)


def test_a_baseline_that_has_gone_does_not_lose_the_run(kept: Bench) -> None:
    id_ = kept.run("--baseline", "b.json").json["run"]["id"]
    (kept.folder / "b.json").unlink()
    ended = kept("show", id_, "--json")
    assert ended.code == 0
    assert ended.json["gates"][0]["detail"].startswith("baseline b.json: no such file")


def test_a_run_that_goes_on_keeps_its_baseline(kept: Bench) -> None:
    id_ = kept.run("--baseline", "latest").json["run"]["id"]
    first = kept("show", id_, "--json").json["regression"]["baseline"]["run"]
    kept.run()
    again = kept("resume", id_, "--json").json
    assert again["regression"]["baseline"]["run"] == first != id_


def test_a_run_goes_on_without_the_baseline_that_it_began_with(kept: Bench) -> None:
    id_ = kept.run("--baseline", "b.json").json["run"]["id"]
    (kept.folder / "b.json").unlink()
    again = kept("resume", id_, "--json")
    assert (again.code, verdicts(again)["haiku"]) == (0, "inconclusive")


def test_a_selection_is_compared_and_judges_no_gate(kept: Bench) -> None:
    ended = kept.run("--baseline", "b.json", "--limit", "20")
    assert (ended.code, verdicts(ended)["haiku"]) == (0, "inconclusive")
    assert ended.json["regression"]["compared_cases"] == 20


def test_runs_are_shown_side_by_side(kept: Bench) -> None:
    kept.change("Say", "Name")
    kept.write("answers.yaml", HALF_WRONG)
    now = kept.run().json["run"]["id"]
    found = kept("compare", now, "b.json", "--json").json["differences"]
    assert [(one["candidate"], one["difference"], one["n_cases"]) for one in found] == [
        ("haiku", -0.5, CASES),
        ("sonnet", 0.0, CASES),
    ]
    assert "−50.0 points" in kept("compare", now, "b.json").out


@pytest.mark.parametrize(
    ("change", "args", "message"),
    [
        (("equals", "contains"), (), "shares no graded case with the others; 60 have the same id"),
        (("[haiku, sonnet]", "[opus]"), (), "no candidate is in run "),
        (None, ("b.json",), "is named twice"),
    ],
    ids=["no case in common", "no candidate in common", "the same run"],
)
def test_what_cannot_stand_side_by_side_is_refused(
    kept: Bench, change: tuple[str, str] | None, args: tuple[str, ...], message: str
) -> None:
    if change:
        kept.change(*change)
        kept.run()
    ended = kept("compare", "latest", *(args or ("b.json",)))
    assert (ended.code, message in ended.err) == (2, True)


def test_one_run_is_nothing_to_compare(kept: Bench) -> None:
    assert "name two runs or more" in kept("compare", "latest").err


def test_a_simulated_run_beside_a_real_one_is_refused_unless_forced(kept: Bench) -> None:
    kept.change('"simulated": true', '"simulated": false', "b.json")
    kept.run()
    refused = kept("compare", "latest", "b.json")
    assert (refused.code, "--force compares them" in refused.err) == (2, True)
    assert kept("compare", "latest", "b.json", "--force").code == 0
