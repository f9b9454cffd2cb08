"""What `report.html` says of the comparison, section by section; all of it needs no script."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from harness.analysis.between import Pair
from harness.analysis.comparison import Classification, Comparison, Group
from reports import chart_forms, charts, comparing, evidence, numbers, routing, tables, verdicts
from reports.chart_forms import Axes, Span
from reports.html_tables import (
    Heat,
    drawn,
    figure,
    figures,
    fold,
    folded,
    heat_map,
    prose,
    section,
)
from reports.tables import Table

FEW = 12
MOST_PAIRS = 40
MOST_ROWS = 300

Groups = list[tuple[str, list[Group | None]]]
"""By name what each candidate has of a suite or tag, in the order of the candidates."""


def findings(comparison: Comparison) -> Iterator[str]:
    """Every section between the first screen and the money, in their order; empty ones are none."""
    yield section("missing", "How trials ended", *_endings(comparison))
    yield section("gates", "Gates", *_gates(comparison))
    yield section("baseline", "Against the baseline", *_regression(comparison))
    yield section("pairs", "Pairs", *_pairs(comparison))
    yield section("routing", "Routing", *_routing(comparison))
    yield section("tags", "Tags and suites", *_groups(comparison))
    yield section("classes", "Classification", *_classification(comparison))
    yield section("repeats", "Repeats", *_repeats(comparison))


def _endings(comparison: Comparison) -> Iterator[str]:
    columns = (
        *("candidate", "planned", "passed", "failed", "errored", "ungraded", "pending"),
        *("refused", "truncated", "retried answers", "reused trials"),
    )
    rows = tuple(
        (c.name, *map(numbers.count, (t.planned, t.passed, t.failed, t.errored, t.ungraded)),
         *map(numbers.count, (t.pending, t.refused, t.truncated, t.retried, t.reused)))
        for c in comparison.candidates
        for t in (c.trials,)
    )  # fmt: skip
    missing = tables.missing_table(comparison)
    yield folded(missing, is_open=True)
    yield folded(Table("Trials", columns, rows), is_open=bool(missing.rows))
    yield prose("Errored and ungraded trials are missing: neither passed nor failed.")


def _gates(comparison: Comparison) -> Iterator[str]:
    table = tables.gates_table(comparison)
    unmet = tuple(row for row in table.rows if row[0] != "pass")
    met = tuple(row for row in table.rows if row[0] == "pass")
    yield folded(replace(table, title="Not passed", rows=unmet), is_open=True)
    yield folded(replace(table, title="Passed", rows=met), is_open=not unmet and len(met) <= FEW)


def _regression(comparison: Comparison) -> Iterator[str]:
    found = comparison.regression
    if found is None:
        return
    first, *rest = comparing.regression_lines(found)
    yield prose(first, "")
    yield folded(comparing.regression_table(found), is_open=True)
    flips = comparing.flips_table(found)
    yield folded(flips, is_open=len(flips.rows) <= FEW, links=lambda row: (row[1], row[2]))
    said = "".join(prose(line, "") for line in rest)
    yield fold("In words", numbers.counted(len(rest), "line"), said, is_open=False)


def _pairs(comparison: Comparison) -> Iterator[str]:
    if not comparison.pairs:
        return
    several = len(comparison.pairs) > 1
    rows = [
        Span(
            f"{pair.a} − {pair.b}",
            verdicts.pair_sentence(pair, adjusted=several),
            pair.difference.value,
            (pair.difference.low, pair.difference.high),
            evidence.pair_verdict(pair),
            pair.verdict in ("a_better", "b_better"),
        )
        for pair in comparison.pairs
        if pair.difference.value is not None
    ]
    if rows:
        left_out = len(rows) - MOST_PAIRS
        more = f" {numbers.counted(left_out, 'pair')} more in the table." if left_out > 0 else ""
        axes = Axes("Pairs", "points of the pass rate", write_x=charts.axis_points)
        yield figure(
            "Difference of the pass rates, with 95 % intervals",
            partial(chart_forms.spans, rows[:MOST_PAIRS], axes),
            prose(
                "Filled: the adjusted p is below 0.05 and missing trials could not change it. "
                f"Hollow: the data do not tell them apart, which does not make them equal.{more}"
            ),
            figures(evidence.pairs_table(comparison), by_tag_table(comparison.pairs)),
        )
    else:
        yield folded(evidence.pairs_table(comparison), is_open=True)


def by_tag_table(pairs: tuple[Pair, ...]) -> Table:
    """A row a pair and tag: the difference, which is not tested."""
    rows = tuple(
        (
            pair.a,
            pair.b,
            tag,
            numbers.difference(one.difference.value, one.difference.low, one.difference.high),
            numbers.limits_in_points(one.difference.low, one.difference.high),
            numbers.count(one.n_cases),
        )
        for pair in pairs
        for tag, one in pair.by_tag.items()
    )
    columns = ("candidate a", "candidate b", "tag", "a − b, points", "95 % CI", "cases")
    part = f", the first {MOST_ROWS:,}; all in run.json" if len(rows) > MOST_ROWS else ""
    return Table(f"Pairs by tag, not tested{part}", columns, rows[:MOST_ROWS], left=3)


def _routing(comparison: Comparison) -> Iterator[str]:
    found = comparison.routing
    if found is None:
        return
    yield prose(f"{routing.recommendation(found)}.", "")
    yield folded(routing.routing_table(found), is_open=False)
    yield folded(routing.sensitivity_table(found), is_open=False)
    for line in (*routing.dominances(found), *routing.assumptions(found)):
        yield prose(line)


def _groups(comparison: Comparison) -> Iterator[str]:
    suites = [suite.name for suite in comparison.run.suites]
    if len(suites) > 1:
        by_suite: Groups = [
            (name, [c.by_suite.get(name) for c in comparison.candidates]) for name in suites
        ]
        inner = _heat(comparison, "suite", by_suite) + drawn(tables.by_suite_table(comparison))
        rows = numbers.counted(len(by_suite), "row")
        yield fold("By suite", rows, inner, is_open=len(by_suite) <= FEW)
    names = dict.fromkeys(tag for c in comparison.candidates for tag in c.by_tag)
    if names:
        by_tag: Groups = [
            (name, [c.by_tag.get(name) for c in comparison.candidates]) for name in names
        ]
        rows = numbers.counted(len(by_tag), "row")
        inner = _heat(comparison, "tag", by_tag) + figures(tables.by_tag_table(comparison))
        yield fold("By tag", rows, inner, is_open=len(by_tag) <= FEW)


def _heat(comparison: Comparison, what: str, groups: Groups) -> str:
    rows = [
        (
            name,
            [
                _warmth(c.name, name, one)
                for c, one in zip(comparison.candidates, found, strict=True)
            ],
        )
        for name, found in groups
    ]
    columns = (what, *(candidate.name for candidate in comparison.candidates))
    scale = prose("Colour and figure: the pass rate, orange low and blue high. n: graded cases.")
    return scale + heat_map(f"Pass rate by {what}", columns, rows, "rates")


def _warmth(candidate: str, name: str, group: Group | None) -> Heat:
    if group is None or group.pass_rate.value is None:
        return Heat(numbers.UNKNOWN)
    rate = group.pass_rate
    told = f"{candidate}, {name}: {numbers.rate(rate)}, {tables.sample_size(rate)} cases"
    dollars = f"{numbers.dollars(group.cost_per_case)} a case"
    return Heat(
        numbers.percent(rate.value), f"n={rate.n_cases:,}", rate.value, f"{told}, {dollars}"
    )


def _classification(comparison: Comparison) -> Iterator[str]:
    found = {
        (suite.name, c.name): c.classification[suite.name]
        for suite in comparison.run.suites
        for c in comparison.candidates
        if suite.name in c.classification
    }
    for table in evidence.classification_tables(comparison):
        kind, _, rest = table.title.partition(": ")
        suite, _, name = rest.rpartition(", ")
        matrix = found.get((suite, name))
        if kind == "Confusion" and matrix and len(matrix.classes) <= evidence.MOST_CLASSES:
            yield fold(table.title, "", _confusion(table, matrix), is_open=len(found) <= 4)
        else:
            yield folded(table, is_open=kind == "Classification")


def _confusion(table: Table, found: Classification) -> str:
    supports = {one.name: one.support for one in found.classes}
    rows = [
        (
            expected,
            [
                _times(expected, got, text, supports[expected])
                for got, text in zip(table.columns[1:], cells, strict=True)
            ],
        )
        for expected, *cells in table.rows
    ]
    return heat_map(table.title, table.columns, rows, "counts")


def _times(expected: str, got: str, text: str, support: int) -> Heat:
    number = int(text.replace(",", ""))
    share = number / support if support else None
    told = f"expected {expected}, found {got}: {text} of {support:,} ({numbers.percent(share)})"
    return Heat(text, "✓" if expected == got and number else "", share if number else None, told)


def _repeats(comparison: Comparison) -> Iterator[str]:
    yield folded(evidence.stability_table(comparison), is_open=True)
    flakiest = evidence.flakiest_table(comparison)
    yield folded(flakiest, is_open=len(flakiest.rows) <= FEW, links=lambda row: (row[1], row[2]))
