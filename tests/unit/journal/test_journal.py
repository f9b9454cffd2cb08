"""The journal: a request is in one open batch at a time, and none is lost, whoever does what."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from harness.journal import Batch, Journal, Limits, State
from harness.journal.rows import batches
from harness.journal.wanted import wanted
from harness.records import Missing, Request
from harness.store import Store

KEYS = tuple("abcdef")
GONE = Missing("invalid_request_error", "no such model")


def request(version: str = "2026-10-21") -> Request:
    return Request({"model": "claude-haiku-4-5", "max_tokens": 5}, version)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    store = Store(f"sqlite:///{tmp_path}/store.db")
    yield Journal(store)
    store.close()


def begun(journal: Journal, *keys: str, run: str = "one", limits: Limits | None = None) -> Batch:
    """A batch of these requests, which are noted first."""
    journal.want(run, [(key, request()) for key in keys])
    batch = journal.intend(run, keys, limits or Limits(), "here:1")
    assert batch is not None
    return batch


def test_a_request_in_a_batch_is_in_no_other(journal: Journal):
    begun(journal, "a", "b")
    assert journal.intend("two", ["a", "b"], Limits(), "there:2") is None


def test_a_forgotten_batch_frees_its_requests(journal: Journal):
    assert journal.forget(begun(journal, "a"))
    assert journal.free(["a"])


def test_a_batch_of_another_owner_cannot_be_forgotten(journal: Journal):
    batch = begun(journal, "a")
    assert journal.claim(batch, "there:2")
    assert not journal.forget(batch)
    assert not journal.submitted(batch, "msgbatch_1")


def test_a_batch_is_claimed_by_one(journal: Journal):
    batch = begun(journal, "a")
    assert [bool(journal.claim(batch, owner)) for owner in ("x:1", "y:2")] == [True, False]


def test_a_request_that_moved_on_is_not_settled_by_its_old_batch(journal: Journal):
    first = begun(journal, "a")
    journal.submitted(first, "msgbatch_1")
    journal.settle(first, again=["a"])
    second = begun(journal, "a")
    journal.settle(first, again=["a"])
    assert dict(journal.requests(second)).keys() == {"a"}


def test_requests_with_other_headers_go_into_another_batch(journal: Journal):
    journal.want("one", [("a", request()), ("b", request("2023-06-01"))])
    first, second = (journal.intend("one", ["a", "b"], Limits(), "here:1") for _ in range(2))
    assert first
    assert second
    assert [len(dict(journal.requests(batch))) for batch in (first, second)] == [1, 1]


def test_a_request_that_is_larger_than_a_batch_may_be_goes_alone(journal: Journal):
    assert begun(journal, "a", "b", limits=Limits(bytes=10)).requests == 1


def test_what_a_run_gave_up_stays_so_for_this_run(journal: Journal):
    journal.settle(begun(journal, "a"), refused=[("a", GONE)])
    journal.want("one", [("a", request())])
    assert journal.given_up(["a"]) == {"a": GONE}


def test_what_a_run_gave_up_is_asked_anew_by_another(journal: Journal):
    journal.settle(begun(journal, "a"), refused=[("a", GONE)])
    assert begun(journal, "a", run="two").requests == 1


def test_what_waits_at_one_api_is_asked_at_another(journal: Journal):
    begun(journal, "a")
    assert begun(Journal(journal.store, "elsewhere"), "a").requests == 1


class Journals(RuleBasedStateMachine):
    """Two processes do whatever they may, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.stores = [Store(f"sqlite:///{self.folder.name}/store.db") for _ in range(2)]
        self.journals = [Journal(store) for store in self.stores]
        self.wanted: set[str] = set()
        self.answered: Counter[str] = Counter()

    def teardown(self) -> None:
        for store in self.stores:
            store.close()
        self.folder.cleanup()

    def batch(self, data: Any, *states: State) -> Batch | None:
        found = [batch for batch in self.journals[0].all() if batch.state in states]
        return data.draw(st.sampled_from(found)) if found else None

    @rule(process=st.sampled_from([0, 1]), keys=st.sets(st.sampled_from(KEYS), min_size=1))
    def want(self, process: int, keys: set[str]) -> None:
        fresh = keys - set(self.answered)
        self.journals[process].want(f"run{process}", [(key, request()) for key in fresh])
        self.wanted |= fresh

    @rule(process=st.sampled_from([0, 1]), most=st.integers(1, 4))
    def intend(self, process: int, most: int) -> None:
        limits = Limits(requests=most)
        self.journals[process].intend(f"run{process}", KEYS, limits, f"host:{process}")

    @rule(data=st.data(), process=st.sampled_from([0, 1]))
    def create(self, data: Any, process: int) -> None:
        if batch := self.batch(data, State.INTENDED):
            assert self.journals[process].submitted(batch, f"msgbatch_{batch.number}")

    @rule(data=st.data(), process=st.sampled_from([0, 1]))
    def forget(self, data: Any, process: int) -> None:
        if batch := self.batch(data, State.INTENDED):
            self.journals[process].forget(batch)

    @rule(data=st.data(), process=st.sampled_from([0, 1]))
    def hand_back(self, data: Any, process: int) -> None:
        if batch := self.batch(data, State.SUBMITTED):
            self.journals[process].handed_back(batch, f"host:{process}")

    @rule(data=st.data(), process=st.sampled_from([0, 1]), split=st.integers(0, 4))
    def collect(self, data: Any, process: int, split: int) -> None:
        if batch := self.batch(data, State.SUBMITTED):
            keys = sorted(self.journals[process].tries(batch))
            self.answered.update(keys[:split])
            self.journals[process].settle(batch, done=keys[:split], again=keys[split:])
            self.journals[process].recorded(batch)

    @precondition(lambda self: self.answered)
    @rule(data=st.data(), process=st.sampled_from([0, 1]))
    def settle_late(self, data: Any, process: int) -> None:
        if batch := self.batch(data, State.RECORDED, State.LOST):
            self.journals[process].settle(batch, done=KEYS, again=KEYS)

    @invariant()
    def every_request_waits_or_is_in_an_open_batch_or_was_answered_once(self) -> None:
        with self.stores[0].engine.connect() as connection:
            rows = {row.key: row.batch for row in connection.execute(wanted.select())}
            states = {row.number: row.state for row in connection.execute(batches.select())}
        assert set(rows) == self.wanted - set(self.answered)
        assert all(states[n] in ("intended", "submitted") for n in rows.values() if n is not None)
        assert all(count == 1 for count in self.answered.values())


Journals.TestCase.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
TestTwoProcesses = Journals.TestCase
