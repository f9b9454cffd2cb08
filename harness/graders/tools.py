"""Graders of the tools that a model called: which, in what order, with what input.

A call is a `tool_use` or `server_tool_use` block of any answer of the conversation so far, in the
order in which they stand, whether or not it was answered.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from harness.errors import GraderError
from harness.graders.combine import conjunction, outcome
from harness.graders.jsontext import difference
from harness.graders.registry import GraderContext, grader
from harness.graders.schemas import schema_from
from harness.graders.show import MANY, as_json, counted, joined, one_line
from harness.graders.values import Item, Text
from harness.records import Conversation, Grade, Grader, Steps

CALLS = frozenset({"tool_use", "server_tool_use"})

Misfit = Callable[[Any], str | None]
"""Why an input is not the one that is wanted, or `None` where it is."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool; `index` is the place of its answer in the conversation's calls."""

    name: str
    input: Any
    index: int

    def __str__(self) -> str:
        return f"{self.name}({one_line(as_json(self.input), limit=120)})"


@dataclass(frozen=True, slots=True)
class Times:
    """How often a call may be made, both bounds included; `high` is `None` without an upper one."""

    low: int
    high: int | None

    def allows(self, count: int) -> bool:
        """`count` calls are neither too few nor too many."""
        return self.low <= count and (self.high is None or count <= self.high)

    def __str__(self) -> str:
        if self.low == self.high:
            return f"exactly {self.low}"
        at_least = f"at least {self.low}" if self.low else ""
        at_most = f"at most {self.high}" if self.high is not None else ""
        return " and ".join(filter(None, (at_least, at_most)))


@grader("tool_called")
def tool_called(
    name: Text,
    *,
    input: dict[str, Any] | None = None,  # noqa: A002 (the option's name)
    match: Literal["equal", "subset", "schema"] | None = None,
    times: int | dict[str, Any] | None = None,
    graders: list[Item] | None = None,
    context: GraderContext,
) -> Grader:
    """Pass when the tool is called, at least once or as often as `times` says.

    A call counts when its input is `input` (`match: equal`, the default), holds it (`subset`: the
    keys given, at every depth; lists as long as they are) or fits it as a schema (`schema`), and
    when every one of `graders` passes with the input's JSON as the answer's text.
    """
    wanted, bounds = _named(name), _times_of(times)
    misfit = _misfit_of(input, match, context)
    judge = conjunction(graders, context=context) if graders else None

    def grade(conversation: Conversation) -> Grade | Steps[Grade]:
        calls = tool_calls(conversation)
        own = [call for call in calls if call.name == wanted]
        odd = {at: why for at, call in enumerate(own) if (why := misfit(call.input))}
        fitting = [call for at, call in enumerate(own) if at not in odd]
        found = _Found(wanted, bounds, calls, own, list(odd.values()))
        if judge is None:
            return found.grade([Grade(True)] * len(fitting))
        return _judged(judge, conversation, fitting, found)

    return grade


@grader("tool_sequence")
def tool_sequence(names: list[Text], *, exact: bool = False) -> Grader:
    """Pass when these tools are called in this order, whatever is called before, between or after.

    With `exact`, these calls are made in this order and no other.
    """
    wanted = [_named(name) for name in names]

    def grade(conversation: Conversation) -> Grade:
        calls = tool_calls(conversation)
        got = [call.name for call in calls]
        if exact:
            passed, how = got == wanted, "exactly "
        else:
            left = iter(got)
            passed, how = all(name in left for name in wanted), ""
        reason = f"expected {how}{' → '.join(wanted)}; {_all_names(got)}"
        return Grade(passed, reason=reason)

    return grade


@grader("no_tool_called")
def no_tool_called(expected: bool) -> Grader:
    """Pass when the conversation has no call of any tool."""
    if not expected:
        raise GraderError("`false` wants a call of any tool; write `not: no_tool_called` for that")

    def grade(conversation: Conversation) -> Grade:
        calls = tool_calls(conversation)
        return Grade(not calls, reason=_instead(calls))

    return grade


def tool_calls(conversation: Conversation) -> list[ToolCall]:
    """Every call of a tool in the conversation, in order."""
    return [
        ToolCall(str(block["name"]), block.get("input", {}), index)
        for index, call in enumerate(conversation.calls)
        for block in call.answer.content
        if block.get("type") in CALLS
    ]


