"""Which run or file a name means as a baseline, and what a run and its baseline have in common."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import HarnessError, UsageError

if TYPE_CHECKING:
    from harness.analysis.baseline import Snapshot
    from harness.analysis.comparison import Comparison
    from harness.confirming import Beside
    from harness.invocation import Invocation
    from harness.records import Run
    from harness.store import Store


def run_name(name: str, folder: Path | None = None) -> str:
    """A run's id, from an id, a prefix, `latest`, or the folder of its reports.

    A relative folder is meant from `folder`, by default the working directory.
    Raises UsageError for a folder whose run.json cannot be read.
    """
    document = (folder or Path()) / name / "run.json"
    if not document.is_file():
        return name
    try:
        return str(json.loads(document.read_text(encoding="utf-8"))["run"]["id"])
    except (ValueError, KeyError, TypeError, OSError) as exc:
        raise UsageError(f"{document} is no run.json of this harness: {exc}") from exc


def settled(name: str, store: Store, folder: Path) -> str:
    """The name under which the baseline is found later too: a file as it is, a run by its id.

    `latest` is another run as soon as one has begun. Raises UsageError and StoreError.
    """
    return stored(name, store, folder) or name


def find(name: str, store: Store | None, folder: Path) -> Snapshot:
    """The baseline in a file (from `folder`), or the run in the store that `name` means.

    `store` may be None where the name is a file's.

    Raises UsageError for a file that is none, and StoreError for a run that is not there.
    """
    if _is_file(name, folder):
        from harness.baseline_file import read

        return read(folder / name)
    assert store is not None
    return of_run(store.run(run_name(name, folder)), store)


def stored(name: str, store: Store, folder: Path) -> str | None:
    """The id of the run in the store that `name` means as a baseline; None for a file."""
    return None if _is_file(name, folder) else store.run(run_name(name, folder)).id


def of_run(run: Run, store: Store) -> Snapshot:
    """What a run in the store found, case by case."""
    from harness.analysis.baseline import snapshot

    return snapshot(run, store.results(run.id))


def _is_file(name: str, folder: Path) -> bool:
    if (folder / name).is_file():
        return True
    if name.endswith(".json"):
        raise UsageError(f"baseline {name}: no such file; `harness baseline RUN > {name}` makes it")
    return False


def require_common(
    baseline: Snapshot, suites: Collection[str], candidates: Collection[str], name: str
) -> None:
    """Raise UsageError where no suite, or no candidate, is in the baseline called `name`."""
    for what, mine, theirs in (
        ("suite", suites, baseline.suites),
        ("candidate", candidates, tuple(baseline.arms)),
    ):
        if mine and not set(mine) & set(theirs):
            others = ", ".join(theirs) or "none"
            raise UsageError(
                f"baseline {name} is of the {what}s {others}, and this run is of "
                f"{', '.join(mine)}; name a baseline of the same {what}s"
            )


def beside(now: Run, store: Store, baseline: Snapshot, *, force: bool = False) -> Beside:
    """A run and its baseline, and the verdicts by the margins of its suites' gates."""
    from harness.analysis.regression import regress
    from harness.analysis.regression_records import Policy
    from harness.confirming import Beside

    confirm = bool(now.invocation.get("confirm"))
    plain = Policy(max_missing=now.max_missing, confirm=confirm)
    policies = {suite.name: plain for suite in now.suites} | {
        suite.name: replace(plain, margin=gate.bounds["margin"], gated=True)
        for suite in now.suites
        for gate in suite.gates
        if gate.metric == "regression"
    }
    side = of_run(now, store)
    return Beside(side, baseline, regress(side, baseline, policies, force=force))


def judged(comparison: Comparison, store: Store) -> Comparison:
    """The comparison with its gates judged, and beside the baseline that its run was given.

    A baseline that is gone by now fails no run that is paid for: its gates say why.
    """
    from harness.analysis.gates import NO_BASELINE, judge

    run = comparison.run
    asked = run.invocation
    name, why = asked.get("baseline"), NO_BASELINE
    if name:
        try:
            comparison = _compared(comparison, name, store)
        except HarnessError as error:
            why = str(error)
    return replace(comparison, gates=judge(comparison, no_baseline=why))


def _compared(comparison: Comparison, name: str, store: Store) -> Comparison:
    """The comparison with `regression`, after a second look where the run was to take one."""
    run, asked = comparison.run, comparison.run.invocation
    folder = Path(asked.get("cwd") or ".")
    sides = beside(run, store, find(name, store, folder), force=bool(asked.get("force")))
    found, candidates = sides.found, comparison.candidates
    if asked.get("confirm"):
        from harness.confirming import looked_again, with_spent

        found, spent = looked_again(sides, run, store, stored(name, store, folder))
        candidates = tuple(with_spent(candidate, spent) for candidate in candidates)
    facts = {field.name: getattr(found, field.name) for field in fields(found)}
    return replace(comparison, candidates=candidates, regression=facts)


def checked(
    invocation: Invocation,
    known: Run | None,
    asked: tuple[Collection[str], Collection[str]],
    store: Store,
) -> Invocation:
    """The options of a run of these suites and candidates, with its baseline found and fit.

    A run that goes on (`known`) keeps the baseline that it began with, be it there or not: what is
    paid for is collected first. Raises HarnessError.
    """
    if known is not None:
        return replace(invocation, baseline=known.invocation.get("baseline") or invocation.baseline)
    name = invocation.baseline
    if not name:
        return invocation
    folder = Path(invocation.cwd)
    require_common(find(name, store, folder), *asked, name)
    return replace(invocation, baseline=settled(name, store, folder))
