"""The evals of one pytest session: one run, begun with the first item that needs a result."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness import settings
from harness.background import BackgroundRun
from harness.check import require
from harness.errors import HarnessError, Problem, SuiteError, UsageError
from harness.invocation import Invocation
from harness.load import load_evaluation, load_suite, same_names
from harness.pytest_options import SESSION, option
from harness.run import begin, conclude, prepare_trials
from harness.store import Store
from harness.suite import Suite
from reports.write import write_reports

if TYPE_CHECKING:
    from harness.analysis.comparison import Comparison
    from harness.evals import Evaluation
    from harness.records import Result
    from harness.trial import Trial

XDIST = (
    "evals run side by side by themselves, and a second process would ask again: run them without "
    "xdist, as in `pytest {path} -p no:xdist`, or deselect them here"
)


def session_of(config: pytest.Config) -> EvalSession:
    """The evals of this pytest session, made when the first of them is seen."""
    if SESSION not in config.stash:
        config.stash[SESSION] = EvalSession(config)
    session: EvalSession = config.stash[SESSION]
    return session


class EvalSession:
    """Suites as they are collected, the selected trials, and the run that answers them."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.invocation = _invocation(config)
        self.environ = settings.environment(os.environ, [], Path.cwd())
        self.registry = settings.registry([], Path.cwd(), self.invocation.models_file)
        self.suites: dict[Path | str, Suite] = {}
        self.trials: list[Trial] = []
        self.background: BackgroundRun | None = None
        self.comparison: Comparison | None = None
        self.folder: Path | None = None
        self.problem: HarnessError | None = None
        self._markers: set[str] = set()

    @property
    def run_id(self) -> str:
        """The id of the run, once it has begun."""
        return self.background.run.id if self.background else "latest"

    def load(self, path: Path) -> Suite:
        """The suite in a file, checked; raises SuiteError."""
        return self._checked(
            path,
            load_suite(
                path,
                self.registry,
                models=self.invocation.models or None,
                default_model=settings.default_model(self.environ),
            ),
        )

    def load_evaluation(self, evaluation: Evaluation, path: Path) -> Suite:
        """An eval in Python as a suite, checked; raises SuiteError."""
        suite = load_evaluation(
            evaluation,
            path,
            self.registry,
            models=self.invocation.models or None,
            default_model=settings.default_model(self.environ),
        )
        return self._checked(suite.name, suite)

    def _checked(self, key: Path | str, suite: Suite) -> Suite:
        require([suite], self.registry)
        problems = list(same_names([*self.suites.values(), suite]))
        if problems:
            raise SuiteError(problems)
        self.suites[key] = suite
        return suite

    def declare_marker(self, tag: str) -> None:
        """Make a tag a marker that `--strict-markers` knows."""
        if tag not in self._markers:
            self._markers.add(tag)
            self.config.addinivalue_line("markers", f"{tag}: a tag of evals")

    def select(self, items: Sequence[Any]) -> None:
        """Take the trials of these items, in their order, and of no others."""
        for index, item in enumerate(items):
            item.trial = replace(item.trial, index=index)
        self.trials = [item.trial for item in items]

    def result(self, trial: Trial) -> Result:
        """The trial's result, waited for; the first call begins the run."""
        if self.problem is None and self.background is None:
            try:
                self.background = self._begun(trial)
            except HarnessError as error:
                self.problem = error
        if self.background is None:
            raise pytest.UsageError(str(self.problem))
        return self.background.result(trial)

    def _begun(self, trial: Trial) -> BackgroundRun:
        if "PYTEST_XDIST_WORKER" in os.environ:
            raise UsageError(XDIST.format(path=trial.suite.path))
        prepared = prepare_trials(self.invocation, self.registry, self.environ, self.trials)
        store = Store(settings.store_url(option(self.config, "store"), self.environ))
        run_id = option(self.config, "run")
        run = begin(prepared, store, run_id=store.run(run_id).id if run_id else None)
        return BackgroundRun(prepared, store, run)

    def finish(self) -> int:
        """Stop what still runs and write the reports; the run's exit code."""
        if self.background is None:
            return 0
        store, prepared = self.background.store, self.background.prepared
        execution = self.background.finish()
        try:
            self.comparison = conclude(prepared, store, execution)
            run_id = self.comparison.run.id
            self.folder = Path(option(self.config, "out") or settings.FOLDER / "runs" / run_id)
            write_reports(self.folder, self.comparison, lambda: store.results(run_id))
        except HarnessError as error:
            self.problem = error
            return error.exit_code
        finally:
            store.close()
        return self.comparison.run.exit_code or 0

    def summarise(self, terminal: Any) -> None:
        """The comparison table, the cost, and where the report is."""
        if self.problem is not None:
            terminal.section("evals")
            terminal.line(str(self.problem))
        if self.comparison is None:
            return
        from rich.console import Console

        from reports.terminal import print_summary

        width = terminal._tw.fullwidth
        text = io.StringIO()
        print_summary(Console(file=text, width=width), self.comparison, folder=self.folder)
        terminal.section("evals")
        terminal.write(text.getvalue())


def _invocation(config: pytest.Config) -> Invocation:
    problems: list[Problem] = []

    def number(name: str, default: int | None) -> int | None:
        text = option(config, name)
        if text is None:
            return default
        if not str(text).isdecimal() or int(text) < 1:
            problems.append(Problem(f"--eval-{name} takes a whole number from 1, not {text!r}"))
            return default
        return int(text)

    mode = option(config, "mode")
    if mode not in ("live", "replay"):
        problems.append(Problem(f"--eval-mode is live or replay, not {mode!r}"))
    models = option(config, "models")
    invocation = Invocation(
        paths=(),
        cwd=str(Path.cwd()),
        models=tuple(name.strip() for name in str(models).split(",")) if models else (),
        mode=mode,
        repeats=number("repeats", None),
        concurrency=number("concurrency", None) or 64,
        fresh=bool(option(config, "fresh")),
        offline=bool(option(config, "offline")),
        models_file=option(config, "models-file"),
        out=option(config, "out"),
        strict=bool(option(config, "strict")),
    )
    if problems:
        raise pytest.UsageError("; ".join(map(str, problems)))
    return invocation
