"""The batches of a store: what is wanted, what was sent in which batch, and what came of it.

With `store` the only user of SQLAlchemy. A batch is written down as intended, with its requests,
before it is created; a request is in one batch at a time, whatever run or process wants it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from harness import codec
from harness.records import Missing, Request
from harness.store import READ_AT_ONCE, Store, tables

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

wanted = sa.Table(
    "harness_wanted",
    tables,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("batch", sa.Integer, nullable=True, index=True),
    sa.Column("tries", sa.Integer, nullable=False, default=0),
    sa.Column("run", sa.String(64), nullable=False),
    sa.Column("request", sa.LargeBinary, nullable=False),
    sa.Column("missing", sa.LargeBinary, nullable=True),
)
batches = sa.Table(
    "harness_batches",
    tables,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("run", sa.String(64), nullable=False, index=True),
    sa.Column("id", sa.String(100), nullable=True, unique=True),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("requests", sa.Integer, nullable=False),
    sa.Column("bytes", sa.Integer, nullable=False),
    sa.Column("owner", sa.String(200), nullable=False),
    sa.Column("intended_at", sa.String(40), nullable=False),
    sa.Column("submitted_at", sa.String(40), nullable=True),
    sa.Column("ended_at", sa.String(40), nullable=True),
)


class State(StrEnum):
    """Where a batch is: `intended` may or may not exist at the API, the rest is known."""

    INTENDED = "intended"
    SUBMITTED = "submitted"
    RECORDED = "recorded"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as the journal knows it; `id` is the API's, once it is known."""

    number: int
    run: str
    id: str | None
    state: State
    requests: int
    bytes: int
    owner: str
    intended_at: datetime
    submitted_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def prefix(self) -> str:
        """What every `custom_id` of this batch begins with."""
        return f"{self.run}-b{self.number}-"


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a batch may be: the API's limits, or less."""

    requests: int = 100_000
    bytes: int = 250_000_000


