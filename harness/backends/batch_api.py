"""Message Batches over the SDK's transport: one call each, with the failures that matter named.

A create is never repeated here: whether it landed is for the journal to find out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx2
import orjson

from harness.backends.client import CONNECT_TIMEOUT_S, body_of, fault_of
from harness.backends.wire import (
    SIMULATED_HEADER,
    Fault,
    FaultError,
    UnknownOutcomeError,
    error_fault,
)
from harness.errors import RunStoppedError
from harness.records import Request

if TYPE_CHECKING:
    from harness.backends.client import Client

PATH = "/v1/messages/batches"
CREATE_TIMEOUT_S = 600.0
CALL_TIMEOUT_S = 60.0
PAGE = 100
API_VERSION = "2026-10-21"
HEADERS = {"anthropic-version": API_VERSION, "content-type": "application/json"}
NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


@dataclass(frozen=True, slots=True)
class Remote:
    """A batch as the API tells of it."""

    id: str
    status: str
    requests: int
    created_at: datetime
    results_url: str | None
    archived: bool

    @property
    def ended(self) -> bool:
        """Its results are there, or have been."""
        return self.status == "ended"


class BatchApi:
    """The calls of Message Batches; each raises FaultError where the API refuses it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.base = str(client.base_url).rstrip("/")
        self.simulated = False

    async def create(self, prefix: str, requests: Iterable[tuple[str, Request]]) -> Remote:
        """Create a batch, once; raises UnknownOutcomeError where it may have landed."""
        lines = (
            orjson.dumps({"custom_id": f"{prefix}{key}", "params": request.params})
            for key, request in requests
        )
        body = b'{"requests":[' + b",".join(lines) + b"]}"
        try:
            response = await self._send("POST", PATH, CREATE_TIMEOUT_S, body)
        except NOT_SENT as error:
            raise FaultError(fault_of(error, CREATE_TIMEOUT_S)) from error
        except (httpx2.HTTPError, OSError) as error:
            raise UnknownOutcomeError(f"{type(error).__name__}: {error}") from error
        if response.status_code >= 500 or response.status_code in (408, 409):
            raise UnknownOutcomeError(f"HTTP {response.status_code}")
        try:
            return _remote(_checked(response))
        except (KeyError, TypeError, ValueError) as error:
            raise UnknownOutcomeError(f"an answer that cannot be read: {error}") from error

    async def retrieve(self, id_: str) -> Remote:
        """The batch as it is now."""
        return _remote(await self._get(f"{PATH}/{id_}"))

    async def cancel(self, id_: str) -> Remote:
        """Ask for the batch to be cancelled; what has succeeded by then is paid for."""
        return _remote(_checked(await self._send("POST", f"{PATH}/{id_}/cancel", CALL_TIMEOUT_S)))

    async def since(self, moment: datetime) -> list[Remote]:
        """The batches created since then, newest first."""
        found: list[Remote] = []
        after = ""
        while True:
            page = await self._get(f"{PATH}?limit={PAGE}{after}")
            for item in page["data"]:
                remote = _remote(item)
                if remote.created_at < moment:
                    return found
                found.append(remote)
            if not page["has_more"] or not page["data"]:
                return found
            after = f"&after_id={page['last_id']}"

    async def lines(self, remote: Remote) -> AsyncIterator[bytes]:
        """The lines of the results; FaultError where they end early or cannot be had."""
        url = remote.results_url or f"{self.base}{PATH}/{remote.id}/results"
        if urlsplit(url).netloc != urlsplit(self.base).netloc:
            raise RunStoppedError(
                f"batch {remote.id} has its results at {urlsplit(url).netloc}, which is not the "
                "API's host: the key is not sent there; download them by hand, or ask the API's "
                "provider"
            )
        request = self.client.http.build_request(
            "GET", url, headers={**self.client.own_headers, **HEADERS}, timeout=CALL_TIMEOUT_S
        )
        try:
            response = await self.client.http.send(request, stream=True)
            try:
                if not response.is_success:
                    await response.aread()
                    _checked(response)
                async for line in _split(response.aiter_bytes()):
                    yield line
            finally:
                await response.aclose()
        except (httpx2.HTTPError, OSError) as error:
            raise FaultError(fault_of(error, CALL_TIMEOUT_S)) from error

    async def _get(self, path: str) -> dict[str, Any]:
        try:
            return _checked(await self._send("GET", path, CALL_TIMEOUT_S))
        except (httpx2.HTTPError, OSError) as error:
            raise FaultError(fault_of(error, CALL_TIMEOUT_S)) from error

    async def _send(
        self, method: str, path: str, limit_s: float, body: bytes | None = None
    ) -> httpx2.Response:
        response = await self.client.http.send(
            self.client.http.build_request(
                method,
                f"{self.base}{path}",
                content=body,
                headers={**self.client.own_headers, **HEADERS},
                timeout=httpx2.Timeout(limit_s, connect=CONNECT_TIMEOUT_S),
            )
        )
        self.simulated = SIMULATED_HEADER in response.headers
        return response


async def _split(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Lines ended by a newline alone: other line ends may stand inside a JSON text."""
    rest: list[bytes] = []
    async for chunk in chunks:
        head, newline, tail = chunk.partition(b"\n")
        rest.append(head)
        while newline:
            yield b"".join(rest)
            head, newline, tail = tail.partition(b"\n")
            rest = [head]
    if last := b"".join(rest):
        yield last


def _checked(response: httpx2.Response) -> dict[str, Any]:
    body = body_of(response)
    if not response.is_success:
        raise FaultError(error_fault(body, response.status_code, response.headers))
    if not isinstance(body, dict):
        raise FaultError(Fault("malformed_response", "the answer is no JSON object", retry=True))
    return body


def _remote(body: dict[str, Any]) -> Remote:
    created = datetime.fromisoformat(body["created_at"].replace("Z", "+00:00"))
    return Remote(
        id=str(body["id"]),
        status=str(body["processing_status"]),
        requests=sum(body["request_counts"].values()),
        created_at=created if created.tzinfo else created.replace(tzinfo=UTC),
        results_url=body.get("results_url"),
        archived=body.get("archived_at") is not None,
    )
