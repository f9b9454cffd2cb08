"""The live backend against a simulator with rate limits, over real HTTP and by the real clock."""

from __future__ import annotations

import asyncio
from typing import Any

from harness.backends.access import Access
from harness.backends.live import LiveBackend, connecting
from harness.models.table import load_registry
from harness.records import Answer, Request
from harness.simulator import RateLimit, Settings
from harness.simulator.server import Simulator

HAIKU, OPUS, OTHER_OPUS = "claude-haiku-4-5-20251001", "claude-opus-4-6", "claude-opus-4-8"


def request(model: str, n: int) -> Request:
    messages = [{"role": "user", "content": f"Say {n}."}]
    return Request({"model": model, "max_tokens": 16, "messages": messages}, "2026-10-21")


def ask(models: list[str], limit: RateLimit) -> tuple[list[Answer], LiveBackend, dict[str, Any]]:
    """The answers to a request to each of the models, all asked at once, and the ledger."""
    registry = load_registry()

    async def main() -> tuple[list[Answer], LiveBackend, dict[str, Any]]:
        async with Simulator(Settings(rate_limit=limit), registry=registry) as simulator:
            backend = LiveBackend(
                connecting(Access("any", base_url=simulator.url)),
                class_of=lambda model: registry.resolve(model).rate_class or model,
            )
            asked = [backend.answer(request(m, n), "") for n, m in enumerate(models)]
            try:
                return await asyncio.gather(*asked), backend, simulator.ledger()
            finally:
                await backend.close()

    return asyncio.run(main())


def test_more_than_a_full_bucket_is_asked_without_a_refusal():
    answers, backend, ledger = ask([OPUS, OTHER_OPUS] * 31, RateLimit(60))
    (pacing,) = backend.paces()
    assert len(answers) == ledger["paid"] == 62
    assert (pacing.model_class, pacing.requests_per_minute, pacing.sent) == ("opus-4", 60, 62)
    assert (pacing.refused, ledger["failed"]) == (0, {})
    assert pacing.waited_s > 0
