"""The tables of what the data allow: intervals, pairs, the Pareto front, repeats, classes."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from harness.analysis.between import Limits, Pair, ParetoPoint, RatioLimits
from harness.analysis.comparison import (
    CandidateSummary,
    Classification,
    Comparison,
    Estimate,
    Latency,
    Stability,
)
from reports import numbers
from reports.tables import Table, sample_size

MOST_CLASSES = 12
"""A confusion matrix with more classes is told as a list of the commonest mistakes."""

MISTAKES = 20
K_SHOWN = 5
VERDICTS = {"inconclusive": "inconclusive", "invalid": "invalid"}


def intervals_table(comparison: Comparison) -> Table:
    """A row a candidate: every figure with its 95 % limits, and what it is of."""
    columns = ("candidate", "passed", "score", "per case", "per pass", "p95")
    rows = tuple(
        (
            one.name,
            numbers.rate(one.quality.pass_rate),
            numbers.score_estimate(one.quality.score),
            numbers.dollar_estimate(one.cost_usd.per_case_interval),
            numbers.dollar_estimate(one.cost_usd.per_pass),
            _p95(one.latency_s),
            *_counts(one.quality.pass_rate),
        )
        for one in comparison.candidates
    )
    return Table("95 % intervals", (*columns, "cases", "clusters", "repeats", "note"), rows)


def _p95(latency: Latency) -> str:
    text = numbers.seconds(latency.p95)
    if latency.p95_low is None or latency.p95_high is None:
        return text
    return f"{text} ({numbers.seconds(latency.p95_low)}–{numbers.seconds(latency.p95_high)})"


def _counts(found: Estimate) -> tuple[str, ...]:
    return (*map(numbers.count, (found.n_cases, found.clusters, found.repeats)), found.note)


def pairs_table(comparison: Comparison) -> Table:
    """A row for every two candidates: the difference in points, its p-values and the verdict."""
    columns = (
        *(
            "candidate a",
            "candidate b",
            "verdict of the pair",
            "a − b, points",
            "95 % CI",
            "cases",
            "a alone better",
        ),
        *(
            "b alone better",
            "p",
            "Holm p",
            "sign-flip p",
            "cost a ÷ b",
            "if missing went against a",
        ),
        "in favour of a",
    )
    return Table("Pairs", columns, tuple(map(_pair, comparison.pairs)), left=3)


def _pair(pair: Pair) -> tuple[str, ...]:
    bounds, any_missing = pair.bounds, pair.bounds.missing_a or pair.bounds.missing_b
    seen = pair.difference
    return (
        *(pair.a, pair.b, pair_verdict(pair)),
        _difference(seen),
        numbers.limits_in_points(seen.low, seen.high),
        pair_size(pair),
        *(numbers.count(pair.a_wins), numbers.count(pair.b_wins)),
        *map(numbers.p_value, (pair.p, pair.p_adjusted, pair.cross_checks.sign_flip_p)),
        _ratio(pair.cost_ratio),
        *(_difference(one) if any_missing else "" for one in (bounds.worst, bounds.best)),
    )


def pair_verdict(pair: Pair) -> str:
    """The verdict in words: who is better, or that the data cannot tell."""
    if pair.verdict in VERDICTS:
        return VERDICTS[pair.verdict]
    return f"{pair.a if pair.verdict == 'a_better' else pair.b} is better"


def pair_size(pair: Pair) -> str:
    """What a pair's difference is of, as `tables.sample_size`."""
    return sample_size(Estimate(None, None, None, pair.n_cases, pair.clusters, pair.repeats))


def _difference(found: Limits) -> str:
    return numbers.difference(found.value, found.low, found.high)


def _ratio(found: RatioLimits) -> str:
    text = numbers.factor(found.value)
    if found.low is None:
        return text
    if found.unbounded:
        return f"{text} (at least {numbers.factor(found.low)})"
    return f"{text} ({numbers.factor(found.low)}–{numbers.factor(found.high)})"


def pareto_table(comparison: Comparison) -> Table:
    """A row a candidate, cheapest first: whether another beats it in both cost and quality."""
    columns = (
        "candidate",
        "a trial",
        "passed",
        "on the front",
        "bootstrap frequency",
        "on the hull",
    )
    found = comparison.pareto
    known = found.candidates if found and found.front else ()
    points = sorted(known, key=lambda one: (one.cost_per_trial is None, one.cost_per_trial or 0))
    return Table("Cost against quality", columns, tuple(map(_point, points)))


