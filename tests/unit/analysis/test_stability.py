"""What repeats of the same cases tell."""

from __future__ import annotations

import pytest
from made import a_result, a_run

from harness.analysis.compare import compare
from harness.analysis.comparison import CandidateSummary


def repeated(*rows: str) -> CandidateSummary:
    """A candidate by a row a case, of a letter a repeat."""
    results = [
        a_result(f"c{n}", "a", letter, repeat)
        for n, row in enumerate(rows)
        for repeat, letter in enumerate(row, 1)
    ]
    return compare(a_run("a"), results).candidates[0]


def test_single_trials_have_no_pass_at_k() -> None:
    found = repeated("p", "f")
    assert (found.quality.pass_at_k, found.quality.pass_hat_k, found.stability) == (None,) * 3


def test_pass_at_k_and_pass_hat_k_are_the_means_of_unbiased_estimates() -> None:
    quality = repeated("ppp", "pff", "fff").quality
    # By hand: of k=2 out of 3, at least one of (1, 2/3, 0) and all of (1, 0, 0).
    assert quality.pass_at_k == pytest.approx({"1": 4 / 9, "2": 5 / 9, "3": 2 / 3})
    assert quality.pass_hat_k == pytest.approx({"1": 4 / 9, "2": 1 / 3, "3": 1 / 3})


def test_a_case_with_too_few_repeats_is_left_out_and_told() -> None:
    found = (repeated("ppp", "pfp", "ppe").quality.pass_hat_k_intervals or {})["3"]
    assert (found.value, found.n_cases) == (0.5, 2)
    assert "1 of 3 cases have fewer than 3 repeats" in found.note


def test_what_no_case_has_repeats_for_is_unknown() -> None:
    assert (repeated("ppe", "pef").quality.pass_at_k or {})["3"] is None


def test_the_flakiest_cases_are_named() -> None:
    found = repeated("pppp", "pppf", "ppff", "ffff").stability
    assert found is not None
    assert (found.flaky_cases, found.n_cases, found.repeats) == (2, 4, 4)
    assert [(one.case, one.passed, one.graded) for one in found.flakiest] == [
        ("c2", 2, 4),
        ("c1", 3, 4),
    ]


def test_where_repeats_always_agree_more_of_them_help_nothing() -> None:
    found = repeated("ppp", "fff", "ppp").stability
    assert found is not None
    assert (found.within, found.removable, found.flaky_cases) == (0.0, 0.0, 0)
