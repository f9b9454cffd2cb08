"""Child processes and what they used: CPU time, wall time and peak memory, alone and in pairs.

Imports little: on Linux a child's peak memory is at least its parent's size when it was started.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

PEAK_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes that `ru_maxrss` counts in."""


@dataclass(frozen=True, slots=True)
class Used:
    """What one child used, from its start to its end."""

    cpu_s: float
    wall_s: float
    peak_bytes: int


class ChildFailedError(Exception):
    """A child that ended badly; the message is the end of what it printed."""


def run(
    command: Sequence[object],
    *,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    core: int | None = None,
    allowed: Sequence[int] = (0,),
) -> Used:
    """Run a child to its end, on one core where `core` is given; raises ChildFailedError."""
    pinned = ["taskset", "-c", str(core)] if core is not None else []
    with tempfile.TemporaryFile() as output:
        begun = time.perf_counter()
        child = subprocess.Popen(
            [*pinned, *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environ or {})},
            cwd=cwd,
        )
        _pid, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - begun
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode not in allowed:
            output.seek(0)
            said = output.read().decode(errors="replace")[-2000:]
            raise ChildFailedError(f"{command} ended with {child.returncode}:\n{said}")
    return Used(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss * PEAK_UNIT)


def in_turns(
    rounds: int, *measures: Callable[[int], Used], warm: bool = True
) -> tuple[list[Used], ...]:
    """Each measure once a round, A B A B: what else the machine does then falls on all alike.

    A measure is given the number of its round. Where `warm`, round 0 is done and not counted.
    """
    found: tuple[list[Used], ...] = tuple([] for _ in measures)
    for number in range(0 if warm else 1, rounds + 1):
        for measure, kept in zip(measures, found, strict=True):
            used = measure(number)
            if number:
                kept.append(used)
    return found


def ratio(above: Sequence[Used], below: Sequence[Used]) -> float:
    """The median over the rounds of the ratio of CPU times."""
    return median(a.cpu_s / b.cpu_s for a, b in zip(above, below, strict=True))


def cpu(used: Sequence[Used]) -> float:
    """The median CPU time in seconds."""
    return median(one.cpu_s for one in used)


def wall(used: Sequence[Used]) -> float:
    """The median wall time in seconds."""
    return median(one.wall_s for one in used)


def peak(used: Sequence[Used]) -> float:
    """The median peak memory in bytes."""
    return median(one.peak_bytes for one in used)
