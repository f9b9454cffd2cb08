"""Whole runs against an API that fails: nothing crashes or hangs, and the reason is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from local_api import Asked, Behaviour, LocalApi, access, error, http, message

from harness.errors import RunStoppedError

Serve = Callable[[Behaviour], LocalApi]
OK = http(message("word0"))
KEY = "sk-ant-api03-SECRET"
STORM = (
    "status=529,p=0.04,retry_after=0.01", "status=500,p=0.04", "drop,p=0.04", "cut,p=0.04",
    "malformed,p=0.04", "html,p=0.04", "empty,p=0.04", "unknown_block,p=0.05",
    "status=429,p=0.05,retry_after=0.01",
)  # fmt: skip


def test_a_run_through_a_storm_of_faults_has_every_answer(bench: Any, simulate: Callable[..., str]):
    faults = [option for fault in STORM for option in ("--fault", fault)]
    url = simulate(str(bench.words(60)), *faults)
    ended = bench.run(access(url))
    assert (ended.outcomes["errored"], sum(ended.outcomes.values())) == (0, 120)


def test_a_wrong_key_ends_the_run_at_once_and_says_what_to_check(
    bench: Any, simulate: Callable[..., str], ledger: Callable[[str], list[str]]
):
    url = simulate("--key", "the-right-one")
    bench.words(50)
    ended = bench.run(access(url, KEY))
    assert isinstance(ended.stopped, RunStoppedError)
    assert "ANTHROPIC_API_KEY" in str(ended.stopped)
    assert (ended.code, ended.results, ledger(url)) == (3, {}, [])


@pytest.mark.parametrize(
    "stop",
    [
        http(error("invalid_request_error", "You have reached your specified API usage limits."),
             400),
        http(error("rate_limit_error", error_code="enforced_spend_limit_reached"), 429),
        http(error("billing_error"), 402),
    ],
    ids=["400", "429", "402"],
)  # fmt: skip
def test_a_spend_limit_ends_the_run_and_keeps_what_was_answered(
    bench: Any, serve: Serve, stop: bytes
):
    bench.words(20)
    api = serve(lambda asked: stop if asked.number >= 10 else OK)
    ended = bench.run(access(api.url), concurrency=2)
    assert "raise the limit" in str(ended.stopped)
    assert (ended.code, len(ended.results)) == (3, 10)
    assert len(api.asked) <= 12


def test_an_api_that_is_not_there_ends_the_run_soon(bench: Any):
    bench.words(200)
    ended = bench.run(access("http://127.0.0.1:1"))
    assert isinstance(ended.stopped, RunStoppedError)
    assert "http://127.0.0.1:1" in str(ended.stopped)
    assert (ended.code, ended.results) == (3, {})


@pytest.mark.parametrize(
    "said",
    [
        http(error("invalid_request_error", "too long"), 400),
        http(error("x"), 413),
        http(status=404),
    ],
    ids=["400", "413", "404"],
)
def test_a_request_that_is_refused_is_missing_and_the_run_goes_on(
    bench: Any, serve: Serve, said: bytes
):
    bench.words(10, models="haiku")

    def behave(asked: Asked) -> bytes:
        return said if b"word7" in asked.body else OK

    ended = bench.run(access(serve(behave).url))
    assert ended.outcomes == {"errored": 1, "passed": 1, "failed": 8}
    assert ended.code == 3


def test_a_stream_is_asked_for_where_the_answer_may_be_long(
    bench: Any, simulate: Callable[..., str]
):
    file = bench.words(6)
    file.write_text(file.read_text().replace("max_tokens: 20", "max_tokens: 30000"))
    ended = bench.run(access(simulate(str(file), "--fault", "cut,times=2")))
    assert ended.outcomes == {"passed": 9, "failed": 3}


def test_the_timeout_of_the_suite_is_kept(bench: Any, serve: Serve):
    def drip(asked: Asked) -> Iterator[bytes]:
        import time

        yield OK[:-30]
        time.sleep(0.3 if asked.number == 0 else 0)
        yield OK[-30:]

    file = bench.words(1, models="haiku")
    file.write_text(file.read_text() + "timeout_s: 0.15\n")
    api = serve(drip)
    assert (bench.run(access(api.url)).outcomes, len(api.asked)) == ({"passed": 1}, 2)


def written(folder: Path) -> Iterator[tuple[str, bytes]]:
    for file in folder.rglob("*"):
        if file.is_file():
            yield str(file), file.read_bytes()


def test_the_key_is_written_nowhere(bench: Any, serve: Serve, harness: Callable[..., Any]):
    def quote(asked: Asked) -> bytes:
        kinds = {0: "api_error", 1: "invalid_request_error", 2: "not_found_error"}
        kind = kinds.get(asked.number % 4)
        return (
            http(error(kind, f"bad key {KEY}"), 500 if kind == "api_error" else 400) if kind else OK
        )

    bench.words(8, models="haiku")
    environ = {**access(serve(quote).url, KEY), "ANTHROPIC_LOG": "debug"}
    code, out, err = harness(**environ)("run", "words.yaml", "--debug")
    assert code == 3
    assert any("bad key …".encode() in data for _, data in written(bench.folder))
    assert "SECRET" not in out + err
    assert [name for name, data in written(bench.folder) if b"SECRET" in data] == []
