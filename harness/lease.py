"""One process at a time asks live for a run: two would ask, and pay for, the same things.

The lock is the operating system's, or PostgreSQL's: it goes with the process, however that ends.
"""

from __future__ import annotations

import hashlib
import os
import sys
from typing import TYPE_CHECKING

import sqlalchemy as sa

from harness.errors import UsageError
from harness.store import Store
from harness.tables import ADVISORY_LOCK

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

_files: dict[str, int] = {}
"""The open file of locks of each store: a process that closes one lets all of its locks go."""

_connections: dict[tuple[str, str], Connection] = {}
"""The connection that holds the lock of a run, where the store is PostgreSQL."""


def take(store: Store, run: str) -> None:
    """Have the run to the end of the process, or until `release`; this process may have it already.

    Raises UsageError where another process has it.
    """
    if store.engine.dialect.name == "sqlite":
        taken = _lock(_file(store), _number(run))
    else:
        taken = (store.url, run) in _connections or _connect(store, run)
    if not taken:
        raise UsageError(
            f"another process is asking for run {run}, and two would pay for the same answers; "
            "wait until it has ended, or end it"
        )


def release(store: Store, run: str) -> None:
    """Let the run go."""
    if store.engine.dialect.name == "sqlite":
        _unlock(_file(store), _number(run))
    elif (connection := _connections.pop((store.url, run), None)) is not None:
        connection.invalidate()  # the lock goes with the session
        connection.close()


def _number(run: str) -> int:
    """The place of the run's lock: two runs are most unlikely to share one."""
    return int.from_bytes(hashlib.sha256(run.encode()).digest()[:4]) >> 1


def _file(store: Store) -> int:
    """The file beside the database in which each run has a byte, which is never written."""
    with store.errors(), store.engine.connect() as connection:
        database = connection.exec_driver_sql("PRAGMA database_list").all()[0][2]
    path = f"{os.path.realpath(database)}-leases"
    if path not in _files:
        try:
            _files[path] = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise UsageError(f"{path} cannot be made: {error.strerror}") from error
    return _files[path]


def _connect(store: Store, run: str) -> bool:
    asked = sa.func.pg_try_advisory_lock(ADVISORY_LOCK, _number(run))
    with store.errors():
        connection = store.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        if not connection.scalar(sa.select(asked)):
            connection.close()
            return False
    _connections[store.url, run] = connection
    return True


if sys.platform == "win32":
    import msvcrt

    def _lock(file: int, place: int) -> bool:
        os.lseek(file, place, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(file: int, place: int) -> None:
        os.lseek(file, place, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(file: int, place: int) -> bool:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except OSError:
            return False
        return True

    def _unlock(file: int, place: int) -> None:
        fcntl.lockf(file, fcntl.LOCK_UN, 1, place)
