"""The batch endpoints: bodies in, results out line by line, and the work in between.

What a fault does to a connection is done here; what becomes of a batch is decided in `batches`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any

from aiohttp import web

from harness.simulator.batch_checks import check_frame
from harness.simulator.batches import Batch, Batches
from harness.simulator.delivery import hang_up
from harness.simulator.http import api_version, check_credentials, common_headers, response
from harness.simulator.problem import ApiError
from harness.simulator.service import Service

Handler = Callable[[Service, web.Request, str], Awaitable[web.StreamResponse]]
WAKE = web.AppKey("wake", asyncio.Event)
TICK_S = 0.02
PIECE_BYTES = 64 * 1024
JSON_LINES = {"Content-Type": "application/x-jsonl"}


def at_work(batches: Batches) -> Callable[[web.Application], AsyncIterator[None]]:
    """What answers the requests of batches, for as long as an application runs."""

    async def context(app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(_work(batches, app[WAKE]))
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    return context


async def _work(batches: Batches, wake: asyncio.Event) -> None:
    while True:
        await wake.wait()
        await asyncio.sleep(0 if batches.advance() else TICK_S)
        if not batches.busy:
            wake.clear()


def _let_in(service: Service, request: web.Request) -> str:
    check_credentials(request.headers, service.settings.api_keys)
    return api_version(request.headers)


async def _read(request: web.Request, limit: int) -> bytearray:
    """The body in one piece and one copy, since it may be large; raises ApiError (413)."""
    too_large = ApiError(413, "Request exceeds the maximum size")
    if (request.content_length or 0) > limit:
        raise too_large
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > limit:
            raise too_large
    return body


async def _create(service: Service, request: web.Request, request_id: str) -> web.StreamResponse:
    version, settings = _let_in(service, request), service.settings
    body = service.parse(await _read(request, settings.batch_bytes))
    check_frame(body, most=settings.batch_requests)
    hit = service.faults.next(scope="create")
    if hit.kind in ("create_status", "create_lost"):
        await asyncio.sleep(hit.delay_s)
    if hit.fault and hit.kind == "create_status":
        raise hit.fault.error()
    if hit.kind == "create_lost":
        return hang_up(request)
    created = _shown(service, request, service.batches.create(body.pop("requests"), version))
    request.app[WAKE].set()
    await asyncio.sleep(hit.delay_s)
    if hit.fault and hit.kind == "create_lands":
        raise hit.fault.error()
    return hang_up(request) if hit.kind == "create_drops" else response(created, request_id)


async def _list(service: Service, request: web.Request, request_id: str) -> web.StreamResponse:
    await _look(service, request)
    return response(service.batches.page(request.query, str(request.url.origin())), request_id)


async def _retrieve(service: Service, request: web.Request, request_id: str) -> web.StreamResponse:
    await _look(service, request)
    batch = service.batches.find(request.match_info["id"])
    return response(_shown(service, request, batch), request_id)


async def _look(service: Service, request: web.Request) -> None:
    _let_in(service, request)
    hit = service.faults.next(scope="poll")
    await asyncio.sleep(hit.delay_s)
    if hit.fault:
        raise hit.fault.error()


async def _cancel(service: Service, request: web.Request, request_id: str) -> web.StreamResponse:
    _let_in(service, request)
    batch = service.batches.cancel(request.match_info["id"])
    return response(_shown(service, request, batch), request_id)


async def _delete(service: Service, request: web.Request, request_id: str) -> web.StreamResponse:
    _let_in(service, request)
    return response(service.batches.delete(request.match_info["id"]), request_id)


async def _results(service: Service, request: web.Request, request_id: str) -> web.StreamResponse:
    _let_in(service, request)
    lines = service.batches.results(request.match_info["id"])
    hit = service.faults.next(scope="results")
    await asyncio.sleep(hit.delay_s)
    if hit.fault and hit.kind == "results_status":
        raise hit.fault.error()
    stream = web.StreamResponse(headers=common_headers(request_id, JSON_LINES))
    await stream.prepare(request)
    for piece in _pieces(_first_half(lines) if hit.fault else lines):
        await stream.write(piece)
    if hit.kind == "results_cut" and request.transport is not None:
        request.transport.close()
    return stream


def _pieces(lines: Sequence[bytes]) -> Iterator[bytes]:
    """The lines, some at a time: a write for each would cost more than the line."""
    held, size = [], 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size >= PIECE_BYTES:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)


def _first_half(lines: Sequence[bytes]) -> Sequence[bytes]:
    """What arrives of results that end in the middle of a line."""
    middle = len(lines) // 2
    return [*lines[:middle], *(line[: len(line) // 2] for line in lines[middle : middle + 1])]


def _shown(service: Service, request: web.Request, batch: Batch) -> dict[str, Any]:
    return batch.as_json(str(request.url.origin()), service.clock())


BATCHES = "/v1/messages/batches"
BATCH_ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("POST", BATCHES, _create),
    ("GET", BATCHES, _list),
    ("GET", f"{BATCHES}/{{id}}", _retrieve),
    ("DELETE", f"{BATCHES}/{{id}}", _delete),
    ("POST", f"{BATCHES}/{{id}}/cancel", _cancel),
    ("GET", f"{BATCHES}/{{id}}/results", _results),
)
