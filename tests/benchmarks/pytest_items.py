"""Suites under pytest: beside as many trivial items of pytest's own, and beside `harness run`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median

import measure
from live import live_run
from measure import Used
from programs import PYTHON, TRIAL_FAILURES, access, simulator
from report import Row
from workload import MODELS, write_suite

TRIVIAL = """\
import pytest


class Item(pytest.Item):
    def runtest(self):
        if self.name.endswith("3[haiku]"):
            pytest.fail("as one of ten does", pytrace=False)


class File(pytest.File):
    def collect(self):
        for number in range(int(self.path.read_text())):
            yield Item.from_parent(self, name=f"case-{number}[haiku]")


def pytest_collect_file(file_path, parent):
    return File.from_parent(parent, path=file_path) if file_path.suffix == ".count" else None
"""
QUIET = ("-q", "--tb=no", "-p", "no:cacheprovider", "-p", "no:hypothesispytest")
COLLECT = ("--collect-only", "-qq")


def session(folder: Path, file: Path, url: str, *options: object) -> Used:
    """One pytest session over a file, with its store and reports in `folder`."""
    folder.mkdir(exist_ok=True)
    kept = [f"--eval-out={folder / 'out'}", f"--eval-store={folder / 'store.db'}"]
    return measure.run(
        [PYTHON, "-m", "pytest", file, "--rootdir", file.parent, *QUIET, *kept, *options],
        # With it set, pytest rewrites the assertions of every plugin anew in each session.
        environ={**access(url), "PYTHONDONTWRITEBYTECODE": ""},
        cwd=file.parent,
        allowed=TRIAL_FAILURES,
    )


def pytest_items(folder: Path, cases: int, connections: int, rounds: int) -> Iterator[Row]:
    """Collecting, running on stored answers, and running live."""
    suite = write_suite(folder / "pytest", cases, "yaml")
    trivial = folder / "trivial"
    trivial.mkdir()
    (trivial / "conftest.py").write_text(TRIVIAL, encoding="utf-8")
    plain = trivial / "items.count"
    trials = cases * len(MODELS)
    plain.write_text(str(trials), encoding="utf-8")
    with simulator(suite) as url:
        at = folder / "pytest-kept"
        yield collecting(at, (suite, plain), url, trials, rounds)
        yield stored(at, (suite, plain), url, trials, rounds)
        yield beside_the_command(folder, suite, url, connections, rounds)


def collecting(at: Path, files: tuple[Path, Path], url: str, trials: int, rounds: int) -> Row:
    """Whole sessions that only collect."""
    suite, plain = files
    ours, trivial = measure.in_turns(
        rounds,
        lambda _: session(at, suite, url, *COLLECT),
        lambda _: session(at, plain, url, *COLLECT),
    )
    detail = f"{measure.cpu(ours):.2f} s over {measure.cpu(trivial):.2f} s"
    what = f"CPU of collecting {trials:,} items over as many trivial ones"
    return Row(what, measure.ratio(ours, trivial), "×", "at most 2", detail)


def stored(at: Path, files: tuple[Path, Path], url: str, trials: int, rounds: int) -> Row:
    """What running an item adds to pytest's own work, with every answer in the store."""
    suite, plain = files
    session(at, suite, url)
    measures = [
        lambda _, file=file, options=options: session(at, file, url, *options)
        for file in (suite, plain)
        for options in ((), COLLECT)
    ]
    ours, collected, trivial, counted = measure.in_turns(rounds, *measures)
    each = [
        (a.cpu_s - b.cpu_s - (c.cpu_s - d.cpu_s)) / trials * 1000
        for a, b, c, d in zip(ours, collected, trivial, counted, strict=True)
    ]
    running = measure.cpu(ours) - measure.cpu(collected)
    detail = f"{running:.2f} s less pytest's {measure.cpu(trivial) - measure.cpu(counted):.2f} s"
    what = "own CPU of an item on a stored answer"
    return Row(what, median(each), "ms", "at most 0.4", detail, 3)


def beside_the_command(folder: Path, suite: Path, url: str, connections: int, rounds: int) -> Row:
    """The same trials live, under pytest and by `harness run`, each with an empty store."""
    ours, command = measure.in_turns(
        rounds,
        lambda n: session(folder / f"items-{n}", suite, url, "--eval-concurrency", connections),
        lambda n: live_run(folder / f"beside-{n}", suite, url, connections),
    )
    detail = f"{measure.cpu(ours):.2f} s over {measure.cpu(command):.2f} s"
    what = "CPU of live trials under pytest over `harness run`"
    return Row(what, measure.ratio(ours, command), "×", "at most 1.5", detail)