class Journal:
    """The journal of a store that is open; every method is one transaction."""

    def __init__(self, store: Store) -> None:
        self.store = store
        with store.errors(), store.engine.begin() as connection:
            tables.create_all(connection, [wanted, batches])

    def want(self, run: str, requests: Sequence[tuple[str, Request]]) -> None:
        """Note requests by their keys; one that is noted already, by whichever run, stays."""
        rows = [
            {"key": key, "run": run, "tries": 0, "request": codec.dump_request(request)}
            for key, request in requests
        ]
        with self.store.errors(), self.store.engine.begin() as connection:
            for begin in range(0, len(rows), READ_AT_ONCE):
                insert = self.store.insert(wanted).on_conflict_do_nothing()
                connection.execute(insert, rows[begin : begin + READ_AT_ONCE])

    def given_up(self, keys: Iterable[str]) -> dict[str, Missing]:
        """Those of the requests that a batch has refused for good, and why."""
        found: dict[str, Missing] = {}
        with self.store.errors(), self.store.engine.connect() as connection:
            for some in _pieces(keys):
                query = sa.select(wanted.c.key, wanted.c.missing)
                query = query.where(wanted.c.key.in_(some), wanted.c.missing.is_not(None))
                for row in connection.execute(query):
                    found[row.key] = codec.load_missing(row.missing)
        return found

    def intend(self, run: str, keys: Sequence[str], limits: Limits, owner: str) -> Batch | None:
        """A batch of those of `keys` that are in none yet, as many as fit; `None` where none is.

        Two processes that intend at the same time share the requests out, each one once.
        """
        now = datetime.now(UTC)
        with self.store.errors(), self.store.engine.begin() as connection:
            row = {
                "run": run, "state": State.INTENDED, "requests": 0, "bytes": 0, "owner": owner,
                "intended_at": now.isoformat(),
            }  # fmt: skip
            inserted = connection.execute(batches.insert().values(row)).inserted_primary_key
            number = int(inserted[0]) if inserted else 0
            count, size = self._fill(connection, number, keys, limits)
            if not count:
                connection.rollback()
                return None
            change = batches.update().where(batches.c.number == number)
            connection.execute(change.values(requests=count, bytes=size))
        return Batch(number, run, None, State.INTENDED, count, size, owner, now)

    def _fill(
        self, connection: Connection, number: int, keys: Sequence[str], limits: Limits
    ) -> tuple[int, int]:
        count = size = 0
        free = wanted.c.batch.is_(None) & wanted.c.missing.is_(None)
        length = sa.func.length(wanted.c.request)
        for some in _pieces(keys):
            query = sa.select(wanted.c.key, length).where(wanted.c.key.in_(some), free)
            taken: list[str] = []
            for key, stored in connection.execute(query):
                if count + len(taken) >= limits.requests or size + stored > limits.bytes:
                    break
                taken.append(key)
                size += stored
            if taken:
                claim = wanted.update().where(wanted.c.key.in_(taken), free)
                count += connection.execute(claim.values(batch=number)).rowcount
        return count, size

    def requests(self, batch: Batch) -> Iterator[tuple[str, Request]]:
        """The keys and requests of a batch, read in pieces."""
        last = ""
        while True:
            query = (
                sa.select(wanted.c.key, wanted.c.request)
                .where(wanted.c.batch == batch.number, wanted.c.key > last)
                .order_by(wanted.c.key)
                .limit(READ_AT_ONCE)
            )
            with self.store.errors(), self.store.engine.connect() as connection:
                rows = connection.execute(query).all()
            for row in rows:
                yield row.key, codec.load_request(row.request)
            if len(rows) < READ_AT_ONCE:
                return
            last = rows[-1].key

    def requests_of(self, batch: Batch, keys: Iterable[str]) -> dict[str, Request]:
        """Those of the requests that are in this batch and open."""
        found: dict[str, Request] = {}
        with self.store.errors(), self.store.engine.connect() as connection:
            for some in _pieces(keys):
                query = sa.select(wanted.c.key, wanted.c.request)
                query = query.where(wanted.c.key.in_(some), wanted.c.batch == batch.number)
                for row in connection.execute(query):
                    found[row.key] = codec.load_request(row.request)
        return found

    def submitted(self, batch: Batch, id_: str) -> None:
        """The API has created the batch, under this id."""
        now = datetime.now(UTC).isoformat()
        self._update(batch, state=State.SUBMITTED, id=id_, submitted_at=now)

    def forget(self, batch: Batch) -> None:
        """The batch does not exist: its requests are wanted again."""
        with self.store.errors(), self.store.engine.begin() as connection:
            freed = wanted.update().where(wanted.c.batch == batch.number)
            connection.execute(freed.values(batch=None))
            change = batches.update().where(batches.c.number == batch.number)
            connection.execute(change.values(state=State.LOST))

    def recorded(self, batch: Batch) -> None:
        """Everything that came of the batch is in the store."""
        self._update(batch, state=State.RECORDED, ended_at=datetime.now(UTC).isoformat())

    def settle(
        self, done: Iterable[str], again: Iterable[str], refused: Iterable[tuple[str, Missing]]
    ) -> None:
        """What came of single requests: answered, to be sent again, or given up."""
        with self.store.errors(), self.store.engine.begin() as connection:
            for some in _pieces(done):
                connection.execute(wanted.delete().where(wanted.c.key.in_(some)))
            for some in _pieces(again):
                freed = wanted.update().where(wanted.c.key.in_(some))
                connection.execute(freed.values(batch=None, tries=wanted.c.tries + 1))
            for key, missing in refused:
                given_up = wanted.update().where(wanted.c.key == key)
                connection.execute(given_up.values(missing=codec.dump(missing), batch=None))

    def tries(self, batch: Batch) -> dict[str, int]:
        """How often each request of the batch was sent before."""
        query = sa.select(wanted.c.key, wanted.c.tries).where(wanted.c.batch == batch.number)
        with self.store.errors(), self.store.engine.connect() as connection:
            return {row.key: row.tries for row in connection.execute(query)}

    def open_for(self, keys: Iterable[str]) -> list[Batch]:
        """The batches that hold any of these requests and are not recorded yet."""
        numbers: set[int] = set()
        with self.store.errors(), self.store.engine.connect() as connection:
            for some in _pieces(keys):
                query = sa.select(wanted.c.batch).where(wanted.c.key.in_(some)).distinct()
                numbers |= {row.batch for row in connection.execute(query) if row.batch}
        return [batch for batch in self.all() if batch.number in numbers]

    def all(self, run: str | None = None) -> list[Batch]:
        """The batches of a run, or of all, oldest first."""
        query = sa.select(batches).order_by(batches.c.number)
        if run is not None:
            query = query.where(batches.c.run == run)
        with self.store.errors(), self.store.engine.connect() as connection:
            return [_batch(row) for row in connection.execute(query)]

    def _update(self, batch: Batch, **values: Any) -> None:
        change = batches.update().where(batches.c.number == batch.number)
        with self.store.errors(), self.store.engine.begin() as connection:
            connection.execute(change.values(values))


def _batch(row: sa.Row[Any]) -> Batch:
    return Batch(
        row.number, row.run, row.id, State(row.state), row.requests, row.bytes, row.owner,
        datetime.fromisoformat(row.intended_at), _time(row.submitted_at), _time(row.ended_at),
    )  # fmt: skip


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _pieces(keys: Iterable[str]) -> Iterator[list[str]]:
    every = list(keys)
    for begin in range(0, len(every), READ_AT_ONCE):
        yield every[begin : begin + READ_AT_ONCE]
