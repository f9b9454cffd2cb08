"""Few trials beside many: memory a trial while asking, and speed where all is in the store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import measure
from live import live_run
from measure import Used
from programs import TRIAL_FAILURES, access, harness, simulator
from report import Row
from workload import MODELS, Form, write_suite


@dataclass(frozen=True, slots=True)
class Stored:
    """A suite that has been run, with the folder of its store and the simulator it asked."""

    suite: Path
    folder: Path
    url: str
    trials: int


def scale(folder: Path, sizes: tuple[int, int], form: Form, rounds: int) -> Iterator[Row]:
    """Memory of the first runs, then speed and memory of runs over the stores that these left."""
    # A simulated answer is kept under the URL it came from, so both simulators stay until the end.
    with ExitStack() as stack:
        ends = []
        for cases in sizes:
            suite = write_suite(folder / f"{form}-{cases}", cases, form)
            url = stack.enter_context(simulator(suite))
            at = folder / f"{form}-{cases}-run"
            ends.append((Stored(suite, at, url, cases * len(MODELS)), live_run(at, suite, url, 64)))
        (small, few), (large, many) = ends
        yield growth(f"live, {form}", (few, many), (small.trials, large.trials))
        again = measure.in_turns(rounds, lambda _: rerun(small), lambda _: rerun(large))
        yield from speed(form, again, (small.trials, large.trials))


def growth(what: str, ends: tuple[Used, Used], trials: tuple[int, int]) -> Row:
    """Peak memory that each further trial adds."""
    few, many = (used.peak_bytes for used in ends)
    each = (many - few) / (trials[1] - trials[0]) / 1000
    detail = f"{few / 1e6:.0f} MB at {trials[0]:,} trials, {many / 1e6:.0f} MB at {trials[1]:,}"
    return Row(f"peak memory a trial ({what})", each, "kB", "under 4", detail)


def rerun(stored: Stored) -> Used:
    """Everything is in the store: no request is sent, every answer is graded again."""
    out = ["--out", stored.folder / "out", "--store", stored.folder / "store.db"]
    return measure.run(
        [*harness(), "run", stored.suite, *out],
        environ=access(stored.url),
        cwd=stored.folder,
        core=0,
        allowed=TRIAL_FAILURES,
    )


def speed(form: Form, again: tuple[list[Used], ...], trials: tuple[int, int]) -> Iterator[Row]:
    """Trials a second on one core: of the whole command, and of what each further trial takes."""
    small, large = again
    few, many = measure.cpu(small), measure.cpu(large)
    slope = (many - few) / (trials[1] - trials[0])
    what = f"re-run from the store, {form}"
    goal = "at least 5,000"
    for count, took, elapsed in (
        (trials[0], few, measure.wall(small)),
        (trials[1], many, measure.wall(large)),
    ):
        detail = f"{took:.2f} s of CPU, {elapsed:.2f} s in all"
        yield Row(f"{what}, whole command, {count:,}", count / took, "trials/s", goal, detail, 0)
    detail = f"{slope * 1e6:.0f} µs a trial between {trials[0]:,} and {trials[1]:,}"
    yield Row(f"{what}, beyond start-up", 1 / slope, "trials/s", goal, detail, 0)
    peaks = [max(used, key=lambda one: one.peak_bytes) for used in again]
    yield growth(f"re-run, {form}", (peaks[0], peaks[1]), trials)
