"""What earlier runs tell a plan: how long answers were, and how scores varied. Reads the store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from harness.errors import StoreError
from harness.records import Outcome, Result, Run

if TYPE_CHECKING:
    from harness.store import Store

MOST_RESULTS = 5_000
MOST_RUNS = 20
"""Runs that are looked through for one of a suite, newest first."""


@dataclass(slots=True)
class Mean:
    """A mean that is added to."""

    total: int = 0
    count: int = 0

    def add(self, value: int | None) -> None:
        """One more value; an unknown one is none."""
        if value is not None:
            self.total += value
            self.count += 1

    @property
    def value(self) -> int | None:
        """The mean, rounded up; `None` of nothing."""
        return -(-self.total // self.count) if self.count else None


@dataclass(slots=True)
class History:
    """Output tokens of answers by (suite, case, model) and by (suite, model), of judges by model.

    `calls` are the answers that a trial took, by the same and by suite: more than its turns where
    tools were called.
    `scores` are by suite, candidate and case: the scores of its repeats. `runs` names where each
    suite's are from.
    """

    by_case: dict[tuple[str, str, str], Mean] = field(default_factory=lambda: defaultdict(Mean))
    by_suite: dict[tuple[str, str], Mean] = field(default_factory=lambda: defaultdict(Mean))
    calls: dict[tuple[str, ...], Mean] = field(default_factory=lambda: defaultdict(Mean))
    judges: dict[str, Mean] = field(default_factory=lambda: defaultdict(Mean))
    scores: dict[str, dict[str, dict[str, list[float]]]] = field(default_factory=dict)
    clusters: dict[str, dict[str, str]] = field(default_factory=dict)
    runs: dict[str, str] = field(default_factory=dict)

    def output(self, suite: str, case: str, model: str) -> int | None:
        """Tokens that the model's answers to the case had on average, or to the suite's others."""
        known = self.by_case.get((suite, case, model)) or self.by_suite.get((suite, model))
        return known.value if known else None

    def answers(self, suite: str, case: str, model: str) -> int | None:
        """How often the model answered in a trial of the case on average, or of the suite's.

        Of a model that was not heard in the suite, as often as others.
        """
        places = (suite, case, model), (suite, model), (suite,)
        known = next((self.calls[place] for place in places if place in self.calls), None)
        return known.value if known else None

    def judge(self, model: str) -> int | None:
        """Tokens that the model's verdicts had on average."""
        return self.judges[model].value if model in self.judges else None

    def add(self, result: Result) -> None:
        """Learn from one result."""
        suite, case = result.id.suite, result.id.case
        for call in result.calls:
            model, tokens = call.request.model, call.answer.usage.output_tokens
            if call.request.purpose == "judge":
                self.judges[model].add(tokens)
            elif call.request.purpose == "answer":
                self.by_case[suite, case, model].add(tokens)
                self.by_suite[suite, model].add(tokens)
        own = result.calls_for("answer")
        if own and result.outcome is not Outcome.ERRORED:
            model = own[0].request.model
            for place in ((suite, case, model), (suite, model), (suite,)):
                self.calls[place].add(len(own))
        if result.score is not None:
            of_suite = self.scores.setdefault(suite, {}).setdefault(result.id.candidate, {})
            of_suite.setdefault(case, []).append(result.score)
        if result.cluster is not None:
            self.clusters.setdefault(suite, {})[case] = result.cluster


def read(
    store: Store | None, suites: Iterable[str], *, simulated: bool = False, most: int = MOST_RESULTS
) -> History:
    """What the newest stored run of each suite tells; at most `most` results are read of a run."""
    history = History()
    for run, names in _newest(store, set(suites), simulated=simulated) if store else ():
        for result in islice(store.results(run.id) if store else (), most):
            if result.id.suite in names:
                history.runs.setdefault(result.id.suite, run.id)
                history.add(result)
    return history


def _newest(store: Store, wanted: set[str], *, simulated: bool) -> Iterator[tuple[Run, set[str]]]:
    """Runs that have ended, newest first, with the suites that each is the newest of."""
    try:
        runs = store.runs(limit=MOST_RUNS)
    except StoreError:
        return
    for run in runs:
        names = wanted & {suite.name for suite in run.suites}
        if names and run.simulated == simulated and run.finished_at is not None:
            wanted -= names
            yield run, names
