"""Calls to the API around batches: repeated where that helps, given up when a run is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from harness.backends.batch_audit import Audit
from harness.backends.policy import way_out
from harness.backends.wire import FaultError
from harness.errors import InterruptedRunError, RunStoppedError

if TYPE_CHECKING:
    from harness.backends.batch_api import BatchApi
    from harness.backends.client import Client

T = TypeVar("T")

ATTEMPTS = 6
AGAIN_S = 2.0
PATIENCE_S = 600.0


def require_patience(retry_after_s: float | None, reason: str) -> None:
    """Raise RunStoppedError where the API asks for more patience than anyone sleeps in silence."""
    if retry_after_s is not None and retry_after_s > PATIENCE_S:
        raise RunStoppedError(
            f"the API asks to wait {retry_after_s / 60:.0f} minutes: {reason}; `harness resume` "
            "goes on later"
        )


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

    def short_s(self, seconds: float) -> float:
        """A pause of so many seconds, less where looks are much closer than the API wants them."""
        return seconds if self.fixed_s is None else min(seconds, 20 * self.fixed_s)


class Calls:
    """The API, connected to when there is something to ask it, and the patience with it."""

    def __init__(self, connect: Callable[[], Client], waiting: Waiting, audit: Audit) -> None:
        self.connect, self.waiting, self.audit = connect, waiting, audit
        self.stopped = asyncio.Event()

    @cached_property
    def api(self) -> BatchApi:
        """The API; importing its SDK takes a second."""
        from harness.backends.batch_api import BatchApi

        return BatchApi(self.connect())

    async def close(self) -> None:
        """Close the connections."""
        if "api" in self.__dict__:
            await self.api.client.close()

    async def called(self, call: Callable[[], Awaitable[T]]) -> T:
        """A call that may be repeated, with a few tries."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await call()
            except FaultError as error:
                if error.fault.fatal:
                    raise RunStoppedError(
                        f"the API refuses: {error.fault.reason}{way_out(error.fault)}"
                    ) from error
                if attempt == ATTEMPTS or not error.fault.retry:
                    raise
                require_patience(error.fault.retry_after_s, error.fault.reason)
                await self.sleep(
                    error.fault.retry_after_s or self.waiting.short_s(AGAIN_S * attempt)
                )
        raise AssertionError("unreachable")

    async def asked(self, call: Callable[[], Awaitable[T]], what: str) -> T:
        """A call without which the run cannot go on."""
        try:
            return await self.called(call)
        except FaultError as error:
            raise RunStoppedError(f"{what} cannot be had: {error.fault.reason}") from error

    async def sleep(self, seconds: float) -> None:
        """Sleep, or stop at once when the run is stopped."""
        sleeping = asyncio.ensure_future(self.waiting.sleep(seconds))
        stopped = asyncio.ensure_future(self.stopped.wait())
        await asyncio.wait({sleeping, stopped}, return_when=asyncio.FIRST_COMPLETED)
        sleeping.cancel()
        stopped.cancel()
        if self.stopped.is_set():
            raise InterruptedRunError("interrupted; its batches go on at the API")
