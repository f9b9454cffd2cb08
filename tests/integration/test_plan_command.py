"""`harness plan`, and what a run says and asks before it begins."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from local_api import access

Simulate = Callable[..., str]


def harness(folder: Path, *args: str, env: dict[str, str] | None = None, stdin: Any = None) -> Any:
    """The command in a process of its own, without a key unless `env` has one."""
    environ = {k: v for k, v in os.environ.items() if k != "CI"} | (env or {})
    return subprocess.run(
        [sys.executable, "-m", "harness", *args], cwd=folder, env=environ, stdin=stdin,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_a_plan_asks_nobody_without_a_key_and_makes_no_store(bench: Any):
    bench.words(3)
    done = harness(bench.folder, "plan", "words.yaml", "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["input_tokens"], found["total"]["calls"]) == (0, "estimated", 6)
    assert not (bench.folder / ".harness").exists()


def test_a_plan_counts_tokens_once_and_knows_what_is_stored(bench: Any, simulate: Simulate):
    bench.words(3)
    env = access(simulate(str(bench.folder / "words.yaml")))
    before = json.loads(harness(bench.folder, "plan", "words.yaml", "--json", env=env).stdout)
    assert (before["input_tokens"], before["total"]["stored"]) == ("counted", 0)
    counts = json.loads((bench.folder / ".harness/token-counts.json").read_text())
    assert len(counts) == 6
    assert harness(bench.folder, "run", "words.yaml", "--yes", env=env).returncode == 0
    after = json.loads(harness(bench.folder, "plan", "words.yaml", "--json", env=env).stdout)
    assert (after["total"]["stored"], after["total"]["expected_usd"]["live"]) == (6, "0")
    assert billed_nothing_new(env["ANTHROPIC_BASE_URL"], 6)


def billed_nothing_new(url: str, paid: int) -> bool:
    with urllib.request.urlopen(f"{url}/__simulator/ledger") as response:
        return bool(json.load(response)["paid"] == paid)


def test_the_table_names_every_candidate_and_what_was_assumed(bench: Any):
    bench.words(3)
    said = harness(bench.folder, "plan", "words.yaml", "--detect", "5%").stdout
    for words in (
        "haiku",
        "sonnet",
        "all",
        "calls by wave: turn 1 6",
        "assumed:",
        "takes",
        "5.0 %",
    ):
        assert words in said


@pytest.mark.parametrize("value", ["x", "0", "2", "-1%"])
def test_what_is_no_difference_is_refused(bench: Any, value: str):
    bench.words(1)
    done = harness(bench.folder, "plan", "words.yaml", "--detect", value)
    assert (done.returncode, "is no difference of scores" in done.stderr) == (2, True)


@pytest.mark.parametrize("value", ["five", "-1", "0", "nan"])
def test_what_is_no_budget_is_refused(bench: Any, value: str):
    bench.words(1)
    done = harness(bench.folder, "run", "words.yaml", "--budget", value)
    assert (done.returncode, "is no budget; write dollars above 0" in done.stderr) == (2, True)


def test_a_run_says_what_it_will_cost_and_a_quiet_one_does_not(bench: Any, simulate: Simulate):
    bench.words(2)
    env = access(simulate(str(bench.folder / "words.yaml")))
    assert "plan: 4 trials; 4 requests: about $" in harness(
        bench.folder, "run", "words.yaml", env=env
    ).stderr  # fmt: skip
    assert "plan:" not in harness(bench.folder, "run", "words.yaml", "-q", env=env).stderr


@pytest.mark.parametrize(
    ("answer", "args", "ci", "ends"),
    [
        ("n\n", (), "", (True, 2)),
        ("y\n", (), "", (True, 0)),
        ("n\n", ("--yes",), "", (False, 0)),
        ("n\n", ("--budget", "100"), "", (False, 0)),
        ("n\n", (), "true", (False, 0)),
    ],
    ids=["no", "yes", "--yes", "--budget", "CI"],
)
def test_an_expensive_run_is_asked_about_on_a_terminal(
    bench: Any, simulate: Simulate, answer: str, args: tuple[str, ...], ci: str, ends: Any
):
    file = bench.words(14)
    file.write_text(file.read_text().replace("max_tokens: 20", "max_tokens: 60000"))
    env = {**os.environ, **access(simulate(str(file))), "CI": ci}
    end, terminal = pty.openpty()
    os.write(end, answer.encode())
    done = subprocess.run(
        [sys.executable, "-m", "harness", "run", "words.yaml", *args], cwd=bench.folder, env=env,
        stdin=terminal, stdout=terminal, stderr=terminal, timeout=60, check=False,
    )  # fmt: skip
    os.close(terminal)
    assert ("Go on?" in _read(end), done.returncode) == ends


def _read(end: int) -> str:
    said = b""
    try:
        while piece := os.read(end, 65536):
            said += piece
    except OSError:  # the other end is closed
        pass
    os.close(end)
    return said.decode(errors="replace")
