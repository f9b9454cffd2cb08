"""Records as JSON and back, for the store and the files a run leaves behind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson

from harness.records import (
    Answer,
    Bill,
    Call,
    Candidate,
    Gate,
    Grade,
    Missing,
    Outcome,
    Request,
    Result,
    Run,
    SuiteFacts,
    TrialId,
    Usage,
)

NOT_STORED = ("reused", "key")


def dump(value: Any) -> bytes:
    """JSON of records and plain data; dollars and datetimes as text.

    Half a surrogate pair, which is no text to UTF-8, becomes a question mark.
    """
    try:
        return orjson.dumps(value, default=_default, option=orjson.OPT_NON_STR_KEYS)
    except orjson.JSONEncodeError:
        text = json.dumps(value, default=_default_of_json, ensure_ascii=False)
        return text.encode("utf-8", "replace")


def _default_of_json(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, datetime):
        return value.isoformat()
    return _default(value)


def _default(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple | set | frozenset):
        return list(value)
    return repr(value)


def dump_request(request: Request) -> bytes:
    """What was sent, and how."""
    return dump(
        {
            "params": request.params,
            "api_version": request.api_version,
            "betas": request.betas,
            "purpose": request.purpose,
        }
    )


def load_request(data: bytes) -> Request:
    """The inverse of `dump_request`."""
    raw = orjson.loads(data)
    return Request(raw["params"], raw["api_version"], tuple(raw["betas"]), raw["purpose"])


def dump_answer(answer: Answer) -> bytes:
    """The answer as the API gave it."""
    raw = {name: getattr(answer, name) for name in ANSWER_FIELDS}
    return dump(raw)


ANSWER_FIELDS = tuple(name for name in Answer.__slots__ if name not in NOT_STORED)


def load_answer(data: bytes) -> Answer:
    """The inverse of `dump_answer`."""
    raw = orjson.loads(data)
    raw["content"] = tuple(raw["content"])
    raw["usage"] = Usage(**raw["usage"])
    raw["answered_at"] = datetime.fromisoformat(raw["answered_at"])
    return Answer(**raw)


def dump_result(result: Result) -> bytes:
    """The result without requests and answers, which it names by their keys."""
    data: dict[str, Any] = {
        "score": result.score,
        "grades": result.grades,
        "reason": result.reason,
        "tags": result.tags,
        "cluster": result.cluster,
        "missing": result.missing,
        "calls": [
            {
                "key": call.answer.key,
                "reused": call.answer.reused,
                "purpose": call.request.purpose,
                "bill": call.bill,
            }
            for call in result.calls
        ],
    }
    if result.outcome is Outcome.ERRORED:
        data["messages"] = result.messages
    return dump(data)


def load_result(
    trial: TrialId, outcome: str, data: bytes, calls: Mapping[str, tuple[Request, Answer]]
) -> Result:
    """The inverse of `dump_result`; `calls` holds the requests and answers that it names."""
    raw = orjson.loads(data)
    made = tuple(_call(item, calls) for item in raw["calls"] if item["key"] in calls)
    missing = raw["missing"]
    return Result(
        id=trial,
        outcome=Outcome(outcome),
        score=raw["score"],
        grades=tuple(map(_grade, raw["grades"])),
        calls=made,
        messages=tuple(raw["messages"]) if "messages" in raw else _messages(made),
        missing=Missing(**missing) if missing else None,
        reason=raw["reason"],
        tags=tuple(raw["tags"]),
        cluster=raw["cluster"],
    )


def call_keys(data: bytes) -> list[str]:
    """The keys of the answers that a stored result names."""
    return [item["key"] for item in orjson.loads(data)["calls"]]


def _call(item: Mapping[str, Any], calls: Mapping[str, tuple[Request, Answer]]) -> Call:
    request, answer = calls[item["key"]]
    bill = Bill(**{name: _decimal(value) for name, value in item["bill"].items()})
    known = replace(answer, reused=item["reused"], key=item["key"])
    return Call(replace(request, purpose=item["purpose"]), known, bill)


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _messages(calls: tuple[Call, ...]) -> tuple[Mapping[str, Any], ...]:
    """The conversation: what the candidate's last request held, and its answer."""
    answers = [call for call in calls if call.request.purpose == "answer"]
    if not answers:
        return ()
    last = answers[-1]
    said = last.answer.content
    reply = ({"role": "assistant", "content": list(said)},) if said else ()
    return (*last.request.params["messages"], *reply)


def _grade(raw: dict[str, Any]) -> Grade:
    raw["parts"] = tuple(map(_grade, raw["parts"]))
    return Grade(**raw)


def dump_run(run: Run) -> bytes:
    """All of a run's facts."""
    return dump(run)


def load_run(data: bytes) -> Run:
    """The inverse of `dump_run`."""
    raw = orjson.loads(data)
    raw["started_at"] = datetime.fromisoformat(raw["started_at"])
    if raw["finished_at"]:
        raw["finished_at"] = datetime.fromisoformat(raw["finished_at"])
    raw["suites"] = tuple(map(_suite_facts, raw["suites"]))
    raw["candidates"] = tuple(Candidate(**item) for item in raw["candidates"])
    return Run(**raw)


def _suite_facts(raw: dict[str, Any]) -> SuiteFacts:
    raw["gates"] = tuple(Gate(**gate) for gate in raw["gates"])
    return SuiteFacts(**raw)
