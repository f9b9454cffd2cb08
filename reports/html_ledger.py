"""What `report.html` gathers while the trials pass: who caused tokens and dollars, and latencies.

Sums and counts of bins only, so that memory does not grow with the number of trials.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial

from harness.analysis.comparison import Comparison, Latency
from harness.records import Call, Purpose, Result, Usage, add_dollars
from reports import chart_forms, charts, numbers, tables
from reports.chart_forms import Axes, Bar, Heap
from reports.html_tables import figure, figures, folded, legend, prose, section
from reports.tables import Table

DECADE = 10
SHORTEST_S = 0.001
ZERO = Decimal(0)
PURPOSES: tuple[tuple[Purpose, str], ...] = (
    ("answer", "answers"),
    ("judge", "judges"),
    ("rival", "rivals"),
)
REUSED = "reused"
CAUSES = (*(name for _, name in PURPOSES), REUSED)
CLASSES = (
    ("input", "input_tokens"),
    ("cache read", "cache_read_input_tokens"),
    ("cache write 5m", "cache_write_5m_input_tokens"),
    ("cache write 1h", "cache_write_1h_input_tokens"),
    ("output", "output_tokens"),
    ("thinking", "thinking_tokens"),
)


@dataclass(slots=True)
class Caused:
    """The calls of one candidate for one purpose; dollars are of when the answers were made."""

    calls: int = 0
    reuses: int = 0
    retried: int = 0
    attempts: int = 0
    paid: Decimal | None = ZERO
    saved: Decimal | None = ZERO
    usage: Usage = field(default_factory=Usage)

    def add(self, call: Call) -> None:
        """Count one call, as paid by this run or as reused."""
        answer = call.answer
        self.calls += 1
        self.retried += answer.attempts > 1
        self.attempts += max(0, answer.attempts - 1)
        self.usage += answer.usage
        if answer.reused:
            self.reuses += 1
            self.saved = add_dollars(self.saved, call.bill.total)
        else:
            self.paid = add_dollars(self.paid, call.bill.total)


class Ledger:
    """Dollars, tokens and latencies of a run's calls, by candidate and by who caused them."""

    def __init__(self) -> None:
        self.caused: defaultdict[tuple[str, Purpose], Caused] = defaultdict(Caused)
        self.bins: defaultdict[str, Counter[int]] = defaultdict(Counter)

    def add(self, result: Result) -> None:
        """Count the calls of one trial."""
        candidate = result.id.candidate
        for call in result.calls:
            purpose = call.request.purpose
            self.caused[candidate, purpose].add(call)
            seconds = call.answer.latency_s
            if purpose == "answer" and seconds is not None:
                self.bins[candidate][_bin(seconds)] += 1

    def sections(self, comparison: Comparison) -> Iterator[str]:
        """What the money and the time went into, and the batches behind them."""
        yield section("cost", "Tokens and dollars", *self._money(comparison))
        yield section("latency", "Latency", *self._latency(comparison))
        batches = tables.batches_table(comparison)
        yield section("batches", "Batches", folded(batches, is_open=len(batches.rows) <= 5))

    def _money(self, comparison: Comparison) -> Iterator[str]:
        names = [candidate.name for candidate in comparison.candidates]
        rows = [bar for name in names if (bar := self._dollars(name)) is not None]
        if rows:
            yield figure(
                "Dollars by who caused them",
                partial(chart_forms.bars, rows, CAUSES, Axes("Dollars", "dollars")),
                legend(enumerate(CAUSES), shapes=False),
                prose(self._note(names, len(rows))),
                figures(self.causes_table(names), tables.cost_table(comparison)),
            )
        else:
            yield folded(tables.cost_table(comparison), is_open=True)
        yield _tokens(comparison)

    def _dollars(self, name: str) -> Bar | None:
        """A candidate's bar; none where a price is unknown, for part of a sum is no sum."""
        found = [self.caused.get((name, purpose), Caused()) for purpose, _ in PURPOSES]
        paid = [one.paid for one in found]
        saved = [one.saved for one in found]
        if None in paid or None in saved or not any(one.calls for one in found):
            return None
        sizes = [*(one or ZERO for one in paid), sum((one or ZERO for one in saved), ZERO)]
        parts = [
            (number, float(size), f"{name}, {CAUSES[number]}: {numbers.dollars(size)}")
            for number, size in enumerate(sizes)
        ]
        return Bar(name, parts, numbers.dollars(sum(sizes, ZERO)))

    def _note(self, names: Sequence[str], drawn: int) -> str:
        """What the bars leave out."""
        retried = sum(one.retried for one in self.caused.values())
        attempts = sum(one.attempts for one in self.caused.values())
        said = ["Reused: what stored answers cost when they were made; this run did not pay again."]
        if any(purpose == "rival" for _, purpose in self.caused):
            said.append(
                "Rivals are asked only to be compared with, and no part of a cost elsewhere."
            )
        if retried:
            said.append(
                f"{numbers.counted(retried, 'answer')} took {numbers.counted(attempts, 'attempt')} "
                "more, which the API may have charged for and which is in no figure."
            )
        if drawn < len(names):
            said.append(f"{numbers.counted(len(names) - drawn, 'candidate')} without a known sum.")
        return " ".join(said)

    def causes_table(self, names: Sequence[str]) -> Table:
        """A row a candidate and purpose: calls, tokens by class and dollars."""
        columns = (
            *("candidate", "for", "calls", "reused", "retried", "more attempts"),
            *(name for name, _ in CLASSES),
            *("paid by this run", "reused, when made"),
        )
        rows = tuple(
            (
                name,
                told,
                *map(numbers.count, (one.calls, one.reuses, one.retried, one.attempts)),
                *(numbers.tokens(getattr(one.usage, key)) for _, key in CLASSES),
                numbers.dollars(one.paid),
                numbers.dollars(one.saved),
            )
            for name in names
            for purpose, told in PURPOSES
            if (one := self.caused.get((name, purpose))) is not None
        )
        return Table("By who caused them", columns, rows, left=2)

    def _latency(self, comparison: Comparison) -> Iterator[str]:
        rows = [
            _heap(candidate.name, self.bins[candidate.name], candidate.latency_s)
            for candidate in comparison.candidates
            if candidate.name in self.bins
        ]
        if not rows:
            yield prose("No live answer: a batch says nothing of latency.")
            return
        axes = Axes("Latency", "seconds of a live answer", write_x=charts.axis_seconds)
        yield figure(
            "How long live answers took",
            partial(chart_forms.heaps, rows, axes),
            prose(
                "Heights are beside the candidate's own highest. Solid line: p50, dashed line: p95."
            ),
            figures(tables.tokens_table(comparison), _bins_table(rows)),
        )


