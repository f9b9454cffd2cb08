"""A small API server of its own for batches: as the API's pages say, and broken where a test asks.

It shares nothing with the project's simulator, so that a mistake of one is not hidden by the
other. It lives in a thread; its attributes are the faults, and may be changed while it serves.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from aiohttp import web

Json = dict[str, Any]
Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]
ANSWER = "so it goes"
BATCHES = "/v1/messages/batches"


def digest(params: object) -> str:
    """What tells one paid request from another: exactly what was sent."""
    return hashlib.sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()


def problem(kind: str, said: str = "no") -> Json:
    """The body of an error."""
    return {"type": "error", "error": {"type": kind, "message": said}, "request_id": "req_e"}


def message(model: str, text: str = ANSWER) -> Json:
    """What a model says."""
    return {
        **{"id": "msg_1", "type": "message", "role": "assistant", "model": model},
        "content": [{"type": "text", "text": text}],
        **{"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"input_tokens": 9, "output_tokens": 4, "service_tier": "batch"},
    }


def succeeded(params: Json, text: str = ANSWER) -> Json:
    """The result of a request that went well, and is paid for."""
    return {"type": "succeeded", "message": message(params["model"], text)}


def errored(kind: str, said: str = "no") -> Json:
    """The result of a request that failed."""
    return {"type": "errored", "error": problem(kind, said)}


@dataclass
class Held:
    """A batch that the server has."""

    id: str
    requests: list[Json]
    headers: Mapping[str, str]
    created: datetime
    results: list[Json]
    status: str = "in_progress"
    archived: bool = False
    foreign: bool = False

    @property
    def paid(self) -> list[str]:
        """The digests of what it was paid for."""
        both = zip(self.requests, self.results, strict=True)
        return [digest(one["params"]) for one, result in both if result["type"] == "succeeded"]


def _in_order(lines: list[bytes]) -> bytes:
    return b"".join(lines)


def _ours(base: str, id_: str) -> str:
    return f"{base}{BATCHES}/{id_}/results"


@dataclass
class BatchServer:
    """The server, for the length of a `with`.

    `creates`, `looks` and `downloads` hold what answers the next ones instead; `result` says what
    comes of a request that was sent so many times before; `body` what the results look like;
    `asked_live` how many seconds a live answer takes, and the error instead of one.
    """

    takes_s: float = 0.0
    hold: bool = False
    created_off: timedelta = timedelta()
    date_off: timedelta = timedelta()
    result: Callable[[Json, int], Json] = lambda params, _before: succeeded(params)
    body: Callable[[list[bytes]], bytes] = _in_order
    results_url: Callable[[str, str], str | None] = _ours
    before_list: Callable[[], None] = lambda: None
    creates: deque[Reply] = field(default_factory=deque)
    looks: deque[Reply] = field(default_factory=deque)
    downloads: deque[Reply] = field(default_factory=deque)
    lists: Reply | None = None
    asked_live: Callable[[Json], tuple[float, Json | None]] = lambda _params: (0.0, None)
    batches: dict[str, Held] = field(default_factory=dict)
    gone: list[Held] = field(default_factory=list)
    live: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    url: str = ""

    def __enter__(self) -> BatchServer:
        self._sent: Counter[str] = Counter()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.url = asyncio.run_coroutine_threadsafe(self._begin(), self._loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def ledger(self) -> list[str]:
        """The digest of each request that was paid for, in batches deleted since, too."""
        every = [*self.batches.values(), *self.gone]
        return self.live + [one for held in every if not held.foreign for one in held.paid]

    @property
    def sizes(self) -> list[int]:
        """How many requests each batch of the harness has, oldest first."""
        return [len(held.requests) for held in self.batches.values() if not held.foreign]

    def count(self, what: str) -> int:
        """How many requests, such as `POST /v1/messages/batches`, came."""
        return self.asked.count(what)

    def stranger(self, size: int) -> Held:
        """A batch of somebody else in the same workspace."""
        params = {"model": "claude-haiku-4-5", "max_tokens": 1, "messages": []}
        wanted = [{"custom_id": f"theirs-{n}", "params": params} for n in range(size)]
        held = self.land(wanted, {})
        held.foreign = True
        return held

    def land(self, requests: list[Json], headers: Mapping[str, str]) -> Held:
        """A batch is there, whatever becomes of the answer."""
        results = []
        for one in requests:
            mark = digest(one["params"])
            results.append(self.result(one["params"], self._sent[mark]))
            self._sent[mark] += 1
        number = len(self.batches) + len(self.gone) + 1
        now = datetime.now(UTC) + self.created_off
        held = Held(f"msgbatch_{number:04}", requests, headers, now, results)
        self.batches[held.id] = held
        return held

    def delete(self, id_: str) -> None:
        """The batch is not there any more."""
        self.gone.append(self.batches.pop(id_))

    async def _begin(self) -> str:
        @web.middleware
        async def every(request: web.Request, handler: Reply) -> web.StreamResponse:
            self.asked.append(f"{request.method} {request.path}")
            self.headers.append({name.lower(): value for name, value in request.headers.items()})
            response = await handler(request)
            if not response.prepared:
                now = datetime.now(UTC) + self.date_off
                response.headers["Date"] = format_datetime(now, usegmt=True)
            return response

        app = web.Application(middlewares=[every], client_max_size=1 << 28)
        one = f"{BATCHES}/{{id}}"
        app.add_routes([
            web.post("/v1/messages", self._message), web.post(BATCHES, self._create),
            web.get(BATCHES, self._list), web.get(one, self._retrieve),
            web.delete(one, self._delete), web.post(f"{one}/cancel", self._cancel),
            web.get(f"{one}/results", self._results), web.get("/ledger", self._ledger),
        ])  # fmt: skip
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _end(self) -> None:
        await self._runner.cleanup()
        late = asyncio.all_tasks() - {asyncio.current_task()}
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _message(self, request: web.Request) -> web.StreamResponse:
        params = await request.json()
        seconds, refusal = self.asked_live(params)
        if refusal is not None:
            return web.json_response(refusal, status=400)
        self.live.append(digest(params))
        await asyncio.sleep(seconds)
        return web.json_response(message(params["model"]))

    async def _create(self, request: web.Request) -> web.StreamResponse:
        if self.creates:
            return await self.creates.popleft()(request)
        return web.json_response(self.shown(await self.landed(request)))

    async def landed(self, request: web.Request) -> Held:
        """The batch that is asked for, there."""
        wanted = (await request.json())["requests"]
        assert len({one["custom_id"] for one in wanted}) == len(wanted) > 0
        return self.land(wanted, {k.lower(): v for k, v in request.headers.items()})

    async def _list(self, request: web.Request) -> web.StreamResponse:
        self.before_list()
        if self.lists is not None:
            return await self.lists(request)
        newest = list(reversed(self.batches.values()))
        if after := request.query.get("after_id"):
            newest = newest[[held.id for held in newest].index(after) + 1 :]
        limit = int(request.query.get("limit", 20))
        page = [self.shown(held) for held in newest[:limit]]
        ids = [one["id"] for one in page] or [None]
        found = {"data": page, "has_more": len(newest) > limit}
        return web.json_response({**found, "first_id": ids[0], "last_id": ids[-1]})

    async def _retrieve(self, request: web.Request) -> web.StreamResponse:
        if self.looks:
            return await self.looks.popleft()(request)
        return web.json_response(self.shown(self._held(request)))

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        self.delete(self._held(request).id)
        return web.json_response({"id": request.match_info["id"], "type": "message_batch_deleted"})

    async def _cancel(self, request: web.Request) -> web.StreamResponse:
        held = self._held(request)
        if held.status != "ended":
            held.results = [{"type": "canceled"} for _ in held.requests]
            held.status = "canceling"
        return web.json_response(self.shown(held))

    async def _results(self, request: web.Request) -> web.StreamResponse:
        if self.downloads:
            return await self.downloads.popleft()(request)
        return web.Response(body=self.results_of(self._held(request)))

    async def _ledger(self, _: web.Request) -> web.StreamResponse:
        return web.json_response(self.ledger)

    def results_of(self, held: Held) -> bytes:
        """The results as they go over the wire, the last request's first."""
        both = zip(held.requests, held.results, strict=True)
        lines = [{"custom_id": one["custom_id"], "result": result} for one, result in both]
        return self.body([json.dumps(x, ensure_ascii=False).encode() + b"\n" for x in lines[::-1]])

    def _held(self, request: web.Request) -> Held:
        held = self.batches.get(request.match_info["id"])
        if held is None:
            text = json.dumps(problem("not_found_error", "no such batch"))
            raise web.HTTPNotFound(text=text, content_type="application/json")
        return held

    def shown(self, held: Held) -> Json:
        """The batch as the API tells of it; its counters are 0 until it has ended."""
        now = datetime.now(UTC) + self.created_off
        over = held.status != "ended" and now - held.created >= timedelta(seconds=self.takes_s)
        if over and not self.hold:
            held.status = "ended"
        ended = held.status == "ended"
        kinds = ("succeeded", "errored", "canceled", "expired")
        counts = Counter(result["type"] for result in held.results)
        size = len(held.requests)
        known = {kind: counts[kind] if ended else 0 for kind in kinds}
        known["errored"] = size - sum(known[k] for k in kinds if k != "errored") if ended else 0
        there = ended and not held.archived
        return {
            "id": held.id, "type": "message_batch", "processing_status": held.status,
            "request_counts": {"processing": 0 if ended else size, **known},
            "created_at": _zulu(held.created), "expires_at": _zulu(held.created, 24),
            "ended_at": _zulu(now) if ended else None, "cancel_initiated_at": None,
            "archived_at": _zulu(now) if held.archived else None,
            "results_url": self.results_url(self.url, held.id) if there else None,
        }  # fmt: skip


