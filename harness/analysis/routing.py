"""Which candidate the traffic should go to: the cheapest that is no worse than the reference.

Quality is the pass rate, dollars are of one attempt at one case. The records mirror the `routing`
of `run.json` field by field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from harness.analysis.comparison import DollarEstimate
from harness.analysis.intervals import Interval, mean_interval
from harness.analysis.noninferior import Contest, Judged, Rule, Standing, judged, standings
from harness.analysis.paired import noninferiority
from harness.analysis.ratios import cost_per_correct
from harness.analysis.variance import complete
from harness.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from harness.analysis.columns import Columns, Tier
    from harness.analysis.traffic import Table, Traffic
    from harness.records import Candidate

MARGINS = (0.01, 0.02, 0.03, 0.05, 0.10)
CALLS = 1000

Verdict = Literal["non_inferior", "inferior", "inconclusive", "invalid", "reference"]
Outcome = Literal["non_inferior", "inferior", "inconclusive", "invalid", "none_cheaper"]


@dataclass(frozen=True, slots=True)
class CandidateRoute:
    """One candidate against the reference over `n_cases` cases; `difference` is of pass rates.

    The limits each err with probability alpha; `p` is of "worse by the margin or more". `saving`
    is dollars per 1,000 calls less than the reference, by price tier, `cost_per_case` what one
    attempt cost as billed, and cost per correct answer is at live prices; dollars have 95 % limits.
    """

    name: str
    model: str
    params: Mapping[str, Any]
    prompt: str | None
    verdict: Verdict
    difference: float | None
    difference_low: float | None
    difference_high: float | None
    p: float | None
    p_adjusted: float | None
    n_cases: int
    clusters: int
    missing: int
    more_cases: int | None
    cost_per_case: Decimal | None
    cost_per_case_live: Decimal | None
    cost_per_correct: DollarEstimate
    saving: Mapping[str, DollarEstimate] | None
    why: str = ""
    caution: str = ""


@dataclass(frozen=True, slots=True)
class AtMargin:
    """What would have been said at another margin."""

    margin: float
    recommended: str | None
    verdicts: Mapping[str, Standing]


@dataclass(frozen=True, slots=True)
class Domination:
    """`a` costs less than `b` and is no worse by the margin: both shown at alpha."""

    a: str
    b: str


@dataclass(frozen=True, slots=True)
class Routing:
    """The recommendation and what it stands on; `recommended` is None where the run is invalid.

    `verdict`: a candidate cheaper than the reference qualifies, all are inferior, it is not clear
    yet, the run does not allow to say, or none is cheaper. `repeats` is attempts per case.
    """

    reference: str
    margin: float
    alpha: float
    recommended: str | None
    verdict: Outcome
    candidates: tuple[CandidateRoute, ...]
    n_cases: int
    clusters: int
    repeats: float
    sensitivity: tuple[AtMargin, ...] = ()
    dominance: tuple[Domination, ...] = ()
    simulated: bool = False
    why: str = ""
    named: bool = field(default=False)


def routing(traffic: Traffic, rule: Rule, reference: str | None = None) -> Routing:
    """The verdict over a run's candidates; the dearest is the reference where none is named.

    UsageError where there is one candidate only, no result, or no such reference.
    """
    _require(traffic, reference)
    chosen = reference or dearest(traffic)
    table = traffic.table(chosen)
    pairs = contests(traffic, table, chosen, rule)
    verdicts = dict(zip((p.candidate.name for p in pairs), judged(pairs, rule), strict=True))
    standings = {name: one.verdict for name, one in verdicts.items()}
    recommended, verdict, why = decide(standings, costs_of(table), chosen)
    columns = table.columns.values()
    return Routing(
        reference=chosen,
        margin=rule.margin,
        alpha=rule.alpha,
        recommended=recommended,
        verdict=verdict,
        candidates=tuple(
            _route(c, table, chosen, verdicts.get(c.name)) for c in traffic.run.candidates
        ),
        n_cases=len(table.keys),
        clusters=table.groups,
        repeats=sum(one.attempts for one in columns) / len(table.keys) / len(columns),
        sensitivity=_sensitivity(traffic, table, chosen, rule),
        dominance=_dominance(traffic, table, rule),
        simulated=traffic.run.simulated,
        why=why or (pairs[0].broken if verdict == "invalid" else ""),
        named=reference is not None,
    )


def _require(traffic: Traffic, reference: str | None) -> None:
    names = traffic.names
    if len(names) < 2:
        raise UsageError(
            f"run {traffic.run.id} has one candidate only ({', '.join(names)}), and routing "
            "chooses between several; run the suite with `--models` naming two or more"
        )
    if reference is not None and reference not in names:
        raise UsageError(
            f"{reference!r} was not run in {traffic.run.id}{did_you_mean(reference, names)}; "
            f"its candidates: {', '.join(names)}"
        )


def routing_if_any(traffic: Traffic, rule: Rule) -> Routing | None:
    """The verdict with the dearest as reference; None where the run does not raise the question.

    That is with one candidate, no common case, or a price that nobody knows.
    """
    try:
        return routing(traffic, rule)
    except UsageError:
        return None


def dearest(traffic: Traffic) -> str:
    """The candidate whose attempts cost most, of those with the most trials.

    Suites may have candidates of their own, which share no case with the others. UsageError where
    a price is unknown.
    """
    planned = traffic.run.planned
    most = max(planned.get(name, 0) for name in traffic.names)
    names = [name for name in traffic.names if planned.get(name, 0) == most]
    costs = {
        name: cost_of(traffic.columns[name]) for name in names if traffic.columns[name].attempts
    }
    unpriced = sorted(name for name, cost in costs.items() if cost is None)
    if unpriced:
        raise UsageError(
            f"the dearest candidate is not known, for the cost of {', '.join(unpriced)} is not; "
            "name the reference with --reference"
        )
    return max(costs, key=lambda name: costs[name] or 0.0) if costs else names[0]


def cost_of(columns: Columns, tier: Tier = "live") -> float | None:
    """Dollars of one attempt, averaged over the cases that were answered; None where unknown."""
    import numpy as np

    dollars = columns.dollars(tier)
    return None if dollars is None else float(np.nanmean(dollars))


def costs_of(table: Table) -> dict[str, Decimal | None]:
    """What an attempt of each candidate costs at live prices."""
    return {name: money(cost_of(columns)) for name, columns in table.columns.items()}


def contests(traffic: Traffic, table: Table, reference: str, rule: Rule) -> list[Contest]:
    """Every candidate but the reference against it, over these cases."""
    return [
        Contest(
            columns,
            table.columns[reference],
            table.clusters,
            _broken(traffic, (name, reference), rule),
        )
        for name, columns in table.columns.items()
        if name != reference
    ]


def decide(
    verdicts: Mapping[str, Standing], costs: Mapping[str, Decimal | None], reference: str
) -> tuple[str | None, Outcome, str]:
    """Who is recommended, the verdict of the whole, and why where it needs saying.

    `verdicts` are of all but the reference, `costs` of one attempt of each. The cheapest that
    qualifies and costs less than the reference is recommended; otherwise the reference stays.
    """
    if all(verdict == "invalid" for verdict in verdicts.values()):
        return None, "invalid", ""
    limit = costs[reference]
    if limit is None:
        return reference, "inconclusive", f"the cost of {reference} is unknown"
    cheaper = {
        name: cost for name in verdicts if (cost := costs[name]) is not None and cost < limit
    }
    qualified = [name for name in cheaper if verdicts[name] == "non_inferior"]
    if qualified:
        return min(qualified, key=lambda name: cheaper[name]), "non_inferior", ""
    unpriced = [name for name in verdicts if costs[name] is None]
    if unpriced:
        return reference, "inconclusive", f"the cost of {', '.join(unpriced)} is unknown"
    if not cheaper:
        return reference, "none_cheaper", f"no candidate is cheaper than {reference}"
    settled = all(verdicts[name] == "inferior" for name in cheaper)
    return reference, "inferior" if settled else "inconclusive", ""


def _broken(traffic: Traffic, names: tuple[str, str], rule: Rule) -> str:
    """Why a pair says nothing: trials that have not ended, or too many without a grade."""
    for name in names:
        pending = traffic.pending(name)
        if pending:
            said = "1 trial of {} has" if pending == 1 else f"{pending:,} trials of {{}} have"
            return f"{said.format(name)} not ended"
        missing, ended = traffic.columns[name].missing, traffic.columns[name].attempts
        if missing > rule.max_missing * ended:
            share = f"more than {rule.max_missing * 100:g} %"
            return f"{missing:,} of {ended:,} trials of {name} are missing, {share}"
    return ""


def _route(
    candidate: Candidate, table: Table, reference: str, verdict: Judged | None
) -> CandidateRoute:
    columns = table.columns.get(candidate.name)
    is_reference = candidate.name == reference
    if is_reference:
        said = Judged("invalid", n_cases=len(table.keys), clusters=table.groups)
    else:
        said = verdict or Judged("invalid", why=f"no case in common with {reference}")
    return CandidateRoute(
        name=candidate.name,
        model=candidate.model,
        params=candidate.params,
        prompt=candidate.prompt,
        verdict="reference" if is_reference else said.verdict,
        difference=said.difference,
        difference_low=said.low,
        difference_high=said.high,
        p=said.p,
        p_adjusted=said.p_adjusted,
        n_cases=said.n_cases,
        clusters=said.clusters,
        missing=columns.missing if columns else 0,
        more_cases=said.more_cases,
        cost_per_case=money(cost_of(columns, "billed")) if columns else None,
        cost_per_case_live=money(cost_of(columns)) if columns else None,
        cost_per_correct=_per_correct(columns, table) if columns else DollarEstimate(None),
        saving=_savings(columns, table, reference) if columns and not is_reference else None,
        why=said.why,
        caution=said.caution,
    )


def _savings(columns: Columns, table: Table, reference: str) -> dict[str, DollarEstimate]:
    tiers: tuple[Tier, ...] = ("live", "batch")
    return {
        tier: scaled(cheaper_by(columns, table.columns[reference], table, tier)) for tier in tiers
    }


def cheaper_by(
    columns: Columns, other: Columns, table: Table, tier: Tier = "live", *, alpha: float = 0.05
) -> Interval:
    """Dollars that an attempt costs less than the other's, over the cases that both answered.

    The paired t interval with CR2 variance, two-sided. Each tier is of the same calls at
    its own price, so the batch discount is applied to every case and never resampled.
    """
    mine, theirs = columns.dollars(tier), other.dollars(tier)
    if mine is None or theirs is None:
        return Interval(None, why="a price is unknown")
    (less, more), codes = complete([mine, theirs], table.clusters)
    return mean_interval(more - less, codes, alpha=alpha)


def scaled(found: Interval, calls: int = CALLS) -> DollarEstimate:
    """Dollars of one call as dollars of many."""
    value, low, high = (
        None if x is None else money(x * calls) for x in (found.value, found.low, found.high)
    )
    return DollarEstimate(value, low, high, note=found.why)


def _per_correct(columns: Columns, table: Table) -> DollarEstimate:
    dollars = columns.dollars("live")
    if dollars is None:
        return DollarEstimate(None, note="a price is unknown")
    found = cost_per_correct(dollars, columns.passed, table.clusters)
    return DollarEstimate(
        money(found.value), money(found.low), money(found.high), found.unbounded, found.why
    )


def money(value: float | None) -> Decimal | None:
    """Dollars that were computed in binary, to twelve decimals; None stays None."""
    return None if value is None else Decimal(f"{value:.12f}").normalize() + Decimal(0)


def _sensitivity(
    traffic: Traffic, table: Table, reference: str, rule: Rule
) -> tuple[AtMargin, ...]:
    """The verdicts at the usual margins and at the one that was asked for."""
    rows = []
    costs = costs_of(table)
    for margin in sorted({*MARGINS, rule.margin}):
        at = replace(rule, margin=margin)
        pairs = contests(traffic, table, reference, at)
        names = [pair.candidate.name for pair in pairs]
        verdicts = dict(zip(names, standings(pairs, at), strict=True))
        rows.append(AtMargin(margin, decide(verdicts, costs, reference)[0], verdicts))
    return tuple(rows)


def _dominance(traffic: Traffic, table: Table, rule: Rule) -> tuple[Domination, ...]:
    """The pairs in which one costs less and is no worse, missing trials counted against it."""
    return tuple(
        Domination(a.name, b.name)
        for a in table.columns.values()
        for b in table.columns.values()
        if a is not b
        and not _broken(traffic, (a.name, b.name), rule)
        and _costs_less(a, b, table, rule)
        and noninferiority(a.worst, b.best, rule.margin, table.clusters, alpha=rule.alpha).holds
    )


def _costs_less(a: Columns, b: Columns, table: Table, rule: Rule) -> bool:
    """Whether the lower limit of what `a` saves is above 0; equal savings have no spread."""
    found = cheaper_by(a, b, table, alpha=2 * rule.alpha)
    sure = found.low if found.low is not None else found.value if found.clusters > 1 else None
    return sure is not None and sure > 0
