"""Measures the harness against the simulator and prints a table of ratios.

    python tests/benchmarks/run.py [--quick] [--only startup,cpu,…]

`docs/performance.md` says what is measured and keeps the last table. Nothing here is asserted.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from batches import batches
from cache import cache
from live import against_bare, throughput
from pace import pace
from pytest_items import pytest_items
from report import Row, table
from scale import scale
from startup import startup

BENCHMARKS = ("startup", "cpu", "throughput", "pytest", "batches", "cache", "pace", "scale")


def options(arguments: list[str]) -> argparse.Namespace:
    """The sizes that are asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the work, one round")
    parser.add_argument("--only", default=",".join(BENCHMARKS), help="some of the benchmarks")
    parser.add_argument("--cases", type=int, help="cases of three trials each (1000)")
    parser.add_argument("--many", type=int, help="cases at the upper end of `scale` (10000)")
    parser.add_argument("--connections", type=int, default=64, help="of `cpu` (64)")
    parser.add_argument("--rounds", type=int, help="measurements of each (5)")
    parser.add_argument(
        "--form", choices=("yaml", "csv", "both"), default="both", help="of `scale`"
    )
    given = parser.parse_args(arguments)
    given.only = given.only.split(",")
    if unknown := set(given.only) - set(BENCHMARKS):
        parser.error(f"no benchmark {sorted(unknown)}; there are {', '.join(BENCHMARKS)}")
    given.cases = given.cases or (100 if given.quick else 1000)
    given.many = given.many or given.cases * 10
    given.rounds = given.rounds or (1 if given.quick else 5)
    return given


def scales(given: argparse.Namespace, folder: Path) -> Iterator[Row]:
    """`scale` in each form that is asked for."""
    for form in ("csv", "yaml") if given.form == "both" else (given.form,):
        yield from scale(folder, (given.cases, given.many), form, given.rounds)


def benchmarks(given: argparse.Namespace, folder: Path) -> Iterator[Row]:
    """The rows of every benchmark that is asked for, as they are found."""
    cases, few = given.cases, min(given.rounds, 3)
    every: dict[str, Callable[[], Iterator[Row]]] = {
        "startup": lambda: startup(given.rounds * 2),
        "cpu": lambda: against_bare(folder, cases, given.connections, given.rounds),
        "throughput": lambda: throughput(folder, cases, 100, few),
        "pytest": lambda: pytest_items(folder, cases, given.connections, few),
        "batches": lambda: batches(folder, cases * 100, few),
        "cache": lambda: cache(folder, cases // 5, given.connections),
        "pace": lambda: pace(cases / 25),
        "scale": lambda: scales(given, folder),
    }
    for name in BENCHMARKS:
        if name in given.only:
            yield from every[name]()


def main(arguments: list[str]) -> None:
    """Measure, say each figure as it is found, and print the table."""
    given = options(arguments)
    rows = []
    with tempfile.TemporaryDirectory(prefix="harness-benchmarks-") as folder:
        for row in benchmarks(given, Path(folder)):
            rows.append(row)
            print(": ".join(row.cells[:2]), file=sys.stderr, flush=True)
    print(table(rows))


if __name__ == "__main__":
    main(sys.argv[1:])
