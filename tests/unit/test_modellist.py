"""The API's list of models, from a server that speaks its language."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest

from harness.backends.access import Access
from harness.backends.live import connecting
from harness.backends.modellist import Listed, listed
from harness.backends.wire import FaultError
from harness.models.table import load_registry
from harness.simulator.server import Simulator
from harness.simulator.service import Settings

REGISTRY = load_registry()
KEY = "sk-ant-SECRET"


async def asked(settings: Settings) -> list[Listed]:
    async with Simulator(settings, registry=REGISTRY) as simulator:
        return await listed(connecting(Access(KEY, base_url=simulator.url)))


def test_every_model_is_listed_with_its_lifecycle_and_limits():
    found = {told.id: told for told in asyncio.run(asked(Settings()))}
    assert set(found) == {model.id for model in REGISTRY}
    assert found["claude-sonnet-4-5-20250929"] == Listed(
        "claude-sonnet-4-5-20250929", "deprecated", date(2026, 11, 30), 200_000, 64_000
    )


def test_a_refusal_is_told_without_the_key():
    with pytest.raises(FaultError) as caught:
        asyncio.run(asked(Settings(api_keys=("another",))))
    assert "SECRET" not in str(caught.value)


def test_an_api_that_is_not_there_is_told():
    with pytest.raises(FaultError, match="connection failed"):
        asyncio.run(listed(connecting(Access(KEY, base_url="http://127.0.0.1:9"))))
