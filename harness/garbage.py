"""When the garbage collector runs: not while much is made that stays, and seldom beside the SDK."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


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


@contextlib.contextmanager
def rare_collections() -> Iterator[None]:
    """What is there already is left alone by the garbage collector, and the rest looked at rarely.

    The SDK's modules alone are so many objects that each full collection would stop every request
    for a tenth of a second.
    """
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
