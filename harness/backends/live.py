"""Answers from the Messages API, one by one: at its pace, and with a retry policy of its own.

Every failure becomes a retry, a missing answer with its reason, or the end of the run.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import replace
from functools import cached_property
from random import Random
from typing import TYPE_CHECKING

from harness.backends.access import Access
from harness.backends.base import Keep
from harness.backends.gate import Gate, Sleep
from harness.backends.pace import Pacing, Ticket
from harness.backends.policy import Outage, Policy, way_out
from harness.backends.warm import BEGUN
from harness.backends.wire import CONNECTION_ERROR, TIMEOUT, Fault, FaultError
from harness.errors import AnswerMissingError, RunStoppedError
from harness.records import Answer, Missing, Request

if TYPE_CHECKING:
    from httpx2 import Response

    from harness.backends.client import Client

log = logging.getLogger("harness")

SENT: ContextVar[Ticket] = ContextVar("SENT")
"""The request that the current task has under way, for what is heard of it on the way."""


def connecting(access: Access) -> Callable[[], Client]:
    """A function that makes the client, and imports the SDK only then."""

    def connect() -> Client:
        from harness.backends.client import make_client

        return make_client(access)

    return connect


class LiveBackend:
    """Asks the API through the client that `connect` makes, at the pace of each class of models.

    At most `concurrency` requests are under way at once. `class_of` gives the name of the class
    whose rate limits a model id falls under; without it each model has limits of its own.
    """

    def __init__(
        self,
        connect: Callable[[], Client],
        *,
        concurrency: int = 64,
        policy: Policy | None = None,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Sleep = asyncio.sleep,
        class_of: Callable[[str], str] = str,
    ) -> None:
        self.connect = connect
        self.policy = policy or Policy()
        self.random = Random(0)
        self.clock, self.sleep = clock, sleep
        self.gate = Gate(concurrency, clock=clock, sleep=sleep, class_of=class_of)
        self.outage = Outage(self.policy)
        self.retries = 0
        self._again: Counter[str] = Counter()
        self._stopped = asyncio.Event()

    async def wave(self) -> None:
        """Nothing is ever pending."""

    def record_with(self, _keep: Keep, /) -> None:
        """Nothing is answered otherwise than one by one."""

    def stop(self) -> None:
        """Send nothing more; requests that wait for their turn or a retry are given up."""
        self._stopped.set()
        self.gate.stop()

    async def close(self) -> None:
        """Close the connections, and log what the pace came to."""
        self.gate.close()
        for pacing in self.paces():
            log.info("pace of %s", pacing)
        if "client" in self.__dict__:
            await self.client.close()

    def trouble(self) -> str:
        """Why requests wait to be asked again, the commonest reason first; empty for none."""
        waiting = +self._again
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in waiting.most_common())
        return f"{waiting.total():,} to be asked again ({kinds})" if kinds else ""

    def paces(self) -> tuple[Pacing, ...]:
        """What the pace of each class of models came to so far, in the order of first requests."""
        return tuple(lane.pace.pacing() for lane in self.gate.lanes.values())

    @cached_property
    def client(self) -> Client:
        """The SDK's client: made with the first request, since what is stored needs none."""
        client = self.connect()
        hooks = client.http.event_hooks
        client.http.event_hooks = {**hooks, "response": [*hooks["response"], self._heard]}
        return client

    async def _heard(self, response: Response) -> None:
        """A response has begun: its headers tell of limits, whatever its body will be."""
        ticket, now = SENT.get(), self.clock()
        if response.is_success and (begun := BEGUN.get()) is not None:
            begun()
        if response.status_code >= 400 or ticket.pace.due(now):
            ticket.pace.heard(ticket, response.headers.raw, now)

    async def answer(self, request: Request, _key: str, /) -> Answer:
        """The answer, after as many attempts as the policy allows."""
        attempts, broken, troubled_since, held = 0, 0, None, 0.0
        while True:
            attempts += 1
            try:
                answer = await self._attempt(request, again=attempts > 1 and not held)
            except FaultError as error:
                fault = error.fault
            else:
                return replace(answer, attempts=attempts) if attempts > 1 else answer
            now = self.clock()
            troubled_since = now if troubled_since is None else troubled_since
            broken += not fault.crowded
            # While nobody of its class is answered the gate lets one go at a time: each time
            # another, so that none uses up its attempts.
            held = self.gate.held_s(request.model)
            delay = 0.0 if held else self.policy.delay(attempts - 1, fault, self.random)
            self._give_up_on(fault, attempts, broken, now - troubled_since + (held or delay))
            self.retries += 1
            self._again[fault.kind] += 1
            try:
                await self._pause(delay)
            finally:
                self._again[fault.kind] -= 1

    async def _attempt(self, request: Request, *, again: bool) -> Answer:
        from harness.backends.client import send

        ticket = await self.gate.enter(request, again=again)
        try:
            SENT.set(ticket)
            self.sending()
            answer = await send(self.client, request, self.clock)
        except FaultError as error:
            self._note(error.fault)
            ticket.pace.failed(ticket, error.fault, self.clock())
            raise
        else:
            self.outage.heard()
            ticket.pace.answered(ticket, answer.usage)
            return answer
        finally:
            self.gate.leave(ticket)

    def sending(self) -> None:
        """The current task's attempt has its turn, and is sent next: for whoever keeps accounts."""

    def _note(self, fault: Fault) -> None:
        """Take down what a fault says about the connection."""
        if fault.kind == CONNECTION_ERROR:
            self.outage.failed(self.clock())
        elif fault.kind != TIMEOUT:
            self.outage.heard()

    def _give_up_on(self, fault: Fault, attempts: int, broken: int, waited_s: float) -> None:
        """Raise where this fault ends the run or the request."""
        if fault.fatal:
            raise RunStoppedError(f"the API refuses to go on: {fault.reason}{way_out(fault)}")
        if not fault.retry:
            raise AnswerMissingError(Missing(fault.kind, fault.reason, fault.request_id))
        if (fault.retry_after_s or 0.0) > self.policy.longest_hold_s:
            raise RunStoppedError(_too_long(fault))
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

    async def _pause(self, seconds: float) -> None:
        """Sleep, or wake up at once when the run is stopped."""
        self.gate.check()
        sleeping = asyncio.ensure_future(self.sleep(seconds))
        stopped = asyncio.ensure_future(self._stopped.wait())
        await asyncio.wait({sleeping, stopped}, return_when=asyncio.FIRST_COMPLETED)
        sleeping.cancel()
        stopped.cancel()
        self.gate.check()


def _too_long(fault: Fault) -> str:
    minutes = math.ceil((fault.retry_after_s or 0.0) / 60)
    hours, rest = divmod(minutes, 60)
    wait = f"{hours} h {rest} min" if hours else f"{rest} min"
    return (
        f"the API asks to wait {wait} before the next request: {fault.reason}; what was answered "
        "is stored, and `harness resume` goes on with the rest then"
    )
