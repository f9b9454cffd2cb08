"""What the API refuses in pictures and documents: kind, size, number, citations.

Limits are those of Anthropic's vision, PDF and citations pages (2026-08-22); messages, those that
users of the API report.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.media import PDF, kind_of, pdf_is_encrypted, pdf_pages, picture_kind, picture_size
from harness.simulator.problem import InvalidError
from harness.simulator.turns import blocks

if TYPE_CHECKING:
    from harness.models import Model

Body = Mapping[str, Any]
Placed = tuple[tuple[str | int, ...], Body]
MAX_BYTES = 10 * 1024 * 1024
MAX_PX, MAX_PX_OF_MANY, MANY = 8000, 2000, 20
SMALL_CONTEXT = 200_000
IMAGES = {True: 100, False: 600}
PAGES = {True: 100, False: 600}
"""By whether the model's context is small."""


def check_attachments(body: Body, model: Model) -> None:
    """Refuse a request whose pictures or documents the API refuses; raises InvalidError."""
    images, documents = list(_placed(body, "image")), list(documents_of(body))
    small = bool(model.context_tokens and model.context_tokens <= SMALL_CONTEXT)
    if len(images) > IMAGES[small]:
        raise InvalidError(f"messages: too many images: {len(images)} > {IMAGES[small]}")
    for at, block in images:
        _check(_image, at, block["source"], MAX_PX_OF_MANY if len(images) > MANY else MAX_PX)
    for at, block in documents:
        _check(_document, at, block["source"], PAGES[small])
    enabled = [cites(block) for _, block in documents]
    if any(enabled) and not all(enabled):
        raise InvalidError("messages: citations must be enabled on all documents or on none")


def documents_of(body: Body) -> Iterator[Placed]:
    """The documents of a request in the order in which citations count them, with their place."""
    return _placed(body, "document")


def cites(block: Body) -> bool:
    """Whether the block asks for citations."""
    return block["type"] != "text" and bool((block.get("citations") or {}).get("enabled"))


def _placed(body: Body, kind: str) -> Iterator[Placed]:
    for index, message in enumerate(body["messages"]):
        if not isinstance(message["content"], str):
            yield from _within(("messages", index, "content"), message["content"], kind)


def _within(at: tuple[str | int, ...], content: Sequence[Body], kind: str) -> Iterator[Placed]:
    for index, block in enumerate(content):
        if block["type"] == kind:
            yield (*at, index, kind), block
        elif block["type"] == "tool_result":
            yield from _within((*at, index, "content"), blocks(block.get("content")), kind)


def _check(
    check: Callable[[Body, int], None], at: tuple[str | int, ...], source: Body, limit: int
) -> None:
    kind = source["type"]
    try:
        if kind == "url" and not source["url"].startswith("https://"):
            raise InvalidError("Only HTTPS URLs are supported.").under("url")
        if kind == "base64":
            check(source, limit)
        if kind == "text" and not source["data"]:
            raise InvalidError("document text must be non-empty").under("data")
    except InvalidError as error:
        raise error.under(*at, "source", kind) from None


def _decoded(source: Body) -> bytes:
    try:
        return base64.b64decode(source["data"], validate=True)
    except (binascii.Error, ValueError):
        raise InvalidError("Invalid base64 data").under("data") from None


def _image(source: Body, most: int) -> None:
    size = len(source["data"])
    if size > MAX_BYTES:
        message = f"image exceeds 10 MB maximum: {size} bytes > {MAX_BYTES} bytes"
        raise InvalidError(message).under("data")
    data = _decoded(source)
    kind, pixels = picture_kind(data), picture_size(data)
    if kind is None or pixels is None:
        raise InvalidError("Could not process image").under("data")
    if kind != source["media_type"]:
        message = f"Image does not match the provided media type {source['media_type']}"
        raise InvalidError(message).under("data")
    if max(pixels) > most:
        told = " for many-image requests" if most == MAX_PX_OF_MANY else ""
        message = (
            f"At least one of the image dimensions exceed max allowed size{told}: {most} pixels"
        )
        raise InvalidError(message).under("data")


def _document(source: Body, pages: int) -> None:
    data = _decoded(source)
    if kind_of(data) != PDF:
        raise InvalidError("The PDF specified was not valid.").under("data")
    if pdf_is_encrypted(data):
        raise InvalidError("The PDF specified is password protected.").under("data")
    if pdf_pages(data) > pages:
        raise InvalidError(f"A maximum of {pages} PDF pages may be provided.").under("data")
