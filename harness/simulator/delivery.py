"""How an answer goes out: as one JSON body or as a stream, whole, or broken as a fault wants it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.simulator.faults import UNKNOWN_BLOCK, Hit
from harness.simulator.http import common_headers, response
from harness.simulator.problem import error_body
from harness.simulator.stream import PIECE_CHARACTERS, event, events

if TYPE_CHECKING:
    from aiohttp import web

CHARACTERS_PER_TOKEN = 4
HTML_PAGE = b"<html><body><h1>Simulated gateway page</h1></body></html>"
GARBAGE_EVENT = b'event: content_block_delta\ndata: {"type": "content_block_de\n\n'
BROKEN_STREAMS = ("cut", "error_event", "malformed")


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that is due to a client, and what goes wrong on the way."""

    message: Mapping[str, Any]
    request_id: str
    headers: Mapping[str, str]
    hit: Hit
    tokens_per_second: float | None = None


async def deliver(request: web.Request, delivery: Delivery, *, stream: bool) -> web.StreamResponse:
    """Send the message, or what its fault makes of it."""
    if delivery.hit.kind == "drop":
        return hang_up(request)
    if delivery.hit.kind == "html":
        page = {**delivery.headers, "Content-Type": "text/html"}
        return response(HTML_PAGE, delivery.request_id, headers=page)
    return await (_send_stream if stream else _send_json)(request, delivery)


def disfigured(message: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """The message as a fault of the kind `no_usage` or `unknown_block` leaves it."""
    if kind == "no_usage":
        return {key: value for key, value in message.items() if key != "usage"}
    if kind == "unknown_block":
        return {**message, "content": [UNKNOWN_BLOCK, *message["content"]]}
    return message


def hang_up(request: web.Request) -> web.Response:
    """Close the connection without a word; the response is for aiohttp alone."""
    from aiohttp import web

    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _send_json(request: web.Request, delivery: Delivery) -> web.StreamResponse:
    import orjson

    kind = delivery.hit.kind
    raw = orjson.dumps(disfigured(delivery.message, kind))
    if kind == "cut":
        return await _cut_short(request, delivery, raw)
    if kind == "malformed":
        raw = raw[: len(raw) // 2]
    elif kind == "empty":
        raw = b""
    return response(raw, delivery.request_id, headers=delivery.headers)


async def _cut_short(request: web.Request, delivery: Delivery, raw: bytes) -> web.StreamResponse:
    from aiohttp import web

    cut = web.StreamResponse(headers=common_headers(delivery.request_id, delivery.headers))
    cut.content_length = len(raw)
    await cut.prepare(request)
    await cut.write(raw[: len(raw) // 2])
    if request.transport is not None:
        request.transport.close()
    return cut


async def _send_stream(request: web.Request, delivery: Delivery) -> web.StreamResponse:
    from aiohttp import web

    kind = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache"}
    headers = common_headers(delivery.request_id, {**delivery.headers, **kind})
    stream = web.StreamResponse(headers=headers)
    await stream.prepare(request)
    pieces = _stream_pieces(delivery)
    if delivery.tokens_per_second is None:
        await stream.write(b"".join(pieces))
        return stream
    pause_s = PIECE_CHARACTERS / CHARACTERS_PER_TOKEN / delivery.tokens_per_second
    for piece in pieces:
        if piece.startswith(b"event: content_block_delta"):
            await asyncio.sleep(pause_s)
        await stream.write(piece)
    return stream


def _stream_pieces(delivery: Delivery) -> Iterator[bytes]:
    kind = delivery.hit.kind
    if kind == "empty":
        return
    pieces = [event(data) for data in events(disfigured(delivery.message, kind))]
    if kind not in BROKEN_STREAMS:
        yield from pieces
        return
    # The first three open the message and its first block; the last two end it.
    yield from pieces[: max(3, len(pieces) // 2)][: len(pieces) - 2]
    if kind == "malformed":
        yield GARBAGE_EVENT
    elif kind == "error_event" and delivery.hit.fault:
        yield event(error_body(delivery.hit.fault.error(), delivery.request_id))
