"""What a run may spend: money is promised to a request before it is sent, and settled after.

What is spent and what is promised never exceed the limit together. What may be billed is noted
outside before it is sent, so that a run that was killed knows what it may have spent.
"""

from __future__ import annotations

import asyncio
import logging
from bisect import insort
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from harness.errors import (
    AnswerMissingError,
    BudgetError,
    RunStoppedError,
    StoreError,
    UsageError,
)
from harness.records import Answer, Bill, Missing, Request
from harness.tabs import NOTHING, TAB, Rest, Tab, Tabs, Wholes

log = logging.getLogger("harness")

STEP = Decimal("0.02")
"""What is noted outside goes ahead of what may be billed by this share of the limit."""
MAX_USD = Decimal(10**9)
PATIENCE_S = 2.0
"""How long a trial that has nothing under way is given to ask again, before others are refused."""
LAST = 10**6

Note = Callable[[Decimal], None]


def usd(text: str, name: str = "--budget") -> Decimal:
    """The dollars of an option, such as `5`, `0.50` or `$5`; raises UsageError for all else."""
    try:
        amount = Decimal(text.strip().removeprefix("$"))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or not 0 < amount <= MAX_USD:
        raise UsageError(f"{name} {text!r} is no budget; write dollars above 0, as in {name} 5.00")
    return amount


def exactly(amount: Decimal) -> str:
    """Dollars with every digit, two at least: `$5.00`, `$0.00125`."""
    digits = max(2, -int(amount.normalize().as_tuple().exponent))
    return f"${amount:,.{digits}f}"


@dataclass(eq=False, slots=True)
class Promise:
    """Money for one attempt at a live request; until it is `sent`, it cannot be billed.

    `more` is the trial of which it was not the first.
    """

    amount: Decimal
    sent: bool = False
    more: Tab | None = None


@dataclass(eq=False, slots=True)
class _Waiting:
    """A request that waits for money; those with the least `turn` go first."""

    amount: Decimal
    what: str
    tab: Tab | None
    turn: tuple[bool, int]
    granted: asyncio.Future[Promise]
    again: bool = False


