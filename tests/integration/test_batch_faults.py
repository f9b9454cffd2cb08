"""Batch mode against an independent server that does everything wrong that a server may do.

What counts is what was paid for: each request once, and an answer for every trial.
"""

from __future__ import annotations

import json
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from batch_server import (
    BATCHES,
    BatchServer,
    Json,
    Reply,
    cutting,
    dropping,
    errored,
    landing,
    problem,
    refusing,
    saying,
    succeeded,
)
from local_api import LocalApi, http

from harness.cli import cli
from harness.cli.failures import reported
from harness.journal import Journal, Limits
from harness.records import Request
from harness.store import Store

SUITE = """
suite: s
models: [haiku]
prompt: "Say {{ word }}."
params: {max_tokens: 20}
graders: [{contains: so}]
cases:
  - {id: a, vars: {word: one}}
  - {id: b, vars: {word: two}}
  - {id: c, vars: {word: three}}
"""
CREATE = f"POST {BATCHES}"
LIST = f"GET {BATCHES}"
SECRET = "sk-ant-SECRET"
RUN = ("run", "s.yaml", "--mode", "batch", "--poll", "0.02")
BEGIN = (*RUN, "--no-wait")
RESUME = ("resume", "latest", "--poll", "0.02")


class Command:
    """The command in this process, in a folder with a suite of three cases."""

    def __init__(self, folder: Path, said: pytest.CaptureFixture[str]) -> None:
        self.folder, self.said = folder, said

    def __call__(self, *args: str) -> tuple[int, str]:
        """Exit code and standard error, its lines joined."""
        code = reported(cli, list(args))
        return code, " ".join(self.said.readouterr().err.split())

    def write(self, text: str) -> None:
        (self.folder / "s.yaml").write_text(text, encoding="utf-8")

    @property
    def trials(self) -> list[Json]:
        """The lines of the last run's `trials.jsonl`."""
        files = self.folder.glob(".harness/runs/*/trials.jsonl")
        file = max(files, key=lambda file: file.stat().st_mtime_ns)
        return [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line]

    @property
    def outcomes(self) -> Counter[str]:
        return Counter(str(trial["outcome"]) for trial in self.trials)

    def store(self) -> Store:
        return Store(f"sqlite:///{self.folder}/.harness/store.db")

    def intend(self, size: int, run: str = "other") -> None:
        """A batch of this size in the journal, whose creation somebody else has begun."""
        store = self.store()
        # Of another API, so that only the size says that the two have to do with each other.
        journal = Journal(store, "elsewhere")
        params = {"model": "claude-haiku-4-5-20251001", "max_tokens": 5, "messages": []}
        requests = [(f"k{n}", Request({**params, "n": n}, "2026-10-21")) for n in range(size)]
        journal.want(run, requests)
        assert journal.intend(run, [key for key, _ in requests], Limits(), "elsewhere:1")
        store.close()


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANTHROPIC_API_KEY", SECRET)
    (tmp_path / ".harness").mkdir()
    made = Command(tmp_path, capsys)
    made.write(SUITE)
    return made


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[BatchServer]:
    with BatchServer() as made:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", made.url)
        yield made


def paid_once(server: BatchServer, count: int = 3) -> bool:
    """Each of so many requests was paid for, and none twice."""
    return len(server.ledger) == len(set(server.ledger)) == count


def word(params: Json) -> str:
    """The word that a case has its model say."""
    content = params["messages"][-1]["content"]
    return str(content if isinstance(content, str) else content[0]["text"])[4:-1]


# Creates.

LANDED: dict[str, Reply] = {
    "408": refusing(408, "timeout_error"),
    "409": refusing(409, "conflict_error"),
    "500": refusing(500, "api_error"),
    "504": saying(b"<html>gateway timeout</html>", 504),
    "529": refusing(529, "overloaded_error"),
    "dropped": dropping,
    "not JSON": saying(b"<html>"),
    "empty": saying(b""),
    "another object": saying(b'{"type": "message_batch"}'),
    "a list": saying(b"[]"),
}


