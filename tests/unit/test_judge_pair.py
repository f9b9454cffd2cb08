"""Pairwise judging: both orders, another candidate's answer, and whose calls they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from judge_making import graded, one, run, suite_text, user_text
from suite_making import answer, driven, loaded, problems, trial_of

from harness.records import Missing, Outcome, Request, Result

GIVEN = "pairwise: {against: {text: Yes.}}"
RIVAL = "{pairwise: sonnet, judge: opus}"
GONE = Missing("overloaded_error", "too many")


@pytest.mark.parametrize(
    ("first", "second", "ties", "passed", "score"),
    [
        ("first", "second", "pass", True, 1.0),
        ("second", "first", "pass", False, 0.0),
        ("tie", "tie", "pass", True, 0.5),
        ("tie", "tie", "fail", False, 0.5),
        ("first", "first", "pass", True, 0.5),
        ("second", "second", "fail", False, 0.5),
        ("first", "tie", "pass", True, 0.5),
        ("first", "cannot_tell", "pass", None, None),
    ],
    ids=str,
)
def test_what_both_orders_say_together(
    tmp_path: Path, first: str, second: str, ties: str, passed: bool | None, score: float | None
) -> None:
    grader = f"pairwise: {{against: {{text: Yes.}}, ties: {ties}}}"
    grade = graded(tmp_path, grader, "hi", one(first), one(second))
    assert (grade.passed, grade.score) == (passed, score)


def test_both_orders_are_asked_at_once(tmp_path: Path) -> None:
    _, requests = run(tmp_path, GIVEN, "hi", one("first"), one("second"))
    assert [len(each) for each in requests] == [1, 2]
    first, second = (user_text(request) for request in requests[1])
    assert first.index("\nhi\n") < first.index("\nYes.\n")
    assert second.index("\nYes.\n") < second.index("\nhi\n")


def test_the_parts_hold_what_each_order_came_to(tmp_path: Path) -> None:
    grade = graded(tmp_path, GIVEN, "hi", one("first"), one("first"))
    assert [(part.name, part.score) for part in grade.parts] == [
        ("shown first", 1.0),
        ("shown second", 0.0),
    ]
    assert "tie with the given answer: win when shown first, loss when" in grade.reason


def test_the_same_text_is_a_tie_and_asks_nobody(tmp_path: Path) -> None:
    grade = graded(tmp_path, GIVEN, " Yes.\n")
    assert (grade.passed, grade.score, grade.judge) == (True, 0.5, "")


def test_the_same_text_fails_where_ties_do(tmp_path: Path) -> None:
    grade = graded(tmp_path, "{pairwise: {against: {text: Yes.}, ties: fail}}", "Yes.")
    assert (grade.passed, grade.score) == (False, 0.5)


def test_the_rival_is_asked_what_its_own_trial_asks(tmp_path: Path) -> None:
    suite = loaded(tmp_path, suite_text(RIVAL))
    _, requests = driven(trial_of(suite), ["hi", "ho", one("first"), one("second")])
    _, own = driven(trial_of(suite, candidate=1), ["ho"])
    assert requests[1][0].purpose == "rival"
    assert replace(requests[1][0], purpose="answer") == own[0][0]


def test_a_candidate_is_not_compared_with_itself(tmp_path: Path) -> None:
    result, requests = run(tmp_path, RIVAL, "hi", candidate=1)
    (grade,) = result.grades
    assert (len(requests), grade.weight, grade.judge) == (1, 0, "")
    assert grade.reason == "this is sonnet itself: nothing to compare"


def test_a_candidate_that_is_asked_the_same_is_not_the_same_candidate(tmp_path: Path) -> None:
    twins = suite_text("pairwise: two").replace(
        "[haiku, sonnet]", "[haiku, {model: haiku, name: two}]"
    )
    result, _ = driven(trial_of(loaded(tmp_path, twins)), ["hi", "hi"])
    assert (result.grades[0].weight, result.score) == (1, 0.5)


def test_a_prompt_of_ones_own_must_show_the_criteria_that_it_is_given(tmp_path: Path) -> None:
    own = "Wit wins.\n---\n{{ first }} {{ second }}"
    grader = "pairwise: {against: {text: Yes.}, prompt: own.j2}"
    assert graded(tmp_path, grader, "hi", one("first"), one("second"), own_j2=own).passed
    told = problems(tmp_path, suite_text(grader[:-1] + ", criteria: Wit.}"), own_j2=own)
    assert "does not show all `{{ criteria }}`" in told[0]


def test_the_rivals_answers_are_not_the_candidates(tmp_path: Path) -> None:
    result, _ = run(tmp_path, RIVAL, "hi", "ho", one("first"), one("second"))
    assert [call.request.purpose for call in result.calls] == ["answer", "rival", "judge", "judge"]
    assert result.usage is not None
    assert result.usage.output_tokens == 5
    assert [m["role"] for m in result.messages] == ["user", "assistant"]


def test_the_rivals_answers_are_in_what_was_paid_but_not_in_the_bill(tmp_path: Path) -> None:
    result, _ = run(tmp_path, RIVAL, "hi", "ho", one("first"), one("second"))
    rival = result.calls_for("rival")[0].bill.total
    assert result.bill is not None
    assert result.spent is not None
    assert rival is not None
    assert result.spent == (result.bill.total or 0) + rival


@pytest.mark.parametrize(
    ("replies", "told"),
    [
        (["hi", GONE], "sonnet gave no answer: too many"),
        (["hi", "ho", GONE, one("second")], "judge opus gave no answer: too many"),
        (["hi", "ho", one("first"), answer(stop_reason="refusal")], "judge opus refused to judge"),
    ],
    ids=["rival", "judge", "second order"],
)
def test_a_comparison_with_something_missing_is_ungraded(
    tmp_path: Path, replies: Sequence[str], told: str
) -> None:
    result, _ = run(tmp_path, RIVAL, *replies)
    assert (result.outcome, result.reason) == (Outcome.UNGRADED, f"pairwise: {told}")


TURNS = """\
suite: t
models: [haiku, sonnet]
cases:
  - id: a
    turns: [{user: one, graders: [{pairwise: sonnet}]}, {user: "{{ answers[0] }}?"}]
