"""The routing verdict for a reader: a sentence, its tables, and what was assumed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reports import numbers
from reports.tables import Table

if TYPE_CHECKING:
    from rich.console import Console

    from harness.analysis.cascade import Cascade
    from harness.analysis.routes_by_tag import TagRouting, Worth
    from harness.analysis.routing import CandidateRoute, Routing

WORDS = {
    "non_inferior": "non-inferior",
    "inferior": "inferior",
    "inconclusive": "inconclusive",
    "invalid": "invalid",
    "reference": "reference",
}


def recommendation(routing: Routing) -> str:
    """Where the traffic should go, how certain that is, and what it saves: a sentence or two."""
    margin, sample = _margin(routing), _sample(routing)
    if routing.recommended is None:
        return f"No recommendation: {routing.why} ({sample})"
    if routing.verdict != "non_inferior":
        why = _why_stay(routing)
        said = f"{why[:-1]}; {sample})" if why.endswith(")") else f"{why} ({sample})"
        return f"Stay with {routing.recommended}: {said}"
    chosen = next(c for c in routing.candidates if c.name == routing.recommended)
    said = (
        f"Route to {chosen.name}: no worse than {routing.reference} by {margin} or more "
        f"(one-sided α {routing.alpha:g}, Holm-adjusted p {_p(chosen)}; {sample})"
    )
    if chosen.saving is None or chosen.saving["live"].value is None:
        return said
    live, batch = (_saved(chosen, tier) for tier in ("live", "batch"))
    saves = f"It saves {live} per 1,000 calls at live prices, {batch} as batches"
    return ". ".join([said, saves, *_cheaper_still(routing, chosen)])


def _cheaper_still(routing: Routing, chosen: CandidateRoute) -> list[str]:
    """A sentence for each candidate that costs less than the chosen one, and may yet qualify."""
    limit = chosen.cost_per_case_live
    return [
        f"{c.name}, cheaper still, is inconclusive: {note(c)}"
        for c in routing.candidates
        if c.verdict == "inconclusive" and limit is not None
        if c.cost_per_case_live is not None and c.cost_per_case_live < limit
    ]


def _why_stay(routing: Routing) -> str:
    if routing.verdict == "inferior":
        return f"every cheaper candidate is worse by more than {_margin(routing)}"
    if routing.verdict == "none_cheaper" or routing.why:
        return routing.why
    waiting = [_waiting(c) for c in routing.candidates if c.verdict == "inconclusive"]
    return f"inconclusive whether a cheaper one is no worse by {_margin(routing)}" + (
        f" ({'; '.join(waiting)})" if waiting else ""
    )


def _waiting(candidate: CandidateRoute) -> str:
    return f"{candidate.name}: {note(candidate)}"


def note(candidate: CandidateRoute) -> str:
    """What is to be said of a verdict: why, what would settle it, and what to be wary of."""
    more = candidate.more_cases
    settle = f"about {numbers.counted(more, 'more case')} would settle it" if more else ""
    return "; ".join(filter(None, (settle, candidate.why, candidate.caution)))


def _margin(routing: Routing) -> str:
    return _points(routing.margin)


def _points(margin: float) -> str:
    text = f"{margin * 100:.6g}"
    return f"{text} point{'' if text == '1' else 's'}"


def _sample(routing: Routing) -> str:
    cases = numbers.counted(routing.n_cases, "case")
    clusters = numbers.counted(routing.clusters, "cluster")
    return f"{cases}, {clusters}, {routing.repeats:.3g} per case and candidate"


def _p(candidate: CandidateRoute) -> str:
    return numbers.p_value(candidate.p_adjusted)


def _saved(candidate: CandidateRoute, tier: str) -> str:
    return numbers.dollar_estimate(candidate.saving[tier]) if candidate.saving else numbers.UNKNOWN


def routing_table(routing: Routing) -> Table:
    """A row a candidate: the verdict, the difference and its limits, and what it saves."""
    columns = (
        *("candidate", "verdict", "difference, points", "limits", "Holm p", "cases", "clusters"),
        *("cost per call", "saved per 1,000, live", "as batches", "cost per correct", "note"),
    )
    return Table("Routing", columns, tuple(map(_row, routing.candidates)), left=2)


def _row(candidate: CandidateRoute) -> tuple[str, ...]:
    low, high = candidate.difference_low, candidate.difference_high
    return (
        candidate.name,
        WORDS[candidate.verdict],
        numbers.difference(candidate.difference, low, high),
        numbers.limits_in_points(low, high),
        _p(candidate),
        numbers.count(candidate.n_cases),
        numbers.count(candidate.clusters),
        numbers.dollars(candidate.cost_per_case_live),
        _saved(candidate, "live"),
        _saved(candidate, "batch"),
        numbers.dollar_estimate(candidate.cost_per_correct),
        note(candidate),
    )


def sensitivity_table(routing: Routing) -> Table:
    """A row a margin: each candidate's verdict, and who would be recommended."""
    others = list(routing.sensitivity[0].verdicts) if routing.sensitivity else []
    rows = tuple(
        (
            _points(at.margin) + (" (chosen)" if at.margin == routing.margin else ""),
            *(WORDS[at.verdicts[name]] for name in others),
            at.recommended or numbers.UNKNOWN,
        )
        for at in routing.sensitivity
    )
    return Table("At other margins", ("margin", *others, "recommended"), rows)


