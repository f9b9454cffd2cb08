"""The batches of a store: what is wanted, what was sent in which batch, and what came of it.

With `store` the only user of SQLAlchemy. A batch is written down as intended, with its requests,
before it is created; a request is in one batch at a time, whatever run or process wants it.
Whoever changes a batch that may exist has to own it, so that two processes cannot both decide.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
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
    sa.Column("api", sa.String(200), primary_key=True),
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("variant", sa.String(400), nullable=False),
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


ENVELOPE_BYTES = 120
"""What a request costs in a batch's body, around what is stored of it."""


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
    """The journal of a store that is open; every method is one transaction.

    `api` is where its requests are sent: what waits at one API is not to be had from another.
    """

    def __init__(self, store: Store, api: str = "") -> None:
        self.store, self.api = store, api
        with store.errors(), store.engine.begin() as connection:
            tables.create_all(connection, [wanted, batches])

    def want(self, run: str, requests: Sequence[tuple[str, Request]]) -> None:
        """Note requests by their keys; one that is noted already, by whichever run, stays.

        What another run has given up is asked anew.
        """
        rows = [
            {
                "api": self.api, "key": key, "run": run, "tries": 0,
                "variant": " ".join((request.api_version, *request.betas)),
                "request": codec.dump_request(request),
            }
            for key, request in sorted(requests, key=lambda one: one[0])
        ]  # fmt: skip
        insert = self.store.insert(wanted)
        insert = insert.on_conflict_do_update(
            index_elements=[wanted.c.api, wanted.c.key],
            set_={"missing": None, "tries": 0, "run": insert.excluded.run},
            where=wanted.c.missing.is_not(None) & (wanted.c.run != insert.excluded.run),
        )
        with self.store.errors(), self.store.engine.begin() as connection:
            for begin in range(0, len(rows), READ_AT_ONCE):
                connection.execute(insert, rows[begin : begin + READ_AT_ONCE])

    def given_up(self, keys: Iterable[str]) -> dict[str, Missing]:
        """Those of the requests that a batch has refused for good, and why."""
        query = self._of(wanted.c.key, wanted.c.missing).where(wanted.c.missing.is_not(None))
        return {row.key: codec.load_missing(row.missing) for row in self._read(query, keys)}

    def free(self, keys: Iterable[str]) -> bool:
        """Whether any of the requests waits to be sent."""
        free = wanted.c.batch.is_(None) & wanted.c.missing.is_(None)
        return any(True for _ in self._read(self._of(wanted.c.key).where(free), keys))

    def drop(self, keys: Iterable[str]) -> None:
        """Want these no more, unless they are in a batch."""
        with self.store.errors(), self.store.engine.begin() as connection:
            for some in _pieces(keys):
                free = wanted.c.key.in_(some) & wanted.c.batch.is_(None)
                connection.execute(wanted.delete().where(wanted.c.api == self.api, free))

    def clear(self, run: str) -> None:
        """The run has its results: what it wanted in vain may be asked anew by whoever wants it."""
        free = (wanted.c.run == run) & wanted.c.batch.is_(None)
        with self.store.errors(), self.store.engine.begin() as connection:
            connection.execute(wanted.delete().where(wanted.c.api == self.api, free))

    def intend(
        self, run: str, keys: Sequence[str], limits: Limits, owner: str,
        now: datetime | None = None,
    ) -> Batch | None:  # fmt: skip
        """A batch of those of `keys` that are in none yet, as many as fit; `None` where none is.

        All have the same headers. Two processes that intend at the same time share the requests
        out, each one once. `now` is the API's clock.
        """
        now = now or datetime.now(UTC)
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
        """Claim requests for a batch; one that is larger than a batch may be goes alone."""
        count = size = 0
        variant: str | None = None
        free = wanted.c.batch.is_(None) & wanted.c.missing.is_(None)
        query = self._of(wanted.c.key, wanted.c.variant, sa.func.length(wanted.c.request))
        for some in _pieces(keys):
            if count >= limits.requests:
                break
            taken: list[str] = []
            for key, kind, stored in connection.execute(query.where(wanted.c.key.in_(some), free)):
                variant = variant or kind
                before, cost = count + len(taken), stored + ENVELOPE_BYTES
                fits = not before or (before < limits.requests and size + cost <= limits.bytes)
                if kind == variant and fits:
                    taken.append(key)
                    size += cost
            if taken:
                claim = wanted.update().where(
                    wanted.c.api == self.api, wanted.c.key.in_(taken), free
                )
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
        query = self._of(wanted.c.key, wanted.c.request).where(wanted.c.batch == batch.number)
        return {row.key: codec.load_request(row.request) for row in self._read(query, keys)}

    def claim(self, batch: Batch, owner: str) -> Batch | None:
        """The batch, now of this owner; `None` where somebody else has decided about it."""
        done = self._change(batch, {"owner": owner}, State.INTENDED)
        return replace(batch, owner=owner) if done else None

    def submitted(self, batch: Batch, id_: str) -> bool:
        """The API has the batch under this id; false where somebody else has decided about it."""
        now = datetime.now(UTC).isoformat()
        values = {"state": State.SUBMITTED, "id": id_, "submitted_at": now}
        return self._change(batch, values, State.INTENDED)

    def handed_back(self, batch: Batch, owner: str) -> Batch | None:
        """The batch again as it was intended: what it was taken for is another one."""
        values = {"state": State.INTENDED, "id": None, "submitted_at": None, "owner": owner}
        done = self._change(batch, values, State.SUBMITTED)
        return replace(batch, state=State.INTENDED, id=None, owner=owner) if done else None

    def forget(self, batch: Batch) -> bool:
        """The batch does not exist: its requests are wanted again."""
        with self.store.errors(), self.store.engine.begin() as connection:
            change = _own(batch).where(batches.c.state.in_([State.INTENDED, State.SUBMITTED]))
            if not connection.execute(change.values(state=State.LOST)).rowcount:
                return False
            freed = wanted.update().where(wanted.c.batch == batch.number)
            connection.execute(freed.values(batch=None))
        return True

    def recorded(self, batch: Batch) -> None:
        """Everything that came of the batch is in the store."""
        ended = {"state": State.RECORDED, "ended_at": datetime.now(UTC).isoformat()}
        self._change(batch, ended, State.SUBMITTED)

    def settle(
        self,
        batch: Batch,
        done: Iterable[str] = (),
        again: Iterable[str] = (),
        refused: Iterable[tuple[str, Missing]] = (),
    ) -> None:
        """What came of requests of a batch: answered, to be sent again, or given up.

        One that is in another batch by now is left alone: another process was here before.
        """
        inside = (wanted.c.batch == batch.number) & (wanted.c.api == self.api)
        given_up = [{"of": key, "why": codec.dump(missing)} for key, missing in refused]
        with self.store.errors(), self.store.engine.begin() as connection:
            for some in _pieces(done):
                connection.execute(wanted.delete().where(wanted.c.key.in_(some), inside))
            for some in _pieces(again):
                freed = wanted.update().where(wanted.c.key.in_(some), inside)
                connection.execute(freed.values(batch=None, tries=wanted.c.tries + 1))
            if given_up:
                lost = wanted.update().where(wanted.c.key == sa.bindparam("of"), inside)
                why = sa.bindparam("why", type_=sa.LargeBinary)
                connection.execute(lost.values(missing=why, batch=None), given_up)

    def tries(self, batch: Batch) -> dict[str, int]:
        """How often each request of the batch was sent before."""
        query = sa.select(wanted.c.key, wanted.c.tries).where(wanted.c.batch == batch.number)
        with self.store.errors(), self.store.engine.connect() as connection:
            return {row.key: row.tries for row in connection.execute(query)}

    def open_for(self, keys: Iterable[str]) -> list[Batch]:
        """The batches that hold any of these requests and are not recorded yet."""
        query = self._of(wanted.c.batch).where(wanted.c.batch.is_not(None)).distinct()
        numbers = {row.batch for row in self._read(query, keys)}
        return self.still_open(numbers)

    def still_open(self, numbers: Container[int]) -> list[Batch]:
        """Those of the batches of which something may still come."""
        open_ = (State.INTENDED, State.SUBMITTED)
        return [b for b in self.all() if b.number in numbers and b.state in open_]

    def all(self, run: str | None = None) -> list[Batch]:
        """The batches of a run, or of all, oldest first."""
        query = sa.select(batches).order_by(batches.c.number)
        if run is not None:
            query = query.where(batches.c.run == run)
        with self.store.errors(), self.store.engine.connect() as connection:
            return [_batch(row) for row in connection.execute(query)]

    def _of(self, *columns: Any) -> sa.Select[Any]:
        return sa.select(*columns).where(wanted.c.api == self.api)

    def _read(self, query: sa.Select[Any], keys: Iterable[str]) -> Iterator[sa.Row[Any]]:
        with self.store.errors(), self.store.engine.connect() as connection:
            for some in _pieces(keys):
                yield from connection.execute(query.where(wanted.c.key.in_(some)))

    def _change(self, batch: Batch, values: dict[str, Any], state: State) -> bool:
        change = _own(batch).where(batches.c.state == state)
        with self.store.errors(), self.store.engine.begin() as connection:
            return bool(connection.execute(change.values(values)).rowcount)


def _own(batch: Batch) -> sa.Update:
    """A change of the batch, if it is still of the owner that the caller knows."""
    return batches.update().where(batches.c.number == batch.number, batches.c.owner == batch.owner)


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
