"""Several runs on one store at the same time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from local_api import access

RUN = ("run", "words.yaml", "--store", "store.db", "-q")


def test_two_runs_at_once_both_end_and_their_answers_serve_the_third(
    bench: Any, simulate: Callable[..., str], harness: Callable[..., Any],
    ledger: Callable[[str], list[str]],
):  # fmt: skip
    url = simulate(str(bench.words(40)))
    command = harness(**access(url))
    begun = [command.start(*RUN) for _ in range(2)]
    ended = [process.communicate(timeout=60)[1] for process in begun]
    assert [process.returncode for process in begun] == [0, 0], ended
    paid = len(ledger(url))
    assert command(*RUN)[0] == 0
    assert len(ledger(url)) == paid
    assert max(Counter(ledger(url)).values()) <= 2


def test_the_parts_of_a_run_on_several_machines_make_the_whole(
    bench: Any, simulate: Callable[..., str], harness: Callable[..., Any],
    ledger: Callable[[str], list[str]],
):  # fmt: skip
    url = simulate(str(bench.words(30)))
    command = harness(**access(url))
    begun = [command.start(*RUN, "--shard", f"{part}/2") for part in (1, 2)]
    for process in begun:
        process.communicate(timeout=60)
    assert len(ledger(url)) == 60
    assert command(*RUN, "--mode", "replay")[0] == 0


def test_only_one_process_at_a_time_asks_for_a_run(
    bench: Any, simulate: Callable[..., str], harness: Callable[..., Any],
    ledger: Callable[[str], list[str]],
):  # fmt: skip
    url = simulate(str(bench.words(20)), "--latency", "0.2")
    command = harness(**access(url))
    first = command.start(*RUN, "--concurrency", "2")
    while not ledger(url):
        time.sleep(0.05)
    code, _out, err = command("resume", "latest", "--store", "store.db", "-q")
    assert (code, "another process is asking for run" in err) == (2, True)
    first.kill()
    first.communicate(timeout=60)
    assert command("resume", "latest", "--store", "store.db", "-q")[0] == 0
    assert sum(count - 1 for count in Counter(ledger(url)).values()) <= 4
