"""Money for whole trials: what a trial may still have to ask is held for it until it ends.

Nobody knows that beforehand, since a trial is a program; it is learned from those that ran: each is
taken to need as much after its first request as the one that needed most so far.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal

LEARNED = 5
"""Trials that must have ended before it is known what one needs."""
FEW, MANY = Decimal("0.25"), Decimal("0.05")
"""The share of the money that may pay for first requests until then: of as many trials, of more."""
NOTHING = Decimal(0)


@dataclass(eq=False, slots=True)
class Tab:
    """What one trial was promised: dollars for its `first` request, and for all `more` of them."""

    first: Decimal | None = None
    more: Decimal = NOTHING
    closed: Callable[[Tab], None] | None = None


TAB: ContextVar[Tab | None] = ContextVar("TAB", default=None)
"""The trial on behalf of which the current task asks."""


@contextmanager
def on_a_tab() -> Iterator[None]:
    """Within it, one trial asks: in the current task, and in those that this one starts."""
    tab = Tab()
    before = TAB.set(tab)
    try:
        yield
    finally:
        TAB.reset(before)
        if tab.closed is not None:
            tab.closed(tab)


@dataclass(slots=True)
class Tabs:
    """The trials that have begun to ask.

    `rest` is the most that one was promised after its first request; `ended` counts those that are
    through.
    """

    open: set[Tab] = field(default_factory=set)
    rest: Decimal = NOTHING
    ended: int = 0

    def fits(self, amount: Decimal, tab: Tab | None, left: Decimal, unspent: Decimal) -> bool:
        """`left` suffices for the amount, and for the rest of the trial where this opens it.

        `unspent` is what is left, and what is promised.
        """
        if tab is None or tab.first is not None:
            return amount <= left
        if amount > left:
            return False
        if self.ended < LEARNED and self.open:
            promised = sum((one.first or NOTHING for one in self.open), amount)
            if promised > unspent * (FEW if len(self.open) < LEARNED else MANY):
                return False
        need = amount + self.rest
        # The sum over all that are open takes longer, and is rarely needed.
        return need + self.rest * len(self.open) <= left or need + self.held() <= left

    def held(self) -> Decimal:
        """Dollars that the open trials may still need."""
        return sum((max(NOTHING, self.rest - tab.more) for tab in self.open), NOTHING)

    def add(self, tab: Tab, amount: Decimal) -> None:
        """The trial is promised so much."""
        if tab.first is None:
            tab.first = amount
            self.open.add(tab)
        else:
            tab.more += amount
            self.rest = max(self.rest, tab.more)

    def close(self, tab: Tab) -> None:
        """The trial has ended, and needs nothing any more."""
        self.open.discard(tab)
        self.ended += 1
