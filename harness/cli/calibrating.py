"""`harness label` and `harness calibrate`: what people say of answers, beside what judges said."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli import options
from harness.errors import SuiteError, UsageError, did_you_mean

if TYPE_CHECKING:
    from harness.analysis.calibration import Calibration
    from harness.analysis.judged import Judgement, Kind
    from harness.labels import Draw, Sheet
    from harness.records import Run
    from harness.store import Store

GRADER = click.option(
    "--grader", callback=options.stated, metavar="NAME", help="This judge only, by its name."
)


@click.command(epilog="Example:  harness label latest --sample 60")
@click.argument("name", metavar="RUN")
@click.option(
    "--sample",
    type=click.IntRange(1),
    default=60,
    show_default=True,
    metavar="N",
    help="So many trials, drawn at random.",
)
@GRADER
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    metavar="N",
    help="Another seed draws others.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False),
    default="labels.csv",
    show_default=True,
    metavar="FILE",
    help="The sheet.",
)
@options.STORE
@options.JSON
def label(name: str, sample: int, store: str | None, *, as_json: bool, **given: Any) -> None:
    """Write a sheet of RUN's judged answers for people to judge, without the judge's verdict."""
    from random import Random

    from harness import labels
    from reports.text import cell

    opened = options.open_store(store, existing=True)
    try:
        run = opened.run(options.run_name(name))
        judged = _of_grader(_judged(opened, run), run, given["grader"])
    finally:
        opened.close()
    drawn = labels.draw(judged, sample, Random(given["seed"]))
    labels.write(Path(given["out"]), run.id, drawn, escape=cell)
    _told(run, drawn, given, as_json=as_json)


def _told(run: Run, drawn: Sequence[Draw], given: Mapping[str, Any], *, as_json: bool) -> None:
    """Say what was drawn and what to do with it."""
    trials = {str(row.judgement.trial) for row in drawn}
    if as_json:
        from harness.codec import dump

        document = {
            "format": 1,
            "run": run.id,
            "file": given["out"],
            "seed": given["seed"],
            "trials": len(trials),
            "rows": [_row(row) for row in drawn],
        }
        click.echo(dump(document).decode())
        return
    from reports.numbers import counted

    click.echo(f"{given['out']}: {counted(len(drawn), 'row')} of {counted(len(trials), 'trial')}")
    click.echo("fill in the column `label` with one of `choices`, then:")
    click.echo(f"  harness calibrate {run.id} --labels {given['out']}")


def _row(row: Draw) -> dict[str, Any]:
    trial = row.judgement.trial
    return {
        "trial": str(trial),
        "candidate": trial.candidate,
        "grader": row.judgement.grader,
        "drawn": row.drawn.taken,
        "out_of": row.drawn.out_of,
    }


@click.command(epilog="Example:  harness calibrate latest --labels labels.csv")
@click.argument("names", nargs=-1, required=True, metavar="RUN|SUITE…")
@click.option(
    "--labels",
    "sheet",
    required=True,
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="A sheet of `harness label`, filled in.",
)
@GRADER
@options.STORE
@options.JSON
def calibrate(
    names: tuple[str, ...], sheet: str, grader: str | None, store: str | None, *, as_json: bool
) -> None:
    """Compare the judges of RUN, or of the latest run of SUITE, with what people say."""
    try:
        found = _found(names, Path(sheet), grader, store)
    except SuiteError as error:
        raise _wrong(sheet, error) from error
    _show(*found, as_json=as_json)


def _found(
    names: Sequence[str], sheet: Path, grader: str | None, store: str | None
) -> tuple[Run, list[Calibration]]:
    """The run and what is found of its judges; raises SuiteError for what is wrong in the sheet."""
    from harness import labels

    read = labels.read(sheet)
    if not read.problems and not any(row.label for row in read.rows):
        raise UsageError(f"{sheet}: no row has a label; fill in the column `label`")
    opened = options.open_store(store, existing=True)
    try:
        run, suites = _meant(opened, names)
        judged = _judged(opened, run)
        _of_grader(judged, run, grader)
    finally:
        opened.close()
    found = [
        one
        for one in _calibrations(run, judged, read)
        if one.suite in suites and grader in (None, one.grader)
    ]
    if not found:
        raise UsageError(f"{sheet} has no label for {grader or ', '.join(sorted(suites))}")
    return run, found


def _wrong(sheet: str, error: SuiteError) -> UsageError:
    """All that is wrong in a sheet, told as such: nobody thinks that calibrating sends anything."""
    from reports.numbers import counted
    from reports.problems import told

    count = counted(len(error.problems), "error")
    return UsageError(f"{count} in {sheet}\n{told(error.problems)}")


def _show(run: Run, found: Sequence[Calibration], *, as_json: bool) -> None:
    if as_json:
        from harness.codec import dump
        from reports.calibration_json import document

        click.echo(dump(document(run, found)).decode())
        return
    from rich.console import Console

    from reports.calibration import print_calibration
    from reports.sentences import SIMULATED

    console = Console()
    if run.simulated:
        click.echo(SIMULATED)
    for number, one in enumerate(found):
        if number:
            console.print()
        print_calibration(console, one)


def _judged(store: Store, run: Run) -> list[Judgement]:
    """What the judges of the run said; raises UsageError where it has none."""
    from harness.analysis.judged import judgements

    judged = [one for result in store.results(run.id) for one in judgements(result)]
    if not judged:
        raise UsageError(
            f"run {run.id} has no judge: no grade of it names a model; "
            "`rubric`, `reference`, `pairwise` and `panel` do"
        )
    return judged


def _of_grader(judged: list[Judgement], run: Run, grader: str | None) -> list[Judgement]:
    """Those of one grader, or all; raises UsageError for a name that no judge has."""
    if grader is None:
        return judged
    found = [one for one in judged if one.grader == grader]
    if not found:
        known = sorted({one.grader for one in judged})
        near = did_you_mean(grader, known) or f"; there are: {', '.join(known)}"
        raise UsageError(f"no judge of run {run.id} is called {grader!r}{near}")
    return found


def _meant(store: Store, names: Sequence[str]) -> tuple[Run, set[str]]:
    """The run that is meant, and the suites of it; raises UsageError where there is none."""
    folders = [name for name in names if (Path(name) / "run.json").is_file()]
    paths = [Path(name) for name in names if Path(name).exists() and name not in folders]
    if not paths and len(names) == 1:
        run: Run = store.run(options.run_name(names[0]))
        return run, {suite.name for suite in run.suites}
    if len(paths) < len(names):
        odd = next(name for name in names if Path(name) not in paths)
        raise UsageError(f"name one run, or suites; {odd!r} is no suite file")
    for run in store.runs():
        found = [_suites_at(run, path) for path in paths]
        if all(found):
            return run, set().union(*found)
    told = ", ".join(map(str, paths))
    raise UsageError(f"no stored run has the suite {told}; `harness run` it first")


def _suites_at(run: Run, path: Path) -> set[str]:
    """The names of the run's suites in this file or folder."""
    begun = Path(str(run.invocation.get("cwd", ".")))
    wanted = path.resolve()
    files = {suite.name: (begun / suite.path).resolve() for suite in run.suites}
    return {name for name, file in files.items() if wanted in (file, *file.parents)}


def _calibrations(run: Run, judged: Sequence[Judgement], sheet: Sheet) -> list[Calibration]:
    """A calibration of every judge that has a label, in the order of the run.

    What the sheet leaves open goes to standard error.
    """
    from harness import labels
    from harness.analysis.calibration import calibrate as calibrated
    from harness.analysis.judged import kinds_of
    from reports.text import cell

    kinds: Mapping[tuple[str, str], Kind] = kinds_of(judged)
    matched = labels.matched(sheet, judged, run.id, kinds=kinds, escape=cell)
    said: defaultdict[tuple[str, str], list[Any]] = defaultdict(list)
    for note in matched.notes:
        click.echo(f"note: {note}", err=True)
    for one in matched.labelled:
        said[one.judgement.trial.suite, one.judgement.grader].append(one)
    own: defaultdict[tuple[str, str], list[Judgement]] = defaultdict(list)
    for judgement in judged:
        own[judgement.trial.suite, judgement.grader].append(judgement)
    left = labels.unlabelled(sheet, judged, escape=cell)
    return [calibrated(own[key], said[key], left.get(key)) for key in kinds if said[key]]
