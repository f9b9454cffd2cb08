"""Batches: sending beside bare serialising and posting, collecting, and going on with a run."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import measure
from measure import Used
from programs import PYTHON
from report import Row

PARTS = Path(__file__).with_name("batch_parts.py")
SHORT, LONG = 7, 400_000
"""Bytes of a result's text."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one process used in all, and the seconds and sizes that it noted itself."""

    used: Used
    figures: dict[str, float]

    def seconds(self, kind: str = "cpu") -> float:
        """From the sending, where that was noted, to the end."""
        return self.figures[f"done_{kind}_s"] - self.figures.get(f"sent_{kind}_s", 0.0)


@contextlib.contextmanager
def api(size: int | None) -> Iterator[str]:
    """The URL of a server that answers with texts of so many bytes, or throws bodies away."""
    command = [PYTHON, PARTS, "serve", "" if size is None else str(size)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def part(role: str, url: str, folder: Path, count: int, *, core: int | None = None) -> Part:
    """One process, in a folder that it finds as it was left."""
    used = measure.run([PYTHON, PARTS, role, url, folder, count], core=core)
    return Part(used, json.loads((folder / "figures.json").read_bytes()))


def anew(role: str, url: str, folder: Path, count: int, *, core: int | None = None) -> Part:
    """One process with an empty folder, which is gone afterwards: its store may be large."""
    folder.mkdir()
    try:
        return part(role, url, folder, count, core=core)
    finally:
        shutil.rmtree(folder)


def batches(folder: Path, requests: int, rounds: int) -> Iterator[Row]:
    """Sending and collecting so many requests, and going on with a third as many trials."""
    yield from sending(folder / "send", requests, rounds)
    yield from collecting(folder / "collect", requests, rounds)
    yield from going_on(folder / "path", requests * 3 // 10, rounds)


def sending(at: Path, count: int, rounds: int) -> Iterator[Row]:
    """From the decision to send to the answer of the create, by turns with the bare transport."""
    with api(None) as url:
        turns = [
            (anew("send", url, at, count), anew("post", url, at, count)) for _ in range(rounds)
        ]
    ours, bare = zip(*turns, strict=True)
    for kind, name in (("cpu", "CPU"), ("wall", "wall time")):
        each = [a.seconds(kind) / b.seconds(kind) for a, b in turns]
        what = f"sending {count:,} requests of 1 kB, {name} over bare"
        detail = f"{middle(ours, kind):.2f} s over {middle(bare, kind):.2f} s"
        yield Row(what, median(each), "×", "at most 2" if kind == "wall" else "", detail)
    peaks = [one.used.peak_bytes / 1e6 for one in ours]
    yield Row("peak memory of sending them", median(peaks), "MB", "under 600", "", 0)


def collecting(at: Path, count: int, rounds: int) -> Iterator[Row]:
    """From the create to the last answer in the store, on one core; few beside many."""
    few = count // 5
    with api(SHORT) as url:
        turns = [
            [anew("collect", url, at, size, core=0) for size in (few, count)] for _ in range(rounds)
        ]
    many = [many for _, many in turns]
    speed = count / middle(many)
    detail = f"{1e6 / speed:.0f} µs of CPU each"
    what = f"{count:,} results read and recorded"
    yield Row(what, speed, "results/s", "", detail, 0)
    yield growth("a result", turns, (few, count))
    few, count = count // 200, count // 50
    with api(LONG) as url:
        turns = [
            [anew("collect", url, at, size, core=0) for size in (few, count)] for _ in range(rounds)
        ]
    yield growth("a result of 400 kB", turns, (few, count))


def growth(what: str, turns: Sequence[Sequence[Part]], counts: tuple[int, int]) -> Row:
    """Peak memory that each further result adds."""
    few, many = (median(one.used.peak_bytes for one in ends) for ends in zip(*turns, strict=True))
    each = (many - few) / (counts[1] - counts[0]) / 1000
    detail = f"{few / 1e6:.0f} MB at {counts[0]:,}, {many / 1e6:.0f} MB at {counts[1]:,}"
    return Row(f"peak memory {what}", each, "kB", "0", detail)


def going_on(at: Path, count: int, rounds: int) -> Iterator[Row]:
    """A whole run by batches, and the same with one case more, up to where that is sent."""
    ran, again = [], []
    with api(SHORT) as url:
        for _ in range(rounds):
            at.mkdir()
            ran.append(part("path", url, at, count, core=0))
            again.append(part("path", url, at, count + 3, core=0))
            shutil.rmtree(at)
    speed = count / middle(ran)
    detail = f"{1e6 / speed:.0f} µs of CPU each, of {count:,} trials"
    yield Row("results read, recorded and graded", speed, "results/s", "at least 10,000", detail, 0)
    reached = [one.figures["sent_wall_s"] for one in again]
    took = median(one.figures["sent_cpu_s"] for one in again)
    what = f"from start to the first unfinished trial, after {count:,} finished"
    yield Row(what, median(reached), "s", "under 3", f"{took:.2f} s of CPU")


def middle(parts: Sequence[Part], kind: str = "cpu") -> float:
    """The median of their seconds."""
    return median(one.seconds(kind) for one in parts)
