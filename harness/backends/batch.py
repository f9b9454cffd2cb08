"""Answers by Message Batches: requests are held until every trial waits, then sent as one wave.

The journal says what is sent before it is sent, and what became of it; nothing is sent again until
it is known that it was not sent before. Results are recorded as they are read, and only then does
a trial see them: it is run again, and finds its answers in the store.
"""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any, TypeVar

import orjson

from harness.backends.base import Keep
from harness.backends.wire import (
    SIMULATED_HEADER,
    Fault,
    FaultError,
    UnknownOutcomeError,
    answer_of,
    error_fault,
)
from harness.errors import AnswerMissingError, PendingAnswerError, RunStoppedError
from harness.journal import Batch, Journal, Limits, State
from harness.records import Answer, Missing, Request

if TYPE_CHECKING:
    from harness.backends.batch_api import BatchApi, Remote
    from harness.backends.client import Client

T = TypeVar("T")

MAX_TRIES = 3
CALLS = 6
DOWNLOADS = 5
DOWNLOAD_AGAIN_S = 2.0
LOOKS_FOR_LOST = 3
LOOK_AGAIN_S = 5.0
CLOCK_SKEW = timedelta(minutes=5)
RECORDED_AT_ONCE = 500
NOTED_AT_ONCE = 2000
TRANSIENT = frozenset(
    {
        "missing_line",
        "batch_gone",
        "batch_archived",
        "api_error",
        "overloaded_error",
        "timeout_error",
        "rate_limit_error",
        "expired",
        "canceled",
    }
)


def owner() -> str:
    """This process, as other processes on this machine can look for it."""
    return f"{socket.gethostname()}:{os.getpid()}"


def alive(name: str) -> bool:
    """The process may still be at work; one on another machine may."""
    host, _, pid = name.rpartition(":")
    if host != socket.gethostname() or not pid.isdecimal():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return int(pid) != os.getpid()


