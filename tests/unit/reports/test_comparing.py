"""What is shown of a baseline's verdicts, and of runs side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import pytest
from snapshot_making import arm, case, each, run_of

from harness.analysis.baseline import CaseRecord
from harness.analysis.regression import regress
from harness.analysis.regression_records import Policy, RegressionVerdict, Settling
from harness.analysis.regression_words import detail, limits, points
from harness.analysis.sidebyside import side_by_side
from reports import comparing


def against(now: dict[str, CaseRecord], before: dict[str, CaseRecord]) -> Mapping[str, Any]:
    runs = run_of(arm(now)), run_of(arm(before), run="old")
    found = regress(*runs, {"s": Policy(0.03, gated=True)})
    return {field.name: getattr(found, field.name) for field in fields(found)}


def cells(table: comparing.Table) -> dict[str, str]:
    """The first row by column."""
    return dict(zip(table.columns, table.rows[0], strict=True))


def test_a_verdict_stands_with_its_figures_and_its_policy() -> None:
    row = cells(comparing.regression_table(against(each("p", 200), each("p", 200))))
    assert row == {
        "verdict": "pass", "suite": "s", "candidate": "haiku", "before": "100 %", "now": "100 %",
        "difference": "0.0 points", "one-sided limits": "−1.3 to +1.3 points",
        "margin": "3.0 points", "cases": "200", "lost": "0", "gained": "0",
        "by chance": "at most 0.0 each way",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("now", "before", "size"),
    [("ppp", "ppp", "9 × 3"), ("ppp", "pppppppppppp", "9 × 3 (baseline × 12)"), ("p", "p", "9")],
    ids=["as many", "more in the baseline", "one each"],
)
def test_repeats_are_told_with_the_cases(now: str, before: str, size: str) -> None:
    table = comparing.regression_table(against(each(now, 9), each(before, 9)))
    assert cells(table)["cases"] == size


def test_lost_cases_stand_before_gained_ones() -> None:
    found = against({"a": case("p"), "b": case("f")}, {"a": case("f"), "b": case("p")})
    rows = comparing.flips_table(found).rows
    assert [(row[0], row[2], row[4], row[5]) for row in rows] == [
        ("lost", "b", "1 of 1", "0 of 1"),
        ("gained", "a", "0 of 1", "1 of 1"),
    ]
    assert len(comparing.flips_table(found, limit=1).rows) == 1


def test_the_lines_name_what_was_not_compared() -> None:
    before = {**each("p", 200), "gone": case("p")}
    lines = comparing.regression_lines(against({**each("p", 200), "added": case("p")}, before))
    assert lines == [
        "Baseline: old of 2026-11-20; 200 identical cases",
        "pass: s [haiku]: 0.0 points (−1.3 to +1.3 points) in 200 cases, margin 3 points",
        "Not in the baseline, not compared: s/added",
        "In the baseline, and not in this run, not compared: s/gone",
    ]


SEEN = RegressionVerdict(
    "s", "haiku", "inconclusive", 0.03, True, 0.05,
    compared_cases=50, difference=-0.02, low=-0.06, high=0.01,
)  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "end"),
    [
        ({"verdict": "pass", "high": -0.001}, "; real but inside the margin"),
        ({"verdict": "regression"}, "; worse than the baseline"),
        (
            {"settling": Settling(400, 6, "pass"), "detectable": 0.04},
            "; about 400 cases or 6 repeats on both sides would settle it; at this size a loss of "
            "4.0 points is found",
        ),
        ({"settling": Settling(None, None, None, "on the border")}, "; on the border"),
        ({"why": "the missing trials decide"}, "; the missing trials decide"),
        ({"verdict": "pass", "changes": ("model a → b",)}, "; model a → b"),
    ],
    ids=["inside", "regression", "settled by more", "not settled", "missing", "another model"],
)
def test_a_verdict_says_what_it_means(changed: dict[str, Any], end: str) -> None:
    assert detail(replace(SEEN, **changed)).endswith(f"margin 3 points{end}")


def test_a_margin_that_no_gate_names_is_the_default() -> None:
    assert "margin 3 points by default" in detail(replace(SEEN, gated=False))


@pytest.mark.parametrize(
    ("share", "text"),
    [(-0.0234, "−2.3 points"), (0.01, "+1.0 points"), (-0.0001, "0.0 points"), (None, "–")],
    ids=str,
)
def test_a_difference_is_in_points(share: float | None, text: str) -> None:
    assert points(share) == text


def test_unknown_limits_are_no_numbers() -> None:
    assert limits(None, 0.1) == "–"


def test_runs_side_by_side_stand_by_candidate() -> None:
    found = side_by_side(
        [
            run_of(arm(each("p", 20)), arm(each("p", 5), "opus")),
            run_of(arm(each("f", 9) | each("p", 11, 9)), run="old"),
        ]
    )
    shown = [row[:2] for row in comparing.showings_table(found).rows]
    assert shown == [("haiku", "now"), ("haiku", "old"), ("opus", "now")]
    row = cells(comparing.differences_table(found))
    # 9 better and none worse: t = 9/sqrt(9) on 19 degrees of freedom.
    assert (row["difference"], row["p"], row["better"]) == ("+45.0 points", "0.007", "9")


def test_what_differs_of_a_candidate_is_a_note() -> None:
    now = replace(arm({**each("p", 9), "added": case("p")}), model="haiku-2")
    found = side_by_side([run_of(now), run_of(arm(each("p", 9)), run="old")])
    assert comparing.difference_notes(found)[1:] == [
        "haiku, old: model haiku-1 → haiku-2; 1 case only in now, 0 cases only in old"
    ]
