"""A real store: what it keeps, how it is read, and every way in which it can fail."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from harness.errors import RunNotFoundError, StoreError
from harness.paid import paid_beside
from harness.records import (
    Answer,
    Bill,
    Call,
    Grade,
    Outcome,
    Request,
    Result,
    Run,
    TrialId,
    Usage,
)
from harness.store import READ_AT_ONCE, Entry, ResultRow, Store

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
REQUEST = Request({"model": "m", "messages": [{"role": "user", "content": "hi"}]}, "2026-10-21")


def answer(text: str = "hi") -> Answer:
    return Answer(({"type": "text", "text": text},), "m", "end_turn", Usage(1, 2), NOON)


def entry(key: str, text: str = "hi") -> Entry:
    return Entry(key, REQUEST, answer(text))


def run_of(name: str, minutes: int = 0) -> Run:
    at = NOON + timedelta(minutes=minutes)
    return Run(name, at, "live", "1", "2.11", "2026-11-20", (), (), {"m": 1})


def row(position: int, *keys: str, run: str = "run") -> ResultRow:
    calls = tuple(Call(REQUEST, replace(answer(), key=key), Bill()) for key in keys)
    messages = REQUEST.params["messages"]
    said = [*messages, {"role": "assistant", "content": list(answer().content)}] if keys else []
    result = Result(
        TrialId("s", f"c{position}", "m"), Outcome.PASSED, 1.0, (Grade(True),), calls, tuple(said)
    )
    return ResultRow(run, position, result)


def sqlite_of(tmp_path: Path, name: str = "store.db") -> str:
    return f"sqlite:///{tmp_path / name}"


def test_an_answer_is_found_by_its_key(store: Store):
    store.exchange([], [entry("a", "one"), entry("b", "two")])
    assert store.exchange(["b", "missing"]) == {"b": answer("two")}


def test_what_is_kept_and_wanted_at_once_is_found(store: Store):
    assert store.exchange(["a"], [entry("a")]) == {"a": answer()}


def test_the_first_answer_to_a_request_stays(store: Store):
    store.exchange([], [entry("a", "first")])
    assert store.exchange(["a"], [entry("a", "second")])["a"].text == "first"


@pytest.mark.parametrize(("second", "kept"), [("msg_2", ["msg_2"]), ("msg_1", [])],
                         ids=["another answer", "the same once more"])  # fmt: skip
def test_an_answer_that_was_paid_for_although_there_was_one_is_not_forgotten(
    store: Store, second: str, kept: list[str]
):
    for name, run in (("msg_1", "one"), (second, "two")):
        said = Entry("a", REQUEST, replace(answer(), id=name), run)
        store.exchange([], [said, entry(f"new of {run}")])
    assert [(spare.run, spare.answer.id) for spare in paid_beside(store)] == [
        ("two", i) for i in kept
    ]


def test_answers_outlive_the_process_that_got_them(url: str, store: Store):
    store.exchange([], [entry("a")])
    other = Store(url)
    assert other.exchange(["a"])
    other.close()


def test_more_keys_than_a_query_holds_are_looked_up(store: Store):
    keys = [f"k{n}" for n in range(2 * READ_AT_ONCE + 1)]
    store.exchange([], [entry(key) for key in keys])
    assert set(store.exchange(keys)) == set(keys)


def test_results_come_in_the_order_of_the_run_with_their_calls(store: Store):
    rows = [row(n, f"k{n}") for n in range(READ_AT_ONCE + 3)]
    store.exchange([], [entry(f"k{n}") for n in range(len(rows))], rows[::-1])
    assert list(store.results("run")) == [r.result for r in rows]


def test_a_result_of_a_run_that_goes_on_replaces_the_earlier_one(store: Store):
    failed = replace(row(0).result, outcome=Outcome.FAILED)
    store.exchange([], [], [ResultRow("run", 0, failed)])
    store.exchange([], [], [row(0), row(0, run="other")])
    assert [result.outcome for result in store.results("run")] == [Outcome.PASSED]


def test_results_are_read_in_pieces(store: Store):
    store.exchange([], [], [row(n) for n in range(2 * READ_AT_ONCE)])
    reading = store.results("run")
    next(reading)
    store.exchange([], [], [row(2 * READ_AT_ONCE)])
    assert len(list(reading)) == 2 * READ_AT_ONCE


def test_a_run_is_found_by_id_by_prefix_and_as_the_latest(store: Store):
    for minutes, name in enumerate(["20261120-a1", "20261120-a1b", "20261121-c"]):
        store.start(run_of(name, minutes))
    found = [store.run(name).id for name in ("20261120-a1", "20261120-a1b", "20261121", "latest")]
    assert found == ["20261120-a1", "20261120-a1b", "20261121-c", "20261121-c"]
    assert [run.id for run in store.runs(2)] == ["20261121-c", "20261120-a1b"]


@pytest.mark.parametrize("name", ["2026", "nothing", "%", "_", ""])
def test_a_name_that_is_not_of_one_run_is_refused(store: Store, name: str):
    store.start(run_of("20261120-a"))
    store.start(run_of("20261120-b"))
    with pytest.raises(RunNotFoundError, match="harness runs"):
        store.run(name)


def test_the_latest_of_no_runs_is_refused(store: Store):
    with pytest.raises(RunNotFoundError, match="no runs yet"):
        store.run("latest")


def test_how_a_run_ended_replaces_how_it_began(store: Store):
    store.start(run_of("a"))
    store.finish(replace(run_of("a"), exit_code=3, finished_at=NOON))
    assert [(run.id, run.exit_code) for run in store.runs()] == [("a", 3)]


def test_a_newer_format_is_not_touched(url: str, store: Store):
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE harness_meta SET value = '99'")
    with pytest.raises(StoreError, match=r"format 99.*update"):
        Store(url)


@pytest.mark.parametrize(
    "change", ["DELETE FROM harness_meta", "UPDATE harness_meta SET value='x'"]
)
def test_a_format_that_is_none_is_refused(url: str, store: Store, change: str):
    with store.engine.begin() as connection:
        connection.exec_driver_sql(change)
    with pytest.raises(StoreError, match="another --store"):
        Store(url)


PATHS = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
BESIDE_THIS_FILE = {**os.environ, "PYTHONPATH": os.pathsep.join(PATHS)}
OPEN_AND_WRITE = """
import sys, test_store
from harness.store import Store
store = Store(sys.argv[1])
for n in range(25):
    store.exchange([f"k{n}"], [test_store.entry(f"{sys.argv[2]}-{n}"), test_store.entry(f"k{n}")])
