"""The line before a run: from the store and what was counted before, without asking anybody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from harness.cli.planning import announce, glance
from harness.invocation import Invocation
from harness.prepare import Prepared, prepare
from harness.recorder import digest, identity, simulated_identity
from harness.records import Answer, Request, Usage
from harness.store import Entry, Store
from harness.trial import steps
from harness.workshop import Workshop

SUITE = """\
suite: s
models: [haiku]
prompt: "Say {{ word }}."
params: {max_tokens: 100}
graders: [{contains: please}]
cases:
  - {id: a, vars: {word: a}}
  - {id: b, vars: {word: b}}
"""
SIMULATOR = "http://127.0.0.1:9"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_text(SUITE)
    return tmp_path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(f"sqlite:///{tmp_path}/store.db")
    yield opened
    opened.close()


def prepared(folder: Path, environ: Mapping[str, str] = {}, **how: Any) -> Prepared:
    invocation = Invocation(paths=("s.yaml",), cwd=str(folder), **how)
    return prepare(invocation, environ, folder)


def first_requests(run: Prepared) -> list[Request]:
    workshop = Workshop(run.suites[0], run.registry)
    return [next(steps(trial, workshop))[0] for trial in run.trials]


def keep(store: Store, run: Prepared, fresh: str = "", simulator: str = "") -> None:
    said = Answer(
        ({"type": "text", "text": "please"},), "claude-haiku-4-5-20251001", "end_turn",
        Usage(5, 5), datetime(2026, 11, 20, tzinfo=UTC),
    )  # fmt: skip
    for request in first_requests(run):
        key = identity(digest(request), 1, 0, fresh)
        key = simulated_identity(key, simulator) if simulator else key
        store.exchange([], [Entry(key, request, said)])


def stored(run: Prepared, store: Store, of: str = "") -> int:
    return glance(run, store, run=of).total.stored


def test_a_run_that_asks_anew_has_nothing_stored_until_it_goes_on(here: Path, store: Store):
    run = prepared(here, fresh=True)
    keep(store, run)
    keep(store, run, fresh="r1")
    assert [stored(run, store, of) for of in ("", "r1", "r2")] == [0, 2, 0]


def test_simulated_answers_count_where_a_simulator_is_asked(here: Path, store: Store):
    keep(store, prepared(here), simulator=SIMULATOR)
    assert stored(prepared(here), store) == 0
    assert stored(prepared(here, {"ANTHROPIC_BASE_URL": SIMULATOR}), store) == 2


def test_simulated_answers_lead_through_several_turns(here: Path, store: Store):
    turns = 'turns: [{user: "Say {{ word }}."}, {user: More.}]'
    (here / "s.yaml").write_text(SUITE.replace('prompt: "Say {{ word }}."', turns))
    run = prepared(here, {"ANTHROPIC_BASE_URL": SIMULATOR})
    keep(store, run, simulator=SIMULATOR)
    assert glance(run, store).total.waves == {"turn 2": 2}


def test_what_was_counted_for_a_plan_is_used_again(here: Path, store: Store):
    run = prepared(here)
    before = glance(run, store)
    counts = {digest(request): 1000 for request in first_requests(run)}
    (here / ".harness").mkdir(exist_ok=True)
    (here / ".harness/token-counts.json").write_bytes(orjson.dumps(counts))
    after = glance(run, store)
    assert (before.counting, after.counting) == ("estimated", "counted")
    assert round(after.total.input_tokens, -2) == 2000


def test_a_run_that_may_look_again_says_so_though_all_is_stored(
    here: Path, store: Store, capsys: pytest.CaptureFixture[str]
):
    run = prepared(here)
    keep(store, run)
    looking = replace(run, invocation=replace(run.invocation, confirm=True))
    announce(looking, store, yes=True, told=True)
    announce(run, store, yes=True, told=True)
    with_it, without = capsys.readouterr().err.splitlines()
    assert "2 stored; 0 requests" in with_it
    assert "a second look (--confirm) of up to 4 requests" in with_it
    assert "second look" not in without
