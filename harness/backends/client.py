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


def make_client(access: Access) -> anthropic.AsyncAnthropic:
    """A client on the aiohttp transport that retries nothing by itself."""
    options: dict[str, Any] = {}
    if access.api_key:
        options["api_key"] = access.api_key
    elif access.auth_token:
        options["auth_token"] = access.auth_token
    host = urlsplit(access.base_url or "").hostname
    return anthropic.AsyncAnthropic(
        base_url=access.base_url,
        max_retries=0,
        timeout=httpx2.Timeout(DEFAULT_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
        http_client=anthropic.DefaultAioHttpClient(
            base_url=access.base_url or "",
            # A proxy from the environment does not lead back to this machine.
            trust_env=host not in LOOPBACK,
        ),
        **options,
    )


async def send(
    client: anthropic.AsyncAnthropic, request: Request, clock: Callable[[], float]
) -> Answer:
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
    raise FaultError(_without_secrets(fault, client))


def _without_secrets(fault: Fault, client: anthropic.AsyncAnthropic) -> Fault:
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
        return Fault(CONNECTION_ERROR, reason, retry=True)
    if isinstance(exc, anthropic.APITimeoutError | httpx2.TimeoutException):
        return _timeout(limit_s)
    if isinstance(exc, UNREADABLE):
        return Fault("malformed_response", f"the response cannot be read: {exc}", retry=True)
    if isinstance(exc, UNCONNECTED):
        said = f"{type(cause).__name__}: {cause}".rstrip(": ")
        return Fault(CONNECTION_ERROR, f"connection failed: {said}", retry=True)
    if isinstance(exc, TypeError | anthropic.AnthropicError):
        return Fault("authentication_error", f"no usable credentials: {exc}", fatal=True)
    return Fault("client_error", f"{type(exc).__name__}: {exc}")


def _timeout(limit_s: float) -> Fault:
    reason = f"no complete answer within {limit_s:g} s; `timeout_s:` in the suite sets this"
    return Fault(TIMEOUT, reason, retry=True)


def _max_tokens(request: Request) -> int:
    value = request.params.get("max_tokens")
    return value if isinstance(value, int) else 0


def _options(request: Request, limit_s: float) -> RequestOptions:
    headers, timeout = _shared_options(request.api_version, request.betas, limit_s)
    return {"headers": headers, "timeout": timeout}


@functools.lru_cache(maxsize=64)
def _shared_options(
    api_version: str, betas: tuple[str, ...], limit_s: float
) -> tuple[Mapping[str, str], httpx2.Timeout]:
    headers = {"anthropic-version": api_version, "content-type": "application/json"}
    if betas:
        headers["anthropic-beta"] = ",".join(betas)
    return headers, httpx2.Timeout(limit_s, connect=CONNECT_TIMEOUT_S)


async def _post(
    client: anthropic.AsyncAnthropic, request: Request, limit_s: float
) -> tuple[bytes, Mapping[str, str]]:
    response = await client.post(
        "/v1/messages",
        content=orjson.dumps(request.params),
        cast_to=httpx2.Response,
        options=_options(request, limit_s),
    )
    return response.content, response.headers


async def _stream(
    client: anthropic.AsyncAnthropic, request: Request, limit_s: float
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
