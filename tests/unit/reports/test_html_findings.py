"""What the page says of a comparison: the advice, charts with their tables, tags, the baseline."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from harness.analysis.compare import compare
from harness.analysis.comparison import Comparison
from harness.analysis.regression_records import BaselineFacts, Flip, RegressionVerdict
from harness.records import Candidate, Grade, Outcome, Result, Run
from reports.html_findings import findings
from reports.html_lead import advice, first_screen

Make = Callable[..., Result]
MakeRun = Callable[..., Run]


def screen(comparison: Comparison) -> str:
    return "\n".join(first_screen(comparison))


def body(comparison: Comparison) -> str:
    return "".join(findings(comparison))


def test_the_routing_verdict_is_the_recommendation(comparison: Comparison) -> None:
    assert comparison.routing is not None
    page = screen(comparison)
    assert page.index('class="answer"') < page.index("<table")
    assert advice(comparison).startswith(("Route to", "Stay with", "No recommendation"))


def test_without_routing_the_pairs_speak(comparison: Comparison) -> None:
    alone = dataclasses.replace(comparison, routing=None)
    assert advice(alone).startswith("No routing verdict: haiku")


def test_one_candidate_alone_is_told_with_its_interval(a_run: MakeRun, a_result: Make) -> None:
    run = a_run(candidates=(Candidate("haiku", "claude-haiku-4-5"),), planned={"haiku": 2})
    found = compare(run, [a_result("a"), a_result("b", outcome=Outcome.FAILED)])
    assert "haiku passed 50 % (" in advice(found)


def test_a_run_without_a_grade_has_no_verdict(a_run: MakeRun) -> None:
    one = a_run(candidates=(Candidate("haiku", "claude-haiku-4-5"),))
    assert advice(compare(one, [])) == "No verdict: no trial has been graded"


def test_a_simulated_recommendation_says_so(comparison: Comparison) -> None:
    run = dataclasses.replace(comparison.run, simulated=True)
    assert "Recommendation, simulated" in screen(dataclasses.replace(comparison, run=run))


def test_cost_and_quality_are_a_chart_with_its_tables(comparison: Comparison) -> None:
    page = screen(comparison)
    assert page.count('class="datum s0"') == page.count('class="datum s1"') == 2
    assert "haiku: passed 33 % (2–94) of 3 cases" in page
    assert "<summary>The figures</summary>" in page


def test_an_unknown_price_leaves_the_candidate_out_of_the_chart(
    a_run: MakeRun, a_result: Make, a_call: Callable[..., object]
) -> None:
    found = compare(a_run(), [a_result(calls=(a_call(dollars=None),))])
    assert "No chart of cost against quality" in screen(found)


def test_a_pair_is_a_row_of_the_chart_and_a_sentence(comparison: Comparison) -> None:
    page = body(comparison)
    assert "Difference of the pass rates" in page
    assert "haiku and sonnet cannot be compared" in page or "haiku is" in page


def test_a_tag_is_a_row_with_colour_figure_and_number(comparison: Comparison) -> None:
    assert '<td class="h3" title="haiku, billing: 33 % (2–94), 3 cases' in body(comparison)
    assert "33.3 %<small>n=3</small>" in body(comparison)


def test_a_confusion_matrix_counts_what_was_found(a_run: MakeRun, a_result: Make) -> None:
    grades = [
        Grade(want == got, name="label", label=(want, got))
        for want, got in (("spam", "spam"), ("ham", "spam"), ("ham", "ham"))
    ]
    results = [a_result(str(n), grades=(grade,)) for n, grade in enumerate(grades)]
    page = body(compare(a_run(), results))
    assert "expected ham, found spam: 1 of 2 (50.0 %)" in page


@pytest.fixture
def against_a_baseline(comparison: Comparison) -> Comparison:
    flip = Flip("support-triage", "a/b <c>", "haiku", "lost", (3, 3), (0, 3))
    regression = {
        "baseline": BaselineFacts("old", datetime(2026, 10, 1, tzinfo=UTC), "live", False, "1"),
        "compared_cases": 3,
        "new_cases": ("support-triage/new",),
        "changed_cases": (),
        "removed_cases": (),
        "flips": (flip,),
        "candidates": (
            RegressionVerdict("support-triage", "haiku", "regression", 0.03, True, 0.05),
        ),
    }
    return dataclasses.replace(comparison, regression=regression)


def test_the_baseline_is_named_with_its_verdicts(against_a_baseline: Comparison) -> None:
    page = body(against_a_baseline)
    assert "Baseline: old of 2026-10-01; 3 identical cases" in page
    assert '<span class="mark fail" aria-hidden="true">✗</span>regression' in page
    assert "Not in the baseline, not compared: support-triage/new" in page


def test_a_flip_links_to_its_case(against_a_baseline: Comparison) -> None:
    assert '<a href="#case=support-triage%2Fa%2Fb%20%3Cc%3E">a/b &lt;c&gt;</a>' in body(
        against_a_baseline
    )


def test_a_run_without_anything_has_no_empty_sections(a_run: MakeRun) -> None:
    page = body(compare(a_run(), []))
    assert "Against the baseline" not in page
    assert "Classification" not in page
