"""Answers by Message Batches: requests are held until every trial waits, then sent as one wave.

The journal says what is sent before it is sent, and what became of it; nothing is sent again until
it is known that it was not sent before. Results are recorded as they are read, and only then does
a trial see them: it is run again, and finds its answers in the store.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from harness.backends.base import Backend, Keep, Waited
from harness.backends.batch_aside import Aside
from harness.backends.batch_audit import Audit
from harness.backends.batch_calls import Calls, Waiting, require_patience
from harness.backends.batch_collect import MAX_TRIES, Collector, Price
from harness.backends.batch_search import Search
from harness.backends.owners import owner
from harness.backends.wire import Fault, FaultError, UnknownOutcomeError
from harness.errors import (
    AnswerMissingError,
    InterruptedRunError,
    PendingAnswerError,
    RunStoppedError,
)
from harness.journal import Batch, Journal, Limits, State
from harness.records import Answer, Missing, Request

if TYPE_CHECKING:
    from harness.backends.batch_api import Remote
    from harness.backends.client import Client

__all__ = ["MAX_TRIES", "Audit", "BatchBackend", "BatchOptions", "Waiting"]

CREATES = 6
LIFE_S = 24 * 3600.0
"""How long the API works on a batch."""
SENT_WITHIN = timedelta(minutes=4)
NOTED_AT_ONCE = 2000
UNFIT = frozenset({"invalid_request_error", "request_too_large", "http_413"})


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """How batches are made and waited for: their size, how often a request is sent, what goes live.

    `price` tells what an answer costs. `dry_run_first` is `None` where a wave's size decides.
    """

    price: Price
    limits: Limits = field(default_factory=Limits)
    waiting: Waiting = field(default_factory=Waiting)
    tries: int = MAX_TRIES
    stragglers_live: bool = False
    dry_run_first: bool | None = None


class BatchBackend:
    """Notes what is asked, and sends it when it is told that every trial waits.

    `live` answers what is better not asked in a batch.
    """

    def __init__(
        self,
        connect: Callable[[], Client],
        live: Backend,
        journal: Journal,
        run: str,
        options: BatchOptions,
        *,
        audit: Audit | None = None,
    ) -> None:
        self.journal, self.run, self.live = journal, run, live
        self.options, self.audit = options, audit or Audit()
        self.calls = Calls(connect, self.options.waiting, self.audit)
        self.search = Search(journal, self.calls)
        self.aside = Aside(live, journal, self.options, run, self.calls)
        self._noted: dict[str, Request] = {}
        self._keys: list[str] = []
        self._gone: dict[str, Missing] = {}
        self._told: set[str] = set()
        self._refusals = 0
        self._settled = True

    def record_with(self, keep: Keep, /) -> None:
        """Commit the answers of batches with `keep`."""
        self.keep = keep
        self.collector = Collector(
            self.journal, self.calls, keep, self.options.price, self.options.tries
        )

    def stop(self) -> None:
        """Wait no longer; batches go on at the API, and are collected by a resumed run."""
        self.calls.stopped.set()
        self.live.stop()

    def trouble(self) -> str:
        """Of what is asked live."""
        return self.live.trouble()

    def paces(self) -> Sequence[object]:
        """Of what is asked live."""
        return self.live.paces()

    async def close(self) -> None:
        """Close the connections, and forget what is not needed any more."""
        self.aside.release()
        if self._settled and not self._noted and not self._keys and not self.calls.stopped.is_set():
            self._tidy()
        await self.calls.close()
        await self.live.close()

    async def answer(self, request: Request, key: str, /) -> Answer:
        """A straggler's answer, where these are asked live; all others are noted for a batch.

        Raises PendingAnswerError, or AnswerMissingError where a batch gave none.
        """
        if key in self._gone:
            raise AnswerMissingError(self._gone[key])
        if self.aside.is_late(key):
            return await self.aside.straggler(key, request, self.keep)
        self._noted[key] = request
        self.aside.seen(key, request)
        if len(self._noted) >= NOTED_AT_ONCE:
            await self._flush()
        raise PendingAnswerError("the answer waits for a batch")

    async def wave(self) -> None:
        """Send what was noted, and record what comes of it; raises PendingAnswerError where a
        batch is still processing and nobody wants to wait."""
        self._settled = False
        await self._flush()
        keys, self._keys = self._keys, []
        keys = self._unanswered(keys)
        self._gone |= self.journal.given_up(keys)
        await self.search.reconcile(self.journal.open_for(keys))
        keys = self.aside.without_late(keys)
        await self._send(keys)
        numbers = {batch.number for batch in self.journal.open_for(keys)}
        while open_ := self.journal.still_open(numbers):
            if not await self._all_ended(open_):
                await self._pause(self.journal.still_open(numbers))
                await self.search.reconcile(self.journal.still_open(numbers))
        self._gone |= self.journal.given_up(keys)
        self._settled = True

    async def _all_ended(self, open_: Sequence[Batch]) -> bool:
        """Look at each batch; one whose results cannot be had does not keep those of the others.

        Raises RunStoppedError where there is such a one, when all have been looked at.
        """
        ended, stopped = 0, None
        for batch in open_:
            try:
                ended += bool(batch.id) and await self.collector.look(batch)
            except InterruptedRunError:
                raise
            except RunStoppedError as error:
                stopped = stopped or error
        if stopped is not None:
            raise stopped
        return ended == len(open_)

    def _unanswered(self, keys: list[str]) -> list[str]:
        """Without those that another process has had answered since they were looked up."""
        kept = self.keep.kept(keys)
        self.journal.drop(kept)
        return [key for key in keys if key not in kept]

    def _tidy(self) -> None:
        """The run has its results: clear what a kill between two commits left in the journal."""
        for batch in self.journal.all(self.run):
            if batch.state is State.SUBMITTED:
                keys = self.journal.tries(batch)
                self.journal.settle(batch, done=self.keep.kept(keys))
                if not self.journal.tries(batch):
                    self.journal.recorded(batch)
        self.journal.clear(self.run)

    async def _flush(self) -> None:
        noted, self._noted = self._noted, {}
        self._keys += noted
        await asyncio.to_thread(self.journal.want, self.run, list(noted.items()))

    async def _send(self, keys: Sequence[str]) -> None:
        """Create batches until none of the requests is free."""
        if not (free := self.journal.free(keys)):
            return
        try:
            await self.calls.called(self.calls.api.check)
        except FaultError as error:
            raise RunStoppedError(f"no batch can be created: {error.fault.reason}") from error
        await self.aside.probe(free, self.keep)
        while new := self.journal.intend(
            self.run, self.affordable(keys), self.options.limits, owner(), self.calls.api.now()
        ):
            if self.calls.stopped.is_set():
                self.journal.forget(new)
                raise InterruptedRunError("interrupted; its batches go on at the API")
            self.audit.note("intended", new, bytes=new.bytes)
            with self.search.working_on(new):
                await self._submit(new)

    def affordable(self, keys: Sequence[str]) -> Sequence[str]:
        """Those of the requests that may be sent now: all, where there is no budget."""
        return keys

    async def _submit(self, batch: Batch) -> None:
        """Create the batch; where nobody knows whether that worked, look for it first."""
        if self.calls.api.now() - batch.intended_at > SENT_WITHIN:
            self.journal.forget(batch)  # this process slept; others may have decided meanwhile
            self.audit.note("forgotten", batch, reason="the process slept before it was sent")
            return
        try:
            remote = await self.calls.api.create(batch.prefix, self.journal.requests(batch))
        except UnknownOutcomeError as error:
            text = f"the API did not say whether batch {batch.prefix} exists: {error}"
            self.audit.note("unknown", batch, text, reason=str(error))
            if not await self.search.find(batch):
                await self._try_again(str(error), None)
        except FaultError as error:
            self.audit.note("refused", batch, reason=error.fault.reason)
            await self._refused(batch, error.fault)
        else:
            self._refusals = 0
            await self._adopted(batch, remote)

    async def _adopted(self, batch: Batch, remote: Remote) -> None:
        """Note the batch's id, or cancel it where its requests are in another one by now."""
        if self.journal.submitted(batch, remote.id, self.calls.api.now()):
            counted = f"{batch.requests:,} request{'s' * (batch.requests != 1)}"
            self.audit.note("created", batch, f"batch {remote.id}: {counted}", created=remote.id)
        elif remote.id not in {other.id for other in self.journal.all()}:
            await self.calls.asked(
                lambda: self.calls.api.cancel(remote.id),
                f"the cancellation of batch {remote.id}, which is there twice,",
            )
            text = f"batch {remote.id} was created twice, and is cancelled"
            self.audit.note("canceled", batch, text, canceled=remote.id)

    async def _refused(self, batch: Batch, fault: Fault) -> None:
        """A create that was refused: give up on the request, stop, or wait where that helps."""
        if batch.requests == 1 and fault.kind in UNFIT and not fault.fatal:
            missing = Missing(fault.kind, fault.reason, fault.request_id)
            keys = self.journal.tries(batch)
            self.journal.settle(batch, refused=[(key, missing) for key in keys])
        self.journal.forget(batch)
        if fault.retry:
            await self._try_again(fault.reason, fault.retry_after_s)
        elif batch.requests > 1 or fault.fatal or fault.kind not in UNFIT:
            smaller = (
                "; --batch-requests or --batch-mb make it smaller" if fault.kind in UNFIT else ""
            )
            raise RunStoppedError(f"the API refuses the batch: {fault.reason}{smaller}")

    async def _try_again(self, reason: str, retry_after_s: float | None) -> None:
        self._refusals += 1
        if self._refusals >= CREATES:
            raise RunStoppedError(f"no batch could be created: {reason}")
        require_patience(retry_after_s, reason)
        wait = self.calls.waiting.next_s(0) * 2 ** (self._refusals - 1)
        await self.calls.sleep(retry_after_s or min(wait, self.calls.waiting.longest_s))

    async def _pause(self, open_: Sequence[Batch]) -> None:
        """Wait for the next look, or give up where nobody waits."""
        now = self.calls.api.now()
        ages = [
            max(0.0, (now - (batch.submitted_at or batch.intended_at)).total_seconds())
            for batch in open_
        ]
        self.audit.show(
            [
                Waited(
                    batch.id or "", batch.requests, batch.state.value, age, max(0.0, LIFE_S - age)
                )
                for batch, age in zip(open_, ages, strict=True)
            ]
        )
        if strangers := {batch.run for batch in open_} - {self.run} - self._told:
            self._told |= strangers
            named = ", ".join(sorted(strangers))
            self.audit.tell(f"some answers are in batches of run {named}, and are waited for")
        if not self.calls.waiting.wait:
            ids = ", ".join(batch.id or "(being created)" for batch in open_)
            raise PendingAnswerError(f"still processing: {ids}")
        await self.calls.sleep(min(map(self.calls.waiting.next_s, ages), default=0.0))
