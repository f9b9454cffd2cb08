"""The part of `report.html` that needs no script: what was run, and candidate beside candidate."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from hashlib import sha256
from html import escape
from importlib.resources import files
from itertools import zip_longest
from string import Template

from harness.analysis.comparison import Comparison
from harness.records import SuiteFacts
from reports import numbers, sentences, tables
from reports.tables import Table
from reports.text import one_line, visible

FEW = 8
SCRIPTS = ("data.js", "cases.js", "table.js")
MARKS = {"pass": "✓", "fail": "✗", "inconclusive": "?", "invalid": "!"}


def page(comparison: Comparison) -> tuple[str, str]:
    """The page before and after the trials' data."""
    skeleton, style = _packaged("report.html"), _packaged("report.css")
    script = "\n".join(map(_packaged, SCRIPTS))
    before, after = skeleton.split("$data")
    head = Template(before).substitute(
        policy=escape(policy(style, script)),
        title=_text(title(comparison)),
        style=style,
        summary="\n".join(_summary(comparison)),
    )
    return head, Template(after).substitute(script=script)


def _packaged(name: str) -> str:
    text = (files("reports") / "templates" / name).read_text(encoding="utf-8")
    # A browser hashes what it parsed, and its parser knows no carriage return.
    return text.replace("\r\n", "\n")


def policy(style: str, script: str) -> str:
    """The Content-Security-Policy: these two blocks, pictures in the file itself, nothing else."""
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src '{_digest(style)}'",
            f"script-src '{_digest(script)}'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def _digest(block: str) -> str:
    return f"sha256-{b64encode(sha256(block.encode()).digest()).decode()}"


def title(comparison: Comparison) -> str:
    """What was evaluated, in a line."""
    suites = [one_line(suite.name, 60) for suite in comparison.run.suites]
    more = f" and {len(suites) - 5} more" if len(suites) > 5 else ""
    return f"Evaluation: {', '.join(suites[:5])}{more}"


def _text(text: str) -> str:
    return escape(visible(text))


def _summary(comparison: Comparison) -> Iterator[str]:
    yield f"<header>\n<h1>{_text(title(comparison))}</h1>"
    if comparison.run.simulated:
        note = sentences.SIMULATED
        yield f'<p class="banner"><strong>⚠ {_text(note[0].upper() + note[1:])}.</strong></p>'
    yield f'<p class="lead">{_text(_counts(comparison))}</p>'
    yield f'<p class="lead">{_text(_missing(comparison))}</p>'
    if verdict := sentences.verdict(comparison):
        worst = next(v for v in ("fail", "invalid", "inconclusive", "pass") if _has(comparison, v))
        yield f'<p class="lead">{_mark(worst)}<strong>{_text(verdict)}</strong></p>'
    yield "</header>"
    yield _candidates(tables.comparison_table(comparison), comparison)
    yield _facts(comparison)
    if (missing := tables.missing_table(comparison)).rows:
        yield _folded(missing, is_open=True)
    if comparison.gates:
        unmet = any(gate.verdict != "pass" for gate in comparison.gates)
        yield _folded(tables.gates_table(comparison), is_open=unmet)
    if len(comparison.run.suites) > 1:
        suites = tables.by_suite_table(comparison)
        yield _folded(suites, is_open=len(suites.rows) <= FEW)
    if (tags := tables.by_tag_table(comparison)).rows:
        yield _folded(tags, is_open=len(tags.rows) <= FEW)
    yield _folded(tables.cost_table(comparison), is_open=False)
    yield _folded(tables.tokens_table(comparison), is_open=False)
    if comparison.batches:
        yield _folded(tables.batches_table(comparison), is_open=False)


def _has(comparison: Comparison, verdict: str) -> bool:
    return any(gate.verdict == verdict for gate in comparison.gates)


