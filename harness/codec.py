"""Records as JSON and back, for the store and the files a run leaves behind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from operator import attrgetter
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
    Purpose,
    Request,
    Result,
    Run,
    SuiteFacts,
    TrialId,
    Usage,
)

Stored = Mapping[str, tuple[bytes, bytes]]
"""Requests and answers as they are stored, by the key of the answer."""

NOT_STORED = ("reused", "key")
OUTCOMES = {outcome.value: outcome for outcome in Outcome}


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


def load_request(data: bytes, purpose: Purpose | None = None) -> Request:
    """The inverse of `dump_request`; an answer may serve another purpose than it was made for."""
    raw = orjson.loads(data)
    betas = tuple(raw["betas"])
    return Request(raw["params"], raw["api_version"], betas, purpose or raw["purpose"])


def dump_answer(answer: Answer) -> bytes:
    """The answer as the API gave it."""
    return dump(dict(zip(ANSWER_FIELDS, _stored_fields(answer), strict=True)))


ANSWER_FIELDS = tuple(name for name in Answer.__slots__ if name not in NOT_STORED)
_stored_fields = attrgetter(*ANSWER_FIELDS)


def load_answer(data: bytes, *, key: str = "", reused: bool = False) -> Answer:
    """The inverse of `dump_answer`; `key` and `reused` are how a run came by it."""
    raw = orjson.loads(data)
    raw["content"] = tuple(raw["content"])
    raw["usage"] = Usage(**raw["usage"])
    raw["answered_at"] = datetime.fromisoformat(raw["answered_at"])
    raw["key"], raw["reused"] = key, reused
    return Answer(**raw)


def dump_result(result: Result) -> bytes:
    """The result without requests and answers, which it names by their keys."""
    data: dict[str, Any] = {
        "score": result.score,
        "grades": result.grades,
        "reason": result.reason,
        "tags": result.tags,
        "cluster": result.cluster,
        "content": result.content,
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


def read_result(data: bytes) -> dict[str, Any]:
    """What `dump_result` wrote, before the answers that it names are at hand."""
    raw: dict[str, Any] = orjson.loads(data)
    return raw


def keys_in(raw: Mapping[str, Any]) -> list[str]:
    """The keys of the answers that a stored result names."""
    return [item["key"] for item in raw["calls"]]


def load_result(trial: TrialId, outcome: str, raw: Mapping[str, Any], stored: Stored) -> Result:
    """The inverse of `dump_result`; `stored` holds the requests and answers that it names."""
    made = tuple(
        [_call(item, *stored[item["key"]]) for item in raw["calls"] if item["key"] in stored]
    )
    missing = raw["missing"]
    return Result(
        id=trial,
        outcome=OUTCOMES[outcome],
        score=raw["score"],
        grades=tuple(map(_grade, raw["grades"])),
        calls=made,
        messages=tuple(raw["messages"]) if "messages" in raw else _messages(made),
        missing=Missing(**missing) if missing else None,
        reason=raw["reason"],
        tags=tuple(raw["tags"]),
        cluster=raw["cluster"],
        content=raw.get("content", ""),  # results of earlier versions have none
    )


def _call(item: Mapping[str, Any], request: bytes, answer: bytes) -> Call:
    return Call(
        load_request(request, item["purpose"]),
        load_answer(answer, key=item["key"], reused=item["reused"]),
        _bill(**item["bill"]),
    )


@lru_cache(maxsize=1024)  # many trials cost the same
def _bill(**dollars: str | None) -> Bill:
    return Bill(**{name: None if text is None else Decimal(text) for name, text in dollars.items()})


def _messages(calls: tuple[Call, ...]) -> tuple[Mapping[str, Any], ...]:
    """Every conversation of the trial: what its last request held, and the answer to that.

    A request that does not go on from the one before it begins another conversation.
    """
    said: list[Mapping[str, Any]] = []
    begun = 0
    for call in calls:
        if call.request.purpose != "answer":
            continue
        messages = list(call.request.params["messages"])
        if len(messages) < len(said) - begun or messages[: len(said) - begun] != said[begun:]:
            begun = len(said)
        reply = [{"role": "assistant", "content": list(call.answer.content)}]
        said[begun:] = [*messages, *(reply if call.answer.content else ())]
    return tuple(said)


def _grade(raw: dict[str, Any]) -> Grade:
    raw["parts"] = tuple(map(_grade, raw["parts"])) if raw["parts"] else ()
    if raw.get("label"):
        raw["label"] = tuple(raw["label"])
    return Grade(**raw)


def load_missing(data: bytes) -> Missing:
    """The inverse of `dump` for a `Missing`."""
    return Missing(**orjson.loads(data))


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
    if paid := raw.get("paid"):
        raw["paid"] = _bill(**paid)
    return Run(**raw)


def _suite_facts(raw: dict[str, Any]) -> SuiteFacts:
    raw["gates"] = tuple(Gate(**gate) for gate in raw["gates"])
    return SuiteFacts(**raw)
