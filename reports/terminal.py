"""The end of a run on a terminal: the comparison, what it cost, and where to look next."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from harness.analysis.comparison import Comparison
from harness.records import TrialId
from reports import numbers, tables
from reports.text import one_line

if TYPE_CHECKING:
    from rich.console import Console

NEVER_BROKEN = 30
GATES_LISTED = 6
COLORS = {"pass": "green", "fail": "red", "inconclusive": "yellow", "invalid": "red"}


def print_summary(
    console: Console,
    comparison: Comparison,
    *,
    folder: Path | None = None,
    failure: TrialId | None = None,
) -> None:
    """Print the comparison table, gates, cost, and where to go on.

    `folder` holds the reports, if any were written; `failure` is a trial worth looking at.
    """
    if comparison.run.simulated:
        _line(console, tables.SIMULATED, style="bold yellow")
    _table(console, tables.comparison_table(comparison, notes=False))
    for note in tables.candidate_notes(comparison):
        _line(console, note)
    if len(comparison.run.suites) > 1:
        _table(console, tables.by_suite_table(comparison))
    _gates(console, comparison)
    for line in _closing(comparison, folder, failure):
        _line(console, line)


def _closing(comparison: Comparison, folder: Path | None, failure: TrialId | None) -> list[str]:
    total, spent = tables.total_cost(comparison)
    lines = [f"Cost: {numbers.dollars(total)}, of which this run paid {numbers.dollars(spent)}"]
    if total is None:
        lines[0] += " (the price of a model is not known)"
    pending = sum(candidate.trials.pending for candidate in comparison.candidates)
    if pending:
        run = shlex.quote(comparison.run.id)
        lines.append(f"Pending: {numbers.count(pending)} trials; go on with harness resume {run}")
    if folder is not None:
        lines.append(f"Report: {folder / 'report.html'}")
    if failure is not None:
        lines.append(f"See a failure: {tables.show_command(comparison.run.id, failure)}")
    return lines


def _gates(console: Console, comparison: Comparison) -> None:
    """Every gate where they are few, else those that do not pass, and the count of all."""
    few = len(comparison.gates) <= GATES_LISTED
    for gate in sorted(comparison.gates, key=lambda gate: gate.verdict != "pass"):
        if few or gate.verdict != "pass":
            text = f"{gate.verdict}: {gate.suite} {gate.gate} [{gate.candidate}]: {gate.detail}"
            _line(console, text, style=COLORS[gate.verdict])
    if comparison.gates and not few:
        _line(console, tables.verdict(comparison))


def _line(console: Console, text: str, *, style: str = "") -> None:
    from rich.text import Text

    # Commands and paths are for copying: no wrapping, no markup, no guessed highlights.
    console.print(Text(one_line(text, 1000), style=style), soft_wrap=True, highlight=False)


def _table(console: Console, table: tables.Table) -> None:
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for index, cells in enumerate(zip(table.columns, *table.rows, strict=True)):
        drawn.add_column(
            Text(one_line(cells[0], 80)),
            justify="left" if index < table.left else "right",
            # Where room is short the words give way, so that no number is broken in two.
            no_wrap=max(map(len, cells)) <= NEVER_BROKEN,
            overflow="fold",
        )
    for row in table.rows:
        drawn.add_row(*(Text(one_line(cell, 80)) for cell in row))
    console.print(drawn)
    console.print()
