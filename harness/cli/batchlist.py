"""What `harness batches list` shows: each batch, its age and expiry, and what its run saved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from harness.backends.batch_api import Remote
    from harness.journal import Batch
    from harness.store import Store

LIFE = timedelta(hours=24)
"""How long the API works on a batch."""


def at_the_api(batch: Batch) -> bool:
    """The batch exists there, and its results are still wanted."""
    return batch.id is not None and batch.state.value == "submitted"


@dataclass(frozen=True, slots=True)
class Row:
    """A batch: as the journal has it, and what the API said of it, if it was asked."""

    batch: Batch
    said: Remote | str | None
    now: datetime

    @property
    def api(self) -> str | None:
        """The API's status, or why it has none."""
        return self.said if self.said is None or isinstance(self.said, str) else self.said.status

    @property
    def age_s(self) -> float:
        """Seconds from its intent to when its results were recorded, or to now."""
        return ((self.batch.ended_at or self.now) - self.batch.intended_at).total_seconds()

    @property
    def expires_at(self) -> datetime | None:
        """When the API gives up on what is not answered; None where that is over."""
        if self.batch.submitted_at is None or not at_the_api(self.batch) or self.api == "ended":
            return None
        told = self.said if not isinstance(self.said, str) else None
        return (told.created_at if told else self.batch.submitted_at) + LIFE


def print_table(rows: Sequence[Row], money: Sequence[Money]) -> None:
    """A line a batch, and a line a run that has answers by batch."""
    from reports import numbers
    from reports.columns import parts
    from reports.tables import Table

    cells = tuple(
        (
            row.batch.id or f"b{row.batch.number}",
            row.batch.run,
            row.batch.state.value,
            row.api or numbers.UNKNOWN,
            numbers.count(row.batch.requests),
            numbers.duration(row.age_s),
            numbers.duration(
                None if row.expires_at is None else (row.expires_at - row.now).total_seconds()
            ),
        )
        for row in rows
    )
    columns = ("batch", "run", "journal", "API", "requests", "age", "expires in")
    for lines in parts(Table("Batches", columns, cells, left=4), None):
        click.echo("\n".join(line.rstrip() for line in lines))
    for run in money:
        if run.answers:
            cost, saved = numbers.dollars(run.cost), numbers.dollars(run.saved)
            answers = numbers.counted(run.answers, "answer")
            click.echo(f"run {run.run}: {answers} by batch cost {cost}, {saved} less than live")


def print_json(rows: Sequence[Row], money: Sequence[Money]) -> None:
    """The same as data; dollars are texts, since they are exact."""
    import json

    def time(when: datetime | None) -> str | None:
        return None if when is None else when.isoformat()

    listed = [
        {
            "id": row.batch.id,
            "number": row.batch.number,
            "run": row.batch.run,
            "status": row.batch.state.value,
            "api_status": row.api,
            "requests": row.batch.requests,
            "bytes": row.batch.bytes,
            "intended_at": time(row.batch.intended_at),
            "submitted_at": time(row.batch.submitted_at),
            "ended_at": time(row.batch.ended_at),
            "expires_at": time(row.expires_at),
        }
        for row in rows
    ]
    runs = [
        {"run": m.run, "answers": m.answers, "cost_usd": _text(m.cost), "saved_usd": _text(m.saved)}
        for m in money
    ]
    click.echo(json.dumps({"batches": listed, "runs": runs}, indent=2))


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"


@dataclass(frozen=True, slots=True)
class Money:
    """What a run paid for answers by batch, and how much less than live; None is unknown."""

    run: str
    answers: int
    cost: Decimal | None
    saved: Decimal | None


def money_of(store: Store, runs: Iterable[str]) -> list[Money]:
    """What each run paid for answers by batch, from its results."""
    from harness.records import Bill

    found = []
    for run in runs:
        count, bill = 0, Bill()
        for result in store.results(run):
            for call in result.calls:
                if call.answer.mode == "batch" and not call.answer.reused:
                    count, bill = count + 1, bill + call.bill
        live, cost = bill.at_live_prices, bill.total
        saved = None if live is None or cost is None else live - cost
        found.append(Money(run, count, cost, saved))
    return found
