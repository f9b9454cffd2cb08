"""One trial in full on the terminal: every message, the grades with their reasons, the bill."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from harness.records import Answer, Call, Grade, Result, Usage, add_known
from reports import numbers
from reports.text import one_line, visible

if TYPE_CHECKING:
    from rich.console import Console

COLORS = {"passed": "green", "failed": "red", "errored": "magenta", "ungraded": "yellow"}


def print_transcript(console: Console, result: Result, *, judges: bool = False) -> None:
    """Print what was asked, what was answered, how it was graded and what it cost.

    With `judges`, also what each judge was asked and what it answered, in full.
    """
    from rich.text import Text

    for line, style in _lines(result, judges=judges):
        console.print(Text(line, style=style), soft_wrap=True)


def _lines(result: Result, *, judges: bool) -> Iterator[tuple[str, str]]:
    color = COLORS[result.outcome]
    score = "" if result.score is None else f", score {numbers.score(result.score)}"
    yield f"{one_line(str(result.id))}: {result.outcome}{score}", f"bold {color}"
    if result.reason:
        yield visible(result.reason), ""
    yield from _said(result)
    if result.grades:
        yield "── grades", "bold"
    for grade in result.grades:
        yield from _grade(grade, 0)
    for call in result.calls_for("judge") if judges else ():
        yield from _judged(call)
    yield "── calls", "bold"
    for call in result.calls:
        yield _call(call), "dim"


def _said(result: Result) -> Iterator[tuple[str, str]]:
    """The conversation, and what a rival answered to the same."""
    system = next((c.request.params.get("system") for c in result.calls_for("answer")), None)
    if system:
        yield from _message("system", system)
    for message in result.messages:
        yield from _message(str(message["role"]), message["content"])
    for call in result.calls_for("rival"):
        yield from _answer("rival", call.answer)


def _answer(who: str, answer: Answer) -> Iterator[tuple[str, str]]:
    return _message(f"{who} ({one_line(answer.model)})", answer.content)


def _judged(call: Call) -> Iterator[tuple[str, str]]:
    """What a judge was asked, and its verdict."""
    params = call.request.params
    if params.get("system"):
        yield from _message("system of the judge", params["system"])
    for message in params["messages"]:
        yield from _message(f"{message['role']} to the judge", message["content"])
    yield from _answer("judge", call.answer)


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
        told = _without_bytes(block)
        source = told.get("source")
        if isinstance(source, str):  # of a file there is no more to say
            more = {key: value for key, value in told.items() if key not in ("type", "source")}
            said = f"{source} {_json(more) if more else ''}"
        else:
            said = _json(told)
        yield one_line(f"[{kind}] {said}", 2000), "cyan"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _without_bytes(value: Any) -> Any:
    """The value with a file's kind and size in place of its base64."""
    if isinstance(value, Mapping):
        if value.get("type") == "base64" and isinstance(value.get("data"), str):
            data = value["data"]
            size = len(data) * 3 // 4 - data[-2:].count("=")
            return f"{value.get('media_type')}, {numbers.count(size)} bytes"
        return {key: _without_bytes(item) for key, item in value.items()}
    return [_without_bytes(item) for item in value] if isinstance(value, list | tuple) else value


def _grade(grade: Grade, depth: int, judge: str = "") -> Iterator[tuple[str, str]]:
    mark, color = {True: ("✓", "green"), False: ("✗", "red"), None: ("?", "yellow")}[grade.passed]
    turn = f" (turn {grade.turn})" if grade.turn else ""
    score = "" if grade.score in (None, 0.0, 1.0) else f" {numbers.score(grade.score)}"
    yield (
        f"{'  ' * depth}{mark} {one_line(grade.name)}{turn}{score}: {visible(grade.reason)}",
        color,
    )
    if grade.judge and grade.judge != judge:
        yield f"{'  ' * depth}  judge: {one_line(grade.judge)}", "dim"
    for part in grade.parts:
        yield from _grade(part, depth + 1, grade.judge or judge)


def _call(call: Call) -> str:
    answer, usage = call.answer, call.answer.usage
    how = "reused" if answer.reused else answer.mode
    parts = [
        call.request.purpose,
        answer.model,
        f"{how}{', simulated' if answer.simulated else ''}",
        f"stop_reason {answer.stop_reason}",
        f"{_read(usage)}, {numbers.count(usage.output_tokens)} out",
        numbers.dollars(call.bill.total),
        numbers.seconds(answer.latency_s),
        answer.request_id or "no request id",
    ]
    return one_line("; ".join(parts), 500)


def _read(usage: Usage) -> str:
    """Tokens of the prompt, and how many of them a cache gave or took."""
    written = add_known(usage.cache_write_5m_input_tokens, usage.cache_write_1h_input_tokens)
    cached = ((usage.cache_read_input_tokens, "from cache"), (written, "written to cache"))
    said = ", ".join(f"{numbers.count(number)} {what}" for number, what in cached if number)
    return f"{numbers.count(usage.prompt_tokens)} in{f' ({said})' if said else ''}"
