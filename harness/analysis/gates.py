"""Whether a run holds the gates of its suites, and the exit code that follows.

Judged on point estimates, for each candidate. A run over a part of a suite's cases, or one that
stopped early, never passes or fails a gate of the whole suite.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

from harness.analysis.comparison import (
    Comparison,
    GateVerdict,
    SuiteSummary,
    TrialCounts,
    Verdict,
)
from harness.analysis.figures import exactly, figure
from harness.records import Gate, SuiteFacts

MAX_MISSING = 0.02
"""Share of trials without a grade above which a run says nothing."""

Figure = Callable[[SuiteSummary], "float | Decimal | None"]
FIGURES: dict[str, Figure] = {
    "pass_rate": lambda suite: suite.pass_rate.value,
    "score": lambda suite: suite.score.value,
    "cost_usd": lambda suite: suite.cost_usd.total,
    "cost_per_pass": lambda suite: suite.cost_usd.per_pass.value,
    "latency_s": lambda suite: suite.latency_s.p95,
    "errors": lambda suite: suite.trials.missing,
}
"""What each gate looks at; `latency_s` at the 95th percentile, `errors` at the missing trials."""


def judge(comparison: Comparison) -> tuple[GateVerdict, ...]:
    """A verdict for every gate of every suite and each candidate, in their order."""
    return tuple(_verdicts(comparison))


def _verdicts(comparison: Comparison) -> Iterator[GateVerdict]:
    for suite in comparison.run.suites:
        for gate in suite.gates:
            for candidate in comparison.candidates:
                summary = candidate.by_suite.get(suite.name)
                if summary is not None:
                    yield _verdict(suite, gate, candidate.name, summary)


def _verdict(suite: SuiteFacts, gate: Gate, candidate: str, summary: SuiteSummary) -> GateVerdict:
    why_not = _not_judged(suite, summary)
    value = None if why_not else FIGURES.get(gate.metric, _unknown)(summary)
    verdict: Verdict = "inconclusive"
    detail = f"not judged: {why_not}"
    if not why_not:
        verdict, detail = _judged(gate, summary, value)
    return GateVerdict(
        suite=suite.name,
        gate=gate.metric,
        candidate=candidate,
        verdict=verdict,
        detail=detail,
        judged=not why_not,
        value=value,
        bounds=gate.bounds,
    )


def _unknown(_summary: SuiteSummary) -> None:
    """What is known without a baseline of a gate that needs one."""


def _not_judged(suite: SuiteFacts, summary: SuiteSummary) -> str | None:
    if suite.total is not None and suite.cases < suite.total:
        return f"{suite.cases} of {suite.total} cases selected"
    if suite.whole is not None and summary.trials.planned < suite.whole:
        return f"{summary.trials.planned} of {suite.whole} trials selected"
    if summary.trials.pending > 0:
        run = summary.trials.planned - summary.trials.pending
        return f"{run} of {summary.trials.planned} trials have run"
    return None


def _judged(
    gate: Gate, summary: SuiteSummary, value: float | Decimal | None
) -> tuple[Verdict, str]:
    trials = summary.trials
    if gate.metric not in FIGURES:
        return "inconclusive", "it needs a baseline, which no option gives yet"
    if gate.metric != "errors" and too_many_missing(trials):
        return "invalid", f"{trials.missing:,} of {trials.planned:,} trials are missing"
    wanted = " and ".join(
        f"{'at least' if bound == 'min' else 'at most'} {exactly(limit, gate.metric)}"
        for bound, limit in gate.bounds.items()
    )
    if value is None:
        return "invalid", f"{_why_unknown(gate, summary)}, wanted {wanted}"
    low, high = gate.bounds.get("min"), gate.bounds.get("max")
    holds = (low is None or value >= _like(value, low)) and (
        high is None or value <= _like(value, high)
    )
    return ("pass" if holds else "fail"), f"{_shown(gate, value)}, wanted {wanted}"


def _why_unknown(gate: Gate, summary: SuiteSummary) -> str:
    if gate.metric == "cost_per_pass" and not summary.trials.passed:
        return "nothing passed"
    return "unknown"


def _like(value: float | Decimal, bound: float) -> float | Decimal:
    """The bound in the value's own type: 0.1 means a tenth, not the float nearest to it."""
    return Decimal(str(bound)) if isinstance(value, Decimal) else bound


def _shown(gate: Gate, value: float | Decimal) -> str:
    """The value as the tables write it, with more digits where a bound is too near for those."""
    shown = figure(value, gate.metric)
    for limit in gate.bounds.values():
        bound = _like(value, limit)
        if value != bound and shown in (figure(limit, gate.metric), exactly(limit, gate.metric)):
            return exactly(value, gate.metric)
    return shown


def too_many_missing(trials: TrialCounts) -> bool:
    """Whether so many trials have no grade that the others say nothing."""
    return trials.missing > MAX_MISSING * trials.planned


def exit_code(comparison: Comparison, *, strict: bool) -> int:
    """0 where the gates hold, 1 where one fails, 3 where too much is missing to judge.

    `strict` makes an inconclusive gate a failed one.
    """
    for candidate in comparison.candidates:
        if too_many_missing(candidate.trials):
            return 3
    verdicts = {gate.verdict for gate in comparison.gates if gate.judged}
    if "invalid" in verdicts:
        return 3
    return int("fail" in verdicts or (strict and "inconclusive" in verdicts))
