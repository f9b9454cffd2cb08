"""What judges were shown and said, read back from results of the real graders."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from judge_making import one, rubric, run
from suite_making import answer, driven, loaded, trial_of

from harness.analysis.judged import Judgement, Passing, judgements, kinds_of
from harness.records import Answer, Missing

PAIR = "{pairwise: haiku, judge: opus}"
REFERENCE = "{reference: Paris, accept: [same, superset]}"
TURNS = """\
suite: t
models: [haiku]
messages: [{role: user, content: Hello}, {role: assistant, content: Hi}]
turns:
  - {user: One?, graders: [{rubric: Is kind.}]}
  - {user: Two?, graders: [{rubric: Is kind.}]}
cases: [{id: a}]
"""


def judged(
    folder: Path, grader: str, *replies: str | Answer | Missing, candidate: int = 0
) -> Judgement:
    """What the one judge of a trial said, with these replies; the first is the candidate's."""
    (found,) = judgements(run(folder, grader, *replies, candidate=candidate)[0])
    return found


@pytest.mark.parametrize(
    ("grader", "replies", "kind", "said", "score"),
    [
        pytest.param("rubric: Good.", [rubric("met")], "criteria", "pass", 1, id="met"),
        pytest.param("rubric: Good.", [rubric("not_met")], "criteria", "fail", 0, id="not met"),
        pytest.param(
            "{rubric: [A., B.], min: 0.5}", [rubric("met", "not_met")], "criteria", "pass", 1,
            id="half met is enough",
        ),
        pytest.param(REFERENCE, [one("superset")], "reference", "superset", 1, id="accepted"),
        pytest.param(REFERENCE, [one("subset")], "reference", "subset", 0, id="not accepted"),
        pytest.param(
            "{panel: [opus, sonnet], criteria: Good.}", [rubric("met"), rubric("met")],
            "criteria", "pass", 1, id="panel",
        ),
        pytest.param("rubric: Good.", ["nonsense"], "criteria", None, None, id="broken rubric"),
        pytest.param(REFERENCE, ["nonsense"], "reference", None, None, id="broken reference"),
    ],
)  # fmt: skip
def test_a_judgement_tells_what_the_judge_said(
    tmp_path: Path, grader: str, replies: list[str], kind: str, said: str | None, score: Any
) -> None:
    found = judged(tmp_path, grader, "An answer.", *replies)
    assert (found.kind, found.said, found.score) == (kind, said, score)


@pytest.mark.parametrize(
    ("first", "second", "said", "picks"),
    [
        pytest.param("first", "second", "win", ("first", "second"), id="better in both orders"),
        pytest.param("second", "first", "loss", ("second", "first"), id="worse in both orders"),
        pytest.param("first", "first", "tie", ("first", "first"), id="always the first"),
        pytest.param("second", "second", "tie", ("second", "second"), id="always the second"),
        pytest.param("tie", "tie", "tie", ("tie", "tie"), id="never better"),
        pytest.param("tie", "second", "tie", ("tie", "second"), id="a tie in one order"),
    ],
)
def test_a_pair_tells_which_place_was_picked(
    tmp_path: Path, first: str, second: str, said: str, picks: tuple[str, str]
) -> None:
    found = judged(tmp_path, PAIR, "Mine.", "Theirs.", one(first), one(second), candidate=1)
    assert (found.kind, found.said, found.picks) == ("pairwise", said, picks)
    assert found.beside == "Theirs."


@pytest.mark.parametrize(
    ("replies", "candidate"),
    [pytest.param(["Same.", "Same."], 1, id="same text"), pytest.param(["Hi."], 0, id="itself")],
)
def test_what_no_judge_was_asked_is_no_judgement(
    tmp_path: Path, replies: list[str], candidate: int
) -> None:
    assert not list(judgements(run(tmp_path, PAIR, *replies, candidate=candidate)[0]))


def test_a_grader_has_its_number_also_where_the_one_before_it_asked_nobody(tmp_path: Path) -> None:
    two = f"{PAIR}\n  - pairwise: {{against: {{text: Other.}}}}"
    result, _ = run(tmp_path, two, "Mine.", one("first"), one("second"))
    assert [one.grader for one in judgements(result)] == ["pairwise #2"]


