"""Two candidates on the same cases, against published values and by the laws of a pair."""

from __future__ import annotations

import math
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.paired import (
    Difference,
    difference,
    discordant,
    mcnemar,
    noninferiority,
    sign_flip,
    tango_limits,
)

Z95 = 1.959963984540054

score = st.sampled_from([0.0, 1.0, 0.5]) | st.floats(0, 1).map(lambda x: round(x, 3))
row = st.tuples(score, score, st.integers(0, 6))
rows = st.lists(row, min_size=2)


def pair(b: int, c: int, n: int) -> tuple[list[float], list[float]]:
    """Scores where `b` cases pass for the first alone, `c` for the second, the rest for both."""
    same = n - b - c
    return [1.0] * b + [0.0] * c + [1.0] * same, [0.0] * b + [1.0] * c + [1.0] * same


def bounds(found: Difference) -> tuple[float, float]:
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


def judged(of: list[tuple[float, float, int]], *, clustered: bool = True) -> Difference:
    clusters = [c for *_, c in of] if clustered else None
    return difference([a for a, *_ in of], [b for _, b, _ in of], clusters)


@pytest.mark.parametrize(
    ("b", "c", "n", "expected", "tolerance"),
    [
        # Tango 1998, Statistics in Medicine 17:891, as quoted in the R package ratesci.
        (9, 3, 32, (-0.027, 0.390), 6e-4),
        # R package contingencytables, cavo_2012.
        (6, 16, 161, (-0.1240, -0.0054), 6e-5),
        # Analytic: with no discordant case the limits are ∓z²/(n + z²).
        (0, 0, 50, (-0.07134759913335871, 0.07134759913335871), 1e-9),
    ],
    ids=["tango", "cavo", "no discordant case"],
)
def test_tangos_limits_are_the_published_ones(
    b: int, c: int, n: int, expected: tuple[float, float], tolerance: float
) -> None:
    assert tango_limits(b, c, n, Z95) == pytest.approx(expected, abs=tolerance)


def test_a_plain_pair_gives_tango_with_t() -> None:
    # Computed from the definition, and by a numerical likelihood maximisation.
    found = difference(*pair(9, 3, 32))
    assert bounds(found) == pytest.approx((-0.03669391140270435, 0.3977696175058866), abs=1e-8)
    assert found.p == pytest.approx(0.09320551954021851, abs=1e-8)
    assert (found.value, found.a_better, found.b_better) == (0.1875, 9, 3)


def test_equal_scores_throughout_leave_a_width() -> None:
    found = difference([1] * 20, [1] * 20)
    t = 2.093024054408263  # Student's table: 2.093 for 19 degrees of freedom
    limit = t**2 / (20 + t**2)
    assert bounds(found) == pytest.approx((-limit, limit))
    assert found.p == 1


@pytest.mark.parametrize(("a", "b", "end"), [(1, 0, "high"), (0, 1, "low")])
def test_all_better_reaches_the_end_and_no_further(a: float, b: float, end: str) -> None:
    found = difference([a] * 10, [b] * 10)
    assert found.value == a - b == getattr(found, end)
    assert abs(bounds(found)[0] - bounds(found)[1]) > 0.1


def test_a_constant_small_advantage_is_no_certainty() -> None:
    low, high = bounds(difference([0.7] * 10, [0.6] * 10))
    assert low < 0
    assert high > 0.1


@pytest.mark.parametrize(
    ("a", "b", "clusters", "value", "why"),
    [
        ([], [], None, None, "no cases that both have"),
        ([1, None], [None, 1], None, None, "no cases that both have"),
        ([1], [0], None, 1.0, "only one case"),
        ([1, 0], [0, 0], ["a", "a"], 0.5, "only one cluster"),
        ([5, 0], [0, 0], None, None, "scores outside 0 to 1"),
    ],
    ids=["none", "none common", "one case", "one cluster", "out of range"],
)
def test_no_judgement_says_why(
    a: list[float | None],
    b: list[float | None],
    clusters: list[str] | None,
    value: float | None,
    why: str,
) -> None:
    found = difference(a, b, clusters)
    assert (found.value, found.low, found.high, found.p, found.why) == (
        value, None, None, None, why
    )  # fmt: skip
    unshown = noninferiority(a, b, 0.05, clusters)
    assert (unshown.value, unshown.p, unshown.holds, unshown.why) == (value, None, None, why)


def test_only_cases_that_both_have_are_compared() -> None:
    a, b = pair(3, 1, 20)
    assert difference([*a, None, 1], [*b, 1, None]) == difference(a, b)