def tags_table(by_tag: TagRouting) -> Table:
    """A row a tag: where it goes, and on what grounds."""
    rows = tuple(
        (route.tag, route.candidate, route.basis, route.why, f"{route.n_cases:,}")
        for route in by_tag.routes
    )
    return Table("By tag", ("tag", "goes to", "route", "because", "cases"), rows, left=4)


def worth_table(by_tag: TagRouting) -> Table:
    """What the rule by tag is worth on cases held out, and what it looks like on its own cases."""
    rows = (_worth("held out", by_tag.held_out), _worth("naive", by_tag.naive))
    columns = ("rule by tag", "difference, points", "95 % CI", "saved per 1,000, live", "cases")
    return Table("Worth of the rule by tag, against the reference", (*columns, "clusters"), rows)


def _worth(name: str, worth: Worth) -> tuple[str, ...]:
    return (
        name,
        numbers.difference(worth.difference, worth.low, worth.high),
        numbers.limits_in_points(worth.low, worth.high),
        numbers.dollar_estimate(worth.saving),
        numbers.count(worth.n_cases),
        numbers.count(worth.clusters),
    )


def cascades_table(cascades: Sequence[Cascade]) -> Table:
    """A row a cascade: held-out quality and cost, beside the dear model and the random mix."""
    columns = (
        *("cascade", "signal", "escalates", "share", "passed", "95 % CI", "per 1,000", "optimism"),
        *("against the mix", "dear alone", "per 1,000 alone", "cases", "clusters", "note"),
    )
    return Table("Cascades, held out", columns, tuple(map(_cascade, cascades)), left=3)


def _cascade(one: Cascade) -> tuple[str, ...]:
    bounds = (one.quality_low, one.quality_high)
    limits = " to ".join(map(numbers.percent, bounds)) if None not in bounds else numbers.UNKNOWN
    missing = f"{one.missing:,} attempts left out" if one.missing else ""
    label = "upper bound: the signal is the eval's own grade" if one.bound else ""
    paid, alone = one.cost.value, one.dear_cost
    costly = paid is not None and alone is not None and paid > alone
    dearer = "costs more than the dear model alone" if costly else ""
    return (
        f"{one.cheap} → {one.dear}",
        one.signal,
        f"below {one.threshold:.3g}" if one.threshold is not None else one.escalates or "–",
        numbers.percent(one.escalated),
        numbers.percent(one.quality),
        limits,
        numbers.dollar_estimate(one.cost),
        numbers.difference(one.optimism, None, None),
        f"{numbers.difference(one.gap, None, None)}{f', {one.side} it' if one.side else ''}",
        numbers.percent(one.dear_quality),
        numbers.dollars(one.dear_cost),
        numbers.count(one.n_cases),
        numbers.count(one.clusters),
        "; ".join(filter(None, (label, dearer, missing, one.why))),
    )


