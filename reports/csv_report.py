"""`trials.csv`: a row a trial, for spreadsheets and data frames. What is unknown is empty."""

from __future__ import annotations

import csv
from decimal import Decimal
from functools import lru_cache
from operator import attrgetter
from types import SimpleNamespace
from typing import BinaryIO

from harness.analysis.comparison import Comparison
from harness.records import USAGE_FIELDS, Result
from reports.text import cell

COLUMNS = (
    *("suite", "case", "candidate", "model", "repeat", "outcome", "score", "reason"),
    *("refused", "truncated", "reused", *USAGE_FIELDS, "cost_usd", "spent_usd"),
    *("latency_s", "stop_reason", "request_id", "tags", "answer"),
)
FLAGS = {True: "true", False: "false"}
_classes = attrgetter(*USAGE_FIELDS)
_name = lru_cache(maxsize=1024)(cell)  # many trials have the same


class TrialsCsv:
    """`trials.csv`: texts cannot become formulas, numbers stay numbers."""

    wants_trials = True

    def __init__(self, file: BinaryIO, comparison: Comparison) -> None:
        self.file = file
        self.models = {c.name: cell(c.model) for c in comparison.candidates}
        self.writer = csv.writer(SimpleNamespace(write=self._write), lineterminator="\n")
        self.writer.writerow(COLUMNS)

    def add(self, result: Result) -> None:
        """Write the trial's row."""
        model = self.models.get(result.id.candidate)
        self.writer.writerow((*_trial(result, model), *_money(result), *_answer(result)))

    def finish(self) -> None:
        """Nothing: every row is written."""

    def _write(self, row: str) -> None:
        self.file.write(row.encode())


def _trial(result: Result, model: str | None) -> tuple[object, ...]:
    """The columns from `suite` to `reused`."""
    return (
        _name(result.id.suite),
        _name(result.id.case),
        _name(result.id.candidate),
        model,
        result.id.repeat,
        result.outcome.value,
        result.score,
        cell(result.reason),
        FLAGS[result.refused],
        FLAGS[result.truncated],
        FLAGS[result.reused],
    )


def _money(result: Result) -> tuple[object, ...]:
    """The columns from the first token class to `spent_usd`."""
    usage, bill = result.usage, result.bill
    tokens = [None] * len(USAGE_FIELDS) if usage is None else _classes(usage)
    if bill is None:
        return (*tokens, None, None)
    return (*tokens, _dollars(bill.total), _dollars(result.spent))


def _answer(result: Result) -> tuple[object, ...]:
    """The columns from `latency_s` to `answer`."""
    calls = result.calls_for("answer")
    last = calls[-1].answer if calls else None
    request_id = result.missing.request_id if result.missing else None
    request_id = request_id or (last.request_id if last else None)
    latency = result.latency_s
    return (
        None if latency is None else round(latency, 6),
        _name(last.stop_reason) if last and last.stop_reason is not None else None,
        None if request_id is None else cell(request_id),
        _name(" ".join(result.tags)),
        cell(last.text) if last else None,
    )


def _dollars(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"
