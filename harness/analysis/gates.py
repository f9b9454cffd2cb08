"""Whether a run holds the gates of its suites, and the exit code that follows.

Judged for each candidate by the 95 % limits of the figure, where it has any: a gate fails only when
the data say so. A run over a part of a suite's cases, or one that stopped early, never passes or
fails a gate of the whole suite.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from harness.analysis.comparison import (
    Comparison,
    GateVerdict,
    SuiteSummary,
    TrialCounts,
    Verdict,
)
from harness.analysis.figures import UNKNOWN, exactly, figure
from harness.analysis.regression_words import detail
from harness.records import MAX_MISSING, Gate, SuiteFacts

if TYPE_CHECKING:
    from harness.analysis.regression_records import RegressionVerdict

REGRESSION = "regression"
SHARES = ("pass_rate", "score")
NO_BASELINE = "it needs a baseline; name a run or a file with --baseline"

UNBOUNDED = Decimal("Infinity")

Number = float | Decimal


@dataclass(frozen=True, slots=True)
class Seen:
    """What a gate looks at, with its limits; an exact figure has none."""

    value: Number | None
    low: Number | None = None
    high: Number | None = None


def _dollars_per_pass(suite: SuiteSummary) -> Seen:
    found = suite.cost_usd.per_pass
    return Seen(found.value, found.low, UNBOUNDED if found.unbounded else found.high)


FIGURES: dict[str, Callable[[SuiteSummary], Seen]] = {
    "pass_rate": lambda suite: Seen(
        suite.pass_rate.value, suite.pass_rate.low, suite.pass_rate.high
    ),
    "score": lambda suite: Seen(suite.score.value, suite.score.low, suite.score.high),
    "cost_usd": lambda suite: Seen(suite.cost_usd.total),
    "cost_per_pass": _dollars_per_pass,
    "latency_s": lambda suite: Seen(
        suite.latency_s.p95, suite.latency_s.p95_low, suite.latency_s.p95_high
    ),
    "errors": lambda suite: Seen(suite.trials.missing),
}
"""What each gate looks at; `latency_s` at the 95th percentile, `errors` at the missing trials."""


def judge(comparison: Comparison, *, no_baseline: str = NO_BASELINE) -> tuple[GateVerdict, ...]:
    """A verdict for every gate of every suite and each candidate, in their order.

    Those of `regression` are the comparison's own; `no_baseline` says why it has none.
    """
    return tuple(_verdicts(comparison, no_baseline))


def _verdicts(comparison: Comparison, no_baseline: str) -> Iterator[GateVerdict]:
    found = (comparison.regression or {}).get("candidates", ())
    against = {(one.suite, one.candidate): one for one in found}
    for suite in comparison.run.suites:
        for gate in suite.gates:
            for candidate in comparison.candidates:
                summary = candidate.by_suite.get(suite.name)
                if summary is None:
                    continue
                name = candidate.name
                why_not = _not_judged(suite, summary)
                if why_not or gate.metric != REGRESSION:
                    allowed = comparison.run.max_missing
                    yield _verdict(suite, gate, name, summary, why_not or allowed)
                else:
                    one = against.get((suite.name, name))
                    yield _regression(suite, gate, name, one, no_baseline)


def _regression(
    suite: SuiteFacts,
    gate: Gate,
    candidate: str,
    found: RegressionVerdict | None,
    no_baseline: str,
) -> GateVerdict:
    bare = GateVerdict(suite.name, gate.metric, candidate, "inconclusive", no_baseline)
    if found is None:
        return replace(bare, bounds=gate.bounds)
    verdicts: dict[str, Verdict] = {"pass": "pass", "regression": "fail", "invalid": "invalid"}
    new = found.verdict == "new"
    return replace(
        bare,
        verdict=verdicts.get(found.verdict, "inconclusive"),
        detail=f"not judged: {found.why}" if new else detail(found),
        judged=not new,
        value=found.difference,
        bounds=gate.bounds,
    )


def _verdict(
    suite: SuiteFacts, gate: Gate, candidate: str, summary: SuiteSummary, allowed: float | str
) -> GateVerdict:
    """The verdict where trials may be missing up to a share, or a text why there is none."""
    why_not = allowed if isinstance(allowed, str) else None
    seen = Seen(None) if why_not else FIGURES[gate.metric](summary)
    verdict: Verdict = "inconclusive"
    said = f"not judged: {why_not}"
    if not isinstance(allowed, str):
        verdict, said = _judged(gate, summary, seen, allowed)
    return GateVerdict(
        suite=suite.name,
        gate=gate.metric,
        candidate=candidate,
        verdict=verdict,
        detail=said,
        judged=not why_not,
        value=seen.value,
        bounds=gate.bounds,
    )


def _not_judged(suite: SuiteFacts, summary: SuiteSummary) -> str | None:
    if suite.total is not None and suite.cases < suite.total:
        return f"{suite.cases} of {suite.total} cases selected"
    if suite.whole is not None and summary.trials.planned < suite.whole:
        return f"{summary.trials.planned} of {suite.whole} trials selected"
    if summary.trials.pending > 0:
        run = summary.trials.planned - summary.trials.pending
        return f"{run} of {summary.trials.planned} trials have run"
    return None


def _judged(gate: Gate, summary: SuiteSummary, seen: Seen, allowed: float) -> tuple[Verdict, str]:
    trials = summary.trials
    if gate.metric != "errors" and too_many_missing(trials, allowed):
        return "invalid", f"{trials.missing:,} of {trials.planned:,} trials are missing"
    wanted = " and ".join(
        f"{'at least' if bound == 'min' else 'at most'} {exactly(limit, gate.metric)}"
        for bound, limit in gate.bounds.items()
    )
    if gate.metric == "cost_per_pass" and not trials.passed and "max" in gate.bounds:
        return "fail", f"nothing passed, wanted {wanted}"
    if seen.value is None:
        return "invalid", f"{_why_unknown(gate, summary)}, wanted {wanted}"
    verdict = _by_limits(gate, seen, seen.value)
    said = f"{_shown(gate, seen.value)}{_interval(gate, seen)}, wanted {wanted}"
    few = ": the data do not say" if verdict == "inconclusive" else ""
    return verdict, f"{said}{few}"


def _by_limits(gate: Gate, seen: Seen, value: Number) -> Verdict:
    """Pass or fail where the whole interval is on one side of each bound, else inconclusive.

    For a limit that is unknown the figure itself stands. A demand of all or none is one on these
    very cases: no sample could show it of others.
    """
    verdicts = set()
    for bound, limit in gate.bounds.items():
        low = value if seen.low is None else seen.low
        high = value if seen.high is None else seen.high
        if gate.metric in SHARES and limit == (1 if bound == "min" else 0):
            low = high = value
        verdicts.add(_side(low, high, limit, upwards=bound == "min"))
    return next(verdict for verdict in ("fail", "inconclusive", "pass") if verdict in verdicts)


def _side(low: Number, high: Number, limit: float, *, upwards: bool) -> Verdict:
    holds = [
        end >= _like(end, limit) if upwards else end <= _like(end, limit) for end in (low, high)
    ]
    return "pass" if all(holds) else "inconclusive" if any(holds) else "fail"


def _interval(gate: Gate, seen: Seen) -> str:
    if seen.low is None and seen.high is None:
        return ""
    low, high = (_end(gate, end) for end in (seen.low, seen.high))
    return f" ({low} to {high})"


def _end(gate: Gate, end: Number | None) -> str:
    if end is None:
        return UNKNOWN
    return "any amount" if end == UNBOUNDED else figure(end, gate.metric)


def _why_unknown(gate: Gate, summary: SuiteSummary) -> str:
    if gate.metric == "cost_per_pass" and not summary.trials.passed:
        return "nothing passed"
    return "unknown"


def _like(value: Number, bound: float) -> Number:
    """The bound in the value's own type: 0.1 means a tenth, not the float nearest to it."""
    return Decimal(str(bound)) if isinstance(value, Decimal) else bound


def _shown(gate: Gate, value: Number) -> str:
    """The value as the tables write it, with more digits where a bound is too near for those."""
    shown = figure(value, gate.metric)
    for limit in gate.bounds.values():
        bound = _like(value, limit)
        if value != bound and shown in (figure(limit, gate.metric), exactly(limit, gate.metric)):
            return exactly(value, gate.metric)
    return shown


def too_many_missing(trials: TrialCounts, allowed: float = MAX_MISSING) -> bool:
    """Whether so many trials have no grade that the others say nothing."""
    return trials.missing > allowed * trials.planned


def exit_code(comparison: Comparison, *, strict: bool) -> int:
    """0 where the gates hold, 1 where one fails, 3 where too much is missing to judge.

    `strict` makes an inconclusive gate a failed one.
    """
    for candidate in comparison.candidates:
        if too_many_missing(candidate.trials, comparison.run.max_missing):
            return 3
    verdicts = {gate.verdict for gate in comparison.gates if gate.judged}
    if "fail" in verdicts:
        return 1
    if "invalid" in verdicts:
        return 3
    return int(strict and "inconclusive" in verdicts)
