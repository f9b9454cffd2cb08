"""Live runs: CPU time beside a bare script, and throughput where the API takes its time."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from statistics import median

import measure
from measure import Used
from programs import BARE, PYTHON, TRIAL_FAILURES, access, harness, simulator
from report import Row
from workload import MODELS, write_suite

LATENCY_S = 0.2

Span = tuple[float, float]
"""When a request was sent, and when its answer was there."""


def against_bare(folder: Path, cases: int, connections: int, rounds: int) -> Iterator[Row]:
    """The whole `harness run` over a bare script that sends the same requests: CPU time."""
    suite = write_suite(folder / "yaml", cases, "yaml")
    with simulator(suite) as url:

        def ours(number: int) -> Used:
            return live_run(folder / f"ours-{number}", suite, url, connections)

        def bare(number: int) -> Used:
            out = folder / f"bare-{number}.jsonl"
            command = [PYTHON, BARE, cases, connections, out]
            return measure.run(command, environ=access(url))

        ran, bared = measure.in_turns(rounds, ours, bare)
    trials = cases * len(MODELS)
    detail = f"{measure.cpu(ran):.2f} s over {measure.cpu(bared):.2f} s"
    what = f"CPU of {trials:,} live trials over a bare script's"
    yield Row(what, measure.ratio(ran, bared), "×", "at most 1.2", detail)


def live_run(folder: Path, suite: Path, url: str, connections: int) -> Used:
    """One `harness run` with an empty store of its own."""
    folder.mkdir()
    kept = ["--out", folder / "out", "--store", folder / "store.db"]
    return measure.run(
        [*harness(), "run", suite, "--concurrency", connections, *kept],
        environ=access(url),
        cwd=folder,
        allowed=TRIAL_FAILURES,
    )


def throughput(folder: Path, cases: int, connections: int, rounds: int) -> Iterator[Row]:
    """Requests per second while all are asked, over as many as the connections allow."""
    suite = write_suite(folder / "slow", cases, "yaml")
    with simulator(suite, latency_s=LATENCY_S) as url:

        def ours(number: int) -> Used:
            return live_run(folder / f"slow-{number}", suite, url, connections)

        def bare(number: int) -> Used:
            out = folder / f"slow-{number}.jsonl"
            return measure.run([PYTHON, BARE, cases, connections, out], environ=access(url))

        measure.in_turns(rounds, ours, bare, warm=False)
    numbers = range(1, rounds + 1)
    harnessed = [spans(folder / f"slow-{n}" / "out" / "trials.jsonl") for n in numbers]
    bared = [bare_spans(folder / f"slow-{n}.jsonl") for n in numbers]
    what = f"throughput over the ideal, {LATENCY_S * 1000:.0f} ms and {connections} connections"
    for name, goal, found in ((what, "at least 0.95", harnessed), ("the bare script's", "", bared)):
        shares = [share_of_ideal(one, connections) for one in found]
        detail = ", ".join(f"{share:.3f}" for share in shares)
        yield Row(name, median(shares), "", goal, detail, digits=3)


def spans(trials: Path) -> list[Span]:
    """When each request of a run was sent and answered, in seconds."""
    found = []
    for line in trials.read_text(encoding="utf-8").splitlines():
        answer = json.loads(line)["calls"][0]["answer"]
        ended = datetime.fromisoformat(answer["answered_at"]).timestamp()
        found.append((ended - answer["latency_s"], ended))
    return found


def bare_spans(lines: Path) -> list[Span]:
    """The same of the bare script."""
    said = map(json.loads, lines.read_text(encoding="utf-8").splitlines())
    return [(one["begun"], one["ended"]) for one in said]


def share_of_ideal(found: Sequence[Span], connections: int) -> float:
    """The least time that asking can take, over that from the first send to the last answer."""
    ideal = math.ceil(len(found) / connections) * LATENCY_S
    return ideal / (max(ended for _, ended in found) - min(begun for begun, _ in found))
