"""The routing verdict as a reader sees it."""

from __future__ import annotations

import dataclasses
import io

import pytest
from rich.console import Console
from routing_making import failing, gathered, make_call, make_traffic, make_trial

from harness.analysis.cascade import cascades
from harness.analysis.noninferior import Rule
from harness.analysis.routes_by_tag import tag_routing
from harness.analysis.routing import routing
from harness.records import Grade
from reports.routing import (
    assumptions,
    cascades_table,
    dominances,
    print_routing,
    recommendation,
    routing_table,
    sensitivity_table,
    tags_table,
    worth_table,
)

RULE = Rule(0.05)
GOOD = make_traffic(failing({"haiku": 0, "opus": 0}), 200, tag=lambda case: ("ab"[case % 2],))


def test_the_recommendation_says_how_certain_it_is_and_what_it_saves() -> None:
    said = recommendation(routing(GOOD, RULE))
    assert said.startswith(
        "Route to haiku: no worse than opus by 5 points or more (one-sided α 0.05, Holm-adjusted p "
    )
    assert "200 cases, 200 clusters, 1 per case and candidate). It saves $14.42 ($14.3" in said
    assert said.endswith("per 1,000 calls at live prices, $7.21 ($7.19–$7.23) as batches")


@pytest.mark.parametrize(
    ("shares", "reference", "words"),
    [
        pytest.param((2, 0), None, "every cheaper candidate is worse by more than 5", id="worse"),
        pytest.param((9, 9), None, "inconclusive whether a cheaper one is", id="inconclusive"),
        pytest.param((0, 0), "haiku", "no candidate is cheaper than haiku", id="cheapest"),
    ],
)
def test_staying_with_the_reference_says_why(
    shares: tuple[int, int], reference: str | None, words: str
) -> None:
    traffic = make_traffic(failing(dict(zip(("haiku", "opus"), shares, strict=True))), 45)
    said = recommendation(routing(traffic, RULE, reference))
    assert said.startswith(f"Stay with {reference or 'opus'}: {words}")


def test_an_inconclusive_candidate_tells_about_how_many_cases_it_takes() -> None:
    said = recommendation(routing(make_traffic(failing({"haiku": 9, "opus": 9}), 45), RULE))
    assert "haiku: about 7 more cases would settle it" in said


def test_a_cheaper_candidate_that_may_yet_qualify_is_told() -> None:
    traffic = make_traffic(
        failing({"haiku": 26, "sonnet": 0, "opus": 0}), 130, ("haiku", "sonnet", "opus")
    )
    said = recommendation(routing(traffic, RULE))
    assert said.startswith("Route to sonnet")
    assert ". haiku, cheaper still, is inconclusive: about " in said


def test_an_invalid_run_has_no_recommendation() -> None:
    traffic = make_traffic(lambda _name, case: None if case < 9 else True, 90)
    said = recommendation(routing(traffic, RULE))
    assert said.startswith("No recommendation: 9 of 90 trials of haiku are missing, more than 2 %")


def test_the_table_has_a_row_a_candidate_with_its_cases_and_clusters() -> None:
    table = routing_table(routing(GOOD, RULE))
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    assert [row["verdict"] for row in rows] == ["non-inferior", "reference"]
    assert (rows[0]["cases"], rows[0]["clusters"], rows[0]["difference, points"]) == (
        "200", "200", "0.0"
    )  # fmt: skip
    assert rows[1]["saved per 1,000, live"] == "–"


def test_the_margins_stand_in_their_order_with_the_chosen_one_marked() -> None:
    table = sensitivity_table(routing(GOOD, RULE))
    assert [row[0] for row in table.rows] == [
        "1 point", "2 points", "3 points", "5 points (chosen)", "10 points"
    ]  # fmt: skip


def test_the_rule_by_tag_is_shown_held_out_beside_naive() -> None:
    found = tag_routing(GOOD, RULE, "opus")
    assert found is not None
    assert [row[:3] for row in tags_table(found).rows] == [
        ("a", "haiku", "own"), ("b", "haiku", "own")
    ]  # fmt: skip
    assert [row[0] for row in worth_table(found).rows] == ["held out", "naive"]


def test_a_cascade_by_the_evals_own_grade_is_labelled() -> None:
    results = [
        make_trial(
            name, case, passed=name == "opus" or case % 3 > 0,
            calls=(make_call("0.01" if name == "haiku" else "0.1"),),
            grades=(Grade(name == "opus" or case % 3 > 0, name="equals"),),
        )
        for case in range(60) for name in ("haiku", "opus")
    ]  # fmt: skip
    (row,) = cascades_table(cascades(gathered(results, signal="equals"), "opus")).rows
    assert row[:2] == ("haiku → opus", "equals")
    assert row[-1] == "upper bound: the signal is the eval's own grade"


def test_dominance_and_assumptions_are_sentences() -> None:
    found = routing(GOOD, RULE)
    assert dominances(found) == [
        "haiku costs less than opus, and is not worse than it by 5 points or more"
    ]
    first = assumptions(found)[0]
    assert "opus is the dearest by cost per call of the candidates with the most trials" in first
    assert "the margin is 5 points" in first
    assert first.endswith("which is 50 failures more in 1,000.")


def test_a_simulated_verdict_says_so_first() -> None:
    console = Console(file=io.StringIO(), width=200)
    print_routing(console, dataclasses.replace(routing(GOOD, RULE), simulated=True))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert text.startswith("simulated: nothing here came from Claude\nRoute to haiku")
    assert "At other margins" in text
