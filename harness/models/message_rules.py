"""What the API would reject in a conversation: pictures, documents, citations, cache, roles, size.

Limits are those of Anthropic's pages on vision, PDF, citations, caching and errors (2026-08-22).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from harness.media import PDF, pdf_pages, picture_kind, picture_size
from harness.models import Model

KeyPath = tuple[str | int, ...]
Finding = tuple[KeyPath, str]
Params = Mapping[str, Any]
Placed = tuple[KeyPath, Mapping[str, Any]]

MAX_BREAKPOINTS = 4
MAX_IMAGE_BASE64 = 10 * 1024 * 1024
MAX_REQUEST = 32 * 1024 * 1024
MAX_SIDE_PX = 8000
MANY_IMAGES, MAX_SIDE_OF_MANY_PX = 20, 2000
LARGE_CONTEXT = 1_000_000
MAX_IMAGES, MAX_IMAGES_OF_LARGE = 100, 600
MAX_PAGES, MAX_PAGES_OF_SMALL = 600, 100
HEAD = 4 * 64 * 1024
"""Characters of base64 in which a picture's size is looked for."""


@dataclass(slots=True)
class _Content:
    """The blocks of a request that rules speak of, in order, with the keys that lead to them."""

    images: list[Placed] = field(default_factory=list)
    documents: list[Placed] = field(default_factory=list)
    marks: list[Placed] = field(default_factory=list)
    size: int = 0


def message_findings(model: Model, params: Params) -> Iterator[Finding]:
    """What the API would reject in the messages of a whole request body, with the keys to it."""
    messages = params.get("messages")
    if not isinstance(messages, list | tuple) or not messages:
        return
    yield from _roles(model, params, messages)
    if _is_plain(params, messages):
        return
    content = _content(params, messages)
    yield from _system(params)
    yield from _images(model, content.images)
    yield from _documents(model, content.documents, messages)
    yield from _citations(params, content.documents)
    yield from _breakpoints(params, content.marks)
    if content.size > MAX_REQUEST:
        size = content.size / 1024 / 1024
        yield (
            ("messages",),
            f"the request has {size:.0f} MB; the API takes 32, send less at once",
        )


def _is_plain(params: Params, messages: Sequence[Any]) -> bool:
    """Nothing but texts, which nearly every request is; their length is bounded elsewhere."""
    if params.get("tools") or isinstance(params.get("system"), list):
        return False
    return all(_is_text(_mapping(message).get("content")) for message in messages)


def _roles(model: Model, params: Params, messages: Sequence[Any]) -> Iterator[Finding]:
    if _mapping(messages[0]).get("role") == "assistant":
        yield ("messages", 0), "a conversation begins with the user; put a user message first"
    last, at = _mapping(messages[-1]), ("messages", len(messages) - 1)
    if last.get("role") != "assistant":
        return
    if model.prefill is False:
        yield at, f"{model.id} does not continue an assistant message; end with a user message"
    elif _mapping(params.get("thinking")).get("type") == "enabled":
        yield at, "an assistant message cannot be continued with thinking; remove one of them"
    elif isinstance(last.get("content"), str) and last["content"][-1:].isspace():
        yield at, "an assistant message that is continued cannot end in white space; cut it off"


def _content(params: Params, messages: Sequence[Any]) -> _Content:
    content = _Content()
    for key in ("tools", "system"):
        for index, item in enumerate(_list(params.get(key))):
            _mark((key, index), item, content)
    for index, message in enumerate(messages):
        _gather(("messages", index, "content"), _mapping(message).get("content"), content)
    return content


def _gather(at: KeyPath, value: Any, content: _Content) -> None:
    """Take in the blocks of a message, and those inside them."""
    if isinstance(value, str):
        content.size += len(value)
    for index, item in enumerate(_list(value)):
        block, keys = _mapping(item), (*at, index)
        _mark(keys, block, content)
        kind, source = block.get("type"), _mapping(block.get("source"))
        content.size += sum(len(t) for t in (block.get("text"), source.get("data")) if _is_text(t))
        if kind == "image":
            content.images.append((keys, source))
        elif kind == "document":
            content.documents.append((keys, block))
            _gather((*keys, "source", "content"), source.get("content"), content)
        elif kind == "tool_result":
            _gather((*keys, "content"), block.get("content"), content)


def _mark(at: KeyPath, item: Any, content: _Content) -> None:
    mark = _mapping(item).get("cache_control")
    if isinstance(mark, Mapping):
        content.marks.append((at, mark))