"""


def test_processes_that_begin_a_store_at_once_all_keep_their_answers(url: str):
    begun = [
        subprocess.Popen([sys.executable, "-c", OPEN_AND_WRITE, url, str(n)], env=BESIDE_THIS_FILE)
        for n in range(4)
    ]
    assert [process.wait(60) for process in begun] == [0] * 4
    store = Store(url)
    assert len(store.exchange([f"{p}-{n}" for p in range(4) for n in range(25)])) == 100
    store.close()


def begin_stores(folder: Path, together: Any, failed: Any) -> None:
    for n in range(40):
        together.wait(30)
        try:
            Store(sqlite_of(folder, f"{n}.db")).close()
        except StoreError as error:
            failed.put(str(error))


def test_a_store_may_be_begun_twice_at_the_same_instant(tmp_path: Path):
    spawn = multiprocessing.get_context("spawn")
    together, failed = spawn.Barrier(6), spawn.SimpleQueue()
    begun = [
        spawn.Process(target=begin_stores, args=(tmp_path, together, failed)) for _ in range(6)
    ]
    for process in begun:
        process.start()
    for process in begun:
        process.join()
    assert failed.empty(), failed.get()
    failed.close()


# SQLite's own ways to fail.


def refused(url: str) -> str:
    """What is said when a store is opened and written to."""

    def use() -> None:
        opened = Store(url, busy_timeout_s=0.05)
        try:
            opened.exchange([], [entry("a")])
        finally:
            opened.close()

    with pytest.raises(StoreError) as caught:
        use()
    return str(caught.value)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A store that is there already."""
    Store(sqlite_of(tmp_path)).close()
    return tmp_path / "store.db"


def test_a_locked_store_says_who_to_wait_for(file: Path):
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    said = refused(f"sqlite:///{file}")
    other.close()
    assert "another process has kept it locked" in said
    assert str(file) in said


def test_a_new_store_that_is_locked_says_so_too(tmp_path: Path):
    other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    said = refused(sqlite_of(tmp_path))
    other.close()
    assert "locked" in said


def test_a_store_that_another_writes_can_be_read(file: Path):
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store = Store(f"sqlite:///{file}", busy_timeout_s=0.05)
    assert store.runs() == []
    store.close()
    other.close()


def test_a_read_only_store_says_so(file: Path):
    assert "make it writable" in refused(f"sqlite:///file:{file}?mode=ro&uri=true")


def test_a_url_with_a_query_makes_no_folder(file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(file.parent)
    Store(f"sqlite:///file:{file}?mode=rw&uri=true").close()
    assert [path.name for path in file.parent.iterdir()] == ["store.db"]


@pytest.mark.parametrize(
    ("name", "said"),
    [("junk.db", "no SQLite database"), (".", "cannot be opened"), ("junk.db/x/y.db", "junk.db")],
    ids=["not a database", "a folder", "under a file"],
)
def test_a_path_that_is_no_store_says_so(tmp_path: Path, name: str, said: str):
    (tmp_path / "junk.db").write_bytes(b"no database " * 100)
    assert said in refused(sqlite_of(tmp_path, name))


def test_a_damaged_store_says_so(file: Path):
    damaged = bytearray(file.read_bytes())
    damaged[4096:] = b"x" * (len(damaged) - 4096)
    file.write_bytes(damaged)
    assert "another --store" in refused(f"sqlite:///{file}")


def test_a_folder_that_is_missing_is_made(tmp_path: Path):
    Store(sqlite_of(tmp_path, "new/er/store.db")).close()
    assert (tmp_path / "new/er/store.db").is_file()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite://", "name a file"),
        ("no url", "name a file"),
        ("mysql://me:SECRET@host/db", "only SQLite and PostgreSQL"),
        ("nothing://me:SECRET@host/db", "only SQLite and PostgreSQL"),
        ("postgresql+nothing://me:SECRET@host/db", "cannot be used"),
    ],
)
def test_a_url_that_is_no_store_says_what_is(url: str, said: str):
    refusal = refused(url)
    assert said in refusal
    assert "SECRET" not in refusal


FULL = """
import resource, signal, sys, test_store
from harness.errors import StoreError
from harness.store import Store
store = Store(sys.argv[1])
store.exchange([], [test_store.entry("kept")])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
try:
    for n in range(100):
        store.exchange([], [test_store.entry(f"k{n}", "x" * 20_000)])
except StoreError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no RLIMIT_FSIZE")
def test_a_full_disk_is_told_and_loses_nothing(tmp_path: Path):
    said = subprocess.run(
        [sys.executable, "-c", FULL, sqlite_of(tmp_path)],
        env=BESIDE_THIS_FILE, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "store.db" in said.stdout, said
    store = Store(sqlite_of(tmp_path))
    assert store.exchange(["kept", "k0"]).keys() == {"kept", "k0"}
    store.close()
