"""Between driver and backend: what was answered before is not asked again.

The identity of an answer is exactly what is sent, the repeat, and the ordinal among identical
requests of one trial; it names no run, no mode and no case. An answer is committed to the store
before it is handed on, and an identical request under way is waited for.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import orjson

from harness.backends.base import Backend
from harness.errors import PendingAnswerError, RunStoppedError, StoreError
from harness.records import Answer, Request

if TYPE_CHECKING:
    from harness.store import Entry, ResultRow, Store


BLOCK = 256
"""Trials whose answers are looked up at once."""

LINGER_S = 0.004
LINGER_BELOW = 16
"""Seconds that a transaction waits for company, where the last one and this have less than that."""


@dataclass(frozen=True, slots=True)
class Space:
    """Which stored answers a run may use.

    Answers of models are shared by all runs but simulated ones, or by none but `run` itself where
    it is `fresh`. Simulated answers are kept apart, by `simulator`: where they came from.
    """

    simulator: str
    run: str = ""
    models: bool = True
    fresh: bool = False

    @property
    def own(self) -> str:
        """What sets the keys of a run apart that uses no answer of another; nothing otherwise."""
        return self.run if self.fresh else ""

    def key_of(self, request: Request, asked: Asked) -> str:
        """The key of the answer to what is asked now, by a trial that has `asked` before."""
        sent = digest(request)
        return identity(sent, asked.repeat, asked.ordinal(sent), self.own)

    def names(self, key: str) -> list[str]:
        """The names under which the store may have the answer with this key, best first."""
        simulated = simulated_identity(key, self.simulator)
        return [key, simulated] if self.models else [simulated]


def digest(request: Request) -> str:
    """SHA-256 of exactly what is sent; the order of keys counts, as it goes over the wire."""
    sent = hashlib.sha256(orjson.dumps(request.params))
    sent.update("\0".join((request.api_version, *request.betas)).encode())
    return sent.hexdigest()


def identity(sent: str, repeat: int, ordinal: int, fresh: str = "") -> str:
    """The key of a model's answer to the request with the digest `sent`: 128 bits, in hex."""
    return hashlib.sha256(f"{sent}\0{repeat}\0{ordinal}\0{fresh}".encode()).hexdigest()[:32]


def simulated_identity(key: str, simulator: str) -> str:
    """The key of a simulated answer to the same request."""
    return "sim-" + hashlib.sha256(f"{key}\0{simulator}".encode()).hexdigest()[:32]


@dataclass(slots=True)
class Asked:
    """What one attempt at a trial has asked so far: how often each, and which it was given first.

    A trial that waits for a batch is run again: what it was given is handed back, or it would
    count as somebody else's. `repeat` is the trial's.
    """

    repeat: int = 1
    times: dict[str, int] = field(default_factory=dict)
    first: list[str] = field(default_factory=list)

    def ordinal(self, sent: str) -> int:
        """How often this was asked before; it is asked now."""
        before = self.times.get(sent, 0)
        self.times[sent] = before + 1
        return before


def by_key(names: Mapping[str, Sequence[str]], found: Mapping[str, Answer]) -> dict[str, Answer]:
    """The answers that were found under one of a key's names, the best one, by key."""
    return {
        key: next(found[name] for name in some if name in found)
        for key, some in names.items()
        if not found.keys().isdisjoint(some)
    }


class Recorder:
    """Looks requests up, asks the backend for the rest, and commits what it answers."""

    def __init__(self, store: Store, backend: Backend, space: Space) -> None:
        self.backend, self.space = backend, space
        self.desk = Desk(store, space.run)
        self._under_way: dict[str, asyncio.Future[Answer]] = {}
        self._given: set[str] = set()
        self.stored_only = False

    def key_of(self, request: Request, asked: Asked) -> str:
        """The key of the answer to what is asked now, by a trial that has `asked` before."""
        return self.space.key_of(request, asked)

    async def stored(self, keys: Iterable[str]) -> dict[str, Answer]:
        """The stored answers that have these keys, by key; raises StoreError."""
        names = {key: self.space.names(key) for key in keys}
        return by_key(names, await self.desk.look_up(list(chain.from_iterable(names.values()))))

    async def answer(self, request: Request, key: str, asked: Asked) -> Answer:
        """The answer with this key: the stored one, or the backend's.

        Raises AnswerMissingError, RunStoppedError or StoreError.
        """
        if key in self._under_way:
            # Whoever gives up waiting must not take the answer away from the others.
            return replace(await asyncio.shield(self._under_way[key]), reused=True)
        waiting = asyncio.get_running_loop().create_future()
        self._under_way[key] = waiting
        try:
            answer = await self._found_or_asked(key, request)
        except BaseException as error:
            waiting.set_exception(_for_others(error))
            waiting.exception()  # nobody else may be waiting, and that is no fault
            raise
        else:
            waiting.set_result(answer)
        finally:
            del self._under_way[key]
        return self.given(answer, asked)

    def given(self, answer: Answer, asked: Asked) -> Answer:
        """The answer as this trial has it: one that several share was paid for by the first."""
        if answer.reused:
            return answer
        if answer.key in self._given:
            return replace(answer, reused=True)
        self._given.add(answer.key)
        asked.first.append(answer.key)
        return answer

    def hand_back(self, asked: Asked) -> None:
        """The trial did not come to its end: it, or another, is the first to be given these."""
        self._given.difference_update(asked.first)

    async def _found_or_asked(self, key: str, request: Request) -> Answer:
        found = await self.stored([key])
        if key in found:
            return found[key]
        if self.stored_only:
            raise PendingAnswerError("not stored, and nothing is asked any more")
        answer = await self.backend.answer(request, key)
        entry = self._entry(key, request, answer)
        other = await self.desk.keep(entry)
        return other or replace(answer, key=entry.key)

    def kept(self, keys: Collection[str]) -> set[str]:
        """Those of the keys that another process, or an earlier one, has an answer for by now."""
        names = {name: key for key in keys for name in self.space.names(key)}
        return {names[name] for name in self.desk.store.kept(names)}

    def lost(self, _keys: Collection[str], /) -> None:
        """There is nothing to keep of an answer that nobody can read."""

    def keep_all(self, answered: Sequence[tuple[str, Request, Answer]]) -> None:
        """Commit answers that came otherwise than one by one, each under its request's key."""
        self.desk.store.exchange([], [self._entry(*one) for one in answered])

    def _entry(self, key: str, request: Request, answer: Answer) -> Entry:
        from harness.store import Entry

        own = simulated_identity(key, self.space.simulator) if answer.simulated else key
        return Entry(own, request, answer, self.desk.run)

    async def close(self) -> None:
        """Wait until everything is committed."""
        await self.desk.close()


