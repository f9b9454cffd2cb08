"""One trial as the data that `report.html` draws: every number and every text ready to be shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import orjson

from harness.records import UNKNOWN_USAGE, Call, Grade, Result, Usage
from reports import numbers
from reports.text import visible

TEXT_LIMIT = 200_000
PICTURE_LIMIT = 400_000
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
TOKENS = {
    "input_tokens": "in",
    "cache_read_input_tokens": "cache read",
    "cache_write_5m_input_tokens": "cache write 5m",
    "cache_write_1h_input_tokens": "cache write 1h",
    "output_tokens": "out",
    "thinking_tokens": "thinking",
    "web_search_requests": "web searches",
}
ALWAYS = ("input_tokens", "output_tokens")
SAID = ("messages", "system")
LATELY, SHORT = 1_000, 1_000
"""How many contents are known by their JSON, and up to how many bytes it is kept itself."""


class Shared:
    """Contents that many trials have in common, each written once and then named by its number.

    What came up lately is known by its JSON, without being made ready to be shown again.
    """

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self.write = write
        self.numbers: dict[bytes, int] = {}
        self.lately: dict[bytes, int] = {}

    def number(self, content: object) -> int:
        """The number of `content` (a text, or a list of blocks); it is written if it is new."""
        key = _key(content)
        if key is None:
            return self._written(shown(content))
        number = self.lately.get(key)
        if number is None:
            if len(self.lately) == LATELY:
                self.lately.clear()
            number = self.lately[key] = self._written(shown(content))
        return number

    def messages(self, messages: Iterable[Mapping[str, Any]]) -> list[tuple[str, int]]:
        """Each message's role and the number of its content."""
        return [(visible(str(m["role"])), self.number(m["content"])) for m in messages]

    def _written(self, blocks: list[dict[str, str]]) -> int:
        data = orjson.dumps(blocks)
        digest = blake2b(data, digest_size=16).digest()
        number = self.numbers.get(digest)
        if number is None:
            number = self.numbers[digest] = len(self.numbers)
            self.write(b'{"shared":' + data + b"}")
        return number


def _key(content: object) -> bytes | None:
    """What only this content has: its JSON or, if that is long, a digest; `None` if it has none."""
    try:
        data = orjson.dumps(content)
    except TypeError:  # integers beyond 64 bits, half surrogates
        return None
    return data if len(data) <= SHORT else blake2b(data).digest()


def trial_document(result: Result, shared: Shared, *, whole: bool) -> dict[str, Any]:
    """How the trial ended and, if `whole`, all that was asked and said."""
    bill = result.bill
    cost = numbers.dollars(bill.total) if bill else numbers.UNKNOWN
    document: dict[str, Any] = {
        "repeat": result.id.repeat,
        "outcome": result.outcome.value,
        "cost": cost,
        "measures": _measures(result, cost),
        **({"reason": _cut(result.reason)} if result.reason else {}),
        "flags": [name for name in ("refused", "truncated") if getattr(result, name)],
        "grades": [_grade(grade) for grade in result.grades],
    }
    document.update(_said(result, shared) if whole else {"messages": [], "calls": []})
    return document


def _said(result: Result, shared: Shared) -> dict[str, Any]:
    """All that was asked and said; `given` counts the messages of the first request."""
    answers = result.calls_for("answer")
    document: dict[str, Any] = {
        "messages": shared.messages(result.messages),
        "calls": [_call(call, shared) for call in result.calls],
        "given": len(result.messages),
    }
    if answers:
        first = answers[0].request.params
        document["given"] = len(first.get("messages", result.messages))
        document["answer"] = shared.number(answers[-1].answer.content)
        if first.get("system"):
            document["system"] = shared.number(first["system"])
    return document


def _measures(result: Result, cost: str) -> list[str]:
    if not result.calls:
        return [_missing(result)] if result.missing else []
    parts = [] if result.score is None else [f"score {numbers.score(result.score)}"]
    parts += [cost, *_tokens(result.usage or UNKNOWN_USAGE)]
    latency = result.latency_s
    if latency is not None:
        parts.append(numbers.seconds(latency))
    return [*parts, _missing(result)] if result.missing else parts


def _missing(result: Result) -> str:
    missing = result.missing
    assert missing is not None
    return visible(", ".join(filter(None, (missing.kind, missing.request_id))))


@lru_cache(maxsize=1024)  # a trial tells its tokens twice, and many trials have the same
def _tokens(usage: Usage) -> tuple[str, ...]:
    return tuple(
        f"{numbers.tokens(number)} {label}"
        for name, label in TOKENS.items()
        if (number := getattr(usage, name)) != 0 or name in ALWAYS
    )


