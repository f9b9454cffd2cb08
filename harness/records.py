"""What flows along the path, in the order it arises: plain, frozen, without behaviour to mock.

A `Request` is asked, an `Answer` (or a `Missing`) comes back, `Call` is the two with their bill,
a `Conversation` is what graders see, a `Grade` what they say, and a `Result` how a trial ended.
Money is `Decimal` dollars; unknown is `None`, and a sum over an unknown is unknown.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal, TypeVar

Block = Mapping[str, Any]
"""A content block, verbatim as the API writes it: `{"type": "text", "text": …}` and so on."""

Json = Any
"""Plain data: texts, numbers, booleans, `None`, and lists and mappings of them."""

Purpose = Literal["answer", "judge"]
Mode = Literal["live", "batch", "replay"]

TRUNCATED = frozenset({"max_tokens", "model_context_window_exceeded"})


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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
        parts = (
            self.cache_read_input_tokens,
            self.cache_write_5m_input_tokens,
            self.cache_write_1h_input_tokens,
        )
        total = self.input_tokens
        for part in parts:
            total = add_known(total, part)
        return total


USAGE_FIELDS = tuple(f.name for f in fields(Usage))
UNKNOWN_USAGE = Usage(*(None for _ in USAGE_FIELDS))


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API said, and what is known of how it was said.

    `latency_s` is of a live answer, from the last attempt's start to its last byte, in seconds;
    `None` for a batch. `simulated` is set where the server said that it is no model.
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


@dataclass(frozen=True, slots=True)
class Missing:
    """Why a request has no answer: `kind` is the API's error type, or a word of ours."""

    kind: str
    reason: str
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Call:
    """A request, the answer that came, and what it cost when it was made."""

    request: Request
    answer: Answer
    bill: Bill

    @property
    def spent(self) -> Decimal | None:
        """What this run paid for it: nothing where the answer was in the store already."""
        return Decimal(0) if self.answer.reused else self.bill.total


@dataclass(frozen=True, slots=True)
class Conversation:
    """What graders see: every message sent and received, the calls behind them, the case's vars.

    `calls` holds the candidate's calls only, in order; a judge's are kept beside its grade.
    """

    messages: tuple[Mapping[str, Any], ...]
    calls: tuple[Call, ...]
    vars: Mapping[str, Any] = field(default_factory=dict)

    @property
    def answer(self) -> Answer:
        """The last answer of the candidate."""
        return self.calls[-1].answer

    @property
    def text(self) -> str:
        """The text of the last answer."""
        return self.answer.text

    @property
    def usage(self) -> Usage:
        """The candidate's tokens over all calls."""
        return sum((call.answer.usage for call in self.calls), Usage())


@dataclass(frozen=True, slots=True)
class Grade:
    """What a grader says: `passed` and `score` (0 to 1), or neither where it could not say.

    A grader returns the first three; the name, weight and turn are its place in the suite.
    """

    passed: bool | None
    score: float | None = None
    reason: str = ""
    name: str = ""
    weight: float = 1.0
    turn: int | None = None
    parts: tuple[Grade, ...] = ()

    def __post_init__(self) -> None:
        if self.score is None and self.passed is not None:
            object.__setattr__(self, "score", 1.0 if self.passed else 0.0)

    @property
    def broken(self) -> bool:
        """The grader could not say; the trial is missing, not failed."""
        return self.passed is None


T = TypeVar("T")
Steps = Generator[Sequence[Request], Sequence[Answer | Missing], T]
"""A computation that asks: it yields requests, is sent their answers in order, returns a `T`."""

Grader = Callable[[Conversation], "Grade | Steps[Grade]"]


class Outcome(StrEnum):
    """How a trial ended; the first two enter quality, the other two are missing."""

    PASSED = "passed"
    FAILED = "failed"
    ERRORED = "errored"
    UNGRADED = "ungraded"

    @property
    def missing(self) -> bool:
        """Neither pass nor fail."""
        return self in (Outcome.ERRORED, Outcome.UNGRADED)