@pytest.mark.parametrize("then", LANDED.values(), ids=LANDED)
def test_a_create_that_landed_without_saying_so_is_found_again(
    command: Command, server: BatchServer, then: Reply
) -> None:
    server.creates.append(landing(server, then))
    assert command(*RUN)[0] == 0
    assert server.sizes == [3]
    assert paid_once(server)


@pytest.mark.parametrize("status", ["408", "500", "dropped", "not JSON"])
def test_a_create_that_did_not_land_and_does_not_say_so_is_sent_again(
    command: Command, server: BatchServer, status: str
) -> None:
    server.creates.append(LANDED[status])
    assert command(*RUN)[0] == 0
    assert server.count(CREATE) == 2
    assert paid_once(server)


def test_a_create_that_lands_while_it_is_looked_for_is_found(
    command: Command, server: BatchServer
) -> None:
    looks: list[str] = []
    missed: list[Any] = []

    async def drop_and_keep(request: Any) -> Any:
        missed.append((await request.json())["requests"])
        return await dropping(request)

    def landed_late() -> None:
        looks.append("")
        if missed and len(looks) == 3:
            server.land(missed.pop(), {})

    server.creates.append(drop_and_keep)
    server.before_list = landed_late
    assert command(*RUN)[0] == 0
    assert server.sizes == [3]


def test_a_rate_limit_is_waited_for_as_long_as_the_api_says(
    command: Command, server: BatchServer
) -> None:
    server.creates.extend([refusing(429, "rate_limit_error", retry_after="0.3")] * 2)
    begun = time.monotonic()
    assert command(*RUN)[0] == 0
    assert time.monotonic() - begun >= 0.6
    assert paid_once(server)


REFUSED = {
    "400": (400, "invalid_request_error"),
    "401": (401, "authentication_error"),
    "402": (402, "billing_error"),
    "403": (403, "permission_error"),
    "404": (404, "not_found_error"),
}


@pytest.mark.parametrize(("status", "kind"), REFUSED.values(), ids=REFUSED)
def test_a_create_that_is_refused_stops_the_run_and_gives_nothing_up(
    command: Command, server: BatchServer, status: int, kind: str
) -> None:
    server.creates.append(refusing(status, kind, "not today"))
    code, err = command(*RUN)
    assert code == 3
    assert "not today" in err
    assert command(*RESUME)[0] == 0
    assert paid_once(server)


def test_a_batch_that_is_too_large_stops_the_run_and_is_sent_as_smaller_ones_then(
    command: Command, server: BatchServer
) -> None:
    server.creates.append(refusing(413, "request_too_large", "too large"))
    code, err = command(*RUN)
    assert code == 3
    assert "too large" in err
    assert command(*RUN, "--batch-requests", "2")[0] == 0
    assert server.sizes == [2, 1]
    assert paid_once(server)


def test_a_single_request_that_is_too_large_is_a_missing_trial(
    command: Command, server: BatchServer
) -> None:
    server.creates.append(refusing(413, "request_too_large", "too large"))
    assert command(*RUN, "-k", "s/a")[0] == 3
    assert command.trials[0]["outcome"] == "errored"
    assert "too large" in json.dumps(command.trials[0])


def test_a_refusal_that_quotes_the_key_is_told_without_it(
    command: Command, server: BatchServer
) -> None:
    server.creates.append(refusing(401, "authentication_error", f"bad key {SECRET}"))
    code, err = command(*RUN)
    assert code == 3
    assert SECRET not in err


@pytest.mark.parametrize(
    "reply",
    [
        refusing(404, "not_found_error"), saying(b"nothing here", 404), saying(b"", 405),
        saying(b"<html>welcome</html>"),
    ],
    ids=["404", "a page with 404", "405", "a page"],
)  # fmt: skip
def test_a_gateway_without_batches_is_named_before_anything_is_sent(
    command: Command, monkeypatch: pytest.MonkeyPatch, reply: Reply
) -> None:
    with BatchServer() as gateway:
        gateway.before_list = lambda: None
        gateway.lists = reply
        monkeypatch.setenv("ANTHROPIC_BASE_URL", gateway.url)
        code, err = command(*RUN)
    assert code == 3
    assert "no batch can be created" in err
    assert gateway.count(CREATE) == 0


