"""`trials.csv`: a row a trial, for spreadsheets and data frames. What is unknown is empty."""

from __future__ import annotations

import codecs
import csv
from decimal import Decimal
from typing import BinaryIO

from harness.analysis.comparison import Comparison
from harness.records import USAGE_FIELDS, Result
from reports.text import cell

COLUMNS = (
    *("suite", "case", "candidate", "model", "repeat", "outcome", "score", "reason"),
    *("refused", "truncated", "reused", *USAGE_FIELDS, "cost_usd", "spent_usd"),
    *("latency_s", "stop_reason", "request_id", "tags", "answer"),
)


class TrialsCsv:
    """`trials.csv`: texts cannot become formulas, numbers stay numbers."""

    wants_trials = True

    def __init__(self, file: BinaryIO, comparison: Comparison) -> None:
        self.models = {candidate.name: candidate.model for candidate in comparison.candidates}
        self.writer = csv.writer(codecs.getwriter("utf-8")(file), lineterminator="\n")
        self.writer.writerow(COLUMNS)

    def add(self, result: Result) -> None:
        """Write the trial's row."""
        row = {**self._trial(result), **_money(result), **_answer(result)}
        self.writer.writerow([_cell(row[name]) for name in COLUMNS])

    def finish(self) -> None:
        """Nothing: every row is written."""

    def _trial(self, result: Result) -> dict[str, object]:
        return {
            "suite": result.id.suite,
            "case": result.id.case,
            "candidate": result.id.candidate,
            "model": self.models.get(result.id.candidate),
            "repeat": result.id.repeat,
            "outcome": result.outcome.value,
            "score": result.score,
            "reason": result.reason,
            "refused": result.refused,
            "truncated": result.truncated,
            "reused": result.reused,
            "tags": " ".join(result.tags),
        }


def _money(result: Result) -> dict[str, object]:
    bill = result.bill
    if bill is None:
        return {"cost_usd": None, "spent_usd": None}
    return {"cost_usd": bill.total, "spent_usd": result.spent}


def _answer(result: Result) -> dict[str, object]:
    calls = result.calls_for("answer")
    last = calls[-1].answer if calls else None
    request_id = result.missing.request_id if result.missing else None
    usage, latency = result.usage, result.latency_s
    return {
        **{name: getattr(usage, name, None) for name in USAGE_FIELDS},
        "latency_s": None if latency is None else round(latency, 6),
        "stop_reason": last.stop_reason if last else None,
        "request_id": request_id or (last.request_id if last else None),
        "answer": last.text if last else None,
    }


def _cell(value: object) -> object:
    if isinstance(value, str):
        return cell(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:f}" if isinstance(value, Decimal) else value
