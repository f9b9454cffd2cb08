"""Sends the first request with a cacheable prefix alone, and the others when its answer has begun.

Only then can they read from the prompt cache what the first has written; sent together, each would
pay for the writing.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from contextvars import ContextVar

from harness.backends.base import Around, Backend
from harness.prefix import prefix_of
from harness.records import Answer, Request

LIFE_S = 300.0
"""How long an entry of the cache lives unread, at the least; being read renews it."""

KEPT = 10_000
"""Prefixes that are remembered; of one that is forgotten, one request is sent alone again."""

BEGUN: ContextVar[Callable[[], None] | None] = ContextVar("BEGUN", default=None)
"""What the current task calls when its answer begins, where others wait for that."""


class WarmFirst(Around):
    """Asks `backend`, one request ahead of the others with the same prefix."""

    def __init__(self, backend: Backend, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(backend)
        self.clock = clock
        self._leading: dict[str, asyncio.Event] = {}
        self._warm_until: OrderedDict[str, float] = OrderedDict()

    async def answer(self, request: Request, key: str, /) -> Answer:
        """The backend's answer; raises as it does."""
        prefix = prefix_of(request)
        if prefix is None:
            return await self.backend.answer(request, key)
        while (leading := self._leading.get(prefix)) is not None:
            await leading.wait()
        if self._warm_until.get(prefix, -math.inf) > self.clock():
            return await self._asked(request, key, prefix)
        return await self._ahead(request, key, prefix)

    async def _ahead(self, request: Request, key: str, prefix: str) -> Answer:
        """The answer to the first; the others go when it begins, or one of them when it fails."""
        begun = self._leading[prefix] = asyncio.Event()

        def let_go() -> None:
            if self._leading.get(prefix) is begun:
                del self._leading[prefix]
            begun.set()

        def begin() -> None:
            self._keep_warm(prefix, self.clock() + LIFE_S)
            let_go()

        before = BEGUN.set(begin)
        try:
            return await self._asked(request, key, prefix)
        finally:
            BEGUN.reset(before)
            let_go()

    async def _asked(self, request: Request, key: str, prefix: str) -> Answer:
        answer = await self.backend.answer(request, key)
        usage = answer.usage
        counts = (
            usage.cache_read_input_tokens,
            usage.cache_write_5m_input_tokens,
            usage.cache_write_1h_input_tokens,
        )
        # A prompt below the model's least length is not cached, and nothing is gained by waiting.
        uncached = not any(count is None or count > 0 for count in counts)
        lived = answer.latency_s or 0.0
        until = math.inf if uncached else self.clock() - lived + LIFE_S
        self._keep_warm(prefix, until)
        return answer

    def _keep_warm(self, prefix: str, until: float) -> None:
        self._warm_until[prefix] = until
        self._warm_until.move_to_end(prefix)
        if len(self._warm_until) > KEPT:
            self._warm_until.popitem(last=False)