# The search for a batch that may be lost.


def test_two_batches_of_the_same_size_stop_the_run_until_they_have_ended(
    command: Command, server: BatchServer
) -> None:
    server.hold = True
    server.stranger(3)
    server.creates.append(landing(server, dropping))
    code, err = command(*RUN)
    assert code == 3
    assert "harness batches adopt" in err
    server.hold = False
    assert command(*RESUME)[0] == 0
    assert server.sizes == [3]


@pytest.mark.parametrize("own_landed", [True, False], ids=["landed", "lost"])
def test_a_stranger_of_another_size_is_never_taken(
    command: Command, server: BatchServer, own_landed: bool
) -> None:
    server.stranger(4)
    server.creates.append(landing(server, dropping) if own_landed else dropping)
    assert command(*RUN)[0] == 0
    assert server.sizes == [3]


def test_a_stranger_that_was_taken_by_its_size_is_given_back_when_it_has_ended(
    command: Command, server: BatchServer
) -> None:
    server.hold = True
    stranger = server.stranger(3)
    server.creates.append(dropping)
    assert command(*BEGIN)[0] == 5
    server.hold = False
    code, err = command(*RESUME)
    assert code == 0
    assert f"{stranger.id} is not the one that was intended" in err
    assert server.sizes == [3]
    assert paid_once(server)


def test_a_batch_is_found_on_a_later_page_of_the_list(
    command: Command, server: BatchServer
) -> None:
    async def busy(request: Any) -> Any:
        await server.landed(request)
        for _ in range(230):
            server.stranger(1)
        return await dropping(request)

    server.creates.append(busy)
    assert command(*RUN)[0] == 0
    assert server.sizes == [3]


def test_a_strangers_results_that_cannot_be_had_do_not_stop_the_run(
    command: Command, server: BatchServer
) -> None:
    stranger = server.stranger(3)
    server.results_url = lambda base, id_: (
        f"https://elsewhere.example/{id_}"
        if id_ == stranger.id
        else f"{base}{BATCHES}/{id_}/results"
    )
    server.creates.append(landing(server, dropping))
    assert command(*RUN)[0] == 0
    assert server.sizes == [3]


def test_a_batch_that_another_process_notes_during_the_search_is_not_taken(
    command: Command, server: BatchServer
) -> None:
    command.intend(3)
    theirs: list[str] = []

    def noted() -> None:
        if server.count(CREATE) and not theirs:
            theirs.append(server.stranger(3).id)
            store = command.store()
            journal = Journal(store)
            assert journal.submitted(journal.all("other")[0], theirs[0])
            store.close()

    async def release(request: Any) -> Any:
        server.hold = False
        return await landing(server, ordinary(server))(request)

    server.hold = True
    server.creates.extend([dropping, release])
    server.before_list = noted
    assert command(*RUN)[0] == 0
    assert server.sizes == [3]
    assert paid_once(server)


def test_a_batch_that_a_proxy_sent_twice_is_reported(command: Command, server: BatchServer) -> None:
    async def twice(request: Any) -> Any:
        await server.landed(request)
        await server.landed(request)
        return await dropping(request)

    server.creates.append(twice)
    code, err = command(*RUN)
    assert code == 0
    assert all(id_ in err for id_ in server.batches)


# Clocks.


@pytest.mark.parametrize("hours", [-7, 7])
def test_an_api_whose_clock_is_hours_off_is_searched_by_its_own_clock(
    command: Command, server: BatchServer, hours: int
) -> None:
    server.date_off = server.created_off = timedelta(hours=hours)
    server.creates.append(landing(server, dropping))
    assert command(*RUN)[0] == 0
    assert server.sizes == [3]


@pytest.mark.parametrize(
    "hours",
    [
        -7,
        pytest.param(7),
    ],
)
def test_a_date_header_that_is_hours_off_does_not_hide_a_batch(
    command: Command, server: BatchServer, hours: int
) -> None:
    server.date_off = timedelta(hours=hours)
    server.creates.append(landing(server, dropping))
    assert command(*RUN)[0] == 0
    assert server.sizes == [3]