@dataclass(slots=True)
class Budget:
    """A limit, what is `spent`, and what is promised: `live`, and to requests of batches by key.

    `note` keeps what may be billed in all, at the latest before it is sent. A trial that has begun
    goes before others, and is given `patience_s` seconds between two requests.
    """

    limit: Decimal
    spent: Decimal = Decimal(0)
    note: Note = lambda _usd: None
    live: Decimal = Decimal(0)
    batched: dict[str, Decimal] = field(default_factory=dict)
    _in_batches: Decimal = Decimal(0)
    _sent: Decimal = Decimal(0)
    _under_way: int = 0
    _noted: Decimal = Decimal(0)
    patience_s: float = PATIENCE_S
    _tabs: Tabs = field(default_factory=Tabs)
    _waiting: list[_Waiting] = field(default_factory=list)
    _giving_up: asyncio.Handle | None = None
    _stopped: bool = False

    @property
    def committed(self) -> Decimal:
        """Dollars that are spent or promised."""
        return self.spent + self.live + self._in_batches

    @property
    def billable(self) -> Decimal:
        """Dollars that are spent, or may be without another request."""
        return self.spent + self._sent + self._in_batches

    @property
    def left(self) -> Decimal:
        """Dollars that may still be promised."""
        return self.limit - self.committed

    async def reserve(
        self, amount: Decimal, what: str, depth: int = 0, *, again: bool = False
    ) -> Promise:
        """The promise of `amount` to the request `what`, as soon as it fits.

        One that does not fit waits for those under way; the deepest into its trial goes first.
        What is sent `again` is no part of what a trial needs.
        Raises BudgetError where none is under way, and AnswerMissingError where only batches are,
        since whoever waits for these asks now.
        """
        if self._stopped:
            raise RunStoppedError("the run was stopped")
        tab = TAB.get()
        counted = None if again else tab
        if not self._waiting and self._fits(amount, tab):
            return self._grant(amount, counted)
        turn = (tab is None or tab.first is None, -depth)
        granted: asyncio.Future[Promise] = asyncio.get_running_loop().create_future()
        waiting = _Waiting(amount, what, tab, turn, granted, again)
        insort(self._waiting, waiting, key=lambda one: one.turn)
        self._wake()
        try:
            return await granted
        except asyncio.CancelledError:
            if waiting in self._waiting:
                self._waiting.remove(waiting)
            elif granted.done() and not granted.cancelled() and granted.exception() is None:
                self.settle(granted.result(), Decimal(0))
            raise

    def send(self, promise: Promise) -> None:
        """The attempt is about to be sent, and may be billed from now on."""
        self._ahead(self.billable + promise.amount)
        promise.sent = True
        self._sent += promise.amount

    def settle(self, promise: Promise, real: Decimal) -> None:
        """The attempt has cost `real` dollars, or may have; nothing, where it was not sent."""
        self.live -= promise.amount
        self._under_way -= 1
        if promise.more is not None:
            promise.more.more -= promise.amount - (real if promise.sent else NOTHING)
        if promise.sent:
            if real > promise.amount:
                log.warning("a request cost $%s, at most $%s was foreseen", real, promise.amount)
            self._sent -= promise.amount
            self.spent += real
        self._settled()

    def set_aside(self, key: str, amount: Decimal) -> bool:
        """Promise `amount` to a request of a batch; false where it does not fit."""
        if key in self.batched:
            return True
        if amount > self.left:
            return False
        self._ahead(self.billable + amount)
        self.batched[key] = amount
        self._in_batches += amount
        return True

    def hold(self, key: str, amount: Decimal) -> None:
        """A request that is in a batch already may cost `amount`, whether that fits or not."""
        if key not in self.batched:
            self.batched[key] = amount
            self._in_batches += amount

    def paid(self, key: str, real: Decimal | None) -> None:
        """A batch has answered the request for `real` dollars; unknown counts as promised."""
        promised = self.batched.pop(key, Decimal(0))
        self._in_batches -= promised
        self.spent += promised if real is None else real
        self._settled()

    def release(self, keys: Iterable[str]) -> None:
        """These requests were in no batch that answered them, and cost nothing."""
        for key in keys:
            self._in_batches -= self.batched.pop(key, Decimal(0))
        self._settled()

    def stop(self) -> None:
        """Promise nothing more; whoever waits is told."""
        self._stopped = True
        waiting, self._waiting = self._waiting, []
        self._keep_patience()
        for one in waiting:
            if not one.granted.done():
                one.granted.set_exception(RunStoppedError("the run was stopped"))

    def close(self) -> None:
        """Note exactly what may be billed by now."""
        self._noted = self.billable
        self.note(self._noted)

    def refused(
        self, amount: Decimal, what: str, rest: Decimal = NOTHING, known: int = 1
    ) -> BudgetError:
        """The error that says why a request and the `rest` of its trial do not fit; the way on.

        Where nothing is spent yet, it is the dearest of so many first ones that are `known`.
        """
        may = f"{what} may cost up to {exactly(amount)}"
        may += f" and the rest of its trial {exactly(rest)}" if rest else ""
        if not self.committed:
            room = "has no room for one whole trial" if rest else "is below the first request"
            may += f", {exactly(amount + rest)} in all" if rest else ""
            may += f" (the dearest of {known:,} that are known)" if known > 1 else ""
            return BudgetError(
                f"the budget of {exactly(self.limit)} {room}: {may}; "
                "raise --budget, or lower `max_tokens`"
            )
        held = f", and {exactly(self._in_batches)} is promised to batches" if self.batched else ""
        return BudgetError(
            f"stopped by the budget of {exactly(self.limit)}: {exactly(self.spent)} is spent or "
            f"may have been billed{held}, and {may}; go on with a larger --budget"
        )

    def _refusal(self, one: _Waiting, known: int) -> Exception:
        error = self.refused(one.amount, one.what, self._rest(one), known)
        return AnswerMissingError(Missing("budget_reached", str(error))) if self.batched else error

    def _rest(self, one: _Waiting) -> Decimal:
        """What is to be there for later requests, too, where this one opens a trial."""
        return self._tabs.rest_of(one.tab) if one.tab and one.tab.first is None else NOTHING

    def _fits(self, amount: Decimal, tab: Tab | None) -> bool:
        return self._tabs.fits(amount, tab, self.left, self.limit - self.spent)

    def _grant(self, amount: Decimal, tab: Tab | None) -> Promise:
        self.live += amount
        self._under_way += 1
        self._keep_patience()
        promise = Promise(amount)
        if tab is not None:
            tab.closed = self._closed
            if self._tabs.add(tab, amount):
                promise.more = tab
        return promise

    def _closed(self, tab: Tab) -> None:
        """A trial has ended: what was held for it is free."""
        self._tabs.close(tab)
        if self._waiting:
            self._wake()

    def _ahead(self, billable: Decimal) -> None:
        if billable > self._noted:
            ahead = max(billable, min(self.limit, billable + self.limit * STEP))
            self.note(ahead)
            self._noted = ahead

    def _settled(self) -> None:
        self._wake()
        ahead = self.billable + self.limit * STEP
        if self._noted > ahead + self.limit * STEP:
            self._noted = ahead
            try:
                self.note(ahead)
            except StoreError as error:  # it would take an answer's place, or a cancellation's
                log.warning("what was spent is not noted: %s", error)

    def _wake(self) -> None:
        """Promise what has become free to those who wait, in turn; refuse them where none can.

        A smaller one does not go ahead: a budget that ends would buy the cheapest model alone.
        Where nothing is spent, those who are about to ask are heard first, to name the dearest.
        """
        self._waiting = [one for one in self._waiting if not one.granted.done()]
        while self._waiting and self._fits(self._waiting[0].amount, self._waiting[0].tab):
            self._serve_first()
        if not self._waiting or self._under_way:
            return
        # A trial that neither waits nor has anything under way may ask for less, or end.
        idle = not self._tabs.open <= {one.tab for one in self._waiting}
        if self.committed and not idle:
            self._refuse_all()
        elif self._giving_up is None:
            loop = asyncio.get_running_loop()
            self._giving_up = (
                loop.call_later(self.patience_s, self._give_up)
                if idle
                else loop.call_soon(self._refuse_all)
            )

    def _serve_first(self) -> None:
        one = self._waiting.pop(0)
        one.granted.set_result(self._grant(one.amount, None if one.again else one.tab))

    def _refuse_all(self) -> None:
        self._keep_patience()
        refused, self._waiting = [one for one in self._waiting if not one.granted.done()], []
        if not refused:
            return
        told = refused[0]  # whose turn it was
        if not self.committed:
            told = max(refused, key=lambda one: one.amount + self._rest(one))
        for one in refused:
            one.granted.set_exception(self._refusal(told, len(refused)))

    def _give_up(self) -> None:
        """Hold nothing for trials that do not ask: they may be waiting for one that waits here."""
        self._giving_up = None
        self._waiting = [one for one in self._waiting if not one.granted.done()]
        if self._waiting and self._waiting[0].amount <= self.left:
            self._serve_first()
        else:
            self._refuse_all()

    def _keep_patience(self) -> None:
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None


