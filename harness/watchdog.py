"""A limit on how long a suite's own code may run: an endless loop is interrupted where it is.

Python code is interrupted between two of its instructions. A call that waits inside a C function,
such as a long `time.sleep`, is interrupted soon after it returns.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
LIMIT_S = 30.0
LOOK_EVERY_S = 0.25
TAKEN_WITHIN_S = 0.05


class TookTooLongError(Exception):
    """Raised inside the code that ran for too long; `delivered` once it was."""

    delivered = False


class StubbornError(BaseException):
    """Raised inside code that caught the first and went on: `except Exception` lets it through."""


class _UnstuckError(BaseException):
    """Raised by the watcher in itself, and caught: see `_interrupt`."""


class Watchdog:
    """Runs steps of a computation in the caller's thread, each for `limit_s` at most."""

    def __init__(
        self, limit_s: float = LIMIT_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.limit_s, self.clock = limit_s, clock
        self._lock = threading.Lock()
        self._running: _Step | None = None
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def run(self, step: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        """What `step` returns; raises TookTooLongError inside it when its time is up."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
            self._thread.start()
        with self._lock:
            self._running = _Step(self.clock() + self.limit_s, threading.get_ident())
        try:
            return step(*given, **named)
        except StubbornError:
            raise _error_class(self.limit_s) from None
        finally:
            self._let_go()

    def _let_go(self) -> None:
        """The step has ended; an interruption that comes at this very moment comes too late."""
        while self._running is not None:
            try:  # twice a trial: `contextlib.suppress` would take as long as the rest
                with self._lock:
                    self._running = None
            except (TookTooLongError, StubbornError):
                continue

    def close(self) -> None:
        """End the watching thread."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        while not self._closed.wait(LOOK_EVERY_S):
            step = self._running
            if step is not None and self.clock() > step.until:
                if step.told is not None and step.told.delivered:
                    self._interrupt(step, StubbornError)
                else:
                    step.told = _error_class(self.limit_s)
                    self._interrupt(step, step.told)

    def _interrupt(self, step: _Step, error: type[BaseException]) -> None:
        """Raise `error` in the step's thread, or take it back where that waits outside of Python.

        An exception that nobody takes makes every thread of the interpreter look for it at every
        call, and CPython 3.11, when it is traced, look for ever. So nothing here calls a Python
        function until it is taken, by the step or, another one, by this thread itself.
        """
        put, thread = ctypes.pythonapi.PyThreadState_SetAsyncExc, ctypes.c_ulong(step.thread)
        own, unstuck = ctypes.c_ulong(threading.get_ident()), ctypes.py_object(_UnstuckError)
        raised = ctypes.py_object(error)
        with self._lock:
            if self._running is not step:
                return
            put(thread, raised)
        time.sleep(TAKEN_WITHIN_S)
        with self._lock:
            if self._running is step:
                put(thread, None)
        try:
            put(own, unstuck)
            while True:
                time.sleep(0)
        except _UnstuckError:
            pass


@dataclass(slots=True, eq=False)
class _Step:
    """What is running: until when it may, in which thread, and what was raised in it."""

    until: float
    thread: int
    told: type[TookTooLongError] | None = None


def _error_class(limit_s: float) -> type[TookTooLongError]:
    """The interpreter raises a class without arguments, so the message is the class's own."""

    class EndlessError(TookTooLongError):
        def __init__(self) -> None:
            type(self).delivered = True

        def __str__(self) -> str:
            return f"it ran for more than {limit_s:g} s without asking anything; is it a loop?"

    EndlessError.__name__ = TookTooLongError.__name__
    return EndlessError
