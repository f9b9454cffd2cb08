"""What `harness batches list` shows: each batch, its age and expiry, its cost and what it saved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import click

from harness.records import add_dollars

if TYPE_CHECKING:
    from harness.backends.batch_api import Remote
    from harness.journal import Batch

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


def print_table(rows: Sequence[Row]) -> None:
    """A line a batch, and what they cost together."""
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
            numbers.UNKNOWN if row.batch.answered is None else numbers.count(row.batch.answered),
            numbers.dollars(row.batch.cost),
            numbers.dollars(row.batch.saved),
        )
        for row in rows
    )
    columns = (
        "batch", "run", "journal", "API", "requests", "age", "expires in", "answered", "cost",
        "saved",
    )  # fmt: skip
    for lines in parts(Table("Batches", columns, cells, left=4), None):
        click.echo("\n".join(line.rstrip() for line in lines))
    if recorded := [row.batch for row in rows if row.batch.answered is not None]:
        answers = numbers.counted(sum(batch.answered or 0 for batch in recorded), "answer")
        cost = numbers.dollars(_sum(batch.cost for batch in recorded))
        saved = numbers.dollars(_sum(batch.saved for batch in recorded))
        click.echo(f"{answers} by batch cost {cost}, {saved} less than live")


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    total: Decimal | None = Decimal(0)
    for amount in amounts:
        total = add_dollars(total, amount)
    return total


def print_json(rows: Sequence[Row]) -> None:
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
            "answered": row.batch.answered,
            "cost_usd": _text(row.batch.cost),
            "saved_usd": _text(row.batch.saved),
        }
        for row in rows
    ]
    click.echo(json.dumps({"batches": listed}, indent=2))


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"
