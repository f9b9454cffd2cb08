"""What was spent, as a table, as CSV and as JSON; what is unknown is `–`, empty or null."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from harness.analysis.spent import PAID, SAVED, Spending, Spent, total
from reports import numbers
from reports.columns import parts
from reports.tables import Table
from reports.text import cell, one_line

DOLLARS = ("total", *PAID, *SAVED)
COLUMNS = (
    *("answers", "paid", "live", "batch", "for answers", "for judges"),
    *("saved by batch", "by caching", "by reuse"),
)
IN_TIME = ("day", "run")
NAMED = 5
EVERYTHING = "all"


def spending_text(spending: Spending, width: int | None = None) -> str:
    """The table with its sum, the simulated answers in another below, and what is unknown."""
    shown = [*_section(spending.by, spending.groups, width)]
    if spending.simulated:
        shown += [
            *("", "Simulated: nobody paid for these; what they would have cost."),
            *_section(spending.by, spending.simulated, width),
        ]
    return "\n".join(shown)


def _section(by: str, groups: Mapping[str, Spent], width: int | None) -> Iterator[str]:
    table = spending_table(by, groups)
    if not table.rows:
        yield "nothing was spent"
    for lines in parts(table, width) if table.rows else ():
        yield from lines
    whole = total(groups.values())
    yield from _unpriced(whole)
    yield from _lost(whole)


def spending_table(by: str, groups: Mapping[str, Spent]) -> Table:
    """A row a group, days and runs in their order and others by what they cost, then the sum."""
    rows = [_row(name, one) for name, one in _ordered(by, groups) if one.count or one.reuses]
    if len(rows) > 1:
        rows.append(_row(EVERYTHING, total(groups.values())))
    return Table("Spent", (by, *COLUMNS), tuple(rows))


def _ordered(by: str, groups: Mapping[str, Spent]) -> list[tuple[str, Spent]]:
    if by in IN_TIME:
        return sorted(groups.items())

    def dearest_first(item: tuple[str, Spent]) -> tuple[Decimal, str]:
        name, spent = item
        return (Decimal("-Infinity") if spent.total is None else -spent.total, name)

    return sorted(groups.items(), key=dearest_first)


def _row(name: str, spent: Spent) -> tuple[str, ...]:
    dollars = (numbers.dollars(getattr(spent, column)) for column in DOLLARS)
    return (name, numbers.count(spent.count), *dollars)


def _unpriced(whole: Spent) -> Iterator[str]:
    if not whole.unpriced:
        return
    models = sorted(whole.unpriced_models)
    more = f" and {len(models) - NAMED} more" if len(models) > NAMED else ""
    named = ", ".join(one_line(model, 60) for model in models[:NAMED])
    yield (
        f"the price of {numbers.counted(whole.unpriced, 'answer')} is unknown ({named}{more}), and "
        f"so is every sum over {'it' if whole.unpriced == 1 else 'them'}; a price belongs into "
        "`harness.yaml`"
    )


def _lost(whole: Spent) -> Iterator[str]:
    if not whole.lost:
        return
    attempts = f"{numbers.counted(whole.lost, 'attempt')} that broke off"
    if whole.lost_usd is None:
        yield f"{attempts} may have been billed, at a price that is not known"
    else:
        yield f"{attempts}: up to {numbers.dollars(whole.lost_usd)} more, if the API billed them"


def spending_csv(spending: Spending) -> str:
    """A row a group, without a sum; `simulated` tells the two kinds apart."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    names = [f"{name}_usd" for name in DOLLARS]
    writer.writerow(
        (
            *(spending.by, "simulated", "calls", "judge_calls", "reuses", "unpriced", *names),
            *("lost_attempts", "lost_usd"),
        )
    )
    for simulated, groups in (("false", spending.groups), ("true", spending.simulated)):
        for name, spent in _ordered(spending.by, groups):
            counts = (spent.count, spent.judge_count, spent.reuses, spent.unpriced)
            lost = (spent.lost, _exact(spent.lost_usd))
            writer.writerow((cell(name), simulated, *counts, *_amounts(spent).values(), *lost))
    return file.getvalue()


def spending_json(spending: Spending) -> str:
    """The groups and their sum, and the same of simulated answers; dollars are texts, exact."""
    document = {
        "by": spending.by,
        "spent": _listed(spending.by, spending.groups),
        "simulated": _listed(spending.by, spending.simulated),
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _listed(by: str, groups: Mapping[str, Spent]) -> dict[str, Any]:
    return {
        "groups": [{by: name, **_figures(spent)} for name, spent in _ordered(by, groups)],
        "total": _figures(total(groups.values())),
    }


def _figures(spent: Spent) -> dict[str, Any]:
    return {
        "calls": spent.count,
        "judge_calls": spent.judge_count,
        "reuses": spent.reuses,
        "unpriced": spent.unpriced,
        "unpriced_models": sorted(spent.unpriced_models),
        "usd": _amounts(spent),
        "lost_attempts": spent.lost,
        "lost_usd": _exact(spent.lost_usd),
    }


def _amounts(spent: Spent) -> dict[str, str | None]:
    return {name: _exact(getattr(spent, name)) for name in DOLLARS}


def _exact(usd: Decimal | None) -> str | None:
    return None if usd is None else f"{usd:f}"