def _counts(comparison: Comparison) -> str:
    run = comparison.run
    trials = sum(candidate.trials.planned for candidate in comparison.candidates)
    cases = sum(suite.cases for suite in run.suites)
    counts = (
        *((len(comparison.candidates), "candidate"), (len(run.suites), "suite")),
        *((cases, "case"), (trials, "trial")),
    )
    counted = ", ".join(numbers.counted(number, word) for number, word in counts)
    return f"{counted}. The answers cost {sentences.money(comparison)}."


def _missing(comparison: Comparison) -> str:
    notes = sentences.candidate_notes(comparison)
    return f"Missing or flagged: {'; '.join(notes)}." if notes else "Nothing is missing."


def _facts(comparison: Comparison) -> str:
    run = comparison.run
    facts = {
        "Run": run.id,
        "Mode": run.mode,
        "Started": f"{run.started_at:%Y-%m-%d %H:%M:%S %Z}",
        "Took": _took(comparison),
        "Prices as of": run.prices_as_of,
        "Harness": run.harness_version,
        "Anthropic SDK": run.sdk_version,
        "Cases of suites": ", ".join(map(_suite, run.suites)),
    }
    items = "".join(
        f"<div><dt>{_text(name)}</dt><dd>{_text(value)}</dd></div>" for name, value in facts.items()
    )
    return f'<dl class="facts">{items}</dl>'


def _suite(suite: SuiteFacts) -> str:
    of = f" of {numbers.count(suite.total)}" if suite.total not in (None, suite.cases) else ""
    return f"{suite.name} ({numbers.count(suite.cases)}{of})"


def _took(comparison: Comparison) -> str:
    run = comparison.run
    if run.finished_at is None:
        return "not finished"
    return numbers.duration((run.finished_at - run.started_at).total_seconds())


def _candidates(table: Table, comparison: Comparison) -> str:
    """The main table, where a bar shows each pass rate as well."""
    rates = [candidate.quality.pass_rate.value for candidate in comparison.candidates]
    return f"<section><h2>{_text(table.title)}</h2>{_table(table, rates)}</section>"


def _folded(table: Table, *, is_open: bool) -> str:
    """The table under its title, which folds and unfolds it."""
    heading = (
        f"<h2>{_text(table.title)}</h2> <span>{numbers.counted(len(table.rows), 'row')}</span>"
    )
    opened = " open" if is_open else ""
    return f'<details class="fold"{opened}><summary>{heading}</summary>{_table(table)}</details>'


def _table(table: Table, rates: Sequence[float | None] = ()) -> str:
    heads = "".join(
        f'<th scope="col" role="columnheader"{_kind(table, index)}>{_text(name)}</th>'
        for index, name in enumerate(table.columns)
    )
    rows = "\n".join(_row(table, cells, rate) for cells, rate in zip_longest(table.rows, rates))
    return (
        f'<div class="scroll"><table class="summary cards" role="table">'
        f'<thead role="rowgroup"><tr role="row">{heads}</tr></thead>'
        f'<tbody role="rowgroup">{rows}</tbody></table></div>'
    )


def _row(table: Table, cells: tuple[str, ...], rate: float | None) -> str:
    first, *rest = cells
    mark = _mark(first) if table.columns[0] == "verdict" else ""
    start = f'<th scope="row" role="rowheader">{mark}{_text(first)}</th>'
    drawn = (
        f'<td role="cell"{_kind(table, index)} data-label="{_text(table.columns[index])}">'
        f"{_text(cell)}{_bar(rate) if table.columns[index] == 'passed' else ''}</td>"
        for index, cell in enumerate(rest, 1)
    )
    return f'<tr role="row">{start}{"".join(drawn)}</tr>'


def _kind(table: Table, index: int) -> str:
    words = index < table.left or table.columns[index] in ("missing", "flags")
    return ' class="words"' if words else ' class="number"'


def _mark(word: str) -> str:
    return f'<span class="mark {word}" aria-hidden="true">{MARKS[word]}</span>'


def _bar(rate: float | None) -> str:
    if rate is None:
        return ""
    return (
        '<svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect width="{rate * 100:.2f}" height="4"/></svg>'
    )
