"""What the store has for a run is what the run will find there."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from harness.backends.replay import ReplayBackend
from harness.forecast.shelf import shelf
from harness.recorder import Asked, Recorder, Space, simulated_identity
from harness.records import Answer, Request, Usage
from harness.store import Entry, Store

ASKED = Request({"model": "m", "messages": []}, "v")
URL = "http://127.0.0.1:9"
SPACES = {
    "models": Space("", "r"),
    "simulator": Space(URL, "r"),
    "only simulated": Space(URL, "r", models=False),
    "fresh": Space(URL, "r", fresh=True),
}


def answer(text: str) -> Answer:
    now = datetime(2026, 11, 20, tzinfo=UTC)
    return Answer(({"type": "text", "text": text},), "m", "end_turn", Usage(1, 1), now)


@pytest.fixture(params=SPACES.values(), ids=SPACES)
def space(request: pytest.FixtureRequest) -> Space:
    found: Space = request.param
    return found


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        ((), {}),
        (("model",), {"models": "model", "simulator": "model", "fresh": "model"}),
        (("sim",), {"simulator": "sim", "only simulated": "sim", "fresh": "sim"}),
        (("model", "sim"), {"models": "model", "simulator": "model", "only simulated": "sim",
                            "fresh": "model"}),
    ],
    ids=["nothing", "of a model", "simulated", "both"],
)  # fmt: skip
def test_the_answer_is_the_one_that_the_run_may_use(
    store: Store, space: Space, names: tuple[str, ...], kept: dict[str, str]
):
    looking = shelf(store, space)
    key = space.key_of(ASKED, Asked())
    under = {"model": key, "sim": simulated_identity(key, URL)}
    store.exchange([], [Entry(under[name], ASKED, answer(name)) for name in names])
    wanted = next(kept.get(name) for name, one in SPACES.items() if one is space)
    found = looking.answers([key, "other"])
    assert {one: answer.text for one, answer in found.items()} == ({key: wanted} if wanted else {})
    assert looking.kept([key, "other"]) == found.keys()
    assert Recorder(store, ReplayBackend(), space).kept([key]) == found.keys()
