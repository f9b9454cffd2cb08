"""Runs as snapshots for unit tests: what each candidate did in each case, in a line."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from harness.analysis.baseline import Arm, CaseRecord, Snapshot

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def case(repeats: str, content: str = "same", cluster: str | None = None) -> CaseRecord:
    """A case from its repeats: `p` passed, `f` failed, `-` missing."""
    passed = tuple(mark == "p" for mark in repeats if mark != "-")
    scores = tuple(float(each) for each in passed)
    return CaseRecord(content, cluster, passed, scores, repeats.count("-"))


def arm(cases: Mapping[str, CaseRecord], name: str = "haiku", suite: str = "s") -> Arm:
    """A candidate with these cases of one suite."""
    return Arm(name, f"{name}-1", {}, cases={(suite, key): one for key, one in cases.items()})


def each(repeats: str, times: int, start: int = 0) -> dict[str, CaseRecord]:
    """So many cases that ended alike, numbered from `start`."""
    return {f"c{number}": case(repeats) for number in range(start, start + times)}


def run_of(*arms: Arm, run: str = "now", simulated: bool = False) -> Snapshot:
    """A run of these candidates."""
    named = {one.name: one for one in arms}
    return Snapshot(run, NOON, "live", simulated, "1", "2", named)
