"""Backends that never spend more than a budget: each request is promised its worst case first.

Live, every attempt is promised and settled on its own, since one that broke off may be billed as
well as the next. In batches, a wave sends what fits and keeps the rest for the wave after it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextvars import ContextVar
from decimal import Decimal
from itertools import takewhile
from typing import Any

from harness.backends.base import Keep
from harness.backends.batch import BatchBackend
from harness.backends.noted import NotedLive
from harness.backends.wire import FaultError
from harness.budget import Promise, Purse, depth, described, known
from harness.errors import BudgetError
from harness.records import Answer, Request

PROMISED: ContextVar[Promise] = ContextVar("PROMISED")
"""What was promised to the attempt that the current task has under way."""


class BudgetedLive(NotedLive):
    """Asks the API as `NotedLive` does, within the budget of `purse`."""

    def __init__(self, *given: Any, purse: Purse, **options: Any) -> None:
        super().__init__(*given, **options)
        self.purse = purse

    def stop(self) -> None:
        """Send nothing more; requests that wait for money are given up too."""
        super().stop()
        self.purse.budget.stop()

    async def close(self) -> None:
        """Close the connections, and note what the run has spent."""
        await super().close()
        self.purse.budget.close()

    async def _attempt(self, request: Request, *, again: bool) -> Answer:
        worst = known(self.purse.live(request), request)
        budget = self.purse.budget
        promise = await budget.reserve(worst, described(request), depth(request), again=again)
        PROMISED.set(promise)
        real = worst
        try:
            answer = await super()._attempt(request, again=again)
            real = _or(self.purse.price(answer).total, worst)
            return answer
        except FaultError as error:
            real = Decimal(0) if error.fault.unbilled else worst
            raise
        finally:
            budget.settle(promise, real)

    def sending(self) -> None:
        """The current task's attempt has its turn: it may be billed from now on."""
        super().sending()
        self.purse.budget.send(PROMISED.get())


class BudgetedBatch(BatchBackend):
    """Sends batches as `BatchBackend` does, within the budget of `purse`."""

    def __init__(self, *given: Any, purse: Purse, **options: Any) -> None:
        super().__init__(*given, **options)
        self.purse = purse
        self._counted: set[str] = set()
        self._worst: dict[str, Decimal] = {}
        self._what: dict[str, str] = {}
        self._depth: dict[str, int] = {}
        self._wholes = purse.wholes

    def record_with(self, keep: Keep, /) -> None:
        """Commit the answers of batches with `keep`, and count what they cost."""
        self._counted = self._resumed(keep)
        super().record_with(Counting(keep, self.purse, self._counted))

    async def answer(self, request: Request, key: str, /) -> Answer:
        """As `BatchBackend.answer`, of a request whose price is known."""
        self._worst[key] = known(self.purse.batch(request), request)
        self._what[key] = described(request)
        self._depth[key] = depth(request)
        self.purse.asked(key, request)
        return await super().answer(request, key)

    async def wave(self) -> None:
        """Send what fits, and record what comes of it; what was not answered costs nothing."""
        try:
            await super().wave()
        finally:
            self._release(self.journal.under_way())

    async def _send(self, keys: Sequence[str]) -> None:
        """As `BatchBackend._send`; nothing is asked live first where there is room for nothing."""
        if self.journal.free(keys):
            self._fitting(keys)
            self._release(self.journal.under_way())
        await super()._send(keys)

    def affordable(self, keys: Sequence[str]) -> Sequence[str]:
        """Those of the requests that the budget has room for; raises BudgetError for none at all.

        A trial that has not begun is begun where there is room for all that it may need. Where
        batches are under way, their settlement may make room: the rest waits for it.
        """
        fit, wanted = self._fitting(keys)
        if len(fit) < wanted:
            text = _room(len(fit), wanted)
            self.audit.note("budget", None, text, fit=len(fit), waiting=wanted - len(fit))
        return fit

    def _fitting(self, keys: Sequence[str]) -> tuple[list[str], int]:
        """The requests for which money was set aside now, and how many want some."""
        sent = self.journal.under_way()
        self._release(sent)
        done = self._counted.union(self.journal.given_up(keys))
        self._wholes.close(keys, sent)
        for key in sent.keys() & keys:
            self._wholes.add(key, self._worst[key])
        free = [key for key in keys if key not in sent and key not in done]
        # What was begun is brought to its end.
        free.sort(key=lambda key: (not self._wholes.has_begun(key), -self._depth[key]))
        # In turn: a smaller one that went ahead would buy the cheapest model alone.
        fit = list(takewhile(self._set_aside, free))
        if free and not fit and not self.purse.budget.batched:
            raise self._no_room(free)
        return fit, len(free)

    def _set_aside(self, key: str) -> bool:
        """Promise money to the request; false where it, or the rest of its trial, does not fit."""
        budget, worst = self.purse.budget, self._worst[key]
        if not self._wholes.fits(key, worst, budget.left) or not budget.set_aside(key, worst):
            return False
        self._wholes.add(key, worst)
        return True

    def _no_room(self, free: Sequence[str]) -> BudgetError:
        """Names the first in turn; or the dearest, where nothing was asked yet."""
        budget, rest = self.purse.budget, self._wholes.rest_of
        dearest = max(free, key=lambda key: self._worst[key] + rest(key))
        key = free[0] if budget.committed else dearest
        return budget.refused(self._worst[key], self._what[key], rest(key), len(free))

    def _release(self, in_batches: Collection[str]) -> None:
        budget = self.purse.budget
        budget.release([key for key in budget.batched if key not in in_batches])

    def _resumed(self, keep: Keep) -> set[str]:
        """Hold what the run's open batches may cost; the keys whose answers are counted already."""
        budget, answered = self.purse.budget, set[str]()
        for batch in self.journal.all(self.run):
            if batch.open:
                requests = self.journal.requests_of(batch, self.journal.tries(batch))
                answered |= keep.kept(requests)
                for key in requests.keys() - answered:
                    budget.hold(key, known(self.purse.batch(requests[key]), requests[key]))
        # What was noted of the run has these in it.
        held = sum(budget.batched.values(), Decimal(0))
        budget.spent = max(self.purse.answered, budget.spent - held)
        return answered


class Counting:
    """Keeps answers in `keep`, and pays for those of batches out of the purse, each once."""

    def __init__(self, keep: Keep, purse: Purse, counted: set[str]) -> None:
        self.keep, self.purse, self.counted = keep, purse, counted

    def keep_all(self, answered: Sequence[tuple[str, Request, Answer]], /) -> None:
        """Commit answers, and count what they cost; a live one was counted when it came."""
        self.keep.keep_all(answered)
        for key, _request, answer in answered:
            if answer.mode == "batch" and key not in self.counted:
                self.purse.budget.paid(key, self.purse.price(answer).total)
            self.counted.add(key)

    def lost(self, keys: Collection[str], /) -> None:
        """Count what may have been paid for at its worst."""
        for key in keys:
            self.purse.budget.paid(key, None)

    def kept(self, keys: Collection[str], /) -> set[str]:
        """Those of the keys that have an answer by now."""
        return self.keep.kept(keys)


def _room(fit: int, wanted: int) -> str:
    if not fit:
        return (
            f"the budget has room for none of {wanted:,} requests now; they wait for what those "
            "under way cost, in a later wave"
        )
    return (
        f"the budget has room for {fit:,} of {wanted:,} requests now; the rest waits for what "
        "these cost, in a later wave"
    )


def _or(amount: Decimal | None, otherwise: Decimal) -> Decimal:
    return otherwise if amount is None else amount
