"""What attempts that broke off may have cost: they may be on the bill, and gave no answer.

Each process notes its own, a row for each run and day, so that none overwrites what another has
noted.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import sqlalchemy as sa

from harness.records import Request, add_dollars
from harness.store import Store
from harness.tables import make, tables

lost = sa.Table(
    "harness_losses",
    tables,
    sa.Column("run", sa.String(64), primary_key=True),
    sa.Column("day", sa.String(10), primary_key=True),
    sa.Column("process", sa.String(16), primary_key=True),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("usd", sa.Text),
)
"""Attempts that broke off; `usd` is null where a price is unknown."""


class Loss(NamedTuple):
    """Attempts of a run that broke off on a day (UTC): how many, and dollars at most."""

    run: str
    day: date
    attempts: int
    usd: Decimal | None


def today() -> date:
    """The day, UTC."""
    return datetime.now(UTC).date()


class Losses:
    """Notes attempts of a run that broke off, as soon as they do, in `store`.

    `worst` tells what a request may cost at most, None where no price is known.
    """

    def __init__(
        self,
        store: Store,
        run: str,
        worst: Callable[[Request], Decimal | None],
        *,
        day: Callable[[], date] = today,
    ) -> None:
        self.store, self.run, self.worst, self.day = store, run, worst, day
        self._process = secrets.token_hex(4)
        self._noted: dict[date, tuple[int, Decimal | None]] = {}

    def add(self, request: Request) -> None:
        """One attempt at the request may be on the bill; raises StoreError."""
        day = self.day()
        attempts, usd = self._noted.get(day, (0, Decimal(0)))
        attempts, usd = attempts + 1, add_dollars(usd, self.worst(request))
        self._noted[day] = attempts, usd
        row = {"run": self.run, "day": day.isoformat(), "process": self._process}
        note(self.store, lost, {**row, "attempts": attempts, "usd": _text(usd)})


def losses(store: Store) -> Iterator[Loss]:
    """All that was noted, by run and day."""
    for row in notes(store, lost):
        usd = None if row.usd is None else Decimal(row.usd)
        yield Loss(row.run, date.fromisoformat(row.day), row.attempts, usd)


def note(store: Store, table: sa.Table, row: Mapping[str, Any]) -> None:
    """Keep the row, in place of the one under its key; the table is made with its first.

    Raises StoreError.
    """
    key = [column.name for column in table.primary_key]
    new = {name: value for name, value in row.items() if name not in key}
    insert = store.insert(table).values(row).on_conflict_do_update(index_elements=key, set_=new)
    with store.errors(), store.engine.begin() as connection:
        if not sa.inspect(connection).has_table(table.name):
            make(connection, table)
        connection.execute(insert)


def notes(store: Store, table: sa.Table, *such: sa.ColumnElement[bool]) -> Sequence[sa.Row[Any]]:
    """The rows that are `such`, by their key; none where the table was never made."""
    query = sa.select(table).where(*such).order_by(*table.primary_key)
    with store.errors(), store.engine.connect() as connection:
        there = sa.inspect(connection).has_table(table.name)
        return connection.execute(query).all() if there else ()


def _text(usd: Decimal | None) -> str | None:
    return None if usd is None else f"{usd:f}"
