"""The prompt cache: which prefix is read, which is written, and what is billed as plain input.

Rules of Anthropic's prompt-caching page (2026-08-22): tools, system, messages in this order; at
most four breakpoints with a look-back of 20 blocks; a minimum by model; 5 minutes or 1 hour from
the last use; readable once the first response has begun.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.simulator.tokens import Segment, segments

if TYPE_CHECKING:
    from harness.models import Model

Body = Mapping[str, Any]
LIFETIME_S = {"5m": 300.0, "1h": 3600.0}
LOOK_BACK = 20
UNCACHEABLE = ("thinking", "redacted_thinking")
PURGE_ABOVE = 10_000


@dataclass(frozen=True, slots=True)
class Prompt:
    """The prompt's tokens by how they are billed, and what is to be remembered of it."""

    input_tokens: int
    read: int = 0
    written_5m: int = 0
    written_1h: int = 0
    keep: tuple[tuple[bytes, str], ...] = ()

    @property
    def total(self) -> int:
        """All tokens of the prompt."""
        return self.input_tokens + self.read + self.written_5m + self.written_1h


@dataclass(slots=True)
class _Entry:
    ttl: str
    expires: float


class PromptCache:
    """What has been cached so far; `clock` times in seconds come in with each call."""

    def __init__(self) -> None:
        self._entries: dict[bytes, _Entry] = {}

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()

    def look_up(self, body: Body, model: Model, *, now: float) -> Prompt:
        """How this prompt is billed at `now`; nothing is remembered before `remember`."""
        parts = list(segments(body, model))
        sums = list(itertools.accumulate(part.tokens for part in parts))
        marks = _breakpoints(body, parts)
        marks = {
            at: ttl for at, ttl in marks.items() if sums[at] >= (model.min_cacheable_tokens or 0)
        }
        if not marks:
            return Prompt(input_tokens=sums[-1] if sums else 0)
        digests = _digests(body, parts, model)
        hit = self._longest(digests, marks, now)
        return _bill(sums, digests, marks=marks, hit=hit)

    def remember(self, prompt: Prompt, now: float) -> None:
        """Make the prompt's prefixes readable, from the moment its response begins."""
        for digest, ttl in prompt.keep:
            self._entries[digest] = _Entry(ttl, now + LIFETIME_S[ttl])
        if len(self._entries) > PURGE_ABOVE:
            live = {key: entry for key, entry in self._entries.items() if entry.expires > now}
            self._entries = live

    def _longest(self, digests: Sequence[bytes], marks: Mapping[int, str], now: float) -> int:
        found = -1
        for mark in marks:
            for at in range(mark, max(mark - LOOK_BACK, -1), -1):
                entry = self._entries.get(digests[at])
                if entry and entry.expires > now:
                    entry.expires = now + LIFETIME_S[entry.ttl]
                    found = max(found, at)
                    break
        return found


def _breakpoints(body: Body, parts: Sequence[Segment]) -> dict[int, str]:
    marks = {
        at: part.block["cache_control"].get("ttl", "5m")
        for at, part in enumerate(parts)
        if part.block.get("cache_control")
    }
    automatic = body.get("cache_control")
    if automatic:
        cacheable = [at for at, p in enumerate(parts) if p.block.get("type") not in UNCACHEABLE]
        if cacheable:
            marks.setdefault(cacheable[-1], automatic.get("ttl", "5m"))
    return marks


def _bill(
    sums: Sequence[int], digests: Sequence[bytes], *, marks: Mapping[int, str], hit: int
) -> Prompt:
    read = sums[hit] if hit >= 0 else 0
    last = max((*marks, hit))
    long_marks = [at for at, ttl in marks.items() if ttl == "1h"]
    until_1h = max(sums[max(long_marks)], read) if long_marks else read
    return Prompt(
        input_tokens=sums[-1] - sums[last],
        read=read,
        written_1h=until_1h - read,
        written_5m=sums[last] - until_1h,
        keep=tuple((digests[at], ttl) for at, ttl in marks.items() if at > hit),
    )


def _digests(body: Body, parts: Sequence[Segment], model: Model) -> list[bytes]:
    import orjson

    sorted_keys = orjson.OPT_SORT_KEYS
    chain = hashlib.sha256(model.id.encode())
    settings = [body.get(key) for key in ("tool_choice", "thinking", "output_config")]
    result, in_messages = [], False
    for part in parts:
        if part.part == "messages" and not in_messages:
            in_messages = True
            chain.update(orjson.dumps(settings, option=sorted_keys))
        plain = {key: value for key, value in part.block.items() if key != "cache_control"}
        chain.update(orjson.dumps([part.part, part.role, plain], option=sorted_keys))
        result.append(chain.digest())
    return result
