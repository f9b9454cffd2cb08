"""Graders of what a conversation took: tokens and dollars over all its calls."""

from __future__ import annotations

from decimal import Decimal

from harness.errors import GraderError
from harness.graders.registry import grader
from harness.records import Bill, Conversation, Grade, Grader


@grader("max_output_tokens")
def max_output_tokens(limit: int) -> Grader:
    """Pass when all answers together have at most this many output tokens, thinking included."""
    _check(limit)

    def grade(conversation: Conversation) -> Grade:
        count = conversation.usage.output_tokens
        if count is None:
            return Grade(None, reason="the API did not say how many output tokens an answer has")
        return Grade(count <= limit, reason=f"{count} output tokens, at most {limit} wanted")

    return grade


@grader("max_cost_usd")
def max_cost_usd(limit: Decimal) -> Grader:
    """Pass when the answers together cost at most this many dollars, as they were billed."""
    _check(limit)

    def grade(conversation: Conversation) -> Grade:
        total = sum((call.bill for call in conversation.calls), Bill()).total
        if total is None:
            return Grade(None, reason="the price of an answer is unknown")
        return Grade(total <= limit, reason=f"${total:f}, at most ${limit:f} wanted")

    return grade


def _check(limit: int | Decimal) -> None:
    if limit < 0:
        raise GraderError(f"`limit` must not be negative, but is {limit}")
