"""The Pareto front of a run's candidates."""

from __future__ import annotations

import pytest
from made import a_result, a_run, compared

from harness.analysis.compare import compare
from harness.analysis.comparison import Comparison


def priced(rows: dict[str, tuple[str, str]]) -> Comparison:
    results = [
        a_result(f"c{n:02}", name, letter, dollars=price)
        for name, (letters, price) in rows.items()
        for n, letter in enumerate(letters)
    ]
    return compare(a_run(list(rows)), results)


THREE = {
    "cheap": ("p" * 20 + "f" * 20, "0.001"),
    "beaten": ("p" * 18 + "f" * 22, "0.01"),
    "good": ("p" * 38 + "f" * 2, "0.02"),
}


def test_a_candidate_that_costs_more_and_is_worse_is_not_on_the_front() -> None:
    found = priced(THREE).pareto
    assert found is not None
    assert (found.front, found.hull) == (("cheap", "good"), ("cheap", "good"))
    assert (found.n_cases, found.clusters, found.draws) == (40, 40, 2000)


def test_how_often_each_is_on_the_front_is_told() -> None:
    found = priced(THREE).pareto
    assert found is not None
    often = {one.name: one.bootstrap_frequency for one in found.candidates}
    assert often["cheap"] == often["good"] == 1
    assert often["beaten"] == pytest.approx(0, abs=0.01)


def test_the_same_results_give_the_same_frequencies() -> None:
    assert priced(THREE).pareto == priced(THREE).pareto


@pytest.mark.parametrize(
    ("letters", "why"),
    [
        pytest.param({"a": "pp"}, "there are not two candidates", id="one candidate"),
        pytest.param(
            {"a": "pp..", "b": "..pp"}, "no case has a grade of every candidate", id="no case"
        ),
    ],
)
def test_without_a_comparison_there_is_no_front(letters: dict[str, str], why: str) -> None:
    found = compared(letters).pareto
    assert found is not None
    assert (found.front, found.why) == ((), why)
