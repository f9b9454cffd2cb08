"""Grading anew what was answered: by the simulator's ledger, who is asked again and who is not."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from local_api import access

from harness.store import Store

SUITE = """
suite: graded
models: [haiku, sonnet]
prompt: "Describe {{ thing }}."
params: {max_tokens: 60}
graders:
  - contains: sun
  - python: checks.py:short
  - rubric: {criteria: Is kind., judge: opus}
cases: [{id: sun, vars: {thing: the sun}}, {id: sea, vars: {thing: the sea}}]
"""
ANSWERS = """
answers: {"*": {haiku: "Behold {{ thing }}.", sonnet: "Behold {{ thing }}!"}}
judges: {"*": {"*": met}}
"""
CHECK = """
def short(conversation):
    return len(conversation.text) < 100
"""
OPUS, NEWER = "claude-opus-4-6", "claude-opus-5"
BOTH_MODES = pytest.mark.parametrize("mode", ["live", "batch"])


class Graded:
    """The suite, a simulator that answers it, and what the simulator was asked since last time."""

    def __init__(self, bench: Any, url: str) -> None:
        self.bench, self.url, self.seen = bench, url, 0

    def change(self, old: str, new: str, name: str = "graded.yaml") -> None:
        """Edit a file; what is to be changed must be there."""
        text = (self.bench.folder / name).read_text(encoding="utf-8")
        assert old in text
        self.bench.write(name, text.replace(old, new))

    def run(self, mode: str = "live", **options: Any) -> Any:
        """Run the suite as it is now."""
        poll = {"poll_s": 0.05} if mode == "batch" else {}
        return self.bench.run(access(self.url), "graded.yaml", mode=mode, **poll, **options)

    def replay(self) -> Any:
        """Run it from the store alone, without a key; the address tells which answers are meant."""
        return self.bench.run({"ANTHROPIC_BASE_URL": self.url}, "graded.yaml", mode="replay")

    def asked(self) -> Counter[str]:
        """The models that were asked since the last look, by the simulator's ledger."""
        with urllib.request.urlopen(f"{self.url}/__simulator/ledger") as response:
            entries = json.load(response)["requests"]
        new, self.seen = entries[self.seen :], len(entries)
        return Counter(entry["model"] for entry in new)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a simulator that answers by the suite's script."""
    folder = tmp_path_factory.mktemp("script")
    (folder / "graded.answers.yaml").write_text(ANSWERS, encoding="utf-8")
    (folder / "checks.py").write_text(CHECK, encoding="utf-8")
    suite = folder / "graded.yaml"
    suite.write_text(SUITE, encoding="utf-8")
    command = [sys.executable, "-m", "harness", "simulate", str(suite), "--port", "0"]
    with subprocess.Popen(
        [*command, "--batch-seconds", "0.1"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield next(word for word in process.stdout.readline().split() if word.startswith("http"))
        process.kill()


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the suite and its store are kept as they are after the first run."""
    return tmp_path_factory.mktemp("first")


@pytest.fixture
def graded(bench: Any, url: str, first: Path) -> Graded:
    """The suite after its first run, which asked everything, to change and run again."""
    it = Graded(bench, url)
    if not list(first.iterdir()):
        bench.write("checks.py", CHECK)
        bench.write("graded.yaml", SUITE)
        assert it.run().outcomes == {"passed": 2, "failed": 2}
        assert sum(it.asked().values()) == 8
        shutil.copytree(bench.folder, first, dirs_exist_ok=True)
    shutil.copytree(first, bench.folder, dirs_exist_ok=True)
    it.asked()
    return it


@BOTH_MODES
def test_a_changed_grader_grades_what_is_stored_and_asks_nobody(graded: Graded, mode: str) -> None:
    graded.change("contains: sun", "contains: the")
    again = graded.run(mode)
    assert again.outcomes == {"passed": 4}
    assert graded.asked() == {}


def test_a_changed_python_grader_grades_what_is_stored_and_asks_nobody(
    graded: Graded, harness: Callable[..., Any]
) -> None:
    graded.change("< 100", "< 3", "checks.py")
    # In a process of its own: Python reads a module once.
    command = harness(**access(graded.url))
    code, out, err = command("run", "graded.yaml", "--store", "store.db", "--json")
    assert code == 0, err
    assert [c["trials"]["failed"] for c in json.loads(out)["candidates"]] == [2, 2]
    assert graded.asked() == {}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("cases:", "pass_score: 0.6\ncases:", id="pass_score"),
        pytest.param("- contains: sun", "- {contains: sun, weight: 0}", id="a weight"),
    ],
)
def test_what_counts_may_change_without_asking_anybody(graded: Graded, old: str, new: str) -> None:
    graded.change(old, new)
    assert graded.run().outcomes == {"passed": 4}
    assert graded.asked() == {}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("  - contains: sun\n", "", id="taken away"),
        pytest.param("contains: sun", "starts_with: Behold", id="put in another's place"),
    ],
)
def test_other_graders_ask_nobody_where_the_judge_stays(graded: Graded, old: str, new: str) -> None:
    graded.change(old, new)
    assert graded.run().outcomes == {"passed": 4}
    assert graded.asked() == {}


@BOTH_MODES
def test_changed_criteria_ask_the_judge_alone(graded: Graded, mode: str) -> None:
    graded.change("Is kind.", "Is warm.")
    graded.run(mode)
    assert graded.asked() == {OPUS: 4}


def test_another_judge_is_asked_alone(graded: Graded) -> None:
    graded.change("judge: opus", f"judge: {NEWER}")
    again = graded.run()
    assert graded.asked() == {NEWER: 4}
    assert {
        call.answer.reused for r in again.results.values() for call in r.calls_for("answer")
    } == {True}


def test_a_judges_least_share_may_change_without_asking_anybody(graded: Graded) -> None:
    graded.change("judge: opus", "judge: opus, min: 0.5")
    graded.run()
    assert graded.asked() == {}


def test_a_judge_that_comes_back_is_not_asked_again(graded: Graded) -> None:
    graded.change("Is kind.", "Is warm.")
    graded.run()
    graded.asked()
    graded.change("Is warm.", "Is kind.")
    graded.run()
    assert graded.asked() == {}


def test_a_replay_grades_by_a_changed_grader_without_a_key_or_a_request(graded: Graded) -> None:
    graded.change("contains: sun", "contains: the")
    again = graded.replay()
    assert (again.outcomes, again.code) == ({"passed": 4}, 0)
    assert graded.asked() == {}


def test_a_replay_leaves_ungraded_what_a_changed_judge_has_not_judged(graded: Graded) -> None:
    graded.change("Is kind.", "Is warm.")
    again = graded.replay()
    assert (again.outcomes, again.code) == ({"ungraded": 4}, 3)
    assert graded.asked() == {}


def test_a_run_that_goes_on_is_graded_by_the_suite_as_it_is_now(graded: Graded) -> None:
    graded.change("contains: sun", "contains: the")
    (run,) = stored(graded)
    assert graded.run(run_id=run).outcomes == {"passed": 4}
    assert stored(graded) == [run]
    assert graded.asked() == {}


def stored(graded: Graded) -> list[str]:
    """The ids of the runs in the store."""
    store = Store(f"sqlite:///{graded.bench.folder}/store.db")
    found = [run.id for run in store.runs()]
    store.close()
    return found
