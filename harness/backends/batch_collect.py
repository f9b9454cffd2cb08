"""A batch that may have ended: looked at, downloaded, recorded, and only then let go.

What is in the results is recorded before anything else happens with it; what a batch did not
finish goes into the next wave, so many times and no more.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import IO, TYPE_CHECKING

from harness.backends.base import Keep
from harness.backends.batch_calls import AGAIN_S, Calls
from harness.backends.batch_results import Counted, Outcome, download, outcomes, pieces
from harness.backends.batch_search import Search
from harness.backends.owners import owner
from harness.backends.wire import Fault, FaultError
from harness.errors import RunStoppedError
from harness.journal import Batch, Journal
from harness.records import Answer, Bill, Missing

if TYPE_CHECKING:
    from harness.backends.batch_api import Remote

LOOKS = 20
DOWNLOADS = 5
RECORDED_AT_ONCE = 2000
MANY_FAILED = 0.1
MAX_TRIES = 3

Price = Callable[[Answer], Bill]


class Collector:
    """Takes what came of batches into the store, and notes what that cost by `price`.

    `tries` is how often a request is sent at most.
    """

    def __init__(
        self, journal: Journal, calls: Calls, keep: Keep, price: Price, tries: int = MAX_TRIES
    ) -> None:
        self.journal, self.calls, self.search = journal, calls, Search(journal, calls)
        self.keep, self.price, self.tries = keep, price, tries
        self.audit = calls.audit
        self._unheard = 0
        self._fatal: Fault | None = None

    async def look(self, batch: Batch) -> bool:
        """Whether the batch has ended; what came of it is recorded then.

        Raises RunStoppedError where its results cannot be had, or where they say that the API
        refuses to go on.
        """
        assert batch.id is not None
        id_ = batch.id
        try:
            remote = await self.calls.called(lambda: self.calls.api.retrieve(id_))
        except FaultError as error:
            self._unseen(batch, id_, error.fault)
            return False
        self._unheard = 0
        self.audit.note("polled", batch, status=remote.status)
        if remote.ended and remote.archived:
            raise RunStoppedError(
                f"the results of batch {id_} are archived: the API keeps them for 29 days; "
                f"`harness batches forget {id_}` has its requests sent again, and paid for again"
            )
        if remote.ended:
            self.audit.note("ended", batch)
            await self._collect(batch, remote)
        return remote.ended

    def _unseen(self, batch: Batch, id_: str, fault: Fault) -> None:
        """A batch that cannot be looked at: gone, or to be looked at later."""
        if fault.kind == "not_found_error":
            raise RunStoppedError(
                f"batch {id_} is not there: {fault.reason}; with the key of another workspace, "
                "use that of the one it was sent from; where somebody deleted it, `harness batches "
                f"forget {id_}` has its requests sent again, and paid for again"
            )
        self._unheard += 1
        if not fault.retry or self._unheard >= LOOKS:
            raise RunStoppedError(f"batch {id_}: {fault.reason}")
        text = f"batch {id_} cannot be looked at now: {fault.reason}"
        self.audit.note("unseen", batch, text, reason=fault.reason)

    async def _collect(self, batch: Batch, remote: Remote) -> None:
        with _unnamed_file() as file:
            counted = await self._download(batch, remote, file)
            self.audit.note("downloaded", batch, **counted._asdict())
            if counted.foreign and not counted.own:
                await self._hand_back(batch, remote)
                return
            if counted.broken and not counted.own:
                raise RunStoppedError(
                    f"none of the {counted.broken:,} results of batch {remote.id} can be read: "
                    "`harness resume` looks again; its requests are sent again, and paid for "
                    f"again, after `harness batches forget {remote.id} --force`"
                )
            file.seek(0)
            came, bill = self._record(batch, file)
        came += self._let_go(replace(batch, answered=came["succeeded"]), bill)
        text = f"batch {remote.id} has ended: {came['succeeded']} of {batch.requests} answered"
        if came["again"]:
            text += f", {came['again']} to be sent again"
        self.audit.note("recorded", batch, text, **came)
        failed = batch.requests - came["succeeded"]
        if failed > MANY_FAILED * batch.requests:
            text = f"warning: {failed} of {batch.requests} requests of batch {remote.id} failed"
            self.audit.note("warned", batch, text, failed=failed)
        if self._fatal is not None:
            raise RunStoppedError(f"the API refuses to go on: {self._fatal.reason}")

    async def _hand_back(self, batch: Batch, remote: Remote) -> None:
        """The batch was taken for another one's, by its size: look for the right one."""
        text = f"batch {remote.id} is not the one that was intended: its custom_ids are others"
        self.audit.note("handed_back", batch, text)
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
                self.audit.note("broken_download", batch, reason=error.fault.reason)
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

    def _record(self, batch: Batch, file: IO[bytes]) -> tuple[Counter[str], Bill]:
        """Commit the answers piece by piece, in whatever order they come; what there was, and the
        bill of all answers in the batch, those included that were committed before."""
        came, bill, others = Counter[str](), Bill(), 0
        for lines in pieces(file, RECORDED_AT_ONCE):
            found = outcomes(lines, batch, simulated=self.calls.api.simulated)
            said = {k: one.said for k, one in found.items() if isinstance(one.said, Answer)}
            others += len(found) - len(said)
            requests = self.journal.requests_of(batch, said)
            self.keep.keep_all([(key, requests[key], said[key]) for key in requests])
            self.journal.settle(batch, done=requests)
            bill = sum(map(self.price, said.values()), bill)
            came.update(answered=len(requests), succeeded=len(said))
        if others:
            file.seek(0)
            came += self._record_failures(batch, file)
        return came, bill

    def _record_failures(self, batch: Batch, file: IO[bytes]) -> Counter[str]:
        """Settle what has no answer anywhere in the results."""
        tries, came = self.journal.tries(batch), Counter[str]()
        for lines in pieces(file, RECORDED_AT_ONCE):
            found = outcomes(lines, batch, simulated=self.calls.api.simulated)
            came += self._settle(batch, {k: found[k] for k in found if k in tries}, tries)
        return came

    def _settle(
        self, batch: Batch, found: Mapping[str, Outcome], tries: Mapping[str, int]
    ) -> Counter[str]:
        again, spared, refused = [], [], []
        for key, outcome in found.items():
            self._fatal = self._fatal or outcome.fatal
            if isinstance(outcome.said, Answer):
                continue
            if outcome.fatal:
                spared.append(key)
            elif outcome.again and tries.get(key, 0) + 1 < self.tries:
                again.append(key)
            else:
                refused.append((key, outcome.said))
        self.journal.settle(batch, again=again, refused=refused)
        self.journal.settle(batch, again=spared, tried=False)
        return Counter(again=len(again) + len(spared), given_up=len(refused))

    def _let_go(self, batch: Batch, bill: Bill) -> Counter[str]:
        """The batch is over; requests of which nothing came go into the next wave."""
        tries = self.journal.tries(batch)
        if tries:
            text = (
                f"warning: batch {batch.id} has no result that can be read for {len(tries):,} of "
                f"its {batch.requests:,} requests; they may have been paid for, and are sent again"
            )
            self.audit.note("lost_results", batch, text, lost=len(tries))
            self.keep.lost(tries)
        missing = Missing("missing_line", f"batch {batch.id} has no readable result for it")
        outcome = Outcome(missing, again=True)
        came = self._settle(batch, dict.fromkeys(tries, outcome), tries)
        self.journal.recorded(batch, self.calls.api.now(), bill)
        return came


@contextmanager
def _unnamed_file() -> Iterator[IO[bytes]]:
    """A temporary file; RunStoppedError where the disk has no room for what is written to it."""
    try:
        with tempfile.TemporaryFile() as file:
            yield file
    except OSError as error:
        raise RunStoppedError(
            f"the results of a batch cannot be written to {tempfile.gettempdir()}: "
            f"{error.strerror}; make room, or set TMPDIR, then `harness resume` fetches them"
        ) from error
