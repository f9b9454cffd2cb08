"""Answers from the Messages API, one by one: bounded concurrency, and a retry policy of its own.

Every failure becomes a retry, a missing answer with its reason, or the end of the run.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING

from harness.backends.wire import Fault, FaultError
from harness.errors import AnswerMissingError, RunStoppedError
from harness.records import Answer, Missing, Request

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient to be: attempts at a broken API, seconds with a crowded one.

    The n-th wait is `base_s` · 2ⁿ up to `longest_s`, less up to a quarter at random. A
    `retry-after` beyond `patience_s` is not waited for.
    """

    attempts: int = 6
    base_s: float = 0.5
    longest_s: float = 30.0
    patience_s: float = 900.0

    def delay(self, retries: int, fault: Fault, random: Random) -> float:
        """Seconds before the next attempt, after `retries` earlier ones."""
        backoff = min(self.base_s * 2.0 ** min(retries, 30), self.longest_s)
        backoff *= 1 - 0.25 * random.random()
        if fault.retry_after_s is None:
            return backoff
        return fault.retry_after_s + backoff * 0.25


class LiveBackend:
    """Asks the API through the SDK's client, `concurrency` requests at a time."""

    def __init__(
        self,
        client: AsyncAnthropic,
        *,
        concurrency: int = 64,
        policy: Policy | None = None,
        random: Random | None = None,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.client = client
        self.policy = policy or Policy()
        self.random = random or Random(0)
        self.clock, self.sleep = clock, sleep
        self.slots = asyncio.Semaphore(concurrency)
        self.retries = 0
        self._not_before: dict[str, float] = {}
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Send nothing more; requests that wait for their turn or a retry are given up."""
        self._stopped.set()

    async def close(self) -> None:
        """Close the connections."""
        await self.client.close()

    async def answer(self, request: Request) -> Answer:
        """The answer, after as many attempts as the policy allows."""
        begun, attempts, broken = self.clock(), 0, 0
        while True:
            attempts += 1
            try:
                answer = await self._attempt(request)
            except FaultError as error:
                fault = error.fault
            else:
                return replace(answer, attempts=attempts) if attempts > 1 else answer
            broken += not fault.crowded
            delay = self.policy.delay(attempts - 1, fault, self.random)
            waited = self.clock() - begun + delay
            self._give_up_on(fault, attempts, broken, waited)
            self.retries += 1
            if fault.crowded and fault.retry_after_s is not None:
                self._hold(request.model, fault.retry_after_s)
            await self._pause(delay)

    async def _attempt(self, request: Request) -> Answer:
        from harness.backends.client import send

        async with self.slots:
            while (wait := self._not_before.get(request.model, 0.0) - self.clock()) > 0:
                await self._pause(wait + self.random.random() * min(wait, 1.0))
            self._check_stopped()
            return await send(self.client, request, self.clock)

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
        if broken >= self.policy.attempts or waited_s > self.policy.patience_s:
            asked = fault.retry_after_s
            wait = f"; the API asks to wait {asked:g} s" if asked else ""
            reason = f"{fault.reason} (after {attempts} attempts{wait})"
            raise AnswerMissingError(Missing(fault.kind, reason, fault.request_id))

    def _check_stopped(self) -> None:
        if self._stopped.is_set():
            raise AnswerMissingError(
                Missing("not_asked", "the run was stopped before it was asked")
            )

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
