"""Graders of what the API says about the last answer: why it ended, whether it is a refusal."""

from __future__ import annotations

import difflib

from harness.errors import GraderError
from harness.graders.registry import grader
from harness.records import Conversation, Grade, Grader

# Claude API reference, Messages, 2026-08-22. A reason that came later is no error.
STOP_REASONS = (
    "end_turn",
    "max_tokens",
    "stop_sequence",
    "tool_use",
    "pause_turn",
    "refusal",
    "model_context_window_exceeded",
)


@grader("stop_reason")
def stop_reason(reasons: str | list[str]) -> Grader:
    """Pass when the last answer ended for this reason, or for one of these."""
    wanted = [reasons] if isinstance(reasons, str) else reasons
    for reason in wanted:
        _check_spelling(reason)
    words = f"{'one of ' * (len(wanted) > 1)}{', '.join(wanted)}"

    def grade(conversation: Conversation) -> Grade:
        got = conversation.answer.stop_reason
        return Grade(got in wanted, reason=f"expected {words}, got {got or 'no stop reason'}")

    return grade


@grader("refusal")
def refusal(expected: bool) -> Grader:
    """Pass when the API says that the model declined (or, for `false`, that it did not)."""

    def grade(conversation: Conversation) -> Grade:
        answer = conversation.answer
        wanted = "a refusal" if expected else "no refusal"
        reason = f"expected {wanted}, got stop reason {answer.stop_reason or 'none'}"
        return Grade(answer.refused == expected, reason=reason)

    return grade


def _check_spelling(reason: str) -> None:
    near = difflib.get_close_matches(reason, STOP_REASONS, n=1, cutoff=0.75)
    if near and reason not in STOP_REASONS:
        raise GraderError(f"there is no stop reason {reason!r}; did you mean `{near[0]}`?")
