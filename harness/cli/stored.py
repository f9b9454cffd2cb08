"""`harness runs`, `harness show` and `harness report`: what the store has. No API."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli import options
from harness.errors import UsageError
from harness.invocation import Invocation

if TYPE_CHECKING:
    from harness.analysis.comparison import Comparison
    from harness.records import Result, Run
    from harness.store import Store

LISTED = 20


@click.command(epilog="Example:  harness runs --limit 5")
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    metavar="N",
    help="At most so many.",
)
@options.STORE
@options.JSON
def runs(limit: int, store: str | None, *, as_json: bool) -> None:
    """List the runs in the store, newest first."""
    opened = options.open_store(store, existing=True)
    found = opened.runs(limit)
    simulated = {run.id for run in found if run.simulated or _begun_simulated(opened, run)}
    opened.close()
    if as_json:
        from harness.codec import dump

        click.echo(dump(found).decode())
        return
    for run in found:
        click.echo(_line(run, simulated=run.id in simulated))
    if not found:
        click.echo("no runs yet")


def _begun_simulated(store: Store, run: Run) -> bool:
    """Whether a run that has not ended was answered by a simulator: only its answers know."""
    if run.exit_code is not None:
        return False
    first = next(store.results(run.id), None)
    return first is not None and any(call.answer.simulated for call in first.calls)


def _line(run: Run, *, simulated: bool) -> str:
    from reports.numbers import counted

    suites = ", ".join(suite.name for suite in run.suites)
    trials = f"{counted(sum(run.planned.values()), 'trial'):>13}"
    ended = "unfinished" if run.exit_code is None else f"exit {run.exit_code}"
    how = f"{run.mode}, simulated" if simulated else run.mode
    return f"{run.id}  {ended:10}  {trials}  {how}  {suites}"


@click.command(epilog="Example:  harness show latest 'charged-twice[haiku]'")
@click.argument("name", metavar="RUN")
@click.argument("trial", required=False)
@click.option("--judges", is_flag=True, help="With TRIAL: what judges were asked, in full.")
@options.STORE
@options.JSON
def show(name: str, trial: str | None, store: str | None, *, judges: bool, as_json: bool) -> None:
    """Show RUN, or the whole transcript of one TRIAL of it with its grades.

    TRIAL is `suite/case[candidate-r1]` or any part of it that names one trial.
    """
    opened = options.open_store(store, existing=True)
    try:
        run = opened.run(options.run_name(name))
        if trial is None and judges:
            raise UsageError("--judges is of one trial; name it after the run")
        if trial is None:
            _show_run(opened, run, store, as_json=as_json)
        else:
            found = _the_one(opened, run, trial, store)
            _show_trial(run, found, judges=judges, as_json=as_json)
    finally:
        opened.close()


def _show_run(store: Store, run: Run, named: str | None, *, as_json: bool) -> None:
    comparison = _compared(store, run)
    if as_json:
        from reports.json_report import run_json

        click.echo(run_json(comparison).decode())
        return
    from rich.console import Console

    from reports.terminal import print_summary
    from reports.text import one_line, shortened

    print_summary(Console(), comparison, store=named)
    failed = [result for result in store.results(run.id) if result.reason]
    for result in failed[:LISTED]:
        name, reason = one_line(str(result.id)), shortened(result.reason, 100)
        click.echo(f"{result.outcome:8} {name}  {reason}")
    if len(failed) > LISTED:
        click.echo(f"… and {len(failed) - LISTED} more")


def _the_one(store: Store, run: Run, name: str, named: str | None) -> Result:
    from reports.commands import Commands

    wanted = name.removesuffix("]")
    found: list[Result] = []
    for result in store.results(run.id):
        if str(result.id) == name:
            return result
        if wanted in str(result.id):
            found.append(result)
    if len(found) == 1:
        return found[0]
    names = "".join(f"\n  {result.id}" for result in found[:LISTED])
    if found:
        raise UsageError(f"{len(found)} trials of {run.id} match {name!r}; name one:{names}")
    raise UsageError(
        f"no trial of {run.id} matches {name!r}; `{Commands(run.id, named).show()}` lists some"
    )


def _show_trial(run: Run, result: Result, *, judges: bool, as_json: bool) -> None:
    if as_json:
        from reports.json_report import trial_json

        models = {candidate.name: candidate.model for candidate in run.candidates}
        click.echo(trial_json(result, models.get(result.id.candidate)).decode())
        return
    from rich.console import Console

    from reports.transcript import print_transcript

    print_transcript(Console(), result, judges=judges)


@click.command(epilog="Example:  harness report latest --format md,csv")
@click.argument("name", metavar="RUN")
@click.option(
    "--format",
    "formats",
    callback=options.names,
    metavar="A,B",
    help="html, md, csv, json, jsonl; all by default.",
)
@click.option(
    "--out", type=click.Path(file_okay=False), metavar="DIR", help="Where the reports go."
)
@options.STORE
def report(name: str, formats: tuple[str, ...], out: str | None, store: str | None) -> None:
    """Write the reports of RUN again, from the store."""
    from reports.write import write_reports

    opened = options.open_store(store, existing=True)
    try:
        run = opened.run(options.run_name(name))
        folder = Path(out) if out else _folder_of(run)
        written = write_reports(
            folder,
            _compared(opened, run),
            lambda: opened.results(run.id),
            formats=formats or None,
            store=store,
        )
    finally:
        opened.close()
    for path in written:
        click.echo(path)


def _folder_of(run: Run) -> Path:
    """Where the run's reports went; what it was given is meant from where it was begun."""
    begun = Invocation.of(run.invocation)
    return Path(begun.cwd, begun.out) if begun.out else begun.folder(run.id)


def _compared(store: Store, run: Run) -> Comparison:
    from harness.analysis.compare import compare
    from harness.baselines import judged
    from harness.run import batches_of

    comparison = judged(compare(run, store.results(run.id)), store)
    return replace(comparison, batches=batches_of(run, store))
