"""The end of a run on a terminal: the comparison, what it cost, and where to look next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.analysis.comparison import Comparison
from harness.records import TrialId
from reports import comparing, numbers, routing, sentences, tables, verdicts
from reports.commands import Commands
from reports.text import one_line

if TYPE_CHECKING:
    from rich.console import Console

GATES_LISTED = 6
PAIRS_TOLD = 6
COLORS = {"pass": "green", "fail": "red", "inconclusive": "yellow", "invalid": "red"}


def print_summary(
    console: Console,
    comparison: Comparison,
    *,
    folder: Path | None = None,
    failure: TrialId | None = None,
    store: str | None = None,
) -> None:
    """Print the comparison table, gates, cost, and where to go on.

    `folder` holds the reports, if any were written; `failure` is a trial worth looking at; `store`
    is what `--store` named, for the commands. Only a terminal makes the tables narrow.
    """
    if comparison.run.simulated:
        _line(console, sentences.SIMULATED, style="bold yellow")
    if not any(comparison.run.planned.values()):
        _line(console, "no trials" + (" in this shard" if _is_shard(comparison) else ""))
    else:
        _tables(console, comparison)
    for line in _closing(comparison, folder, failure, Commands(comparison.run.id, store)):
        _line(console, line)


def _is_shard(comparison: Comparison) -> bool:
    return bool(comparison.run.invocation.get("shard"))


def _tables(console: Console, comparison: Comparison) -> None:
    _table(console, tables.comparison_table(comparison, notes=False))
    notes = sentences.candidate_notes(comparison)
    notes += verdicts.pair_sentences(comparison, PAIRS_TOLD)
    if comparison.routing is not None:
        notes.append(routing.recommendation(comparison.routing))
    for note in notes:
        _line(console, note)
    if notes:
        console.print()
    if len(comparison.run.suites) > 1:
        _table(console, tables.by_suite_table(comparison))
    _gates(console, comparison)
    if comparison.regression is not None:
        for line in comparing.regression_lines(comparison.regression):
            _line(console, line)


def _closing(
    comparison: Comparison, folder: Path | None, failure: TrialId | None, commands: Commands
) -> list[str]:
    lines = [f"Cost: {sentences.money(comparison)}"]
    if missing := sentences.missing_trials(comparison):
        lines.append(f"Missing: {missing}")
    pending = sum(candidate.trials.pending for candidate in comparison.candidates)
    if pending:
        trials = numbers.counted(pending, "trial")
        # What the command line began names its paths; what pytest began has none.
        by_pytest = comparison.run.invocation.get("paths", ("…",)) in ((), [])
        lines.append(f"Pending: {trials}; go on with {commands.resume(by_pytest=by_pytest)}")
    if batches := sentences.batches(comparison):
        lines.append(f"Batches: {batches}")
    if folder is not None:
        lines.append(f"Report: {folder / 'report.html'}")
    if failure is not None:
        lines.append(f"See a failure: {commands.show(failure)}")
    return lines


def _gates(console: Console, comparison: Comparison) -> None:
    """Every judged gate where they are few, else those that do not pass, and the count of all."""
    judged = [gate for gate in comparison.gates if gate.judged]
    few = len(judged) <= GATES_LISTED
    for gate in sorted(judged, key=lambda gate: gate.verdict != "pass"):
        if few or gate.verdict != "pass":
            text = f"{gate.verdict}: {gate.suite} {gate.gate} [{gate.candidate}]: {gate.detail}"
            _line(console, text, style=COLORS[gate.verdict])
    for line in sentences.gates_not_judged(comparison):
        _line(console, line, style=COLORS["inconclusive"])
    if not few:
        _line(console, sentences.verdict(comparison))


def _line(console: Console, text: str, *, style: str = "") -> None:
    from rich.text import Text

    # Commands and paths are for copying: no wrapping, no markup, no guessed highlights.
    console.print(Text(one_line(text, 1000), style=style), soft_wrap=True, highlight=False)


def _table(console: Console, table: tables.Table) -> None:
    from rich.text import Text

    from reports.columns import parts

    for heads, *rows in parts(table, console.width if console.is_terminal else None):
        console.print(Text(heads, style="bold"), soft_wrap=True, highlight=False)
        for row in rows:
            console.print(Text(row), soft_wrap=True, highlight=False)
        console.print()
