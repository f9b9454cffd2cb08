"""The part of a prompt that many requests share and the API caches: which it is, what it gained."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from harness.records import Call, Request, Result, add_known

LEAST_BYTES = 512
"""No model caches fewer than 512 tokens, and a token has at least one byte."""


def prefix_of(request: Request) -> str | None:
    """The digest of what the request shares with others in the prompt cache; `None` where nothing.

    It ends at the last breakpoint of tools and system prompt, or without one at the first of the
    messages. A request that is cached as a whole shares nothing but with its own conversation.
    """
    shared = up_to_breakpoint(request.params)
    if shared is None:
        return None
    text = orjson.dumps(shared)
    if len(text) < LEAST_BYTES:
        return None
    return hashlib.sha256(request.model.encode() + b"\0" + text).hexdigest()[:32]


def up_to_breakpoint(params: Mapping[str, Any]) -> list[Any] | None:
    """What a request's body shares with others up to its breakpoint; `None` where it has none."""
    tools: Any = params.get("tools")
    system: Any = params.get("system")
    if (end := _last_marked(system)) is not None:
        return [tools, system[: end + 1]]
    if (end := _last_marked(tools)) is not None:
        return [tools[: end + 1]]
    messages: Any = params.get("messages") or ()
    for number, message in enumerate(messages):
        content = message.get("content")
        if (end := _first_marked(content)) is not None:
            return [tools, system, messages[:number], message["role"], content[: end + 1]]
    return None


def _marked(blocks: Any) -> list[int]:
    if not isinstance(blocks, Sequence) or isinstance(blocks, str):
        return []
    return [
        number
        for number, block in enumerate(blocks)
        if isinstance(block, Mapping) and block.get("cache_control") is not None
    ]


def _last_marked(blocks: Any) -> int | None:
    return next(reversed(_marked(blocks)), None)


def _first_marked(blocks: Any) -> int | None:
    return next(iter(_marked(blocks)), None)


@dataclass(frozen=True, slots=True)
class CacheHits:
    """Prompt tokens that were read from the cache, and those that could have been.

    Possible is all that was written or read at a breakpoint, less one write of each prefix, which
    somebody has to pay. `None` where the API did not count.
    """

    hit_tokens: int | None = 0
    possible_tokens: int | None = 0

    @property
    def share(self) -> float | None:
        """Hits over what was possible; `None` where nothing was, or it is unknown."""
        if self.hit_tokens is None or not self.possible_tokens:
            return None
        return self.hit_tokens / self.possible_tokens


@dataclass(slots=True)
class _Prefix:
    """What one prefix came to, by all requests with it."""

    requests: int = 0
    first: int | None = 0
    cached: int | None = 0
    hits: int | None = 0

    def add(self, call: Call) -> None:
        cached = _cached(call)
        self.first = self.first if self.requests else cached
        self.requests += 1
        self.cached = add_known(self.cached, cached)
        self.hits = add_known(self.hits, call.answer.usage.cache_read_input_tokens)

    @property
    def possible(self) -> int | None:
        """Where an earlier run has written the prefix, even the first request could read it."""
        if self.cached is None or self.first is None or self.hits is None:
            return None
        return max(self.cached - self.first, self.hits)


@dataclass(slots=True)
class CacheCount:
    """Counts what the answers of one candidate read from the cache; judges and reuse left out."""

    prefixes: dict[str, _Prefix] = field(default_factory=dict)
    hits: int | None = 0
    possible: int | None = 0

    def add(self, result: Result) -> None:
        """Count one trial."""
        before: int | None = 0
        for call in result.calls_for("answer"):
            if call.answer.reused:
                continue
            if (prefix := prefix_of(call.request)) is not None:
                self.prefixes.setdefault(prefix, _Prefix()).add(call)
            elif call.request.params.get("cache_control"):
                # Cached up to its end: the next request of the conversation can read that much.
                self.hits = add_known(self.hits, call.answer.usage.cache_read_input_tokens)
                self.possible = add_known(self.possible, before)
                before = _cached(call)

    def total(self) -> CacheHits:
        """All together."""
        hits, possible = self.hits, self.possible
        for prefix in self.prefixes.values():
            hits = add_known(hits, prefix.hits)
            possible = add_known(possible, prefix.possible)
        return CacheHits(hits, possible)


def _cached(call: Call) -> int | None:
    """The tokens up to the breakpoint, read or written."""
    usage = call.answer.usage
    written = add_known(usage.cache_write_5m_input_tokens, usage.cache_write_1h_input_tokens)
    return add_known(usage.cache_read_input_tokens, written)
