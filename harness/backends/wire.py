"""Between the wire and the records: bodies and exceptions of the SDK in, `Answer`s and faults out.

Branches on `type` fields and never on the SDK's classes, which stand for more than they say.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from harness.errors import RunStoppedError
from harness.records import UNKNOWN_USAGE, Answer, Usage

CONNECTION_ERROR = "connection_error"
TIMEOUT = "timeout"
SIMULATED_HEADER = "x-simulated"
FATAL_STATUS = frozenset({401, 402})
FATAL_TYPES = frozenset({"authentication_error", "billing_error", "permission_error"})
FATAL_CODES = frozenset(
    {"enforced_spend_limit_reached", "contract_spend_limit_reached", "ramp_limit_exceeded"}
)
LIMIT_MESSAGES = (
    "you have reached your specified",
    "your credit balance is too low",
)
RETRIED_STATUS = frozenset({408, 409, 429})
RETRIED_TYPES = frozenset(
    {"api_error", "overloaded_error", "timeout_error", "rate_limit_error", "conflict_error"}
)
NEEDED_FIELDS: Mapping[str, Mapping[str, type]] = {
    "text": {"text": str},
    "tool_use": {"id": str, "name": str, "input": dict},
}
WAITING_TYPES = frozenset({"rate_limit_error", "overloaded_error"})
UNBILLED_STATUS = frozenset({500, 501, 503, 529})
GAVE_UP_STATUS = frozenset({408, 499})
"""Of the 4xx, those of somebody who waited no longer, as 502, 504 and a proxy's 52x are: the answer
may have been made all the same."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A request that failed once: may it be tried again, and does it end the run?

    `crowded` says that the API is busy rather than broken: waiting helps. `retry_after_s` is the
    API's own word. `unbilled` is certain: it was never sent, or refused before an answer began.
    """

    kind: str
    reason: str
    retry: bool = False
    crowded: bool = False
    fatal: bool = False
    retry_after_s: float | None = None
    request_id: str | None = None
    unbilled: bool = False


class FaultError(Exception):
    """Carries a `Fault` from where it is seen to where it is decided on."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(fault.reason)


class UnknownOutcomeError(Exception):
    """A request that may have been carried out and may have not."""


class UnreadableResultsError(RunStoppedError):
    """The results of a batch are where the key must not be sent."""


def malformed(reason: str, request_id: str | None = None) -> FaultError:
    """An answer that cannot be read; the API is asked again."""
    return FaultError(Fault("malformed_response", reason, retry=True, request_id=request_id))


def answer_of(
    body: bytes | Mapping[str, Any],
    headers: Mapping[str, str],
    *,
    answered_at: datetime,
    latency_s: float | None = None,
    batch: str | None = None,
) -> Answer:
    """The answer in a response's body or in a line of a `batch`; raises FaultError for none."""
    request_id = headers.get("request-id")
    message = parsed(body, request_id) if isinstance(body, bytes) else body
    if message.get("type") == "error":
        raise FaultError(error_fault(message, None, headers))
    content = message.get("content")
    if not isinstance(content, list):
        raise malformed("the response has no content blocks", request_id)
    if not all(map(_whole, content)):
        raise malformed("the response has a content block without its fields", request_id)
    if not isinstance(message.get("stop_reason"), str):
        raise malformed("the response ended before the model had finished", request_id)
    raw_usage = message.get("usage")
    usage = raw_usage if isinstance(raw_usage, dict) else {}
    details = message.get("stop_details")
    return Answer(
        content=tuple(content),
        model=str(message.get("model") or ""),
        stop_reason=message["stop_reason"],
        usage=usage_of(raw_usage),
        answered_at=answered_at,
        id=_opt(message.get("id")),
        stop_sequence=_opt(message.get("stop_sequence")),
        stop_details=details if isinstance(details, dict) else None,
        service_tier=_opt(usage.get("service_tier")),
        inference_geo=_opt(usage.get("inference_geo")),
        speed=_opt(usage.get("speed")),
        request_id=request_id,
        latency_s=latency_s,
        mode="live" if batch is None else "batch",
        batch=batch,
        simulated=SIMULATED_HEADER in headers,
    )


def _whole(block: object) -> bool:
    """A block that can be read; those of unknown types only need a type."""
    if not isinstance(block, dict) or not isinstance(block.get("type"), str):
        return False
    needed = NEEDED_FIELDS.get(block["type"], {})
    return all(isinstance(block.get(name), kind) for name, kind in needed.items())