def test_a_date_header_that_jumps_while_a_batch_is_sought_does_not_hide_it(
    command: Command, server: BatchServer
) -> None:
    async def jump(request: Any) -> Any:
        await server.landed(request)
        server.date_off = timedelta(hours=5)
        return await dropping(request)

    server.creates.append(jump)
    assert command(*RUN)[0] == 0
    assert server.sizes == [3]


@pytest.mark.parametrize(
    ("hours", "seconds"),
    [
        pytest.param(0, 1.5, id="right"),
        pytest.param(
            -1, 4.0, id="behind"
        ),
    ],
)  # fmt: skip
def test_a_batch_that_another_process_is_creating_is_left_to_it(
    command: Command, server: BatchServer, harness: Callable[..., Any], hours: int, seconds: float
) -> None:
    server.date_off = server.created_off = timedelta(hours=hours)

    server.creates.append(landing_slowly(server, seconds))
    process = harness(ANTHROPIC_API_KEY=SECRET, ANTHROPIC_BASE_URL=server.url).start(*RUN)
    while not server.count(CREATE) and process.poll() is None:
        time.sleep(0.02)
    assert command(*RUN)[0] == 0
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert paid_once(server)


def ordinary(server: BatchServer) -> Reply:
    """What the server says of the batch that was created last."""

    async def say(_: Any) -> Any:
        from aiohttp import web

        return web.json_response(server.shown(list(server.batches.values())[-1]))

    return say


def landing_slowly(server: BatchServer, seconds: float) -> Reply:
    """A create that lands late, and then answers as it should."""
    return landing(server, ordinary(server), after_s=seconds)


# Results.


def lines(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[list[bytes]], bytes]:
    return lambda given: b"".join(change(given))


ODD: dict[str, Callable[[list[bytes]], bytes]] = {
    "blank lines": lines(lambda given: [b"\n", *given, b"\n", b" \n"]),
    "a line twice": lines(lambda given: [*given, given[0]]),
    "no newline at the end": lambda given: b"".join(given)[:-1],
    "carriage returns": lambda given: b"".join(given).replace(b"\n", b"\r\n"),
    "a line of another batch": lines(
        lambda given: [b'{"custom_id": "x", "result": {"type": "expired"}}\n', *given]
    ),
    "a line that is no object": lines(lambda given: [b"[]\n", b'"x"\n', b"null\n", *given]),
    "a line without an id": lines(lambda given: [b'{"result": {"type": "expired"}}\n', *given]),
    "a broken line besides": lines(lambda given: [b'{"custom_id": \n', *given]),
}


@pytest.mark.parametrize("body", ODD.values(), ids=ODD)
def test_odd_lines_in_the_results_lose_and_repeat_nothing(
    command: Command, server: BatchServer, body: Callable[[list[bytes]], bytes]
) -> None:
    server.body = body
    assert command(*RUN)[0] == 0
    assert command.outcomes == {"passed": 3}
    assert paid_once(server)


@pytest.mark.parametrize("text", ["so\u2028it\u2029\u0085goes", "so " + "é" * 1_000_000],
                         ids=["line separators", "two megabytes"])  # fmt: skip
def test_a_line_is_what_ends_with_a_newline_however_long_it_is(
    command: Command, server: BatchServer, text: str
) -> None:
    server.result = lambda params, _before: succeeded(params, text)
    assert command(*RUN)[0] == 0
    said = [trial["messages"][-1]["content"][0]["text"] for trial in command.trials]
    assert said == [text] * 3


def test_results_that_break_off_are_downloaded_again(command: Command, server: BatchServer) -> None:
    server.downloads.extend([cutting(server), dropping, refusing(503, "api_error")])
    assert command(*RUN)[0] == 0
    assert paid_once(server)


def test_results_that_always_break_off_stop_the_run_and_are_fetched_by_a_resume(
    command: Command, server: BatchServer
) -> None:
    server.downloads.extend([cutting(server)] * 5)
    code, err = command(*RUN)
    assert code == 3
    assert "cannot be downloaded" in err
    assert command(*RESUME)[0] == 0
    assert paid_once(server)


