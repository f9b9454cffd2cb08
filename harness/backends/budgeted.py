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
from harness.records import Answer, Request

PROMISED: ContextVar[Promise] = ContextVar("PROMISED")
"""What was promised to the attempt that the current task has under way."""


class BudgetedLive(NotedLive):
    """Asks the API as `NotedLive` does, within the budget of `purse`."""

    def __init__(self, *given: Any, purse: Purse, **options: Any) -> None:
        super().__init__(*given, broke_off=purse.broke_off, **options)
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
        self._worst: dict[str, Decimal] = {}
        self._what: dict[str, str] = {}
        self._depth: dict[str, int] = {}

    def record_with(self, keep: Keep, /) -> None:
        """Commit the answers of batches with `keep`, and count what they cost."""
        counted = self._resumed(keep)
        super().record_with(Counting(keep, self.purse, counted))

    async def answer(self, request: Request, key: str, /) -> Answer:
        """As `BatchBackend.answer`, of a request whose price is known."""
        self._worst[key] = known(self.purse.batch(request), request)
        self._what[key] = described(request)
        self._depth[key] = depth(request)
        return await super().answer(request, key)

    async def wave(self) -> None:
        """Send what fits, and record what comes of it; what was not answered costs nothing."""
        await super().wave()
        self._release(self.journal.under_way())

    def affordable(self, keys: Sequence[str]) -> Sequence[str]:
        """Those of the requests that the budget has room for; raises BudgetError for none at all.

        Where batches are under way, their settlement may make room: the rest waits for it.
        """
        budget, sent = self.purse.budget, self.journal.under_way()
        self._release(sent)
        gone = self.journal.given_up(keys)
        free = [key for key in keys if key not in sent and key not in gone]
        free.sort(key=lambda key: -self._depth[key])  # what was begun is brought to its end
        # In turn: a smaller one that went ahead would buy the cheapest model alone.
        fit = list(takewhile(lambda key: budget.set_aside(key, self._worst[key]), free))
        if free and not fit and not budget.batched:
            raise budget.refused(self._worst[free[0]], self._what[free[0]])
        if len(fit) < len(free):
            text = _room(len(fit), len(free))
            self.audit.note("budget", None, text, fit=len(fit), waiting=len(free) - len(fit))
        return fit

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
                self.counted.add(key)
                self.purse.budget.paid(key, self.purse.price(answer).total)

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
