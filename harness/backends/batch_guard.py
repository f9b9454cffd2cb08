"""Keeps a live run from asking what a batch is being paid for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from harness.backends.base import Around, Backend
from harness.errors import PendingAnswerError
from harness.records import Answer, Request


class Guarded(Around):
    """Asks `backend`, except for requests that are in a batch already: these are pending.

    `under_way` has the keys of those, each with the run that sent the batch.
    """

    def __init__(self, backend: Backend, under_way: Mapping[str, str]) -> None:
        super().__init__(backend)
        self.under_way = under_way
        self._pending: Counter[str] = Counter()

    async def answer(self, request: Request, key: str, /) -> Answer:
        """The answer; raises PendingAnswerError where a batch will have it."""
        if (run := self.under_way.get(key)) is not None:
            self._pending[run] += 1
            raise PendingAnswerError(f"the answer waits for a batch of run {run}")
        return await self.backend.answer(request, key)

    async def wave(self) -> None:
        """Raises PendingAnswerError, which says whose batches are to be collected first."""
        of = ", ".join(f"{count} of run {run}" for run, count in self._pending.items())
        first = next(iter(self._pending), "latest")
        raise PendingAnswerError(
            f"some answers are being made by batches, and would be paid for twice: {of}; collect "
            f"them with `harness resume {first}`, or ask anew with --fresh"
        )
