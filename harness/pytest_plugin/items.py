"""Suites and evals as pytest collects them, and a trial as an item that waits for its result."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness import plan
from harness.errors import HarnessError, PendingAnswerError, RunStoppedError
from harness.garbage import gc_paused
from harness.pytest_plugin.options import RESTRAINT
from harness.pytest_plugin.session import EvalSession, session_of, worded
from harness.records import Outcome, Result
from harness.suite import Suite
from harness.trial import Trial
from reports.failure import failure_text

if TYPE_CHECKING:
    from harness.evals import Evaluation

MARK = re.compile(r"[A-Za-z][\w:+.\-/\\]*")
MEANT_BY_PYTEST = frozenset(
    {"filterwarnings", "parametrize", "skip", "skipif", "tryfirst", "trylast", "usefixtures"}
    | {"xfail"}
)
"""Tags that are no markers: a trial that was paid for is not skipped for the name of a tag."""
XDIST = (
    "evals do not run under xdist: they run side by side by themselves, and several processes "
    "would ask for the same; run them in a pytest of their own, as in `pytest -n0 {path}`, and "
    "leave them out of this one, as with `--ignore={path}`"
)


class SuiteFile(pytest.File):
    """A YAML suite; collecting it loads and checks it, and sends nothing."""

    def collect(self) -> list[pytest.Item]:
        """An item for each trial."""
        return _items(self, lambda session: session.load(self.path))


class EvaluationNode(pytest.Collector):
    """An eval written in Python."""

    def __init__(self, *, evaluation: Evaluation, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.evaluation = evaluation

    def collect(self) -> list[pytest.Item]:
        """An item for each trial."""
        return _items(self, lambda session: session.load_evaluation(self.evaluation, self.path))


def _items(parent: pytest.Collector, load: Callable[[EvalSession], Suite]) -> list[pytest.Item]:
    if hasattr(parent.config, "workerinput"):
        raise parent.CollectError(XDIST.format(path=_relative(parent.path)))
    try:
        session = session_of(parent.config)
        with gc_paused():
            suite = load(session)
            items = _items_of(parent, suite, session)
    except HarnessError as error:
        raise parent.CollectError(worded(error)) from error
    parent.config.stash[RESTRAINT].set_aside()  # a suite and its items stay until the end
    return items


def _items_of(parent: pytest.Collector, suite: Suite, session: EvalSession) -> list[pytest.Item]:
    session.declare_markers({tag for case in suite.cases for tag in case.tags if _is_marker(tag)})
    repeats = session.invocation.repeats
    items: list[pytest.Item] = []
    for trial in plan.trials([suite], repeats=repeats):
        name = item_name(trial, repeats)
        # Left to itself, pytest takes the brackets for a part of the name here and for parameters
        # in its cache, and `--lf` finds nothing.
        node_id = f"{parent.nodeid}::{name}"
        items.append(TrialItem.from_parent(parent, name=name, nodeid=node_id, trial=trial))
    return items


def _is_marker(tag: str) -> bool:
    return tag not in MEANT_BY_PYTEST and MARK.fullmatch(tag) is not None


def item_name(trial: Trial, repeats: int | None) -> str:
    """`case[candidate]`, and `case[candidate-r2]` where there are several repeats."""
    several = (repeats or trial.script.repeats) > 1
    return f"{trial.case.id}[{trial.candidate.name}{f'-r{trial.repeat}' if several else ''}]"


class TrialItem(pytest.Item):
    """One trial: set up when its result is there, and failed where its graders say so."""

    def __init__(self, *, trial: Trial, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.trial = trial
        self.result: Result | None = None
        for tag in trial.case.tags:
            self.extra_keyword_matches.add(tag)
            if _is_marker(tag):
                self.add_marker(tag)

    def setup(self) -> None:
        """Wait for the result; without an answer or a grade the item is an error, not a failure."""
        ended = self._ended()
        if isinstance(ended, PendingAnswerError):
            run = session_of(self.config).run_id
            pytest.skip(f"{ended}; judge it later with --eval-run {run}")
        if isinstance(ended, HarnessError):
            # What ended the run would end every item that is left, with the same words.
            stopped = isinstance(ended, RunStoppedError)
            code = pytest.ExitCode.INTERRUPTED if stopped else pytest.ExitCode.USAGE_ERROR
            pytest.exit(worded(ended), returncode=code)
        self.result = ended
        self.user_properties += _properties(self.trial, ended)
        if ended.outcome.missing:
            pytest.fail(self._told(ended), pytrace=False)

    def _ended(self) -> Result | HarnessError:
        """The result, or what ended the run before.

        The error is handed on and not raised: pytest writes out every argument of every function
        that an exception came through, and a trial has the whole suite in it.
        """
        try:
            return session_of(self.config).result(self.trial.index)
        except HarnessError as error:
            return error

    def runtest(self) -> None:
        """Fail where the graders did."""
        if self.result is not None and self.result.outcome is Outcome.FAILED:
            pytest.fail(self._told(self.result), pytrace=False)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What was asked, what was answered, what the graders said, and how to see it all."""
        if isinstance(excinfo.value, pytest.fail.Exception):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def _told(self, result: Result) -> str:
        place = f"{_relative(self.trial.suite.path)}:{self.trial.case.line}"
        return failure_text(result, place, session_of(self.config).run_id)

    def reportinfo(self) -> tuple[Path, int, str]:
        """The case in its file."""
        of_eval = isinstance(self.parent, EvaluationNode)
        name = f"{self.parent.name}::{self.name}" if of_eval and self.parent else self.name
        return self.path, max(self.trial.case.line - 1, 0), name


def _relative(path: Path) -> str:
    return str(path).removeprefix(f"{Path.cwd()}{os.sep}")


def _properties(trial: Trial, result: Result) -> Iterable[tuple[str, object]]:
    usage, bill = result.usage, result.bill
    yield "model", trial.candidate.model
    yield "outcome", result.outcome.value
    yield "score", _known(result.score)
    yield "input_tokens", _known(usage and usage.input_tokens)
    yield "output_tokens", _known(usage and usage.output_tokens)
    yield "cost_usd", _known(bill and bill.total)
    yield "spent_usd", _known(result.spent)


def _known(value: object) -> str:
    """A figure as text; what is unknown stays empty."""
    return "" if value is None else str(value)
