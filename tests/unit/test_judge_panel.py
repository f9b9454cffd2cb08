"""Several judges at once: how they decide together, and what is shown of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from judge_making import graded, rubric, run, suite_text
from suite_making import problems

THREE = "{panel: [opus, sonnet, claude-sonnet-5], criteria: Is polite.}"
MEAN = "{panel: [opus, sonnet], criteria: [a, b], rule: mean, min: 0.75}"
MET, NOT, UNSURE = rubric("met"), rubric("not_met"), rubric("cannot_tell")


@pytest.mark.parametrize(
    ("replies", "passed", "score"),
    [
        ([MET, MET, NOT], True, 2 / 3),
        ([MET, NOT, NOT], False, 1 / 3),
        ([MET, MET, UNSURE], True, 1.0),
        ([NOT, NOT, UNSURE], False, 0.0),
        ([MET, NOT, UNSURE], None, None),
        ([UNSURE, UNSURE, UNSURE], None, None),
    ],
    ids=["two of three", "one of three", "two and one unsure", "two against", "open", "nobody"],
)
def test_a_majority_decides_unless_a_silent_judge_could_turn_it(
    tmp_path: Path, replies: list[str], passed: bool | None, score: float | None
) -> None:
    grade = graded(tmp_path, THREE, "hi", *replies)
    assert (grade.passed, grade.score) == (passed, score)


def test_half_is_no_majority(tmp_path: Path) -> None:
    grader = "{panel: [opus, sonnet], criteria: x}"
    assert graded(tmp_path, grader, "hi", MET, NOT).passed is False


@pytest.mark.parametrize(
    ("replies", "passed", "score"),
    [
        ([rubric("met", "met"), rubric("met", "not_met")], True, 0.75),
        ([rubric("met", "not_met"), rubric("met", "not_met")], False, 0.5),
        ([rubric("met", "met"), "nonsense"], None, None),
    ],
    ids=["at the limit", "below", "one is missing"],
)
def test_a_mean_of_scores_decides(
    tmp_path: Path, replies: list[str], passed: bool | None, score: float | None
) -> None:
    grade = graded(tmp_path, MEAN, "hi", *replies)
    assert (grade.passed, grade.score) == (passed, score)


def test_all_judges_are_asked_at_once_each_by_its_model(tmp_path: Path) -> None:
    _, requests = run(tmp_path, THREE, "hi", MET, MET, MET)
    assert [request.model for request in requests[1]] == [
        "claude-opus-4-6",
        "claude-sonnet-4-6",
        "claude-sonnet-5",
    ]


def test_agreement_and_each_judge_are_shown(tmp_path: Path) -> None:
    grade = graded(tmp_path, THREE, "hi", MET, MET, NOT)
    assert grade.reason.startswith("2 of 3 judges passed it, 2 of 3 agree: opus passed (met:")
    assert [(part.name, part.passed) for part in grade.parts][2] == ("claude-sonnet-5", False)
    assert grade.judge.count("rubric.j2") == 3


@pytest.mark.parametrize(
    ("grader", "problem"),
    [
        ("{panel: [opus], criteria: x}", "a panel has two judges or more"),
        ("{panel: [opus, sonnet]}", "`panel` needs `criteria`; write `criteria: …`"),
        ("{panel: [opus, nobody], criteria: x}", "'nobody' names no model"),
        ("{panel: [opus, sonnet], criteria: x, rule: all}", "majority, mean"),
        ("{panel: [opus, sonnet], criteria: x, min: 0.9}", "`min` is for `rule: mean`"),
        ("{panel: [opus, sonnet], criteria: x, rule: mean, min: 0}", "`min` must be above 0"),
    ],
    ids=["one", "no criteria", "unknown", "rule", "min of a majority", "min"],
)
def test_a_panel_that_cannot_meet_is_an_error(tmp_path: Path, grader: str, problem: str) -> None:
    assert problem in problems(tmp_path, suite_text(grader))[0]
