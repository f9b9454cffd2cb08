"""The evals of one pytest session: one run, begun with the first item that needs a result."""

from __future__ import annotations

import io
import os
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness import offline, settings
from harness.budget import usd
from harness.check import require
from harness.errors import HarnessError, PendingAnswerError, SuiteError, UsageError
from harness.garbage import no_last_look
from harness.invocation import Invocation
from harness.load import load_evaluation, load_suite, same_names
from harness.pytest_plugin.options import FLAGS, OPTIONS, RESTRAINT, SESSION, option
from harness.suite import Suite
from reports.problems import told

if TYPE_CHECKING:
    from harness.analysis.comparison import Comparison
    from harness.evals import Evaluation
    from harness.prepare import Prepared
    from harness.pytest_plugin.background import BackgroundRun
    from harness.records import Result, Run
    from harness.store import Store
    from harness.trial import Trial

OF_THE_COMMAND = re.compile(rf"(?<![\w-])--(?={'|'.join([*OPTIONS, *FLAGS])}\b)")


def worded(error: HarnessError) -> str:
    """The message with the options of `harness run` under the names that they have here."""
    said = told(error.problems) if isinstance(error, SuiteError) else str(error)
    text = OF_THE_COMMAND.sub("--eval-", said)
    return text.replace("`harness resume` goes on", "the same `pytest` goes on")


def session_of(config: pytest.Config) -> EvalSession:
    """The evals of this pytest session, made when the first of them is seen."""
    if SESSION not in config.stash:
        config.stash[SESSION] = EvalSession(config)
        config.pluginmanager.register(config.stash[SESSION], "evals-session")
    session: EvalSession = config.stash[SESSION]
    return session


class EvalSession:
    """Suites as they are collected, the selected trials, and the run that answers them."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        named = [Path(config.invocation_params.dir, arg.split("::")[0]) for arg in config.args]
        paths = [path for path in named if path.exists()]
        self.invocation = _invocation(config)
        self.environ = settings.environment(os.environ, paths, Path.cwd())
        self.registry = settings.registry(paths, Path.cwd(), self.invocation.models_file)
        self.suites: dict[tuple[Path, str], Suite] = {}
        self.trials: list[Trial] = []
        self.warnings: list[str] = []
        self.background: BackgroundRun | None = None
        self.comparison: Comparison | None = None
        self.folder: Path | None = None
        self.problem: HarnessError | None = None
        self._markers: set[str] = set()
        self._alone = False

    @property
    def run_id(self) -> str:
        """The id of the run, once it has begun."""
        return self.background.run.id if self.background else "latest"

    def load(self, path: Path) -> Suite:
        """The suite in a file, checked; raises SuiteError."""
        key = path.resolve(), ""
        if key not in self.suites:
            suite = load_suite(path, self.registry, **self._models)
            self._add(key, suite)
        return self.suites[key]

    def load_evaluation(self, evaluation: Evaluation, path: Path) -> Suite:
        """An eval in Python as a suite, checked; raises SuiteError."""
        key = path.resolve(), evaluation.__name__
        if key not in self.suites:
            suite = load_evaluation(evaluation, path, self.registry, **self._models)
            self._add(key, suite)
        return self.suites[key]

    @property
    def _models(self) -> dict[str, Any]:
        default = settings.default_model(self.environ)
        return {"models": self.invocation.models or None, "default_model": default}

    def _add(self, key: tuple[Path, str], suite: Suite) -> None:
        findings = require([suite], self.registry)
        self.warnings += findings.warnings
        suite = findings.clustered(suite)
        if self.invocation.offline:
            offline.script_of([suite], self.registry)
        problems = list(same_names([*self.suites.values(), suite]))
        if problems:
            raise SuiteError(problems)
        self.suites[key] = suite

    def declare_markers(self, tags: Iterable[str]) -> None:
        """Make tags markers that `--strict-markers` knows."""
        for tag in sorted(set(tags) - self._markers):
            self._markers.add(tag)
            self.config.addinivalue_line("markers", f"{tag}: a tag of evals")

    def select(self, items: Sequence[Any], *, alone: bool) -> None:
        """Take the trials of these items, each once and in their order, and no others.

        `alone` says that the session has no other items, whose garbage pytest would look for.

        A trial's index goes by the suites' order, so that a run that goes on with the items
        turned round (`--ff`) finds each result in its place.
        """
        chosen = {(item.trial.suite.name, item.trial.index): item.trial for item in items}
        names = {suite.name: number for number, suite in enumerate(self.suites.values())}
        order = sorted(chosen, key=lambda key: (names[key[0]], key[1]))
        placed = {key: _placed(chosen[key], index) for index, key in enumerate(order)}
        for item in items:
            item.trial = placed[item.trial.suite.name, item.trial.index]
        self.trials = [placed[key] for key in chosen]
        self._alone = alone
        if alone:
            self.config.stash[RESTRAINT].look_seldom()
            no_last_look()

    def result(self, index: int) -> Result:
        """A trial's result, waited for; the first call begins the run. Raises HarnessError."""
        if self.background is None:
            self.background = self._begun()
            self.background.settle()
        return self.background.result(index)

    def _begun(self) -> BackgroundRun:
        from harness.prepare import prepare_trials
        from harness.pytest_plugin.background import BackgroundRun
        from harness.run import begin
        from harness.store import Store

        store = Store(settings.store_url(option(self.config, "store"), self.environ))
        try:
            named = option(self.config, "run")
            known = store.run(named) if named else None
            if known is not None and option(self.config, "mode") is None:
                # What waits in a batch is paid for: asked live, it would be paid for again.
                self.invocation = replace(self.invocation, mode=known.mode)
            prepared = prepare_trials(self.invocation, self.registry, self.environ, self.trials)
            if known is not None:
                _require_same(known, prepared, store)
            run = begin(prepared, store, run_id=known.id if known else None)
        except HarnessError:
            store.close()
            raise
        return BackgroundRun(prepared, store, run)

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self) -> None:
        """Send nothing more, before pytest takes its time to write out where it was."""
        if self.background is not None:
            self.background.stop()

    def finish(self) -> int:
        """Stop what still runs and write the reports; the run's exit code, 0 while batches pend."""
        if self.background is None:
            return 0
        from harness.run import conclude
        from reports.step_summary import append_step_summary
        from reports.write import write_reports

        store, prepared = self.background.store, self.background.prepared
        execution = self.background.finish()
        try:
            self.comparison = conclude(prepared, store, execution)
            run_id = self.comparison.run.id
            self.folder = self.invocation.folder(run_id)
            write_reports(self.folder, self.comparison, lambda: store.results(run_id))
            append_step_summary(self.environ, self.folder / "report.md")
        except HarnessError as error:
            self.problem, self.folder = error, None
            return error.exit_code
        finally:
            store.close()
            # Garbage of other tests is for pytest to find.
            self.config.stash[RESTRAINT].set_aside(searched=not self._alone)
        if isinstance(execution.stopped, PendingAnswerError):
            return 0
        return self.comparison.run.exit_code or 0

    def summarise(self, terminal: Any) -> None:
        """The comparison table, the cost, and where the report is."""
        if self.problem is None and self.comparison is None:
            return
        terminal.section("evals")
        for warning in self.warnings:
            terminal.line(f"warning: {warning}", yellow=True)
        if self.comparison is not None:
            terminal.write(_summary(self.comparison, self.folder, colour=terminal.hasmarkup))
        if self.problem is not None:
            terminal.line(worded(self.problem), red=True)


