"""What a second look needs of the store: what can be asked again, and what is there already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from snapshot_making import NOON, arm, each, run_of
from suite_making import answer

from harness import confirming
from harness.analysis.regression import regress
from harness.analysis.regression_records import Policy
from harness.confirming import Beside, SecondLook, StoredSide, rows_of
from harness.records import (
    Bill,
    Call,
    Candidate,
    Outcome,
    Purpose,
    Request,
    Result,
    Run,
    SuiteFacts,
    TrialId,
)
from harness.store import Entry, ResultRow, Store

OF = 12
AT = ("s", "haiku")
KEYS = [("s", f"c{n}") for n in range(OF)]


def call(text: str = "a", purpose: Purpose = "answer", key: str = "") -> Call:
    params = {"model": "m", "messages": [{"role": "user", "content": text}]}
    said = replace(answer("hi"), key=key)
    return Call(Request(params, "1", purpose=purpose), said, Bill(Decimal(1)))


def result(
    calls: Sequence[Call], outcome: Outcome = Outcome.PASSED, number: int = 0, repeat: int = 1
) -> Result:
    return Result(TrialId("s", f"c{number}", "haiku", repeat), outcome, None, calls=tuple(calls))


def side_of(*results: Result) -> StoredSide:
    side = StoredSide()
    for position, one in enumerate(results):
        side.add(position, one)
    return side


def test_every_repeat_of_a_case_is_asked_again() -> None:
    side = side_of(*(result([call()], number=n, repeat=r) for n in (0, 1) for r in (1, 2)))
    assert (side.why, side.places[KEYS[0]], side.places[KEYS[1]]) == (
        "", [(0, 1), (1, 2)], [(2, 1), (3, 2)],
    )  # fmt: skip


def test_a_trial_that_was_never_answered_is_left_out() -> None:
    side = side_of(result([], Outcome.ERRORED), result([call()], repeat=2))
    assert (side.why, side.places[KEYS[0]]) == ("", [(1, 2)])


@pytest.mark.parametrize(
    ("results", "why"),
    [
        ([result([call(), call("b")])], confirming.SEVERAL),
        ([result([call()], Outcome.ERRORED)], confirming.SEVERAL),
        ([result([])], confirming.GONE),
        ([result([call(), call("b", "rival")])], confirming.ASKS_RIVALS),
        ([result([call()]), result([call("b")], repeat=2)], confirming.OTHERWISE),
    ],
    ids=["turns", "broke off", "gone", "rival", "repeats differ"],
)
def test_what_cannot_be_asked_again_says_why(results: list[Result], why: str) -> None:
    assert side_of(*results, result([call()], number=1)).why == why


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(f"sqlite:///{tmp_path}/store.db")
    yield opened
    opened.close()


def run(path: str = "s.yaml", **invocation: Any) -> Run:
    return Run(
        "now", NOON, "live", "1", "2", "2026-11-01", (SuiteFacts("s", path, "", OF),),
        (Candidate("haiku", "haiku-1"),), {"haiku": OF}, invocation,
    )  # fmt: skip


def beside() -> Beside:
    """A run that has lost all of its cases."""
    now, before = run_of(arm(each("f", OF))), run_of(arm(each("p", OF)), run="old")
    return Beside(now, before, regress(now, before, {"s": Policy(confirm=True)}))


def keep(store: Store, name: str, results: Sequence[Result]) -> None:
    calls = [call for one in results for call in one.calls]
    rows = [ResultRow(name, position, one) for position, one in enumerate(results)]
    store.exchange([], [Entry(c.answer.key, c.request, c.answer, "now") for c in calls], rows)


def side(key: str, outcome: Outcome = Outcome.PASSED, cases: int = OF) -> list[Result]:
    """A result of each case, whose answers have keys that begin alike."""
    return [
        result([call(f"c{n}", key=f"{key}{n}")], outcome, n) for n in range(cases)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "baseline", "why"),
    [
        ("s.yaml", "old", ""),
        ("s.yaml", None, confirming.A_FILE),
        ("test_s.py", "old", confirming.A_PROGRAM),
        ("s.yaml", "empty", confirming.UNANSWERED),
    ],
)
def test_a_side_is_asked_again_where_the_store_has_its_requests(
    store: Store, path: str, baseline: str | None, why: str
) -> None:
    keep(store, "old", side("k"))
    stored = confirming.stored_sides(beside(), run(path), store, baseline)
    assert stored[AT].why == why


def test_the_built_in_simulator_is_not_asked_what_it_does_not_know(store: Store) -> None:
    keep(store, "old", side("k"))
    keep(store, "now", side("n", cases=OF - 1))
    stored = confirming.stored_sides(beside(), run(offline=True), store, "old")
    assert stored[AT].why == confirming.UNSCRIPTED


@pytest.mark.parametrize(
    ("now", "before", "alarmed"),
    [(OF, OF, True), (OF - 1, OF, None), (OF, OF - 1, None), (0, 0, None)],
    ids=["whole", "now is short", "before is short", "not begun"],
)
def test_a_second_look_is_judged_when_it_is_whole(
    store: Store, now: int, before: int, alarmed: bool | None
) -> None:
    keep(store, "old", side("k"))
    keep(store, rows_of("now", "now"), side("n", Outcome.FAILED, now))
    keep(store, rows_of("now", "before"), side("b", Outcome.PASSED, before))
    found, spent = confirming.looked_again(beside(), run(), store, "old")
    (one,) = found.candidates
    assert one.confirmation is not None
    assert one.confirmation.alarmed is alarmed
    assert spent == ({AT: Decimal(now + before)} if now else {})


def test_results_of_candidates_that_are_no_more_are_passed_over(store: Store) -> None:
    other = replace(result([call(key="k")]), id=TrialId("s", "c0", "gone", 1))
    keep(store, rows_of("now", "now"), [other])
    assert SecondLook.of(run(), store).spent == {}
