"""Every answer in a store, who paid for it, and which results use it. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

import sqlalchemy as sa

from harness import codec
from harness.records import Answer, Purpose, Run
from harness.store import READ_AT_ONCE, Store
from harness.tables import answers, results, runs, spares


class Paid(NamedTuple):
    """An answer and the run that paid for it; its `mode` is the answer's."""

    key: str
    run: str
    answer: Answer


class Use(NamedTuple):
    """A result's use of an answer: by which suite, for what, and whether it was there already."""

    key: str
    suite: str
    purpose: Purpose
    reused: bool


def paid(store: Store) -> Iterator[Paid]:
    """All answers, simulated ones included, each once; read in pieces."""
    last = ""
    columns = (answers.c.key, answers.c.run, answers.c.answer)
    while True:
        query = sa.select(*columns).where(answers.c.key > last).order_by(answers.c.key)
        with store.errors(), store.engine.connect() as connection:
            rows = connection.execute(query.limit(READ_AT_ONCE)).all()
        for row in rows:
            yield Paid(row.key, row.run, codec.load_answer(row.answer, key=row.key))
        if len(rows) < READ_AT_ONCE:
            return
        last = rows[-1].key


def answers_of(store: Store, run: str) -> Iterator[Answer]:
    """All answers that a run has paid for, simulated ones included."""
    query = sa.select(answers.c.answer).where(answers.c.run == run)
    with store.errors(), store.engine.connect() as connection:
        for (data,) in connection.execute(query):
            yield codec.load_answer(data)
    yield from (one.answer for one in paid_beside(store, run))


def purposes(store: Store, keys: Collection[str]) -> dict[str, Purpose]:
    """What the answers under these keys were asked for; for those that no result uses."""
    found: dict[str, Purpose] = {}
    listed = list(keys)
    for begin in range(0, len(listed), READ_AT_ONCE):
        some = listed[begin : begin + READ_AT_ONCE]
        query = sa.select(answers.c.key, answers.c.request).where(answers.c.key.in_(some))
        with store.errors(), store.engine.connect() as connection:
            for row in connection.execute(query):
                found[row.key] = codec.load_request(row.request).purpose
    return found


def runs_in(store: Store) -> Iterator[Run]:
    """The runs, oldest first, one at a time."""
    query = sa.select(runs.c.id).order_by(runs.c.started_at, runs.c.id)
    with store.errors(), store.engine.connect() as connection:
        listed = connection.execute(query).scalars().all()
    for name in listed:
        with store.errors(), store.engine.connect() as connection:
            data = connection.execute(sa.select(runs.c.data).where(runs.c.id == name)).scalar()
        if data is not None:
            yield codec.load_run(data)


def uses(store: Store, run: str) -> Iterator[Use]:
    """What a run's results use, in the order of its trials; read in pieces."""
    last = -1
    columns = (results.c.position, results.c.suite, results.c.data)
    while True:
        query = (
            sa.select(*columns)
            .where(results.c.run == run, results.c.position > last)
            .order_by(results.c.position)
            .limit(READ_AT_ONCE)
        )
        with store.errors(), store.engine.connect() as connection:
            rows = connection.execute(query).all()
        for row in rows:
            for call in codec.read_result(row.data)["calls"]:
                yield Use(call["key"], row.suite, call["purpose"], call["reused"])
        if len(rows) < READ_AT_ONCE:
            return
        last = rows[-1].position


def paid_beside(store: Store, run: str | None = None) -> Iterator[Paid]:
    """Answers that were paid for, by `run` or by any, although there was one; nothing uses them."""
    query = sa.select(spares.c.key, spares.c.run, spares.c.answer).order_by(spares.c.number)
    if run is not None:
        query = query.where(spares.c.run == run)
    with store.errors(), store.engine.connect() as connection:
        if not sa.inspect(connection).has_table(spares.name):
            return
        for key, payer, answer in connection.execute(query):
            yield Paid(key, payer, codec.load_answer(answer, key=key))
