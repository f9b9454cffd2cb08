"""That one process at a time asks live for a run, and that a dead one holds up nobody."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from harness import lease
from harness.errors import UsageError
from harness.store import Store

HOLDER = """
import sys
from harness import lease
from harness.store import Store
lease.take(Store(sys.argv[1]), sys.argv[2])
print("taken", flush=True)
input()
"""


class Holder:
    """Another process that has a run."""

    def __init__(self, url: str, run: str = "run") -> None:
        command = [sys.executable, "-c", HOLDER, url, run]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "taken\n"

    def end(self, *, killed: bool = False) -> None:
        if killed:
            self.process.kill()
        self.process.communicate("\n" if not killed else None, timeout=20)


@pytest.fixture
def holder(url: str) -> Iterator[Holder]:
    begun = Holder(url)
    yield begun
    begun.end(killed=True)


def test_a_run_of_another_process_is_refused(store: Store, holder: Holder):
    with pytest.raises(UsageError, match="another process is asking for run run"):
        lease.take(store, "run")


def test_another_run_is_free(store: Store, holder: Holder):
    lease.take(store, "another")
    lease.release(store, "another")


@pytest.mark.parametrize("killed", [False, True], ids=["ended", "killed"])
def test_a_process_that_is_gone_holds_up_nobody(store: Store, holder: Holder, *, killed: bool):
    holder.end(killed=killed)
    lease.take(store, "run")
    lease.release(store, "run")


def test_what_is_let_go_is_free_for_another(url: str, store: Store):
    lease.take(store, "run")
    lease.release(store, "run")
    Holder(url).end()


def test_the_same_process_may_go_on(store: Store):
    lease.take(store, "run")
    lease.take(store, "run")
    lease.release(store, "run")