@dataclass(frozen=True, slots=True)
class _Found:
    """What was called, and what is wanted; it says the verdict once every fitting call is graded.

    `own` are all calls of the wanted tool, `odd` why some of them have another input.
    """

    name: str
    times: Times
    calls: Sequence[ToolCall]
    own: Sequence[ToolCall]
    odd: Sequence[str]

    def grade(self, grades: Sequence[Grade]) -> Grade:
        """The verdict; broken where it hangs on a call whose graders could not say."""
        sure = sum(grade.passed is True for grade in grades)
        open_ = sum(grade.passed is None for grade in grades)
        verdicts = {self.times.allows(count) for count in range(sure, sure + open_ + 1)}
        passed = verdicts.pop() if len(verdicts) == 1 else None
        parts = tuple(part for grade in grades for part in grade.parts)
        return Grade(passed, reason=joined(self._reasons(sure, grades)), parts=parts)

    def _reasons(self, count: int, grades: Sequence[Grade]) -> Iterator[str]:
        fit = " that fit" if count < len(self.own) else ""
        yield f"{counted(count, 'call')} of `{self.name}`{fit}, {self.times} wanted"
        if not self.own:
            yield _instead(self.calls)
            return
        yield _instead(self.own)
        but = [*self.odd, *(grade.reason for grade in grades if not grade.passed)]
        yield from (f"does not count: {why}" for why in but[:MANY])


def _judged(
    judge: Grader, conversation: Conversation, calls: Sequence[ToolCall], found: _Found
) -> Steps[Grade]:
    grades = []
    for call in calls:
        grades.append((yield from outcome(judge(_as_answer(call, conversation)))))
    return found.grade(grades)


def _as_answer(call: ToolCall, conversation: Conversation) -> Conversation:
    """The conversation up to the call, with the input's JSON as the text of its last answer."""
    text = json.dumps(call.input, ensure_ascii=False)
    *before, last = conversation.calls[: call.index + 1]
    answer = replace(last.answer, content=({"type": "text", "text": text},))
    return replace(conversation, calls=(*before, replace(last, answer=answer)))


def _misfit_of(wanted: dict[str, Any] | None, match: str | None, context: GraderContext) -> Misfit:
    if wanted is None:
        if match is not None:
            raise GraderError(f"`match: {match}` needs `input`, which it compares with")
        return lambda _got: None
    if match == "schema":
        return schema_from(wanted, context).problems
    if match == "subset":
        return lambda got: difference(wanted, _part(got, wanted))
    return lambda got: difference(wanted, got)


def _part(got: Any, wanted: Any) -> Any:
    """What `got` holds of the keys that are wanted."""
    if isinstance(wanted, Mapping) and isinstance(got, dict):
        return {key: _part(got[key], wanted[key]) for key in wanted if key in got}
    if isinstance(wanted, list) and isinstance(got, list) and len(wanted) == len(got):
        return [_part(each, want) for each, want in zip(got, wanted, strict=True)]
    return got


def _times_of(times: int | dict[str, Any] | None) -> Times:
    if times is None:
        return Times(1, None)
    bounds = {"min": times, "max": times} if isinstance(times, int) else times
    if not bounds or set(bounds) - {"min", "max"}:
        raise GraderError(f"`times` is a number, or `min` and `max`, not {as_json(times)}")
    for value in bounds.values():
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise GraderError(f"`times` holds whole numbers of 0 or more, not {as_json(value)}")
    low, high = bounds.get("min", 0), bounds.get("max")
    if high is not None and low > high:
        raise GraderError(f"no number of calls is at least {low} and at most {high}")
    if low == 0 and high is None:
        raise GraderError("`times: {min: 0}` lets every conversation pass; give it a `max`")
    return Times(low, high)


def _named(name: str) -> str:
    if not name.strip():
        raise GraderError("the name of the tool is empty; write which one")
    return name.strip()


def _instead(calls: Sequence[ToolCall]) -> str:
    if not calls:
        return "no tool was called"
    more = f" and {len(calls) - MANY} more" if len(calls) > MANY else ""
    return f"called: {', '.join(map(str, calls[:MANY]))}{more}"


def _all_names(names: Sequence[str]) -> str:
    return f"called: {' → '.join(names)}" if names else "no tool was called"
