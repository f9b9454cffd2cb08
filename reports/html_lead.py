"""The first screen of `report.html`: what was compared, what follows, and cost against quality."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import partial

from harness.analysis.comparison import CandidateSummary, Comparison, DollarEstimate
from harness.records import SuiteFacts
from reports import chart_forms, evidence, numbers, routing, sentences, tables, verdicts
from reports.chart_forms import Axes, Limits, Spot
from reports.html_tables import drawn, figure, figures, legend, prose, said, verdict_mark
from reports.text import one_line

PAIRS_TOLD = 4
ORDER = ("fail", "invalid", "inconclusive", "pass")


def title(comparison: Comparison) -> str:
    """What was evaluated, in a line."""
    suites = [one_line(suite.name, 60) for suite in comparison.run.suites]
    more = f" and {len(suites) - 5} more" if len(suites) > 5 else ""
    return f"Evaluation: {', '.join(suites[:5])}{more}"


def first_screen(comparison: Comparison) -> Iterator[str]:
    """The head of the page, the recommendation, the chart with its notes, and the main table."""
    yield f"<header>\n<h1>{said(title(comparison))}</h1>"
    yield prose(_compared(comparison), "lead soft")
    if comparison.run.simulated:
        note = sentences.SIMULATED
        yield f'<p class="banner"><strong>⚠ {said(note[0].upper() + note[1:])}.</strong></p>'
    yield "</header>"
    yield _advice(comparison)
    yield '<div class="lead-grid">'
    yield cost_and_quality(comparison)
    yield f'<div class="notes">{"".join(_notes(comparison))}</div></div>'
    rates = [candidate.quality.pass_rate.value for candidate in comparison.candidates]
    table = tables.comparison_table(comparison)
    yield f'<section id="candidates"><h2>Candidates</h2>{drawn(table, rates)}'
    yield f"{_facts(comparison)}</section>"


def _compared(comparison: Comparison) -> str:
    """Candidates, cases and trials in numbers, how and when they were asked."""
    run = comparison.run
    rates = [candidate.quality.pass_rate for candidate in comparison.candidates]
    clusters = max((rate.clusters for rate in rates), default=0)
    cases = sum(suite.cases for suite in run.suites)
    counts = [
        numbers.counted(len(comparison.candidates), "candidate"),
        numbers.counted(len(run.suites), "suite"),
        numbers.counted(cases, "case"),
    ]
    if clusters and clusters != max(rate.n_cases for rate in rates):
        counts.append(f"{numbers.count(clusters)} clusters")
    repeats = max((rate.repeats for rate in rates), default=1)
    counts += [f"up to {numbers.count(repeats)} repeats"] if repeats > 1 else []
    trials = sum(candidate.trials.planned for candidate in comparison.candidates)
    counts.append(numbers.counted(trials, "trial"))
    return f"{', '.join(counts)} · {run.mode} · {run.started_at:%Y-%m-%d %H:%M %Z}"


def _advice(comparison: Comparison) -> str:
    """The recommendation, its first words large."""
    head, between, rest = advice(comparison).partition(": ")
    label = "Recommendation" + (", simulated" if comparison.run.simulated else "")
    more = prose(f"{rest[0].upper()}{rest[1:]}.", "certainty") if between else ""
    return (
        f'<section class="advice" aria-label="{label}"><p class="kind">{label}</p>'
        f'<p class="answer">{said(head)}</p>{more}</section>'
    )


def advice(comparison: Comparison) -> str:
    """What follows from the run in a sentence: the routing verdict, the best pair, or the rate."""
    if comparison.routing is not None:
        return routing.recommendation(comparison.routing)
    if comparison.pairs:
        return f"No routing verdict: {verdicts.pair_sentences(comparison, 1)[0]}"
    graded = [c for c in comparison.candidates if c.quality.pass_rate.value is not None]
    if not graded:
        return "No verdict: no trial has been graded"
    told = "; ".join(f"{c.name} passed {numbers.rate(c.quality.pass_rate)}" for c in graded[:4])
    return f"Nothing to choose between: {told}, 95 % limits in brackets"


def _notes(comparison: Comparison) -> Iterator[str]:
    """Gates, pairs, dollars and what is missing, a line each."""
    if verdict := sentences.verdict(comparison):
        found = {gate.verdict for gate in comparison.gates}
        worst = next(word for word in ORDER if word in found)
        yield f'<p class="gates">{verdict_mark(worst)}<strong>{said(verdict)}</strong></p>'
    if told := verdicts.pair_sentences(comparison, len(comparison.pairs)):
        items = [f"<li>{said(one)}</li>" for one in told[:PAIRS_TOLD]]
        if (left := len(told) - PAIRS_TOLD) > 0:
            items.append(f'<li><a href="#pairs">{numbers.counted(left, "more pair")}</a></li>')
        yield f"<ul>{''.join(items)}</ul>"
    yield prose(f"The answers cost {sentences.money(comparison)}.", "")
    notes = sentences.candidate_notes(comparison)
    yield prose(f"Missing or flagged: {'; '.join(notes)}." if notes else "Nothing is missing.", "")


def _facts(comparison: Comparison) -> str:
    run = comparison.run
    facts = {
        "Run": run.id,
        "Mode": run.mode,
        "Started": f"{run.started_at:%Y-%m-%d %H:%M:%S %Z}",
        "Took": _took(comparison),
        "Prices as of": run.prices_as_of,
        "Harness": run.harness_version,
        "Anthropic SDK": run.sdk_version,
        "Cases of suites": ", ".join(map(_suite, run.suites)),
    }
    items = "".join(
        f"<div><dt>{said(name)}</dt><dd>{said(value)}</dd></div>" for name, value in facts.items()
    )
    return f'<dl class="facts">{items}</dl>'


def _suite(suite: SuiteFacts) -> str:
    of = f" of {numbers.count(suite.total)}" if suite.total not in (None, suite.cases) else ""
    return f"{suite.name} ({numbers.count(suite.cases)}{of})"


def _took(comparison: Comparison) -> str:
    run = comparison.run
    if run.finished_at is None:
        return "not finished"
    return numbers.duration((run.finished_at - run.started_at).total_seconds())


def cost_and_quality(comparison: Comparison) -> str:
    """The chart of dollars against pass rate, with its legend, its caution and its tables."""
    found = [spot for c in comparison.candidates if (spot := _spot(c)) is not None]
    if not found:
        return prose("No chart of cost against quality: no candidate has both figures known.")
    pareto = comparison.pareto
    known = {spot.name for spot in found}
    front, hull = (
        [name for name in names if name in known]
        for names in ((pareto.front, pareto.hull) if pareto else ((), ()))
    )
    repeats = any(candidate.quality.pass_rate.repeats > 1 for candidate in comparison.candidates)
    dollars = f"dollars a case{', all its repeats together' if repeats else ''}"
    axes = Axes("Cost against quality", dollars, "passed")
    return figure(
        "Cost against quality, with 95 % intervals: cheap is left, good is up",
        partial(chart_forms.spots, found, front, hull, axes),
        legend(((number, spot.name) for number, spot in enumerate(found)), shapes=True),
        prose(_reading(comparison, front, hull)),
        figures(evidence.intervals_table(comparison), evidence.pareto_table(comparison)),
    )


def _reading(comparison: Comparison, front: list[str], hull: list[str]) -> str:
    """What the lines and rings mean, or why there are none."""
    pareto = comparison.pareto
    if pareto is None or not front:
        why = f": {pareto.why}" if pareto and pareto.why else ""
        return f"No Pareto front{why}. Spots of different cases are not to be compared."
    dashes = " The dashed line is what mixing two of them can reach." if len(hull) > 1 else ""
    cases = numbers.counted(pareto.n_cases, "case")
    return (
        f"Ringed: on the Pareto front, no other is as good for less ({cases} that all were "
        f"graded in).{dashes}"
    )


def _spot(candidate: CandidateSummary) -> Spot | None:
    cost, rate = candidate.cost_usd.per_case_interval, candidate.quality.pass_rate
    if cost.value is None or rate.value is None:
        return None
    told = f"passed {numbers.rate(rate)} of {tables.sample_size(rate)} cases"
    return Spot(
        candidate.name,
        f"{candidate.name}: {told}; {numbers.dollar_estimate(cost)} a case",
        float(cost.value),
        rate.value,
        _dollar_limits(cost),
        (rate.low, rate.high) if rate.low is not None and rate.high is not None else (None, None),
    )


def _dollar_limits(cost: DollarEstimate) -> Limits:
    if cost.low is None or cost.high is None:
        return None, None
    return float(max(cost.low, Decimal(0))), float(cost.high)
