"""The frame of every request and response: credentials, version, size, and the common headers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.simulator.problem import ApiError, InvalidError
from harness.simulator.wire import VERSIONS

if TYPE_CHECKING:
    from aiohttp import web
    from multidict import CIMultiDict

MAX_BODY_BYTES = 32 * 1024 * 1024
ALWAYS = {
    "anthropic-organization-id": "00000000-0000-4000-8000-51a01a7ed000",
    "x-simulated": "claude-eval-harness",
}


def check_credentials(headers: Mapping[str, str], keys: frozenset[str] | None) -> None:
    """Let in who sends a key, in either header; raises ApiError (401)."""
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    key = headers.get("x-api-key", "")
    if not bearer and not key:
        raise ApiError(401, "Authorization: Bearer or x-api-key header is required")
    if keys is not None and not keys.intersection((bearer, key)):
        raise ApiError(401, "Invalid bearer token" if bearer else "invalid x-api-key")


def api_version(headers: Mapping[str, str]) -> str:
    """The API version that the request is written for; raises InvalidError."""
    version = headers.get("anthropic-version")
    if version is None:
        raise InvalidError("anthropic-version: header is required")
    if version not in VERSIONS:
        raise InvalidError(f'anthropic-version: "{version}" is not a valid version')
    return version


async def read_body(request: web.Request) -> bytes:
    """The body's bytes; raises ApiError (413) above 32 MB."""
    from aiohttp import web

    too_large = ApiError(413, "Request exceeds the maximum size")
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise too_large
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise too_large from None


def common_headers(request_id: str, headers: Mapping[str, str] | None) -> CIMultiDict[str]:
    """The headers that every response has, and those of this one; JSON unless they say else."""
    from multidict import CIMultiDict

    result = CIMultiDict(headers or {})
    result["request-id"] = request_id
    result.update(ALWAYS)
    result.setdefault("Content-Type", "application/json")
    return result


def response(
    body: Any, request_id: str, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """A response with the common headers: JSON of `body`, or its bytes as they are."""
    import orjson
    from aiohttp import web

    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return web.Response(body=raw, status=status, headers=common_headers(request_id, headers))
