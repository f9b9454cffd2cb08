"""Several runs on one store at the same time."""

from __future__ import annotations

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
