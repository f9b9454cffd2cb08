"""The grader `panel`: several judges of the same criteria, asked at once; majority or mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from harness.errors import GraderError
from harness.graders.judge import Rubric, criteria_of, share
from harness.graders.judge_asking import judge_named
from harness.graders.registry import GraderContext, grader
from harness.graders.show import joined, ratio
from harness.graders.values import Text
from harness.records import Conversation, Grade, Grader, Steps

DEFAULT_MIN = 0.5


@grader("panel")
def panel(  # noqa: PLR0913 (its parameters are the grader's options)
    judges: list[Text],
    *,
    criteria: Text | list[Text],
    rule: Literal["majority", "mean"] = "majority",
    min: float | None = None,  # noqa: A002 (the option's name)
    params: dict[str, Any] | None = None,
    prompt: str | None = None,
    context: GraderContext,
) -> Grader:
    """Pass when more than half of several models find all criteria met (`rule: majority`).

    With `rule: mean` it passes where the mean of their scores is at least `min` (0.5). A model may
    be listed twice, and is then asked twice.
    """
    if len(judges) < 2:
        raise GraderError("a panel has two judges or more; for one write `rubric: …`")
    if rule == "majority" and min is not None:
        raise GraderError("`min` is for `rule: mean`; with `majority` more than half decide")
    wanted, least = criteria_of(criteria), share("min", DEFAULT_MIN if min is None else min)
    asking = [judge_named(name, params, prompt, context, "rubric.j2") for name in judges]
    rubrics = [Rubric(judge, wanted, 1.0) for judge in asking]

    def grade(conversation: Conversation) -> Steps[Grade]:
        replies = yield [one.request(conversation) for one in rubrics]
        pairs = zip(rubrics, replies, strict=True)
        parts = tuple(replace(one.grade(reply), name=one.judge.name) for one, reply in pairs)
        decided = _majority(parts) if rule == "majority" else _mean(parts, least)
        told = joined(dict.fromkeys(part.judge for part in parts))
        return replace(decided, parts=parts, judge=told)

    return grade


def _majority(parts: Sequence[Grade]) -> Grade:
    """More than half pass; broken where a judge who did not say could have turned it."""
    passes = sum(part.passed is True for part in parts)
    broken = sum(part.broken for part in parts)
    reason = f"{passes} of {len(parts)} judges passed it{_agreement(parts)}"
    if 2 * passes <= len(parts) < 2 * (passes + broken):
        return Grade(None, reason=f"undecided: {reason}")
    return Grade(2 * passes > len(parts), passes / (len(parts) - broken), reason)


def _mean(parts: Sequence[Grade], least: float) -> Grade:
    scores = [part.score for part in parts if part.score is not None]
    if len(scores) < len(parts):
        return Grade(None, reason=f"no mean without every score{_agreement(parts)}")
    mean = sum(scores) / len(scores)
    reason = f"mean score {ratio(mean)}, at least {least:g} wanted{_agreement(parts)}"
    return Grade(mean >= least - 1e-9, mean, reason)


def _agreement(parts: Sequence[Grade]) -> str:
    """How many judges agree, and what each said."""
    told = [part.passed for part in parts if part.passed is not None]
    most = max(told.count(True), told.count(False))
    words = {True: "passed", False: "failed", None: "broken"}
    each = joined(f"{part.name} {words[part.passed]} ({part.reason})" for part in parts)
    return f", {most} of {len(parts)} agree: {each}"