@dataclass(frozen=True, slots=True)
class Purse:
    """A budget, and how requests and answers are priced: at most, by tier, and as billed.

    `answered` is what the answers cost that the run had paid for before. `rest` tells what a trial
    may still need after a request of a batch; `wholes` are those that ask in batches.
    """

    budget: Budget
    live: Callable[[Request], Decimal | None]
    batch: Callable[[Request], Decimal | None]
    price: Callable[[Answer], Bill]
    answered: Decimal = NOTHING
    rest: Callable[[Any, Request], Rest] = lambda _trial, _request: Rest()
    wholes: Wholes = field(default_factory=Wholes)

    def asked(self, key: str, request: Request) -> None:
        """The trial of the current task asks for this in a batch."""
        trial = tab.trial if (tab := TAB.get()) else None
        self.wholes.asked(key, trial, lambda: self.rest(trial, request))


def described(request: Request) -> str:
    """A request as the budget's errors name it."""
    kind = "a judge's request" if request.purpose == "judge" else "a request"
    return f"{kind} to {request.model}"


def depth(request: Request) -> int:
    """How far its trial has come with this request: by answers before it, and last the judges."""
    if request.purpose != "answer":
        return LAST
    messages = request.params.get("messages") or ()
    return sum(1 for message in messages if message.get("role") == "assistant")


def known(amount: Decimal | None, request: Request) -> Decimal:
    """The amount; raises BudgetError where no price is known."""
    if amount is None:
        raise BudgetError(
            f"no price of {request.model} is known for such a request, and a budget needs one; "
            "name it in a table with --models-file"
        )
    return amount