graders: [{pairwise: sonnet}, {pairwise: sonnet, criteria: Wit.}]
"""


def play(folder: Path, replies: Sequence[str | Missing]) -> tuple[Result, list[Sequence[Request]]]:
    return driven(trial_of(loaded(folder, TURNS)), replies)


def test_a_rival_says_its_turns_as_they_are_needed_and_once_for_all_graders(tmp_path: Path) -> None:
    replies = ["h1", "s1", "{}", "{}", "h2", "s2", "{}", "{}", "{}", "{}"]
    _, requests = play(tmp_path, replies)
    purposes = [(request.purpose, len(each)) for each in requests for request in each[:1]]
    turn = [("answer", 1), ("rival", 1), ("judge", 2)]
    assert purposes == [*turn, *turn[:2], ("judge", 4)]
    assert [m["content"] for m in requests[4][0].params["messages"]][::2] == ["one", "s1?"]


def test_a_rival_that_gave_no_answer_is_not_asked_again(tmp_path: Path) -> None:
    result, requests = play(tmp_path, ["h1", GONE, "h2"])
    assert len(requests) == 3
    assert [grade.passed for grade in result.grades] == [None] * 3


@pytest.mark.parametrize(
    ("grader", "problem"),
    [
        pytest.param("pairwise: sonet", "no candidate is called 'sonet'; did you mean `sonnet`?",
                     id="unknown"),
        pytest.param("pairwise: opus", "where given: --models opus,haiku,sonnet", id="left out"),
        pytest.param("pairwise: {text: ''}", "`against` is a candidate's name", id="empty"),
        pytest.param("pairwise: {file: x}", "`against` is a candidate's name", id="file"),
        pytest.param("{pairwise: sonnet, criteria: ''}", "`criteria` are empty", id="criteria"),
        pytest.param("{pairwise: sonnet, ties: skip}", "pass, fail", id="ties"),
    ],
)  # fmt: skip
def test_a_comparison_that_cannot_be_made_is_an_error_before_anything_is_sent(
    tmp_path: Path, grader: str, problem: str
) -> None:
    assert problem in problems(tmp_path, suite_text(grader))[0]
