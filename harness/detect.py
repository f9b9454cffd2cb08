"""What difference a suite can find at its size, and what finding a smaller one takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import combinations
from statistics import fmean

from harness.analysis.power import (
    Spread,
    binary_spread,
    cases_needed,
    detectable,
    measured_spread,
    repeats_needed,
)
from harness.forecast import Detection, Prices
from harness.history import History

ASSUMED_DISCORDANCE = 0.2
"""The share of cases on which two candidates disagree, where no run tells."""

Cases = Mapping[str, Sequence[float]]


def detection(
    suite: str, *, size: tuple[int, int], cost: Prices, history: History, wanted: float | None
) -> Detection:
    """What the suite finds with `size` = (cases, repeats), at the `cost` of asking all of them.

    With `wanted`, also how many cases, or repeats, that difference needs, and what those cost.
    """
    cases, repeats = size
    spread, basis = _spread(suite, history)
    found = detectable(spread, cases=cases, repeats=repeats)
    if wanted is None:
        return Detection(cases, repeats, basis, found.difference, found.why)
    more = cases_needed(spread, wanted, repeats=repeats)
    again = repeats_needed(spread, wanted, cases=cases)
    return Detection(
        cases,
        repeats,
        basis,
        found.difference,
        again.why if again.number is None else "",
        wanted,
        more.number,
        again.number,
        _scaled(cost, more.number, cases),
        _scaled(cost, again.number, repeats),
    )


def _scaled(cost: Prices, number: int | None, of: int) -> Prices | None:
    return None if number is None or not of else cost.scaled(Decimal(number) / of)


def _spread(suite: str, history: History) -> tuple[Spread, str]:
    """The widest spread of any two candidates in the newest run, or an assumed one, and which."""
    scores = history.scores.get(suite, {})
    measured = [spread for spread in _measured(scores, history.clusters.get(suite)) if spread]
    if not measured:
        assumed = f"assumed: two candidates disagree on {ASSUMED_DISCORDANCE:.0%} of the cases"
        return binary_spread(ASSUMED_DISCORDANCE), assumed
    widest = max(measured, key=Spread.of_case)
    cases = fmean(len(of_candidate) for of_candidate in scores.values())
    return widest, f"measured in run {history.runs[suite]}, {cases:.0f} cases"


def _measured(
    scores: Mapping[str, Cases], clusters: Mapping[str, str] | None
) -> Iterator[Spread | None]:
    for a, b in combinations(scores.values(), 2):
        shared = sorted(a.keys() & b.keys())
        if len(shared) > 1:
            groups = None if clusters is None else [clusters.get(case, case) for case in shared]
            yield measured_spread([a[c] for c in shared], [b[c] for c in shared], groups)
