"""From the results of a run to its Comparison, candidate beside candidate, in one pass.

The unit of analysis is the case: repeats are averaged inside a case first. Intervals are at 95 %.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property

from harness.analysis.classify import classification
from harness.analysis.columns import Columns, columns_of
from harness.analysis.comparison import (
    AnswerUsage,
    CandidateSummary,
    Comparison,
    Cost,
    Estimate,
    Group,
    Latency,
    MissingKind,
    Quality,
    SuiteSummary,
    TrialCounts,
)
from harness.analysis.estimates import (
    estimate,
    latency,
    per_case,
    per_case_interval,
    per_pass,
)
from harness.analysis.noninferior import Rule
from harness.analysis.pairs import pairs
from harness.analysis.pareto import pareto
from harness.analysis.routing import routing_if_any
from harness.analysis.stability import stability, with_repeats
from harness.analysis.tally import Tally
from harness.analysis.traffic import Traffic
from harness.prefix import CacheCount
from harness.records import USAGE_FIELDS, Candidate, Outcome, Result, Run


class Comparer:
    """Counts the results of a run as they come, in any order, and compares its candidates."""

    def __init__(self, run: Run) -> None:
        names = [suite.name for suite in run.suites]
        self.run, self.count = run, 0
        self.tallies = {c.name: {suite: Tally() for suite in names} for c in run.candidates}
        self.caches = {c.name: CacheCount() for c in run.candidates}

    def add(self, result: Result) -> None:
        """Count one trial; ValueError where it is of a candidate that the run does not name."""
        name, suite = result.id.candidate, result.id.suite
        suites = self.tallies.get(name)
        if suites is None:
            raise ValueError(f"{result.id} is of no candidate of run {self.run.id!r}")
        if suite not in suites:
            suites[suite] = Tally()
        self.count += 1
        suites[suite].add(result)
        self.caches[name].add(result)

    def comparison(self) -> Comparison:
        """The run's candidates, in its order; marked simulated where any answer was.

        A pair is invalid where more of one side's trials is missing than the run allows.
        """
        tallies = self.tallies.values()
        simulated = any(tally.simulated for suites in tallies for tally in suites.values())
        run = replace(self.run, simulated=self.run.simulated or simulated)
        parts = {name: _parts(name, suites) for name, suites in self.tallies.items()}
        columns = {name: whole.columns for name, (whole, _) in parts.items()}
        return Comparison(
            run=run,
            candidates=tuple(
                replace(_candidate(run, c, *parts[c.name]), cache=self.caches[c.name].total())
                for c in run.candidates
            ),
            pairs=pairs(columns, max_missing=run.max_missing),
            pareto=pareto(columns),
            routing=routing_if_any(Traffic(run, columns), Rule(max_missing=run.max_missing)),
        )


def compare(run: Run, results: Iterable[Result]) -> Comparison:
    """The comparison of a run over one pass of `results`, in any order."""
    comparer = Comparer(run)
    for result in results:
        comparer.add(result)
    return comparer.comparison()


class _Part:
    """The trials of one candidate in a suite, or in all; its figures are made but once."""

    def __init__(self, name: str, tally: Tally) -> None:
        self.tally, self.columns = tally, columns_of(name, tally.cases)

    @cached_property
    def rate(self) -> Estimate:
        return estimate(self.columns, self.columns.passed)

    @cached_property
    def score(self) -> Estimate:
        return estimate(self.columns, self.columns.score)

    @cached_property
    def latency(self) -> Latency:
        return latency(self.tally.latencies_s)

    @cached_property
    def cost(self) -> Cost:
        tally, both = self.tally, self.tally.answers + self.tally.judges
        return Cost(
            answers=tally.answers.total,
            judges=tally.judges.total,
            total=both.total,
            spent=tally.spent,
            per_case=per_case(self.columns),
            per_pass=per_pass(self.columns, both.total, tally.outcomes[Outcome.PASSED]),
            at_live_prices=both.at_live_prices,
            at_batch_prices=both.at_batch_prices,
            unknown_usage=tally.unknown_usage,
            unpriced=tuple(sorted(tally.unpriced)),
            per_case_interval=per_case_interval(self.columns),
        )


def _parts(name: str, suites: Mapping[str, Tally]) -> tuple[_Part, dict[str, _Part]]:
    """A candidate over all suites, and in each that it was run in; one suite alone is all."""
    parts = {suite: _Part(name, tally) for suite, tally in suites.items() if tally.outcomes}
    if len(parts) == 1:
        return next(iter(parts.values())), parts
    return _Part(name, sum(suites.values(), Tally())), parts


def _candidate(
    run: Run, candidate: Candidate, whole: _Part, suites: Mapping[str, _Part]
) -> CandidateSummary:
    tally, columns = whole.tally, whole.columns
    planned = {suite.name: suite.planned.get(candidate.name) for suite in run.suites}
    return CandidateSummary(
        name=candidate.name,
        model=candidate.model,
        params=candidate.params,
        prompt=candidate.prompt,
        trials=_counts(tally, run.planned.get(candidate.name, 0)),
        quality=with_repeats(Quality(whole.rate, whole.score), columns),
        usage=AnswerUsage(
            **{name: getattr(tally.usage, name) for name in USAGE_FIELDS}, requests=tally.requests
        ),
        cost_usd=whole.cost,
        latency_s=whole.latency,
        by_tag={tag: _group(columns.take(rows)) for tag, rows in columns.tagged.items()},
        by_suite={name: _suite(one, planned.get(name)) for name, one in suites.items()},
        missing=_missing(tally),
        stability=stability(columns),
        classification={
            name: found
            for name, one in suites.items()
            if (found := classification(one.columns, one.tally.labels)) is not None
        },
    )


def _suite(part: _Part, planned: int | None) -> SuiteSummary:
    outcomes = part.tally.outcomes
    return SuiteSummary(
        n_cases=part.rate.n_cases,
        pass_rate=part.rate,
        cost_per_case=part.cost.per_case,
        score=part.score,
        trials=_counts(part.tally, outcomes.total() if planned is None else planned),
        cost_usd=part.cost,
        latency_s=part.latency,
    )


def _counts(tally: Tally, planned: int) -> TrialCounts:
    ended = {outcome.value: tally.outcomes[outcome] for outcome in Outcome}
    return TrialCounts(
        planned=planned,
        graded=ended["passed"] + ended["failed"],
        **ended,
        refused=tally.refused,
        truncated=tally.truncated,
        reused=tally.reused,
        retried=tally.retried,
    )


def _missing(tally: Tally) -> tuple[MissingKind, ...]:
    kinds: Counter[str] = Counter()
    commonest: dict[str, str] = {}
    for (kind, reason), count in sorted(tally.missing.items(), key=lambda n: (-n[1], n[0])):
        kinds[kind] += count
        commonest.setdefault(kind, reason)
    reasons = Counter(kind for kind, _ in tally.missing)
    found = [
        MissingKind(kind, count, commonest[kind], reasons[kind]) for kind, count in kinds.items()
    ]
    return tuple(sorted(found, key=lambda missing: (-missing.count, missing.kind)))


def _group(columns: Columns) -> Group:
    rate = estimate(columns, columns.passed)
    return Group(rate.n_cases, rate, per_case(columns))
