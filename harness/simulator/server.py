"""The simulator as a local HTTP server: routes, and a server to start and stop.

The only module that opens a socket for others to call.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from harness.errors import UsageError
from harness.simulator.batch_http import BATCH_ROUTES, WAKE, Handler, at_work
from harness.simulator.delivery import Delivery, deliver
from harness.simulator.http import (
    MAX_BODY_BYTES,
    api_version,
    check_credentials,
    read_body,
    response,
)
from harness.simulator.problem import ApiError, error_body
from harness.simulator.service import Service, bucket_of
from harness.simulator.settings import Settings

if TYPE_CHECKING:
    from harness.models import Registry

log = logging.getLogger(__name__)

Clock = Callable[[], float]
BACKLOG = 1024
SHUTDOWN_S = 0.5


def make_app(
    settings: Settings, *, registry: Registry, clock: Clock = time.time
) -> web.Application:
    """The application; `clock` gives seconds since 1970 for limits and the prompt cache."""
    return _app(Service(settings, registry, clock=clock))


def _app(service: Service) -> web.Application:
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app[WAKE] = asyncio.Event()
    app.cleanup_ctx.append(at_work(service.batches))
    for method, path, handler in ROUTES:
        app.router.add_route(method, path, _guarded(service, handler))
    return app


def _guarded(service: Service, handler: Handler) -> Callable[[web.Request], Awaitable[Any]]:
    async def guarded(request: web.Request) -> web.StreamResponse:
        request_id = service.new_id("req")
        try:
            return await handler(service, request, request_id)
        except ApiError as exc:
            error = exc
        except ConnectionError:
            return web.Response()  # who asked is gone, and nobody reads it
        except Exception:
            log.exception("a bug in the simulator, at %s %s", request.method, request.path)
            error = ApiError(500, "Internal server error")
        service.ledger.failed[error.status] += 1
        body = error_body(error, request_id)
        return response(body, request_id, status=error.status, headers=error.headers)

    return guarded


async def _open(service: Service, request: web.Request) -> tuple[dict[str, Any], str]:
    check_credentials(request.headers, service.settings.api_keys)
    version = api_version(request.headers)
    return service.parse(await read_body(request)), version


async def _messages(service: Service, request: web.Request, request_id: str) -> web.StreamResponse:
    body, version = await _open(service, request)
    model = service.check(body, version)
    stream = bool(body.get("stream"))
    hit = service.next_hit(model)
    if hit.delay_s:
        await asyncio.sleep(hit.delay_s)
    if hit.fault and (hit.kind == "status" or (hit.kind == "error_event" and not stream)):
        raise hit.fault.error()
    answered = service.answer(body, model, request_id=request_id)
    if answered.latency_s:
        await asyncio.sleep(answered.latency_s)
    service.begin(answered)
    delivery = Delivery(
        message=answered.message,
        request_id=request_id,
        headers=service.limiter.headers(bucket_of(model), service.clock()),
        hit=hit,
        tokens_per_second=service.settings.tokens_per_second,
    )
    return await deliver(request, delivery, stream=stream)


async def _count_tokens(
    service: Service, request: web.Request, request_id: str
) -> web.StreamResponse:
    body, version = await _open(service, request)
    model = service.check(body, version, counting=True)
    return response({"input_tokens": service.count_tokens(body, model)}, request_id)


async def _models(service: Service, request: web.Request, request_id: str) -> web.StreamResponse:
    check_credentials(request.headers, service.settings.api_keys)
    api_version(request.headers)
    query = request.query
    lifecycle = [*query.getall("lifecycle[]", []), *query.getall("lifecycle", [])]
    return response(service.catalogue.page(query, lifecycle), request_id)


async def _model(service: Service, request: web.Request, request_id: str) -> web.StreamResponse:
    check_credentials(request.headers, service.settings.api_keys)
    api_version(request.headers)
    return response(service.catalogue.info(request.match_info["id"]), request_id)


async def _ledger(service: Service, _request: web.Request, request_id: str) -> web.StreamResponse:
    return response(service.ledger.dumps(), request_id)


async def _reset(service: Service, _request: web.Request, request_id: str) -> web.StreamResponse:
    service.reset()
    return response({"reset": True}, request_id)


async def _unknown(_service: Service, request: web.Request, _id: str) -> web.StreamResponse:
    if any(path == request.path for _, path, _ in ROUTES):
        raise ApiError(405, f"Method {request.method} is not allowed here")
    raise ApiError(404, f"Not found: {request.method} {request.path}")


ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("POST", "/v1/messages", _messages),
    ("POST", "/v1/messages/count_tokens", _count_tokens),
    *BATCH_ROUTES,
    ("GET", "/v1/models", _models),
    ("GET", "/v1/models/{id}", _model),
    ("GET", "/__simulator/ledger", _ledger),
    ("POST", "/__simulator/reset", _reset),
    ("*", "/{path:.*}", _unknown),
)


class Simulator:
    """A simulator in this process, on a free port of 127.0.0.1, for the length of an `async with`.

    `url` is the base URL to give to a client; `sock` is a socket that listens already.
    """

    def __init__(
        self, settings: Settings, *, registry: Registry, clock: Clock = time.time,
        sock: socket.socket | None = None,
    ) -> None:  # fmt: skip
        self._service, self._sock = Service(settings, registry, clock=clock), sock
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def __aenter__(self) -> Simulator:
        self._runner, self.url = await _start(
            self._service, host="127.0.0.1", port=0, sock=self._sock
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def ledger(self) -> dict[str, Any]:
        """What `GET /__simulator/ledger` shows."""
        return self._service.ledger.as_json()


async def _start(
    service: Service, *, host: str, port: int, sock: socket.socket | None = None
) -> tuple[web.AppRunner, str]:
    runner = web.AppRunner(_app(service), access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    try:
        if sock is not None:
            await web.SockSite(runner, sock, backlog=BACKLOG).start()
        else:
            await web.TCPSite(runner, host, port, backlog=BACKLOG).start()
    except OSError as exc:
        await runner.cleanup()
        raise UsageError(
            f"the simulator cannot listen on {host}:{port}: {exc.strerror or exc}; "
            "choose another port, or 0 for a free one"
        ) from exc
    bound = runner.addresses[0][1]
    return runner, f"http://{f'[{host}]' if ':' in host else host}:{bound}"


def run_forever(
    settings: Settings,
    *,
    registry: Registry,
    host: str = "127.0.0.1",
    port: int = 0,
    on_start: Callable[[str], None] | None = None,
    clock: Clock = time.time,
) -> None:
    """Serve until the process is interrupted or told to end; `on_start` is given the URL.

    Raises UsageError where the port cannot be opened.
    """
    service = Service(settings, registry, clock=clock)
    asyncio.run(_serve(service, host=host, port=port, on_start=on_start or (lambda _url: None)))


async def _serve(
    service: Service, *, host: str, port: int, on_start: Callable[[str], None]
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop.set)
        except (NotImplementedError, RuntimeError):
            # Windows, and threads other than the main one, have no handlers: the process ends.
            log.debug("no handler for signal %s here", number)
    runner, url = await _start(service, host=host, port=port)
    try:
        on_start(url)
        await stop.wait()
    finally:
        await runner.cleanup()
