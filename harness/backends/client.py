"""The SDK's client, made from settings, and one request through it with its failures named."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
import anthropic
import httpx2
import orjson

from harness.backends.wire import Fault, FaultError, answer_of, error_fault, malformed
from harness.errors import UsageError
from harness.records import Answer, Request

DEFAULT_TIMEOUT_S = 600.0
CONNECT_TIMEOUT_S = 10.0
STREAMED_ABOVE = 21_333
"""`max_tokens` above which a plain request could idle longer than proxies allow."""
SDK_CREDENTIALS = (
    "ANTHROPIC_PROFILE",
    "ANTHROPIC_CONFIG_DIR",
    "ANTHROPIC_IDENTITY_TOKEN",
    "ANTHROPIC_IDENTITY_TOKEN_FILE",
)


@dataclass(frozen=True, slots=True)
class Access:
    """Where the API is and who asks; the key never leaves this record but in a header."""

    api_key: str | None = None
    auth_token: str | None = None
    base_url: str | None = None
    by_sdk: bool = False

    def __repr__(self) -> str:
        return f"Access(base_url={self.base_url!r}, api_key=…)"

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Access:
        """What the environment gives; raises UsageError where it gives no credentials."""
        access = cls(
            api_key=environ.get("ANTHROPIC_API_KEY") or None,
            auth_token=environ.get("ANTHROPIC_AUTH_TOKEN") or None,
            base_url=environ.get("ANTHROPIC_BASE_URL") or None,
            by_sdk=any(environ.get(name) for name in SDK_CREDENTIALS),
        )
        if not (access.api_key or access.auth_token or access.by_sdk):
            raise UsageError(
                "no API key: set ANTHROPIC_API_KEY (or write it to a .env file here or beside the "
                "suites), or run with --offline against the built-in simulator"
            )
        return access


def make_client(access: Access) -> anthropic.AsyncAnthropic:
    """A client on the aiohttp transport that retries nothing by itself."""
    options: dict[str, Any] = {}
    if access.api_key:
        options["api_key"] = access.api_key
    elif access.auth_token:
        options["auth_token"] = access.auth_token
    return anthropic.AsyncAnthropic(
        base_url=access.base_url,
        max_retries=0,
        timeout=httpx2.Timeout(DEFAULT_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
        http_client=anthropic.DefaultAioHttpClient(base_url=access.base_url or ""),
        **options,
    )


async def send(
    client: anthropic.AsyncAnthropic, request: Request, clock: Callable[[], float]
) -> Answer:
    """The answer to one attempt at `request`; raises FaultError for whatever goes wrong."""
    limit = request.timeout_s or DEFAULT_TIMEOUT_S
    streamed = _max_tokens(request) > STREAMED_ABOVE
    if streamed and request.timeout_s is None:
        limit = 3600.0
    start = clock()
    try:
        async with asyncio.timeout(limit):
            body, headers = await (_stream if streamed else _post)(client, request, limit)
    except FaultError:
        raise
    except TimeoutError as exc:
        raise FaultError(_timeout(limit)) from exc
    except Exception as exc:
        raise FaultError(fault_of(exc, limit)) from exc
    return answer_of(body, headers, answered_at=datetime.now(UTC), latency_s=clock() - start)


def fault_of(exc: Exception, limit_s: float) -> Fault:
    """What an exception of the SDK or of the transport means."""
    if isinstance(exc, anthropic.APIStatusError):
        return error_fault(exc.body, exc.status_code, exc.response.headers)
    if isinstance(exc, anthropic.APITimeoutError | httpx2.TimeoutException):
        return _timeout(limit_s)
    if isinstance(exc, ValueError | AssertionError):
        return Fault("malformed_response", f"the response cannot be read: {exc}", retry=True)
    if isinstance(
        exc, anthropic.APIConnectionError | httpx2.HTTPError | aiohttp.ClientError | OSError
    ):
        cause = exc.__cause__ or exc
        said = f"{type(cause).__name__}: {cause}".rstrip(": ")
        return Fault("connection_error", f"connection failed: {said}", retry=True)
    if isinstance(exc, TypeError | anthropic.AnthropicError):
        return Fault("authentication_error", f"no usable credentials: {exc}", fatal=True)
    return Fault("client_error", f"{type(exc).__name__}: {exc}")


def _timeout(limit_s: float) -> Fault:
    reason = f"no complete answer within {limit_s:g} s; `timeout_s:` in the suite sets this"
    return Fault("timeout", reason, retry=True)


def _max_tokens(request: Request) -> int:
    value = request.params.get("max_tokens")
    return value if isinstance(value, int) else 0


def _headers(request: Request) -> dict[str, str]:
    headers = {"anthropic-version": request.api_version}
    if request.betas:
        headers["anthropic-beta"] = ",".join(request.betas)
    return headers


async def _post(
    client: anthropic.AsyncAnthropic, request: Request, limit_s: float
) -> tuple[bytes, Mapping[str, str]]:
    response = await client.post(
        "/v1/messages",
        content=orjson.dumps(request.params),
        cast_to=httpx2.Response,
        options={
            "headers": {**_headers(request), "content-type": "application/json"},
            "timeout": httpx2.Timeout(limit_s, connect=CONNECT_TIMEOUT_S),
        },
    )
    return response.content, response.headers


async def _stream(
    client: anthropic.AsyncAnthropic, request: Request, limit_s: float
) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    params = dict(request.params)
    named = {key: params.pop(key) for key in ("model", "max_tokens", "messages")}
    ended = False
    async with client.messages.stream(
        **named, extra_body=params, extra_headers=_headers(request), timeout=limit_s
    ) as stream:
        async for event in stream:
            ended = ended or event.type == "message_stop"
        headers = stream.response.headers
        if not ended:
            raise malformed("the stream ended early", headers.get("request-id"))
        message = await stream.get_final_message()
    return message.to_dict(mode="json"), headers
