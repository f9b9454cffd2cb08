"""The rows and columns of every table, decided once; a format only draws them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from harness.analysis.comparison import CandidateSummary, Comparison, Estimate, Group
from reports import numbers, sentences


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as text, not yet escaped for any format; the first `left` columns are words."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1


def comparison_table(comparison: Comparison, *, notes: bool = True) -> Table:
    """A row a candidate; with `notes`, columns for what is missing and flagged, if anything is."""
    columns = {
        "candidate": [c.name for c in comparison.candidates],
        "passed": [numbers.rate(c.quality.pass_rate) for c in comparison.candidates],
        "cases": [sample_size(c.quality.pass_rate) for c in comparison.candidates],
        "score": [numbers.score(c.quality.score.value) for c in comparison.candidates],
        "cost": [numbers.dollars(c.cost_usd.total) for c in comparison.candidates],
        "per pass": [numbers.dollars(c.cost_usd.per_pass.value) for c in comparison.candidates],
        "tokens in": [numbers.tokens(c.usage.prompt_tokens) for c in comparison.candidates],
        "out": [numbers.tokens(c.usage.output_tokens) for c in comparison.candidates],
        "p50": [numbers.seconds(c.latency_s.p50) for c in comparison.candidates],
    }
    for name, cells in (("missing", sentences.missing), ("flags", sentences.flags)):
        column = [cells(c) for c in comparison.candidates]
        if notes and any(column):
            columns[name] = column
    return Table("Candidates", tuple(columns), tuple(zip(*columns.values(), strict=True)))


def sample_size(found: Estimate) -> str:
    """What a figure is of: `300`, `300 in 40 clusters × 3` where cases have sources or repeats."""
    clusters = f" in {found.clusters:,} clusters" if found.clusters != found.n_cases else ""
    repeats = f" × {found.repeats:,}" if found.repeats > 1 else ""
    return f"{numbers.count(found.n_cases)}{clusters}{repeats}"


def by_suite_table(comparison: Comparison) -> Table:
    """A row a suite and candidate: not every candidate is in every suite."""
    rows = tuple(
        (
            suite.name,
            candidate.name,
            numbers.rate(found.pass_rate),
            sample_size(found.pass_rate),
            numbers.score(found.score.value),
            numbers.dollars(found.cost_usd.total),
            numbers.dollars(found.cost_usd.per_pass.value),
        )
        for suite in comparison.run.suites
        for candidate in comparison.candidates
        if (found := candidate.by_suite.get(suite.name)) is not None
    )
    columns = ("suite", "candidate", "passed", "cases", "score", "cost", "per pass")
    return Table("By suite", columns, rows, left=2)


def by_tag_table(comparison: Comparison) -> Table:
    """A row a tag, a column a candidate: its pass rate and what a case cost."""
    return _groups("tag", [(c.name, c.by_tag) for c in comparison.candidates])


def gates_table(comparison: Comparison) -> Table:
    """A row a gate and candidate, those that did not pass first."""
    ordered = sorted(comparison.gates, key=lambda gate: gate.verdict == "pass")
    rows = tuple((g.verdict, g.suite, g.gate, g.candidate, g.detail) for g in ordered)
    return Table("Gates", ("verdict", "suite", "gate", "candidate", "detail"), rows, left=5)


def missing_table(comparison: Comparison) -> Table:
    """A row a reason why trials are missing, the most frequent first."""
    rows = tuple(
        (missing.kind, missing.reason, ", ".join(missing.candidates), numbers.count(missing.count))
        for missing in sentences.missing_by_kind(comparison)
    )
    return Table("Missing", ("kind", "most common reason", "candidates", "trials"), rows, left=3)


def batches_table(comparison: Comparison) -> Table:
    """A row a Message Batch of the run, oldest first; times are UTC."""
    rows = tuple(
        (
            batch["id"] or "not known",
            batch["status"],
            _moment(batch["submitted_at"]),
            _moment(batch["ended_at"]),
            numbers.count(batch["requests"]),
            numbers.UNKNOWN if batch["answered"] is None else numbers.count(batch["answered"]),
            numbers.dollars(batch["cost_usd"]),
            numbers.dollars(batch["saved_usd"]),
        )
        for batch in comparison.batches
    )
    columns = ("batch", "status", "submitted", "recorded", "requests", "answered", "cost", "saved")
    return Table("Batches", columns, rows, left=4)


def _moment(when: datetime | None) -> str:
    return numbers.UNKNOWN if when is None else f"{when:%Y-%m-%d %H:%M:%S}"


def cost_table(comparison: Comparison) -> Table:
    """A row a candidate: its dollars by who caused them and at which prices."""
    columns = ("candidate", "answers", "judges", "total", "paid by this run", "per case")
    rows = tuple((c.name, *map(numbers.dollars, _dollars(c))) for c in comparison.candidates)
    return Table("Cost", (*columns, "per pass", "at live prices", "at batch prices"), rows)


def _dollars(candidate: CandidateSummary) -> tuple[Decimal | None, ...]:
    cost = candidate.cost_usd
    return (
        *(cost.answers, cost.judges, cost.total, cost.spent, cost.per_case),
        *(cost.per_pass.value, cost.at_live_prices, cost.at_batch_prices),
    )


def tokens_table(comparison: Comparison) -> Table:
    """A row a candidate: its answers' tokens by class, and how long they took.

    `cache hits` are the tokens read from the cache, of those that could have been.
    """
    columns = (
        *("candidate", "requests", "input", "cache read", "cache write 5m", "cache write 1h"),
        *("cache hits", "output", "of it thinking", "web searches", "p50", "p95", "live answers"),
    )
    return Table("Tokens and latency", columns, tuple(map(_tokens, comparison.candidates)))


def _tokens(candidate: CandidateSummary) -> tuple[str, ...]:
    usage, latency = candidate.usage, candidate.latency_s
    read = (
        *(usage.input_tokens, usage.cache_read_input_tokens, usage.cache_write_5m_input_tokens),
        usage.cache_write_1h_input_tokens,
    )
    return (
        candidate.name,
        numbers.count(usage.requests),
        *map(numbers.tokens, read),
        numbers.percent(candidate.cache.share if candidate.cache else None),
        *map(numbers.tokens, (usage.output_tokens, usage.thinking_tokens)),
        numbers.count(usage.web_search_requests),
        numbers.seconds(latency.p50),
        numbers.seconds(latency.p95),
        numbers.count(latency.n),
    )


def _groups(title: str, candidates: list[tuple[str, Mapping[str, Group]]]) -> Table:
    names = dict.fromkeys(name for _, groups in candidates for name in groups)
    rows = []
    for name in names:
        found = [groups.get(name) for _, groups in candidates]
        cases = max(group.n_cases for group in found if group)
        cells = (_group(group, cases) for group in found)
        rows.append((name, numbers.count(cases), *cells))
    columns = (title, "cases", *(name for name, _ in candidates))
    return Table(f"By {title}", columns, tuple(rows))


def _group(group: Group | None, cases: int) -> str:
    if group is None or not group.n_cases:
        return numbers.UNKNOWN
    rate, cost = numbers.rate(group.pass_rate), numbers.dollars(group.cost_per_case)
    fewer = "" if group.n_cases == cases else f" (n={group.n_cases:,})"
    return f"{rate}{fewer} · {cost}"
