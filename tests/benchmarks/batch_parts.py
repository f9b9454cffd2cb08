"""The processes that `batches` measures, and the server that they ask.

    python batch_parts.py send|post|collect|path|serve …

A measured process writes what it timed to the file `figures.json` in its folder.
"""

from __future__ import annotations

import asyncio
import re
import resource
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import orjson
from programs import access
from workload import MODELS, write_suite

MODEL = "claude-haiku-4-5-20251001"
PATH = "/v1/messages/batches"
CHUNK_BYTES = 1 << 20
CUSTOM_ID = re.compile(rb'"custom_id":"([^"]+)"')


def params(number: int) -> dict[str, Any]:
    """The body of a request that takes about 1,000 bytes."""
    text = f"Message {number}: " + "a word or two, and then some more. " * 25
    message = {"role": "user", "content": text}
    return {"model": MODEL, "max_tokens": 16, "messages": [message]}


def result_line(custom_id: str, text: str) -> bytes:
    """A line of a batch's results."""
    message = {
        "id": f"msg_{custom_id[-24:]}",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 210,
            "output_tokens": 4,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "service_tier": "batch",
        },
    }
    result = {"type": "succeeded", "message": message}
    return orjson.dumps({"custom_id": custom_id, "result": result}) + b"\n"


class Api:
    """An API of batches that does next to nothing: one at a time, which ends at once where it may.

    Bodies are read and thrown away; where it `answers`, their `custom_id`s are kept and each has a
    text of `size` bytes as its result, in an order of its own.
    """

    def __init__(self, *, answers: bool, size: int = 7) -> None:
        self.answers, self.text = answers, "billing".ljust(size, ".")
        self.ids: list[str] = []
        self.created = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                method, path, _version = head[0].split()
                fields = dict(line.lower().split(": ", 1) for line in head[1:] if line)
                await self._read(reader, int(fields.get("content-length", 0)))
                if path.endswith("/results"):
                    await self._results(writer)
                elif method == "GET" and "?" in path:
                    await self._say(writer, {"data": [], "has_more": False})
                else:
                    self.created += method == "POST"
                    await self._say(writer, self._batch(ended=method == "GET" and self.answers))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _read(self, reader: asyncio.StreamReader, length: int) -> None:
        kept = []
        while length:
            piece = await reader.read(min(length, CHUNK_BYTES))
            if not piece:
                raise ConnectionError("the body ends early")
            length -= len(piece)
            if self.answers:
                kept.append(piece)
        if kept:
            self.ids = [id_.decode() for id_ in CUSTOM_ID.findall(b"".join(kept))]

    def _batch(self, *, ended: bool) -> dict[str, Any]:
        return {
            "id": f"msgbatch_{self.created}",
            "processing_status": "ended" if ended else "in_progress",
            "request_counts": {"processing": 1},
            "created_at": datetime.now(UTC).isoformat(),
            "results_url": None,
            "archived_at": None,
        }

    async def _say(self, writer: asyncio.StreamWriter, said: dict[str, Any]) -> None:
        body = orjson.dumps(said)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")
        writer.write(b"content-length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()

    async def _results(self, writer: asyncio.StreamWriter) -> None:
        Random(1).shuffle(self.ids)
        size = sum(len(id_) + len(id_[-24:]) for id_ in self.ids)
        size += len(self.ids) * len(result_line("", self.text))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        for id_ in self.ids:
            writer.write(result_line(id_, self.text))
            if writer.transport.get_write_buffer_size() > CHUNK_BYTES:
                await writer.drain()
        await writer.drain()


async def serve(size: str) -> None:
    """Serve on a free port, which is printed, until killed; without a size nothing is answered."""
    api = Api(answers=bool(size), size=int(size or 0))
    server = await asyncio.start_server(api.serve, "127.0.0.1", 0, limit=CHUNK_BYTES)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


class Clock:
    """CPU and wall time since it was made, or since this process began to work, by name."""

    def __init__(self) -> None:
        self.begun = time.process_time(), time.perf_counter()
        self.figures: dict[str, float] = {}

    def mark(self, name: str) -> None:
        """Note the time, and the memory at its peak so far."""
        self.figures[f"{name}_cpu_s"] = time.process_time() - self.begun[0]
        self.figures[f"{name}_wall_s"] = time.perf_counter() - self.begun[1]
        self.figures[f"{name}_peak"] = memory()

    def write(self, folder: Path) -> None:
        """Leave the figures for the process that measures."""
        (folder / "figures.json").write_bytes(orjson.dumps(self.figures))


def memory() -> int:
    """The peak of this process so far, in the unit of the system."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@asynccontextmanager
async def batching(
    url: str, folder: Path, count: int, *, wait: bool, tell: Callable[[str], object] = print
) -> AsyncIterator[Any]:
    """A backend that has noted so many requests, with a store of its own."""
    from harness import settings
    from harness.backends.access import Access
    from harness.backends.batch import Audit, BatchBackend, BatchOptions, Waiting
    from harness.backends.live import LiveBackend, connecting
    from harness.errors import PendingAnswerError
    from harness.journal import Journal
    from harness.pricing import bill
    from harness.recorder import Recorder, Space, digest, identity
    from harness.records import Request
    from harness.store import Store

    store = Store(f"sqlite:///{folder}/store.db")
    connect = connecting(Access.of(access(url)))
    options = BatchOptions(
        price=partial(bill, registry=settings.registry((), folder, None)),
        waiting=Waiting(wait, fixed_s=0.01),
        dry_run_first=False,
    )
    backend = BatchBackend(
        connect, LiveBackend(connect), Journal(store, url), "run", options, audit=Audit(None, tell)
    )
    recorder = Recorder(store, backend, Space("", "run"))
    backend.record_with(recorder)
    for number in range(count):
        request = Request(params(number), "2023-06-01")
        with suppress(PendingAnswerError):
            await backend.answer(request, identity(digest(request), 1, 0))
    yield backend
    await recorder.close()
    await backend.close()
    store.close()


async def send(url: str, folder: Path, count: int) -> None:
    """From the decision to send to the answer of the last create, by the harness."""
    from harness.errors import PendingAnswerError

    async with batching(url, folder, count, wait=False) as backend:
        _ = backend.calls.api  # the bare transport has its SDK imported before it is timed, too
        clock = Clock()
        try:
            await backend.wave()
        except PendingAnswerError:
            clock.mark("done")
        clock.write(folder)


async def post(url: str, folder: Path, count: int) -> None:
    """The same bodies, serialised and posted with the same transport."""
    from anthropic import DefaultAioHttpClient

    bodies = [
        {"custom_id": f"run-b1-{number:032x}", "params": params(number)} for number in range(count)
    ]
    async with DefaultAioHttpClient() as client:
        clock = Clock()
        body = b'{"requests":[' + b",".join(map(orjson.dumps, bodies)) + b"]}"
        headers = {"content-type": "application/json", "content-length": str(len(body))}
        response = await client.post(f"{url}{PATH}", content=_chunks(body), headers=headers)
        response.raise_for_status()
        clock.mark("done")
        clock.write(folder)


async def _chunks(body: bytes) -> AsyncIterator[bytes]:
    for begin in range(0, len(body), CHUNK_BYTES):
        yield body[begin : begin + CHUNK_BYTES]


async def collect(url: str, folder: Path, count: int) -> None:
    """From the answer of the create to the last result in the store."""
    clock = Clock()

    def tell(line: str) -> None:
        if line.endswith("requests"):
            clock.mark("sent")

    async with batching(url, folder, count, wait=True, tell=tell) as backend:
        await backend.wave()
        clock.mark("done")
        clock.write(folder)


class Watch:
    """Marks when a batch was sent, and is told the rest for nothing."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def news(self, line: str) -> None:
        """Something has happened."""
        if line.endswith("requests"):
            self.clock.mark("sent")

    def begin(self, *_: object) -> None:
        """A run begins."""

    ended = waiting = begin

    def interrupted(self) -> None:
        """Nobody interrupts."""


def path(url: str, folder: Path, count: int) -> None:
    """So many trials of a suite over a CSV file: from loading to the last grade, without reports.

    What the store in the folder has is not asked again.
    """
    clock = Clock()
    from harness.invocation import Invocation
    from harness.prepare import prepare
    from harness.run import begin, execute
    from harness.store import Store

    suite = write_suite(folder / "suite", count // len(MODELS), "csv")
    invocation = Invocation(
        (str(suite),),
        cwd=str(folder),
        mode="batch",
        poll_s=0.01,
        dry_run_first=False,
        out=str(folder / "out"),
    )
    prepared = prepare(invocation, access(url), folder)
    store = Store(f"sqlite:///{folder}/store.db")
    done = execute(prepared, store, begin(prepared, store), Watch(clock), on_signal=False)
    if done.stopped or done.counted.count != count:
        raise SystemExit(f"{done.counted.count} of {count} trials: {done.stopped}")
    clock.mark("done")
    clock.write(folder)


def main(role: str, *arguments: str) -> None:
    """Be one of the processes."""
    if role == "serve":
        asyncio.run(serve(*arguments))
        return
    url, name, count = arguments
    folder = Path(name)
    folder.mkdir(exist_ok=True)
    if role == "path":
        path(url, folder, int(count))
    else:
        asyncio.run({"send": send, "post": post, "collect": collect}[role](url, folder, int(count)))


if __name__ == "__main__":
    main(*sys.argv[1:])
