"""What waits for batches, as rows: noted, looked through, claimed and deleted; only `journal` does.

With `store` and `journal` the only user of SQLAlchemy. What is sent is kept apart from how it
stands: that changes often, and a change of a row writes all of it anew.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
import sqlalchemy as sa

from harness import codec
from harness.records import Request
from harness.store import READ_AT_ONCE, Store
from harness.tables import Blob, Many, tables

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

wanted = sa.Table(
    "harness_wanted",
    tables,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("api", sa.String(200), nullable=False),
    sa.Column("key", sa.String(64), nullable=False),
    sa.Column("variant", sa.String(400), nullable=False),
    sa.Column("purpose", sa.String(20), nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("batch", sa.Integer, nullable=True),
    sa.Column("tries", sa.Integer, nullable=False, default=0),
    sa.Column("run", sa.String(64), nullable=False),
    sa.Column("missing", Blob, nullable=True),
    sa.UniqueConstraint("key", "api"),  # in this order, so that nothing is looked up by `api` alone
    sqlite_autoincrement=True,  # a body that is not swept yet must not become another request's
)
bodies = sa.Table(
    "harness_bodies",
    tables,
    sa.Column("wanted", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("params", Blob, nullable=False),
)

FREE = wanted.c.batch.is_(None) & wanted.c.missing.is_(None)
"""A request that waits to be sent."""

WITH_BODY = bodies.c.wanted == wanted.c.id

ENVELOPE_BYTES = 120
"""What a request costs in a batch's body, around its `params`."""


class Stored(NamedTuple):
    """A request as it is sent: its version and betas in one text, and its `params` in JSON."""

    variant: str
    params: bytes


def request_of(row: sa.Row[Any]) -> Request:
    """The request of a row with `variant`, `purpose` and `params`."""
    api_version, *betas = row.variant.split(" ")
    return Request(orjson.loads(row.params), api_version, tuple(betas), row.purpose)


def note(store: Store, api: str, run: str, requests: Sequence[tuple[str, Request]]) -> None:
    """Note requests; one that is there stays, but what another run gave up is asked anew."""
    rows, said = [], []
    for key, request in sorted(requests, key=lambda one: one[0]):
        params = codec.dump(request.params)
        variant = " ".join((request.api_version, *request.betas))
        rows.append({
            "api": api, "key": key, "run": run, "tries": 0, "variant": variant,
            "purpose": request.purpose, "size": len(params),
        })  # fmt: skip
        said.append({"of": key, "body": params})
    insert = store.insert(wanted)
    insert = insert.on_conflict_do_update(
        index_elements=[wanted.c.api, wanted.c.key],
        set_={"missing": None, "tries": 0, "run": insert.excluded.run},
        where=wanted.c.missing.is_not(None) & (wanted.c.run != insert.excluded.run),
    )
    body = sa.bindparam("body", type_=Blob)
    its = sa.select(wanted.c.id, body).where(
        wanted.c.api == api, wanted.c.key == sa.bindparam("of")
    )
    add = store.insert(bodies).from_select(["wanted", "params"], its).on_conflict_do_nothing()
    dialect = store.engine.dialect
    insert, add = Many.of(insert, dialect), Many.of(add, dialect)
    with store.errors(), store.engine.begin() as connection:
        for begin in range(0, len(rows), READ_AT_ONCE):
            insert.execute(connection, rows[begin : begin + READ_AT_ONCE])
            add.execute(connection, said[begin : begin + READ_AT_ONCE])


def remove(connection: Connection, *which: sa.ColumnElement[bool]) -> int:
    """Delete requests with their bodies; how many there were."""
    gone = connection.execute(wanted.delete().where(*which).returning(wanted.c.id)).scalars().all()
    for begin in range(0, len(gone), READ_AT_ONCE):
        some = gone[begin : begin + READ_AT_ONCE]
        connection.execute(bodies.delete().where(bodies.c.wanted.in_(some)))
    return len(gone)


def sweep(connection: Connection) -> None:
    """Delete the bodies of requests that are gone: all at once, since one by one takes long."""
    needed = sa.exists().where(wanted.c.id == bodies.c.wanted)
    connection.execute(bodies.delete().where(~needed))


def rows_of(store: Store, query: sa.Select[Any]) -> Iterator[Any]:
    """The rows of a query, a piece at a time in memory."""
    with store.errors(), store.engine.connect() as connection:
        found = connection.execution_options(yield_per=READ_AT_ONCE).execute(query)
        for rows in found.partitions():
            yield from rows


def rows_among(store: Store, query: sa.Select[Any], keys: Iterable[str]) -> Iterator[Any]:
    """The rows of a query that have one of the keys: quicker than to ask for each of many keys."""
    asked = frozenset(keys)
    return (row for row in rows_of(store, query) if row.key in asked)


@dataclass(slots=True)
class Fitting:
    """Requests for one batch, as spans of ids: nothing else like them is free within one."""

    spans: list[dict[str, Any]]
    count: int = 0
    bytes: int = 0

    def add(self, id_: int, variant: str, cost: int, *, apart: bool) -> None:
        """One more; `apart` where something was left out since the last."""
        if apart or not self.spans:
            self.spans.append({"kind": variant, "first": id_})
        self.spans[-1]["last"] = id_
        self.count += 1
        self.bytes += cost


def fitting(
    connection: Connection, api: str, keys: Container[str], most: int, most_bytes: int
) -> Fitting:
    """Those of the requests that are free and fit into one batch, all with the same headers.

    One that is larger than a batch may be goes alone.
    """
    found = Fitting([])
    query = sa.select(wanted.c.id, wanted.c.key, wanted.c.variant, wanted.c.size)
    apart = False
    free = query.where(wanted.c.api == api, FREE).order_by(wanted.c.id)
    with connection.execute(free) as rows:
        for id_, key, variant, size in rows:
            cost = size + ENVELOPE_BYTES
            alike = not found.count or variant == found.spans[0]["kind"]
            fits = not found.count or found.bytes + cost <= most_bytes
            if key in keys and alike and fits:
                found.add(id_, variant, cost, apart=apart)
            apart = not (key in keys and alike and fits)
            if found.count >= most:
                break
    return found


def claim(connection: Connection, api: str, batch: int, found: Fitting) -> bool:
    """Put what was found into a batch; false where others took some, or freed others, meanwhile."""
    inside = wanted.c.id.between(sa.bindparam("first"), sa.bindparam("last"))
    alike = wanted.c.variant == sa.bindparam("kind")
    take = wanted.update().where(wanted.c.api == api, FREE, alike, inside)
    connection.execute(take.values(batch=batch), found.spans)
    held = sa.select(sa.func.count()).where(wanted.c.batch == batch)
    return bool(connection.scalar(held) == found.count)
