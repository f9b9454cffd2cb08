"""Whether a run holds the gates of its suites, and the exit code that follows.

Judged on point estimates, for each candidate. A run over a part of a suite's cases, or one that
stopped early, never passes or fails a gate of the whole suite.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

from harness.analysis.comparison import Comparison, GateVerdict, SuiteSummary, Verdict
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
    why_not = _not_judged(suite, gate, summary)
    if why_not:
        detail = f"not judged: {why_not}"
        return GateVerdict(suite.name, gate.metric, candidate, "inconclusive", detail, judged=False)
    verdict, detail = _judged(gate, summary)
    return GateVerdict(suite.name, gate.metric, candidate, verdict, detail)


def _not_judged(suite: SuiteFacts, gate: Gate, summary: SuiteSummary) -> str | None:
    if suite.total is not None and suite.cases < suite.total:
        return f"{suite.cases} of {suite.total} cases selected"
    if summary.trials.pending > 0:
        run = summary.trials.planned - summary.trials.pending
        return f"{run} of {summary.trials.planned} trials have run"
    return "it needs a baseline" if gate.metric not in FIGURES else None


def _judged(gate: Gate, summary: SuiteSummary) -> tuple[Verdict, str]:
    trials = summary.trials
    if gate.metric != "errors" and trials.missing > MAX_MISSING * trials.planned:
        return "invalid", f"{trials.missing} of {trials.planned} trials are missing"
    value = FIGURES[gate.metric](summary)
    wanted = " and ".join(
        f"{'at least' if bound == 'min' else 'at most'} {_shown(gate.metric, limit)}"
        for bound, limit in gate.bounds.items()
    )
    if value is None:
        return "invalid", f"unknown, wanted {wanted}"
    low, high = gate.bounds.get("min"), gate.bounds.get("max")
    holds = (low is None or value >= _like(value, low)) and (
        high is None or value <= _like(value, high)
    )
    return ("pass" if holds else "fail"), f"{_shown(gate.metric, value)}, wanted {wanted}"


def _like(value: float | Decimal, bound: float) -> float | Decimal:
    """The bound in the value's own type: 0.1 means a tenth, not the float nearest to it."""
    return Decimal(str(bound)) if isinstance(value, Decimal) else bound


def _shown(metric: str, value: float | Decimal) -> str:
    if metric == "pass_rate":
        return f"{float(value):.1%}"
    if metric.startswith("cost"):
        return f"${Decimal(str(value)):.4f}"
    return f"{float(value):g}"


def exit_code(comparison: Comparison, *, strict: bool) -> int:
    """0 where the gates hold, 1 where one fails, 3 where too much is missing to judge.

    `strict` makes an inconclusive gate a failed one.
    """
    for candidate in comparison.candidates:
        if candidate.trials.missing > MAX_MISSING * candidate.trials.planned:
            return 3
    verdicts = {gate.verdict for gate in comparison.gates if gate.judged}
    if "invalid" in verdicts:
        return 3
    return int("fail" in verdicts or (strict and "inconclusive" in verdicts))
