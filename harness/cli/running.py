"""`harness run` and `harness resume`: the path from suites to reports."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli import options
from harness.cli.failures import tell
from harness.errors import BudgetError, PendingAnswerError, UsageError
from harness.garbage import rare_collections
from harness.invocation import Invocation

if TYPE_CHECKING:
    from harness.analysis.comparison import Comparison
    from harness.cli.progress import Silent
    from harness.prepare import Prepared
    from harness.records import Mode
    from harness.store import Store
    from reports.commands import Commands


BATCH_H = 24
"""Hours that a batch may take."""


@dataclass(frozen=True, slots=True)
class Telling:
    """How a run is told: `store` is what `--store` named, for the commands that are suggested."""

    store: str | None
    quiet: bool
    as_json: bool


SELECTING = options.apply(
    click.option("--models", callback=options.names, metavar="A,B", help="Ask these instead."),
    click.option(
        "--repeats", type=click.IntRange(1), metavar="N", help="Trials of each case and candidate."
    ),
    click.option(
        "--tags", callback=options.names, metavar="T,U", help="Cases with one of these tags."
    ),
    click.option(
        "-k",
        "text",
        default="",
        metavar="TEXT",
        help="Cases with these words in SUITE/CASE; `not` before a word leaves those out.",
    ),
    click.option("--limit", type=click.IntRange(1), metavar="N", help="At most so many cases."),
    click.option("--shard", callback=options.shard, metavar="I/N", help="The I-th of N parts."),
)
ASKING = options.apply(
    click.option(
        "--mode", type=click.Choice(["live", "batch", "auto", "replay"]), default="live",
        show_default=True,
        help="Ask one by one, as Message Batches at half price, whichever suits the number of "
        "trials, or read the store alone.",
    ),
    click.option(
        "--auto-threshold", type=click.IntRange(1), default=200, show_default=True, metavar="N",
        help="Requests from which --mode auto takes batches.",
    ),
    click.option(
        "--within", "within_h", type=click.FloatRange(0, min_open=True), metavar="H",
        help="Hours until the answers are wanted; below 24, --mode auto takes live.",
    ),
    click.option("--offline", is_flag=True, help="Ask the built-in simulator; no key, no cost."),
    click.option("--fresh", is_flag=True, help="Ask anew: use no stored answer of another run."),
    click.option(
        "--concurrency", type=click.IntRange(1, 1000), default=64, show_default=True,
        metavar="N", help="Requests under way at once.",
    ),
    options.MODELS_FILE,
    options.STORE,
)  # fmt: skip
SPENDING = options.apply(
    click.option(
        "--budget", callback=options.budget, metavar="USD",
        help="Spend at most so much, judges included; stop with exit code 4 before it is exceeded.",
    ),
    click.option("--yes", is_flag=True, help="Do not ask before an expensive run."),
)  # fmt: skip
BATCHING = options.apply(
    click.option(
        "--batch-requests", type=click.IntRange(1, 100_000), metavar="N",
        help="Batches: requests in one at most; 100,000 by default, 10,000 to be careful.",
    ),
    click.option(
        "--batch-mb", type=click.FloatRange(0, 250, min_open=True), metavar="MB",
        help="Batches: megabytes of one at most; 250 by default.",
    ),
    click.option(
        "--batch-tries", type=click.IntRange(1), metavar="N",
        help="Batches: how often a request is sent that its batch did not finish; 3 by default.",
    ),
    click.option(
        "--dry-run-first/--no-dry-run-first", default=None,
        help="Batches: ask one request of each kind live before a wave; by default before one of "
        "more than 100 requests.",
    ),
)  # fmt: skip
WAITING = options.apply(
    options.WAIT,
    click.option(
        "--stragglers", type=click.Choice(["batch", "live"]), default=None,
        help="Batches: where requests go that a batch did not finish: the next batch (default), or "
        "live at the full price.",
    ),
)  # fmt: skip
TELLING = options.apply(
    click.option(
        "--out",
        type=click.Path(file_okay=False),
        metavar="DIR",
        help="Where the reports go; .harness/runs/RUN by default.",
    ),
    click.option("--strict", is_flag=True, help="Let an inconclusive gate fail."),
    click.option(
        "--max-missing", type=click.FloatRange(0, 1), metavar="SHARE",
        help="Trials without a grade above which nothing is judged; 0.02 by default.",
    ),
    click.option(
        "--baseline", callback=options.stated, metavar="RUN|FILE",
        help="Compare with this run, or with a file that `harness baseline` made.",
    ),
    options.FORCE,
    click.option(
        "--confirm", is_flag=True,
        help="Ask both sides again where this run looks worse than its baseline, and fail only "
        "where it looks worse again.",
    ),
    click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors."),
    options.JSON,
)  # fmt: skip


@click.command(epilog="Example:  harness run suites --models haiku,sonnet --tags billing")
@options.PATHS
@SELECTING
@ASKING
@SPENDING
@BATCHING
@WAITING
@TELLING
def run(
    paths: tuple[str, ...], store: str | None, *,
    quiet: bool, as_json: bool, yes: bool, **given: Any,
) -> int:  # fmt: skip
    """Ask the models what the suites in PATHS say, grade the answers, write the reports."""
    mode, threshold = given.pop("mode"), given.pop("auto_threshold")
    within_h = given.pop("within_h")
    _require_batch(mode, within_h, given)
    given["stragglers"] = given["stragglers"] or "batch"
    asked: Mode = "live" if mode == "auto" else mode
    invocation = Invocation(paths=paths, cwd=str(Path.cwd()), mode=asked, **given)
    prepared = _prepared(invocation, quiet=quiet)
    if mode == "auto":
        prepared = _chosen(prepared, threshold, within_h, quiet=quiet)
    from harness.cli.planning import announce

    if invocation.out:
        _require_folder(Path(invocation.out))
    opened = options.open_store(store)
    try:
        announce(prepared, opened, yes=yes, told=not (quiet or as_json))
        return _run(prepared, opened, None, Telling(store, quiet, as_json))
    finally:
        opened.close()


@click.command(epilog="Example:  harness resume latest")
@click.argument("name", metavar="RUN")
@options.STORE
@SPENDING
@BATCHING
@WAITING
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
@options.JSON
def resume(
    name: str, store: str | None, *, quiet: bool, as_json: bool, yes: bool, **waiting: Any
) -> int:
    """Go on with RUN: what was answered is in the store and is not asked again."""
    from harness.cli.planning import announce

    opened = options.open_store(store, existing=True)
    try:
        known = opened.run(options.run_name(name))
        begun = Invocation.of(known.invocation)
        given = {option: value for option, value in waiting.items() if value is not None}
        invocation = replace(begun, **given)
        if not invocation.paths:
            raise UsageError(
                f"run {known.id} was begun by pytest; go on with the same pytest command and "
                f"--eval-run {known.id}"
            )
        if not Path(invocation.cwd).is_dir():
            raise UsageError(f"run {known.id} was begun in {invocation.cwd}, which is gone")
        with contextlib.chdir(invocation.cwd):
            prepared = _prepared(invocation, quiet=quiet)
            prepared = replace(prepared, finished=opened.finished(known.id))
            collects = invocation.mode == "batch"  # what is asked was said yes to before
            announce(
                prepared, opened, yes=yes or collects, told=not (quiet or as_json), run=known.id
            )
            return _run(prepared, opened, known.id, Telling(store, quiet, as_json))
    finally:
        opened.close()


def _require_batch(mode: str, within_h: float | None, given: Mapping[str, Any]) -> None:
    """Raise UsageError for options that mean nothing in this mode: a run would cost the double."""
    if within_h is not None and mode != "auto":
        raise UsageError("--within is of --mode auto")
    if mode in ("batch", "auto"):
        return
    of_batches = {
        "--no-wait": not given["wait"],
        "--stragglers": given["stragglers"] is not None,
        "--dry-run-first": given["dry_run_first"] is not None,
        **{
            f"--{name.replace('_', '-')}": given[name] is not None
            for name in ("batch_requests", "batch_mb", "batch_tries")
        },
    }
    if asked := [name for name, set_ in of_batches.items() if set_]:
        raise UsageError(f"{asked[0]} is of --mode batch, and this run would be {mode}")


def _prepared(invocation: Invocation, *, quiet: bool) -> Prepared:
    """The run, sound and ready; its warnings are told."""
    from harness.prepare import prepare

    prepared = prepare(invocation, os.environ, Path.cwd())
    for warning in () if quiet else prepared.warnings:
        click.echo(f"warning: {warning}", err=True)
    return prepared


def _chosen(prepared: Prepared, threshold: int, within_h: float | None, *, quiet: bool) -> Prepared:
    """The run in the mode that suits its size and its haste; says which, and why."""
    from harness.cli.planning import glance
    from reports.numbers import counted, dollars

    planned = glance(prepared).total
    count = counted(planned.calls, "request")
    live, batch = dollars(planned.worst.live), dollars(planned.worst.batch)
    mode: Mode = "live"
    if within_h is not None and within_h < BATCH_H:
        why = f"wanted within {within_h:g} h, and a batch may take {BATCH_H}"
    elif planned.calls < threshold:
        why = f"fewer than {threshold:,} (--auto-threshold): answers now"
    else:
        mode = "batch"
        why = f"{threshold:,} or more (--auto-threshold): answers within {BATCH_H} h"
    if not quiet:
        price = f"at most {live} live, {batch} by batch"
        click.echo(f"mode {mode}: {count}, {why}; {price}", err=True)
    return replace(prepared, invocation=replace(prepared.invocation, mode=mode))


def _require_folder(folder: Path) -> None:
    """Make the folder of the reports, or refuse before anything is paid for."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {folder} cannot be made: {error.strerror}") from error
    if not os.access(folder, os.W_OK):
        raise UsageError(f"--out {folder} cannot be written; name another folder")