@dataclass(frozen=True, slots=True)
class Waiting:
    """Whether to wait for a batch, and how long between two looks at it.

    Seconds: `first_s`, growing with the batch's age to `longest_s`, or always `fixed_s`.
    """

    wait: bool = True
    fixed_s: float | None = None
    first_s: float = 10.0
    longest_s: float = 300.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def next_s(self, age_s: float) -> float:
        """How long to wait before looking again at a batch of this age."""
        if self.fixed_s is not None:
            return self.fixed_s
        return min(max(self.first_s, age_s / 10), self.longest_s)


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
        self.connect, self.journal, self.run = connect, journal, run
        self.keep: Keep | None = None
        self.waiting, self.limits, self.tell = waiting or Waiting(), limits or Limits(), tell
        self._noted: dict[str, Request] = {}
        self._keys: list[str] = []
        self._gone: dict[str, Missing] = {}
        self._refusals = 0
        self._fatal: Fault | None = None
        self._stopped = asyncio.Event()

    def record_with(self, keep: Keep, /) -> None:
        """Commit the answers of batches with `keep`."""
        self.keep = keep

    def stop(self) -> None:
        """Wait no longer; batches go on at the API, and are collected by a resumed run."""
        self._stopped.set()

    async def close(self) -> None:
        """Close the connections."""
        if "api" in self.__dict__:
            await self.api.client.close()

    @cached_property
    def api(self) -> BatchApi:
        """The API, connected to when there is something to ask it."""
        from harness.backends.batch_api import BatchApi

        return BatchApi(self.connect())

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
        await self._flush()
        keys, self._keys = self._keys, []
        self._gone |= self.journal.given_up(keys)
        for batch in self._open(keys):
            if batch.state is State.INTENDED and not alive(batch.owner):
                await self._find(batch)
        while (new := self.journal.intend(self.run, keys, self.limits, owner())) is not None:
            await self._submit(new)
        while open_ := self._open(keys):
            ended = [await self._look(batch) for batch in open_ if batch.id]
            if not all(ended) or len(ended) < len(open_):
                await self._pause(open_)
        self._gone |= self.journal.given_up(keys)

    def _open(self, keys: Sequence[str]) -> list[Batch]:
        states = (State.INTENDED, State.SUBMITTED)
        return [batch for batch in self.journal.open_for(keys) if batch.state in states]

    async def _flush(self) -> None:
        noted, self._noted = self._noted, {}
        self._keys += noted
        await asyncio.to_thread(self.journal.want, self.run, list(noted.items()))

    async def _submit(self, batch: Batch) -> None:
        """Create the batch; where nobody knows whether that worked, look for it first."""
        try:
            remote = await self.api.create(batch.prefix, self.journal.requests(batch))
        except UnknownOutcomeError as error:
            self.tell(f"the API did not say whether batch {batch.prefix} exists: {error}")
            await self._find(batch)
        except FaultError as error:
            self.journal.forget(batch)
            await self._refused(error.fault)
        else:
            self.journal.submitted(batch, remote.id)
            self.tell(f"batch {remote.id}: {batch.requests} requests")

    async def _refused(self, fault: Fault) -> None:
        """A create that was refused: stop, or wait where waiting helps."""
        if not fault.retry:
            raise RunStoppedError(f"the API refuses the batch: {fault.reason}")
        self._refusals += 1
        if self._refusals > MAX_TRIES:
            raise RunStoppedError(f"no batch could be created: {fault.reason}")
        await self._sleep(fault.retry_after_s or self.waiting.first_s)

    async def _find(self, batch: Batch) -> None:
        """Find out whether an intended batch exists: adopt it, or make its requests free again.

        Listed batches of the same size, created since, are its only candidates; one that has
        ended tells by its first `custom_id`. Raises RunStoppedError where that cannot decide.
        """
        for look in range(LOOKS_FOR_LOST):
            found = [remote async for remote in self._candidates(batch)]
            if len(found) == 1:
                self.journal.submitted(batch, found[0].id)
                self.tell(f"batch {found[0].id} is the one that was intended; adopted")
                return
            if found:
                ids = ", ".join(remote.id for remote in found)
                raise RunStoppedError(
                    f"any of the batches {ids} may be the one that was begun at "
                    f"{batch.intended_at:%H:%M:%S}; wait until they have ended, then resume: their "
                    "custom_ids will tell"
                )
            if look < LOOKS_FOR_LOST - 1:
                await self._sleep(LOOK_AGAIN_S)
        self.journal.forget(batch)
        self.tell("the batch does not exist; its requests are sent again")

    async def _candidates(self, batch: Batch) -> AsyncIterator[Remote]:
        known = {other.id for other in self.journal.all()}
        since = batch.intended_at - CLOCK_SKEW
        for remote in await self._called(lambda: self.api.since(since)):
            if remote.id in known or remote.requests != batch.requests:
                continue
            if not remote.ended or await self._begins_with(remote, batch.prefix):
                yield remote

    async def _begins_with(self, remote: Remote, prefix: str) -> bool:
        async for line in self.api.lines(remote):
            return str(orjson.loads(line).get("custom_id", "")).startswith(prefix)
        return False

    async def _look(self, batch: Batch) -> bool:
        """Whether the batch has ended; what came of it is recorded then."""
        assert batch.id is not None
        id_ = batch.id
        try:
            remote = await self._called(lambda: self.api.retrieve(id_))
        except FaultError as error:
            if error.fault.kind != "not_found_error":
                raise RunStoppedError(f"batch {id_}: {error.fault.reason}") from error
            gone = Missing("batch_gone", f"batch {id_} is not there any more: {error.fault.reason}")
            self._let_go(batch, gone)
            return True
        if remote.ended and remote.archived:
            gone = Missing("batch_archived", f"the results of batch {id_} are archived")
            self._let_go(batch, gone)
        elif remote.ended:
            await self._collect(batch, remote)
        return remote.ended

    async def _collect(self, batch: Batch, remote: Remote) -> None:
        """Download the results, record them, and only then let the batch go."""
        with tempfile.TemporaryFile() as file:
            await self._download(batch, remote, file)
            file.seek(0)
            answered = self._record(batch, file)
        self._let_go(batch, Missing("missing_line", f"batch {remote.id} has no result for it"))
        self.tell(f"batch {remote.id} has ended: {answered} of {batch.requests} answered")
        if self._fatal is not None:
            raise RunStoppedError(f"the API refuses to go on: {self._fatal.reason}")

    async def _download(self, batch: Batch, remote: Remote, file: IO[bytes]) -> None:
        """Every line to disk; a download that breaks off, or has too few, is begun again."""
        for attempt in range(1, DOWNLOADS + 1):
            file.seek(0)
            file.truncate()
            last = attempt == DOWNLOADS
            try:
                count = await self._written(remote, file)
            except (FaultError, orjson.JSONDecodeError) as error:
                if last:
                    raise RunStoppedError(
                        f"the results of batch {remote.id} cannot be downloaded: {error}; they "
                        "stay at the API for 29 days, and `harness resume` fetches them"
                    ) from error
            else:
                if last or count >= batch.requests:
                    return
            await self._sleep(DOWNLOAD_AGAIN_S * attempt)

    async def _written(self, remote: Remote, file: IO[bytes]) -> int:
        count = 0
        async for line in self.api.lines(remote):
            if line.strip():
                orjson.loads(line)  # a body that was cut ends in half a line
                file.write(line + b"\n")
                count += 1
        return count

    def _record(self, batch: Batch, file: IO[bytes]) -> int:
        """Commit the answers piece by piece, in whatever order they come; how many there were."""
        tries, seen = self.journal.tries(batch), 0
        for lines in _pieces(file):
            outcomes = dict(self._outcomes(lines, batch.prefix))
            requests = self.journal.requests_of(batch, outcomes)
            answered = [
                (key, requests[key], outcome)
                for key, outcome in outcomes.items()
                if isinstance(outcome, Answer) and key in requests
            ]
            assert self.keep is not None
            self.keep(answered)
            lost = {k: o for k, o in outcomes.items() if isinstance(o, Missing) and k in requests}
            self._settle([key for key, _, _ in answered], lost, tries)
            seen += len(answered)
        return seen

    def _outcomes(
        self, lines: Sequence[bytes], prefix: str
    ) -> Iterator[tuple[str, Answer | Missing]]:
        for line in lines:
            result = orjson.loads(line)
            custom_id = str(result.get("custom_id"))
            if custom_id.startswith(prefix):
                outcome, fault = outcome_of(
                    result.get("result") or {}, simulated=self.api.simulated
                )
                self._fatal = self._fatal or (fault if fault and fault.fatal else None)
                yield custom_id.removeprefix(prefix), outcome

    def _settle(
        self, done: Sequence[str], lost: Mapping[str, Missing], tries: Mapping[str, int]
    ) -> None:
        again = [
            key
            for key, missing in lost.items()
            if missing.kind in TRANSIENT and tries.get(key, 0) + 1 < MAX_TRIES
        ]
        refused = [(key, missing) for key, missing in lost.items() if key not in set(again)]
        self.journal.settle(done, again, refused)

    def _let_go(self, batch: Batch, missing: Missing) -> None:
        """The batch is over; requests of which nothing came go into the next wave."""
        tries = self.journal.tries(batch)
        self._settle([], dict.fromkeys(tries, missing), tries)
        self.journal.recorded(batch)

    async def _called(self, call: Callable[[], Awaitable[T]]) -> T:
        """A call that may be repeated, with a few tries."""
        for attempt in range(1, CALLS + 1):
            try:
                return await call()
            except FaultError as error:
                if error.fault.fatal:
                    raise RunStoppedError(f"the API refuses: {error.fault.reason}") from error
                if attempt == CALLS or not error.fault.retry:
                    raise
                await self._sleep(error.fault.retry_after_s or DOWNLOAD_AGAIN_S * attempt)
        raise AssertionError("unreachable")

    async def _pause(self, open_: Sequence[Batch]) -> None:
        """Wait for the next look, or give up where nobody waits."""
        if not self.waiting.wait:
            ids = ", ".join(batch.id or "(being created)" for batch in open_)
            raise PendingAnswerError(f"still processing: {ids}")
        now = datetime.now(UTC)
        ages = [
            (now - (batch.submitted_at or batch.intended_at)).total_seconds() for batch in open_
        ]
        await self._sleep(min(self.waiting.next_s(age) for age in ages))

    async def _sleep(self, seconds: float) -> None:
        """Sleep, or stop at once when the run is stopped."""
        sleeping = asyncio.ensure_future(self.waiting.sleep(seconds))
        stopped = asyncio.ensure_future(self._stopped.wait())
        await asyncio.wait({sleeping, stopped}, return_when=asyncio.FIRST_COMPLETED)
        sleeping.cancel()
        stopped.cancel()
        if self._stopped.is_set():
            raise RunStoppedError("stopped; its batches go on at the API")


def _pieces(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    piece: list[bytes] = []
    for line in lines:
        piece.append(line)
        if len(piece) == RECORDED_AT_ONCE:
            yield piece
            piece = []
    if piece:
        yield piece


def outcome_of(
    said: Mapping[str, Any], *, simulated: bool
) -> tuple[Answer | Missing, Fault | None]:
    """What a result says, and the fault behind it where the API gave one."""
    kind = said.get("type")
    if kind == "succeeded":
        headers = {SIMULATED_HEADER: "true"} if simulated else {}
        try:
            answer = answer_of(
                said["message"], headers, answered_at=datetime.now(UTC), latency_s=None
            )
        except (FaultError, KeyError, TypeError) as error:
            return Missing("malformed_response", f"a result that cannot be read: {error}"), None
        return replace(answer, mode="batch"), None
    if kind == "errored":
        fault = error_fault(said.get("error"), None, {})
        return Missing(fault.kind, fault.reason, fault.request_id), fault
    if kind in ("canceled", "expired"):
        return Missing(str(kind), f"the request was {kind} in its batch"), None
    return Missing("unknown_result", f"a result of the unknown type {kind!r}"), None
