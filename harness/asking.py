"""What a run asks: the backend of its mode, with its pace, its budget and its batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from harness.backends.access import Access, place
from harness.backends.replay import ReplayBackend
from harness.invocation import Invocation
from harness.models import Registry
from harness.pricing import bill
from harness.records import Run

if TYPE_CHECKING:
    from harness.backends.base import Backend, Waited
    from harness.backends.batch import BatchOptions
    from harness.store import Store


class Told(NamedTuple):
    """Who is told of batches: what has happened, and what is waited for."""

    news: Callable[[str], None]
    waiting: Callable[[Sequence[Waited]], None]


def backend_of(
    invocation: Invocation,
    registry: Registry,
    environ: Mapping[str, str],
    store: Store,
    run: Run,
    told: Told,
) -> Backend:
    """The backend of the run's mode; it connects with its first request.

    Raises UsageError where it needs credentials and `environ` has none.
    """
    if invocation.mode == "replay":
        return ReplayBackend()
    from harness.backends.live import LiveBackend, connecting
    from harness.backends.noted import NotedLive
    from harness.backends.warm import WarmFirst
    from harness.journal import Journal
    from harness.purse import broken_off, opened

    access = Access.of(environ)
    connect = connecting(access)
    purse = opened(store, run.id, invocation.budget, registry)
    make: Callable[..., LiveBackend] = NotedLive
    if purse:
        from harness.backends.budgeted import BudgetedLive

        make = partial(BudgetedLive, purse=purse)
    live = make(
        connect,
        concurrency=invocation.concurrency,
        class_of=partial(_rate_class, registry=registry),
        broke_off=broken_off(store, run.id, registry),
    )
    journal = Journal(store, place(access.base_url))
    if invocation.mode == "live":
        under_way, warm = journal.under_way(), WarmFirst(live)
        if not under_way:
            return warm
        from harness.backends.batch_guard import Guarded

        return Guarded(warm, under_way)
    from harness.backends.batch import Audit, BatchBackend

    audit = Audit(invocation.folder(run.id), told.news, told.waiting)
    given = (connect, live, journal, run.id, _batch_options(invocation, registry))
    if purse:
        from harness.backends.budgeted import BudgetedBatch

        return BudgetedBatch(*given, audit=audit, purse=purse)
    return BatchBackend(*given, audit=audit)


def _rate_class(model: str, registry: Registry) -> str:
    """What shares its rate limits with this model, by name."""
    known = registry.get(model)
    return (known and known.rate_class) or model


def _batch_options(invocation: Invocation, registry: Registry) -> BatchOptions:
    from harness.backends.batch import MAX_TRIES, BatchOptions, Waiting
    from harness.journal import Limits

    most, megabytes = Limits(), invocation.batch_mb
    return BatchOptions(
        price=partial(bill, registry=registry),
        limits=Limits(
            min(invocation.batch_requests or most.requests, most.requests),
            most.bytes if megabytes is None else min(int(megabytes * 1_000_000), most.bytes),
        ),
        waiting=Waiting(invocation.wait, invocation.poll_s),
        tries=invocation.batch_tries or MAX_TRIES,
        stragglers_live=invocation.stragglers == "live",
        dry_run_first=invocation.dry_run_first,
    )
