"""Why a trial failed or is missing, as text for a test report."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from harness.records import Call, Grade, Result
from reports.commands import Commands
from reports.text import ending, one_line, visible

PROMPT_SHOWN = 1500
ANSWER_SHOWN = 1500
BLOCK_SHOWN = 200
MARKS = {True: "✓", False: "✗", None: "?"}


def failure_text(result: Result, place: str, run: str, *, store: str | None = None) -> str:
    """The reason, the place in the suite, the rendered prompt, the answer's end, every grade.

    `place` is `file:line` of the case; `run` and `store` are for the command at the end. The reason
    stands first, since that is the line that a summary shows.
    """
    return "\n".join(_lines(result, place, Commands(run, store)))


def _lines(result: Result, place: str, commands: Commands) -> Iterator[str]:
    yield one_line(result.reason.partition("\n")[0]) or str(result.outcome)
    yield f"{place}: {one_line(str(result.id))} {result.outcome}"
    if result.missing is not None:
        yield f"  {one_line(result.missing.kind)}: {visible(result.missing.reason)}"
    turn, call = decisive(result)
    yield from _prompt(result, turn, call)
    if call is not None:
        answer, which = call.answer, f"turn {turn}, " if turn else ""
        stop = one_line(str(answer.stop_reason))
        yield f"answer ({which}{one_line(answer.model)}, stop_reason {stop}):"
        yield from _indented(ending(answer.text, ANSWER_SHOWN) or "(no text)")
    if result.grades:
        yield "graders:"
    for grade in result.grades:
        yield from _grade(grade, 1)
    yield f"whole transcript: {commands.show(result.id)}"


def decisive(result: Result) -> tuple[int | None, Call | None]:
    """The answer that decided how the trial ended, and its turn where a turn's grader did.

    That is the last answer, and no call where there is none.
    """
    answers = result.calls_for("answer")
    grade = next((g for g in result.grades if g.broken), None) or next(
        (g for g in result.grades if g.weight > 0 and not g.passed), None
    )
    if grade is None or not grade.turn or not answers:
        return None, answers[-1] if answers else None
    # Tool rounds, and goes of a paused turn, ask again without the user saying anything.
    turns = list({_times_asked(call): call for call in answers}.values())
    return grade.turn, turns[min(grade.turn, len(turns)) - 1]


def _times_asked(call: Call) -> int:
    """How often the user has spoken up to this call, results of tools left out."""
    messages = call.request.params.get("messages", ())
    return sum(1 for m in messages if m["role"] == "user" and not _is_only_results(m["content"]))


def _is_only_results(content: Any) -> bool:
    return not isinstance(content, str) and all(b.get("type") == "tool_result" for b in content)


def _prompt(result: Result, turn: int | None, call: Call | None) -> Iterator[str]:
    """What was asked before the answer that the failure is about."""
    asked = result.messages
    if result.missing is None and call is not None:
        asked = tuple(call.request.params["messages"])
    said = [text for m in asked if m["role"] == "user" and (text := _said(m))]
    if said:
        last = f"prompt (the last of {len(said)}):" if len(said) > 1 else "prompt:"
        yield f"prompt (turn {turn}):" if turn else last
        yield from _indented(ending(said[-1], PROMPT_SHOWN))


def _said(message: Mapping[str, Any]) -> str:
    """The text of a message, other blocks shortened; nothing where a tool was answered."""
    content = message["content"]
    if isinstance(content, str):
        return content
    return "\n".join(
        str(b["text"]) if b.get("type") == "text" else json.dumps(b, default=str)[:BLOCK_SHOWN]
        for b in content
        if b.get("type") != "tool_result"
    )


def _indented(text: str) -> Iterator[str]:
    return (f"  {line}" for line in text.splitlines())


def _grade(grade: Grade, depth: int) -> Iterator[str]:
    turn = f" (turn {grade.turn})" if grade.turn else ""
    reason = "\n".join(f"{'  ' * (depth + 1)}{line}" for line in visible(grade.reason).splitlines())
    yield f"{'  ' * depth}{MARKS[grade.passed]} {one_line(grade.name)}{turn}: {reason.strip()}"
    for part in grade.parts:
        yield from _grade(part, depth + 1)
