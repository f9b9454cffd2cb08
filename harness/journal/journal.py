"""The batches of a store: what is wanted, what was sent in which batch, and what came of it.

A batch is written down as intended, with its
requests, before it is created; a request is in one batch at a time, whatever run or process wants
it. Whoever changes a batch that may exist has to own it, so that two processes cannot both decide.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from harness import codec
from harness.errors import StoreError
from harness.journal.rows import Batch, Limits, State, batch_of, batches, times
from harness.journal.wanted import (
    FREE,
    WITH_BODY,
    Stored,
    bodies,
    claim,
    fitting,
    note,
    remove,
    request_of,
    rows_among,
    rows_of,
    sweep,
    wanted,
)  # fmt: skip
from harness.records import Bill, Missing, Request
from harness.store import READ_AT_ONCE, Store
from harness.tables import Blob, make

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

__all__ = ["Batch", "Journal", "Limits", "State", "Stored"]


class Journal:
    """The journal of a store that is open; every method is one transaction.

    `api` is where its requests are sent: what waits at one API is not to be had from another.
    """

    def __init__(self, store: Store, api: str = "") -> None:
        self.store, self.api = store, api
        with store.errors(), store.engine.begin() as connection:
            make(connection, wanted, bodies, batches)

    def want(self, run: str, requests: Sequence[tuple[str, Request]]) -> None:
        """Note requests by their keys; one that is noted already, by whichever run, stays.

        What another run has given up is asked anew.
        """
        note(self.store, self.api, run, requests)

    def given_up(self, keys: Iterable[str]) -> dict[str, Missing]:
        """Those of the requests that a batch has refused for good, and why."""
        query = self._of(wanted.c.key, wanted.c.missing).where(wanted.c.missing.is_not(None))
        found = rows_among(self.store, query, keys)
        return {row.key: codec.load_missing(row.missing) for row in found}

    def free(self, keys: Iterable[str]) -> int:
        """How many of the requests wait to be sent."""
        free = self._of(wanted.c.key).where(FREE)
        return sum(1 for _ in rows_among(self.store, free, keys))

    def tried(self, keys: Iterable[str]) -> set[str]:
        """Those that wait to be sent again: a batch did not finish them."""
        tried = self._of(wanted.c.key).where(FREE, wanted.c.tries > 0)
        return {row.key for row in rows_among(self.store, tried, keys)}

    def drop(self, keys: Iterable[str]) -> int:
        """Want these no more, unless they are in a batch; how many were wanted until now."""
        dropped = 0
        with self.store.errors(), self.store.engine.begin() as connection:
            for some in _pieces(keys):
                free = wanted.c.key.in_(some) & wanted.c.batch.is_(None)
                dropped += remove(connection, wanted.c.api == self.api, free)
        return dropped

    def under_way(self) -> dict[str, str]:
        """The keys of all requests at this API that are in a batch, each with that batch's run."""
        query = (
            sa.select(wanted.c.key, batches.c.run)
            .join(batches, batches.c.number == wanted.c.batch)
            .where(wanted.c.api == self.api)
        )
        with self.store.errors(), self.store.engine.connect() as connection:
            return {row.key: row.run for row in connection.execute(query)}

    def clear(self, run: str) -> None:
        """The run has its results: what it wanted in vain may be asked anew by whoever wants it."""
        free = (wanted.c.run == run) & wanted.c.batch.is_(None)
        with self.store.errors(), self.store.engine.begin() as connection:
            remove(connection, wanted.c.api == self.api, free)

    def intend(
        self, run: str, keys: Sequence[str], limits: Limits, owner: str,
        now: datetime | None = None,
    ) -> Batch | None:  # fmt: skip
        """A batch of those of `keys` that are in none yet, as many as fit; `None` where none is.

        All have the same headers. Two processes that intend at the same time share the requests
        out, each one once. `now` is the API's clock.
        """
        new = Batch(0, run, None, State.INTENDED, 0, 0, owner, *times(now))
        with self.store.errors(), self.store.engine.begin() as connection:
            number = self._begun(connection, new)
            found = fitting(connection, self.api, frozenset(keys), limits.requests, limits.bytes)
            if not found.count or not claim(connection, self.api, number, found):
                connection.rollback()
                return self.intend(run, keys, limits, owner, now) if found.count else None
            change = batches.update().where(batches.c.number == number)
            connection.execute(change.values(requests=found.count, bytes=found.bytes))
        return replace(new, number=number, requests=found.count, bytes=found.bytes)

    def take(self, run: str, keys: Iterable[str], owner: str, now: datetime) -> Batch | None:
        """Those of `keys` that are free, taken to be asked live by this owner; `None` without any.

        They are in no batch of the API's, and nobody else sends them, until they are settled or
        the whole is forgotten.
        """
        new = Batch(0, run, None, State.LIVE, 0, 0, owner, *times(now))
        with self.store.errors(), self.store.engine.begin() as connection:
            number, count = self._begun(connection, new), 0
            take = wanted.update().where(wanted.c.api == self.api, FREE).values(batch=number)
            for some in _pieces(keys):
                count += connection.execute(take.where(wanted.c.key.in_(some))).rowcount
            change = batches.update().where(batches.c.number == number)
            connection.execute(change.values(requests=count))
            if not count:
                connection.rollback()
                return None
        return replace(new, number=number, requests=count)

    def _begun(self, connection: Connection, new: Batch) -> int:
        row = {
            "api": self.api, "run": new.run, "state": new.state, "requests": 0, "bytes": 0,
            "owner": new.owner, "intended_at": new.intended_at.isoformat(),
            "since": new.since.isoformat(),
        }  # fmt: skip
        inserted = connection.execute(batches.insert().values(row)).inserted_primary_key
        return int(inserted[0]) if inserted else 0

    def requests(self, batch: Batch) -> Iterator[tuple[str, Stored]]:
        """The keys and requests of a batch, read in pieces."""
        query = sa.select(wanted.c.key, wanted.c.variant, bodies.c.params).join(bodies, WITH_BODY)
        query = query.where(wanted.c.batch == batch.number)
        for key, variant, params in rows_of(self.store, query):
            yield key, Stored(variant, params)

    def requests_of(self, batch: Batch, keys: Iterable[str]) -> dict[str, Request]:
        """Those of the requests that are in this batch and open."""
        query = self._of(wanted.c.key, wanted.c.variant, wanted.c.purpose, bodies.c.params)
        found = self._read(
            query.join(bodies, WITH_BODY).where(wanted.c.batch == batch.number), keys
        )
        return {row.key: request_of(row) for row in found}

    def claim(self, batch: Batch, owner: str) -> Batch | None:
        """The batch, now of this owner; `None` where somebody else has decided about it."""
        done = self._change(batch, {"owner": owner}, State.INTENDED)
        return replace(batch, owner=owner) if done else None

    def submitted(self, batch: Batch, id_: str, now: datetime | None = None) -> bool:
        """The API has the batch under this id; false where somebody else has decided about it, and
        where another batch has that id. `now` is the API's clock.
        """
        at = (now or datetime.now(UTC)).isoformat()
        values = {"state": State.SUBMITTED, "id": id_, "submitted_at": at}
        try:
            return self._change(batch, values, State.INTENDED)
        except StoreError as error:
            if isinstance(error.__cause__, sa.exc.IntegrityError):
                return False
            raise

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

    def release(self, batch: Batch) -> None:
        """What was taken to be asked live is over, or given up: what is left of it is wanted."""
        own = (batches.c.number == batch.number) & (batches.c.owner == batch.owner)
        with self.store.errors(), self.store.engine.begin() as connection:
            gone = batches.delete().where(own, batches.c.state == State.LIVE)
            if connection.execute(gone).rowcount:
                freed = wanted.update().where(wanted.c.batch == batch.number)
                connection.execute(freed.values(batch=None))

    def recorded(self, batch: Batch, now: datetime | None = None, bill: Bill | None = None) -> None:
        """Everything that came of the batch is in the store.

        `now` is the API's clock; `bill` is of `batch.answered` answers.
        """
        at = (now or datetime.now(UTC)).isoformat()
        ended: dict[str, Any] = {"state": State.RECORDED, "ended_at": at}
        if bill is not None:
            live, cost = bill.at_live_prices, bill.total
            ended["answered"] = batch.answered
            ended["cost"] = None if cost is None else f"{cost:f}"
            ended["saved"] = None if live is None or cost is None else f"{live - cost:f}"
        self._change(batch, ended, State.SUBMITTED)
        with self.store.errors(), self.store.engine.begin() as connection:
            sweep(connection)

    def settle(
        self,
        batch: Batch,
        done: Iterable[str] = (),
        again: Iterable[str] = (),
        refused: Iterable[tuple[str, Missing]] = (),
        *,
        tried: bool = True,
    ) -> None:
        """What came of requests of a batch: answered, to be sent again, or given up.

        What is sent again counts as `tried`, unless it was not the request that failed. One that is
        in another batch by now is left alone: another process was here before.
        """
        inside = (wanted.c.batch == batch.number) & (wanted.c.api == self.api)
        given_up = [{"of": key, "why": codec.dump(missing)} for key, missing in refused]
        with self.store.errors(), self.store.engine.begin() as connection:
            for some in _pieces(done):
                connection.execute(wanted.delete().where(wanted.c.key.in_(some), inside))
            for some in _pieces(again):
                freed = wanted.update().where(wanted.c.key.in_(some), inside)
                connection.execute(freed.values(batch=None, tries=wanted.c.tries + int(tried)))
            if given_up:
                lost = wanted.update().where(wanted.c.key == sa.bindparam("of"), inside)
                why = sa.bindparam("why", type_=Blob)
                connection.execute(lost.values(missing=why, batch=None), given_up)

    def tries(self, batch: Batch) -> dict[str, int]:
        """How often each request of the batch was sent before."""
        query = sa.select(wanted.c.key, wanted.c.tries).where(wanted.c.batch == batch.number)
        return {row.key: row.tries for row in rows_of(self.store, query)}

    def open_for(self, keys: Iterable[str]) -> list[Batch]:
        """The batches that hold any of these requests and are not recorded yet."""
        query = self._of(wanted.c.key, wanted.c.batch).where(wanted.c.batch.is_not(None))
        open_ = [batch for batch in self._all() if batch.open]
        numbers: set[int] = set()
        for row in rows_among(self.store, query, keys) if open_ else ():
            numbers.add(row.batch)
            if len(numbers) == len(open_):
                break
        return [batch for batch in open_ if batch.number in numbers]

    def still_open(self, numbers: Container[int]) -> list[Batch]:
        """Those of the batches of which something may still come."""
        return [batch for batch in self._all() if batch.number in numbers and batch.open]

    def all(self, run: str | None = None) -> list[Batch]:
        """The batches of a run, or of all, oldest first."""
        every = self._all() if run is None else self._all(batches.c.run == run)
        return [batch for batch in every if batch.state is not State.LIVE]

    def _all(self, *which: sa.ColumnElement[bool]) -> list[Batch]:
        query = sa.select(batches).where(*which).order_by(batches.c.number)
        with self.store.errors(), self.store.engine.connect() as connection:
            return [batch_of(row) for row in connection.execute(query)]

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


def _pieces(keys: Iterable[str]) -> Iterator[list[str]]:
    every = list(keys)
    for begin in range(0, len(every), READ_AT_ONCE):
        yield every[begin : begin + READ_AT_ONCE]
