"""Graders of what a conversation took: tokens, dollars and seconds over all its calls."""

from __future__ import annotations

from decimal import Decimal
from math import fsum

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


@grader("max_latency_s")
def max_latency_s(limit: float) -> Grader:
    """Pass when the answers together took at most this many seconds, each by its last attempt.

    Where this run did not wait for an answer live (a batch, or the store, gave it), the limit does
    not apply: the grade is passed, and has weight 0.
    """
    _check(limit)

    def grade(conversation: Conversation) -> Grade:
        answers = [call.answer for call in conversation.calls]
        known = [a.latency_s for a in answers if a.latency_s is not None and not a.reused]
        if len(known) < len(answers):
            came = "a batch" if any(a.mode == "batch" for a in answers) else "an earlier request"
            reason = f"not applicable: an answer came from {came}, at most {limit:g} s wanted"
            return Grade(True, reason=reason, weight=0.0)
        return Grade(fsum(known) <= limit, reason=f"{fsum(known):.3f} s, at most {limit:g} wanted")

    return grade


def _check(limit: float | Decimal) -> None:
    if limit < 0:
        raise GraderError(f"`limit` must not be negative, but is {limit}")