def _placed(trial: Trial, index: int) -> Trial:
    return trial if trial.index == index else replace(trial, index=index)


def _summary(comparison: Comparison, folder: Path | None, *, colour: bool) -> str:
    from rich.console import Console

    from reports.terminal import print_summary

    text = io.StringIO()
    width = shutil.get_terminal_size().columns
    console = Console(file=text, width=width, force_terminal=colour, no_color=not colour)
    print_summary(console, comparison, folder=folder)
    return text.getvalue()


def _require_same(known: Run, prepared: Prepared, store: Store) -> None:
    """A run goes on with the trials that it began with: others would take their places."""
    chosen = {trial.id for trial in prepared.trials}
    same = sum(known.planned.values()) == len(chosen)
    if not same or any(result.id not in chosen for result in store.results(known.id)):
        raise UsageError(
            f"run {known.id} was begun with other trials than the {len(chosen)} that are selected "
            "now; select the same, or leave --eval-run out: what was answered is not asked again"
        )


def _invocation(config: pytest.Config) -> Invocation:
    models, repeats = option(config, "models"), option(config, "repeats")
    poll = option(config, "poll") or os.environ.get("HARNESS_BATCH_POLL_S")
    budget = option(config, "budget")
    return Invocation(
        paths=(),
        cwd=str(Path.cwd()),
        models=tuple(name.strip() for name in str(models).split(",")) if models else (),
        mode=option(config, "mode") or "live",
        repeats=int(repeats) if repeats else None,
        budget=usd(str(budget), "--eval-budget") if budget else None,
        concurrency=int(option(config, "concurrency")),
        fresh=bool(option(config, "fresh")),
        offline=bool(option(config, "offline")),
        models_file=option(config, "models-file"),
        baseline=option(config, "baseline"),
        force=bool(option(config, "force")),
        out=option(config, "out"),
        strict=bool(option(config, "strict")),
        wait=not option(config, "no-wait"),
        poll_s=float(poll) if poll else None,
    )
