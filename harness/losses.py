"""What attempts that broke off may have cost: they may be on the bill, and left no answer.

With `store`, `journal` and `wanted` a user of SQLAlchemy. Each process notes its own, a line for
each run and day, so that none overwrites what another has noted.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import NamedTuple

import sqlalchemy as sa

from harness.records import Request, add_dollars
from harness.store import Store
from harness.tables import meta

MARK = "lost"
UNKNOWN = "?"


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
        value = f"{attempts} {UNKNOWN if usd is None else f'{usd:f}'}"
        name = f"{MARK} {self.run[:20]} {day.isoformat()} {self._process}"
        with self.store.errors(), self.store.engine.begin() as connection:
            new = self.store.insert(meta).values(name=name, value=value)
            connection.execute(
                new.on_conflict_do_update(index_elements=[meta.c.name], set_={"value": value})
            )


def losses(store: Store) -> Iterator[Loss]:
    """All that was noted, by run and day."""
    query = sa.select(meta).where(meta.c.name.startswith(f"{MARK} ")).order_by(meta.c.name)
    with store.errors(), store.engine.connect() as connection:
        rows = connection.execute(query).all()
    for row in rows:
        _mark, run, day, _process = row.name.split(" ")
        attempts, usd = row.value.split(" ")
        yield Loss(
            run, date.fromisoformat(day), int(attempts), None if usd == UNKNOWN else Decimal(usd)
        )
