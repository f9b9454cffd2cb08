"""The files a run leaves behind; the one function that owns them is here.

A file appears whole or not at all: it is written under another name and renamed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO, Protocol

from harness.analysis.comparison import Comparison
from harness.errors import UsageError
from harness.records import Result
from reports.csv_report import TrialsCsv
from reports.html import HtmlReport
from reports.json_report import RunJson, TrialsJsonl
from reports.markdown import MarkdownReport

WRITTEN_AT_ONCE = 1 << 16
"""Bytes; a trial has some thousands of them."""


class Report(Protocol):
    """One format: it is shown every trial once, in bounded memory, and then finishes its file."""

    wants_trials: bool

    def add(self, result: Result) -> None:
        """Take one trial."""

    def finish(self) -> None:
        """Write what is still to be written; the file is closed by its owner."""


Format = tuple[str, Callable[[BinaryIO, Comparison], Report]]
"""A file's name, and what writes into it."""

FORMATS: Mapping[str, Format] = {
    "json": ("run.json", RunJson),
    "jsonl": ("trials.jsonl", TrialsJsonl),
    "csv": ("trials.csv", TrialsCsv),
    "md": ("report.md", MarkdownReport),
    "html": ("report.html", HtmlReport),
}


def write_reports(
    folder: Path,
    comparison: Comparison,
    results: Callable[[], Iterable[Result]],
    *,
    formats: Collection[str] | None = None,
    store: str | None = None,
) -> list[Path]:
    """The files written into `folder`, which is made if need be; all formats unless named.

    `results` is called at most once and streamed. `store` is what `--store` named, for the commands
    that a reader is told. An older file of the same name is replaced.
    Raises UsageError for a format that does not exist and a folder that cannot be written.
    """
    chosen = _chosen(formats, store)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            reports = [
                make(stack.enter_context(_whole(folder / name)), comparison)
                for name, make in chosen
            ]
            _fill(reports, results)
    except OSError as exc:
        raise UsageError(
            f"{folder}: the reports cannot be written: {exc.strerror or exc}; "
            "make room or name another folder with --out"
        ) from exc
    return [folder / name for name, _ in chosen]


def _chosen(formats: Collection[str] | None, store: str | None) -> list[Format]:
    unknown = sorted(set(formats or ()) - set(FORMATS))
    if unknown:
        raise UsageError(f"{unknown[0]!r} is no report format; there are {', '.join(FORMATS)}")
    telling: dict[str, Format] = {
        **FORMATS,
        "md": ("report.md", partial(MarkdownReport, store=store)),
    }
    return [telling[name] for name in FORMATS if formats is None or name in formats]


def _fill(reports: Collection[Report], results: Callable[[], Iterable[Result]]) -> None:
    takers = [report.add for report in reports if report.wants_trials]
    if takers:
        for result in results():
            for add in takers:
                add(result)
    for report in reports:
        report.finish()


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    """A file to write into, which takes the name `path` only when all went well."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        with unfinished.open("wb", buffering=WRITTEN_AT_ONCE) as file:
            yield file
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
