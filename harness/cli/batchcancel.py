"""`harness batches cancel`: batches are told to stop; what they had done by then is recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness import settings
from harness.backends.access import Access, place
from harness.errors import InterruptedRunError, RunNotFoundError, UsageError
from harness.invocation import Invocation

if TYPE_CHECKING:
    from harness.backends.batch_audit import Audit
    from harness.backends.batch_calls import Calls, Waiting
    from harness.backends.batch_collect import Collector
    from harness.journal import Batch, Journal
    from harness.store import Store

STOPS_WITHIN_S = 900.0


def cancel(
    store: Store, found: Sequence[Batch], environ: Mapping[str, str], waiting: Waiting
) -> None:
    """Cancel the batches, wait until they have ended, and record what they had done.

    Nothing is waited for where `waiting` says so. Raises UsageError where the API refuses, and
    without credentials.
    """
    access = Access.of(environ)
    try:
        asyncio.run(_cancel(store, found, access, waiting))
    except KeyboardInterrupt:
        raise InterruptedRunError("stopped waiting; the batches go on canceling") from None


def audit_of(store: Store, batch: Batch) -> Audit:
    """The log in the folder of the batch's run; people are told on standard error."""
    from harness.backends.batch_audit import Audit

    begun = _begun(store, batch)
    folder = Path(begun.cwd) / begun.folder(batch.run) if begun else None
    return Audit(folder, partial(click.echo, err=True))


def _begun(store: Store, batch: Batch) -> Invocation | None:
    try:
        return Invocation.of(store.run(batch.run).invocation)
    except RunNotFoundError:  # killed before it was kept
        return None


async def _cancel(store: Store, found: Sequence[Batch], access: Access, waiting: Waiting) -> None:
    from harness.backends.batch_calls import Calls
    from harness.backends.live import connecting
    from harness.backends.wire import FaultError
    from harness.journal import Journal

    journal = Journal(store, place(access.base_url))
    for batch in found:
        calls = Calls(connecting(access), waiting, audit_of(store, batch))
        try:
            await _cancelled(journal, batch, calls, access)
        except FaultError as error:
            raise UsageError(f"batch {batch.id}: {error.fault.reason}") from error
        finally:
            await calls.close()


async def _cancelled(journal: Journal, batch: Batch, calls: Calls, access: Access) -> None:
    assert batch.id is not None
    id_ = batch.id
    remote = await calls.called(lambda: calls.api.retrieve(id_))
    if not remote.ended:
        remote = await calls.called(lambda: calls.api.cancel(id_))
        calls.audit.note("canceled", batch, f"batch {id_}: {remote.status}", canceled=id_)
    if not calls.waiting.wait:
        click.echo(f"`harness batches cancel {id_}` again records what had succeeded", err=True)
        return
    collector, waited = _collector(journal, batch, calls, access), 0.0
    while not await collector.look(batch):
        if waited > STOPS_WITHIN_S:
            raise UsageError(f"batch {id_} is still canceling; say it again later to collect it")
        pause = calls.waiting.next_s(0.0)
        waited += pause
        await calls.sleep(pause)
    _tell(journal, batch)


def _collector(journal: Journal, batch: Batch, calls: Calls, access: Access) -> Collector:
    from harness.backends.batch_collect import Collector
    from harness.backends.replay import ReplayBackend
    from harness.pricing import bill
    from harness.recorder import Recorder, Space

    begun = _begun(journal.store, batch) or Invocation(())
    registry = settings.registry((), Path(begun.cwd), begun.models_file)
    keep = Recorder(journal.store, ReplayBackend(), Space(access.base_url or "", batch.run))
    return Collector(journal, calls, keep, partial(bill, registry=registry))


def _tell(journal: Journal, batch: Batch) -> None:
    from reports import numbers

    done = next(one for one in journal.all(batch.run) if one.number == batch.number)
    answers = numbers.counted(done.answered or 0, "answer")
    click.echo(f"batch {batch.id}: {answers} recorded, which cost {numbers.dollars(done.cost)}")
    if left := batch.requests - (done.answered or 0):
        requests = numbers.counted(left, "request")
        click.echo(f"`harness resume {batch.run}` sends the other {requests} again", err=True)
