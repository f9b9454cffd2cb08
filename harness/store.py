"""Where every paid answer is kept, with runs and results; the only user of SQLAlchemy.

An answer is committed before anything else sees it. SQLite in WAL mode by default, so that a
killed process loses nothing that was committed and two processes can share a store.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from harness import codec
from harness.errors import RunNotFoundError, StoreError
from harness.records import Answer, Request, Result, Run, TrialId
from harness.tables import ADVISORY_LOCK, Many, answers, make, meta, results, runs, spares, tables

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

FORMAT = 1
BUSY_TIMEOUT_S = 30.0
BUSY_PAUSE_S = 0.01
READ_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """An answer to keep, under the key of its request; `run` is the one that paid for it."""

    key: str
    request: Request
    answer: Answer
    run: str = ""


@dataclass(frozen=True, slots=True)
class ResultRow:
    """How one trial of a run ended; `position` is the trial's place in the run's order."""

    run: str
    position: int
    result: Result


class Store:
    """A store that is open; every method is one transaction and may raise StoreError."""

    def __init__(self, url: str, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        self.url = url
        self.engine = _engine(url, busy_timeout_s)
        self._inserts: dict[str, Many] = {}
        try:
            with self.errors(), self.engine.begin() as connection:
                if not sa.inspect(connection).has_table(meta.name):
                    _create(connection)
                _check_format(connection, url)
        except StoreError:
            self.close()
            raise

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()

    def exchange(
        self,
        wanted: Collection[str],
        entries: Sequence[Entry] = (),
        rows: Sequence[ResultRow] = (),
        *,
        run: str = "",
    ) -> dict[str, Answer]:
        """Keep `entries` and `rows`, and look up the answers that are `wanted`, all at once.

        An answer that `run` has paid for itself, before it was stopped, is not a reused one. Where
        another process was quicker, the stored answer to an entry is told, too.
        """
        with self.errors(), self.engine.begin() as connection:
            others = self._keep(connection, entries) if entries else {}
            if rows:
                self._insert(connection, results, [_result_row(row) for row in rows])
            found = _find(connection, wanted, answers.c.answer, answers.c.run)
            return others | {
                key: codec.load_answer(data, key=key, reused=not run or payer != run)
                for key, data, payer in found
            }

    def kept(self, keys: Iterable[str]) -> set[str]:
        """Those of the keys that have an answer."""
        with self.errors(), self.engine.connect() as connection:
            return {row.key for row in _find(connection, keys)}

    def start(self, run: Run, *, same: bool = False) -> None:
        """Keep a run that begins, or goes on.

        All its trials are run again, from stored answers where there are any. Its results so far
        are kept until then where it is the `same` as before; otherwise one may be of a case, a
        candidate or a grader that is no more.
        """
        with self.errors(), self.engine.begin() as connection:
            if not same:
                connection.execute(results.delete().where(results.c.run == run.id))
            self._insert(connection, runs, [_run_row(run)])

    def finish(self, run: Run) -> None:
        """Keep how a run ended."""
        with self.errors(), self.engine.begin() as connection:
            self._insert(connection, runs, [_run_row(run)])

    def finished(self, run: str) -> frozenset[int]:
        """The positions of the run's trials that have passed or failed."""
        query = sa.select(results.c.position).where(
            results.c.run == run, results.c.outcome.in_(["passed", "failed"])
        )
        with self.errors(), self.engine.connect() as connection:
            return frozenset(connection.execute(query).scalars())

    def runs(self, limit: int | None = None) -> list[Run]:
        """The runs, newest first."""
        query = sa.select(runs.c.data).order_by(runs.c.started_at.desc(), runs.c.id.desc())
        with self.errors(), self.engine.connect() as connection:
            found = connection.execute(query.limit(limit))
            return [codec.load_run(data) for (data,) in found]

    def run(self, name: str) -> Run:
        """The run with this id or unique prefix, or the `latest`; raises RunNotFoundError."""
        if name == "latest":
            newest = self.runs(limit=1)
            if not newest:
                raise RunNotFoundError(f"the store {_shown(self.url)} has no runs yet")
            return newest[0]
        prefix = runs.c.id.startswith(name, autoescape=True)
        query = sa.select(runs.c.data).where(prefix).order_by(runs.c.id).limit(5)
        with self.errors(), self.engine.connect() as connection:
            found = [codec.load_run(data) for (data,) in connection.execute(query)]
        exact = [run for run in found if run.id == name]
        if len(exact or found) != 1:
            some = ", ".join(run.id for run in found)
            what = f"several runs begin with {name!r}: {some}" if found else f"no run {name!r}"
            raise RunNotFoundError(f"{what} in {_shown(self.url)}; `harness runs` lists them")
        return (exact or found)[0]

    def results(self, run: str) -> Iterator[Result]:
        """The results of a run in its order, with every request and answer; read in pieces."""
        last: int | None = -1
        while last is not None:
            last = yield from self._piece(run, last)

    def _piece(self, run: str, after: int) -> Generator[Result, None, int | None]:
        """Some results of a run; then the position of the last, where more may follow."""
        query = (
            sa.select(*[column for column in results.c if column.name != "run"])
            .where(results.c.run == run, results.c.position > after)
            .order_by(results.c.position)
            .limit(READ_AT_ONCE)
        )
        with self.errors(), self.engine.connect() as connection:
            found = connection.execute(query).all()
            rows = [[*row, codec.read_result(data)] for *row, data in found]
            keys = {key for row in rows for key in codec.keys_in(row[-1])}
            named = _find(connection, keys, answers.c.request, answers.c.answer)
            stored = {key: (request, answer) for key, request, answer in named}
        for _, *trial, outcome, raw in rows:
            yield codec.load_result(TrialId(*trial), outcome, raw, stored)
        return rows[-1][0] if len(rows) == READ_AT_ONCE else None

    def _keep(self, connection: Connection, entries: Sequence[Entry]) -> dict[str, Answer]:
        """Keep answers; those that another process was given meanwhile stand, and these beside."""
        made = self._insert(connection, answers, [_entry_row(entry) for entry in entries])
        if made == len(entries):
            return {}
        found = _find(connection, [entry.key for entry in entries], answers.c.answer)
        kept = {key: codec.load_answer(data, key=key, reused=True) for key, data in found}
        beside = [entry for entry in entries if kept[entry.key].id != entry.answer.id]
        if beside:
            make(connection, spares)
            rows = [
                {"key": entry.key, "run": entry.run, "answer": codec.dump_answer(entry.answer)}
                for entry in beside
            ]
            connection.execute(spares.insert(), rows)
        return {entry.key: kept[entry.key] for entry in beside}

    def _insert(self, connection: Connection, table: sa.Table, rows: list[dict[str, Any]]) -> int:
        """Insert; an answer that is there already stays, a run or result is replaced.

        How many rows there are that were not.
        """
        if table.name not in self._inserts:
            statement = self.insert(table)
            if table is answers:
                statement = statement.on_conflict_do_nothing()
            else:
                key = [column.name for column in table.primary_key]
                new = {c.name: statement.excluded[c.name] for c in table.c if c.name not in key}
                statement = statement.on_conflict_do_update(index_elements=key, set_=new)
            self._inserts[table.name] = Many.of(statement, self.engine.dialect)
        return self._inserts[table.name].execute(connection, rows)

    def insert(self, table: sa.Table) -> Any:
        """An insert that can say what to do on a conflict."""
        if self.engine.dialect.name == "sqlite":
            return sqlite.insert(table)
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Tell what the database says as a StoreError."""
        try:
            yield
        except sa.exc.SQLAlchemyError as exc:
            raise StoreError(f"store {_shown(self.url)}: {_said(exc)}") from exc


def _find(connection: Connection, keys: Iterable[str], *columns: sa.Column[Any]) -> Iterator[Any]:
    """The rows of the answers under these keys: the key, and the columns that are wanted."""
    wanted = list(keys)
    query = sa.select(answers.c.key, *columns)
    for begin in range(0, len(wanted), READ_AT_ONCE):
        some = wanted[begin : begin + READ_AT_ONCE]
        if connection.dialect.name == "sqlite":
            # One parameter for all of them: a statement with hundreds takes longer than the look.
            listed = sa.select(sa.func.json_each(json.dumps(some)).table_valued("value").c.value)
            yield from connection.execute(query.where(answers.c.key.in_(listed))).all()
        else:
            yield from connection.execute(query.where(answers.c.key.in_(some))).all()


def _run_row(run: Run) -> dict[str, Any]:
    return {"id": run.id, "started_at": run.started_at.isoformat(), "data": codec.dump_run(run)}


def _entry_row(entry: Entry) -> dict[str, Any]:
    return {
        "key": entry.key,
        "model": entry.request.model,
        "answered_at": entry.answer.answered_at.isoformat(),
        "run": entry.run,
        "request": codec.dump_request(entry.request),
        "answer": codec.dump_answer(entry.answer),
    }


def _result_row(row: ResultRow) -> dict[str, Any]:
    trial = row.result.id
    return {
        "run": row.run,
        "position": row.position,
        "suite": trial.suite,
        "case_id": trial.case,
        "candidate": trial.candidate,
        "repeat": trial.repeat,
        "outcome": row.result.outcome.value,
        "data": codec.dump_result(row.result),
    }


def _engine(url: str, busy_timeout_s: float) -> Engine:
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError as exc:
        message = f"{url!r} is no store; name a file, or an SQLAlchemy URL like sqlite:///path"
        raise StoreError(message) from exc
    if parsed.get_backend_name() == "sqlite":
        return _sqlite_engine(parsed, busy_timeout_s)
    if parsed.get_backend_name() != "postgresql":
        raise StoreError(f"store {_shown(url)}: only SQLite and PostgreSQL can be a store")
    try:
        return sa.create_engine(parsed, pool_pre_ping=True)
    except (sa.exc.SQLAlchemyError, ImportError) as exc:
        raise StoreError(f"store {_shown(url)} cannot be used: {exc}") from exc


def _sqlite_engine(url: sa.URL, busy_timeout_s: float) -> Engine:
    if url.database in (None, "", ":memory:"):
        raise StoreError("a store in memory keeps nothing; name a file, as in sqlite:///path")
    if "uri" not in url.query:
        folder = Path(url.database or "").parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise StoreError(f"store {url.database}: {exc.strerror}: {exc.filename}") from exc
    engine = sa.create_engine(url, connect_args={"timeout": busy_timeout_s})

    @sa.event.listens_for(engine, "connect")
    def _tune(connection: Any, _record: object) -> None:
        _write_ahead(connection, busy_timeout_s)
        connection.execute("PRAGMA synchronous=NORMAL")

    return engine


def _write_ahead(connection: Any, patience_s: float) -> None:
    """Switch to WAL; SQLite does not wait where two processes switch a new file at once."""
    until = time.monotonic() + patience_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(BUSY_PAUSE_S)
        else:
            return


def _create(connection: Connection) -> None:
    """Make the tables, unless another process that begins at the same moment has made them."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(ADVISORY_LOCK)))
    tables.create_all(connection)
    if _format(connection) is None:
        connection.execute(meta.insert().values(name="format", value=str(FORMAT)))