def _grade(grade: Grade) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": visible(grade.name),
        "passed": grade.passed,
        "reason": _cut(grade.reason),
    }
    # The score of a plain pass or fail says nothing that the verdict does not.
    if grade.score is not None and grade.score != float(bool(grade.passed)):
        document["score"] = f"score {numbers.score(grade.score)}"
    if grade.weight != 1:
        document["weight"] = f"{grade.weight:g}"
    if grade.turn:
        document["turn"] = str(grade.turn)
    if grade.judge:
        document["judge"] = visible(grade.judge)
    if grade.parts:
        document["parts"] = [_grade(part) for part in grade.parts]
    return document


def _call(call: Call, shared: Shared) -> dict[str, Any]:
    answer = call.answer
    lines = (
        _made(call),
        " · ".join([*_tokens(answer.usage), numbers.dollars(call.bill.total)]),
        visible(f"{numbers.seconds(answer.latency_s)} · {answer.request_id or 'no request id'}"),
    )
    settings = {key: value for key, value in call.request.params.items() if key not in SAID}
    document: dict[str, Any] = {"lines": lines, "params": shared.number(settings)}
    if call.request.purpose == "judge":
        document["messages"] = shared.messages(_judging(call))
    return document


def _made(call: Call) -> str:
    answer = call.answer
    parts = [call.request.purpose, answer.model, "reused" if answer.reused else answer.mode]
    if answer.simulated:
        parts.append("simulated")
    if answer.attempts > 1:
        parts.append(f"{answer.attempts} attempts")
    return visible(" · ".join([*parts, f"stop_reason {answer.stop_reason}"]))


def _judging(call: Call) -> list[Mapping[str, Any]]:
    """What a judge was told, and what it said."""
    params = call.request.params
    system = params.get("system")
    asked = [{"role": "system", "content": system}] if system else []
    told = {"role": "assistant", "content": call.answer.content}
    return [*asked, *params.get("messages", ()), told]


def shown(content: object) -> list[dict[str, str]]:
    """A message's content as a list of `kind` and `text`, pictures with their `image` address."""
    if not isinstance(content, list | tuple):
        return [
            {"kind": "text", "text": _cut(content if isinstance(content, str) else _json(content))}
        ]
    return [part for block in content for part in _block(block)]


def _block(block: object) -> list[dict[str, str]]:
    if not isinstance(block, Mapping):
        return shown(_json(block))
    kind = visible(str(block.get("type")))
    if kind == "text":
        said = {"kind": kind, "text": _cut(str(block.get("text", "")))}
        cited = block.get("citations")
        return [said, {"kind": "citations", "text": _cut(_json(cited))}] if cited else [said]
    if kind == "thinking":
        return [{"kind": kind, "text": _cut(str(block.get("thinking") or "(not shown)"))}]
    if kind == "tool_result" and block.get("content"):
        label = "tool_result, an error" if block.get("is_error") else kind
        return [
            {"kind": label, "text": _cut(str(block.get("tool_use_id")))},
            *shown(block["content"]),
        ]
    source = block.get("source")
    if isinstance(source, Mapping) and source.get("type") == "base64":
        return [_file(kind, source)]
    return [{"kind": kind, "text": _cut(_json({k: v for k, v in block.items() if k != "type"}))}]


def _file(kind: str, source: Mapping[str, Any]) -> dict[str, str]:
    """A picture small enough to be shown, or what any other file is."""
    media, data = str(source.get("media_type")), str(source.get("data"))
    text = visible(f"{media}, {len(data) * 3 // 4:,} bytes")
    if media in PICTURES and len(data) <= PICTURE_LIMIT and data.isascii():
        return {"kind": kind, "text": text, "image": f"data:{media};base64,{data}"}
    return {"kind": kind, "text": text}


def _json(value: object) -> str:
    try:
        return orjson.dumps(value, default=_plain, option=orjson.OPT_INDENT_2).decode()
    except TypeError:  # integers beyond 64 bits, half surrogates
        return json.dumps(value, ensure_ascii=False, indent=2, default=_plain)


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else str(value)


def _cut(text: str) -> str:
    """`text` visible; what is too long for a page is cut, and says so."""
    if len(text) <= TEXT_LIMIT:
        return visible(text)
    return f"{visible(text[:TEXT_LIMIT])}… ({len(text):,} characters; all of them in trials.jsonl)"
