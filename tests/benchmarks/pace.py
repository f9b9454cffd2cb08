"""How much of a rate limit is used, and how many requests are refused on the way.

    python tests/benchmarks/pace.py [--seconds 120] [--requests 600] [--input-tokens 200000]

The live backend asks a simulator in a process of its own, as fast as it may, two models of one
class and one of another. What a class is allowed is a full bucket and its refill. Nothing here is
asserted.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from programs import harness
from report import Row, table

from harness.backends.access import Access
from harness.backends.live import LiveBackend, connecting
from harness.errors import RunStoppedError
from harness.models import Registry
from harness.models.table import load_registry
from harness.records import Request

MODELS = ("claude-haiku-4-5-20251001", "claude-opus-4-6", "claude-opus-4-8")
ASKING = 100
"""Requests to each model that want to be sent at any time."""
CONCURRENCY = 256
MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Shape:
    """What is asked: characters of a prompt on average, and seconds that an answer takes."""

    name: str
    characters: int
    latency_s: float


SHAPES = (
    Shape("short prompts", 300, 0.2),
    Shape("short prompts, slow answers", 300, 2.0),
    Shape("long prompts", 4000, 0.2),
    Shape("long prompts, slow answers", 4000, 2.0),
)


@contextlib.contextmanager
def simulator(shape: Shape, given: argparse.Namespace) -> Iterator[str]:
    """The URL of a simulator in a process of its own, with the limits that are asked for."""
    limits = ["--rpm", str(given.requests), "--itpm", str(given.input_tokens)]
    slow = ["--latency", str(shape.latency_s), "--jitter", str(shape.latency_s / 2)]
    with subprocess.Popen(
        [*harness(), "simulate", "--port", "0", *limits, *slow],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as server:
        try:
            assert server.stdout is not None
            said = server.stdout.readline()
            yield next(word for word in said.split() if word.startswith("http"))
        finally:
            server.terminate()


def requests(shape: Shape, model: str) -> Iterator[Request]:
    """Prompts between a fifth and nearly twice the average, without end."""
    random = Random(model)
    while True:
        text = "word " * int(shape.characters / 5 * random.uniform(0.2, 1.8))
        messages = [{"role": "user", "content": f"{text}{random.random()}"}]
        yield Request({"model": model, "max_tokens": 16, "messages": messages}, "2026-10-21")


async def ask(shape: Shape, url: str, seconds: float, registry: Registry) -> dict[str, Any]:
    """The simulator's ledger, after as many requests as the backend sends in this time."""
    backend = LiveBackend(
        connecting(Access("simulated", base_url=url)),
        concurrency=CONCURRENCY,
        class_of=lambda model: class_of(registry, model),
    )

    async def work(asked: Iterator[Request]) -> None:
        for request in asked:
            try:
                await backend.answer(request, "")
            except RunStoppedError:
                return

    # The connections are there before the time begins, as the client takes a second to import.
    await backend.answer(next(requests(shape, MODELS[0])), "")
    await asyncio.to_thread(post, f"{url}/__simulator/reset")
    streams = [requests(shape, model) for model in MODELS]
    workers = [asyncio.create_task(work(stream)) for stream in streams for _ in range(ASKING)]
    await asyncio.sleep(seconds)
    ledger = await asyncio.to_thread(get, f"{url}/__simulator/ledger")
    backend.stop()
    await asyncio.gather(*workers)
    for pacing in backend.paces():
        print(f"{shape.name}: {pacing}", file=sys.stderr, flush=True)
    await backend.close()
    return ledger


def class_of(registry: Registry, model: str) -> str:
    """The class whose limits a model falls under."""
    known = registry.get(model)
    return (known and known.rate_class) or model


def post(url: str) -> None:
    """Send an empty body."""
    urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=30).close()


def get(url: str) -> dict[str, Any]:
    """The JSON at a URL."""
    with urllib.request.urlopen(url, timeout=30) as response:
        found: dict[str, Any] = json.load(response)
    return found


def used(ledger: dict[str, Any], given: argparse.Namespace, registry: Registry) -> list[float]:
    """The share of what was allowed that each class used: of the limit that it came nearest to."""
    allowed = 1 + given.seconds / MINUTE_S
    shares = []
    for name in {class_of(registry, model) for model in MODELS}:
        paid = [e["usage"] for e in ledger["requests"] if class_of(registry, e["model"]) == name]
        read = sum(usage["input_tokens"] for usage in paid)
        shares.append(max(len(paid) / given.requests, read / given.input_tokens) / allowed)
    return shares


async def measure(given: argparse.Namespace) -> list[Row]:
    """The rows of all shapes, which are measured at the same time: the limits leave time."""
    registry = load_registry()
    with contextlib.ExitStack() as stack:
        urls = [stack.enter_context(simulator(shape, given)) for shape in SHAPES]
        asking = [
            ask(shape, url, given.seconds, registry)
            for shape, url in zip(SHAPES, urls, strict=True)
        ]
        ledgers = await asyncio.gather(*asking)
    rows = []
    for shape, ledger in zip(SHAPES, ledgers, strict=True):
        shares = used(ledger, given, registry)
        detail = ", ".join(f"{share:.3f}" for share in shares)
        rows.append(Row(f"limit used, {shape.name}", min(shares), "", "at least 0.97", detail, 3))
        paid, refused = len(ledger["requests"]), ledger["failed"].get("429", 0)
        share, detail = 100 * refused / (paid + refused), f"{refused} of {paid + refused}"
        rows.append(Row(f"refused, {shape.name}", share, "%", "under 0.5", detail))
    return rows


def pace(seconds: float) -> Iterator[Row]:
    """All shapes, each measured for so many seconds."""
    yield from asyncio.run(measure(options(["--seconds", str(seconds)])))


def options(arguments: list[str]) -> argparse.Namespace:
    """The limits per minute and the time that are asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=120.0, help="of measuring (120)")
    parser.add_argument("--requests", type=int, default=600, help="a minute (600)")
    parser.add_argument("--input-tokens", type=int, default=200_000, help="a minute (200000)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    begun = time.monotonic()
    print(table(asyncio.run(measure(options(sys.argv[1:])))))
    print(f"in {time.monotonic() - begun:.0f} s", file=sys.stderr)