def _zulu(moment: datetime, hours: int = 0) -> str:
    return (moment + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def refusing(status: int, kind: str, said: str = "no", **headers: str) -> Reply:
    """An error; `retry_after` is the header `retry-after`."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}

    async def refuse(_: web.Request) -> web.StreamResponse:
        return web.json_response(problem(kind, said), status=status, headers=given)

    return refuse


def saying(body: bytes, status: int = 200, **headers: str) -> Reply:
    """These bytes, whatever was asked."""

    async def say(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body, status=status, headers=headers)

    return say


async def dropping(request: web.Request) -> web.StreamResponse:
    """Closes the connection."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def cutting(server: BatchServer) -> Reply:
    """The results, broken off in the middle of their last line."""

    async def cut(request: web.Request) -> web.StreamResponse:
        body = server.results_of(server.batches[request.match_info["id"]])
        response = web.StreamResponse(headers={"content-length": str(len(body))})
        await response.prepare(request)
        await response.write(body[:-20])
        assert request.transport is not None
        request.transport.close()
        return response

    return cut


def landing(server: BatchServer, then: Reply, *, after_s: float = 0.0, s: float = 0.0) -> Reply:
    """A create that lands after `after_s` seconds and answers, `s` seconds later, like `then`."""

    async def land(request: web.Request) -> web.StreamResponse:
        await request.read()
        await asyncio.sleep(after_s)
        await server.landed(request)
        await asyncio.sleep(s)
        return await then(request)

    return land