class Desk:
    """What waits for the store: taken together into one transaction, in a thread of its own.

    While one transaction runs, the next gathers; so their size follows the load.
    """

    def __init__(self, store: Store, run: str = "") -> None:
        self.store, self.run = store, run
        self.thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._wanted: list[tuple[Sequence[str], asyncio.Future[dict[str, Answer]]]] = []
        self._entries: list[tuple[Entry, asyncio.Future[Answer | None]]] = []
        self._rows: list[ResultRow] = []
        self._clerk: asyncio.Task[None] | None = None
        self._error: StoreError | None = None

    async def look_up(self, keys: Sequence[str]) -> dict[str, Answer]:
        """The stored answers under these keys."""
        future: asyncio.Future[dict[str, Answer]] = asyncio.get_running_loop().create_future()
        self._wanted.append((keys, future))
        self._wake()
        return await future

    async def keep(self, entry: Entry) -> Answer | None:
        """Return when it is committed: the stored answer, where another process was quicker."""
        future: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self._entries.append((entry, future))
        self._wake()
        return await future

    def note(self, row: ResultRow) -> None:
        """Keep a result with the next transaction; a result that is lost is made again."""
        if self._error:
            raise self._error
        self._rows.append(row)
        self._wake()

    async def close(self) -> None:
        """Wait until everything is kept; raises StoreError where that failed."""
        while self._clerk is not None:
            await self._clerk
        self.thread.shutdown()
        if self._error:
            raise self._error

    def _wake(self) -> None:
        if self._clerk is None:
            self._clerk = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        try:
            done = LINGER_BELOW
            while waiting := self._waiting():
                # Where few come at a time, a transaction each would cost more than the wait.
                await asyncio.sleep(LINGER_S if max(waiting, done) < LINGER_BELOW else 0)
                done = self._waiting()
                await self._transact()
        finally:
            self._clerk = None

    def _waiting(self) -> int:
        wanted = sum(max(1, len(keys)) for keys, _ in self._wanted)
        return wanted + len(self._entries) + len(self._rows)

    async def _transact(self) -> None:
        wanted, self._wanted = self._wanted, []
        entries, self._entries = self._entries, []
        rows, self._rows = self._rows, []
        keys = [key for some, _ in wanted for key in some]
        kept = [entry for entry, _ in entries]
        loop = asyncio.get_running_loop()
        try:
            exchange = partial(self.store.exchange, keys, kept, rows, run=self.run)
            found = await loop.run_in_executor(self.thread, exchange)
        except Exception as error:
            self._error = _as_store_error(error)
            _fail([future for _, future in wanted], self._error)
            _fail([future for _, future in entries], self._error)
            return
        for some, lookup in wanted:
            if not lookup.done():
                lookup.set_result({key: found[key] for key in some if key in found})
        for entry, waiting in entries:
            if not waiting.done():
                waiting.set_result(found.get(entry.key))


def _as_store_error(error: Exception) -> StoreError:
    """What those are told who wait: nothing may be left waiting, whatever went wrong."""
    if isinstance(error, StoreError):
        return error
    wrapped = StoreError(f"the store failed: {type(error).__name__}: {error}")
    wrapped.__cause__ = error
    return wrapped


def _for_others(error: BaseException) -> BaseException:
    """What those see who waited for the same request: a cancelled one was not theirs to cancel."""
    return (
        RunStoppedError("the run was stopped")
        if isinstance(error, asyncio.CancelledError)
        else error
    )


def _fail(futures: Iterable[asyncio.Future[Any]], error: StoreError) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(error)
