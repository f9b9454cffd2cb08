"""How `report.html` draws tables, folds and charts; what they say is decided elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import zip_longest
from urllib.parse import quote

from reports import charts, numbers
from reports.charts import NARROW, WIDE
from reports.tables import Table
from reports.text import visible

MARKS = {
    "pass": "✓",
    "fail": "✗",
    "inconclusive": "?",
    "invalid": "!",
    "regression": "✗",
    "new": "+",
}
MARKED = {"regression": "fail", "new": "inconclusive"}
WORDS = ("missing", "flags", "note", "why", "verdict", "candidates")
UNESCAPED = "-_.!~*'()"
"""What `encodeURIComponent` leaves as it is: addresses of cases are compared as texts."""

Links = Callable[[tuple[str, ...]], tuple[str, str]]
"""The suite and the case that a row is of; its column `case` becomes a link."""


@dataclass(frozen=True, slots=True)
class Heat:
    """A cell of a heat map: text, what is under it, how warm it is (0 to 1), and its figures."""

    text: str
    under: str = ""
    share: float | None = None
    title: str = ""


def said(text: str) -> str:
    """`text` as HTML shows it."""
    return escape(visible(text))


def section(identity: str, title: str, *parts: str) -> str:
    """A part of the page under a heading that can be linked to; empty parts make none."""
    inner = "".join(parts)
    head = f'<h2 id="{identity}-title">{said(title)}</h2>'
    return (
        f'<section id="{identity}" aria-labelledby="{identity}-title">{head}{inner}</section>\n'
        if inner
        else ""
    )


def prose(text: str, kind: str = "soft") -> str:
    """A paragraph, or nothing where there is nothing to say."""
    return f'<p class="{kind}">{said(text)}</p>' if text else ""


def folded(table: Table, *, is_open: bool, links: Links | None = None) -> str:
    """The table under its title, which folds and unfolds it; nothing where it has no rows."""
    if not table.rows:
        return ""
    rows = numbers.counted(len(table.rows), "row")
    return fold(f"{table.title}", rows, drawn(table, links=links), is_open=is_open)


def fold(title: str, aside: str, inner: str, *, is_open: bool) -> str:
    """What can be folded away under a title."""
    heading = f"<h3>{said(title)}</h3> <span>{said(aside)}</span>"
    opened = " open" if is_open else ""
    return f'<details class="fold"{opened}><summary>{heading}</summary>{inner}</details>'


def drawn(table: Table, rates: Sequence[float | None] = (), links: Links | None = None) -> str:
    """The table; `rates` are shown as bars in its column `passed`."""
    heads = "".join(
        f'<th scope="col" role="columnheader"{_kind(table, index)}>{said(name)}</th>'
        for index, name in enumerate(table.columns)
    )
    rows = "\n".join(
        _row(table, cells, rate, links) for cells, rate in zip_longest(table.rows, rates)
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{said(table.title)}">'
        f'<table class="summary cards" role="table">'
        f'<thead role="rowgroup"><tr role="row">{heads}</tr></thead>'
        f'<tbody role="rowgroup">{rows}</tbody></table></div>'
    )


def _row(table: Table, cells: tuple[str, ...], rate: float | None, links: Links | None) -> str:
    first, *rest = cells
    mark = verdict_mark(first) if table.columns[0] == "verdict" else ""
    start = f'<th scope="row" role="rowheader">{mark}{said(first)}</th>'
    shown = (
        f'<td role="cell"{_kind(table, index)} data-label="{said(table.columns[index])}">'
        f"{_cell(table.columns[index], text, cells, links)}"
        f"{_bar(rate) if table.columns[index] == 'passed' else ''}</td>"
        for index, text in enumerate(rest, 1)
    )
    return f'<tr role="row">{start}{"".join(shown)}</tr>'


def _cell(column: str, text: str, cells: tuple[str, ...], links: Links | None) -> str:
    if links is None or column != "case":
        return said(text)
    address = quote(visible("/".join(links(cells))), safe=UNESCAPED)
    return f'<a href="#case={escape(address)}">{said(text)}</a>'


def _kind(table: Table, index: int) -> str:
    words = index < table.left or table.columns[index] in WORDS
    return ' class="words"' if words else ' class="number"'


def verdict_mark(word: str) -> str:
    """The sign of a verdict: it is told by form as well as by colour."""
    kind = MARKED.get(word, word)
    return f'<span class="mark {kind}" aria-hidden="true">{MARKS[word]}</span>'


def _bar(rate: float | None) -> str:
    if rate is None:
        return ""
    return (
        '<svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect width="{rate * 100:.2f}" height="4"/></svg>'
    )


def heat_map(
    title: str, columns: Sequence[str], rows: Iterable[tuple[str, Sequence[Heat]]], kind: str
) -> str:
    """A table whose cells are coloured by `share`; `kind` names the colours."""
    heads = "".join(f'<th scope="col">{said(name)}</th>' for name in columns)
    body = "\n".join(
        f'<tr><th scope="row">{said(name)}</th>{"".join(_heat(one) for one in cells)}</tr>'
        for name, cells in rows
    )
    return (
        f'<div class="scroll fit" tabindex="0" role="region" aria-label="{said(title)}">'
        f'<table class="heat {kind}"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'
        "</div>"
    )


def _heat(one: Heat) -> str:
    warmth = "" if one.share is None else f' class="h{round(one.share * 10)}"'
    hover = f' title="{said(one.title)}"' if one.title else ""
    under = f"<small>{said(one.under)}</small>" if one.under else ""
    return f"<td{warmth}{hover}>{said(one.text)}{under}</td>"


def figure(title: str, draw: Callable[[int], str], *rest: str) -> str:
    """A chart for a desk and for a phone, of which one is shown, and what stands below it."""
    return (
        f'<figure class="chart"><figcaption>{said(title)}</figcaption>'
        f'<div class="wide">{draw(WIDE)}</div><div class="narrow">{draw(NARROW)}</div>'
        f"{''.join(rest)}</figure>"
    )


def figures(*tables: Table) -> str:
    """The numbers of a chart, folded."""
    shown = [table for table in tables if table.rows]
    titled = len(shown) > 1
    inner = "".join(
        f"{prose(table.title, 'table-title') if titled else ''}{drawn(table)}" for table in shown
    )
    return f'<details class="figures"><summary>The figures</summary>{inner}</details>'


def legend(names: Iterable[tuple[int, str]], *, shapes: bool) -> str:
    """What each colour, and each form where there are `shapes`, stands for."""
    entries = "".join(
        f"<li>{_key(number, shapes=shapes)}{said(name)}</li>" for number, name in names
    )
    return f'<ul class="legend">{entries}</ul>'


def _key(number: int, *, shapes: bool) -> str:
    sign = (
        charts.shape(8, 8, number)
        if shapes
        else charts.element("rect", x="1", y="3", width="14", height="10", class_="part")
    )
    return (
        f'<svg class="key" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">'
        f'<g class="s{number % charts.SERIES}">{sign}</g></svg>'
    )
