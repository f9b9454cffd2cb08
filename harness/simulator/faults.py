"""Faults on demand: what goes wrong, how often, and when; decided here, carried out by the server.

Which request is hit depends on the seed and on the count of requests, never on the clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Literal, NamedTuple

from harness.simulator.problem import ApiError

Scope = Literal["message", "create", "batch", "line", "poll", "results"]


class Kind(NamedTuple):
    """What a kind of fault hits, what it does, and the option that `kind=VALUE` sets."""

    scope: Scope
    does: str
    value: str | None = None


KINDS: Mapping[str, Kind] = {
    "status": Kind("message", "an HTTP error before anything is paid for", "status"),
    "slow": Kind("message", "a delay before the answer", "delay_s"),
    "drop": Kind("message", "the connection closes before the response; paid for"),
    "cut": Kind("message", "half a body, a stream without message_stop; paid for"),
    "error_event": Kind("message", "an error event in a stream; else a plain error", "status"),
    "malformed": Kind("message", "a 200 whose body is broken JSON; paid for"),
    "html": Kind("message", "a 200 whose body is an HTML page; paid for"),
    "empty": Kind("message", "a 200 with an empty body; paid for"),
    "no_usage": Kind("message", "an answer without usage; paid for"),
    "unknown_block": Kind("message", "a content block of a type that nobody knows; paid for"),
    "create_status": Kind("create", "an HTTP error; there is no batch", "status"),
    "create_lost": Kind("create", "the connection closes; there is no batch"),
    "create_lands": Kind("create", "the batch is there, the answer an HTTP error", "status"),
    "create_drops": Kind("create", "the batch is there, the connection closes"),
    "create_slow": Kind("create", "the batch is there at once, the answer late", "delay_s"),
    "results_elsewhere": Kind("batch", "results_url names another host", "url"),
    "archived": Kind("batch", "the results are gone once the batch has ended"),
    "errored": Kind("line", "an errored result of any error type", "error_type"),
    "expired": Kind("line", "an expired result"),
    "canceled": Kind("line", "a canceled result"),
    "unknown_result": Kind("line", "a result of a type that nobody knows"),
    "missing_line": Kind("line", "no line in the results; paid for"),
    "duplicate_line": Kind("line", "the same line twice; paid for once"),
    "blank_line": Kind("line", "an empty line beside it; paid for"),
    "broken_line": Kind("line", "a line that is broken JSON; paid for"),
    "poll_status": Kind("poll", "an HTTP error when a batch is looked at, or all listed", "status"),
    "results_status": Kind("results", "an HTTP error instead of the results", "status"),
    "results_cut": Kind("results", "the connection closes in the middle of the results"),
    "results_short": Kind("results", "results that end in the middle of a line"),
}
BY_MODEL = ("message", "line")
MESSAGES = {
    400: "You have reached your specified API usage limits. You will regain access next month.",
    401: "invalid x-api-key",
    402: "Your credit balance is too low to access the Anthropic API.",
    403: "Your API key does not have permission to use the specified resource.",
    408: "Request timeout",
    429: "This request would exceed your organization's rate limit.",
    500: "Internal server error",
    529: "Overloaded",
}
DEFAULT_STATUS = {"error_event": 529}
DEFAULT_DELAY_S = 5.0
UNKNOWN_BLOCK = {"type": "brand_new_block", "payload": {"simulated": True}}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: hits with `probability`, from the request after `after` on, at most `times` times.

    `models` (ids or aliases) restricts it, and then only their requests are counted. `retry_after`
    and `delay_s` are seconds; `status`, `should_retry` and `error_code` shape an HTTP error,
    `error_type` the error of a batch's line, and `url` begins the `results_url` of a batch.
    """

    kind: str
    probability: float = 1.0
    after: int = 0
    times: int | None = None
    models: tuple[str, ...] = ()
    status: int | None = None
    retry_after: float | None = None
    delay_s: float | None = None
    should_retry: bool | None = None
    error_code: str | None = None
    error_type: str | None = None
    url: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no fault is {self.kind!r}; there are {', '.join(KINDS)}")
        if not 0 <= self.probability <= 1:
            raise ValueError(f"a probability is between 0 and 1, not {self.probability:g}")
        if self.status is not None and not 400 <= self.status <= 599:
            raise ValueError(f"an error status is between 400 and 599, not {self.status}")
        if min(self.after, self.times or 0, self.retry_after or 0, self.delay_s or 0) < 0:
            raise ValueError("after, times, retry_after and delay are 0 or more")
        if self.models and self.scope not in BY_MODEL:
            raise ValueError(f"`{self.kind}` hits whole batches; leave out `models`")

    @property
    def scope(self) -> Scope:
        """What the fault hits, and what is counted for it."""
        return KINDS[self.kind].scope

    @property
    def only_delays(self) -> bool:
        """The fault comes on top of others."""
        return KINDS[self.kind].value == "delay_s"

    @classmethod
    def parse(cls, text: str) -> Fault:
        """The fault that an option means: `status=529,p=0.1,retry_after=1`, `slow=2`, `drop`.

        Raises ValueError with what is wrong and what may stand there.
        """
        head, *options = [part.strip() for part in text.split(",")]
        kind, _, argument = head.partition("=")
        fault = cls(kind.strip())
        given = dict(_option(option) for option in options if option)
        if argument:
            key = KINDS[fault.kind].value
            if key is None:
                raise ValueError(f"`{fault.kind}` takes no value; write `{fault.kind},p=0.1`")
            given[key] = _read(key, argument)
        if fault.kind == "status" and "status" not in given:
            raise ValueError("`status` needs a number: status=529")
        return replace(fault, **given)

    def error(self) -> ApiError:
        """The HTTP error that this fault answers with."""
        status = self.status or DEFAULT_STATUS.get(self.kind, 500)
        headers = {}
        if self.retry_after is not None:
            headers["retry-after"] = f"{self.retry_after:g}"
        if self.should_retry is not None:
            headers["x-should-retry"] = str(self.should_retry).lower()
        message = MESSAGES.get(status, f"Simulated error {status}")
        return ApiError(status, message, error_code=self.error_code, headers=headers)


