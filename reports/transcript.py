"""One trial in full on the terminal: every message, the grades with their reasons, the bill."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from harness.records import Call, Grade, Result
from reports import numbers
from reports.text import one_line, visible

if TYPE_CHECKING:
    from rich.console import Console

COLORS = {"passed": "green", "failed": "red", "errored": "magenta", "ungraded": "yellow"}


def print_transcript(console: Console, result: Result) -> None:
    """Print what was asked, what was answered, how it was graded and what it cost."""
    from rich.text import Text

    for line, style in _lines(result):
        console.print(Text(line, style=style), soft_wrap=True)


def _lines(result: Result) -> Iterator[tuple[str, str]]:
    color = COLORS[result.outcome]
    score = "" if result.score is None else f", score {numbers.score(result.score)}"
    yield f"{one_line(str(result.id))}: {result.outcome}{score}", f"bold {color}"
    if result.reason:
        yield visible(result.reason), ""
    system = next((c.request.params.get("system") for c in result.calls_for("answer")), None)
    if system:
        yield from _message("system", system)
    for message in result.messages:
        yield from _message(str(message["role"]), message["content"])
    if result.grades:
        yield "── grades", "bold"
    for grade in result.grades:
        yield from _grade(grade, 0)
    yield "── calls", "bold"
    for call in result.calls:
        yield _call(call), "dim"


def _message(role: str, content: Any) -> Iterator[tuple[str, str]]:
    yield f"── {role}", "bold"
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    for block in blocks:
        yield from _block(block)


def _block(block: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    kind = block.get("type")
    if kind == "text":
        yield visible(str(block.get("text", ""))), ""
    elif kind == "thinking":
        yield f"[thinking] {visible(str(block.get('thinking') or '(not shown)'))}", "dim"
    else:
        yield (
            f"[{kind}] {one_line(json.dumps(block, ensure_ascii=False, default=str), 2000)}",
            "cyan",
        )


def _grade(grade: Grade, depth: int) -> Iterator[tuple[str, str]]:
    mark, color = {True: ("✓", "green"), False: ("✗", "red"), None: ("?", "yellow")}[grade.passed]
    turn = f" (turn {grade.turn})" if grade.turn else ""
    score = "" if grade.score in (None, 0.0, 1.0) else f" {numbers.score(grade.score)}"
    yield (
        f"{'  ' * depth}{mark} {one_line(grade.name)}{turn}{score}: {visible(grade.reason)}",
        color,
    )
    for part in grade.parts:
        yield from _grade(part, depth + 1)


def _call(call: Call) -> str:
    answer, usage = call.answer, call.answer.usage
    how = "reused" if answer.reused else answer.mode
    parts = [
        call.request.purpose,
        answer.model,
        f"{how}{', simulated' if answer.simulated else ''}",
        f"stop_reason {answer.stop_reason}",
        f"{numbers.count(usage.prompt_tokens)} in, {numbers.count(usage.output_tokens)} out",
        numbers.dollars(call.bill.total),
        numbers.seconds(answer.latency_s),
        answer.request_id or "no request id",
    ]
    return one_line("; ".join(parts), 500)
