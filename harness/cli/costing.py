"""`harness costs`: what was spent, from the store's answers. No API."""

from __future__ import annotations

import sys
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from harness.analysis.spent import GROUPINGS
from harness.cli import options
from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.analysis.spent import By, Spending
    from harness.spending import Span

DAY = click.DateTime(["%Y-%m-%d"])


@click.command(epilog="Example:  harness costs --since 2026-11-01 --by day")
@click.option("--since", type=DAY, metavar="DATE", help="From this day on (UTC).")
@click.option("--until", type=DAY, metavar="DATE", help="Up to this day, which counts (UTC).")
@click.option(
    "--by", type=click.Choice(GROUPINGS), default="model", show_default=True, help="The rows."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="What is printed.",
)
@click.option("--json", "form", flag_value="json", help="The same as --format json.")
@options.MODELS_FILE
@options.STORE
def costs(
    since: datetime | None,
    until: datetime | None,
    by: str,
    form: str,
    models_file: str | None,
    store: str | None,
) -> None:
    """Tell what the answers in the store cost, each once, at the prices of its day.

    Beside that: what batches, the prompt cache and stored answers saved.
    """
    from harness import settings
    from harness.spending import spending

    span = _span(since, until)
    registry = settings.registry([], Path.cwd(), models_file)
    opened = options.open_store(store, existing=True)
    try:
        found = spending(opened, registry, cast("By", by), span)
    finally:
        opened.close()
    click.echo(_shown(found, form), nl=form != "csv")


def _span(since: datetime | None, until: datetime | None) -> Span:
    from harness.spending import Span

    first, last = _date(since), _date(until)
    if first and last and first > last:
        raise UsageError(f"--since {first} is after --until {last}")
    return Span(first, last)


def _date(moment: datetime | None) -> date | None:
    return None if moment is None else moment.date()


def _shown(found: Spending, form: str) -> str:
    from reports.spending import spending_csv, spending_json, spending_text

    if form == "json":
        return spending_json(found)
    if form == "csv":
        return spending_csv(found)
    from rich.console import Console

    return spending_text(found, Console().width if sys.stdout.isatty() else None)
