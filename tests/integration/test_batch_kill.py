"""Batch runs that are killed, or run twice at once, pay for every request exactly once."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from local_api import access

CASES = 4
ASKS = 3
EVAL = f"""
from harness import Case, evaluation

@evaluation(models=["haiku"], cases=[Case(id=f"c{{n}}") for n in range({CASES})])
def asks_three_times(chat, case):
    for number in range({ASKS}):
        reply = yield chat.ask(f"{{case.id}}, question {{number}}")
    assert reply.text
"""
RUN = (
    "run",
    "evals/test_waves.py",
    "--store",
    "store.db",
    "--mode",
    "batch",
    "--poll",
    "0.03",
    "-q",
)
RESUME = ("resume", "latest", "--store", "store.db", "--poll", "0.03", "-q")
KILLS = 15
RUNS = 3


def paid(url: str) -> list[str]:
    """The digests of what the simulator was paid for."""
    with urllib.request.urlopen(f"{url}/__simulator/ledger") as response:
        return [entry["digest"] for entry in json.load(response)["requests"]]


def passed(folder: Path) -> int:
    """How many trials the last report has as passed."""
    file = max(folder.glob(".harness/runs/*/run.json"))
    return int(json.loads(file.read_text())["candidates"][0]["trials"]["passed"])


@pytest.fixture
def waves(
    bench: Any, simulate: Callable[..., str], harness: Callable[..., Any]
) -> Callable[..., Any]:
    """The command in a folder with the eval, and the URL of a simulator with these options."""

    def made(*options: str) -> tuple[Any, str]:
        bench.write("evals/test_waves.py", EVAL)
        url = simulate("--batch-seconds", "0.1", *options)
        return harness(**access(url)), url

    return made


def killed_now_and_then(command: Any, moments: list[float]) -> None:
    """Run, and resume, killed after so many seconds each; then to the end."""
    for moment in moments:
        begun = list(command.folder.glob("store.db"))
        process = command.start(*(RESUME if begun and runs(command.folder) else RUN))
        try:
            process.communicate(timeout=moment)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
    code, _out, err = command(*(RESUME if runs(command.folder) else RUN))
    assert code == 0, err


def runs(folder: Path) -> int:
    """How many runs are in the store."""
    from harness.errors import StoreError
    from harness.store import Store

    if not (folder / "store.db").exists():
        return 0
    try:
        store = Store(f"sqlite:///{folder}/store.db")
    except StoreError:
        return 0
    try:
        return len(store.runs())
    finally:
        store.close()


@pytest.mark.parametrize("seed", range(RUNS))
def test_a_batch_run_that_is_killed_again_and_again_pays_for_every_request_once(
    waves: Callable[..., Any], seed: int
):
    command, url = waves()
    random = Random(seed)
    killed_now_and_then(command, [random.uniform(0.5, 1.3) for _ in range(KILLS // RUNS)])
    assert len(paid(url)) == len(set(paid(url))) == CASES * ASKS
    assert passed(command.folder) == CASES


def test_two_processes_that_resume_one_run_at_once_pay_for_every_request_once(
    waves: Callable[..., Any],
):
    command, url = waves()
    assert command(*RUN, "--no-wait")[0] == 5
    both = [command.start(*RESUME) for _ in range(2)]
    for process in both:
        process.communicate(timeout=60)
    assert 0 in [process.returncode for process in both]
    assert command(*RESUME)[0] == 0
    assert len(paid(url)) == len(set(paid(url))) == CASES * ASKS


@pytest.mark.parametrize(
    "fault",
    [
        "create_lands=500,times=1", "create_drops,times=1", "create_lost,times=1",
        "create_status=500,times=1", "create_status=429,times=1,retry_after=0.1",
        "create_status=529,times=1", "poll_status=500,times=2", "results_cut,times=1",
        "results_short,times=1", "results_status=500,times=1", "duplicate_line,times=2",
        "blank_line,times=2", "expired,times=2", "canceled,times=1",
        "errored,error_type=api_error,times=2",
    ],
    ids=lambda text: text.split(",")[0],
)  # fmt: skip
def test_a_fault_on_the_way_costs_nothing_and_loses_nothing(waves: Callable[..., Any], fault: str):
    command, url = waves("--fault", fault)
    code, _out, err = command(*RUN)
    assert code == 0, err
    assert len(paid(url)) == len(set(paid(url))) == CASES * ASKS
    assert passed(command.folder) == CASES


@pytest.mark.parametrize("fault", ["missing_line,times=1", "broken_line,times=1"])
def test_an_answer_whose_line_is_lost_is_asked_for_again(waves: Callable[..., Any], fault: str):
    command, url = waves("--fault", fault)
    assert command(*RUN)[0] == 0
    assert len(paid(url)) == CASES * ASKS + 1


@pytest.mark.parametrize("status", ["400", "401"])
def test_a_create_that_is_refused_ends_the_run_and_can_be_resumed(
    waves: Callable[..., Any], status: str
):
    command, url = waves("--fault", f"create_status={status},times=1")
    code, _out, err = command(*RUN)
    assert code == 3
    assert "the API refuses the batch" in err
    assert command(*RESUME)[0] == 0
    assert len(paid(url)) == CASES * ASKS


def test_results_on_another_host_are_refused_and_nothing_is_sent_there(waves: Callable[..., Any]):
    command, url = waves("--fault", "results_elsewhere,times=1")
    code, _out, err = command(*RUN)
    assert code == 3
    assert "not the API's host" in err.replace("\n", " ")
    assert len(paid(url)) == CASES


def test_an_invalid_request_is_missing_with_its_reason_and_a_later_run_asks_again(
    waves: Callable[..., Any],
):
    command, url = waves("--fault", "errored,error_type=invalid_request_error,times=1")
    command(*RUN)
    assert passed(command.folder) == CASES - 1
    assert (
        "invalid_request_error"
        in (command.folder / ".harness")
        .joinpath(
            "runs",
            max(p.name for p in (command.folder / ".harness/runs").iterdir()),
            "trials.jsonl",
        )
        .read_text()
    )
    assert command(*RUN)[0] == 0
    assert len(paid(url)) == len(set(paid(url))) == CASES * ASKS


def test_an_interrupted_run_leaves_its_batch_and_says_how_to_collect_it(waves: Callable[..., Any]):
    import signal

    command, url = waves()
    with command.start(*RUN, "--poll", "30") as process:
        while not paid(url) and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "harness resume" in err
    assert command(*RESUME)[0] == 0
    assert len(paid(url)) == CASES * ASKS


def test_a_finished_run_leaves_nothing_wanted_in_the_store(waves: Callable[..., Any]):
    import sqlite3

    command, _url = waves("--fault", "errored,error_type=invalid_request_error,times=1")
    command(*RUN)
    with sqlite3.connect(command.folder / "store.db") as store:
        assert store.execute("SELECT count(*) FROM harness_wanted").fetchone() == (0,)
