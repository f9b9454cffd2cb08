"""Cascades: the cheap model first, the dear one where a signal that exists at run time is low.

Simulated on the answers that a run has, with thresholds chosen on other cases than they are valued
on, and held against mixing the two models at random for the same money.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import fmean
from typing import TYPE_CHECKING, Literal

from harness.analysis.comparison import DollarEstimate
from harness.analysis.crossfit import Cascade as Fitted
from harness.analysis.crossfit import Escalates, Rows, cheapest_within, cross_fit_cascade
from harness.analysis.hull import Side
from harness.analysis.routing import CALLS, cost_of, money, scaled

if TYPE_CHECKING:
    from harness.analysis.attempts import TrialFigures
    from harness.analysis.traffic import Table, Traffic

SEED = 0
AGREEMENT = "agreement of repeats"
NEED_THE_ANSWER = frozenset(
    {"answer", "equals", "f1", "label", "number", "reference", "similarity"}
)
"""Graders that compare with the expected answer, which nobody has at run time."""

Bound = Literal["", "upper bound"]


@dataclass(frozen=True, slots=True)
class Cascade:
    """One cascade over `n_cases` cases, held out, with 95 % limits.

    The threshold is the cheapest with the pass rate of the dear model, on other cases than it is
    valued on. Dollars are of 1,000 calls at live prices. It `escalates` below `threshold`, always
    or never. `gap` is its pass rate less that of the random mix of the two models for the same
    money, and `side` where that lies. `optimism` is how much better the pass rate looks on the
    cases that the threshold was chosen on. `bound` labels a signal that is the eval's own grade,
    which nobody has at run time. `missing` counts attempts left out.
    """

    cheap: str
    dear: str
    signal: str
    bound: Bound
    escalates: Escalates | None
    threshold: float | None
    escalated: float | None
    quality: float | None
    quality_low: float | None
    quality_high: float | None
    cost: DollarEstimate
    dear_quality: float | None
    dear_cost: Decimal | None
    gap: float | None
    side: Side | None
    optimism: float | None
    n_cases: int
    clusters: int
    missing: int
    why: str = ""


def cascades(traffic: Traffic, reference: str) -> tuple[Cascade, ...]:
    """Every pair of a cheaper and a dearer candidate under every signal, on the reference's cases.

    The agreement of repeats where the cheap candidate has several and texts were kept, and the
    grader that `traffic` was told of. UsageError where that grader graded nothing.
    """
    traffic.require_signal()
    table = traffic.table(reference)
    costs = {name: cost_of(columns) for name, columns in table.columns.items()}
    ordered = sorted(
        ((cost, name) for name, cost in costs.items() if cost is not None), key=lambda one: one[0]
    )
    return tuple(
        _cascade(table, (cheap, dear), signal)
        for i, (low, cheap) in enumerate(ordered)
        for high, dear in ordered[i + 1 :]
        if low < high
        for signal in _signals(traffic, table, cheap)
    )


def _signals(traffic: Traffic, table: Table, cheap: str) -> list[str]:
    repeated = any(len(case.attempts) > 1 for case in table.columns[cheap].cases)
    agreement = [AGREEMENT] if traffic.texts and repeated else []
    return [*agreement, *([traffic.signal] if traffic.signal else [])]


def _cascade(table: Table, pair: tuple[str, str], signal: str) -> Cascade:
    cheap, dear = pair
    found = cross_fit_cascade(rows_of(table, cheap, dear, signal), cheapest_within(0.0), seed=SEED)
    position = found.position
    return Cascade(
        cheap=cheap,
        dear=dear,
        signal=signal,
        bound=_bound(table, cheap, signal),
        escalates=found.escalates,
        threshold=found.threshold,
        escalated=found.escalated,
        quality=found.quality.value,
        quality_low=found.quality.low,
        quality_high=found.quality.high,
        cost=scaled(found.cost),
        dear_quality=found.expensive.quality,
        dear_cost=_dear_cost(found),
        gap=position.gap if position else None,
        side=position.side if position else None,
        optimism=found.quality_optimism,
        n_cases=found.quality.n,
        clusters=found.quality.clusters,
        missing=found.missing,
        why=found.why or (position.why if position else ""),
    )


def _dear_cost(found: Fitted) -> Decimal | None:
    cost = found.expensive.cost
    return None if cost is None else money(float(cost) * CALLS)


def rows_of(table: Table, cheap: str, dear: str, signal: str) -> Rows:
    """A row an attempt of the cheap candidate, with the dear one's mean over its repeats."""
    first, second = table.columns[cheap], table.columns[dear]
    paid, clusters = second.dollars("live"), table.clusters
    signals: list[float | None] = []
    gates: list[float | None] = []
    owners: list[int] = []
    attempts: list[TrialFigures] = []
    for row, case in enumerate(first.cases):
        for number, attempt in enumerate(case.attempts):
            others = case.attempts[:number] + case.attempts[number + 1 :]
            told, gate = _agreement(attempt, others) if signal == AGREEMENT else _graded(attempt)
            signals.append(told)
            gates.append(gate)
            owners.append(row)
            attempts.append(attempt)
    return Rows(
        signal=signals,
        cheap_score=[attempt.passed for attempt in attempts],
        cheap_cost=[_live(attempt) for attempt in attempts],
        expensive_score=[second.passed[row] for row in owners],
        expensive_cost=[None if paid is None else paid[row] for row in owners],
        gate_cost=gates,
        cases=owners,
        clusters=[clusters[row] for row in owners],
    )


def _agreement(
    attempt: TrialFigures, others: Sequence[TrialFigures]
) -> tuple[float | None, float | None]:
    """The share of the other attempts that said the same, and what asking them costs."""
    said = [other.told.said for other in others if other.told.said is not None]
    costs = [_live(other) for other in others if other.bill is not None]
    known = [cost for cost in costs if cost is not None]
    share = fmean(one == attempt.told.said for one in said) if said else None
    return share, sum(known) if len(known) == len(costs) else None


def _graded(attempt: TrialFigures) -> tuple[float | None, float | None]:
    told = attempt.told
    return told.signal, None if told.gate is None else float(told.gate)


def _live(attempt: TrialFigures) -> float | None:
    dollars = attempt.bill.at_live_prices if attempt.bill is not None else None
    return None if dollars is None else float(dollars)


def _bound(table: Table, cheap: str, signal: str) -> Bound:
    """A signal that needs the expected answer, or said in every trial just what the eval did."""
    if signal == AGREEMENT:
        return ""
    attempts = [a for case in table.columns[cheap].cases for a in case.attempts]
    own = all(attempt.told.alone for attempt in attempts)
    return "upper bound" if own or signal in NEED_THE_ANSWER else ""
