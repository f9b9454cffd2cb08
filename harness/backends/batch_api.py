"""Message Batches over the SDK's transport: one call each, with the failures that matter named.

A create is never repeated here: whether it landed is for the journal to find out.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
import httpx2
import orjson

from harness.backends.client import CONNECT_TIMEOUT_S, body_of, fault_of, without_secrets
from harness.backends.wire import (
    SIMULATED_HEADER,
    FaultError,
    UnknownOutcomeError,
    UnreadableResultsError,
    error_fault,
    malformed,
)

if TYPE_CHECKING:
    from harness.backends.client import Client
    from harness.journal.wanted import Stored

PATH = "/v1/messages/batches"
CREATE_TIMEOUT_S = 600.0
CALL_TIMEOUT_S = 60.0
PAGE = 100
API_VERSION = "2026-10-21"
HEADERS = {"anthropic-version": API_VERSION, "content-type": "application/json"}
SAME_CLOCK = timedelta(seconds=2)
CHUNK_BYTES = 1 << 20
NO_BATCHES = frozenset({"not_found_error", "http_404", "http_405", "http_501"})
UNSURE = frozenset({408, 409, 425})
"""Statuses below 500 that leave open whether a batch was created."""
PORTS = {"http": 80, "https": 443}
NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
"""The SDK's transport says ConnectError of a connection that breaks after a request, too."""


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
        self.ahead = timedelta()

    def now(self) -> datetime:
        """The API's clock, once it was heard; this machine's may be wrong."""
        return datetime.now(UTC) + self.ahead

    async def check(self) -> None:
        """Raise FaultError where no batch can be created here, before one is begun."""
        try:
            await self._call("GET", f"{PATH}?limit=1")
        except FaultError as error:
            if error.fault.kind not in NO_BATCHES:
                raise
            reason = f"{self.base} has no Message Batches ({error.fault.reason}); use --mode live"
            raise FaultError(replace(error.fault, reason=reason, retry=False)) from error

    async def create(self, prefix: str, requests: Iterable[tuple[str, Stored]]) -> Remote:
        """Create a batch, once; raises UnknownOutcomeError where it may have landed.

        All the requests have the headers of the first. The body goes through a file, since it
        may be large.
        """
        with tempfile.TemporaryFile() as file:
            headers = _written(file, prefix, requests)
            try:
                async with asyncio.timeout(CREATE_TIMEOUT_S):
                    response = await self._send("POST", PATH, CREATE_TIMEOUT_S, file, headers)
            except (httpx2.HTTPError, aiohttp.ClientError, OSError) as error:
                if isinstance(error.__cause__ or error, NOT_SENT):
                    raise self._fault(error, CREATE_TIMEOUT_S) from error
                said = f"{type(error).__name__}: {error}".rstrip(": ")
                raise UnknownOutcomeError(said) from error
        if response.status_code >= 500 or response.status_code in UNSURE:
            raise UnknownOutcomeError(f"HTTP {response.status_code}")
        if not response.is_success:
            raise self._refusal(response)
        try:
            return _remote(self._checked(response))
        except FaultError as error:
            raise UnknownOutcomeError(error.fault.reason) from error

    async def retrieve(self, id_: str) -> Remote:
        """The batch as it is now."""
        return _remote(await self._call("GET", f"{PATH}/{id_}"))

    async def cancel(self, id_: str) -> Remote:
        """Ask for the batch to be cancelled; what has succeeded by then is paid for."""
        return _remote(await self._call("POST", f"{PATH}/{id_}/cancel"))

    async def since(self, moment: datetime) -> list[Remote]:
        """The batches created since then, newest first."""
        found: list[Remote] = []
        after = ""
        while True:
            page = await self._call("GET", f"{PATH}?limit={PAGE}{after}")
            items = page.get("data")
            if not isinstance(items, list):
                raise malformed("the list of batches has no `data`")
            for item in items:
                remote = _remote(item)
                if remote.created_at < moment:
                    return found
                found.append(remote)
            follows = f"&after_id={found[-1].id}" if found else ""
            # A gateway that pays no heed to `after_id` gives the same page for ever.
            if not page.get("has_more") or not items or follows == after:
                return found
            after = follows

    async def lines(self, remote: Remote) -> AsyncIterator[bytes]:
        """The lines of the results with their ends; FaultError where they cannot be had."""
        url = remote.results_url or f"{self.base}{PATH}/{remote.id}/results"
        if _origin(url) != _origin(self.base):
            raise UnreadableResultsError(
                f"batch {remote.id} has its results at {urlsplit(url).scheme}://"
                f"{urlsplit(url).netloc}, which is not the API's host: the key is not sent there; "
                "download them by hand, or ask the API's provider"
            )
        request = self.client.http.build_request(
            "GET", url, headers={**await self._who(), **HEADERS}, timeout=CALL_TIMEOUT_S
        )
        try:
            response = await self.client.http.send(request, stream=True, follow_redirects=False)
            try:
                if not response.is_success:
                    await response.aread()
                    raise self._refusal(response)
                async for line in _split(response.aiter_bytes()):
                    yield line
            finally:
                await response.aclose()
        except (httpx2.HTTPError, aiohttp.ClientError, OSError) as error:
            raise self._fault(error) from error

    async def _call(self, method: str, path: str) -> dict[str, Any]:
        try:
            return self._checked(await self._send(method, path, CALL_TIMEOUT_S))
        except (httpx2.HTTPError, aiohttp.ClientError, OSError) as error:
            raise self._fault(error) from error

    def _checked(self, response: httpx2.Response) -> dict[str, Any]:
        if not response.is_success:
            raise self._refusal(response)
        body = body_of(response)
        if not isinstance(body, dict):
            raise malformed("the answer is no JSON object")
        return body

    def _refusal(self, response: httpx2.Response) -> FaultError:
        fault = error_fault(body_of(response), response.status_code, response.headers)
        return FaultError(without_secrets(fault, self.client))

    def _fault(self, error: Exception, limit_s: float = CALL_TIMEOUT_S) -> FaultError:
        return FaultError(without_secrets(fault_of(error, limit_s), self.client))

    async def _who(self) -> Mapping[str, str]:
        """The headers that say who asks; credentials that the SDK renews are had from its call."""
        if self.client.has_key:
            return self.client.own_headers
        try:
            response = await self.client.get(f"{PATH}?limit=1", cast_to=httpx2.Response)
        except Exception as error:  # whatever the SDK or the provider of the credentials raises
            raise self._fault(error) from error
        sent = response.request.headers
        return {**self.client.own_headers, "authorization": sent.get("authorization", "")}

    async def _send(
        self,
        method: str,
        path: str,
        limit_s: float,
        file: IO[bytes] | None = None,
        headers: Mapping[str, str] = HEADERS,
    ) -> httpx2.Response:
        response = await self.client.http.send(
            self.client.http.build_request(
                method,
                f"{self.base}{path}",
                content=None if file is None else _chunks(file),
                headers={**await self._who(), **headers},
                timeout=httpx2.Timeout(limit_s, connect=CONNECT_TIMEOUT_S),
            ),
            # What is asked, and who asks, is sent to the API and nowhere else.
            follow_redirects=False,
        )
        self.simulated = self.simulated or SIMULATED_HEADER in response.headers
        with contextlib.suppress(KeyError, ValueError, TypeError):
            ahead = parsedate_to_datetime(response.headers["date"]) - datetime.now(UTC)
            # The header has whole seconds: what is less than that is no difference.
            self.ahead = ahead if abs(ahead) > SAME_CLOCK else timedelta()
        return response