def test_results_that_end_between_two_lines_are_downloaded_again(
    command: Command, server: BatchServer
) -> None:
    async def short(request: Any) -> Any:
        held = server.batches[request.match_info["id"]]
        return await saying(server.results_of(held).splitlines(keepends=True)[0])(request)

    server.downloads.append(short)
    assert command(*RUN)[0] == 0
    assert paid_once(server)


def test_a_line_that_is_never_there_is_asked_for_again_alone(
    command: Command, server: BatchServer
) -> None:
    server.body = lambda given: b"".join(given[1:] if len(given) == 3 else given)
    assert command(*RUN)[0] == 0
    assert server.sizes == [3, 1]


@pytest.mark.parametrize(
    "result",
    [{"type": "postponed"}, {}, {"type": "succeeded", "message": {}}, {"type": "errored"}],
    ids=["unknown type", "no type", "no message", "no error"],
)
def test_a_result_that_nobody_understands_is_a_missing_trial(
    command: Command, server: BatchServer, result: Json
) -> None:
    server.result = lambda params, _before: (
        {"type": "", **result} if word(params) == "one" else succeeded(params)
    )
    command(*RUN)
    assert command.outcomes == {"passed": 2, "errored": 1}
    assert server.sizes == [3]


def test_an_answer_counts_before_an_error_of_the_same_request_wherever_they_stand(
    command: Command, server: BatchServer
) -> None:
    cases = "\n".join(f"  - {{id: c{n}, vars: {{word: w{n}}}}}" for n in range(600))
    command.write(SUITE.partition("cases:")[0] + "cases:\n" + cases)

    def contradictory(given: list[bytes]) -> bytes:
        said = json.loads(given[-1])
        first = {**said, "result": errored("invalid_request_error")}
        return json.dumps(first).encode() + b"\n" + b"".join(given)

    server.body = contradictory
    command(*RUN)
    assert command.outcomes == {"passed": 600}


# Where the key goes.


@pytest.mark.parametrize("where", ["results_url", "redirect", "redirect of a look"])
def test_the_key_goes_to_no_other_host(
    command: Command, server: BatchServer, where: str, serve: Callable[..., LocalApi]
) -> None:
    other = serve(lambda _asked: http({}))
    if where == "results_url":
        server.results_url = lambda _base, id_: f"{other.url}/{id_}"
    elif where == "redirect":
        server.downloads.append(saying(b"", 302, location=f"{other.url}/results"))
    else:
        server.looks.append(saying(b"", 307, location=f"{other.url}/batch"))
    command(*RUN)
    assert SECRET not in json.dumps([dict(asked.headers) for asked in other.asked])


INSECURE = pytest.param("scheme")


@pytest.mark.parametrize("change", [INSECURE, "port", "no port", "user", "name"])
def test_results_elsewhere_than_where_the_api_is_are_refused(
    command: Command, server: BatchServer, change: str
) -> None:
    port = server.url.rpartition(":")[2]
    server.results_url = lambda _base, id_: {
        "scheme": f"https://127.0.0.1:{port}/{id_}",
        "port": f"http://127.0.0.1:{int(port) + 1}/{id_}",
        "no port": f"http://127.0.0.1/{id_}",
        "user": f"http://127.0.0.1:{port}@example.com/{id_}",
        "name": f"http://localhost:{port}/{id_}",
    }[change]
    code, err = command(*RUN)
    assert code == 3
    assert "not the API's host" in err


# What came of single requests.


def test_an_invalid_request_is_a_missing_trial_with_the_apis_reason(
    command: Command, server: BatchServer
) -> None:
    server.result = lambda params, _before: (
        errored("invalid_request_error", "no such field")
        if word(params) == "one"
        else succeeded(params)
    )
    command(*RUN)
    assert command.outcomes == {"passed": 2, "errored": 1}
    assert "no such field" in json.dumps(command.trials)
    assert server.sizes == [3]


