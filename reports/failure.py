"""Why a trial failed or is missing, as text for a test report."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from harness.records import Grade, Result
from reports.tables import show_command
from reports.text import ending, one_line, visible

PROMPT_SHOWN = 1500
ANSWER_SHOWN = 1500
MARKS = {True: "✓", False: "✗", None: "?"}


def failure_text(result: Result, place: str, run: str) -> str:
    """The place in the suite, the rendered prompt, the answer's end, every grader's reason.

    `place` is `file:line` of the case; `run` names the run for the command at the end.
    """
    return "\n".join(_lines(result, place, run))


def _lines(result: Result, place: str, run: str) -> Iterator[str]:
    yield f"{place}: {one_line(str(result.id))} {result.outcome}"
    if result.missing is not None:
        yield f"  {result.missing.kind}: {visible(result.missing.reason)}"
    asked = [m for m in result.messages if m["role"] == "user"]
    for message in asked[:1] if result.calls or asked else []:
        yield "prompt:"
        yield from _indented(ending(_said(message), PROMPT_SHOWN))
    answers = result.calls_for("answer")
    if answers:
        last = answers[-1].answer
        yield f"answer ({last.model}, stop_reason {last.stop_reason}):"
        yield from _indented(ending(last.text, ANSWER_SHOWN) or "(no text)")
    if result.grades:
        yield "graders:"
    for grade in result.grades:
        yield from _grade(grade, 1)
    yield f"whole transcript: {show_command(run, result.id)}"


def _said(message: Mapping[str, Any]) -> str:
    content = message["content"]
    if isinstance(content, str):
        return content
    return "\n".join(
        str(b["text"]) if b.get("type") == "text" else json.dumps(b, default=str)[:200]
        for b in content
    )


def _indented(text: str) -> Iterator[str]:
    return (f"  {line}" for line in text.splitlines())


def _grade(grade: Grade, depth: int) -> Iterator[str]:
    turn = f" (turn {grade.turn})" if grade.turn else ""
    reason = "\n".join(f"{'  ' * (depth + 1)}{line}" for line in visible(grade.reason).splitlines())
    yield f"{'  ' * depth}{MARKS[grade.passed]} {one_line(grade.name)}{turn}: {reason.strip()}"
    for part in grade.parts:
        yield from _grade(part, depth + 1)
