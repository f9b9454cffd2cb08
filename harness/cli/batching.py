"""`harness batches`: the Message Batches behind the runs, in the journal and at the API."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from harness import settings
from harness.cli import options
from harness.cli.batchlist import Row, at_the_api, print_json, print_table
from harness.errors import RunNotFoundError, UsageError
from reports import numbers

if TYPE_CHECKING:
    from harness.backends.access import Access
    from harness.backends.batch_api import BatchApi, Remote
    from harness.backends.batch_calls import Waiting
    from harness.journal import Batch, Journal
    from harness.store import Store

T = TypeVar("T")
ASKED_AT_ONCE = 8


@click.command(epilog="Example:  harness batches cancel latest")
@click.argument("action", type=click.Choice(["list", "cancel", "adopt", "forget"]), default="list")
@click.argument("names", nargs=-1, metavar="[BATCH|RUN]…")
@options.STORE
@options.WAIT
@click.option("--force", is_flag=True, help="Forget a batch although it is at the API.")
@options.JSON
def batches(  # noqa: PLR0913 (its parameters are the command's options)
    action: str,
    names: tuple[str, ...],
    store: str | None,
    *,
    wait: bool,
    poll_s: float | None,
    force: bool,
    as_json: bool,
) -> None:
    """List the batches behind the runs, or decide what becomes of one.

    BATCH is the API's id, or `b7` for the batch with the number 7 in the journal.
    `cancel BATCH|RUN…` asks the API to stop, and records what had succeeded. `adopt ID [BATCH]`
    says that the API's batch ID is the one whose creation nobody saw succeed; `forget BATCH` says
    that it was never created, or that its results are gone: its requests are sent again.
    """
    if as_json and action != "list":
        raise UsageError(f"--json is of `batches list`; `batches {action}` has no data to print")
    from harness.backends.batch_calls import Waiting
    from harness.journal import Journal

    opened = options.open_store(store, existing=True)
    try:
        journal = Journal(opened)
        if action == "list":
            _list(journal, names, as_json=as_json)
        elif action == "cancel":
            _cancel(journal, names, Waiting(wait, poll_s))
        elif action == "adopt":
            _adopt(journal, names)
        else:
            _forget(journal, names, force=force)
    finally:
        opened.close()


def _list(journal: Journal, names: Sequence[str], *, as_json: bool) -> None:
    """What the journal says of each batch beside what the API says, and what it cost and saved."""
    found = _named(journal, names) if names else journal.all()
    try:
        said = _asked(journal.store, found)
    except UsageError as error:
        said = {}
        reason = str(error).partition(";")[0].partition(":")[0]
        click.echo(f"the journal alone, without what the API says: {reason}", err=True)
    rows = [Row(batch, said.get(batch.number), datetime.now(UTC)) for batch in found]
    if as_json:
        print_json(rows)
    elif rows:
        print_table(rows)
    else:
        click.echo("no batches yet")


def _cancel(journal: Journal, names: Sequence[str], waiting: Waiting) -> None:
    """Have the API cancel, and record what had succeeded."""
    from harness.cli.batchcancel import cancel

    if not names:
        raise UsageError("name a batch or a run: harness batches cancel BATCH|RUN")
    found = [batch for batch in _named(journal, names) if at_the_api(batch)]
    if not found:
        raise UsageError(f"no batch of {', '.join(names)} is processing; nothing to cancel")
    _require_online(journal.store, found)
    cancel(journal.store, found, _environ(), waiting)


def _adopt(journal: Journal, names: Sequence[str]) -> None:
    """Take a batch of the API for the one whose creation nobody saw succeed."""
    from harness.cli.batchcancel import audit_of

    if not 1 <= len(names) <= 2:
        raise UsageError("name the API's batch: harness batches adopt ID [BATCH]")
    id_ = names[0]
    if known := [batch for batch in journal.all() if batch.id == id_]:
        raise UsageError(f"batch {id_} is known already, as one of run {known[0].run}")
    batch = _the_intended(journal, names[1:])
    _require_online(journal.store, [batch])

    async def check(api: BatchApi) -> None:
        remote = await _told(api.retrieve(id_), f"batch {id_}")
        if remote.requests != batch.requests:
            raise UsageError(
                f"batch {id_} has {remote.requests:,} requests, and b{batch.number} was to have "
                f"{batch.requests:,}: it is another one"
            )
        if remote.ended and not remote.archived:
            await _require_prefix(api, remote, batch)

    asyncio.run(_with_api(_access(), check))
    _require_done(batch, done=journal.submitted(batch, id_))
    audit_of(journal.store, batch).note("adopted", batch, adopted=id_)
    click.echo(f"batch {id_} is b{batch.number} now; collect it: harness resume {batch.run}")


async def _require_prefix(api: BatchApi, remote: Remote, batch: Batch) -> None:
    import json

    async for line in api.lines(remote):
        if not str(json.loads(line).get("custom_id", "")).startswith(batch.prefix):
            raise UsageError(f"the results of batch {remote.id} are not those of b{batch.number}")
        return


def _forget(journal: Journal, names: Sequence[str], *, force: bool) -> None:
    """Take it that a batch was never created, or is gone; its requests are sent again."""
    from harness.backends.owners import alive, owner
    from harness.cli.batchcancel import audit_of

    sent = [batch for batch in _named(journal, names) if at_the_api(batch)]
    batch = sent[0] if len(sent) == 1 else _the_intended(journal, names)
    if sent and not force:
        _require_gone(journal.store, batch)
    elif (
        not sent
        and alive(batch.owner)
        and batch.owner.rpartition(":")[0] == owner().rpartition(":")[0]
    ):
        raise UsageError(f"b{batch.number} is being created now, by process {batch.owner}")
    _require_done(batch, done=journal.forget(batch))
    audit_of(journal.store, batch).note("forgotten", batch, reason="harness batches forget")
    click.echo(
        f"b{batch.number} is forgotten: its {numbers.counted(batch.requests, 'request')} will be "
        f"sent again by `harness resume {batch.run}`"
    )
    click.echo("warning: what the API did of it is paid for twice", err=True)


def _require_gone(store: Store, batch: Batch) -> None:
    """Raise UsageError where the batch is still there, with results that can be had."""
    _require_online(store, [batch])
    said = _asked(store, [batch]).get(batch.number)
    if not isinstance(said, str) and said is not None and not said.archived:
        raise UsageError(
            f"batch {batch.id} is at the API ({said.status}): collect it with `harness resume "
            f"{batch.run}`, or stop it with `harness batches cancel {batch.id}`"
        )
    if isinstance(said, str) and "not_found" not in said and "404" not in said:
        raise UsageError(f"batch {batch.id}: {said}")


def _require_done(batch: Batch, *, done: bool) -> None:
    if not done:
        raise UsageError(
            f"another process has just decided about b{batch.number}; see `harness batches`"
        )


def _the_intended(journal: Journal, names: Sequence[str]) -> Batch:
    """The one batch of these names, or of all, of which nobody knows whether it exists."""
    from harness.journal import State

    found = _named(journal, names) if names else journal.all()
    intended = [batch for batch in found if batch.state is State.INTENDED]
    if len(intended) == 1:
        return intended[0]
    if intended:
        listed = ", ".join(f"b{batch.number} (run {batch.run})" for batch in intended)
        raise UsageError(f"several batches may or may not exist: {listed}; name one")
    of = f" of {', '.join(names)}" if names else ""
    raise UsageError(f"no batch{of} is in doubt: whether each exists is known")


def _named(journal: Journal, names: Sequence[str]) -> list[Batch]:
    """The batches that are named, by id, by number, or by their run; raises UsageError."""
    every = journal.all()
    found: list[Batch] = []
    for name in names:
        one = [batch for batch in every if name in (batch.id, f"b{batch.number}")]
        found += one or _of_run(journal, every, name)
    return list({batch.number: batch for batch in found}.values())


def _of_run(journal: Journal, every: Sequence[Batch], name: str) -> list[Batch]:
    try:
        run = journal.store.run(options.run_name(name)).id
    except RunNotFoundError as error:
        raise UsageError(
            f"no batch {name!r} is in this store, and no run; `harness batches` lists the batches"
        ) from error
    found = [batch for batch in every if batch.run == run]
    if not found:
        raise UsageError(f"run {run} has no batches")
    return found


def _is_offline(store: Store, run: str) -> bool:
    """The run's batches were in a simulator that ended with the command."""
    try:
        return bool(store.run(run).invocation.get("offline"))
    except RunNotFoundError:
        return False


