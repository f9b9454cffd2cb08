"""A limit on how long a suite's own code may run: an endless loop is interrupted where it is.

Python code is interrupted between two of its instructions. A call that waits inside a C function,
such as a long `time.sleep`, is interrupted when it returns.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
LIMIT_S = 30.0
LOOK_EVERY_S = 0.25


class TookTooLongError(Exception):
    """Raised inside the code that ran for too long."""


class StubbornError(BaseException):
    """Raised inside code that caught the first and went on: `except Exception` lets it through."""


class Watchdog:
    """Runs steps of a computation in the caller's thread, each for `limit_s` at most."""

    def __init__(
        self, limit_s: float = LIMIT_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.limit_s, self.clock = limit_s, clock
        self._lock = threading.Lock()
        self._running: tuple[float, int, bool] | None = None
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def run(self, step: Callable[[], T]) -> T:
        """What `step` returns; raises TookTooLongError inside it when its time is up."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
            self._thread.start()
        with self._lock:
            self._running = (self.clock() + self.limit_s, threading.get_ident(), False)
        try:
            return step()
        except StubbornError:
            raise _error_class(self.limit_s) from None
        finally:
            with self._lock:
                self._running = None

    def close(self) -> None:
        """End the watching thread."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        while not self._closed.wait(LOOK_EVERY_S):
            with self._lock:
                if self._running is not None and self.clock() > self._running[0]:
                    _until, thread, again = self._running
                    _raise_in(thread, StubbornError if again else _error_class(self.limit_s))
                    self._running = (self.clock() + self.limit_s, thread, True)


def _raise_in(thread: int, error: type[BaseException]) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error))


def _error_class(limit_s: float) -> type[TookTooLongError]:
    """The interpreter raises a class without arguments, so the message is the class's own."""

    class EndlessError(TookTooLongError):
        def __str__(self) -> str:
            return f"it ran for more than {limit_s:g} s without asking anything; is it a loop?"

    EndlessError.__name__ = TookTooLongError.__name__
    return EndlessError
