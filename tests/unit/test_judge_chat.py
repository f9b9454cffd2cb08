"""Judges in evals written in Python: `chat.judge`."""

from __future__ import annotations

from pathlib import Path

import pytest
from eval_making import loaded, of_body
from judge_making import rubric
from suite_making import driven, trial_of

from harness.records import Missing, Outcome, Result

ASK = "yield chat.ask('x')\n"


def run(folder: Path, body: str, *replies: str | Missing) -> Result:
    return driven(trial_of(loaded(of_body(folder, body))), replies)[0]


def test_a_verdict_can_be_asserted_on(tmp_path: Path) -> None:
    body = ASK + "verdict = yield chat.judge('Is kind.', judge='opus')\nassert verdict.passed"
    result = run(tmp_path, body, "hi", rubric("met"))
    assert result.outcome is Outcome.PASSED
    assert [call.answer.model is not None for call in result.calls_for("judge")] == [True]


def test_a_verdict_tells_of_each_criterion(tmp_path: Path) -> None:
    body = ASK + (
        "v = yield chat.judge(criteria=['a', 'b'], min=0.5)\n"
        "assert (v.passed, v.score) == (True, 0.5), v.reason\n"
        "assert [(c.criterion, c.passed) for c in v.criteria] == [('a', True), ('b', False)]"
    )
    assert run(tmp_path, body, "hi", rubric("met", "not_met")).outcome is Outcome.PASSED


def test_a_verdict_that_fails_is_shown_in_the_failure(tmp_path: Path) -> None:
    result = run(tmp_path, ASK + "v = yield chat.judge('x')\nassert v", "hi", rubric("not_met"))
    assert result.outcome is Outcome.FAILED
    assert "not met: because" in result.reason


def test_the_conversation_goes_on_after_a_verdict(tmp_path: Path) -> None:
    body = ASK + "yield chat.judge('x')\nreply = yield chat.ask('y')\nassert reply.text == 'ho'"
    assert run(tmp_path, body, "hi", rubric("met"), "ho").outcome is Outcome.PASSED


@pytest.mark.parametrize(
    "reply", [rubric("cannot_tell"), "nonsense", Missing("api_error", "no")],
    ids=["cannot tell", "nonsense", "missing"],
)  # fmt: skip
def test_a_judge_that_cannot_say_leaves_the_eval_ungraded(
    tmp_path: Path, reply: str | Missing
) -> None:
    result = run(tmp_path, ASK + "v = yield chat.judge('x')\nassert v.passed", "hi", reply)
    assert result.outcome is Outcome.UNGRADED
    assert "the eval broke: JudgeError: judge sonnet " in result.reason


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("yield chat.judge('x')\nassert 1", "nothing is answered yet"),
        (ASK + "yield chat.judge('x', judge='nobody')\nassert 1", "'nobody' names no model"),
        (ASK + "yield chat.judge('')\nassert 1", "a criterion is empty"),
        (ASK + "yield chat.judge('x', min=2)\nassert 1", "`min` must be above 0"),
        (ASK + "yield chat.judge('Is {{ kind }}.')\nassert 1", "write an f-string"),
        (ASK + "yield chat.judge(['x', '{% if %}'])\nassert 1", "write an f-string"),
        (ASK + "assert chat.judge('x').passed", "nothing was asked here; write `yield chat.judge("),
        (ASK + "assert chat.judge('x')", "nothing was asked here; write `yield chat.judge("),
        ("assert chat.ask('x').text\nyield", "nothing was asked here; write `yield chat.ask("),
    ],
    ids=[
        *("too early", "unknown judge", "no criterion", "min", "template", "one template"),
        *("no yield", "no yield and no verdict", "no yield of a question"),
    ],
)
def test_a_chat_that_is_misused_leaves_the_eval_ungraded_and_names_the_line(
    tmp_path: Path, body: str, told: str
) -> None:
    result = run(tmp_path, body, *(["hi"] if ASK in body else []))
    line = next(
        n for n, text in enumerate(body.splitlines(), 5) if "judge" in text or "tex" in text
    )
    assert result.outcome is Outcome.UNGRADED
    assert f"the eval is wrong: test_evals.py:{line}: " in result.reason
    assert told in result.reason


def test_an_option_that_a_judge_does_not_have_is_told_with_its_line(tmp_path: Path) -> None:
    result = run(tmp_path, ASK + "yield chat.judge('x', modle='opus')\nassert 1", "hi")
    assert "test_evals.py:6: yield chat.judge('x', modle='opus')" in result.reason
    assert "'modle'" in result.reason


def test_a_question_not_yet_asked_lacks_other_attributes_like_any_object(tmp_path: Path) -> None:
    body = ASK + "v = yield chat.judge('x')\nassert not hasattr(chat.ask('y'), 'shape')"
    assert run(tmp_path, body, "hi", rubric("met")).outcome is Outcome.PASSED
