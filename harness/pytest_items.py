"""Suites and evals as pytest collects them, and a trial as an item that waits for its result."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness import plan
from harness.errors import SuiteError
from harness.pytest_session import session_of
from harness.records import Outcome, Result
from harness.suite import Suite
from harness.trial import Trial
from reports.failure import failure_text

if TYPE_CHECKING:
    from harness.evals import Evaluation

MARK = re.compile(r"[A-Za-z][\w:+.\-/\\]*")


class TrialFailed(Exception):  # noqa: N818  (pytest shows the name; it is a finding, no error)
    """A trial that failed its graders."""


class TrialMissing(Exception):  # noqa: N818
    """A trial that has no answer, or no grade."""


class SuiteFile(pytest.File):
    """A YAML suite; collecting it loads and checks it, and sends nothing."""

    def collect(self) -> Iterator[pytest.Item]:
        """An item for each trial."""
        session = session_of(self.config)
        try:
            suite = session.load(self.path)
        except SuiteError as error:
            raise self.CollectError(str(error)) from error
        yield from _items(self, suite)


class EvaluationNode(pytest.Collector):
    """An eval written in Python."""

    def __init__(self, *, evaluation: Evaluation, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.evaluation = evaluation

    def collect(self) -> Iterator[pytest.Item]:
        """An item for each trial."""
        try:
            suite = session_of(self.config).load_evaluation(self.evaluation, self.path)
        except SuiteError as error:
            raise self.CollectError(str(error)) from error
        yield from _items(self, suite)


def _items(parent: pytest.Collector, suite: Suite) -> Iterator[pytest.Item]:
    repeats = session_of(parent.config).invocation.repeats
    for trial in plan.trials([suite], repeats=repeats):
        yield TrialItem.from_parent(parent, name=item_name(trial, repeats), trial=trial)


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
            self._tag(tag)

    def _tag(self, tag: str) -> None:
        self.extra_keyword_matches.add(tag)
        if MARK.fullmatch(tag):
            session_of(self.config).declare_marker(tag)
            self.add_marker(tag)

    def setup(self) -> None:
        """Wait for the result; without an answer or a grade the item is an error, not a failure."""
        result = self.result = session_of(self.config).result(self.trial)
        self.user_properties += _properties(self.trial, result)
        if result.outcome.missing:
            raise TrialMissing

    def runtest(self) -> None:
        """Fail where the graders did."""
        if self.result is not None and self.result.outcome is Outcome.FAILED:
            raise TrialFailed

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What was asked, what was answered, what the graders said, and how to see it all."""
        if self.result is None or not isinstance(excinfo.value, TrialFailed | TrialMissing):
            return super().repr_failure(excinfo, style)
        place = f"{_relative(self.trial.suite.path)}:{self.trial.case.line}"
        return failure_text(self.result, place, session_of(self.config).run_id)

    def reportinfo(self) -> tuple[Path, int, str]:
        """The case in its file."""
        return self.path, max(self.trial.case.line - 1, 0), self.name


def _relative(path: Path) -> Path:
    cwd = Path.cwd()
    return path.relative_to(cwd) if path.is_relative_to(cwd) else path


def _properties(trial: Trial, result: Result) -> Iterable[tuple[str, object]]:
    yield "model", trial.candidate.model
    yield "outcome", result.outcome.value
    yield "score", _known(result.score)
    for name in ("input_tokens", "output_tokens"):
        yield name, _known(getattr(result.usage, name, None))
    yield "cost_usd", _known(result.bill.total if result.bill else None)
    yield "spent_usd", _known(result.spent)


def _known(value: object) -> str:
    """A figure as text; what is unknown stays empty."""
    return "" if value is None else str(value)
