"""Money for whole trials: what a trial may still have to ask is held for it until it ends.

Live, nobody knows that beforehand, since a trial is a program; it is learned from those that ran:
each is taken to need as much after its first request as the one that needed most so far of its
suite and candidate. In batches, nothing ends for long, so it is foreseen, and what is
foreseen is corrected by those that have ended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

LEARNED = 5
"""Trials that must have ended before it is known what one needs."""
FEW, MANY = Decimal("0.25"), Decimal("0.05")
"""The share of the money that may pay for first requests until then: of as many trials, of more."""
NOTHING = Decimal(0)


@dataclass(eq=False, slots=True)
class Tab:
    """What one trial was promised: dollars for its `first` request, and for all `more` of them.

    `more` counts what has been billed of these, and what is still promised. Trials of one `kind`
    are taken to need alike.
    """

    trial: Any = None
    first: Decimal | None = None
    more: Decimal = NOTHING
    closed: Callable[[Tab], None] | None = None

    @property
    def kind(self) -> Hashable:
        """The suite and the candidate, by name; nothing where no trial is known."""
        trial = self.trial
        return "" if trial is None else (trial.suite.name, trial.candidate.name)


TAB: ContextVar[Tab | None] = ContextVar("TAB", default=None)
"""The trial on behalf of which the current task asks."""


@contextmanager
def on_a_tab(trial: Any = None) -> Iterator[None]:
    """Within it, one `trial` asks: in the current task, and in those that this one starts."""
    tab = Tab(trial)
    before = TAB.set(tab)
    try:
        yield
    finally:
        TAB.reset(before)
        if tab.closed is not None:
            tab.closed(tab)


@dataclass(slots=True)
class Tabs:
    """The trials that have begun to ask live.

    `rest` is the most that one needed at once after its first request, by the kind of trial: what
    that had cost by then, and what was promised. `ended` counts those that are through.
    """

    open: set[Tab] = field(default_factory=set)
    rest: dict[Hashable, Decimal] = field(default_factory=dict)
    ended: Counter[Hashable] = field(default_factory=Counter)

    def fits(self, amount: Decimal, tab: Tab | None, left: Decimal, unspent: Decimal) -> bool:
        """`left` suffices for the amount, and for the rest of the trial where this opens it.

        `unspent` is what is left, and what is promised.
        """
        if tab is None or tab.first is not None:
            return amount <= left
        if amount > left or not self._may_learn(amount, tab.kind, unspent):
            return False
        need = amount + self.rest_of(tab)
        # The sum over all that are open takes longer, and is rarely needed.
        most = max(self.rest.values(), default=NOTHING) * len(self.open)
        return need + most <= left or need + self.held() <= left

    def _may_learn(self, amount: Decimal, kind: Hashable, unspent: Decimal) -> bool:
        """Not too much goes to first requests while nobody knows what trials of the kind need."""
        if self.ended[kind] >= LEARNED:
            return True
        unknown = [one for one in self.open if self.ended[one.kind] < LEARNED]
        promised = sum((one.first or NOTHING for one in unknown), amount)
        return not unknown or promised <= unspent * (FEW if len(unknown) < LEARNED else MANY)

    def rest_of(self, tab: Tab) -> Decimal:
        """Dollars that such a trial may need after its first request, as far as is known."""
        return self.rest.get(tab.kind, NOTHING)

    def held(self) -> Decimal:
        """Dollars that the open trials may still need."""
        return sum((max(NOTHING, self.rest_of(tab) - tab.more) for tab in self.open), NOTHING)

    def add(self, tab: Tab, amount: Decimal) -> bool:
        """The trial is promised so much; whether that is for more than its first request."""
        if tab.first is None:
            tab.first = amount
            self.open.add(tab)
            return False
        tab.more += amount
        self.rest[tab.kind] = max(self.rest_of(tab), tab.more)
        return True

    def close(self, tab: Tab) -> None:
        """The trial has ended, and needs nothing any more."""
        self.open.discard(tab)
        self.ended[tab.kind] += 1


class Rest(NamedTuple):
    """What a trial may still need after a request: `usd`, as foreseen.

    It has `begun` where that is not its first request; trials that are `alike` are foreseen alike.
    """

    usd: Decimal = NOTHING
    begun: bool = False
    alike: Hashable = None


@dataclass(eq=False, slots=True)
class Whole:
    """A trial that asks in batches: what was `promised` to its requests, by key.

    `more` is what was promised to all but the first, and `rest` was foreseen `at` that one.
    """

    trial: Any
    rest: Rest = field(default_factory=Rest)
    at: str = ""
    promised: dict[str, Decimal] = field(default_factory=dict)
    more: Decimal = NOTHING

    @property
    def begun(self) -> bool:
        """It was promised something, or had begun before."""
        return bool(self.promised) or self.rest.begun

    def promise(self, key: str, amount: Decimal) -> None:
        """So much is promised to one of its requests, whose key is new."""
        self.more += amount if self.promised else NOTHING
        self.promised[key] = amount


@dataclass(slots=True)
class Wholes:
    """The trials that ask in batches, and how much of what was foreseen they have needed.

    `held` is what those that have begun may still need, in dollars. `share` is the largest part of
    what was foreseen that one was promised, of those that are alike; above 1 where that was too
    little. It counts for less once enough of them have ended, as `ended` tells.
    """

    held: Decimal = NOTHING
    share: dict[Hashable, Decimal] = field(default_factory=dict)
    ended: Counter[Hashable] = field(default_factory=Counter)
    _of: dict[str, Whole] = field(default_factory=dict)
    # By identity: trials are the same objects in all waves, and take long to compare.
    _known: dict[int, Whole] = field(default_factory=dict)

    def asked(self, key: str, trial: Any, foresee: Callable[[], Rest]) -> None:
        """The trial asks for this; what is asked for no trial stands alone."""
        if trial is None:
            self._of.setdefault(key, Whole(None))
            return
        whole = self._of[key] = self._known.setdefault(id(trial), Whole(trial))
        # It may have got further before it was promised anything, by what others were answered.
        if not whole.promised and whole.at != key:
            whole.at, whole.rest = key, foresee()

    def has_begun(self, key: str) -> bool:
        """The trial that asks for it has been asking before."""
        return self._of[key].begun

    def rest_of(self, key: str) -> Decimal:
        """Dollars that are to be there for later requests, too, where this one opens a trial."""
        whole = self._of[key]
        return NOTHING if whole.begun else self._need(whole)

    def fits(self, key: str, amount: Decimal, left: Decimal) -> bool:
        """`left` suffices for the amount, and for the rest of the trial where this opens it."""
        whole = self._of[key]
        if whole.begun:
            return amount <= left
        return amount + self._need(whole) + self.held <= left

    def add(self, key: str, amount: Decimal) -> None:
        """The request is promised so much, once."""
        whole = self._of[key]
        if key in whole.promised:
            return
        before = self._open_need(whole)
        whole.promise(key, amount)
        self.held += self._open_need(whole) - before
        foreseen, alike = whole.rest.usd, whole.rest.alike
        if foreseen and whole.more > self.share.get(alike, NOTHING) * foreseen:
            self.share[alike] = whole.more / foreseen
            self._count()

    def close(self, asking: Iterable[str], under_way: Collection[str]) -> None:
        """Those that neither ask nor have a request under way have ended, and need nothing."""
        open_ = {id(self._of[key]) for key in asking}
        for known, whole in list(self._known.items()):
            asks = id(whole) in open_ or not whole.promised.keys().isdisjoint(under_way)
            if whole.promised and not asks:
                del self._known[known]
                self.ended[whole.rest.alike] += bool(whole.more)
        self._count()

    def _count(self) -> None:
        self.held = sum(map(self._open_need, self._known.values()), NOTHING)

    def _open_need(self, whole: Whole) -> Decimal:
        """Dollars that the trial may still need, nothing before it begins."""
        return max(NOTHING, self._need(whole) - whole.more) if whole.promised else NOTHING

    def _need(self, whole: Whole) -> Decimal:
        """Dollars that it may need after its first request."""
        share = self.share.get(whole.rest.alike, NOTHING)
        if self.ended[whole.rest.alike] < LEARNED:
            share = max(share, Decimal(1))
        return whole.rest.usd * share