def _point(point: ParetoPoint) -> tuple[str, ...]:
    cost = None if point.cost_per_trial is None else Decimal(repr(point.cost_per_trial))
    return (
        point.name,
        numbers.dollars(cost),
        numbers.percent(point.pass_rate),
        "yes" if point.on_front else "no",
        numbers.percent(point.bootstrap_frequency),
        "yes" if point.on_hull else "no",
    )


def stability_table(comparison: Comparison) -> Table:
    """A row a candidate with repeats: how often they disagree, and what more of them would help."""
    found = [(c, c.stability) for c in comparison.candidates if c.stability is not None]
    most = min(K_SHOWN, max((stability.repeats for _, stability in found), default=1))
    ks = [str(k) for k in range(2, most + 1)]
    columns = (
        *("candidate", "repeats", "flaky cases", "of cases", "two repeats disagree"),
        *(f"pass@{k}" for k in ks),
        *(f"pass^{k}" for k in ks),
        *("variance within cases", "between cases", "endless repeats would remove"),
    )
    return Table("Repeats", columns, tuple(_stability(c, one, ks) for c, one in found))


def _stability(candidate: CandidateSummary, found: Stability, ks: list[str]) -> tuple[str, ...]:
    quality = candidate.quality
    at, hat = quality.pass_at_k_intervals or {}, quality.pass_hat_k_intervals or {}
    return (
        candidate.name,
        *map(numbers.count, (found.repeats, found.flaky_cases, found.n_cases)),
        numbers.percent(found.flakiness),
        *(
            numbers.rate(each[k]) if k in each else numbers.UNKNOWN
            for each in (at, hat)
            for k in ks
        ),
        *map(_variance, (found.within, found.between)),
        numbers.percent(found.removable),
    )


def _variance(value: float | None) -> str:
    return numbers.UNKNOWN if value is None else f"{value:.3f}"


def flakiest_table(comparison: Comparison) -> Table:
    """A row a case whose repeats disagree most, those of each candidate together."""
    rows = tuple(
        (c.name, one.suite, one.case, f"{one.passed:,} of {one.graded:,}")
        for c in comparison.candidates
        if c.stability
        for one in c.stability.flakiest
    )
    return Table("Flakiest cases", ("candidate", "suite", "case", "passed"), rows, left=3)


def classification_tables(comparison: Comparison) -> Iterator[Table]:
    """For each suite that classifies a table over its candidates, then two for each candidate."""
    suites = [suite.name for suite in comparison.run.suites]
    for suite in dict.fromkeys(suites):
        found = [
            (c.name, c.classification[suite])
            for c in comparison.candidates
            if suite in c.classification
        ]
        if found:
            columns = ("candidate", "accuracy", "cases", "macro F1", "decisions", "classes")
            rows = tuple(_classification(name, one) for name, one in found)
            yield Table(f"Classification: {suite}", columns, rows)
        for name, one in found:
            yield _classes(f"Classes: {suite}, {name}", one)
            yield _confusion(f"Confusion: {suite}, {name}", one)


def _classification(name: str, found: Classification) -> tuple[str, ...]:
    return (
        *(name, numbers.rate(found.accuracy), sample_size(found.accuracy)),
        numbers.score(found.macro_f1),
        *map(numbers.count, (found.decisions, len(found.classes))),
    )


def _classes(title: str, found: Classification) -> Table:
    rows = tuple(
        (
            one.name,
            *map(numbers.score, (one.precision, one.recall, one.f1)),
            *map(numbers.count, (one.support, one.found)),
        )
        for one in found.classes
    )
    columns = ("class", "precision", "recall", "F1", "expected", "found")
    return Table(title, columns, rows)


def _confusion(title: str, found: Classification) -> Table:
    """A row an expected class and a column a found one; of many classes the commonest mistakes."""
    names = [one.name for one in found.classes]
    if len(names) > MOST_CLASSES:
        return _mistakes(title, found)
    counts = {(one.expected, one.found): one.count for one in found.confusion}
    heads: list[str | None] = [*names, None] if any(None in key for key in counts) else [*names]
    rows = tuple(
        (one.name, *(numbers.count(counts.get((one.name, got), 0)) for got in heads))
        for one in found.classes
        if one.support
    )
    return Table(
        title, ("expected ↓ found →", *("no class" if h is None else h for h in heads)), rows
    )


def _mistakes(title: str, found: Classification) -> Table:
    wrong = sorted(
        (one for one in found.confusion if one.found != one.expected), key=lambda one: -one.count
    )
    rows = tuple(
        (one.expected, "no class" if one.found is None else one.found, numbers.count(one.count))
        for one in wrong[:MISTAKES]
    )
    return Table(f"{title} (commonest mistakes)", ("expected", "found", "times"), rows, left=2)
