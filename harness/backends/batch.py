"""Answers by Message Batches: requests are held until every trial waits, then sent as one wave.

The journal says what is sent before it is sent, and what became of it; nothing is sent again until
it is known that it was not sent before. Results are recorded as they are read, and only then does
a trial see them: it is run again, and finds its answers in the store.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

from harness.backends.base import Keep
from harness.backends.batch_calls import AGAIN_S, Calls, Waiting
from harness.backends.batch_results import AGAIN, Counted, Outcome, download, outcomes, pieces
from harness.backends.batch_search import Search, alive, owner
from harness.backends.wire import Fault, FaultError, UnknownOutcomeError
from harness.errors import AnswerMissingError, PendingAnswerError, RunStoppedError
from harness.journal import Batch, Journal, Limits, State
from harness.records import Answer, Missing, Request

if TYPE_CHECKING:
    from harness.backends.batch_api import Remote
    from harness.backends.client import Client

__all__ = ["BatchBackend", "Waiting", "alive", "owner", "place"]

MAX_TRIES = 3
CREATES = 6
LOOKS = 20
DOWNLOADS = 5
SENT_WITHIN = timedelta(minutes=4)
RECORDED_AT_ONCE = 500
NOTED_AT_ONCE = 2000
MANY_FAILED = 0.1
UNFIT = frozenset({"invalid_request_error", "request_too_large", "http_413"})


def place(base_url: str | None) -> str:
    """The API that a URL leads to, as the journal names it: no path, no credentials."""
    return urlsplit(base_url or "https://api.anthropic.com").netloc.rpartition("@")[2]


class BatchBackend:
    """Notes what is asked, and sends it when it is told that every trial waits."""

    def __init__(
        self,
        connect: Callable[[], Client],
        journal: Journal,
        run: str,
        *,
        waiting: Waiting | None = None,
        limits: Limits | None = None,
        tell: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self.journal, self.run = journal, run
        self.calls = Calls(connect, waiting or Waiting(), tell)
        self.search = Search(journal, self.calls)
        self.keep: Keep | None = None
        self.limits, self.tell = limits or Limits(), tell
        self._noted: dict[str, Request] = {}
        self._keys: list[str] = []
        self._gone: dict[str, Missing] = {}
        self._created: set[str] = set()
        self._refusals = self._unheard = 0
        self._fatal: Fault | None = None
        self._settled = True

    def record_with(self, keep: Keep, /) -> None:
        """Commit the answers of batches with `keep`."""
        self.keep = keep

    def stop(self) -> None:
        """Wait no longer; batches go on at the API, and are collected by a resumed run."""
        self.calls.stopped.set()

    async def close(self) -> None:
        """Close the connections, and forget what is not needed any more."""
        if self._settled and not self._noted and not self._keys and not self.calls.stopped.is_set():
            self._tidy()
        await self.calls.close()

    async def answer(self, request: Request, key: str, /) -> Answer:
        """Always raises: PendingAnswerError, or AnswerMissingError where a batch gave none."""
        if key in self._gone:
            raise AnswerMissingError(self._gone[key])
        self._noted[key] = request
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
        await self._send(keys)
        numbers = {batch.number for batch in self.journal.open_for(keys)}
        while open_ := self.journal.still_open(numbers):
            ended = [await self._look(batch) for batch in open_ if batch.id]
            if not all(ended) or len(ended) < len(open_):
                await self._pause(open_)
                await self.search.reconcile(self.journal.still_open(numbers))
        self._gone |= self.journal.given_up(keys)
        self._settled = True

    def _unanswered(self, keys: list[str]) -> list[str]:
        """Without those that another process has had answered since they were looked up."""
        assert self.keep is not None
        kept = self.keep.kept(keys)
        self.journal.drop(kept)
        return [key for key in keys if key not in kept]

    def _tidy(self) -> None:
        """The run has its results: clear what a kill between two commits left in the journal."""
        assert self.keep is not None
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
        if not self.journal.free(keys):
            return
        try:
            await self.calls.called(self.calls.api.check)
        except FaultError as error:
            raise RunStoppedError(f"no batch can be created: {error.fault.reason}") from error
        while new := self.journal.intend(
            self.run, keys, self.limits, owner(), self.calls.api.now()
        ):
            with self.search.working_on(new):
                await self._submit(new)

    async def _submit(self, batch: Batch) -> None:
        """Create the batch; where nobody knows whether that worked, look for it first."""
        if self.calls.api.now() - batch.intended_at > SENT_WITHIN:
            self.journal.forget(batch)  # this process slept; others may have decided meanwhile
            return
        try:
            remote = await self.calls.api.create(batch.prefix, self.journal.requests(batch))
        except UnknownOutcomeError as error:
            self.tell(f"the API did not say whether batch {batch.prefix} exists: {error}")
            if not await self.search.find(batch):
                await self._try_again(str(error), None)
        except FaultError as error:
            await self._refused(batch, error.fault)
        else:
            self._refusals = 0
            await self._adopted(batch, remote)
            self.tell(f"batch {remote.id}: {batch.requests} requests")

    async def _adopted(self, batch: Batch, remote: Remote) -> None:
        """Note the batch's id, or cancel it where its requests are in another one by now."""
        self._created.add(remote.id)
        if self.journal.submitted(batch, remote.id):
            return
        if remote.id not in {other.id for other in self.journal.all()}:
            await self.calls.called(lambda: self.calls.api.cancel(remote.id))
            self.tell(f"batch {remote.id} was created twice, and is cancelled")

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
            raise RunStoppedError(f"the API refuses the batch: {fault.reason}")

    async def _try_again(self, reason: str, retry_after_s: float | None) -> None:
        self._refusals += 1
        if self._refusals >= CREATES:
            raise RunStoppedError(f"no batch could be created: {reason}")
        wait = self.calls.waiting.next_s(0) * 2 ** (self._refusals - 1)
        await self.calls.sleep(retry_after_s or min(wait, self.calls.waiting.longest_s))

    async def _look(self, batch: Batch) -> bool:
        """Whether the batch has ended; what came of it is recorded then."""
        assert batch.id is not None
        id_ = batch.id
        try:
            remote = await self.calls.called(lambda: self.calls.api.retrieve(id_))
        except FaultError as error:
            return self._unseen(batch, id_, error.fault)
        self._unheard = 0
        if remote.ended and remote.archived:
            gone = Missing("batch_archived", f"the results of batch {id_} are archived")
            self._let_go(batch, gone)
        elif remote.ended:
            await self._collect(batch, remote)
        return remote.ended

    def _unseen(self, batch: Batch, id_: str, fault: Fault) -> bool:
        """A batch that cannot be looked at: gone, or to be looked at later."""
        if fault.kind == "not_found_error":
            if id_ not in self._created:
                raise RunStoppedError(
                    f"batch {id_} is not there: {fault.reason}; with the key of another workspace, "
                    f"use that of the one it was sent from; where it was deleted, `harness batches "
                    f"forget {id_}` has its requests sent again"
                )
            gone = Missing("batch_gone", f"batch {id_} is not there any more: {fault.reason}")
            self._let_go(batch, gone)
            return True
        self._unheard += 1
        if not fault.retry or self._unheard >= LOOKS:
            raise RunStoppedError(f"batch {id_}: {fault.reason}")
        self.tell(f"batch {id_} cannot be looked at now: {fault.reason}")
        return False

    async def _collect(self, batch: Batch, remote: Remote) -> None:
        """Download the results, record them, and only then let the batch go."""
        with tempfile.TemporaryFile() as file:
            counted = await self._download(batch, remote, file)
            if counted.foreign and not counted.own:
                await self._hand_back(batch, remote)
                return
            file.seek(0)
            answered = self._record(batch, file)
        self._let_go(batch, Missing("missing_line", f"batch {remote.id} has no result for it"))
        self.tell(f"batch {remote.id} has ended: {answered} of {batch.requests} answered")
        if self._fatal is not None:
            raise RunStoppedError(f"the API refuses to go on: {self._fatal.reason}")

    async def _hand_back(self, batch: Batch, remote: Remote) -> None:
        """The batch was taken for another one's, by its size: look for the right one."""
        self.tell(f"batch {remote.id} is not the one that was intended: its custom_ids are others")
        intended = self.journal.handed_back(batch, owner())
        if intended is not None:
            with self.search.working_on(intended):
                await self.search.find(intended)

    async def _download(self, batch: Batch, remote: Remote, file: IO[bytes]) -> Counted:
        """Every line to disk; what breaks off is begun again, and so is what has too few lines.

        Lines that are not there twice are not there.
        """
        before: Counted | None = None
        for attempt in range(1, DOWNLOADS + 1):
            try:
                counted = await download(self.calls.api, remote, batch.prefix, file)
            except FaultError as error:
                if attempt == DOWNLOADS or not error.fault.retry:
                    raise RunStoppedError(
                        f"the results of batch {remote.id} cannot be downloaded: {error}; they "
                        "stay at the API for 29 days, and `harness resume` fetches them"
                    ) from error
            else:
                if counted.own >= batch.requests or counted == before:
                    return counted
                before = counted
            await self.calls.sleep(self.calls.waiting.short_s(AGAIN_S * attempt))
        raise RunStoppedError(f"the results of batch {remote.id} are never the same; resume later")

    def _record(self, batch: Batch, file: IO[bytes]) -> int:
        """Commit the answers piece by piece, in whatever order they come; how many there were."""
        assert self.keep is not None
        tries, seen, failed = self.journal.tries(batch), 0, 0
        for lines in pieces(file, RECORDED_AT_ONCE):
            found = outcomes(lines, batch.prefix, simulated=self.calls.api.simulated)
            requests = self.journal.requests_of(batch, found)
            answered = [
                (key, requests[key], outcome.said)
                for key, outcome in found.items()
                if key in requests and isinstance(outcome.said, Answer)
            ]
            self.keep.keep_all(answered)
            self._settle(batch, found, tries)
            seen += len(answered)
            failed += sum(isinstance(outcome.said, Missing) for outcome in found.values())
        if failed > MANY_FAILED * batch.requests:
            self.tell(f"warning: {failed} of {batch.requests} requests of {batch.id} failed")
        return seen

    def _settle(self, batch: Batch, found: Mapping[str, Outcome], tries: Mapping[str, int]) -> None:
        done, again, refused = [], [], []
        for key, outcome in found.items():
            self._fatal = self._fatal or outcome.fatal
            if isinstance(outcome.said, Answer):
                done.append(key)
            elif outcome.fatal or (outcome.again and tries.get(key, 0) + 1 < MAX_TRIES):
                again.append(key)
            else:
                refused.append((key, outcome.said))
        self.journal.settle(batch, done, again, refused)

    def _let_go(self, batch: Batch, missing: Missing) -> None:
        """The batch is over; requests of which nothing came go into the next wave."""
        tries = self.journal.tries(batch)
        outcome = Outcome(missing, again=missing.kind in AGAIN)
        self._settle(batch, dict.fromkeys(tries, outcome), tries)
        self.journal.recorded(batch)

    async def _pause(self, open_: Sequence[Batch]) -> None:
        """Wait for the next look, or give up where nobody waits."""
        if not self.calls.waiting.wait:
            ids = ", ".join(batch.id or "(being created)" for batch in open_)
            raise PendingAnswerError(f"still processing: {ids}")
        now = datetime.now(UTC)
        ages = [
            (now - (batch.submitted_at or batch.intended_at)).total_seconds() for batch in open_
        ]
        await self.calls.sleep(min(self.calls.waiting.next_s(age) for age in ages))
