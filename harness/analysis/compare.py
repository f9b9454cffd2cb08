"""From the results of a run to its Comparison, candidate beside candidate, in one pass.

The unit of analysis is the case: repeats are averaged inside a case first. Intervals are at 95 %.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from harness.analysis.classify import classification
from harness.analysis.comparison import (
    AnswerUsage,
    CandidateSummary,
    Comparison,
    Cost,
    Group,
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
from harness.analysis.tally import CaseKey, CaseTally, Tally
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
        self.traffic = Traffic(run)

    def add(self, result: Result) -> None:
        """Count one trial; ValueError where it is of a candidate that the run does not name."""
        if result.id.candidate not in self.tallies:
            raise ValueError(f"{result.id} is of no candidate of run {self.run.id!r}")
        self.count += 1
        self.tallies[result.id.candidate].setdefault(result.id.suite, Tally()).add(result)
        self.caches[result.id.candidate].add(result)
        self.traffic.add(result)

    def comparison(self) -> Comparison:
        """The run's candidates, in its order; marked simulated where any answer was.

        A pair is invalid where more of one side's trials is missing than the run allows.
        """
        run, tallies = self.run, self.tallies
        simulated = any(tally.simulated for suites in tallies.values() for tally in suites.values())
        cases = {name: _cases(suites) for name, suites in tallies.items()}
        return Comparison(
            run=replace(run, simulated=run.simulated or simulated),
            candidates=tuple(
                replace(_candidate(run, c, tallies[c.name]), cache=self.caches[c.name].total())
                for c in run.candidates
            ),
            pairs=pairs(cases, max_missing=run.max_missing),
            pareto=pareto(cases),
            routing=routing_if_any(self.traffic, Rule(max_missing=run.max_missing)),
        )


def compare(run: Run, results: Iterable[Result]) -> Comparison:
    """The comparison of a run over one pass of `results`, in any order."""
    comparer = Comparer(run)
    for result in results:
        comparer.add(result)
    return comparer.comparison()


def _cases(suites: Mapping[str, Tally]) -> dict[CaseKey, CaseTally]:
    return {key: case for tally in suites.values() for key, case in tally.cases.items()}


def _candidate(run: Run, candidate: Candidate, suites: Mapping[str, Tally]) -> CandidateSummary:
    tally = sum(suites.values(), Tally())
    cases = _ordered(tally)
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
        quality=with_repeats(Quality(estimate(cases, _rate), estimate(cases, _score)), cases),
        usage=AnswerUsage(
            **{name: getattr(tally.usage, name) for name in USAGE_FIELDS}, requests=tally.requests
        ),
        cost_usd=_cost(tally),
        latency_s=latency(tally.latencies_s),
        by_tag={tag: _group(tagged[tag]) for tag in sorted(tagged)},
        by_suite={
            name: _suite(one, planned.get(name)) for name, one in suites.items() if one.outcomes
        },
        missing=_missing(tally),
        stability=stability(tally.cases),
        classification={
            name: found
            for name, one in suites.items()
            if (found := classification(_ordered(one))) is not None
        },
    )


def _ordered(tally: Tally) -> list[CaseTally]:
    """The cases in an order of their own: that of the results is not to show in the last digit."""
    return [tally.cases[key] for key in sorted(tally.cases)]


def _rate(case: CaseTally) -> float | None:
    return case.pass_rate


def _score(case: CaseTally) -> float | None:
    return case.mean_score


def _suite(tally: Tally, planned: int | None) -> SuiteSummary:
    cases = _ordered(tally)
    group = _group(cases)
    return SuiteSummary(
        n_cases=group.n_cases,
        pass_rate=group.pass_rate,
        cost_per_case=group.cost_per_case,
        score=estimate(cases, _score),
        trials=_counts(tally, tally.outcomes.total() if planned is None else planned),
        cost_usd=_cost(tally),
        latency_s=latency(tally.latencies_s),
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


def _group(cases: Sequence[CaseTally]) -> Group:
    rate = estimate(cases, _rate)
    return Group(rate.n_cases, rate, per_case(cases))


def _cost(tally: Tally) -> Cost:
    both = tally.answers + tally.judges
    cases = _ordered(tally)
    return Cost(
        answers=tally.answers.total,
        judges=tally.judges.total,
        total=both.total,
        spent=tally.spent,
        per_case=per_case(cases),
        per_pass=per_pass(cases, both.total, tally.outcomes[Outcome.PASSED]),
        at_live_prices=both.at_live_prices,
        at_batch_prices=both.at_batch_prices,
        unknown_usage=tally.unknown_usage,
        unpriced=tuple(sorted(tally.unpriced)),
        per_case_interval=per_case_interval(cases),
    )
