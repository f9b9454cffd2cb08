"""One process at a time asks live for a run: two would ask, and pay for, the same things.

A lease is a line in the store: who has the run, and when it was last heard of.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from harness.errors import RunStoppedError, StoreError, UsageError
from harness.owners import alive, owner
from harness.store import Store
from harness.tables import meta

SILENT_FOR = timedelta(minutes=1)
"""After that, a process on another machine has let its run go."""

RENEWED_EVERY_S = 10.0


def utc_now() -> datetime:
    """The time by this machine's clock."""
    return datetime.now(UTC)


class Lease:
    """The right to ask live for a run.

    `name` and `clock` are of the process that has it; it says every so many seconds that it lives.
    """

    def __init__(
        self,
        store: Store,
        run: str,
        *,
        name: str | None = None,
        clock: Callable[[], datetime] = utc_now,
        every_s: float = RENEWED_EVERY_S,
    ) -> None:
        self.store, self.run, self.clock, self.every_s = store, run, clock, every_s
        self.name = name or owner()
        self._row, self._value = f"lease {run}"[:50], ""

    def require_free(self) -> None:
        """Raise UsageError where another process has the run."""
        self._require_free(self._read())

    def take(self) -> None:
        """Have the run; raises UsageError where another process has it."""
        before = self._read()
        self._require_free(before)
        if (found := self._write(before)) != self._value:
            self._require_free(found)

    def renew(self) -> None:
        """Say that the run is still worked on; raises RunStoppedError where it was taken over."""
        found = self._write(self._value)
        if found != self._value:
            by = found.partition(" ")[0] or "nobody"
            raise RunStoppedError(f"process {by} has taken run {self.run} over")

    def release(self) -> None:
        """Let the run go."""
        own = (meta.c.name == self._row) & (meta.c.value == self._value)
        with self.store.errors(), self.store.engine.begin() as connection:
            connection.execute(meta.delete().where(own))

    async def keep(self, lost: Callable[[RunStoppedError], None]) -> None:
        """Renew until cancelled; `lost` is told where somebody has taken the run over."""
        while True:
            await asyncio.sleep(self.every_s)
            with contextlib.suppress(StoreError):  # the next time may go better
                try:
                    await asyncio.to_thread(self.renew)
                except RunStoppedError as error:
                    lost(error)
                    return

    def _read(self) -> str:
        query = sa.select(meta.c.value).where(meta.c.name == self._row)
        with self.store.errors(), self.store.engine.connect() as connection:
            return connection.scalar(query) or ""

    def _write(self, before: str) -> str:
        """Note that this process has the run, unless somebody did since `before`; what is noted."""
        self._value = f"{self.name} {self.clock().isoformat()}"
        new = self.store.insert(meta).values(name=self._row, value=self._value)
        new = new.on_conflict_do_update(
            index_elements=[meta.c.name], set_={"value": self._value}, where=meta.c.value == before
        )
        query = sa.select(meta.c.value).where(meta.c.name == self._row)
        with self.store.errors(), self.store.engine.begin() as connection:
            connection.execute(new)
            return connection.scalar(query) or ""

    def _require_free(self, noted: str) -> None:
        name, _, at = noted.partition(" ")
        if not at or name == self.name or not alive(name):
            return
        silent = self.clock() - datetime.fromisoformat(at)
        if silent > SILENT_FOR:
            return
        host, _, pid = name.rpartition(":")
        raise UsageError(
            f"process {pid} on {host} is asking for run {self.run}, and two would pay for the same "
            "answers; wait until it has ended, or end it"
        )
