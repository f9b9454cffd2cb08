"""`run.json` and `trials.jsonl`: all that a run found and all that it asked, for programs.

Dollars are exact: JSON numbers in `run.json`, whose readers expect numbers, and texts in
`trials.jsonl`, since most readers make binary floats of JSON numbers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, BinaryIO

import orjson

from harness.analysis.comparison import Comparison
from harness.records import Bill, Call, Result
from reports.sentences import paid_usd

FORMAT = 1
RUN_FIELDS = (
    *("id", "started_at", "finished_at", "mode", "simulated"),
    *("harness_version", "sdk_version", "prices_as_of", "exit_code"),
)
SUITE_FIELDS = ("name", "path", "sha256", "cases")
_PLACES = Decimal("1e-12")


class RunJson:
    """`run.json`: the Comparison, in the shape that `"format": 1` promises."""

    wants_trials = False

    def __init__(self, file: BinaryIO, comparison: Comparison) -> None:
        self.file = file
        self.comparison = comparison

    def add(self, result: Result) -> None:
        """Nothing: the Comparison has counted the trials already."""

    def finish(self) -> None:
        """Write the file."""
        self.file.write(run_json(self.comparison) + b"\n")


class TrialsJsonl:
    """`trials.jsonl`: a line a trial, with its transcript, calls and grades."""

    wants_trials = True

    def __init__(self, file: BinaryIO, comparison: Comparison) -> None:
        self.file = file
        self.models = {candidate.name: candidate.model for candidate in comparison.candidates}

    def add(self, result: Result) -> None:
        """Write the trial's line."""
        self.file.write(trial_json(result, self.models.get(result.id.candidate)) + b"\n")

    def finish(self) -> None:
        """Nothing: every line is written."""


def run_json(comparison: Comparison) -> bytes:
    """`run.json`, whole."""
    return _encoded(run_document(comparison), numbers=True)


def trial_json(result: Result, model: str | None) -> bytes:
    """One line of `trials.jsonl`, without its end."""
    document = trial_document(result, model)
    in_utc = {call.answer.answered_at.tzinfo for call in result.calls} <= {UTC}
    return _encoded(document, numbers=False, in_utc=in_utc)


def run_document(comparison: Comparison) -> dict[str, Any]:
    """The content of `run.json`, with records and Decimals still in it."""
    return {
        "format": FORMAT,
        "run": {**_named(comparison.run, RUN_FIELDS), **_money(comparison)},
        "suites": [_named(suite, SUITE_FIELDS) for suite in comparison.run.suites],
        "candidates": comparison.candidates,
        "pairs": comparison.pairs,
        "routing": comparison.routing,
        "gates": comparison.gates,
        "regression": comparison.regression,
        "batches": comparison.batches,
        "pace": comparison.pace,
        "pareto": comparison.pareto,
    }


def _money(comparison: Comparison) -> dict[str, Decimal | None]:
    """The run's budget, None without one, and what it has paid for in all."""
    budget = comparison.run.invocation.get("budget")
    return {
        "budget_usd": None if budget is None else Decimal(str(budget)),
        "paid_usd": paid_usd(comparison),
    }


def _named(record: object, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(record, name) for name in names}


def trial_document(result: Result, model: str | None) -> dict[str, Any]:
    """One line of `trials.jsonl`, with records still in it."""
    return {
        "trial": str(result.id),
        "suite": result.id.suite,
        "case": result.id.case,
        "candidate": result.id.candidate,
        "model": model,
        "repeat": result.id.repeat,
        "outcome": result.outcome,
        "score": result.score,
        "reason": result.reason,
        "refused": result.refused,
        "truncated": result.truncated,
        "reused": result.reused,
        "tags": result.tags,
        "cluster": result.cluster,
        "missing": result.missing,
        "content": result.content,
        "grades": result.grades,
        "messages": result.messages,
        "calls": [_call(call) for call in result.calls],
    }


def _call(call: Call) -> dict[str, Any]:
    spent = call.spent
    return {
        "purpose": call.request.purpose,
        "params": call.request.params,
        "api_version": call.request.api_version,
        "betas": call.request.betas,
        "answer": call.answer,
        "cost_usd": _bill(call.bill),
        "spent_usd": None if spent is None else _digits(spent),
    }


@lru_cache(maxsize=1024)  # many answers cost the same
def _bill(bill: Bill) -> dict[str, str | None]:
    amounts = {field.name: getattr(bill, field.name) for field in fields(bill)}
    return {name: None if usd is None else _digits(usd) for name, usd in amounts.items()}


def _encoded(document: object, *, numbers: bool, in_utc: bool = False) -> bytes:
    """JSON, with dollars as numbers and indented, or with dollars as texts and on one line.

    Where all times are `in_utc`, as nearly always, it is quicker not to look at each.
    """

    def default(value: object) -> object:
        if not isinstance(value, Decimal):
            return _plain(value)
        return orjson.Fragment(_digits(value)) if numbers else _digits(value)

    option = orjson.OPT_UTC_Z if in_utc else orjson.OPT_PASSTHROUGH_DATETIME
    option |= orjson.OPT_INDENT_2 if numbers else 0
    try:
        return orjson.dumps(document, default, option)
    except TypeError:
        # A model may write what orjson refuses: integers beyond 64 bits, half of a surrogate pair.
        return json.dumps(_deep(document, numbers=numbers), indent=2 if numbers else None).encode()


@lru_cache(maxsize=1024)
def _digits(amount: Decimal) -> str:
    return f"{amount.quantize(_PLACES):f}".rstrip("0").rstrip(".")


def _plain(value: object) -> object:
    """A value one step nearer to JSON; TypeError where there is no such step."""
    if isinstance(value, datetime):
        aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return aware.isoformat().replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, float):
        return float(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def _deep(value: object, *, numbers: bool) -> object:
    """`value` in the types of the standard library's JSON, all the way down."""
    if isinstance(value, Decimal):
        return float(value) if numbers else _digits(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, list | tuple):
        return [_deep(item, numbers=numbers) for item in value]
    plain = _plain(value)
    if isinstance(plain, dict):
        return {str(key): _deep(item, numbers=numbers) for key, item in plain.items()}
    return plain
