"""The report on the page of a GitHub job, where the environment names a file for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.errors import UsageError

VARIABLE = "GITHUB_STEP_SUMMARY"


def append_step_summary(environ: Mapping[str, str], report: Path) -> bool:
    """Append `report` (a `report.md`) to the job's summary; whether the environment names one.

    Raises UsageError where that file cannot be written.
    """
    target = environ.get(VARIABLE)
    if not target:
        return False
    try:
        text = report.read_text(encoding="utf-8")
        with Path(target).open("a", encoding="utf-8", newline="\n") as summary:
            summary.write(f"{text}\n")
    except OSError as error:
        why = error.strerror or error
        raise UsageError(f"{VARIABLE} names {target}, which cannot be written: {why}") from error
    return True