def _format(connection: Connection) -> str | None:
    found = connection.execute(sa.select(meta.c.value).where(meta.c.name == "format"))
    value: str | None = found.scalar()
    return value


def _check_format(connection: Connection, url: str) -> None:
    found = _format(connection)
    if found is None or not found.isdecimal():
        raise StoreError(f"store {_shown(url)} is not one of this harness; use another --store")
    if int(found) > FORMAT:
        raise StoreError(
            f"store {_shown(url)} has format {found}, and this version reads up to {FORMAT}; "
            "update claude-eval-harness, or name another store with --store"
        )


def _shown(url: str) -> str:
    """A file's path, or the URL without its password."""
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        return url
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        return parsed.database
    return parsed.render_as_string(hide_password=True)


def _said(exc: sa.exc.SQLAlchemyError) -> str:
    """What is wrong and the way out, from what the database said."""
    said = str(getattr(exc, "orig", None) or exc).strip()
    ways = {
        "locked": "another process has kept it locked; wait for that, or use another --store",
        "readonly": "it is read-only; make it writable, or use another --store",
        "is full": "the disk is full; free some space, then `harness resume`: what is in it stays",
        "disk I/O": "the disk refuses it; is it full? What is in the store stays",
        "unable to open": "the file cannot be opened; is its folder there and writable?",
        "not a database": "the file is no SQLite database; use another --store",
        "malformed": "the file is damaged; restore it from a copy, or use another --store",
    }
    way = next((way for mark, way in ways.items() if mark in said), None)
    return f"{said}: {way}" if way else said
