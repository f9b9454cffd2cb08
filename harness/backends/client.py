"""The SDK's client, made from settings, and one request through it with its failures named."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
import anthropic
import httpx2
import orjson

from harness.backends.access import LOOPBACK, Access
from harness.backends.stream import Assembly
from harness.backends.wire import (
    CONNECTION_ERROR,
    TIMEOUT,
    Fault,
    FaultError,
    answer_of,
    error_fault,
)
from harness.records import Answer, Request

if TYPE_CHECKING:
    from anthropic._types import RequestOptions

DEFAULT_TIMEOUT_S = 600.0
CONNECT_TIMEOUT_S = 10.0
STREAMED_TIMEOUT_S = 3600.0
STREAMED_ABOVE = 21_333
"""`max_tokens` above which a plain request could idle longer than proxies allow."""
UNREADABLE = (ValueError, AssertionError, httpx2.DecodingError)
UNCONNECTED = (anthropic.APIConnectionError, httpx2.HTTPError, aiohttp.ClientError, OSError)
NEVER_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    httpx2.ConnectTimeout,
    httpx2.UnsupportedProtocol,
)
"""Failures to connect. `ConnectError` is none: a connection that broke later is called that too."""


class Client(anthropic.AsyncAnthropic):
    """The SDK's client, with its transport at hand.

    A plain request goes through the transport with the client's own headers: what the SDK does
    around it for every request costs as much CPU as the request itself.
    """

    def __init__(self, http: httpx2.AsyncClient, **options: Any) -> None:
        super().__init__(http_client=http, **options)
        self.http = http
        self.messages_url = httpx2.URL(f"{str(self.base_url).rstrip('/')}/v1/messages")

    async def ask(self, request: Request, limit_s: float) -> httpx2.Response:
        """The response to one request, whatever its status."""
        return await self.http.send(
            self.http.build_request(
                "POST",
                self.messages_url,
                content=orjson.dumps(request.params),
                headers={**self.own_headers, **_headers(request.api_version, request.betas)},
                timeout=_timeouts(limit_s),
            )
        )

    @functools.cached_property
    def own_headers(self) -> Mapping[str, str]:
        """What the SDK sends with every request: who asks, and with which version."""
        given = {**self.default_headers, **self.auth_headers}
        return {name: value for name, value in given.items() if isinstance(value, str)}

    @property
    def has_key(self) -> bool:
        """The credentials are a key or a token, not something that the SDK renews."""
        return bool(self.api_key or self.auth_token)


def make_client(access: Access) -> Client:
    """A client on the aiohttp transport that retries nothing by itself."""
    options: dict[str, Any] = {}
    if access.api_key:
        options["api_key"] = access.api_key
    elif access.auth_token:
        options["auth_token"] = access.auth_token
    host = urlsplit(access.base_url or "").hostname
    return Client(
        anthropic.DefaultAioHttpClient(
            base_url=access.base_url or "",
            # A proxy from the environment does not lead back to this machine.
            trust_env=host not in LOOPBACK,
        ),
        base_url=access.base_url,
        max_retries=0,
        timeout=_timeouts(DEFAULT_TIMEOUT_S),
        **options,
    )


async def send(client: Client, request: Request, clock: Callable[[], float]) -> Answer:
    """The answer to one attempt at `request`; raises FaultError for whatever goes wrong."""
    streamed = _max_tokens(request) > STREAMED_ABOVE
    limit = request.timeout_s or (STREAMED_TIMEOUT_S if streamed else DEFAULT_TIMEOUT_S)
    start = clock()
    try:
        async with asyncio.timeout(limit):
            body, headers = await (_stream if streamed else _post)(client, request, limit)
        return answer_of(body, headers, answered_at=datetime.now(UTC), latency_s=clock() - start)
    except FaultError as error:
        fault = error.fault
    except TimeoutError:
        fault = _timeout(limit)
    except Exception as error:
        fault = fault_of(error, limit)
    raise FaultError(without_secrets(fault, client))


def without_secrets(fault: Fault, client: Client) -> Fault:
    """The fault with what a server or a library quoted of the credentials taken out."""
    kind, reason = fault.kind, fault.reason
    for secret in filter(None, (client.api_key, client.auth_token)):
        kind, reason = kind.replace(secret, "…"), reason.replace(secret, "…")
    return replace(fault, kind=kind, reason=reason)


def fault_of(exc: Exception, limit_s: float) -> Fault:
    """What an exception of the SDK or of the transport means."""
    cause = exc.__cause__ or exc
    if isinstance(exc, anthropic.APIStatusError):
        return error_fault(exc.body, exc.status_code, exc.response.headers)
    if isinstance(cause, httpx2.ConnectTimeout):
        reason = f"no connection within {CONNECT_TIMEOUT_S:g} s"
        return Fault(CONNECTION_ERROR, reason, retry=True, unbilled=True)
    if isinstance(exc, anthropic.APITimeoutError | httpx2.TimeoutException):
        return _timeout(limit_s)
    if isinstance(exc, UNREADABLE):
        return Fault("malformed_response", f"the response cannot be read: {exc}", retry=True)
    if isinstance(exc, UNCONNECTED):
        said = f"{type(cause).__name__}: {cause}".rstrip(": ")
        reason = f"connection failed: {said}"
        return Fault(CONNECTION_ERROR, reason, retry=True, unbilled=_never_sent(exc))
    if isinstance(exc, TypeError | anthropic.AnthropicError):
        reason = f"no usable credentials: {exc}"
        return Fault("authentication_error", reason, fatal=True, unbilled=True)
    return Fault("client_error", f"{type(exc).__name__}: {exc}")


def _never_sent(exc: BaseException) -> bool:
    """It says, or what it came from, that there was no connection to send anything on."""
    cause: BaseException | None = exc
    while cause is not None and not isinstance(cause, NEVER_SENT):
        cause = cause.__cause__
    return cause is not None


def _timeout(limit_s: float) -> Fault:
    reason = f"no complete answer within {limit_s:g} s; `timeout_s:` in the suite sets this"
    return Fault(TIMEOUT, reason, retry=True)


def _max_tokens(request: Request) -> int:
    value = request.params.get("max_tokens")
    return value if isinstance(value, int) else 0


def _options(request: Request, limit_s: float) -> RequestOptions:
    headers = _headers(request.api_version, request.betas)
    return {"headers": headers, "timeout": _timeouts(limit_s)}


@functools.lru_cache(maxsize=64)
def _headers(api_version: str, betas: tuple[str, ...]) -> Mapping[str, str]:
    headers = {"anthropic-version": api_version, "content-type": "application/json"}
    return {**headers, "anthropic-beta": ",".join(betas)} if betas else headers


@functools.lru_cache(maxsize=64)
def _timeouts(limit_s: float) -> httpx2.Timeout:
    return httpx2.Timeout(limit_s, connect=CONNECT_TIMEOUT_S)


async def _post(
    client: Client, request: Request, limit_s: float
) -> tuple[bytes, Mapping[str, str]]:
    if not client.has_key:
        response = await client.post(
            "/v1/messages",
            content=orjson.dumps(request.params),
            cast_to=httpx2.Response,
            options=_options(request, limit_s),
        )
        return response.content, response.headers
    response = await client.ask(request, limit_s)
    if not response.is_success:
        raise FaultError(error_fault(body_of(response), response.status_code, response.headers))
    return response.content, response.headers


def body_of(response: httpx2.Response) -> object:
    """The body of an error: JSON as data, anything else as text."""
    try:
        return orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return response.text


async def _stream(
    client: Client, request: Request, limit_s: float
) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    # The SDK's own accumulation loses blocks and fields that it does not know.
    assembly = Assembly()
    stream = await client.post(
        "/v1/messages",
        content=orjson.dumps({**request.params, "stream": True}),
        cast_to=object,
        stream=True,
        stream_cls=anthropic.AsyncStream[object],
        options=_options(request, limit_s),
    )
    async with stream:
        async for event in stream:
            assembly.add(event)
    return assembly.message(), stream.response.headers