def _require_online(store: Store, found: Iterable[Batch]) -> None:
    for batch in found:
        if _is_offline(store, batch.run):
            raise UsageError(
                f"run {batch.run} is of the built-in simulator, and its batches went with it; "
                f"`harness resume {batch.run}` sends them again"
            )


def _environ() -> Mapping[str, str]:
    return settings.environment(os.environ, (), Path.cwd())


def _access() -> Access:
    from harness.backends.access import Access

    return Access.of(_environ())


def _asked(store: Store, found: Sequence[Batch]) -> dict[int, Remote | str]:
    """What the API says of the batches that are processing; UsageError without credentials."""
    said: dict[int, Remote | str] = {}
    offline = {run: _is_offline(store, run) for run in {batch.run for batch in found}}
    wanted = [batch for batch in found if at_the_api(batch)]
    said |= {batch.number: "gone (simulated)" for batch in wanted if offline[batch.run]}
    wanted = [batch for batch in wanted if not offline[batch.run]]
    if not wanted:
        return said

    async def ask(api: BatchApi) -> None:
        free = asyncio.Semaphore(ASKED_AT_ONCE)

        async def look(batch: Batch) -> None:
            assert batch.id is not None
            async with free:
                try:
                    said[batch.number] = await _told(api.retrieve(batch.id), "")
                except UsageError as error:
                    said[batch.number] = str(error).removeprefix(": ")

        await asyncio.gather(*map(look, wanted))

    asyncio.run(_with_api(_access(), ask))
    return said


async def _with_api(access: Access, work: Callable[[BatchApi], Awaitable[T]]) -> T:
    from harness.backends.batch_api import BatchApi
    from harness.backends.live import connecting

    client = connecting(access)()
    try:
        return await work(BatchApi(client))
    finally:
        await client.close()


async def _told(call: Awaitable[Remote], what: str) -> Remote:
    """What the API answers; raises UsageError with its reason where it refuses."""
    from harness.backends.wire import FaultError

    try:
        return await call
    except FaultError as error:
        raise UsageError(f"{what}: {error.fault.reason}") from error
