"""Killed or interrupted at any moment, a run goes on where it was and pays for nothing twice."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from local_api import access

Ledger = Callable[[str], list[str]]
CASES = 40
TRIALS = 2 * CASES
CONCURRENCY = 4
UNDER_WAY = 2 * CONCURRENCY
"""Requests that a kill may cost: those sent, and those whose answers wait for one transaction."""
RUN = ("run", "words.yaml", "--store", "store.db", "--concurrency", str(CONCURRENCY))
RESUME = ("resume", "latest", "--store", "store.db", "-q")


def paid_at_least(count: int, url: str, ledger: Ledger, process: subprocess.Popen[str]) -> None:
    """Wait until the simulator was paid so often, or the process has ended by itself."""
    while len(ledger(url)) < count and process.poll() is None:
        time.sleep(0.01)


def quality(folder: Path) -> Any:
    """What a run found, without what it cost or when."""
    (file,) = folder.glob(".harness/runs/*/run.json")
    candidates = json.loads(file.read_text())["candidates"]
    return [(c["name"], c["quality"], {**c["trials"], "reused": 0}) for c in candidates]


def simulated(bench: Any, simulate: Callable[..., str]) -> str:
    return simulate(str(bench.words(CASES)), "--latency", "0.1")


def test_a_run_that_is_killed_again_and_again_ends_as_if_it_never_was(
    bench: Any, simulate: Callable[..., str], harness: Callable[..., Any], ledger: Ledger,
    tmp_path_factory: pytest.TempPathFactory,
):  # fmt: skip
    url = simulated(bench, simulate)
    command = harness(**access(url))
    kills: list[tuple[set[str], int]] = []
    for count in (1, 25, 55):
        with command.start(*(RESUME if kills else RUN)) as process:
            paid_at_least(count, url, ledger, process)
            process.kill()
        time.sleep(0.1)  # what was under way is paid for by now
        kills.append((bench.recorded(), len(ledger(url))))
    code, _out, err = command(*RESUME)
    assert code == 0, err
    counts = Counter(ledger(url))
    assert len(counts) == TRIALS
    assert sum(counts.values()) - TRIALS <= UNDER_WAY * len(kills)
    for recorded, paid in kills:
        assert not recorded.intersection(ledger(url)[paid:])

    whole = type(bench)(tmp_path_factory.mktemp("whole"))
    whole.words(CASES)
    ended = type(command)(whole.folder, **access(url))(*RUN)
    assert ended[0] == 0
    assert quality(bench.folder) == quality(whole.folder)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_an_interrupted_run_keeps_what_is_under_way_and_says_how_to_go_on(
    bench: Any, simulate: Callable[..., str], harness: Callable[..., Any], ledger: Ledger,
    number: signal.Signals,
):  # fmt: skip
    url = simulated(bench, simulate)
    command = harness(**access(url))
    with command.start(*RUN) as process:
        paid_at_least(20, url, ledger, process)
        process.send_signal(number)
        _out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "harness resume" in err
    assert "Traceback" not in err
    assert set(ledger(url)) == bench.recorded()
    assert command(*RESUME)[0] == 0
    assert Counter(ledger(url)).most_common(1)[0][1] == 1
    assert len(ledger(url)) == TRIALS


def test_a_second_interrupt_ends_at_once(
    bench: Any, simulate: Callable[..., str], harness: Callable[..., Any]
):
    url = simulate("--latency", "600")
    bench.words(CASES)
    with harness(**access(url)).start(*RUN) as process:
        assert process.stderr is not None
        assert any("mode live" in line for line in process.stderr)
        process.send_signal(signal.SIGINT)
        assert any("stopping" in line for line in process.stderr)
        process.send_signal(signal.SIGINT)
        _out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "harness resume" in err
    assert "Traceback" not in err
