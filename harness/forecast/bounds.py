"""What a request may cost at most, before it is sent: an upper bound of its tokens, priced.

The only module that bounds. A text has no more tokens than bytes, for the tokenizers work on
bytes; a picture's are those of Anthropic's vision page, ⌈w/28⌉·⌈h/28⌉ and at most 4,784
(2026-08-22); an answer has at most `max_tokens`. Unknown is `None`, never 0.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal

import orjson

from harness import media
from harness.models import Model, Rates, Registry
from harness.records import Request

ENVELOPE_TOKENS = 100
FEATURE_TOKENS = 1_000
"""What the API itself adds to a prompt with tools, a schema for the answer, or citations."""
FEATURES = ("tools", "output_config", "thinking", "mcp_servers", "container")
PICTURE_TOKENS = 4_784
PATCH_PX = 28
HEAD_CHARACTERS = 4 * 64 * 1024
"""How much of a picture is read for its size; a camera's notes stand before it."""
PAGE_TOKENS = 8_000
"""A page of a PDF: 3,000 tokens of text at most, by the PDF page, and its picture."""
WIDEST_CONTEXT = 1_000_000
SERVER_ROUNDS = 10
"""Times that the API asks the model within one request, where server tools run."""
SEARCHES = 50
ATTACHED = re.compile(rb'"source":\{"type":"(?:base64|url|file)"')


@dataclass(frozen=True, slots=True)
class Size:
    """What a request may come to: tokens that are read and written at most, and what dears them.

    `cached` is the longest time that a cache breakpoint in it asks for; `rounds` is how often the
    API may ask the model within it, and `searches` how often it may search the web.
    """

    read: int
    written: int
    cached: Literal["5m", "1h"] | None = None
    rounds: int = 1
    searches: int = 0
    anywhere: bool = True
    fast: bool = False

    def grown(self, tokens: int, model: Model | None) -> Size:
        """The same with so many more tokens before it."""
        context = (model and model.context_tokens) or WIDEST_CONTEXT
        return replace(self, read=min(self.read + tokens, context))

    def judged(self, tokens: int, written: int, model: Model | None) -> Size:
        """A judge's request about it, with a cached system prompt: so many more tokens."""
        context = (model and model.context_tokens) or WIDEST_CONTEXT
        return Size(min(self.read + FEATURE_TOKENS + tokens, context), written, "5m")


def worst_case(
    request: Request, registry: Registry, today: date, *, batch: bool = False
) -> Decimal | None:
    """The most dollars that `request` may cost; `None` where a price is not known."""
    model = registry.get(request.model)
    size = measured(request.params, model)
    return None if model is None else dearest(size, model, registry, today, batch=batch)


def dearest(
    size: Size, model: Model, registry: Registry, today: date, *, batch: bool = False
) -> Decimal | None:
    """The most dollars that a request of this size may cost; `None` where a price is not known.

    All of the prompt is priced at its dearest class (a cache write, where it may be one), in the
    dearest geography it may run in, on the dearest day until the answer is there.
    """
    costs = [_on(today + timedelta(days=later), size, model) for later in range(3 if batch else 2)]
    known = [cost for cost in costs if cost is not None]
    factor = _factor(size, model, batch=batch)
    if len(known) < len(costs) or factor is None:
        return None
    tier = registry.batch_multiplier if batch else Decimal(1)
    return max(known) * factor * tier + registry.web_search_usd_per_thousand * size.searches / 1000


def measured(params: Mapping[str, Any], model: Model | None) -> Size:
    """The size of a request by its body; the prompt is no longer than the model's context."""
    context = (model and model.context_tokens) or WIDEST_CONTEXT
    raw = orjson.dumps(params, default=str)
    text, attached = parts(params, raw, context)
    rounds = _rounds(params)
    tokens = text + attached + ENVELOPE_TOKENS
    tokens += sum(FEATURE_TOKENS for feature in FEATURES if feature in params)
    return Size(
        # What a server tool finds is read, too.
        read=context if rounds > 1 else min(tokens, context),
        written=int(params["max_tokens"]),
        cached=None if b'"cache_control"' not in raw else "1h" if b'"1h"' in raw else "5m",
        rounds=rounds,
        searches=_searches(params),
        anywhere=params.get("inference_geo") != "global",
        fast=params.get("speed") == "fast",
    )