def parsed(body: bytes, request_id: str | None) -> Mapping[str, Any]:
    """The body as a mapping; raises FaultError."""
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        shown = body[:80].decode(errors="replace") if body else "an empty body"
        raise malformed(f"the response is not JSON: {shown!r}", request_id) from exc
    if not isinstance(message, dict):
        raise malformed("the response is not a JSON object", request_id)
    return message


def usage_of(raw: object) -> Usage:
    """Tokens by class; what the API leaves out of the caching fields was not cached."""
    if not isinstance(raw, dict):
        return UNKNOWN_USAGE
    written = raw.get("cache_creation")
    split = isinstance(written, dict)
    write_5m = (
        written.get("ephemeral_5m_input_tokens")
        if isinstance(written, dict)
        else raw.get("cache_creation_input_tokens")
    )
    write_1h = written.get("ephemeral_1h_input_tokens") if isinstance(written, dict) else 0
    details = raw.get("output_tokens_details")
    tools = raw.get("server_tool_use")
    return Usage(
        input_tokens=_count(raw.get("input_tokens")),
        output_tokens=_count(raw.get("output_tokens")),
        thinking_tokens=_count(details.get("thinking_tokens"))
        if isinstance(details, dict)
        else None,
        cache_read_input_tokens=_count(raw.get("cache_read_input_tokens") or 0),
        cache_write_5m_input_tokens=_count(write_5m or 0),
        cache_write_1h_input_tokens=_count(write_1h or 0) if split else 0,
        web_search_requests=_count(tools.get("web_search_requests") or 0)
        if isinstance(tools, dict)
        else 0,
    )


def _count(value: object) -> int | None:
    counts = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if counts else None  # type: ignore[return-value]


def error_fault(body: object, status: int | None, headers: Mapping[str, str]) -> Fault:
    """What an error body of the API means, by its codes and types; `status` 200 is in a stream."""
    outer = body if isinstance(body, Mapping) else {}
    error = outer.get("error") if isinstance(outer.get("error"), Mapping) else {}
    assert isinstance(error, Mapping)
    kind = str(error.get("type") or _kind_of(status))
    said = str(error.get("message") or _text_of(body) or "no message")
    details = error.get("details")
    code = details.get("error_code") if isinstance(details, Mapping) else None
    fatal = (
        status in FATAL_STATUS
        or kind in FATAL_TYPES
        or code in FATAL_CODES
        or (status in (None, 400) and said.lower().startswith(LIMIT_MESSAGES))
    )
    shown = f"{status} {kind}: {said}" if status and status != 200 else f"{kind}: {said}"
    return Fault(
        kind=kind,
        reason=shown,
        retry=not fatal and _retried(kind, status, headers.get("x-should-retry")),
        crowded=kind in WAITING_TYPES or status in (429, 529),
        fatal=fatal,
        retry_after_s=retry_after_s(headers, datetime.now(UTC)),
        request_id=headers.get("request-id") or _opt(outer.get("request_id")),
        unbilled=_unbilled(status),
    )


def _unbilled(status: int | None) -> bool:
    """The status is that of a refusal; an error within an answer has none, or 200."""
    if status is None or status < 500:
        return status is not None and status >= 400 and status not in GAVE_UP_STATUS
    return status in UNBILLED_STATUS


def _retried(kind: str, status: int | None, should: str | None) -> bool:
    word = (should or "").strip().lower()
    if word in ("true", "false"):
        return word == "true"
    if status is None or status < 400:
        return kind in RETRIED_TYPES
    return status in RETRIED_STATUS or status >= 500


def _kind_of(status: int | None) -> str:
    return f"http_{status}" if status else "error"


def _text_of(body: object) -> str:
    return " ".join(body.split())[:200] if isinstance(body, str) else ""


def _opt(value: object) -> str | None:
    return value if isinstance(value, str) else None


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds to wait, from `retry-after-ms` or `retry-after` (seconds or an HTTP date)."""
    millis = _float(headers.get("retry-after-ms"))
    if millis is not None:
        return max(millis / 1000, 0.0)
    text = headers.get("retry-after")
    seconds = _float(text)
    if seconds is not None or text is None:
        return None if seconds is None else max(seconds, 0.0)
    try:
        return max((parsedate_to_datetime(text) - now).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return None


def _float(text: str | None) -> float | None:
    try:
        value = float(text) if text else None
    except ValueError:
        return None
    return value if value is not None and math.isfinite(value) else None
