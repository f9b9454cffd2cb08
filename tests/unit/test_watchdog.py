"""Endless code is interrupted, other code is left alone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from harness.watchdog import TookTooLongError, Watchdog


@pytest.fixture
def watchdog() -> Iterator[Watchdog]:
    dog = Watchdog(limit_s=0.2)
    yield dog
    dog.close()


def endless() -> None:
    while True:
        pass


def test_what_a_step_returns_is_handed_on(watchdog: Watchdog) -> None:
    assert watchdog.run(lambda: 3) == 3


def test_an_endless_loop_is_interrupted(watchdog: Watchdog) -> None:
    with pytest.raises(TookTooLongError, match=r"more than 0\.2 s"):
        watchdog.run(endless)


def test_a_step_after_an_interrupted_one_runs_as_usual(watchdog: Watchdog) -> None:
    with pytest.raises(TookTooLongError):
        watchdog.run(endless)
    assert watchdog.run(lambda: sum(range(1000))) == 499500


def test_what_a_step_raises_is_raised(watchdog: Watchdog) -> None:
    with pytest.raises(ZeroDivisionError):
        watchdog.run(lambda: 1 / 0)


def test_a_loop_that_swallows_the_interruption_ends_all_the_same(watchdog: Watchdog) -> None:
    def stubborn() -> None:
        while True:
            with contextlib.suppress(Exception):
                endless()

    with pytest.raises(TookTooLongError, match="is it a loop"):
        watchdog.run(stubborn)
