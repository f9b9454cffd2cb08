"""Pairs of candidates: differences, p-values and verdicts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made import a_result, a_run, compared

from harness.analysis.between import Pair
from harness.analysis.compare import compare


def pair(a: str, b: str, **options: float) -> Pair:
    (only,) = compared({"a": a, "b": b}, **options).pairs
    return only


def test_a_clear_difference_decides() -> None:
    found = pair("p" * 95 + "f" * 5, "p" * 70 + "f" * 30)
    assert found.verdict == "a_better"
    assert found.difference.value == pytest.approx(0.25)
    assert (found.n_cases, found.clusters, found.repeats) == (100, 100, 1)
    assert (found.a_wins, found.b_wins, found.why) == (25, 0, "")


def test_a_difference_that_may_be_chance_is_inconclusive() -> None:
    found = pair("p" * 12 + "f" * 8, "p" * 10 + "f" * 10)
    assert (found.verdict, found.why) == ("inconclusive", "so small a difference may be chance")


def test_p_values_are_checked_by_mcnemar_and_sign_flips() -> None:
    found = pair("p" * 45 + "f" * 15, "f" * 10 + "p" * 40 + "f" * 10)
    # 10 against 5 discordant cases: exact McNemar is scipy.stats.binomtest(5, 15).pvalue.
    assert found.cross_checks.mcnemar_exact_p == pytest.approx(0.3017578125)
    assert found.cross_checks.sign_flip_p == pytest.approx(0.3017578125)


def test_three_candidates_are_three_questions() -> None:
    row = "p" * 17 + "f" * 13
    found = compared({"a": "p" * 25 + "f" * 5, "b": row, "c": row}).pairs
    assert [(one.a, one.b) for one in found] == [("a", "b"), ("a", "c"), ("b", "c")]
    first = found[0]
    assert first.p is not None
    assert first.p_adjusted == pytest.approx(3 * first.p)
    assert found[2].p == 1


def test_missing_trials_that_could_turn_it_leave_it_open() -> None:
    a, b = "p" * 92 + "f" * 8, "p" * 85 + "f" * 13 + "ee"
    found = pair(a, b)
    assert pair(a, b.replace("e", "f")).verdict == "a_better"
    assert found.bounds.missing_b == 2
    assert found.bounds.worst.value == pytest.approx(0.05)
    assert (found.verdict, found.why) == (
        "inconclusive",
        "the missing trials could change it, counted against a",
    )


def test_missing_trials_that_change_nothing_leave_the_verdict() -> None:
    assert pair("p" * 95 + "f" * 5, "p" * 60 + "f" * 39 + "e").verdict == "a_better"


@pytest.mark.parametrize(("allowed", "verdict"), [(0.02, "invalid"), (0.05, "a_better")])
def test_above_so_many_missing_trials_there_is_no_verdict(allowed: float, verdict: str) -> None:
    found = pair("p" * 97 + "eee", "p" * 60 + "f" * 40, max_missing=allowed)
    assert found.verdict == verdict
    if verdict == "invalid":
        assert found.why == "3 of 100 trials of a are missing, more than 2 %"


def test_one_cluster_decides_nothing() -> None:
    results = [a_result(f"c{n}", name, name, cluster="x") for n in range(9) for name in "pf"]
    (found,) = compare(a_run("pf"), results).pairs
    assert (found.verdict, found.why, found.p) == ("invalid", "only one cluster", None)


def test_only_cases_that_both_were_graded_in_are_compared() -> None:
    found = pair("pppp..", "..ffpp")
    assert found.n_cases == 2
    assert found.difference.value == 1


def test_candidates_that_share_no_case_are_no_pair() -> None:
    assert compared({"a": "ppp...", "b": "...ppp"}).pairs == ()


def test_the_cost_ratio_is_of_the_cases_in_common() -> None:
    results = [
        a_result(f"c{n}", name, "p", dollars=price)
        for n, row in enumerate(["0.01 0.05", "0.02 0.12", "0.03 0.13", "0.9"])
        for name, price in zip("ab", row.split(), strict=False)
    ]
    (found,) = compare(a_run("ab"), results).pairs
    assert found.cost_ratio.value == pytest.approx(0.2)
    assert found.cost_ratio.low is not None


def test_a_tag_is_described_and_not_tested() -> None:
    rows = [("a", "pppf", "x"), ("b", "pfff", "x"), ("a", "p", "y"), ("b", "f", "y")]
    results = [
        a_result(f"{tag}{n}", name, letter, tags=(tag,))
        for name, row, tag in rows
        for n, letter in enumerate(row)
    ]
    (found,) = compare(a_run("ab"), results).pairs
    assert found.by_tag["x"].n_cases == 4
    assert found.by_tag["x"].difference.value == pytest.approx(0.5)
    assert found.by_tag["y"].difference == replace(found.difference, value=1, low=None, high=None)


rows = st.text("pf", min_size=12, max_size=12)


@given(rows, rows)
def test_a_pair_seen_from_the_other_side_is_its_mirror(a: str, b: str) -> None:
    one, other = pair(a, b), pair(b, a)
    turned = {"a_better": "b_better", "b_better": "a_better"}
    assert other.verdict == turned.get(one.verdict, one.verdict)
    assert other.p == pytest.approx(one.p)
    assert other.difference.value == pytest.approx(-(one.difference.value or 0))
    assert other.difference.low == pytest.approx(-(one.difference.high or 0), abs=1e-9)


@given(rows, rows, rows)
def test_adjusting_never_makes_a_p_value_smaller(a: str, b: str, c: str) -> None:
    for one in compared({"a": a, "b": b, "c": c}).pairs:
        assert one.p is not None
        assert one.p_adjusted is not None
        assert one.p <= one.p_adjusted <= 1
