"""The rows and columns of every table and the sentences beside them; a format only draws them."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from harness.analysis.comparison import CandidateSummary, Comparison, Group
from harness.records import TrialId, add_dollars
from reports import numbers

SIMULATED = "simulated: nothing here came from Claude"


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as text, not yet escaped for any format; the first `left` columns are words."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1


def comparison_table(comparison: Comparison, *, notes: bool = True) -> Table:
    """A row a candidate; with `notes`, columns for what is missing and flagged, if anything is."""
    columns = {
        "candidate": [c.name for c in comparison.candidates],
        "passed": [numbers.percent(c.quality.pass_rate.value) for c in comparison.candidates],
        "cases": [numbers.count(c.quality.pass_rate.n_cases) for c in comparison.candidates],
        "score": [numbers.score(c.quality.score.value) for c in comparison.candidates],
        "cost": [numbers.dollars(c.cost_usd.total) for c in comparison.candidates],
        "per pass": [numbers.dollars(c.cost_usd.per_pass.value) for c in comparison.candidates],
        "tokens in": [numbers.tokens(c.usage.prompt_tokens) for c in comparison.candidates],
        "out": [numbers.tokens(c.usage.output_tokens) for c in comparison.candidates],
        "p50": [numbers.seconds(c.latency_s.p50) for c in comparison.candidates],
    }
    for name, cells in (("missing", _missing), ("flags", _flags)):
        column = [cells(c) for c in comparison.candidates]
        if notes and any(column):
            columns[name] = column
    return Table("Candidates", tuple(columns), tuple(zip(*columns.values(), strict=True)))


def candidate_notes(comparison: Comparison) -> list[str]:
    """A line for each candidate of which anything is missing or flagged."""
    told = (
        (c.name, ", ".join(filter(None, (_missing(c), _flags(c))))) for c in comparison.candidates
    )
    return [f"{name}: {notes}" for name, notes in told if notes]


def by_suite_table(comparison: Comparison) -> Table:
    """A row a suite and candidate: not every candidate is in every suite."""
    rows = tuple(
        (
            suite.name,
            candidate.name,
            numbers.percent(found.pass_rate.value),
            numbers.count(found.n_cases),
            numbers.score(found.score.value),
            numbers.dollars(found.cost_usd.total),
            numbers.dollars(found.cost_usd.per_pass.value),
        )
        for suite in comparison.run.suites
        for candidate in comparison.candidates
        if (found := candidate.by_suite.get(suite.name)) is not None
    )
    columns = ("suite", "candidate", "passed", "cases", "score", "cost", "per pass")
    return Table("By suite", columns, rows, left=2)


def by_tag_table(comparison: Comparison) -> Table:
    """A row a tag, a column a candidate: its pass rate and what a case cost."""
    return _groups("tag", [(c.name, c.by_tag) for c in comparison.candidates])


def gates_table(comparison: Comparison) -> Table:
    """A row a gate and candidate, those that did not pass first."""
    ordered = sorted(comparison.gates, key=lambda gate: gate.verdict == "pass")
    rows = tuple((g.verdict, g.suite, g.gate, g.candidate, g.detail) for g in ordered)
    return Table("Gates", ("verdict", "suite", "gate", "candidate", "detail"), rows, left=5)


def total_cost(comparison: Comparison) -> tuple[Decimal | None, Decimal | None]:
    """Dollars of all candidates: what the answers cost when made, and what this run paid."""
    total: Decimal | None = Decimal(0)
    spent: Decimal | None = Decimal(0)
    for candidate in comparison.candidates:
        total = add_dollars(total, candidate.cost_usd.total)
        spent = add_dollars(spent, candidate.cost_usd.spent)
    return total, spent


def verdict(comparison: Comparison) -> str:
    """What the gates say, in a line, the worst first; empty where there are none."""
    found = Counter(gate.verdict for gate in comparison.gates)
    said = _listed(
        (found["fail"], "failed"),
        (found["invalid"], "could not be checked"),
        (found["inconclusive"], "inconclusive"),
        (found["pass"], "passed"),
    )
    return f"Gates: {said}" if said else ""


def show_command(run: str, trial: TrialId) -> str:
    """The command that shows one transcript, quoted for a shell."""
    return shlex.join(["harness", "show", run, str(trial)])


def _missing(candidate: CandidateSummary) -> str:
    trials = candidate.trials
    return _listed(
        (trials.errored, "errored"), (trials.ungraded, "ungraded"), (trials.pending, "pending")
    )


def _flags(candidate: CandidateSummary) -> str:
    trials = candidate.trials
    return _listed((trials.refused, "refused"), (trials.truncated, "truncated"))


def _listed(*counts: tuple[int, str]) -> str:
    return ", ".join(f"{number:,} {word}" for number, word in counts if number)


def _groups(title: str, candidates: list[tuple[str, Mapping[str, Group]]]) -> Table:
    names = dict.fromkeys(name for _, groups in candidates for name in groups)
    rows = []
    for name in names:
        found = [groups.get(name) for _, groups in candidates]
        cases = max(group.n_cases for group in found if group)
        cells = (_group(group, cases) for group in found)
        rows.append((name, numbers.count(cases), *cells))
    columns = (title, "cases", *(name for name, _ in candidates))
    return Table(f"By {title}", columns, tuple(rows))


def _group(group: Group | None, cases: int) -> str:
    if group is None or not group.n_cases:
        return numbers.UNKNOWN
    rate, cost = numbers.percent(group.pass_rate.value), numbers.dollars(group.cost_per_case)
    fewer = "" if group.n_cases == cases else f" (n={group.n_cases:,})"
    return f"{rate}{fewer} · {cost}"
