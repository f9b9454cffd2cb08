"""That one process at a time asks live for a run, and that a dead one holds up nobody."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from harness.errors import RunStoppedError, UsageError
from harness.lease import Lease
from harness.store import Store

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(f"sqlite:///{tmp_path}/store.db")
    yield opened
    opened.close()


def lease(store: Store, name: str = "elsewhere:1", *, at: datetime = NOW) -> Lease:
    return Lease(store, "run", name=name, clock=lambda: at)


def test_a_second_process_is_told_who_has_the_run(store: Store):
    lease(store).take()
    for ask in (lease(store, "other:2").take, lease(store, "other:2").require_free):
        with pytest.raises(UsageError, match="process 1 on elsewhere is asking for run run"):
            ask()


def test_a_run_that_was_let_go_is_free(store: Store):
    first = lease(store)
    first.take()
    first.release()
    lease(store, "other:2").take()


def test_a_process_on_another_machine_that_is_silent_has_let_go(store: Store):
    lease(store).take()
    lease(store, "other:2", at=NOW + timedelta(seconds=61)).take()


def test_a_process_that_is_dead_holds_up_nobody(store: Store):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    lease(store, f"{socket.gethostname()}:{ended.pid}").take()
    lease(store, "other:2").take()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_that_nobody_has_buried_holds_up_nobody(store: Store):
    killed = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        lease(store, f"{socket.gethostname()}:{killed.pid}").take()
        killed.kill()
        os.waitid(os.P_PID, killed.pid, os.WEXITED | os.WNOWAIT)
        lease(store, "other:2").take()
    finally:
        killed.communicate()


def test_a_process_that_lives_keeps_the_run(store: Store):
    lease(store, f"{socket.gethostname()}:{os.getppid()}").take()
    with pytest.raises(UsageError):
        lease(store, "other:2").take()


def test_the_same_process_may_go_on(store: Store):
    lease(store).take()
    lease(store).take()


def test_a_lease_that_is_renewed_stays(store: Store):
    held = lease(store)
    held.take()
    held.clock = lambda: NOW + timedelta(minutes=5)
    held.renew()
    with pytest.raises(UsageError):
        lease(store, "other:2", at=NOW + timedelta(minutes=5, seconds=30)).take()


def test_whoever_lost_the_run_is_told_so(store: Store):
    told: list[RunStoppedError] = []
    slept = Lease(store, "run", name="elsewhere:1", clock=lambda: NOW, every_s=0.01)
    slept.take()
    lease(store, "other:2", at=NOW + timedelta(minutes=2)).take()
    asyncio.run(asyncio.wait_for(slept.keep(told.append), 5))
    assert str(told[0]) == "process other:2 has taken run run over"


def test_runs_are_held_apart(store: Store):
    lease(store).take()
    Lease(store, "another", name="other:2", clock=lambda: NOW).take()