def test_cases_of_one_source_are_less_evidence() -> None:
    a, b = pair(12, 3, 40)
    alone = difference(a, b)
    together = difference(a, b, [i // 3 for i in range(40)])
    assert alone.p is not None
    assert together.p is not None
    assert together.p > alone.p


@given(rows)
def test_a_pair_the_other_way_round_is_the_mirror(of: list[tuple[float, float, int]]) -> None:
    found, other = judged(of), judged([(b, a, c) for a, b, c in of])
    assert found.p == pytest.approx(other.p)
    assert (found.low is None) == (other.low is None)
    if found.low is not None:
        low, high = bounds(other)
        assert bounds(found) == pytest.approx((-high, -low), abs=1e-9)


@given(rows)
def test_an_interval_contains_its_difference_and_has_a_width(
    of: list[tuple[float, float, int]],
) -> None:
    found = judged(of, clustered=False)
    low, high = bounds(found)
    assert found.value is not None
    assert -1 <= low <= found.value <= high <= 1
    assert low < high


@given(rows)
def test_the_interval_excludes_no_difference_exactly_where_p_is_small(
    of: list[tuple[float, float, int]],
) -> None:
    found = judged(of, clustered=False)
    low, high = bounds(found)
    assert found.p is not None
    if abs(found.p - 0.05) > 1e-6:
        assert (found.p < 0.05) == (low > 0 or high < 0)


@given(rows.flatmap(lambda of: st.tuples(st.just(of), st.permutations(of))))
def test_the_order_of_cases_and_the_names_of_clusters_are_nothing(
    both: tuple[list[tuple[float, float, int]], list[tuple[float, float, int]]],
) -> None:
    first, second = both
    found = judged(first)
    other = judged([(a, b, 10 - c) for a, b, c in second])
    assert (found.value, found.why) == (other.value, other.why)
    assert found.low == pytest.approx(other.low, abs=1e-9)
    assert found.high == pytest.approx(other.high, abs=1e-9)


@given(rows)
def test_twice_the_cases_are_more_certain(of: list[tuple[float, float, int]]) -> None:
    low, high = bounds(judged(of, clustered=False))
    low_of_more, high_of_more = bounds(judged(of * 2, clustered=False))
    assert high_of_more - low_of_more < high - low + 1e-12


@pytest.mark.parametrize(("margin", "holds"), [(0.05, False), (0.10, True)])
def test_not_worse_by_a_margin_is_shown_where_the_lower_limit_says_so(
    margin: float, *, holds: bool
) -> None:
    found = noninferiority(*pair(4, 5, 100), margin)
    assert found.low is not None
    assert found.holds is holds is (found.low > -margin)


@given(rows, st.sampled_from([0.0, 0.02, 0.1, 0.5, 1.0]))
def test_noninferiority_holds_exactly_where_the_one_sided_interval_does(
    of: list[tuple[float, float, int]], margin: float
) -> None:
    a, b = [x for x, *_ in of], [y for _, y, _ in of]
    found = noninferiority(a, b, margin)
    low = difference(a, b, sides=1).low
    assert found.low == low
    assert low is not None
    assert found.p is not None
    if abs(found.p - 0.05) > 1e-6:
        assert found.holds is (low > -margin)


def test_nothing_observed_shows_no_noninferiority_at_a_small_margin() -> None:
    assert noninferiority([1] * 20, [1] * 20, 0.05).holds is False
    assert noninferiority([1] * 100, [1] * 100, 0.05).holds is True


@pytest.mark.parametrize("margin", [-0.1, 1.5, math.nan])
def test_a_margin_that_is_none_is_an_error(margin: float) -> None:
    with pytest.raises(ValueError, match="margin"):
        noninferiority([1, 0], [0, 1], margin)


def test_mcnemars_p_is_the_published_one() -> None:
    # R package contingencytables, cavo_2012; Fagerland et al. 2013.
    found = mcnemar(6, 16)
    assert (found.exact, found.mid) == pytest.approx((0.052479, 0.034690), abs=1e-6)


def test_mcnemar_without_a_discordant_case_finds_nothing() -> None:
    assert (mcnemar(0, 0).exact, mcnemar(0, 0).mid) == (1, 1)


def test_mcnemar_of_a_balanced_pair_is_the_published_formula() -> None:
    # Fagerland et al. 2013: 1 − ½·C(2, 1)/2² where both counts are 1.
    assert (mcnemar(1, 1).exact, mcnemar(1, 1).mid) == (1, 0.75)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [([1, 1, 0, None], [0, 1, 1, 1], (1, 1)), ([0.5], [1], None), ([], [], (0, 0))],
    ids=["binary", "graded", "none"],
)
def test_discordant_cases_are_counted_where_scores_are_binary(
    a: list[float | None], b: list[float | None], expected: tuple[int, int] | None
) -> None:
    assert discordant(a, b) == expected


def test_flipping_signs_of_a_binary_pair_is_mcnemars_exact_test() -> None:
    found = sign_flip(*pair(3, 12, 40), seed=1)
    assert found.exact
    assert found.p == pytest.approx(mcnemar(3, 12).exact)


def test_flipping_signs_counts_every_way_that_clusters_could_have_gone() -> None:
    sums = [0.9, -0.2, 0.35, 0.5, 0.1]
    seen = abs(sum(sums))
    ways = [abs(sum(s * x for s, x in zip(signs, sums, strict=True))) for signs in product(
        (-1, 1), repeat=5)]  # fmt: skip
    found = sign_flip([max(x, 0) for x in sums], [max(-x, 0) for x in sums], seed=1)
    assert found.p == sum(way >= seen - 1e-9 for way in ways) / 32


def test_random_flips_come_near_the_exact_p_and_repeat_with_their_seed() -> None:
    a, b = pair(10, 24, 60)
    found = sign_flip(a, b, seed=7)
    assert not found.exact
    assert found.p == pytest.approx(mcnemar(10, 24).exact, abs=0.012)
    assert found == sign_flip(a, b, seed=7) != sign_flip(a, b, seed=8)


def test_clusters_are_flipped_whole() -> None:
    found = sign_flip([1] * 8, [0] * 8, [0, 0, 1, 1, 2, 2, 3, 3], seed=1)
    assert (found.p, found.clusters) == (2 ** (1 - 4), 4)


@pytest.mark.parametrize(
    ("a", "b", "p", "why"),
    [([], [], None, "no cases that both have"), ([1, 1], [1, 1], 1.0, ""), ([1], [0], 1.0, "")],
    ids=["none", "all equal", "one case"],
)
def test_flips_of_too_little_find_nothing(
    a: list[float], b: list[float], p: float | None, why: str
) -> None:
    found = sign_flip(a, b, seed=1)
    assert (found.p, found.why) == (p, why)
