"""Live runs: CPU time beside a bare script, and throughput where the API takes its time."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from statistics import median

import measure
from measure import Used
from programs import BARE, PYTHON, TRIAL_FAILURES, access, harness, simulator
from report import Row
from workload import MODELS, write_suite

LATENCY_S = 0.2


def against_bare(folder: Path, cases: int, connections: int, rounds: int) -> Iterator[Row]:
    """The whole `harness run` over a bare script that sends the same requests: CPU time."""
    suite = write_suite(folder / "yaml", cases, "yaml")
    with simulator(suite) as url:

        def ours(number: int) -> Used:
            return live_run(folder / f"ours-{number}", suite, url, connections)

        def bare(number: int) -> Used:
            out = folder / f"bare-{number}.jsonl"
            command = [PYTHON, BARE, str(cases), str(connections), out]
            return measure.run(command, environ=access(url))

        ran, bared = measure.in_turns(rounds, ours, bare)
    trials = cases * len(MODELS)
    detail = f"{measure.cpu(ran):.2f} s over {measure.cpu(bared):.2f} s"
    what = f"CPU of {trials:,} live trials over a bare script's"
    yield Row(what, measure.ratio(ran, bared), "×", "at most 1.2", detail)


def live_run(folder: Path, suite: Path, url: str, connections: int) -> Used:
    """One `harness run` with an empty store of its own."""
    folder.mkdir()
    command = [*harness(), "run", suite, "--concurrency", str(connections), "--out", folder / "out"]
    return measure.run(
        [*command, "--store", folder / "store.db"],
        environ=access(url),
        cwd=folder,
        allowed=TRIAL_FAILURES,
    )


def throughput(folder: Path, cases: int, connections: int, rounds: int) -> Iterator[Row]:
    """Requests per second while the run asks, over as many as the connections allow."""
    suite = write_suite(folder / "slow", cases, "yaml")
    shares = []
    with simulator(suite, latency_s=LATENCY_S) as url:
        for number in range(rounds):
            out = folder / f"slow-{number}"
            live_run(out, suite, url, connections)
            shares.append(share_of_ideal(out / "out" / "trials.jsonl", connections))
    what = f"throughput at {LATENCY_S * 1000:.0f} ms and {connections} connections over the ideal"
    detail = ", ".join(f"{share:.3f}" for share in shares)
    yield Row(what, median(shares), "", "at least 0.95", detail, digits=3)


def share_of_ideal(trials: Path, connections: int) -> float:
    """The least time in which all can be asked, over that from the first send to the last answer."""
    begun, ended = [], []
    with trials.open(encoding="utf-8") as lines:
        for line in lines:
            answer = json.loads(line)["calls"][0]["answer"]
            at = datetime.fromisoformat(answer["answered_at"]).timestamp()
            begun.append(at - answer["latency_s"])
            ended.append(at)
    ideal = math.ceil(len(ended) / connections) * LATENCY_S
    return ideal / (max(ended) - min(begun))