@dataclass(frozen=True, slots=True)
class TrialId:
    """One attempt at one case by one candidate; `repeat` counts from 1."""

    suite: str
    case: str
    candidate: str
    repeat: int = 1

    def __str__(self) -> str:
        return f"{self.suite}/{self.case}[{self.candidate}-r{self.repeat}]"


@dataclass(frozen=True, slots=True)
class Result:
    """How a trial ended, with all that was asked and said on the way.

    `score` is the weighted mean of the grades, `None` where the trial is missing.
    `reason` says in a line why it failed or is missing.
    """

    id: TrialId
    outcome: Outcome
    score: float | None
    grades: tuple[Grade, ...] = ()
    calls: tuple[Call, ...] = ()
    messages: tuple[Mapping[str, Any], ...] = ()
    missing: Missing | None = None
    reason: str = ""
    tags: tuple[str, ...] = ()
    cluster: str | None = None

    def calls_for(self, purpose: Purpose) -> tuple[Call, ...]:
        """The calls that answered, or those that judged."""
        if len(self.calls) == 1 and self.calls[0].request.purpose == purpose:
            return self.calls  # nearly every trial, and every report asks several times
        return tuple(call for call in self.calls if call.request.purpose == purpose)

    @property
    def usage(self) -> Usage | None:
        """The candidate's tokens over all its answers; `None` where it gave none."""
        usages = [call.answer.usage for call in self.calls_for("answer")]
        return usages[0] if len(usages) == 1 else sum(usages, Usage()) if usages else None

    @property
    def bill(self) -> Bill | None:
        """Dollars of answers and judges, as they were when made; `None` where nothing was asked."""
        return sum((call.bill for call in self.calls), Bill()) if self.calls else None

    @property
    def spent(self) -> Decimal | None:
        """What this run paid; unknown where a price is."""
        spent: Decimal | None = Decimal(0)
        for call in self.calls:
            spent = add_dollars(spent, call.spent)
        return spent

    @property
    def latency_s(self) -> float | None:
        """Seconds that the candidate's answers took together; known of live answers only."""
        known = [call.answer.latency_s for call in self.calls_for("answer")]
        return math.fsum(s for s in known if s is not None) if known and None not in known else None

    @property
    def refused(self) -> bool:
        """The candidate declined in one of its answers."""
        return any(call.answer.refused for call in self.calls_for("answer"))

    @property
    def truncated(self) -> bool:
        """One of the candidate's answers was cut off."""
        return any(call.answer.truncated for call in self.calls_for("answer"))

    @property
    def reused(self) -> bool:
        """Nothing was paid for: every answer was in the store already."""
        return bool(self.calls) and all(call.answer.reused for call in self.calls)


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is compared: a model with parameters of its own and, where there are variants, a prompt.

    `params` are the candidate's own; those of the suite and the case are merged when asking.
    """

    name: str
    model: str
    params: Mapping[str, Any] = field(default_factory=dict)
    prompt: str | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """When a suite fails: `metric` against its bounds, for each candidate."""

    metric: str
    bounds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class SuiteFacts:
    """A suite as a run saw it: `cases` were selected out of `total`; `sha256` is of the file.

    `planned` counts its trials by candidate, and `whole` what each has in the whole suite.
    """

    name: str
    path: str
    sha256: str
    cases: int
    total: int | None = None
    planned: Mapping[str, int] = field(default_factory=dict)
    gates: tuple[Gate, ...] = ()
    whole: int | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the path: what was asked for, with what, and how it ended.

    `planned` counts trials by candidate name; `invocation` is what `resume` needs to do it again.
    """

    id: str
    started_at: datetime
    mode: Mode
    harness_version: str
    sdk_version: str
    prices_as_of: str
    suites: tuple[SuiteFacts, ...]
    candidates: tuple[Candidate, ...]
    planned: Mapping[str, int]
    invocation: Mapping[str, Any] = field(default_factory=dict)
    finished_at: datetime | None = None
    simulated: bool = False
    exit_code: int | None = None