PASSING = {
    "overloaded": errored("overloaded_error"),
    "api_error": errored("api_error"),
    "timeout": errored("timeout_error"),
    "rate limit": errored("rate_limit_error"),
    "expired": {"type": "expired"},
    "canceled": {"type": "canceled"},
}


@pytest.mark.parametrize("result", PASSING.values(), ids=PASSING)
def test_what_fails_for_a_passing_reason_goes_into_the_next_wave(
    command: Command, server: BatchServer, result: Json
) -> None:
    server.result = lambda params, before: (
        result if word(params) == "one" and before < 2 else succeeded(params)
    )
    assert command(*RUN)[0] == 0
    assert server.sizes == [3, 1, 1]
    assert paid_once(server)


def test_what_never_succeeds_is_sent_three_times_and_is_missing_then(
    command: Command, server: BatchServer
) -> None:
    server.result = lambda params, _before: (
        {"type": "expired"} if word(params) == "one" else succeeded(params)
    )
    command(*RUN)
    assert server.sizes == [3, 1, 1]
    assert command.outcomes == {"passed": 2, "errored": 1}


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("billing_error", "no credit"),
        ("invalid_request_error", "Your credit balance is too low to access the API."),
        ("invalid_request_error", "You have reached your specified API usage limits."),
    ],
    ids=["billing", "low credit", "spend limit"],
)
def test_credit_that_runs_out_stops_the_run_and_gives_nothing_up(
    command: Command, server: BatchServer, kind: str, said: str
) -> None:
    server.result = lambda params, before: (
        errored(kind, said) if word(params) != "one" and before < 4 else succeeded(params)
    )
    for _ in range(4):  # oftener than a request that fails for another reason is sent
        code, err = command(*(RESUME if server.batches else RUN))
        assert code == 3
        assert said in err
    assert command(*RESUME)[0] == 0
    assert command.outcomes == {"passed": 3}
    assert paid_once(server)


def test_a_batch_that_is_being_cancelled_is_waited_for_and_its_requests_sent_again(
    command: Command, server: BatchServer
) -> None:
    server.hold = True
    assert command(*BEGIN)[0] == 5
    assert command("batches", "cancel", "latest", "--no-wait")[0] == 0
    assert command(*RESUME, "--no-wait")[0] == 5
    assert [held.status for held in server.batches.values()] == ["canceling"]
    server.hold = False
    assert command(*RESUME)[0] == 0
    assert server.sizes == [3, 3]
    assert paid_once(server)


# Batches that are gone.


@pytest.mark.parametrize("how", ["deleted", "archived"])
def test_a_batch_whose_results_are_gone_stops_the_run_until_it_is_forgotten(
    command: Command, server: BatchServer, how: str
) -> None:
    server.hold = True
    command(*BEGIN)
    server.hold = False
    (held,) = server.batches.values()
    if how == "deleted":
        server.delete(held.id)
    held.archived = True
    for _ in range(2):
        code, err = command(*RESUME)
        assert code == 3
        assert f"harness batches forget {held.id}" in err
    assert server.count(CREATE) == 1
    assert command("batches", "forget", held.id)[0] == 0
    assert command(*RESUME)[0] == 0
    assert server.count(CREATE) == 2
    assert command.outcomes == {"passed": 3}


TWO_VARIANTS = SUITE.replace(
    "[haiku]", "[{model: haiku, name: warm, params: {temperature: 0.5}}, sonnet]"
)


def test_a_batch_that_is_gone_does_not_keep_the_others_from_being_collected(
    command: Command, server: BatchServer
) -> None:
    command.write(TWO_VARIANTS)
    server.hold = True
    command(*BEGIN)
    server.hold = False
    server.delete(next(iter(server.batches)))
    assert command(*RESUME)[0] == 3
    with sqlite3.connect(command.folder / ".harness/store.db") as store:
        assert store.execute("SELECT count(*) FROM harness_answers").fetchone() == (3,)


@pytest.mark.parametrize("reply", [dropping, refusing(500, "api_error"), saying(b"<html>")],
                         ids=["dropped", "500", "a page"])  # fmt: skip
