"""What is asked and what comes back: a `Request`, an `Answer` (or a `Missing`), and its bill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from harness.records.record import record

Block = Mapping[str, Any]
"""A content block, verbatim as the API writes it: `{"type": "text", "text": …}` and so on."""

Json = Any
"""Plain data: texts, numbers, booleans, `None`, and lists and mappings of them."""

Purpose = Literal["answer", "judge", "rival"]
Mode = Literal["live", "batch", "replay"]

TRUNCATED = frozenset({"max_tokens", "model_context_window_exceeded"})


@record(frozen=True, slots=True)
class Request:
    """One call of the Messages API: `params` is the body exactly as it is sent.

    `timeout_s` bounds the waiting and is not part of what is sent, nor of the identity.
    """

    params: Mapping[str, Any]
    api_version: str
    betas: tuple[str, ...] = ()
    purpose: Purpose = "answer"
    timeout_s: float | None = None

    @property
    def model(self) -> str:
        """The model id that is asked."""
        return str(self.params["model"])


def add_known(a: int | None, b: int | None) -> int | None:
    """The sum, or `None` where either is unknown."""
    return None if a is None or b is None else a + b


@record(frozen=True, slots=True)
class Usage:
    """Tokens by the class they are billed in; `thinking_tokens` are part of `output_tokens`."""

    input_tokens: int | None = 0
    output_tokens: int | None = 0
    thinking_tokens: int | None = 0
    cache_read_input_tokens: int | None = 0
    cache_write_5m_input_tokens: int | None = 0
    cache_write_1h_input_tokens: int | None = 0
    web_search_requests: int | None = 0

    def __add__(self, other: Usage) -> Usage:
        # Written out, since this runs for every answer of a run.
        return Usage(
            add_known(self.input_tokens, other.input_tokens),
            add_known(self.output_tokens, other.output_tokens),
            add_known(self.thinking_tokens, other.thinking_tokens),
            add_known(self.cache_read_input_tokens, other.cache_read_input_tokens),
            add_known(self.cache_write_5m_input_tokens, other.cache_write_5m_input_tokens),
            add_known(self.cache_write_1h_input_tokens, other.cache_write_1h_input_tokens),
            add_known(self.web_search_requests, other.web_search_requests),
        )

    @property
    def prompt_tokens(self) -> int | None:
        """All that was read: input after the last breakpoint, cache reads and cache writes."""
        written = add_known(self.cache_write_5m_input_tokens, self.cache_write_1h_input_tokens)
        read = add_known(self.input_tokens, self.cache_read_input_tokens)
        return add_known(read, written)


USAGE_FIELDS = tuple(f.name for f in fields(Usage))
UNKNOWN_USAGE = Usage(*(None for _ in USAGE_FIELDS))


@record(frozen=True, slots=True)
class Answer:
    """What the API said, and what is known of how it was said.

    `latency_s` is of a live answer, from the last attempt's start to its last byte, in seconds;
    `None` for a batch, of which `batch` is the id. `simulated` is set where the server said that it
    is no model.
    `reused` and `key` say how this run came by it, and are not stored with it.
    """

    content: tuple[Block, ...]
    model: str
    stop_reason: str | None
    usage: Usage
    answered_at: datetime
    id: str | None = None
    stop_sequence: str | None = None
    stop_details: Mapping[str, Any] | None = None
    service_tier: str | None = None
    inference_geo: str | None = None
    speed: str | None = None
    request_id: str | None = None
    latency_s: float | None = None
    mode: Mode = "live"
    batch: str | None = None
    attempts: int = 1
    simulated: bool = False
    reused: bool = field(default=False, compare=False)
    key: str = field(default="", compare=False)

    @property
    def text(self) -> str:
        """The text blocks joined; thinking and tool calls are not text."""
        return "".join(str(b["text"]) for b in self.content if b.get("type") == "text")

    @property
    def tool_uses(self) -> tuple[Block, ...]:
        """The calls of client tools that want a result, in order."""
        return tuple(b for b in self.content if b.get("type") == "tool_use")

    @property
    def refused(self) -> bool:
        """The model declined (`stop_reason: refusal`)."""
        return self.stop_reason == "refusal"

    @property
    def truncated(self) -> bool:
        """Cut off by `max_tokens` or by the context window."""
        return self.stop_reason in TRUNCATED


@record(frozen=True, slots=True)
class Missing:
    """Why a request has no answer: `kind` is the API's error type, or a word of ours."""

    kind: str
    reason: str
    request_id: str | None = None


@record(frozen=True, slots=True)
class Bill:
    """Dollars of one answer or of many: as billed, and as each tier would have billed them."""

    total: Decimal | None = Decimal(0)
    at_live_prices: Decimal | None = Decimal(0)
    at_batch_prices: Decimal | None = Decimal(0)

    def __add__(self, other: Bill) -> Bill:
        return Bill(
            add_dollars(self.total, other.total),
            add_dollars(self.at_live_prices, other.at_live_prices),
            add_dollars(self.at_batch_prices, other.at_batch_prices),
        )


def add_dollars(a: Decimal | None, b: Decimal | None) -> Decimal | None:
    """The sum, or `None` where either is unknown."""
    return None if a is None or b is None else a + b


@record(frozen=True, slots=True)
class Call:
    """A request, the answer that came, and what it cost when it was made."""

    request: Request
    answer: Answer
    bill: Bill

    @property
    def spent(self) -> Decimal | None:
        """What this run paid for it: nothing where the answer was in the store already."""
        return Decimal(0) if self.answer.reused else self.bill.total
