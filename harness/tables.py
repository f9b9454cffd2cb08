"""The tables of a store: what a run asked for, what was answered, and how its trials ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

ADVISORY_LOCK = 0x6861726E
"""PostgreSQL's lock around making the tables; the number only has to be the same everywhere."""


class Blob(sa.LargeBinary):
    """Bytes as they are: both drivers take them, and wrapping each is felt."""

    def bind_processor(self, _dialect: sa.Dialect) -> None:
        """No processing."""

    def result_processor(self, _dialect: sa.Dialect, _coltype: object) -> None:
        """No processing."""


tables = sa.MetaData()
meta = sa.Table(
    "harness_meta",
    tables,
    sa.Column("name", sa.String(50), primary_key=True),
    sa.Column("value", sa.String(200), nullable=False),
)
answers = sa.Table(
    "harness_answers",
    tables,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("model", sa.String(200), nullable=False),
    sa.Column("answered_at", sa.String(40), nullable=False),
    sa.Column("run", sa.String(64), nullable=False),
    sa.Column("request", Blob, nullable=False),
    sa.Column("answer", Blob, nullable=False),
)
runs = sa.Table(
    "harness_runs",
    tables,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("started_at", sa.String(40), nullable=False, index=True),
    sa.Column("data", Blob, nullable=False),
)
results = sa.Table(
    "harness_results",
    tables,
    sa.Column("run", sa.String(64), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("suite", sa.String(200), nullable=False),
    sa.Column("case_id", sa.Text, nullable=False),
    sa.Column("candidate", sa.String(400), nullable=False),
    sa.Column("repeat", sa.Integer, nullable=False),
    sa.Column("outcome", sa.String(20), nullable=False),
    sa.Column("data", Blob, nullable=False),
)
spares = sa.Table(
    "harness_spares",
    tables,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("key", sa.String(64), nullable=False),
    sa.Column("run", sa.String(64), nullable=False, index=True),
    sa.Column("answer", Blob, nullable=False),
)
"""Answers that were paid for although there was one: two processes asked the same at one time.

Nothing uses them, but they were paid for. The table is made with the first.
"""


def make(connection: sa.Connection, *wanted: sa.Table) -> None:
    """Make these tables unless they are there, made by another process this very moment too."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(ADVISORY_LOCK)))
    for table in wanted:
        connection.execute(sa.schema.CreateTable(table, if_not_exists=True))
        for index in table.indexes:
            connection.execute(sa.schema.CreateIndex(index, if_not_exists=True))


class Many(NamedTuple):
    """A statement for many rows, as the driver takes it: `order` of its parameters, if unnamed.

    What SQLAlchemy does to each row takes thrice as long as what SQLite does. `fixed` are the
    values that stand in the statement.
    """

    sql: str
    order: Sequence[str] | None
    fixed: Mapping[str, Any]

    @classmethod
    def of(cls, statement: Any, dialect: sa.Dialect) -> Many:
        """The statement compiled."""
        compiled = statement.compile(dialect=dialect)
        return cls(str(compiled), compiled.positiontup, compiled.params)

    def execute(self, connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> int:
        """Execute it for each row; how many rows of the table it touched."""
        if rows[0].keys() != self.fixed.keys():
            rows = [{**self.fixed, **row} for row in rows]
        if self.order is None:
            return connection.exec_driver_sql(self.sql, list(rows)).rowcount
        values = [tuple(map(row.__getitem__, self.order)) for row in rows]
        return connection.exec_driver_sql(self.sql, values).rowcount
