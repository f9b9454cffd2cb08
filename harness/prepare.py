"""What comes before anything is asked: suites are loaded, cases chosen, and everything checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import offline, plan, settings
from harness.check import require
from harness.errors import UsageError
from harness.invocation import Invocation
from harness.load import load
from harness.models import Registry
from harness.suite import Suite
from harness.trial import Trial


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run that may begin: every suite is sound, and nothing has been sent."""

    invocation: Invocation
    registry: Registry
    environ: Mapping[str, str]
    suites: tuple[Suite, ...]
    totals: Mapping[str, Suite]
    trials: tuple[Trial, ...]
    warnings: tuple[str, ...] = ()
    finished: frozenset[int] = frozenset()

    @property
    def waves(self) -> tuple[Sequence[Trial], Sequence[Trial]]:
        """The trials that are still to be asked, and those that had a result when the run was left.

        The latter are run again too, from the store, but nobody has to wait for that.
        """
        open_ = [trial for trial in self.trials if trial.index not in self.finished]
        return open_, [trial for trial in self.trials if trial.index in self.finished]


def prepare(invocation: Invocation, environ: Mapping[str, str], cwd: Path) -> Prepared:
    """Load, select and check; raises HarnessError with everything that is wrong."""
    if invocation.mode == "replay" and invocation.fresh:
        raise UsageError("--fresh asks anew and --mode replay never asks; leave one of them out")
    if invocation.confirm:
        _require_confirmable(invocation)
    environ = settings.environment(environ, invocation.files, cwd)
    registry = settings.registry(invocation.files, cwd, invocation.models_file)
    suites = load(
        invocation.files,
        registry,
        models=invocation.models or None,
        default_model=settings.default_model(environ),
    )
    totals = {suite.name: suite for suite in suites}
    chosen = plan.select(suites, invocation.selection)
    findings = require(chosen, registry)
    chosen, warnings = tuple(map(findings.clustered, chosen)), findings.warnings
    if invocation.offline:
        warnings += _check_answers(suites, chosen, registry, renamed=bool(invocation.models))
    trials = tuple(plan.trials(chosen, repeats=invocation.repeats))
    return Prepared(invocation, registry, environ, chosen, totals, trials, tuple(warnings))


def _require_confirmable(invocation: Invocation) -> None:
    if not invocation.baseline:
        raise UsageError(
            "--confirm looks again where a run is worse than its baseline; name one with --baseline"
        )
    if invocation.mode == "replay":
        raise UsageError("--confirm asks anew and --mode replay never asks; leave one of them out")


def _check_answers(
    suites: Sequence[Suite], chosen: Sequence[Suite], registry: Registry, *, renamed: bool
) -> list[str]:
    """What to know of the simulator's scripts; raises SuiteError where one cannot be used.

    All cases of a script are known, selected or not; candidates that replace the suites' are not.
    """
    offline.script_of(chosen, registry)
    return [] if renamed else offline.warnings_of(suites, registry)


def prepare_trials(
    invocation: Invocation,
    registry: Registry,
    environ: Mapping[str, str],
    trials: Sequence[Trial],
) -> Prepared:
    """A run of these trials alone, of suites that are loaded and checked already."""
    suites = tuple({trial.suite.name: trial.suite for trial in trials}.values())
    totals = {suite.name: suite for suite in suites}
    return Prepared(invocation, registry, environ, suites, totals, tuple(trials))
