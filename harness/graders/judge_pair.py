"""The grader `pairwise`: the answer beside another candidate's or a given one, in both orders.

Judges favour a place. So both orders are asked, and a verdict that turns with the order is a tie.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness.errors import AnswerMissingError, GraderError
from harness.graders.judge_asking import (
    CRITERIA_MARK,
    DEFAULT_JUDGE,
    Judge,
    NoVerdictError,
    judge_named,
    opinion_schema,
)
from harness.graders.judge_material import ending, question
from harness.graders.registry import GraderContext, grader, suggest
from harness.graders.values import Text
from harness.records import Answer, Conversation, Grade, Grader, Missing, Request, Steps

FIRST, SECOND, TIE = "first", "second", "tie"
VERDICTS = (FIRST, SECOND, TIE)
SCORES = {"win": 1.0, "tie": 0.5, "loss": 0.0}
DEFAULT_CRITERIA = Text(
    "Helps the one who asked: correct, does what was asked, clear, no longer than need be."
)


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two answers: its text, and what is to know of it."""

    text: str
    answer: Answer | None = None

    def note(self, what: str) -> str:
        return ending(self.answer, what) if self.answer else ""


@dataclass(frozen=True, slots=True)
class _Pair:
    """A judge who compares with `name`; `ties` pass or do not."""

    judge: Judge
    criteria: str
    name: str
    ties: bool

    def request(self, asked: str, first: _Side, second: _Side) -> Request:
        texts = {"question": asked, "first": first.text, "second": second.text}
        notes = [first.note("The first answer"), second.note("The second answer")]
        shared = {"criteria": self.criteria}
        return self.judge.request(
            opinion_schema(VERDICTS), shared, texts, " ".join(filter(None, notes))
        )

    def steps(self, conversation: Conversation, other: _Side) -> Steps[Grade]:
        own = _Side(conversation.text, conversation.answer)
        if own.text.strip() == other.text.strip():
            # Without a `judge`: none was asked, so that there is no verdict to calibrate.
            reason = f"tie with {self.name}: the same text, so that no judge was asked"
            return Grade(self.ties, SCORES["tie"], reason)
        asked = question(conversation)
        replies = yield (self.request(asked, own, other), self.request(asked, other, own))
        try:
            parts = self.parts(replies)
        except NoVerdictError as error:
            return Grade(None, reason=str(error), judge=self.judge.told)
        return self.together(parts)

    def parts(self, replies: Sequence[Answer | Missing]) -> tuple[Grade, Grade]:
        """What each order came to, for the candidate."""
        shown_first, shown_second = (
            self.judge.opinion(self.judge.hear(reply), VERDICTS) for reply in replies
        )
        one = {FIRST: "win", SECOND: "loss", TIE: "tie"}[shown_first.verdict]
        two = {FIRST: "loss", SECOND: "win", TIE: "tie"}[shown_second.verdict]
        return (
            self.grade(one, f"{one}: {shown_first.reasoning}", name="shown first"),
            self.grade(two, f"{two}: {shown_second.reasoning}", name="shown second"),
        )

    def together(self, parts: tuple[Grade, Grade]) -> Grade:
        one, two = (part.reason.partition(":")[0] for part in parts)
        if one != two:
            reason = f"tie with {self.name}: {one} when shown first, {two} when shown second"
            return self.grade("tie", reason, parts=parts)
        why = parts[0].reason.partition(": ")[2]
        return self.grade(one, f"{one} against {self.name} in both orders: {why}", parts=parts)

    def grade(self, result: str, reason: str, **fields: Any) -> Grade:
        passed = result == "win" or (result == "tie" and self.ties)
        return Grade(passed, SCORES[result], reason, judge=self.judge.told, **fields)


@grader("pairwise", main_is_mapping=True)
def pairwise(  # noqa: PLR0913 (its parameters are the grader's options)
    against: Text | dict[str, Any],
    *,
    criteria: Text = DEFAULT_CRITERIA,
    judge: str = DEFAULT_JUDGE,
    params: dict[str, Any] | None = None,
    ties: Literal["pass", "fail"] = "pass",
    prompt: str | None = None,
    context: GraderContext,
) -> Grader:
    """Pass when a model finds the answer better than another candidate's, or than `{text: …}`.

    It is asked in both orders; where they disagree, or find none better, it is a tie: score 0.5,
    and passed unless `ties: fail`. It does not apply to that other candidate itself.
    """
    asking = judge_named(judge, params, prompt, context, "pairwise.j2")
    given = _given(against, context)
    if not criteria.strip():
        raise GraderError("`criteria` are empty; say what makes an answer better")
    name = "the given answer" if given is not None else str(against)
    pair = _Pair(asking, criteria.strip(), name, ties == "pass")
    # A prompt of one's own may say itself what is better, unless criteria are given to it.
    told = () if criteria == DEFAULT_CRITERIA else (CRITERIA_MARK,)
    shared = {"criteria": CRITERIA_MARK}
    asking.prove(opinion_schema(VERDICTS), shared, (FIRST, SECOND), told)

    def grade(conversation: Conversation) -> Steps[Grade]:
        if given is not None:
            return (yield from pair.steps(conversation, _Side(given)))
        if conversation.rival is None:
            return Grade(None, reason=f"{name} cannot be asked here", judge=asking.told)
        try:
            rival = yield from conversation.rival(name)
        except AnswerMissingError as error:
            return Grade(None, reason=f"{name} gave no answer: {error}", judge=asking.told)
        # The same call, and not an equal one: two candidates may be asked the same.
        if rival.calls[-1] is conversation.calls[-1]:
            return Grade(True, weight=0.0, reason=f"this is {name} itself: nothing to compare")
        return (yield from pair.steps(conversation, _Side(rival.text, rival.answer)))

    return grade


def _given(against: str | Mapping[str, Any], context: GraderContext) -> str | None:
    """The text to compare with, `None` where another candidate is named; raises GraderError."""
    if isinstance(against, str):
        known = context.judging.candidates if context.judging else ()
        if against not in known:
            near = suggest(against, known)
            way = _way_on(against, known, context)
            raise GraderError(f"no candidate is called {against!r}{near}{way}")
        return None
    text = against.get("text")
    if set(against) != {"text"} or not isinstance(text, str) or not text.strip():
        raise GraderError("`against` is a candidate's name, or `{text: …}` with a text")
    return text


def _way_on(name: str, known: Sequence[str], context: GraderContext) -> str:
    """How to make a model a candidate, where `name` is one; empty where it is none."""
    try:
        if context.judging is not None:
            context.judging.judge_id(name)
    except GraderError:
        return ""
    every = ",".join([name, *known])
    return f"; it must be among `models`, and among `--models` where given: --models {every}"
