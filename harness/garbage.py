"""When the garbage collector runs: not while much is made that stays, and seldom during a run.

What is done here holds for the whole process, so that it is counted who asked for it: an inner
owner who is done with it does not undo what an outer one still needs.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
from collections.abc import Iterator
from threading import Lock
from typing import ClassVar

SELDOM = (20_000, 20, 100)
"""Thresholds of the collector beside code that leaves it little to find."""


class Restraint:
    """What one owner asks of the garbage collector, until it lets go; owners may be nested."""

    _lock = Lock()
    _setting_aside: ClassVar[set[Restraint]] = set()
    _seldom: ClassVar[set[Restraint]] = set()
    _usual: ClassVar[tuple[int, int, int]] = gc.get_threshold()

    def set_aside(self, *, searched: bool = False) -> None:
        """Leave alone all that there is now, until every owner who set something aside let go.

        The SDK's modules alone are so many objects that each full collection would stop every
        request for a tenth of a second. What is garbage by now is kept as well, unless it is
        `searched` for before.
        """
        if searched:
            gc.collect()
        with self._lock:
            self._setting_aside.add(self)
            gc.freeze()

    def look_seldom(self) -> None:
        """Look for garbage rarely."""
        with self._lock:
            if not self._seldom:
                Restraint._usual = gc.get_threshold()
            self._seldom.add(self)
            gc.set_threshold(*SELDOM)

    def let_go(self) -> None:
        """Leave the collector to the others; as it was before, where there are none."""
        with self._lock:
            if self in self._seldom:
                self._seldom.remove(self)
                if not self._seldom:
                    gc.set_threshold(*self._usual)
            if self in self._setting_aside:
                self._setting_aside.remove(self)
                if not self._setting_aside:
                    gc.unfreeze()


@contextlib.contextmanager
def rare_collections() -> Iterator[None]:
    """The garbage collector leaves alone what is there already, and looks at the rest rarely."""
    restraint = Restraint()
    restraint.set_aside()
    restraint.look_seldom()
    try:
        yield
    finally:
        restraint.let_go()


@contextlib.contextmanager
def gc_paused() -> Iterator[None]:
    """No garbage collection while many objects are made that all stay: it would look at each."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def no_last_look() -> None:
    """The end of the process does not look for garbage: what is left goes with the process."""
    atexit.unregister(gc.freeze)  # registered once, however often it is asked for
    atexit.register(gc.freeze)
