"""From the results of a run to its Comparison, candidate beside candidate, in one pass.

Point estimates only, so every `low` and `high` is None. Unit of analysis is the case: repeats are
averaged inside a case first.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from harness.analysis.comparison import (
    AnswerUsage,
    CandidateSummary,
    Comparison,
    Cost,
    DollarEstimate,
    Estimate,
    Group,
    Latency,
    MissingKind,
    Quality,
    SuiteSummary,
    TrialCounts,
)
from harness.analysis.tally import CaseTally, Tally
from harness.records import USAGE_FIELDS, Candidate, Outcome, Result, Run, add_dollars


class Comparer:
    """Counts the results of a run as they come, in any order, and compares its candidates."""

    def __init__(self, run: Run) -> None:
        names = [suite.name for suite in run.suites]
        self.run, self.count = run, 0
        self.tallies = {c.name: {suite: Tally() for suite in names} for c in run.candidates}

    def add(self, result: Result) -> None:
        """Count one trial; ValueError where it is of a candidate that the run does not name."""
        if result.id.candidate not in self.tallies:
            raise ValueError(f"{result.id} is of no candidate of run {self.run.id!r}")
        self.count += 1
        self.tallies[result.id.candidate].setdefault(result.id.suite, Tally()).add(result)

    def comparison(self) -> Comparison:
        """The run's candidates, in its order; marked simulated where any answer was."""
        run, tallies = self.run, self.tallies
        simulated = any(tally.simulated for suites in tallies.values() for tally in suites.values())
        return Comparison(
            run=replace(run, simulated=run.simulated or simulated),
            candidates=tuple(_candidate(run, c, tallies[c.name]) for c in run.candidates),
        )


def compare(run: Run, results: Iterable[Result]) -> Comparison:
    """The comparison of a run over one pass of `results`, in any order."""
    comparer = Comparer(run)
    for result in results:
        comparer.add(result)
    return comparer.comparison()


def _candidate(run: Run, candidate: Candidate, suites: Mapping[str, Tally]) -> CandidateSummary:
    tally = sum(suites.values(), Tally())
    cases = list(tally.cases.values())
    tagged: defaultdict[str, list[CaseTally]] = defaultdict(list)
    for case in cases:
        for tag in dict.fromkeys(case.tags):
            tagged[tag].append(case)
    planned = {suite.name: suite.planned.get(candidate.name) for suite in run.suites}
    return CandidateSummary(
        name=candidate.name,
        model=candidate.model,
        params=candidate.params,
        prompt=candidate.prompt,
        trials=_counts(tally, run.planned.get(candidate.name, 0)),
        quality=Quality(_estimate(cases, _pass_rate), _estimate(cases, _score)),
        usage=AnswerUsage(
            **{name: getattr(tally.usage, name) for name in USAGE_FIELDS}, requests=tally.requests
        ),
        cost_usd=_cost(tally),
        latency_s=_latency(tally),
        by_tag={tag: _group(tagged[tag]) for tag in sorted(tagged)},
        by_suite={
            name: _suite(one, planned.get(name)) for name, one in suites.items() if one.outcomes
        },
        missing=_missing(tally),
    )


def _suite(tally: Tally, planned: int | None) -> SuiteSummary:
    cases = list(tally.cases.values())
    group = _group(cases)
    return SuiteSummary(
        n_cases=group.n_cases,
        pass_rate=group.pass_rate,
        cost_per_case=group.cost_per_case,
        score=_estimate(cases, _score),
        trials=_counts(tally, tally.outcomes.total() if planned is None else planned),
        cost_usd=_cost(tally),
        latency_s=_latency(tally),
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
    found = [MissingKind(kind, count, commonest[kind]) for kind, count in kinds.items()]
    return tuple(sorted(found, key=lambda missing: (-missing.count, missing.kind)))


def _pass_rate(case: CaseTally) -> float | None:
    return case.passed / case.graded if case.graded else None


def _score(case: CaseTally) -> float | None:
    return math.fsum(case.scores) / len(case.scores) if case.scores else None


def _estimate(cases: Iterable[CaseTally], measure: Callable[[CaseTally], float | None]) -> Estimate:
    means = [(mean, case.cluster) for case in cases if (mean := measure(case)) is not None]
    # fsum is exact, so that the order of the results cannot show in the last digit.
    value = math.fsum(mean for mean, _ in means) / len(means) if means else None
    return Estimate(value, None, None, len(means), len({cluster for _, cluster in means}))


def _group(cases: Sequence[CaseTally]) -> Group:
    rate = _estimate(cases, _pass_rate)
    return Group(rate.n_cases, rate, _per_case(cases))


def _per_case(cases: Iterable[CaseTally]) -> Decimal | None:
    asked = [case for case in cases if case.asked]
    total: Decimal | None = Decimal(0)
    for case in asked:
        total = add_dollars(total, case.dollars)
    return total / len(asked) if asked and total is not None else None


def _cost(tally: Tally) -> Cost:
    both = tally.answers + tally.judges
    passed = tally.outcomes[Outcome.PASSED]
    return Cost(
        answers=tally.answers.total,
        judges=tally.judges.total,
        total=both.total,
        spent=tally.spent,
        per_case=_per_case(tally.cases.values()),
        per_pass=DollarEstimate(both.total / passed if passed and both.total is not None else None),
        at_live_prices=both.at_live_prices,
        at_batch_prices=both.at_batch_prices,
        unknown_usage=tally.unknown_usage,
        unpriced=tuple(sorted(tally.unpriced)),
    )


def _latency(tally: Tally) -> Latency:
    ordered = sorted(tally.latencies_s)
    return Latency(_quantile(ordered, 0.5), _quantile(ordered, 0.95), len(ordered))


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    """Linear interpolation between order statistics (Hyndman and Fan 1996, definition 7)."""
    if not ordered:
        return None
    below, part = divmod(share * (len(ordered) - 1), 1)
    low, high = ordered[int(below)], ordered[min(int(below) + 1, len(ordered) - 1)]
    return low + part * (high - low)