def _system(params: Params) -> Iterator[Finding]:
    for index, block in enumerate(_list(params.get("system"))):
        kind = _mapping(block).get("type")
        if kind != "text":
            message = f"a system prompt holds texts only, not {kind!r}; put it into the prompt"
            yield ("system", index), message


def _images(model: Model, images: Sequence[Placed]) -> Iterator[Finding]:
    most = MAX_IMAGES_OF_LARGE if _reads_much(model) else MAX_IMAGES
    if len(images) > most:
        yield images[most][0], f"{len(images)} pictures; {model.id} takes {most} in a request"
    side = MAX_SIDE_OF_MANY_PX if len(images) > MANY_IMAGES else MAX_SIDE_PX
    for at, source in images:
        if source.get("type") == "base64":
            yield from _image(at, source, side)


def _image(at: KeyPath, source: Params, side: int) -> Iterator[Finding]:
    data, named = source.get("data"), source.get("media_type")
    head = _decoded(data)
    if head is None or not _is_text(data):
        yield at, "the picture's `data` is not base64; write `image:` and a file"
        return
    kind, size = picture_kind(head), picture_size(head)
    if kind is None:
        yield at, "this is no picture; the API takes png, jpeg, gif and webp"
    elif named != kind:
        yield at, f"the picture is {kind}, not {named}; write that as `media_type`"
    if len(data) > MAX_IMAGE_BASE64:
        yield at, "the picture has more than 10 MB in base64; make it smaller"
    if size and max(size) > side:
        many = f" with more than {MANY_IMAGES} pictures" if side < MAX_SIDE_PX else ""
        message = f"the picture has {size[0]} × {size[1]} px; the API takes {side} a side{many}"
        yield at, f"{message}, make it smaller"


def _documents(
    model: Model, documents: Sequence[Placed], messages: Sequence[Any]
) -> Iterator[Finding]:
    for at, block in documents:
        if _mapping(messages[int(at[1])]).get("role") == "assistant":
            yield at, "a document cannot stand in an assistant message; put it into a user message"
        source = _mapping(block.get("source"))
        if source.get("type") != "base64":
            continue
        head = _decoded(source.get("data"))
        if head is None or b"%PDF-" not in head[:1024]:
            yield at, f"the document is not {PDF}; write `document:` and a file"
        elif not _reads_much(model):
            yield from _pages(model, at, source["data"])


def _pages(model: Model, at: KeyPath, data: str) -> Iterator[Finding]:
    pages = pdf_pages(_decoded(data, len(data)) or b"")
    if pages > MAX_PAGES_OF_SMALL:
        yield at, f"the PDF has {pages} pages; {model.id} takes {MAX_PAGES_OF_SMALL}, send fewer"


def _reads_much(model: Model) -> bool:
    """The model's context is of the size for which the larger limits hold, or unknown."""
    return (model.context_tokens or LARGE_CONTEXT) >= LARGE_CONTEXT


def _citations(params: Params, documents: Sequence[Placed]) -> Iterator[Finding]:
    cited = [at for at, block in documents if _mapping(block.get("citations")).get("enabled")]
    if not cited:
        return
    if _mapping(params.get("output_config")).get("format") is not None:
        yield cited[0], "citations cannot go with an output schema; remove one of them"
    if len(cited) < len(documents):
        at = next(keys for keys, _ in documents if keys not in cited)
        yield at, "citations are for all documents of a request or for none; add `citations: true`"


def _breakpoints(params: Params, marks: Sequence[Placed]) -> Iterator[Finding]:
    automatic = 1 if params.get("cache_control") is not None else 0
    if len(marks) + automatic > MAX_BREAKPOINTS:
        message = f"{len(marks) + automatic} cache breakpoints; the API takes {MAX_BREAKPOINTS}"
        yield marks[-1][0], f"{message}, remove `cache` from some blocks"
    short = False
    for at, mark in marks:
        if mark.get("ttl") == "1h" and short:
            yield at, "a breakpoint of `1h` cannot follow one of `5m`; give both one lifetime"
            return
        short = short or mark.get("ttl") != "1h"


def _decoded(data: Any, length: int = HEAD) -> bytes | None:
    """The beginning of base64 data, `None` where it is none."""
    try:
        return base64.b64decode(data[:length], validate=True) if _is_text(data) else None
    except (binascii.Error, ValueError):
        return None


def _is_text(value: Any) -> TypeGuard[str]:
    return isinstance(value, str)


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _mapping(value: Any) -> Params:
    # The look at the abstract type is slow, and asked for every message of every request.
    return value if type(value) is dict or isinstance(value, Mapping) else {}
