"""What the simulator's tests share: the packaged models, and a service with a clock to turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from harness.models import Model, Registry
from harness.models.table import load_registry
from harness.simulator import Settings
from harness.simulator.service import Service

HAIKU = "claude-haiku-4-5-20251001"


@dataclass
class Clock:
    """Seconds that pass only when a test says so."""

    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="session")
def registry() -> Registry:
    return load_registry()


@pytest.fixture
def model(registry: Registry) -> Callable[[str], Model]:
    return registry.resolve


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make_service(registry: Registry, clock: Clock) -> Callable[..., Service]:
    return lambda **settings: Service(Settings(**settings), registry, clock=clock)


@pytest.fixture
def body() -> Callable[..., dict[str, Any]]:
    def make(text: Any = "What is 2 + 2?", **changes: Any) -> dict[str, Any]:
        messages = [{"role": "user", "content": text}]
        return {"model": HAIKU, "max_tokens": 100, "messages": messages, **changes}

    return make


@pytest.fixture
def ask(make_service: Callable[..., Service]) -> Callable[..., dict[str, Any]]:
    """Answer a body as a fresh service would, and give the message."""

    def answer(request: dict[str, Any], **settings: Any) -> dict[str, Any]:
        service = make_service(**settings)
        checked = service.check(request, "2026-10-21")
        return service.answer(request, checked, request_id="req_1").message

    return answer
