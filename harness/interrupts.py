"""Ctrl-C: the first ends a run in good order, the second gives up what is under way."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def interrupts(first: Callable[[], None]) -> Iterator[None]:
    """Call `first` at the first signal, and cancel the current task at the second.

    Does nothing outside the main thread, and where the platform has no such signals.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    pressed = iter([first])

    def interrupt() -> None:
        act = next(pressed, None)
        if act is not None:
            act()
        elif task is not None:
            task.cancel()

    try:
        for number in SIGNALS:
            loop.add_signal_handler(number, interrupt)
    except (NotImplementedError, RuntimeError, ValueError):
        yield
        return
    try:
        yield
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
