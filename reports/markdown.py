"""`report.md`: the run for a reader, small enough for a pull-request comment.

The verdict stands first, then the candidates; all else is folded. GitHub takes 65,536 characters:
the report stays below `LIMIT` bytes whatever the run's size, and says what it left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import BinaryIO

from harness.analysis.comparison import Comparison
from harness.records import Outcome, Result
from reports import comparing, evidence, numbers, routing, sentences, tables, verdicts
from reports.commands import Commands
from reports.failure import decisive
from reports.tables import Table
from reports.text import ending, fenced, markdown

LIMIT = 58_000
TABLE_LIMIT = 8_000
FOLDED_LIMIT = 4_000
TABLES_SPARE = 15_000
"""Bytes that tables leave to the trials that failed."""

CELL = 240
MAX_FAILURES = 20
PAIRS_TOLD = 6
ANSWER_END = 800
WRONG = (Outcome.FAILED, Outcome.ERRORED, Outcome.UNGRADED)


@dataclass(frozen=True, slots=True)
class _Wrong:
    """What the report says of one failed or missing trial, cut to size."""

    heading: str
    answer: str
    command: str


class MarkdownReport:
    """`report.md`: verdict, tables, and the first failures of each candidate.

    The commands in it name `store`, if it is given.
    """

    wants_trials = True

    def __init__(self, file: BinaryIO, comparison: Comparison, *, store: str | None = None) -> None:
        self.file = file
        self.commands = Commands(comparison.run.id, store)
        self.comparison = comparison
        self.kept: defaultdict[tuple[Outcome, str], list[_Wrong]] = defaultdict(list)

    def add(self, result: Result) -> None:
        """Keep the trial if it is among its candidate's first failures."""
        if result.outcome in WRONG:
            kept = self.kept[result.outcome, result.id.candidate]
            if len(kept) < MAX_FAILURES:
                kept.append(_wrong(result, self.commands))

    def finish(self) -> None:
        """Write the file."""
        page = _Page([], LIMIT)
        for block in _top(self.comparison):
            page.add(block)
        left_out = [
            table.title
            for table in _folded_tables(self.comparison)
            if not page.add(_details(table), spare=TABLES_SPARE)
        ]
        if left_out:
            page.add(f"No room here, but in `run.json`: {markdown(', '.join(left_out), 400)}.")
        for outcome in WRONG:
            self._add_trials(page, outcome)
        self.file.write(("\n\n".join(page.blocks) + "\n").encode())

    def _add_trials(self, page: _Page, outcome: Outcome) -> None:
        number = sum(getattr(c.trials, outcome.value) for c in self.comparison.candidates)
        if not number:
            return
        page.add(f"## {outcome.value.capitalize()}: {numbers.count(number)}")
        lists = [kept for (which, _), kept in self.kept.items() if which is outcome]
        # One of each candidate in turn, so that the first does not fill the page.
        fairly = [wrong for wrong in chain.from_iterable(zip_longest(*lists)) if wrong]
        shown = sum(page.add(_folded(wrong), spare=1_000) for wrong in fairly[:MAX_FAILURES])
        if shown < number:
            page.add(f"{numbers.count(number - shown)} more in `trials.csv` and `trials.jsonl`.")


@dataclass(slots=True)
class _Page:
    blocks: list[str]
    left: int

    def add(self, block: str, *, spare: int = 0) -> bool:
        """Whether the block fitted; `spare` bytes are kept for what must still be said."""
        size = len(block.encode()) + 2
        if size + spare > self.left:
            return False
        self.blocks.append(block)
        self.left -= size
        return True


def _wrong(result: Result, commands: Commands) -> _Wrong:
    repeat = f" (repeat {result.id.repeat})" if result.id.repeat > 1 else ""
    case = markdown(f"{result.id.suite}/{result.id.case}", 120)
    candidate = markdown(f"{result.id.candidate}{repeat}", 80)
    turn, call = decisive(result)
    where = f"{case} · {candidate}{f', turn {turn}' if turn else ''}"
    heading = f"{where}: {markdown(result.reason or result.outcome.value, 300)}"
    answer = ending(call.answer.text, ANSWER_END) if call else ""
    return _Wrong(heading, answer, markdown(commands.show(result.id), 400))