def _bin(seconds: float) -> int:
    return math.floor(math.log10(max(seconds, SHORTEST_S)) * DECADE + 1e-9)


def _edge(number: int) -> float:
    return float(10 ** (number / DECADE))


def _heap(name: str, bins: Counter[int], latency: Latency) -> Heap:
    total = sum(bins.values())
    drawn = [
        (low, high, bins[number], f"{name}, {span}: {bins[number]:,} of {total:,} answers")
        for number in sorted(bins)
        for low, high in ((_edge(number), _edge(number + 1)),)
        for span in (f"{numbers.seconds(low)} to {numbers.seconds(high)}",)
    ]
    known = [value for value in (latency.p50, latency.p95) if value is not None]
    marks = known if total > 1 else []
    told = f"p50 {numbers.seconds(latency.p50)}, p95 {numbers.seconds(latency.p95)}"
    return Heap(name, drawn, marks, total, told)


def _bins_table(rows: Sequence[Heap]) -> Table:
    found = tuple(
        (row.name, numbers.seconds(low), numbers.seconds(high), numbers.count(count))
        for row in rows
        for low, high, count, _ in row.bins
    )
    return Table("Latencies", ("candidate", "from", "to", "answers"), found)


def _tokens(comparison: Comparison) -> str:
    """Tokens of the candidates' answers; thinking is part of output, and drawn beside its rest."""
    rows = []
    for one in comparison.candidates:
        sizes = [getattr(one.usage, key) for _, key in CLASSES]
        if None in sizes or not sum(sizes):
            continue
        *before, output, thinking = sizes
        parts = [
            (number, float(size), f"{one.name}, {CLASSES[number][0]}: {numbers.count(size)} tokens")
            for number, size in enumerate([*before, max(0, output - thinking), thinking])
        ]
        rows.append(Bar(one.name, parts, numbers.tokens(sum(sizes[:5]))))
    if not rows:
        return folded(tables.tokens_table(comparison), is_open=False)
    keys = [name for name, _ in CLASSES]
    axes = Axes("Tokens", "tokens", write_x=charts.axis_count)
    return figure(
        "Tokens of the answers by class, judges left out",
        partial(chart_forms.bars, rows, keys, axes),
        legend(enumerate(keys), shapes=False),
        figures(tables.tokens_table(comparison)),
    )
