"""The API without its HTTP: checks a request, answers it, and keeps what it has to remember.

Knows nothing of sockets, so that batches can answer through it as the live endpoint does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from harness.simulator.answers import Asked, reply_to
from harness.simulator.batches import Batches
from harness.simulator.cache import Prompt, PromptCache
from harness.simulator.catalogue import Catalogue
from harness.simulator.faults import Fault, FaultPlan, Hit
from harness.simulator.ledger import Ledger, digest_of
from harness.simulator.limits import Limiter
from harness.simulator.message import message
from harness.simulator.problem import ApiError, InvalidError
from harness.simulator.rules import check_model_rules, takes_system_turns
from harness.simulator.script import Reply, fingerprint
from harness.simulator.settings import Settings
from harness.simulator.tokens import prompt_tokens
from harness.simulator.turns import check_turns
from harness.simulator.wire import COUNT, CREATE

if TYPE_CHECKING:
    from harness.models import Model, Registry

Body = Mapping[str, Any]
COUNTING = "count_tokens"


@dataclass(frozen=True, slots=True)
class Answered:
    """A message that was paid for, how long it takes to begin (seconds), and its prompt."""

    message: dict[str, Any]
    latency_s: float
    prompt: Prompt


class Service:
    """One simulated organisation: its script, limits, caches, faults and ledger."""

    def __init__(
        self, settings: Settings, registry: Registry, *, clock: Callable[[], float]
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.catalogue = Catalogue(registry)
        self.limiter = Limiter(settings.rate_limit)
        self.cache = PromptCache()
        self.faults = FaultPlan(settings.faults, settings.seed)
        self.ledger = Ledger()
        self.batches = Batches(self)
        self._ids = 0
        self._jitter = Random(settings.seed)

    def reset(self) -> None:
        """Forget all that happened; ids go on, so that none is given twice."""
        self.limiter.reset()
        self.cache.clear()
        self.faults.reset()
        self.ledger.reset()
        self.batches.reset()

    def new_id(self, prefix: str) -> str:
        """An id as the API makes them (`msg_01…`), the same in the same place of the same run."""
        self._ids += 1
        digest = hashlib.sha256(b"%d/%d" % (self.settings.seed, self._ids)).hexdigest()
        return f"{prefix}_01{digest[:22]}"

    def parse(self, raw: bytes | bytearray) -> dict[str, Any]:
        """The request's body; raises ApiError (400) where it is no JSON object."""
        import orjson

        try:
            body = orjson.loads(raw)
        except orjson.JSONDecodeError as exc:
            raise ApiError(400, f"The request body is not valid JSON: {exc}") from exc
        if not isinstance(body, dict):
            raise ApiError(400, "The request body is not valid JSON: it must be an object")
        return body

    def check(self, body: Body, version: str, *, counting: bool = False) -> Model:
        """The model that is asked; raises ApiError for whatever the API refuses."""
        (COUNT if counting else CREATE)[version](body)
        model = self.catalogue.callable(body["model"])
        try:
            check_turns(body, version, system_role=takes_system_turns(model))
            check_model_rules(body, model)
        except RecursionError as exc:
            raise InvalidError("the request is nested too deeply") from exc
        return model

    def next_hit(self, model: Model) -> Hit:
        """What is to go wrong with this request, after the script of faults."""
        return self.faults.next(self.catalogue.names[model.id])

    def count_tokens(self, body: Body, model: Model) -> int:
        """Tokens of the prompt; has a request limit of its own. Raises ApiError (429)."""
        self.limiter.admit(COUNTING, input_tokens=0, now=self.clock())
        return prompt_tokens(body, model)

    def answer(
        self, body: Body, model: Model, *, request_id: str, batch_id: str | None = None
    ) -> Answered:
        """The answer, entered as paid; raises ApiError where a limit or the script refuses it.

        The limits are those of live requests; a batch has its own, which nobody meets here.
        """
        now = self.clock()
        prompt = self.cache.look_up(body, model, now=now)
        if model.context_tokens and prompt.total > model.context_tokens:
            raise InvalidError(
                f"prompt is too long: {prompt.total} tokens > {model.context_tokens} maximum"
            )
        bucket, limited = bucket_of(model), self.limiter.active and batch_id is None
        if limited:
            self.limiter.admit(bucket, input_tokens=prompt.total - prompt.read, now=now)
        digest, opening = digest_of(body), fingerprint(body)
        asked = Asked(body, model, opening, self.settings.seed, self.ledger.seen(digest))
        reply = reply_to(asked, self.settings.script)
        if reply.status is not None:
            raise Fault("status", status=reply.status).error()
        answer = message(body, model, reply=reply, prompt=prompt, message_id=self.new_id("msg"))
        usage = answer["usage"]
        if limited:
            self.limiter.spend_output(bucket, output_tokens=usage["output_tokens"], now=now)
        if batch_id is not None:
            usage["service_tier"] = "batch"
        self.ledger.answered(
            answer, fingerprint=opening, digest=digest, request_id=request_id, batch_id=batch_id
        )
        return Answered(answer, self._latency_s(reply), prompt)

    def begin(self, answered: Answered) -> None:
        """The response begins: from now on its prompt can be read from the cache."""
        if answered.prompt.keep:
            self.cache.remember(answered.prompt, self.clock())

    def _latency_s(self, reply: Reply) -> float:
        if reply.latency_s is not None:
            return reply.latency_s
        settings = self.settings
        jitter = settings.jitter_s * self._jitter.random() if settings.jitter_s else 0.0
        return settings.latency_s + jitter


def bucket_of(model: Model) -> str:
    """The name of the rate limits that a model shares with others of its class."""
    return model.rate_class or model.id