def _folded(wrong: _Wrong) -> str:
    answer = fenced(wrong.answer) if wrong.answer else "No answer text."
    command = f"<code>{wrong.command}</code>"
    summary = f"<details><summary>{wrong.heading}</summary>"
    return f"{summary}\n\n{answer}\n\n{command}\n\n</details>"


def _top(comparison: Comparison) -> Iterator[str]:
    run = comparison.run
    suites = [markdown(suite.name, 60) for suite in run.suites]
    more = f" and {len(suites) - 5} more" if len(suites) > 5 else ""
    yield f"# Evaluation: {', '.join(suites[:5])}{more}"
    if run.simulated:
        yield f"> [!WARNING]\n> {sentences.SIMULATED}"
    if verdict := sentences.verdict(comparison):
        yield f"**{verdict}.**"
    if said := [*_regression(comparison), *verdicts.pair_sentences(comparison, PAIRS_TOLD)]:
        yield "\n".join(f"- {markdown(sentence, 600)}" for sentence in said)
    if comparison.routing is not None:
        yield f"{markdown(routing.recommendation(comparison.routing), 800)}"
    yield _table(tables.comparison_table(comparison), TABLE_LIMIT)
    yield f"{_counts(comparison)} The answers cost {markdown(sentences.money(comparison), 400)}."


def _regression(comparison: Comparison) -> list[str]:
    found = comparison.regression
    return [] if found is None else comparing.regression_lines(found)


def _counts(comparison: Comparison) -> str:
    run, trials = comparison.run, [candidate.trials for candidate in comparison.candidates]
    missing, pending = sum(t.missing for t in trials), sum(t.pending for t in trials)
    parts = [numbers.counted(sum(t.planned for t in trials), "trial")]
    parts += [f"{numbers.count(missing)} missing"] if missing else []
    parts += [f"{numbers.count(pending)} pending"] if pending else []
    prices = f"prices of {markdown(run.prices_as_of)}"
    return f"Run `{run.id}` ({run.mode}, {prices}): {', '.join(parts)}."


def _folded_tables(comparison: Comparison) -> Iterator[Table]:
    """The tables below the first, in their order; those without a row are left out."""
    every = (
        tables.gates_table(comparison),
        *_verdict_tables(comparison),
        tables.missing_table(comparison),
        evidence.pairs_table(comparison),
        evidence.intervals_table(comparison),
        evidence.pareto_table(comparison),
        *((tables.by_suite_table(comparison),) if len(comparison.run.suites) > 1 else ()),
        tables.by_tag_table(comparison),
        *evidence.classification_tables(comparison),
        evidence.stability_table(comparison),
        evidence.flakiest_table(comparison),
        tables.tokens_table(comparison),
        tables.batches_table(comparison),
    )
    return (table for table in every if table.rows)


def _verdict_tables(comparison: Comparison) -> Iterator[Table]:
    if comparison.regression is not None:
        yield comparing.regression_table(comparison.regression)
        yield comparing.flips_table(comparison.regression)
    if comparison.routing is not None:
        yield routing.routing_table(comparison.routing)
        yield routing.sensitivity_table(comparison.routing)


def _details(table: Table) -> str:
    title = f"{markdown(table.title, 120)} ({len(table.rows):,})"
    folded = f"<summary>{title}</summary>\n\n{_table(table, FOLDED_LIMIT)}"
    unfolded = " open" if _is_bad_news(table) else ""
    return f"<details{unfolded}>{folded}\n\n</details>"


def _is_bad_news(table: Table) -> bool:
    """Gates of which not every one passed: those a reader must not have to look for."""
    return table.columns[0] == "verdict" and any(row[0] != "pass" for row in table.rows)


def _table(table: Table, limit: int) -> str:
    marks = (":--" if index < table.left else "--:" for index in range(len(table.columns)))
    lines = [_line(table.columns), f"| {' | '.join(marks)} |"]
    room = limit - sum(len(line.encode()) + 1 for line in lines)
    if room < 0:
        return f"{len(table.columns)} columns, too wide to show here; see `run.json`."
    for row in table.rows:
        line = _line(row)
        room -= len(line.encode()) + 1
        if room < 0:
            break
        lines.append(line)
    left_out = len(table.rows) - (len(lines) - 2)
    note = f"\n\n{numbers.count(left_out)} more rows in `run.json`." if left_out else ""
    return "\n".join(lines) + note


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(markdown(cell, CELL) for cell in cells)} |"