def _written(
    file: IO[bytes], prefix: str, requests: Iterable[tuple[str, Stored]]
) -> Mapping[str, str]:
    """Write the body of a create; its headers."""
    headers = dict(HEADERS)
    before = b'{"requests":['
    begin = b'{"custom_id":' + orjson.dumps(prefix)[:-1]
    for key, (variant, params) in requests:
        if before != b",":
            headers["anthropic-version"], *betas = variant.split(" ")
            if betas:
                headers["anthropic-beta"] = ",".join(betas)
        file.write(b'%b%b%b","params":%b}' % (before, begin, key.encode(), params))
        before = b","
    file.write(b"]}")
    return {**headers, "content-length": str(file.tell())}


async def _chunks(file: IO[bytes]) -> AsyncIterator[bytes]:
    file.seek(0)
    while chunk := file.read(CHUNK_BYTES):
        yield chunk


async def _split(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Lines ended by a newline alone: other line ends may stand inside a JSON text."""
    rest: list[bytes] = []
    async for chunk in chunks:
        head, newline, tail = chunk.partition(b"\n")
        rest.append(head)
        while newline:
            rest.append(newline)
            yield b"".join(rest)
            head, newline, tail = tail.partition(b"\n")
            rest = [head]
    if last := b"".join(rest):
        yield last


def _origin(url: str) -> tuple[str, str | None, int | None]:
    """Where a URL leads, whichever way it is written."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or PORTS.get(parts.scheme)


def _remote(body: dict[str, Any]) -> Remote:
    """The batch that a body tells of; raises FaultError where it tells of none."""
    try:
        created = datetime.fromisoformat(body["created_at"].replace("Z", "+00:00"))
        return Remote(
            id=str(body["id"]),
            status=str(body["processing_status"]),
            requests=sum(body["request_counts"].values()),
            created_at=created if created.tzinfo else created.replace(tzinfo=UTC),
            results_url=body.get("results_url"),
            archived=body.get("archived_at") is not None,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise malformed(f"a batch that cannot be read: {error!r}") from error
