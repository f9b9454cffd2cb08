"""Answers from the Messages API, one by one: bounded concurrency, and a retry policy of its own.

Every failure becomes a retry, a missing answer with its reason, or the end of the run.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import cached_property
from random import Random
from typing import TYPE_CHECKING

from harness.backends.access import Access
from harness.backends.base import Keep
from harness.backends.policy import Outage, Policy
from harness.backends.wire import CONNECTION_ERROR, TIMEOUT, Fault, FaultError
from harness.errors import AnswerMissingError, RunStoppedError
from harness.records import Answer, Missing, Request

if TYPE_CHECKING:
    from harness.backends.client import Client

Sleep = Callable[[float], Awaitable[None]]


def connecting(access: Access) -> Callable[[], Client]:
    """A function that makes the client, and imports the SDK only then."""

    def connect() -> Client:
        from harness.backends.client import make_client

        return make_client(access)

    return connect


class LiveBackend:
    """Asks the API through the client that `connect` makes, `concurrency` requests at a time."""

    def __init__(
        self,
        connect: Callable[[], Client],
        *,
        concurrency: int = 64,
        policy: Policy | None = None,
        random: Random | None = None,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.connect = connect
        self.policy = policy or Policy()
        self.random = random or Random(0)
        self.clock, self.sleep = clock, sleep
        self.slots = asyncio.Semaphore(concurrency)
        self.outage = Outage(self.policy)
        self.retries = 0
        self._not_before: dict[str, float] = {}
        self._stopped = asyncio.Event()

    async def wave(self) -> None:
        """Nothing is ever pending."""

    def record_with(self, _keep: Keep, /) -> None:
        """Nothing is answered otherwise than one by one."""

    def stop(self) -> None:
        """Send nothing more; requests that wait for their turn or a retry are given up."""
        self._stopped.set()

    async def close(self) -> None:
        """Close the connections."""
        if "client" in self.__dict__:
            await self.client.close()

    @cached_property
    def client(self) -> Client:
        """The SDK's client: made with the first request, since what is stored needs none."""
        return self.connect()

    async def answer(self, request: Request, _key: str, /) -> Answer:
        """The answer, after as many attempts as the policy allows."""
        attempts, broken, troubled_since = 0, 0, None
        while True:
            attempts += 1
            try:
                answer = await self._attempt(request)
            except FaultError as error:
                fault = error.fault
            else:
                return replace(answer, attempts=attempts) if attempts > 1 else answer
            now = self.clock()
            troubled_since = now if troubled_since is None else troubled_since
            broken += not fault.crowded
            delay = self.policy.delay(attempts - 1, fault, self.random)
            self._give_up_on(fault, attempts, broken, now - troubled_since + delay)
            self.retries += 1
            if fault.crowded and fault.retry_after_s is not None:
                self._hold(request.model, fault.retry_after_s)
            await self._pause(delay)

    async def _attempt(self, request: Request) -> Answer:
        from harness.backends.client import send

        while True:
            await self._wait_for(request.model)
            async with self.slots:
                self._check_stopped()
                # The API may have asked for patience while this request stood in the queue; a
                # slot is not kept meanwhile, as other models can use it.
                if self._held_s(request.model) <= 0:
                    return await self._noted(send(self.client, request, self.clock))

    async def _noted(self, sending: Awaitable[Answer]) -> Answer:
        """What is sent, with what it says about the connection taken down."""
        try:
            answer = await sending
        except FaultError as error:
            if error.fault.kind == CONNECTION_ERROR:
                self.outage.failed(self.clock())
            elif error.fault.kind != TIMEOUT:
                self.outage.heard()
            raise
        self.outage.heard()
        return answer

    async def _wait_for(self, model: str) -> None:
        while (wait := self._held_s(model)) > 0:
            await self._pause(wait + self.random.random() * min(wait, 1.0))

    def _held_s(self, model: str) -> float:
        return self._not_before.get(model, 0.0) - self.clock()

    def _hold(self, model: str, seconds: float) -> None:
        """Let no request of this model go before the API wants to hear of it again."""
        until = self.clock() + seconds
        self._not_before[model] = max(until, self._not_before.get(model, 0.0))

    def _give_up_on(self, fault: Fault, attempts: int, broken: int, waited_s: float) -> None:
        """Raise where this fault ends the run or the request."""
        if fault.fatal:
            raise RunStoppedError(f"the API refuses to go on: {fault.reason}{_way_out(fault)}")
        if not fault.retry:
            raise AnswerMissingError(Missing(fault.kind, fault.reason, fault.request_id))
        if fault.kind == CONNECTION_ERROR and self.outage.suspected:
            if self.outage.certain(self.clock()):
                raise RunStoppedError(self._nobody_there(fault))
            return
        if broken >= self.policy.attempts or waited_s > self.policy.patience_s:
            asked = fault.retry_after_s
            wait = f"; the API asks to wait {asked:g} s" if asked else ""
            reason = f"{fault.reason} (after {attempts} attempts{wait})"
            raise AnswerMissingError(Missing(fault.kind, reason, fault.request_id))

    def _nobody_there(self, fault: Fault) -> str:
        return (
            f"no connection to the API at {self.client.base_url} in {self.outage.errors} attempts: "
            f"{fault.reason}; check the network, ANTHROPIC_BASE_URL and any proxy"
        )

    def _check_stopped(self) -> None:
        if self._stopped.is_set():
            raise RunStoppedError("the run was stopped")

    async def _pause(self, seconds: float) -> None:
        """Sleep, or wake up at once when the run is stopped."""
        self._check_stopped()
        sleeping = asyncio.ensure_future(self.sleep(seconds))
        stopped = asyncio.ensure_future(self._stopped.wait())
        await asyncio.wait({sleeping, stopped}, return_when=asyncio.FIRST_COMPLETED)
        sleeping.cancel()
        stopped.cancel()
        self._check_stopped()


def _way_out(fault: Fault) -> str:
    if fault.kind in ("authentication_error", "permission_error"):
        return "; check ANTHROPIC_API_KEY, or run with --offline"
    return "; raise the limit or add credit in the console, then `harness resume` goes on"
