"""Why a trial failed or is missing, as text for a test report."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from harness.records import Grade, Result
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
    yield from _prompt(result)
    answers = result.calls_for("answer")
    if answers:
        last = answers[-1].answer
        yield f"answer ({one_line(last.model)}, stop_reason {one_line(str(last.stop_reason))}):"
        yield from _indented(ending(last.text, ANSWER_SHOWN) or "(no text)")
    if result.grades:
        yield "graders:"
    for grade in result.grades:
        yield from _grade(grade, 1)
    yield f"whole transcript: {commands.show(result.id)}"


def _prompt(result: Result) -> Iterator[str]:
    """What was asked last: a failure is about the answer to it."""
    answers = result.calls_for("answer")
    asked = result.messages
    if result.missing is None and answers:
        asked = tuple(answers[-1].request.params["messages"])
    said = [text for m in asked if m["role"] == "user" and (text := _said(m))]
    if said:
        yield f"prompt (the last of {len(said)}):" if len(said) > 1 else "prompt:"
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