def test_looks_that_fail_for_a_while_do_no_harm(
    command: Command, server: BatchServer, reply: Reply
) -> None:
    server.looks.extend([reply] * 3)
    assert command(*RUN)[0] == 0
    assert paid_once(server)


# Headers.


def test_requests_of_the_older_version_are_in_a_batch_of_their_own(
    command: Command, server: BatchServer
) -> None:
    command.write(TWO_VARIANTS)
    assert command(*RUN)[0] == 0
    by_version = {
        held.headers["anthropic-version"]: {one["params"]["model"] for one in held.requests}
        for held in server.batches.values()
    }
    assert server.sizes == [3, 3]
    assert {version: len(models) for version, models in by_version.items()} == {
        "2023-06-01": 1, "2026-10-21": 1,
    }  # fmt: skip
    assert any("temperature" in one["params"] for one in next(
        held for held in server.batches.values()
        if held.headers["anthropic-version"] == "2023-06-01").requests)  # fmt: skip


# Submitting here, collecting there.


def test_a_run_is_submitted_looked_at_and_collected_by_different_processes(
    command: Command, server: BatchServer
) -> None:
    server.hold = True
    assert command(*BEGIN)[0] == 5
    assert command(*RESUME, "--no-wait")[0] == 5
    server.hold = False
    assert command(*RESUME, "--no-wait")[0] == 0
    assert command(*RESUME)[0] == 0
    assert command(*RESUME, "--no-wait")[0] == 0
    assert server.sizes == [3]


def test_each_look_at_a_run_of_turns_sends_one_wave(command: Command, server: BatchServer) -> None:
    turns = "turns: [{user: 'Say {{ word }}.'}, {user: And again.}, {user: Once more.}]"
    command.write(SUITE.replace('prompt: "Say {{ word }}."', turns))
    server.takes_s = 0.2
    codes = [command(*BEGIN)[0]]
    while codes[-1] == 5 and len(codes) < 20:
        time.sleep(0.25)
        codes.append(command(*RESUME, "--no-wait")[0])
    assert codes == [5, 5, 5, 0]
    assert server.sizes == [3, 3, 3]
    assert paid_once(server, 9)


def test_a_second_run_pays_nothing_while_the_batch_of_the_first_is_pending(
    command: Command, server: BatchServer
) -> None:
    server.hold = True
    assert command(*BEGIN)[0] == 5
    code, err = command(*BEGIN)
    assert code == 5
    assert next(iter(server.batches)) in err
    server.hold = False
    assert command(*RESUME)[0] == 0
    assert server.sizes == [3]
    assert command.outcomes == {"passed": 3}


def test_a_second_run_sends_what_the_first_does_not_have(
    command: Command, server: BatchServer
) -> None:
    server.hold = True
    command(*BEGIN, "-k", "s/a")
    command(*BEGIN)
    server.hold = False
    assert command(*RESUME)[0] == 0
    assert server.sizes == [1, 2]
    assert paid_once(server)


def test_two_processes_that_run_one_suite_at_once_pay_for_it_once(
    server: BatchServer, command: Command, harness: Callable[..., Any]
) -> None:
    server.takes_s = 0.5
    there = harness(ANTHROPIC_API_KEY=SECRET, ANTHROPIC_BASE_URL=server.url)
    both = [there.start(*RUN) for _ in range(2)]
    said = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert paid_once(server)


def test_an_interrupt_while_waiting_leaves_the_batch_and_says_how_to_collect_it(
    server: BatchServer, command: Command, harness: Callable[..., Any]
) -> None:
    server.hold = True
    there = harness(ANTHROPIC_API_KEY=SECRET, ANTHROPIC_BASE_URL=server.url)
    with there.start(*RUN, "--poll", "30") as process:
        while not any(line.startswith(f"{LIST}/") for line in server.asked):
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "harness resume" in err
    assert not any("cancel" in line for line in server.asked)
    server.hold = False
    assert command(*RESUME)[0] == 0
    assert server.sizes == [3]


