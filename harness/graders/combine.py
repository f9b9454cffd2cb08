"""Graders made of graders: `not`, `all`, `any`. A part that broke never counts as a verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from harness.graders.items import arguments
from harness.graders.registry import GraderArguments, GraderContext, build, grader
from harness.graders.show import joined
from harness.graders.values import Item
from harness.records import Conversation, Grade, Grader, Steps
from harness.steps import side_by_side

Decide = Callable[[tuple[Grade, ...]], Grade]


@grader("not", main_is_mapping=True)
def negation(grader: Item, *, context: GraderContext) -> Grader:
    """Pass when the grader fails; broken when it is broken. The score is 1 less its score."""
    return _combined([grader], _not, context)


@grader("all")
def conjunction(graders: list[Item], *, context: GraderContext) -> Grader:
    """Pass when all pass; failed when one fails, else broken when one is broken. Lowest score."""
    return _combined(graders, _all, context)


@grader("any")
def disjunction(graders: list[Item], *, context: GraderContext) -> Grader:
    """Pass when one passes; else broken when one is broken, else failed. Highest score."""
    return _combined(graders, _any, context)


def outcome(value: Grade | Steps[Grade]) -> Steps[Grade]:
    """What a grader returned, as steps to `yield from`: a grade asks nothing."""
    if isinstance(value, Grade):
        return value
    return (yield from value)


def _combined(items: Sequence[Any], decide: Decide, context: GraderContext) -> Grader:
    parts = [arguments(item, rendered=True) for item in items]
    graders = [build(part, context) for part in parts]

    def grade(conversation: Conversation) -> Grade | Steps[Grade]:
        values = [part(conversation) for part in graders]
        grades = [value for value in values if isinstance(value, Grade)]
        if len(grades) == len(values):
            return _decided(parts, grades, decide)
        return _asked(parts, values, decide)

    return grade


def _asked(
    parts: Sequence[GraderArguments], values: Sequence[Grade | Steps[Grade]], decide: Decide
) -> Steps[Grade]:
    grades = yield from side_by_side([outcome(value) for value in values])
    return _decided(parts, grades, decide)


def _decided(parts: Sequence[GraderArguments], grades: Sequence[Grade], decide: Decide) -> Grade:
    """The decision of the parts that apply; one that does not has said so by a weight of 0."""
    named = _named(parts, grades)
    applying = tuple(one for one, said in zip(named, grades, strict=True) if said.weight)
    if applying:
        return decide(applying)
    return Grade(True, reason=f"not applicable: {_reasons(named)}", weight=0.0, parts=named)


def _named(parts: Sequence[GraderArguments], grades: Sequence[Grade]) -> tuple[Grade, ...]:
    pairs = zip(parts, grades, strict=True)
    return tuple(replace(grade, name=part.name, weight=part.weight) for part, grade in pairs)


def _not(parts: tuple[Grade, ...]) -> Grade:
    (part,) = parts
    if part.passed is None:
        return Grade(None, reason=f"broken: {_reasons(parts)}", parts=parts)
    verb = "passed, and should not" if part.passed else "failed, as it should"
    score = None if part.score is None else 1 - part.score
    reason = f"`{part.name}` {verb}: {part.reason}"
    return Grade(not part.passed, score, reason, parts=parts)


def _all(parts: tuple[Grade, ...]) -> Grade:
    failed, broken, passed = _sorted(parts)
    score = min((part.score for part in parts if part.score is not None), default=None)
    if failed:
        return Grade(False, score, f"failed: {_reasons(failed)}", parts=parts)
    if broken:
        return Grade(None, reason=f"broken: {_reasons(broken)}", parts=parts)
    return Grade(True, score, f"all passed: {_reasons(passed)}", parts=parts)


def _any(parts: tuple[Grade, ...]) -> Grade:
    failed, broken, passed = _sorted(parts)
    score = max((part.score for part in parts if part.score is not None), default=None)
    if passed:
        return Grade(True, score, f"passed: {_reasons(passed)}", parts=parts)
    if broken:
        return Grade(None, reason=f"broken: {_reasons(broken)}", parts=parts)
    return Grade(False, score, f"none passed: {_reasons(failed)}", parts=parts)


def _sorted(parts: tuple[Grade, ...]) -> tuple[list[Grade], list[Grade], list[Grade]]:
    failed = [part for part in parts if part.passed is False]
    broken = [part for part in parts if part.passed is None]
    return failed, broken, [part for part in parts if part.passed]


def _reasons(parts: Sequence[Grade]) -> str:
    return joined(f"`{part.name}` ({part.reason})" for part in parts)
