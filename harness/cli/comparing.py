"""`harness baseline` and `harness compare`: stored runs, kept to compare with and compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness import baselines
from harness.cli import options
from harness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.analysis.baseline import Snapshot
    from harness.analysis.sidebyside import SideBySide
    from harness.records import Run


@click.command(epilog="Example:  harness baseline latest > evals/baseline.json")
@click.argument("name", metavar="RUN")
@options.STORE
def baseline(name: str, store: str | None) -> None:
    """Print what RUN found, case by case, as a file that later runs are compared with.

    Commit it, and compare with `harness run --baseline FILE`.
    """
    from harness.baseline_file import dumped
    from reports.commands import Commands

    opened = options.open_store(store, existing=True)
    try:
        run = opened.run(options.run_name(name))
        found = baselines.of_run(run, opened)
    finally:
        opened.close()
    _require_whole(run, found, Commands(run.id, store).resume())
    click.echo(dumped(found), nl=False)


def _require_whole(run: Run, found: Snapshot, resume: str) -> None:
    """Raise UsageError where the run has not ended, or does not say what its cases test."""
    cases = [case for arm in found.arms.values() for case in arm.cases.values()]
    ended, planned = sum(case.trials for case in cases), sum(run.planned.values())
    if ended < planned or not cases:
        raise UsageError(
            f"{ended:,} of {planned:,} trials of run {run.id} have ended; a baseline is of a "
            f"whole run: go on with `{resume}`"
        )
    if not any(case.content for case in cases):
        raise UsageError(
            f"run {run.id} does not say what its cases test, since an earlier version made it; "
            f"`{resume}` grades it again from the store"
        )


@click.command(epilog="Example:  harness compare latest 20261120-093012-4f1a")
@click.argument("names", metavar="RUN RUN [RUN…]", nargs=-1, required=True)
@options.FORCE
@options.STORE
@options.JSON
def compare(names: tuple[str, ...], store: str | None, *, force: bool, as_json: bool) -> None:
    """Show runs side by side, and how the first differs from each other on the same cases.

    RUN may also be a file that `harness baseline` made. Judges nothing: the exit code is 0.
    """
    from harness.analysis.sidebyside import side_by_side

    if len(names) < 2:
        raise UsageError("name two runs or more: harness compare RUN RUN")
    runs = _found(names, store)
    _require_comparable(runs, force=force)
    found = side_by_side(runs)
    if not any(one.n_cases for one in found.differences):
        raise UsageError(_nothing_shared(runs, found))
    if as_json:
        from harness.codec import dump

        click.echo(dump({"format": 1, "runs": found.showings, "differences": found.differences}))
    else:
        _print(found)


def _found(names: Sequence[str], store: str | None) -> list[Snapshot]:
    """The runs, each once; files need no store."""
    files_only = all(Path(name).is_file() for name in names)
    opened = None if files_only else options.open_store(store, existing=True)
    try:
        runs = [baselines.find(name, opened, Path()) for name in names]
    finally:
        if opened is not None:
            opened.close()
    ids = [run.run for run in runs]
    twice = next((id_ for id_ in ids if ids.count(id_) > 1), None)
    if twice:
        raise UsageError(f"run {twice} is named twice; name different runs")
    return runs


def _require_comparable(runs: Sequence[Snapshot], *, force: bool) -> None:
    simulated = [run.run for run in runs if run.simulated]
    if simulated and len(simulated) < len(runs) and not force:
        real = next(run.run for run in runs if not run.simulated)
        raise UsageError(
            f"run {simulated[0]} is simulated and run {real} is real: their difference says "
            "nothing of a model; --force compares them"
        )


def _nothing_shared(runs: Sequence[Snapshot], found: SideBySide) -> str:
    """Why no case of the first run can be compared with another's."""
    first = runs[0]
    if not found.differences:
        others = "; ".join(f"{run.run} has {', '.join(run.arms)}" for run in runs[1:])
        return (
            f"no candidate is in run {first.run} and in another: it has {', '.join(first.arms)}, "
            f"{others}"
        )
    changed = sum(one.changed_cases for one in found.differences)
    why = f"; {changed:,} have the same id and test something else" if changed else ""
    return f"run {first.run} shares no graded case with the others{why}"


def _print(found: SideBySide) -> None:
    from reports import comparing
    from reports.columns import parts
    from reports.text import one_line

    for table in (comparing.showings_table(found), comparing.differences_table(found)):
        for lines in parts(table, None):
            click.echo("\n".join(line.rstrip() for line in lines))
        click.echo()
    for line in comparing.history_lines(found):
        click.echo(line)
    click.echo()
    for note in comparing.difference_notes(found):
        click.echo(one_line(note, 1000))
