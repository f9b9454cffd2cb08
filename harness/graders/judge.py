"""Graders that ask one model: `rubric` by criteria, `reference` against an expected answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness.errors import GraderError
from harness.graders.judge_asking import (
    CRITERIA_MARK,
    DEFAULT_JUDGE,
    Judge,
    NoVerdictError,
    Schema,
    judge_named,
    object_schema,
    opinion_schema,
)
from harness.graders.judge_material import ending, question
from harness.graders.registry import GraderContext, grader
from harness.graders.show import as_json, counted, joined, one_line, shown
from harness.graders.values import Text
from harness.records import Answer, Conversation, Grade, Grader, Missing, Request, Steps

MET, NOT_MET = "met", "not_met"
MAX_CRITERIA = 30
CRITERION_SHOWN = 80
Relation = Literal["same", "subset", "superset", "contradicts", "irrelevant"]
RELATIONS = ("same", "subset", "superset", "contradicts", "irrelevant")


@dataclass(frozen=True, slots=True)
class Rubric:
    """One judge with criteria, all graded in one call; `min` is the share that must be met."""

    judge: Judge
    criteria: tuple[str, ...]
    min: float

    def __post_init__(self) -> None:
        marks = [f"{CRITERIA_MARK}-{number}-" for number, _ in enumerate(self.criteria, 1)]
        self.judge.prove(self.schema, {"criteria": marks}, ("answer",), marks)

    @property
    def schema(self) -> Schema:
        """An opinion for each criterion, by its number."""
        opinion = opinion_schema((MET, NOT_MET))
        return object_schema(dict.fromkeys(_keys(self.criteria), opinion))

    @property
    def _shared(self) -> dict[str, Any]:
        return {"criteria": list(self.criteria)}

    def request(self, conversation: Conversation) -> Request:
        """The question to the judge about the last answer."""
        texts = {"question": question(conversation), "answer": conversation.text}
        notes = ending(conversation.answer)
        return self.judge.request(self.schema, self._shared, texts, notes)

    def grade(self, reply: Answer | Missing) -> Grade:
        """The grade for what the judge answered; broken where a verdict is missing."""
        try:
            parts = self._parts(self.judge.hear(reply))
        except NoVerdictError as error:
            return Grade(None, reason=str(error), judge=self.judge.told)
        met = sum(part.passed is True for part in parts)
        # Half a criterion's tolerance would be too much; a rounding error of the share is not.
        passed = met >= self.min * len(parts) - 1e-9
        reason = _reason(parts, met)
        return Grade(passed, met / len(parts), reason, parts=parts, judge=self.judge.told)

    def _parts(self, value: Any) -> tuple[Grade, ...]:
        keys = _keys(self.criteria)
        if not isinstance(value, dict) or set(value) != set(keys):
            raise self.judge.silent(f"gave no verdict for each criterion: {as_json(value)}")
        pairs = zip(keys, self.criteria, strict=True)
        return tuple(self._part(value[key], criterion) for key, criterion in pairs)

    def _part(self, value: Any, criterion: str) -> Grade:
        about = f" on {shown(criterion)}" if len(self.criteria) > 1 else ""
        opinion = self.judge.opinion(value, (MET, NOT_MET), about)
        name = one_line(criterion, limit=CRITERION_SHOWN)
        return Grade(opinion.verdict == MET, reason=opinion.reasoning, name=name)


def criteria_of(criteria: str | Sequence[str]) -> tuple[str, ...]:
    """The criteria as texts; raises GraderError where there is none, an empty one, or too many."""
    texts = [criteria] if isinstance(criteria, str) else criteria
    found = tuple(text.strip() for text in texts)
    if not all(found):
        raise GraderError("a criterion is empty; say what the answer must do")
    if not 0 < len(found) <= MAX_CRITERIA:
        raise GraderError(f"`criteria` are 1 to {MAX_CRITERIA}, not {len(found)}")
    return found


def share(name: str, value: float) -> float:
    """The value; raises GraderError where it is no share above 0 and up to 1."""
    if not 0 < value <= 1:
        raise GraderError(f"`{name}` must be above 0 and at most 1, not {value:g}")
    return value


@grader("rubric")
def rubric(
    criteria: Text | list[Text],
    *,
    judge: str = DEFAULT_JUDGE,
    params: dict[str, Any] | None = None,
    min: float = 1.0,  # noqa: A002 (the option's name)
    prompt: str | None = None,
    context: GraderContext,
) -> Grader:
    """Pass when a model finds the criteria met: all, or the share `min`, which is the score.

    A list is graded in one call with a verdict for each; one that cannot be told breaks the grade.
    """
    asking = judge_named(judge, params, prompt, context, "rubric.j2")
    one = Rubric(asking, criteria_of(criteria), share("min", min))

    def grade(conversation: Conversation) -> Steps[Grade]:
        (reply,) = yield (one.request(conversation),)
        return one.grade(reply)

    return grade


@grader("reference")
def reference(
    expected: Text,
    *,
    judge: str = DEFAULT_JUDGE,
    params: dict[str, Any] | None = None,
    accept: Relation | list[Relation] = "same",
    prompt: str | None = None,
    context: GraderContext,
) -> Grader:
    """Pass when a model finds that the answer says what `expected` says.

    `accept` lists the relations that pass, of `same`, `subset`, `superset`, `contradicts` and
    `irrelevant`.
    """
    if not expected.strip():
        raise GraderError("`expected` is empty; write the right answer")
    accepted = (accept,) if isinstance(accept, str) else tuple(accept)
    asking = judge_named(judge, params, prompt, context, "reference.j2")
    schema = opinion_schema(RELATIONS)
    asking.prove(schema, {}, ("answer", "reference"))

    def grade(conversation: Conversation) -> Steps[Grade]:
        texts = {"question": question(conversation), "reference": expected}
        texts["answer"] = conversation.text
        (reply,) = yield (asking.request(schema, {}, texts, ending(conversation.answer)),)
        return _related(asking, reply, accepted)

    return grade


def _related(asking: Judge, reply: Answer | Missing, accepted: Sequence[str]) -> Grade:
    try:
        opinion = asking.opinion(asking.hear(reply), RELATIONS)
    except NoVerdictError as error:
        return Grade(None, reason=str(error), judge=asking.told)
    passed = opinion.verdict in accepted
    wanted = "" if passed else f", wanted {' or '.join(accepted)}"
    reason = f"{opinion.verdict}{wanted}: {opinion.reasoning}"
    return Grade(passed, reason=reason, judge=asking.told)


def _keys(criteria: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"criterion_{number}" for number in range(1, len(criteria) + 1))


def _reason(parts: Sequence[Grade], met: int) -> str:
    if len(parts) == 1:
        return f"{'met' if met else 'not met'}: {parts[0].reason}"
    missed = joined(f"{shown(part.name)} ({part.reason})" for part in parts if not part.passed)
    told = f"{met} of {counted(len(parts), 'criterion').replace('criterions', 'criteria')} met"
    return f"{told}; not met: {missed}" if missed else told
