"""Graders of what the API says about an answer, and of what a conversation took."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from harness.errors import GraderError
from harness.graders import GraderContext, arguments, build
from harness.records import Conversation, Grade


@pytest.fixture
def timed(made, tmp_path):
    """`timed(item, *facts)`: the grade of a conversation whose answers have these facts."""

    def apply(item: Any, *facts: dict[str, Any]) -> Grade:
        calls = tuple(
            replace(call, answer=replace(call.answer, **each))
            for call, each in zip(made(*("x" for _ in facts)).calls, facts, strict=True)
        )
        grade = build(arguments(item), GraderContext(tmp_path))(Conversation((), calls))
        assert isinstance(grade, Grade)
        return grade

    return apply


@pytest.mark.parametrize(
    ("item", "stop_reason", "passed", "reason"),
    [
        ({"stop_reason": "end_turn"}, "end_turn", True, "expected end_turn, got end_turn"),
        ({"stop_reason": "end_turn"}, "max_tokens", False, "expected end_turn, got max_tokens"),
        (
            {"stop_reason": ["end_turn", "stop_sequence"]},
            None,
            False,
            "expected one of end_turn, stop_sequence, got no stop reason",
        ),
        ({"stop_reason": "brand_new"}, "brand_new", True, None),
        ({"refusal": True}, "refusal", True, "expected a refusal, got stop reason refusal"),
        ({"refusal": True}, "end_turn", False, "expected a refusal, got stop reason end_turn"),
        ({"refusal": False}, "refusal", False, "expected no refusal, got stop reason refusal"),
        ("refusal", "refusal", True, None),
    ],
    ids=lambda v: str(v)[:40],
)
def test_why_the_last_answer_ended(graded, item, stop_reason, passed, reason):
    grade = graded(item, "x", stop_reason=stop_reason)
    assert grade.passed is passed
    assert reason is None or grade.reason == reason


def test_a_misspelt_stop_reason_is_an_error(graded):
    with pytest.raises(GraderError, match="did you mean `max_tokens`"):
        graded({"stop_reason": "max_token"}, "x")


@pytest.mark.parametrize(("limit", "passed"), [(20, True), (19, False)])
def test_output_tokens_are_counted_over_all_answers(graded, limit, passed):
    grade = graded({"max_output_tokens": limit}, "one", "two", output_tokens=10)
    assert grade.passed is passed
    assert grade.reason == f"20 output tokens, at most {limit} wanted"


@pytest.mark.parametrize(("limit", "passed"), [(0.02, True), ("0.0199", False)])
def test_dollars_are_summed_over_all_answers(graded, limit, passed):
    grade = graded({"max_cost_usd": limit}, "one", "two", cost=Decimal("0.01"))
    assert grade.passed is passed
    assert grade.reason == f"$0.02, at most ${limit} wanted"


@pytest.mark.parametrize(
    ("item", "facts"),
    [({"max_output_tokens": 5}, {"output_tokens": None}), ({"max_cost_usd": 5}, {"cost": None})],
    ids=["tokens", "dollars"],
)
def test_an_unknown_amount_is_broken_not_failed(graded, item, facts):
    assert graded(item, "x", **facts).passed is None


@pytest.mark.parametrize(("limit", "passed"), [(3.5, True), (3.4, False)])
def test_seconds_are_summed_over_all_answers(timed, limit, passed):
    grade = timed({"max_latency_s": limit}, {"latency_s": 1.25}, {"latency_s": 2.25})
    assert (grade.passed, grade.reason) == (passed, f"3.500 s, at most {limit} wanted")


@pytest.mark.parametrize(
    ("answer", "came"),
    [
        ({"latency_s": None, "mode": "batch"}, "a batch"),
        ({"latency_s": 9.0, "reused": True}, "an earlier request"),
    ],
    ids=["batch", "reused"],
)
def test_a_latency_that_this_run_did_not_wait_for_counts_for_nothing(timed, answer, came):
    grade = timed({"max_latency_s": 1}, {"latency_s": 0.5}, answer)
    reason = f"not applicable: an answer came from {came}, at most 1 s wanted"
    assert (grade.passed, grade.weight, grade.reason) == (True, 0, reason)


@pytest.mark.parametrize("item", [{"max_cost_usd": -1}, {"max_output_tokens": -1}], ids=str)
def test_a_negative_limit_is_an_error(graded, item):
    with pytest.raises(GraderError, match="must not be negative"):
        graded(item, "x")


def test_a_conversation_without_an_answer_is_a_broken_grade(graded):
    grade = graded({"contains": "x"})
    assert grade.passed is None
    assert grade.reason.startswith("`contains` broke: IndexError: ")
