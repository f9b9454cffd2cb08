"""A route for each tag, where tags partition the cases, and what such a rule is worth.

A tag has a route of its own only with enough cases and a test that passes among all tags' tests;
the rule is valued on cases that it was not made from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from harness.analysis.comparison import DollarEstimate
from harness.analysis.crossfit import split
from harness.analysis.intervals import mean_interval
from harness.analysis.noninferior import Judged, Rule, judged
from harness.analysis.paired import difference
from harness.analysis.routing import contests, costs_of, decide, scaled
from harness.analysis.variance import NO_CASES, ONE_CLUSTER, cluster_codes, complete
from harness.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from harness.analysis.attempts import CaseKey
    from harness.analysis.traffic import Table, Traffic

FEWEST = 20
SEED = 0

Basis = Literal["own", "global", "reference"]


@dataclass(frozen=True, slots=True)
class TagRoute:
    """Where one tag goes: by a test of its `own`, the `global` way, or to the `reference`.

    `verdicts` are of the candidates on this tag alone, empty with fewer than 20 cases.
    """

    tag: str
    candidate: str
    basis: Basis
    n_cases: int
    clusters: int
    verdicts: Mapping[str, Judged]
    why: str


@dataclass(frozen=True, slots=True)
class Worth:
    """A rule against the reference: the difference of pass rates, and the saving per 1,000 calls.

    At live prices, with 95 % limits, over `n_cases` cases. `why` says what makes it None.
    """

    difference: float | None
    low: float | None
    high: float | None
    saving: DollarEstimate
    n_cases: int
    clusters: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class TagRouting:
    """The routes by tag; `held_out` is what the rule is worth, `naive` what it seems to be.

    Held out: each case is sent where the rule sends it that was made from the other folds.
    """

    default: str
    routes: tuple[TagRoute, ...]
    held_out: Worth
    naive: Worth
    tests: int


def tag_routing(
    traffic: Traffic, rule: Rule, reference: str, tags: Sequence[str] = ()
) -> TagRouting | None:
    """The routes by `tags`, or by all tags of the run; None where the run is invalid.

    UsageError where the tags do not put every case into exactly one.
    """
    table = traffic.table(reference)
    of_case = partition(table, tags)
    whole = contests(traffic, table, reference, rule)
    if all(pair.broken for pair in whole):
        return None
    default, routes, tests = _rule(traffic, table, of_case, reference, rule)
    sent = [routes[tag].candidate for tag in of_case]
    return TagRouting(
        default=default,
        routes=tuple(routes.values()),
        held_out=_held_out(traffic, table, of_case, reference, rule),
        naive=_worth(table, sent, reference),
        tests=tests,
    )


def partition(table: Table, tags: Sequence[str] = ()) -> list[str]:
    """The one routing tag of every case; UsageError names cases that have several, or none."""
    known = sorted({tag for of in table.tags for tag in of})
    if not known:
        raise UsageError("no case has a tag, and routing by tag needs one on every case")
    for tag in tags:
        if tag not in known:
            raise UsageError(f"no case has the tag {tag!r}{did_you_mean(tag, known)}")
    routing = set(tags or known)
    found = [tuple(tag for tag in dict.fromkeys(of) if tag in routing) for of in table.tags]
    wrong = {
        "have several": [i for i, of in enumerate(found) if len(of) > 1],
        "have none": [i for i, of in enumerate(found) if not of],
    }
    for what, rows in wrong.items():
        if rows:
            named = "; ".join(_named(table.keys[row], found[row]) for row in rows[:2])
            raise UsageError(
                f"routing by tag needs exactly one routing tag on every case, and {len(rows):,} of "
                f"{len(found):,} cases {what}: {named}; --tags A,B says which tags route"
            )
    return [of[0] for of in found]


def _named(key: CaseKey, tags: Sequence[str]) -> str:
    return f"{'/'.join(key)} ({', '.join(tags) or 'none'})"


def _rule(
    traffic: Traffic, table: Table, of_case: Sequence[str], reference: str, rule: Rule
) -> tuple[str, dict[str, TagRoute], int]:
    """The global route, that of every tag, and the number of tests among which Holm adjusts."""
    whole = contests(traffic, table, reference, rule)
    standings = {
        pair.candidate.name: one.verdict
        for pair, one in zip(whole, judged(whole, rule), strict=True)
    }
    default = decide(standings, costs_of(table), reference)[0] or reference
    rows: dict[str, list[int]] = {tag: [] for tag in of_case}
    for row, tag in enumerate(of_case):
        rows[tag].append(row)
    tables = {tag: table.take(found) for tag, found in rows.items()}
    asked = [tag for tag in rows if len(rows[tag]) >= FEWEST]
    family = [c for tag in asked for c in contests(traffic, tables[tag], reference, rule)]
    verdicts = iter(judged(family, rule))
    others = [pair.candidate.name for pair in whole]
    found = {tag: {name: next(verdicts) for name in others} for tag in asked}
    routes = {tag: _route(tag, tables[tag], found.get(tag, {}), default, reference) for tag in rows}
    return default, routes, len(family)


def _route(
    tag: str, table: Table, verdicts: Mapping[str, Judged], default: str, reference: str
) -> TagRoute:
    n, clusters = len(table.keys), table.groups
    if not verdicts:
        why = f"{n} cases, fewer than {FEWEST}"
        return TagRoute(tag, default, "global", n, clusters, verdicts, why)
    standings = {name: one.verdict for name, one in verdicts.items()}
    chosen, verdict, _why = decide(standings, costs_of(table), reference)
    if verdict == "non_inferior" and chosen is not None:
        return TagRoute(tag, chosen, "own", n, clusters, verdicts, "no worse on this tag")
    if standings.get(default) == "inferior":
        # Qualified over all cases and shown to be worse on these: the mixture hides it.
        why = f"{default} is inferior on this tag"
        return TagRoute(tag, reference, "reference", n, clusters, verdicts, why)
    return TagRoute(tag, default, "global", n, clusters, verdicts, "no test passes on this tag")


def _held_out(
    traffic: Traffic, table: Table, of_case: Sequence[str], reference: str, rule: Rule
) -> Worth:
    """The worth of the rule, global route and adjustment included, made anew for each fold."""
    codes = cluster_codes(table.clusters, len(of_case))
    if table.groups < 2:
        return _nothing(len(of_case), ONE_CLUSTER if of_case else NO_CASES)
    fold = split(codes, seed=SEED).tolist()
    sent = [reference] * len(of_case)
    for number in set(fold):
        rows = [row for row, one in enumerate(fold) if one != number]
        tags = [of_case[row] for row in rows]
        default, routes, _tests = _rule(traffic, table.take(rows), tags, reference, rule)
        for row, one in enumerate(fold):
            if one == number:
                route = routes.get(of_case[row])
                sent[row] = route.candidate if route else default
    return _worth(table, sent, reference)


def _worth(table: Table, sent: Sequence[str], reference: str) -> Worth:
    """What sending each case there is worth, beside sending all to the reference."""
    columns = table.columns
    passed = [columns[name].passed[row] for row, name in enumerate(sent)]
    found = difference(passed, columns[reference].passed, table.clusters)
    dollars = {name: columns[name].dollars("live") for name in {*sent, reference}}
    saved = DollarEstimate(None, note="a price is unknown")
    paid = {name: values for name, values in dollars.items() if values is not None}
    if len(paid) == len(dollars):
        ours = [paid[name][row] for row, name in enumerate(sent)]
        (more, less), codes = complete([paid[reference], ours], table.clusters)
        saved = scaled(mean_interval(more - less, codes))
    return Worth(found.value, found.low, found.high, saved, found.n, found.clusters, found.why)


def _nothing(n_cases: int, why: str) -> Worth:
    return Worth(None, None, None, DollarEstimate(None, note=why), n_cases, min(n_cases, 1), why)
