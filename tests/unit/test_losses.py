"""What attempts that broke off may have cost, kept by run and day."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from threading import Barrier, Thread

from harness.losses import Loss, Losses, losses
from harness.records import Request
from harness.store import Store

FRIDAY, SATURDAY = date(2026, 11, 20), date(2026, 11, 21)
RUN = "20261120-180846-43d6"
ASKED = Request({"model": "claude-haiku-4-5"}, "v")


def noting(store: Store, *days: date, usd: str | None = "0.5", run: str = RUN) -> None:
    """A process of the run that loses an attempt on each of these days."""
    left = list(days)
    worst = None if usd is None else Decimal(usd)
    process = Losses(store, run, lambda _request: worst, day=lambda: left.pop(0))
    for _ in days:
        process.add(ASKED)


def test_a_store_without_losses_has_none(store: Store):
    assert list(losses(store)) == []


def test_attempts_are_counted_by_day_and_added(store: Store):
    noting(store, FRIDAY, FRIDAY, SATURDAY)
    assert list(losses(store)) == [
        Loss(RUN, FRIDAY, 2, Decimal(1)),
        Loss(RUN, SATURDAY, 1, Decimal("0.5")),
    ]


def test_two_processes_do_not_overwrite_each_other(store: Store):
    noting(store, FRIDAY)
    noting(store, FRIDAY, FRIDAY)
    assert sorted(loss.attempts for loss in losses(store)) == [1, 2]


def test_an_unknown_price_makes_the_sum_unknown(store: Store):
    noting(store, FRIDAY, FRIDAY, usd=None)
    assert list(losses(store)) == [Loss(RUN, FRIDAY, 2, None)]


def test_the_run_is_named_in_full(store: Store):
    name = "r" * 64
    noting(store, FRIDAY, run=name)
    assert [loss.run for loss in losses(store)] == [name]


def test_processes_that_note_their_first_at_one_moment_make_one_table(store: Store):
    ready = Barrier(4)

    def note() -> None:
        ready.wait()
        noting(store, FRIDAY)

    threads = [Thread(target=note) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(losses(store)) == [Loss(RUN, FRIDAY, 1, Decimal("0.5"))] * 4