def dominances(routing: Routing) -> list[str]:
    """A sentence for each candidate that costs less than another and is within the margin."""
    return [
        f"{one.a} costs less than {one.b}, and is not worse than it by {_margin(routing)} or more"
        for one in routing.dominance
    ]


def assumptions(
    routing: Routing, by_tag: TagRouting | None = None, cascades: Sequence[Cascade] = ()
) -> list[str]:
    """What the figures take for granted, a sentence each."""
    dearest = "is the dearest by cost per call of the candidates with the most trials"
    told = "was named" if routing.named else dearest
    said = [
        f"The reference {routing.reference} {told}; the margin is {_margin(routing)}, which is "
        f"{routing.margin * 1000:.6g} failures more in 1,000.",
        "Cases stand for the traffic, in kind and in mix; repeats are averaged within a case, and "
        "cases of one cluster count as dependent. Limits each err with probability α, for one "
        "comparison alone; qualifying is adjusted by Holm over the candidates.",
        "Dollars are of the answers of a case, without judges, with failures and without repeats; "
        "batch prices are those of the same calls as batches, not sampled again; 95 % limits.",
    ]
    if by_tag is not None:
        said.append(_of_tags(by_tag))
    return said + (_of_cascades(cascades) if cascades else [])


def _of_tags(by_tag: TagRouting) -> str:
    from harness.analysis.routes_by_tag import FEWEST

    return (
        f"A tag has its own route with {FEWEST} cases or more and a test that passes among "
        f"{by_tag.tests:,} (Holm over tags and candidates). Held out: every case is sent by a "
        "rule made without its fifth of the clusters; a rule from all cases is a little better."
    )


def _of_cascades(cascades: Sequence[Cascade]) -> list[str]:
    from harness.analysis.cascade import AGREEMENT

    said = [
        "Cascades: every call costs the cheap answer and the signal, an escalated one the dear "
        "answer besides, and the latencies add up; thresholds are chosen on other cases, the "
        "cheapest with the dear model's pass rate. The mix sends a random share of the traffic "
        "to each model for the same money."
    ]
    if any(one.signal == AGREEMENT for one in cascades):
        said.append("Repeats agree when they say the same but for case and spacing.")
    return said


def print_routing(
    console: Console,
    routing: Routing,
    by_tag: TagRouting | None = None,
    cascades: Sequence[Cascade] = (),
) -> None:
    """Print the verdict, its tables and what was assumed."""
    from rich.text import Text

    from reports.columns import parts
    from reports.sentences import SIMULATED
    from reports.text import one_line

    def line(text: str, style: str = "") -> None:
        console.print(Text(one_line(text, 2000), style=style), soft_wrap=True, highlight=False)

    if routing.simulated:
        line(SIMULATED, "bold yellow")
    line(recommendation(routing), "bold")
    for table in _tables(routing, by_tag, cascades):
        console.print()
        line(table.title, "bold")
        for rows in parts(table, console.width if console.is_terminal else None):
            for row in rows:
                console.print(Text(row), soft_wrap=True, highlight=False)
    console.print()
    for sentence in (*dominances(routing), *assumptions(routing, by_tag, cascades)):
        line(sentence)


def _tables(
    routing: Routing, by_tag: TagRouting | None, cascades: Sequence[Cascade]
) -> list[Table]:
    tables = [routing_table(routing), sensitivity_table(routing)]
    if by_tag is not None:
        tables += [tags_table(by_tag), worth_table(by_tag)]
    return [*tables, cascades_table(cascades)] if cascades else tables