def _run(prepared: Prepared, store: Store, run_id: str | None, telling: Telling) -> int:
    """Ask, compare and report; the exit code."""
    from harness.cli.progress import watcher
    from harness.run import begin, conclude, execute
    from reports.commands import Commands

    record = begin(prepared, store, run_id=run_id)
    commands = Commands(record.id, telling.store)
    watch = watcher(quiet=telling.quiet)
    try:
        execution = execute(prepared, store, record, watch)
    finally:
        watch.close()
    comparison = conclude(prepared, store, execution)
    folder = prepared.invocation.folder(record.id)
    try:
        _report(comparison, store, folder, watch, telling)
    except UsageError as error:
        store.finish(replace(comparison.run, exit_code=error.exit_code))
        click.echo(f"the answers are kept; write the reports with: {commands.report()}", err=True)
        raise
    if isinstance(execution.stopped, PendingAnswerError) and comparison.batches:
        for line in _waiting(comparison):
            click.echo(line, err=True)
        click.echo(f"collect with: {commands.resume()}", err=True)
        return execution.stopped.exit_code
    if execution.stopped is not None:
        tell(execution.stopped)
        larger = " --budget USD" if isinstance(execution.stopped, BudgetError) else ""
        click.echo(f"go on with: {commands.resume()}{larger}", err=True)
        return execution.stopped.exit_code
    return _verdict(comparison, commands)