def parts(params: Mapping[str, Any], raw: bytes, context: int = WIDEST_CONTEXT) -> tuple[int, int]:
    """Bytes of the body `raw` that are no attachment, and the tokens of attachments at most."""
    if not ATTACHED.search(raw):
        return len(raw), 0
    found = [(len(_data(source)), _attached(source, context)) for source in _sources(params)]
    return len(raw) - sum(size for size, _ in found), sum(tokens for _, tokens in found)


def _on(day: date, size: Size, model: Model) -> Decimal | None:
    """Dollars at the standard rates of a day."""
    rates = model.rates_on(day, size.read)
    read = None if rates is None else _dearest_input(size, rates)
    if rates is None or read is None or rates.output is None:
        return None
    return (size.read * read + size.written * rates.output).scaleb(-6) * size.rounds


def _dearest_input(size: Size, rates: Rates) -> Decimal | None:
    """The rate of a prompt's token: that of a cache write, where the prompt has a breakpoint."""
    if size.cached is None:
        return rates.input
    written = rates.cache_write_1h if size.cached == "1h" else rates.cache_write_5m
    return None if written is None or rates.input is None else max(written, rates.input)


def _factor(size: Size, model: Model, *, batch: bool) -> Decimal | None:
    """The multipliers that may apply: a workspace may be in the US where a request says nothing."""
    factor = Decimal(1)
    if size.anywhere:
        factor *= max(factor, model.us_geo_multiplier or factor)
    if size.fast and not batch:
        return None if model.fast_multiplier is None else factor * model.fast_multiplier
    return factor


def _server_tools(params: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The tools that the API runs itself: those with a type of their own and no schema."""
    tools = params.get("tools") or ()
    return [t for t in tools if t.get("type") not in (None, "custom") and "input_schema" not in t]


def _rounds(params: Mapping[str, Any]) -> int:
    """How often the API may ask the model within this request."""
    uses = [tool.get("max_uses") for tool in _server_tools(params)]
    known = [use for use in uses if isinstance(use, int)]
    if not uses:
        return 1
    return min(SERVER_ROUNDS, sum(known) + 1) if len(known) == len(uses) else SERVER_ROUNDS


def _searches(params: Mapping[str, Any]) -> int:
    tools = [t for t in _server_tools(params) if str(t["type"]).startswith("web_search")]
    uses = (tool.get("max_uses") for tool in tools)
    return sum(use if isinstance(use, int) else SEARCHES for use in uses)


def _sources(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every `source` of a picture or document, however deep it stands."""
    if isinstance(value, Mapping):
        source = value.get("source")
        if isinstance(source, Mapping) and value.get("type") in ("image", "document"):
            yield {**source, "of": value["type"]}
        for inner in value.values():
            yield from _sources(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _sources(inner)


def _data(source: Mapping[str, Any]) -> str:
    """The base64 of what is attached; a document's text is text like any other."""
    return str(source.get("data") or "") if source.get("type") == "base64" else ""


def _attached(source: Mapping[str, Any], context: int) -> int:
    """Tokens of what is attached, at most."""
    if source.get("type") not in ("base64", "url", "file"):
        return 0
    if source["of"] == "image":
        return _picture(_data(source))
    pages = _pages(_data(source))
    return context if pages is None else pages * PAGE_TOKENS


def _picture(data: str) -> int:
    size = media.picture_size(_decoded(data[:HEAD_CHARACTERS]))
    if size is None:
        return PICTURE_TOKENS
    width, height = size
    return min(PICTURE_TOKENS, -(-width // PATCH_PX) * -(-height // PATCH_PX))


def _pages(data: str) -> int | None:
    """The pages of a PDF, `None` where not all of them can be seen."""
    raw = _decoded(data)
    return None if b"/ObjStm" in raw else media.pdf_pages(raw) or None


def _decoded(data: str) -> bytes:
    try:
        return base64.b64decode(data)
    except (binascii.Error, ValueError):
        return b""
