"""A batch as the journal keeps it: its row, its state, and how large one may be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from harness.tables import tables

batches = sa.Table(
    "harness_batches",
    tables,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("api", sa.String(200), nullable=False),
    sa.Column("run", sa.String(64), nullable=False, index=True),
    sa.Column("id", sa.String(100), nullable=True),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("requests", sa.Integer, nullable=False),
    sa.Column("bytes", sa.Integer, nullable=False),
    sa.Column("owner", sa.String(200), nullable=False),
    sa.Column("intended_at", sa.String(40), nullable=False),
    sa.Column("since", sa.String(40), nullable=False),
    sa.Column("submitted_at", sa.String(40), nullable=True),
    sa.Column("ended_at", sa.String(40), nullable=True),
    sa.Column("answered", sa.Integer, nullable=True),
    sa.Column("cost", sa.String(60), nullable=True),
    sa.Column("saved", sa.String(60), nullable=True),
    sa.UniqueConstraint("api", "id"),
    sqlite_autoincrement=True,  # the number of one that is gone is not another's
)


class State(StrEnum):
    """Where a batch is: `intended` may or may not exist at the API, the rest is known.

    What is `live` is no batch: requests that one process asks live, so that nobody else does.
    """

    LIVE = "live"
    INTENDED = "intended"
    SUBMITTED = "submitted"
    RECORDED = "recorded"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as the journal knows it; `id` is the API's, once it is known.

    `intended_at` is by the API's clock as its answers date themselves; nothing that the API has of
    the batch is from before `since`, whichever clock is wrong.
    Of one that is recorded: how many were `answered`, the dollars that they cost, and how much less
    that is than live; `None` where that is not known.
    """

    number: int
    run: str
    id: str | None
    state: State
    requests: int
    bytes: int
    owner: str
    intended_at: datetime
    since: datetime
    submitted_at: datetime | None = None
    ended_at: datetime | None = None
    answered: int | None = None
    cost: Decimal | None = None
    saved: Decimal | None = None

    @property
    def prefix(self) -> str:
        """What every `custom_id` of this batch begins with."""
        return f"{self.run}-b{self.number}-"

    @property
    def open(self) -> bool:
        """Something may still come of it."""
        return self.state in (State.LIVE, State.INTENDED, State.SUBMITTED)


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a batch may be: the API's limits, or less."""

    requests: int = 100_000
    bytes: int = 250_000_000


def batch_of(row: sa.Row[Any]) -> Batch:
    """The batch that a row holds."""
    return Batch(
        row.number, row.run, row.id, State(row.state), row.requests, row.bytes, row.owner,
        datetime.fromisoformat(row.intended_at), datetime.fromisoformat(row.since),
        _time(row.submitted_at), _time(row.ended_at),
        row.answered, _dollars(row.cost), _dollars(row.saved),
    )  # fmt: skip


def times(now: datetime | None) -> tuple[datetime, datetime]:
    """When something begins: by the API's clock, and by whichever clock is behind."""
    here = datetime.now(UTC)
    return now or here, min(now or here, here)


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _dollars(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
