"""What difference a suite can find at its size, and what finding a smaller one takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import combinations

from harness.analysis.power import (
    Spread,
    binary_spread,
    cases_needed,
    detectable,
    measured_spread,
    repeats_needed,
    unseen_spread,
)
from harness.forecast.figures import Detection, Prices
from harness.forecast.history import History

ASSUMED_DISCORDANCE = 0.2
"""The share of cases on which two candidates disagree, where no run tells."""

NOTHING = 1e-12
"""A variance that is but the rounding of scores that are all the same."""

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
    pairs = list(_pairs(history.scores.get(suite, {}), history.clusters.get(suite)))
    if not pairs:
        assumed = (
            f"assumed: two candidates disagree on {100 * ASSUMED_DISCORDANCE:.0f} % of the cases"
        )
        return binary_spread(ASSUMED_DISCORDANCE), assumed
    widest, cases, apart = max(pairs, key=lambda pair: pair[0].of_case())
    run = f"run {history.runs[suite]}, {cases} cases"
    if widest.of_case() > NOTHING:
        return widest, f"measured in {run}"
    # That no difference was seen is no certainty that there is none.
    unseen = unseen_spread(apart)
    share = f"{100 * unseen.between:.2g} %"
    return unseen, f"assumed: {share} of the cases differ, as may be where none did in {run}"


def _pairs(
    scores: Mapping[str, Cases], clusters: Mapping[str, str] | None
) -> Iterator[tuple[Spread, int, int]]:
    """The spread of each two candidates, of how many cases it is, and of how many clusters."""
    for a, b in combinations(scores.values(), 2):
        shared = sorted(a.keys() & b.keys())
        groups = None if clusters is None else [clusters.get(case, case) for case in shared]
        spread = measured_spread([a[c] for c in shared], [b[c] for c in shared], groups)
        if spread is not None:
            yield spread, len(shared), len(set(groups or shared))