def _waiting(comparison: Comparison) -> Iterator[str]:
    """A line for each batch of the run that is not recorded."""
    from reports.numbers import counted, duration

    yield f"run {comparison.run.id} waits for its batches:"
    for batch in comparison.batches:
        if batch["status"] in ("intended", "submitted"):
            name, sent = batch["id"] or "a batch being created", batch["submitted_at"]
            requests = counted(batch["requests"], "request")
            age = f", {duration((datetime.now(UTC) - sent).total_seconds())} old" if sent else ""
            yield f"  {name}: {requests}{age}"


def _verdict(comparison: Comparison, commands: Commands) -> int:
    """The exit code of a run that went to its end; what is wrong is told on standard error."""
    from reports.sentences import why_not_judged

    code = comparison.run.exit_code or 0
    if code:
        said = _why_failed(comparison) if code == 1 else why_not_judged(comparison)
        click.echo(f"{said}; see {commands.show()}", err=True)
    return code


def _why_failed(comparison: Comparison) -> str:
    if any(gate.verdict == "fail" for gate in comparison.gates if gate.judged):
        return "a gate failed"
    return "no gate failed, but with --strict an inconclusive one does"


def _report(
    comparison: Comparison, store: Store, folder: Path, watch: Silent, telling: Telling
) -> None:
    from reports.step_summary import append_step_summary
    from reports.write import write_reports

    with rare_collections():
        results = store.results
        write_reports(folder, comparison, lambda: results(comparison.run.id), store=telling.store)
    try:
        append_step_summary(os.environ, folder / "report.md")
    except UsageError as error:  # the reports are there, and the verdict matters more
        click.echo(f"warning: {error}", err=True)
    if telling.as_json:
        click.echo((folder / "run.json").read_text(encoding="utf-8"))
    elif not telling.quiet:
        from rich.console import Console

        from reports.terminal import print_summary

        failure = watch.first_failure.id if watch.first_failure else None
        print_summary(Console(), comparison, folder=folder, failure=failure, store=telling.store)