def test_an_interrupt_while_a_batch_is_created_creates_no_other(
    server: BatchServer, command: Command, harness: Callable[..., Any]
) -> None:
    command.write(TWO_VARIANTS)
    server.creates.append(landing_slowly(server, 1.0))
    there = harness(ANTHROPIC_API_KEY=SECRET, ANTHROPIC_BASE_URL=server.url)
    with there.start(*RUN) as process:
        while not server.count(CREATE):
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 130
    assert server.sizes == [3]


@pytest.mark.parametrize("moment", ["before it lands", "after it has landed"])
def test_a_process_that_dies_in_the_middle_of_a_create_costs_nothing(
    server: BatchServer, command: Command, harness: Callable[..., Any], moment: str
) -> None:
    late = moment == "after it has landed"
    never = saying(b"")
    server.creates.append(
        landing(server, never, s=30) if late else landing(server, never, after_s=1.0)
    )
    there = harness(ANTHROPIC_API_KEY=SECRET, ANTHROPIC_BASE_URL=server.url)
    with there.start(*RUN) as process:
        while not (server.batches if late else server.count(CREATE)):
            time.sleep(0.02)
        process.kill()
    assert command(*RESUME, "--poll", "0.1")[0] == 0
    assert server.sizes == [3]


# What is asked live.


def test_a_request_that_one_process_tries_live_first_is_not_asked_by_another(
    server: BatchServer, command: Command, harness: Callable[..., Any]
) -> None:
    server.asked_live = lambda _params: (2.5, None)
    there = harness(ANTHROPIC_API_KEY=SECRET, ANTHROPIC_BASE_URL=server.url)
    with there.start(*RUN, "--dry-run-first") as process:
        while not server.live and process.poll() is None:
            time.sleep(0.02)
        assert command(*RUN, "--dry-run-first")[0] == 0
        process.communicate(timeout=30)
    assert paid_once(server)


def test_an_answer_that_is_under_way_live_is_kept_where_another_ends_the_run(
    server: BatchServer, command: Command
) -> None:
    command.write(SUITE.replace("[haiku]", "[haiku, sonnet]"))
    broke = problem("invalid_request_error", "Your credit balance is too low")
    server.asked_live = lambda params: (1.0, broke if "haiku" in params["model"] else None)
    assert command(*RUN, "--dry-run-first")[0] == 3
    server.asked_live = lambda _params: (0.0, None)
    assert command(*RESUME)[0] == 0
    assert paid_once(server, 6)


def test_a_refusal_of_what_is_tried_live_first_sends_no_batch(
    server: BatchServer, command: Command
) -> None:
    broke = problem("invalid_request_error", "max_tokens: too large")
    server.asked_live = lambda _params: (0.0, broke)
    code, err = command(*RUN, "--dry-run-first")
    assert code == 3
    assert "max_tokens: too large" in err
    assert server.count(CREATE) == 0


def test_what_a_batch_did_not_finish_may_be_asked_live(
    server: BatchServer, command: Command
) -> None:
    server.result = lambda params, _before: (
        {"type": "expired"} if word(params) == "one" else succeeded(params)
    )
    assert command(*RUN, "--stragglers", "live")[0] == 0
    assert (server.sizes, len(server.live)) == ([3], 1)
    assert paid_once(server)


# Stores.


def test_a_store_from_before_batches_takes_them(command: Command, server: BatchServer) -> None:
    assert command("run", "s.yaml", "-k", "s/a")[0] == 0
    with sqlite3.connect(command.folder / ".harness/store.db") as store:
        for table in ("harness_wanted", "harness_batches"):
            store.execute(f"DROP TABLE IF EXISTS {table}")
    assert command("batches")[0] == 0
    assert command(*RUN)[0] == 0
    assert server.sizes == [2]
    assert paid_once(server)


def test_a_live_run_does_not_ask_what_is_in_a_batch(command: Command, server: BatchServer) -> None:
    server.hold = True
    command(*BEGIN, "-k", "s/a")
    code, err = command("run", "s.yaml")
    assert code == 5
    assert next(iter(server.batches.values())).requests[0]["custom_id"].partition("-b")[0] in err
    server.hold = False
    assert command(*RUN)[0] == 0
    assert paid_once(server)