@pytest.mark.parametrize(
    ("grader", "reply", "beside"),
    [
        pytest.param(REFERENCE, one("same"), "Paris", id="the reference"),
        pytest.param("rubric: [A., B.]", rubric("met", "met"), "A.\nB.", id="the criteria"),
    ],
)
def test_a_judgement_tells_what_the_answer_was_held_against(
    tmp_path: Path, grader: str, reply: str, beside: str
) -> None:
    found = judged(tmp_path, grader, "An answer.", reply)
    assert (found.question, found.answer, found.beside) == ("Say yes please.", "An answer.", beside)


def test_the_reasoning_on_every_criterion_is_kept(tmp_path: Path) -> None:
    reason = judged(tmp_path, "rubric: [A., B.]", "An answer.", rubric("met", "met")).reason
    assert reason.splitlines() == ["2 of 2 criteria met", "A.: because", "B.: because"]


def test_a_judge_inside_another_grader_is_found(tmp_path: Path) -> None:
    found = judged(tmp_path, "not: {rubric: Is rude.}", "An answer.", rubric("not_met"))
    assert (found.grader, found.said) == ("not/rubric", "fail")


def test_graders_of_one_name_are_numbered(tmp_path: Path) -> None:
    replies = ["An answer.", rubric("met"), rubric("not_met")]
    grader = "all: [{rubric: A.}, {rubric: B.}]"
    found = list(judgements(run(tmp_path, grader, *replies)[0]))
    assert [one.grader for one in found] == ["all/rubric", "all/rubric #2"]


def test_a_turns_judge_has_that_turns_question_and_answer(tmp_path: Path) -> None:
    trial = trial_of(loaded(tmp_path, TURNS))
    result, _ = driven(trial, ["First.", rubric("met"), "Second.", rubric("met")])
    found = [(one.grader, one.question, one.answer) for one in judgements(result)]
    assert found == [
        ("rubric (turn 1)", "One?", "First."),
        ("rubric (turn 2)", "Two?", "Second."),
    ]


def test_code_graders_are_no_judges(tmp_path: Path) -> None:
    assert not list(judgements(run(tmp_path, "contains: a", "An answer.")[0]))


def test_the_key_is_of_the_answer_and_not_of_the_criteria(tmp_path: Path) -> None:
    keys = [
        judged(tmp_path, grader, text, rubric("met")).key
        for grader, text in [("rubric: A.", "x"), ("rubric: B.", "x"), ("rubric: A.", "y")]
    ]
    assert keys[0] == keys[1] != keys[2]


def test_the_key_covers_the_reference(tmp_path: Path) -> None:
    one_, other = (
        judged(tmp_path, f"reference: {text}", "x", one("same")).key for text in ("Paris", "Rome")
    )
    assert one_ != other


@pytest.mark.parametrize(
    ("seen", "said", "score"),
    [
        pytest.param(["same"], "same", 1, id="seen to pass"),
        pytest.param(["same"], "subset", None, id="never seen"),
        pytest.param(["subset"], "same", 1, id="named by a failure"),
        pytest.param(["subset"], "irrelevant", 0, id="not among those a failure names"),
    ],
)
def test_a_relation_passes_as_far_as_the_grades_show(
    tmp_path: Path, seen: list[str], said: str, score: float | None
) -> None:
    grades = [judged(tmp_path, REFERENCE, "x", one(word)) for word in seen]
    assert grades[0].scored(said, Passing.seen(grades)) == score


def test_a_grader_has_the_kind_that_one_of_its_grades_tells(tmp_path: Path) -> None:
    found = judged(tmp_path, REFERENCE, "x", one("same"))
    blank = replace(found, kind=None, said=None, score=None)
    assert kinds_of([blank, found]) == {("t", "reference"): "reference"}


def test_an_answer_without_text_has_an_empty_one(tmp_path: Path) -> None:
    silent = answer(stop_reason="refusal")
    assert judged(tmp_path, "rubric: A.", silent, rubric("not_met")).answer == ""
