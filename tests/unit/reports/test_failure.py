"""What a failed or missing trial says in a test report."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from harness.records import (
    Answer,
    Bill,
    Call,
    Grade,
    Missing,
    Outcome,
    Request,
    Result,
    TrialId,
    Usage,
)  # fmt: skip
from reports.failure import decisive, failure_text

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def call(text: str, *said: Any) -> Call:
    messages = [{"role": role, "content": content} for role, content in said]
    request = Request({"model": "m-1", "messages": messages}, "2026-10-21")
    content = ({"type": "text", "text": text},) if text else ()
    return Call(request, Answer(content, "m-1", "end_turn", Usage(1, 1), NOON), Bill())


FAILED = Result(
    TrialId("s", "c", "haiku"),
    Outcome.FAILED,
    0.0,
    grades=(Grade(False, reason="expected 'a', got 'b'", name="equals"),),
    calls=(call("b", ("user", "Say a.")),),
    reason="equals: expected 'a', got 'b'",
)


def told(result: Result) -> list[str]:
    return failure_text(result, "suites/s.yaml:7", "run-1").splitlines()


def test_a_failed_trial_is_told_from_its_reason_to_its_transcript() -> None:
    assert told(FAILED) == [
        "equals: expected 'a', got 'b'",
        "suites/s.yaml:7: s/c[haiku-r1] failed",
        "prompt:",
        "  Say a.",
        "answer (m-1, stop_reason end_turn):",
        "  b",
        "graders:",
        "  ✗ equals: expected 'a', got 'b'",
        "whole transcript: harness show run-1 's/c[haiku-r1]'",
    ]


def test_the_last_of_several_prompts_is_shown() -> None:
    last = call(
        "b", ("user", "one"), ("assistant", "x"), ("user", [{"type": "text", "text": "two"}])
    )
    lines = told(replace(FAILED, calls=(call("x", ("user", "one")), last)))
    assert lines[2:4] == ["prompt (the last of 2):", "  two"]


def test_of_an_earlier_turn_that_failed_prompt_and_answer_are_shown() -> None:
    result = [{"type": "tool_result", "tool_use_id": "t", "content": "42"}]
    one, two = ("user", "one"), ("user", "two")
    calls = (
        call("calling", one),
        call("x", one, ("assistant", "calling"), ("user", result)),
        call("y", one, ("user", result), ("assistant", "x"), two),
    )
    grades = (Grade(True, turn=1), Grade(False, name="equals", turn=1), Grade(False, turn=2))
    lines = told(replace(FAILED, calls=calls, grades=grades))
    assert lines[2:6] == [
        "prompt (turn 1):",
        "  one",
        "answer (turn 1, m-1, stop_reason end_turn):",
        "  x",
    ]


def test_a_grade_that_broke_decides_before_one_that_failed() -> None:
    calls = (call("x", ("user", "one")), call("y", ("user", "one"), ("user", "two")))
    grades = (Grade(False, turn=1), Grade(None, turn=2))
    turn, decided = decisive(replace(FAILED, calls=calls, grades=grades))
    assert (turn, decided) == (2, calls[1])


def test_a_grade_that_does_not_count_decides_nothing() -> None:
    grades = (Grade(False, turn=1, weight=0.0), Grade(False))
    assert decisive(replace(FAILED, grades=grades)) == (None, FAILED.calls[0])


def test_a_tools_result_is_no_prompt() -> None:
    result = [{"type": "tool_result", "tool_use_id": "t", "content": "42"}]
    lines = told(replace(FAILED, calls=(call("b", ("user", "one"), ("user", result)),)))
    assert lines[2:4] == ["prompt:", "  one"]


def test_a_block_that_is_no_text_is_shown_in_short() -> None:
    image = {"type": "image", "source": {"type": "base64", "data": "A" * 9000}}
    (line,) = [
        line
        for line in told(replace(FAILED, calls=(call("b", ("user", [image])),)))
        if "AAA" in line
    ]
    assert len(line) < 250


def test_a_missing_trial_says_why_and_what_was_asked() -> None:
    missing = Missing("overloaded_error", "529 overloaded (after 6 attempts)")
    asked = ({"role": "user", "content": "Say a."},)
    result = replace(
        FAILED, outcome=Outcome.ERRORED, missing=missing, calls=(), grades=(), messages=asked,
        reason=missing.reason,
    )  # fmt: skip
    assert told(result)[:5] == [
        "529 overloaded (after 6 attempts)",
        "suites/s.yaml:7: s/c[haiku-r1] errored",
        "  overloaded_error: 529 overloaded (after 6 attempts)",
        "prompt:",
        "  Say a.",
    ]


def test_an_answer_without_text_says_so() -> None:
    assert "  (no text)" in told(replace(FAILED, calls=(call("", ("user", "x")),)))


def test_of_a_long_answer_the_end_is_shown() -> None:
    lines = told(replace(FAILED, calls=(call("begin " + "x" * 9000 + " end", ("user", "x")),)))
    assert re.fullmatch(r"  …x+ end", lines[5])


def test_every_part_of_a_grade_and_its_turn_are_shown() -> None:
    part = Grade(None, reason="it broke\non two lines", name="python")
    grade = Grade(False, reason="1 of 2", name="all", turn=2, parts=(Grade(True, name="a"), part))
    lines = told(replace(FAILED, grades=(grade,)))
    assert lines[-6:-1] == [
        "graders:",
        "  ✗ all (turn 2): 1 of 2",
        "    ✓ a: ",
        "    ? python: it broke",
        "      on two lines",
    ]


@pytest.mark.parametrize("evil", ["\x1b[2J", "\u202e", "\x00"], ids=["escape", "bidi", "nul"])
def test_what_could_rewrite_the_terminal_is_made_visible(evil: str) -> None:
    result = replace(
        FAILED,
        reason=evil,
        grades=(Grade(False, reason=evil, name=evil),),
        calls=(call(evil, ("user", evil)),),
        missing=Missing(evil, evil),
    )
    assert evil not in failure_text(result, "p", "run-1")
