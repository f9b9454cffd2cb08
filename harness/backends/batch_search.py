"""Batches of which nobody knows whether they exist: looked for at the API, then decided on.

A batch is decided on by one process: the one that creates it, or, when that is gone, the one that
claims it in the journal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from harness.backends.batch_calls import Calls
from harness.backends.batch_results import is_of
from harness.backends.owners import alive, owner
from harness.backends.wire import FaultError, UnreadableResultsError
from harness.errors import RunStoppedError
from harness.journal import Batch, Journal, State

if TYPE_CHECKING:
    from harness.backends.batch_api import Remote

LOOKS_FOR_LOST = 3
LOOK_AGAIN_S = 5.0
CLOCK_SKEW = timedelta(minutes=5)
CREATED_WITHIN = timedelta(minutes=15)
"""After that, a create has ended or will not be sent any more, whoever began it."""

ASKED_WITHIN = timedelta(hours=2)
"""After that, nobody waits for the live answer to a request any more."""

_under_way: set[tuple[str, int]] = set()
"""The batches that this process creates, looks for, or asks live."""


def mark(journal: Journal, batch: Batch) -> None:
    """Let nobody else in this process take the batch for abandoned, to the end of the process."""
    _under_way.add((journal.store.url, batch.number))


class Search:
    """Finds out what became of the batches that a journal has as intended."""

    def __init__(self, journal: Journal, calls: Calls) -> None:
        self.journal, self.calls = journal, calls

    @contextmanager
    def working_on(self, batch: Batch) -> Iterator[None]:
        """Let nobody else in this process take the batch for abandoned."""
        mark = (self.journal.store.url, batch.number)
        _under_way.add(mark)
        try:
            yield
        finally:
            _under_way.discard(mark)

    async def reconcile(self, open_: Sequence[Batch]) -> None:
        """Find out about batches whose creator is gone; let go what it was asking live."""
        if any(batch.state is State.INTENDED for batch in open_):
            await self._hear()
        for batch in open_:
            if batch.state is State.LIVE and self._abandoned(batch):
                self.journal.release(batch)
            if batch.state is State.INTENDED and self._abandoned(batch):
                claimed = self.journal.claim(batch, owner())
                if claimed is not None:
                    with self.working_on(claimed):
                        await self.find(claimed)

    async def _hear(self) -> None:
        """Hear the API's clock before anything is taken for old."""
        await self.calls.asked(self.calls.api.check, "the list of batches")

    def _abandoned(self, batch: Batch) -> bool:
        if (self.journal.store.url, batch.number) in _under_way:
            return False
        within = ASKED_WITHIN if batch.state is State.LIVE else CREATED_WITHIN
        return self.calls.api.now() - batch.intended_at > within or not alive(batch.owner)

    async def find(self, batch: Batch) -> bool:
        """Find out whether an intended batch exists: adopt it, or make its requests free again.

        Listed batches of the same size, created since, are its only candidates; one that has
        ended tells by its `custom_id`s. False where it does not exist. Raises RunStoppedError
        where that cannot decide.
        """
        pause = self.calls.waiting.short_s(LOOK_AGAIN_S)
        for look in range(LOOKS_FOR_LOST):
            sure, perhaps = await self._candidates(batch)
            rivals = self._rivals(batch)
            if sure or (len(perhaps) == 1 and not rivals):
                remote, *twice = sure or perhaps
                if not self.journal.submitted(batch, remote.id, remote.created_at):
                    return True  # somebody else has decided: the next look shows what
                await self._cancel(batch, twice)
                text = f"batch {remote.id} is the one that was intended; adopted"
                self.calls.audit.note("adopted", batch, text, adopted=remote.id)
                return True
            if perhaps and all(map(self._abandoned, rivals)):
                raise RunStoppedError(_undecided(batch, perhaps))
            if perhaps and look == LOOKS_FOR_LOST - 1:
                return True  # another process is creating one like it: the next look decides
            if look < LOOKS_FOR_LOST - 1:
                await self.calls.sleep(pause)
        self.journal.forget(batch)
        text = "the batch does not exist; its requests are sent again"
        self.calls.audit.note("absent", batch, text)
        return False

    async def _cancel(self, batch: Batch, twice: Sequence[Remote]) -> None:
        """Say that a batch was created more than once, and stop what can be stopped."""
        for remote in twice:
            done = "has ended and was paid for twice"
            if not remote.ended:
                id_ = remote.id
                await self.calls.asked(
                    lambda id_=id_: self.calls.api.cancel(id_),  # type: ignore[misc]
                    f"the cancellation of batch {id_}",
                )
                done = "is cancelled"
            text = f"warning: batch {remote.id} is the same batch once more, and {done}"
            self.calls.audit.note("duplicate", batch, text, duplicate=remote.id)

    def _rivals(self, batch: Batch) -> list[Batch]:
        """Others of the same size of which nobody knows yet whether they exist."""
        return [
            other
            for other in self.journal.all()
            if other.state is State.INTENDED
            and other.number != batch.number
            and other.requests == batch.requests
        ]

    async def _candidates(self, batch: Batch) -> tuple[list[Remote], list[Remote]]:
        """Batches that are this one, by their results; and those that may be."""
        since = batch.since - CLOCK_SKEW
        sure: list[Remote] = []
        perhaps: list[Remote] = []
        listed = await self.calls.asked(lambda: self.calls.api.since(since), "the list of batches")
        # Read after the list: what another process notes meanwhile is not taken for lost.
        known = {other.id for other in self.journal.all()}
        for remote in listed:
            if remote.id in known or remote.requests != batch.requests:
                continue
            its = await self._is_of(remote, batch) if remote.ended else None
            if its is None:
                perhaps.append(remote)
            elif its:
                sure.append(remote)
        return sure, perhaps

    async def _is_of(self, remote: Remote, batch: Batch) -> bool | None:
        """Whether its results are of this batch; `None` where they cannot be read."""
        try:
            return await self.calls.called(lambda: is_of(self.calls.api, remote, batch.prefix))
        except (FaultError, UnreadableResultsError):
            return None


def _undecided(batch: Batch, perhaps: Sequence[Remote]) -> str:
    ids = ", ".join(remote.id for remote in perhaps)
    return (
        f"any of the batches {ids} may be b{batch.number}, begun at {batch.intended_at:%H:%M:%S}; "
        "wait until they have ended, then resume: their custom_ids will tell. Or say which with "
        f"`harness batches adopt ID b{batch.number}`, or that none is with `harness batches forget "
        f"b{batch.number}`"
    )
