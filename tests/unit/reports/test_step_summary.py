"""The report on the page of a GitHub job."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UsageError
from reports.step_summary import append_step_summary


@pytest.fixture
def report(tmp_path: Path) -> Path:
    file = tmp_path / "report.md"
    file.write_text("# Evaluation\n", encoding="utf-8")
    return file


def test_the_report_is_appended_to_what_the_job_said(report: Path, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n", encoding="utf-8")
    assert append_step_summary({"GITHUB_STEP_SUMMARY": str(summary)}, report)
    assert summary.read_text(encoding="utf-8") == "before\n# Evaluation\n\n"


@pytest.mark.parametrize("environ", [{}, {"GITHUB_STEP_SUMMARY": ""}], ids=["absent", "empty"])
def test_outside_of_github_nothing_is_written(report: Path, environ: dict[str, str]) -> None:
    assert not append_step_summary(environ, report)


def test_a_summary_that_cannot_be_written_is_named(report: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"GITHUB_STEP_SUMMARY names .*no/summary"):
        append_step_summary({"GITHUB_STEP_SUMMARY": str(tmp_path / "no" / "summary")}, report)
