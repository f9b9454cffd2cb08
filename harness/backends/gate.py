"""Where requests wait for their turn: so many at once, each class at its pace, classes in turn."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable

from harness.backends.pace import Pace, Ticket
from harness.errors import RunStoppedError
from harness.records import Request

Sleep = Callable[[float], Awaitable[None]]


class Lane:
    """The requests of one class that wait, in the order in which they came, and their pace."""

    def __init__(self, pace: Pace) -> None:
        self.pace = pace
        self.queue: deque[tuple[Request, int, asyncio.Future[Ticket]]] = deque()
        self.blocked_since: float | None = None
        self.waking: asyncio.Task[None] | None = None


class Gate:
    """Lets `slots` requests through at once; `class_of` names the class of a model's limits."""

    def __init__(
        self,
        slots: int,
        *,
        clock: Callable[[], float],
        sleep: Sleep,
        class_of: Callable[[str], str],
    ) -> None:
        self.free = slots
        self.clock, self.sleep, self.class_of = clock, sleep, class_of
        self.lanes: dict[str, Lane] = {}
        self._by_model: dict[str, Lane] = {}
        self._turns: deque[Lane] = deque()
        self._waiting = 0
        self.stopped = False

    async def enter(self, request: Request, *, again: bool = False) -> Ticket:
        """Wait until the request may be sent; one that is sent `again` goes before the others.

        Raises RunStoppedError once the gate has stopped.
        """
        self.check()
        lane = self._by_model.get(request.model) or self._lane(request.model)
        size = lane.pace.size_of(request)
        if self.free > 0 and not lane.queue:
            now = self.clock()
            if lane.pace.wait_s(request, size, now) <= 0:
                self.free -= 1
                return lane.pace.take(request, size, now)
        place: asyncio.Future[Ticket] = asyncio.get_running_loop().create_future()
        queue = lane.queue.appendleft if again else lane.queue.append
        queue((request, size, place))
        self._waiting += 1
        self._pump()
        try:
            ticket = await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.exception() is None:
                self.leave(place.result())
            raise
        if self.stopped:  # between being let in and waking up
            self.leave(ticket)
            raise _stopped()
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """The request has ended, however: its place is the next one's."""
        self.free += 1
        ticket.pace.ended(ticket)
        if self._waiting:
            self._pump()

    def held_s(self, model: str) -> float:
        """Seconds between two requests of the model's class while nobody is answered, 0 else."""
        return self._by_model[model].pace.hold.seconds

    def check(self) -> None:
        """Raise RunStoppedError once the gate has stopped."""
        if self.stopped:
            raise _stopped()

    def stop(self) -> None:
        """Let nothing through any more; all who wait are turned away."""
        self.stopped = True
        for lane in self.lanes.values():
            for _, _, place in lane.queue:
                if not place.done():
                    place.set_exception(_stopped())
            lane.queue.clear()
        self._waiting = 0
        self.close()

    def close(self) -> None:
        """End the timers."""
        for lane in self.lanes.values():
            if lane.waking is not None:
                lane.waking.cancel()
                lane.waking = None

    def _lane(self, model: str) -> Lane:
        name = self.class_of(model)
        lane = self.lanes.get(name)
        if lane is None:
            lane = self.lanes[name] = Lane(Pace(name, self.clock()))
            self._turns.append(lane)
        self._by_model[model] = lane
        return lane

    def _pump(self) -> None:
        """Let through what may go, one of each class in turn."""
        now, passed_over = self.clock(), 0
        while self.free > 0 and passed_over < len(self._turns):
            lane = self._turns[0]
            self._turns.rotate(-1)
            passed_over = 0 if lane.queue and self._admit(lane, now) else passed_over + 1

    def _admit(self, lane: Lane, now: float) -> bool:
        """Let the first of the class through, or set a timer for when it may go."""
        request, size, place = lane.queue[0]
        if place.done():  # it was cancelled while it waited
            self._next(lane)
            return True
        wait = lane.pace.wait_s(request, size, now)
        if wait > 0:
            if lane.blocked_since is None:
                lane.blocked_since = now
            if lane.waking is None and math.isfinite(wait):
                lane.waking = asyncio.ensure_future(self._wake(lane, wait))
            return False
        if lane.blocked_since is not None:
            lane.pace.waited_s += now - lane.blocked_since
            lane.blocked_since = None
        self._next(lane)
        self.free -= 1
        place.set_result(lane.pace.take(request, size, now))
        return True

    def _next(self, lane: Lane) -> None:
        lane.queue.popleft()
        self._waiting -= 1

    async def _wake(self, lane: Lane, seconds: float) -> None:
        await self.sleep(seconds)
        lane.waking = None
        self._pump()


def _stopped() -> RunStoppedError:
    return RunStoppedError("the run was stopped")
