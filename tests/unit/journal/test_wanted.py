"""Requests that wait for batches: noted with their bodies, claimed in spans, swept at the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.journal import Batch, Journal, Limits
from harness.journal.wanted import ENVELOPE_BYTES, Stored, bodies, rows_of
from harness.records import Request
from harness.store import Store

ANY_SIZE = Limits()


def request(text: str = "x", version: str = "2026-10-21", betas: tuple[str, ...] = ()) -> Request:
    return Request({"model": "m", "text": text}, version, betas, "judge")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    store = Store(f"sqlite:///{tmp_path}/store.db")
    yield Journal(store)
    store.close()


def intended(journal: Journal, keys: str, limits: Limits = ANY_SIZE) -> Batch:
    batch = journal.intend("one", list(keys), limits, "here:1")
    assert batch is not None
    return batch


def kept_bodies(journal: Journal) -> int:
    return len(list(rows_of(journal.store, sa.select(bodies.c.wanted))))


def test_what_is_sent_is_the_params_alone_with_version_and_betas_beside(journal: Journal):
    one = request("ä“", "2023-06-01", ("b1", "b2"))
    journal.want("one", [("a", one)])
    sent = Stored("2023-06-01 b1 b2", orjson.dumps(one.params))
    assert dict(journal.requests(intended(journal, "a"))) == {"a": sent}


def test_a_request_comes_back_as_it_was_noted(journal: Journal):
    one = request("ä“", "2023-06-01", ("b1", "b2"))
    journal.want("one", [("a", one)])
    assert journal.requests_of(intended(journal, "a"), ["a", "b"]) == {"a": one}


@pytest.mark.parametrize("asked", ["ace", "bd", "abcdef", "f"])
def test_only_what_is_asked_for_is_claimed(journal: Journal, asked: str):
    journal.want("one", [(key, request()) for key in "abcdef"])
    assert set(dict(journal.requests(intended(journal, asked)))) == set(asked)


def test_a_batch_takes_no_more_bytes_than_it_may(journal: Journal):
    journal.want("one", [(key, request("x" * 100)) for key in "abcd"])
    each = len(orjson.dumps(request("x" * 100).params)) + ENVELOPE_BYTES
    batch = intended(journal, "abcd", Limits(bytes=3 * each))
    assert (batch.requests, batch.bytes) == (3, 3 * each)


def test_bodies_of_answered_requests_are_gone_when_their_batch_is_recorded(journal: Journal):
    journal.want("one", [(key, request()) for key in "abc"])
    batch = intended(journal, "ab")
    journal.submitted(batch, "msgbatch_1")
    journal.settle(batch, done=["a", "b"])
    journal.recorded(batch)
    assert kept_bodies(journal) == 1


def test_a_body_that_is_not_swept_yet_becomes_no_other_requests(journal: Journal):
    journal.want("one", [("a", request("old"))])
    journal.settle(intended(journal, "a"), done=["a"])
    journal.want("one", [("b", request("new"))])
    batch = intended(journal, "b")
    assert journal.requests_of(batch, ["b"]) == {"b": request("new")}


def test_what_is_dropped_leaves_no_body(journal: Journal):
    journal.want("one", [(key, request()) for key in "ab"])
    assert journal.drop(["a", "b", "c"]) == 2
    assert kept_bodies(journal) == 0


@settings(max_examples=20, deadline=None)
@given(
    headers=st.lists(st.sampled_from(["v1", "v2"]), min_size=1, max_size=8),
    asked=st.sets(st.integers(0, 7)),
    most=st.integers(1, 8),
)
def test_batches_share_out_what_is_asked_for_each_request_once(
    tmp_path_factory: pytest.TempPathFactory, headers: list[str], asked: set[int], most: int
):
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('law')}/store.db")
    journal = Journal(store)
    journal.want("one", [(str(n), request(version=one)) for n, one in enumerate(headers)])
    keys = [str(n) for n in asked]
    sent: list[str] = []
    while batch := journal.intend("one", keys, Limits(requests=most), "here:1"):
        held = dict(journal.requests(batch))
        assert len({one.variant for one in held.values()}) == 1
        assert len(held) == batch.requests <= most
        sent += held
    store.close()
    assert sorted(sent) == sorted(key for key in keys if int(key) < len(headers))