OPTIONS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "p": ("probability", float),
    "probability": ("probability", float),
    "after": ("after", int),
    "times": ("times", int),
    "model": ("models", lambda text: tuple(text.split("+"))),
    "models": ("models", lambda text: tuple(text.split("+"))),
    "status": ("status", int),
    "retry_after": ("retry_after", float),
    "delay": ("delay_s", float),
    "delay_s": ("delay_s", float),
    "should_retry": ("should_retry", lambda text: {"true": True, "false": False}[text.lower()]),
    "error_code": ("error_code", str),
    "error_type": ("error_type", str),
    "url": ("url", str),
}


def _option(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if name.strip() not in OPTIONS:
        raise ValueError(f"a fault has no option {name.strip()!r}; there are {', '.join(OPTIONS)}")
    if not equals:
        raise ValueError(f"`{text}` needs a value: {name}=…")
    return OPTIONS[name.strip()][0], _read(name.strip(), value)


def _read(name: str, value: str) -> Any:
    try:
        return OPTIONS[name][1](value.strip())
    except (ValueError, KeyError):
        raise ValueError(f"`{name}={value}` cannot be read; write a number, as p=0.1") from None


@dataclass(frozen=True, slots=True)
class Hit:
    """What is to go wrong with one request: a delay in seconds, and at most one fault beside it."""

    delay_s: float = 0.0
    fault: Fault | None = None

    @property
    def kind(self) -> str:
        """The kind of the fault, empty where there is none."""
        return self.fault.kind if self.fault else ""


NOTHING = Hit()


class FaultPlan:
    """Counts requests, each scope for itself, and says which of them are hit."""

    def __init__(self, faults: Sequence[Fault], seed: int) -> None:
        self._faults = tuple(faults)
        self._seed = seed
        self.reset()

    def reset(self) -> None:
        """Count from the start again."""
        self._seen = [0] * len(self._faults)
        self._fired = [0] * len(self._faults)

    def next(self, names: Sequence[str] = (), *, scope: Scope = "message") -> Hit:
        """What happens to the next request of a scope; `names` are those of its model."""
        delay_s, hit = 0.0, None
        for index, fault in enumerate(self._faults):
            if fault.scope != scope:
                continue
            due = self._due(index, fault, names=names)
            if not due or (hit and not fault.only_delays):
                continue
            self._fired[index] += 1
            if fault.only_delays:
                delay_s += DEFAULT_DELAY_S if fault.delay_s is None else fault.delay_s
            else:
                hit, delay_s = fault, delay_s + (fault.delay_s or 0.0)
        return Hit(delay_s, hit) if delay_s or hit else NOTHING

    def _due(self, index: int, fault: Fault, *, names: Sequence[str]) -> bool:
        if fault.models and not set(fault.models).intersection(names):
            return False
        self._seen[index] += 1
        seen = self._seen[index]
        if seen <= fault.after or (fault.times is not None and self._fired[index] >= fault.times):
            return False
        draw = Random(f"{self._seed}/{index}/{seen}").random() if fault.probability < 1 else 0.0
        return draw < fault.probability
