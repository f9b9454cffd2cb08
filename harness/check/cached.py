"""Whether what a suite wants cached is long enough to be cached at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.models import Model
from harness.records import Candidate, Json
from harness.suite import Suite

BYTES_PER_TOKEN = 2
"""No tokenizer makes more tokens of ordinary text than this: the estimate is on the high side."""
IMAGE_TOKENS = 4784
TOOL_SYSTEM_TOKENS = 1000
"""More than the hidden tokens of any model where there are tools."""

Params = Mapping[str, Any]


class CachedPrompts:
    """The longest prefix that each candidate is asked to cache, in tokens, at most."""

    def __init__(self, suite: Suite, models: Mapping[str, Model]) -> None:
        self.suite, self.models = suite, models
        self._most: dict[str, int | None] = {}

    def add(self, params: Params, candidate: Candidate) -> None:
        """Take in a request; one without a breakpoint says nothing."""
        if self.models[candidate.name].min_cacheable_tokens is None:
            return
        if self._most.get(candidate.name, 0) is None or not _may_cache(params):
            return
        marked, most = _prefix(params)
        if marked:
            known = self._most.get(candidate.name) or 0
            self._most[candidate.name] = None if most is None else max(known, most)

    def warnings(self) -> Iterator[str]:
        """A warning for each candidate whose every prefix is surely too short to be cached."""
        for name, most in self._most.items():
            least = self.models[name].min_cacheable_tokens
            if most is not None and least is not None and most < least:
                yield (
                    f"{self.suite.path}: {name} caches nothing here: what is to be cached has at "
                    f"most about {most:,} tokens, and {self.models[name].id} caches from "
                    f"{least:,} on; remove `cache`, or put more before the breakpoint"
                )


def _may_cache(params: Params) -> bool:
    """A cheap look, since nearly every request has no breakpoint."""
    if params.get("cache_control") or params.get("tools") or isinstance(params.get("system"), list):
        return True
    return any(isinstance(message.get("content"), list) for message in params["messages"])


def _prefix(params: Params) -> tuple[bool, int | None]:
    """Whether there is a breakpoint, and the tokens up to the last at most; `None` is unknown."""
    at: int | None = TOOL_SYSTEM_TOKENS if params.get("tools") else 0
    marked, found = False, at
    for block in _blocks(params):
        size = _tokens(block)
        at = None if at is None or size is None else at + size
        if isinstance(block, dict) and block.get("cache_control"):
            marked, found = True, at
    return (True, at) if params.get("cache_control") else (marked, found)


def _blocks(params: Params) -> Iterator[Json]:
    """What a prefix is made of, in the order of the cache: tools, system, messages."""
    contents = (message.get("content") for message in params["messages"])
    for part in (params.get("tools"), params.get("system"), *contents):
        yield from part if isinstance(part, list | tuple) else [part]


def _tokens(value: Json) -> int | None:
    """Tokens of a part of a prompt, at most; `None` for what the API fetches, or a PDF."""
    if isinstance(value, str):
        return len(value.encode(errors="replace")) // BYTES_PER_TOKEN + 1
    if isinstance(value, dict):
        if value.get("type") == "image":
            return IMAGE_TOKENS
        if value.get("type") in ("base64", "url", "file"):
            return None
        value = [part for pair in value.items() for part in pair]
    if not isinstance(value, list | tuple):
        return 1
    sizes = [_tokens(part) for part in value]
    return None if None in sizes else sum(size or 0 for size in sizes)
