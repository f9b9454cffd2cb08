"""Asks live, and tells of attempts that may be on the bill although no answer came of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from harness.backends.live import LiveBackend
from harness.backends.wire import FaultError
from harness.errors import StoreError
from harness.records import Answer, Request

log = logging.getLogger("harness")

UNDER_WAY: ContextVar[bool] = ContextVar("UNDER_WAY", default=False)
"""The attempt of the current task has been sent."""


class NotedLive(LiveBackend):
    """Asks the API as `LiveBackend` does; `broke_off` is told of attempts that may be billed.

    These are the attempts that were sent and gave no answer, but for those that were refused.
    """

    def __init__(self, *given: Any, broke_off: Callable[[Request], None], **options: Any) -> None:
        super().__init__(*given, **options)
        self.broke_off = broke_off

    async def _attempt(self, request: Request, *, again: bool) -> Answer:
        UNDER_WAY.set(False)
        try:
            return await super()._attempt(request, again=again)
        except FaultError as error:
            if not error.fault.unbilled:
                self.broke_off(request)
            raise
        except asyncio.CancelledError:
            if UNDER_WAY.get():
                self._given_up(request)
            raise

    def _given_up(self, request: Request) -> None:
        """Tell of it; whatever the store says, the attempt is cancelled."""
        try:
            self.broke_off(request)
        except StoreError as error:
            log.warning("an attempt that may be on the bill is not noted: %s", error)

    def sending(self) -> None:
        """The current task's attempt has its turn."""
        UNDER_WAY.set(True)
