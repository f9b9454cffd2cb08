"""The files a run leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.analysis.comparison import Comparison
from harness.errors import UsageError
from harness.records import Result
from reports.write import write_reports


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_every_format_is_written(
    tmp_path: Path, comparison: Comparison, results: list[Result]
) -> None:
    written = write_reports(tmp_path / "new" / "run", comparison, lambda: results)
    assert [path.name for path in written] == [
        "run.json",
        "trials.jsonl",
        "trials.csv",
        "report.md",
        "report.html",
    ]
    assert names(tmp_path / "new" / "run") == sorted(path.name for path in written)


def test_only_the_formats_asked_for(
    tmp_path: Path, comparison: Comparison, results: list[Result]
) -> None:
    write_reports(tmp_path, comparison, lambda: results, formats=["md", "csv"])
    assert names(tmp_path) == ["report.md", "trials.csv"]


def test_run_json_alone_reads_no_results(tmp_path: Path, comparison: Comparison) -> None:
    def unreadable() -> list[Result]:
        raise AssertionError

    assert write_reports(tmp_path, comparison, unreadable, formats={"json"})


def test_results_are_streamed_once(
    tmp_path: Path, comparison: Comparison, results: list[Result]
) -> None:
    calls = []

    def stream() -> Iterator[Result]:
        calls.append(1)
        yield from results

    write_reports(tmp_path, comparison, stream)
    assert calls == [1]
    assert len((tmp_path / "trials.jsonl").read_text(encoding="utf-8").splitlines()) == 6


def test_an_unknown_format_is_named(tmp_path: Path, comparison: Comparison) -> None:
    with pytest.raises(UsageError, match="'pdf' is no report format; there are json, jsonl"):
        write_reports(tmp_path, comparison, list, formats=["pdf"])


def test_a_failure_leaves_the_older_files_and_nothing_half_written(
    tmp_path: Path, comparison: Comparison, a_result: Callable[..., Result]
) -> None:
    (tmp_path / "trials.csv").write_text("older", encoding="utf-8")

    def breaking() -> Iterator[Result]:
        yield a_result()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_reports(tmp_path, comparison, breaking)
    assert names(tmp_path) == ["trials.csv"]
    assert (tmp_path / "trials.csv").read_text(encoding="utf-8") == "older"


def test_a_folder_that_cannot_be_made_is_a_usage_error(
    tmp_path: Path, comparison: Comparison
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="--out"):
        write_reports(tmp_path / "file" / "run", comparison, list)
