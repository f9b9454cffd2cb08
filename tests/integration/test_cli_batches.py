"""`--mode batch` from the command line, and `harness batches`, against a simulator elsewhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.backends.owners import owner
from harness.cli import cli
from harness.cli.failures import reported
from harness.journal import Batch, Journal, Limits
from harness.records import Request
from harness.store import Store

SUITE = """
suite: s
models: [haiku]
prompt: "Say {{ expected }}."
params: {max_tokens: 20}
graders: [{contains: o}]
cases:
  - {id: a, vars: {expected: foo}}
  - {id: b, vars: {expected: too}}
"""
LONG = ("--batch-seconds", "600")
BEGIN = ("run", "s.yaml", "--mode", "batch", "--no-wait")
NOBODY = "elsewhere:1"
HEADERS = {"anthropic-version": "2026-10-21", "authorization": "Bearer some"}


class InProcess:
    """The command in this process, in a folder with a suite, against the API at `url`."""

    def __init__(
        self, folder: Path, environ: pytest.MonkeyPatch, said: pytest.CaptureFixture[str], url: str
    ) -> None:
        self.folder, self.environ, self.said = folder, environ, said
        environ.setenv("ANTHROPIC_API_KEY", "some")
        environ.chdir(folder)
        self.use(url)

    def use(self, url: str) -> None:
        """Ask the API at this address."""
        self.url = url
        self.environ.setenv("ANTHROPIC_BASE_URL", url)

    def __call__(self, *args: str) -> tuple[int, str, str]:
        """Exit code, standard output and standard error."""
        code = reported(cli, list(args))
        return code, *self.said.readouterr()


@pytest.fixture(scope="module")
def apis() -> Iterator[Callable[..., str]]:
    """The URL of an API whose batches take as long as is said: one process for all tests."""
    urls: dict[tuple[str, ...], str] = {}
    with ExitStack() as stack:

        def at(*options: str) -> str:
            if options not in urls:
                urls[options] = stack.enter_context(simulator(*options))
            return urls[options]

        yield at


@contextmanager
def simulator(*options: str) -> Iterator[str]:
    """`harness simulate` in a process of its own; its URL."""
    words = [sys.executable, "-m", "harness", "simulate", "--port", "0", *options]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield next(w for w in process.stdout.readline().split() if w.startswith("http"))
        process.kill()


@pytest.fixture
def command(
    apis: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., InProcess]:
    """The command in a folder with a suite, and an API with these options."""
    (tmp_path / "s.yaml").write_text(SUITE, encoding="utf-8")
    (tmp_path / ".harness").mkdir()
    return lambda *options: InProcess(tmp_path, monkeypatch, capsys, apis(*options))


def listed(command: InProcess) -> list[dict[str, Any]]:
    """What `harness batches --json` has of each batch."""
    found: list[dict[str, Any]] = json.loads(command("batches", "--json")[1])["batches"]
    return found


def document(command: InProcess) -> dict[str, Any]:
    """The `run.json` of the only run."""
    (file,) = command.folder.glob(".harness/runs/*/run.json")
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def intend(command: InProcess, count: int = 2, by: str = NOBODY) -> Batch:
    """A batch in the journal of which nobody knows whether the API has it."""
    store = Store(f"sqlite:///{command.folder}/.harness/store.db")
    journal = Journal(store)
    params = {"model": "claude-haiku-4-5-20251001", "max_tokens": 5, "messages": []}
    requests = [(f"k{n}", Request({**params, "n": n}, "2026-10-21")) for n in range(count)]
    journal.want("doubtful", requests)
    batch = journal.intend("doubtful", [key for key, _ in requests], Limits(), by)
    store.close()
    assert batch is not None
    return batch


def test_a_run_that_does_not_wait_names_its_batch_and_how_to_collect(
    command: Callable[..., InProcess],
) -> None:
    ended, out, err = command(*LONG)(*BEGIN)
    assert ended == 5
    assert re.search(r"^  msgbatch_\w+: 2 requests, \d+ s old$", err, re.MULTILINE)
    run = re.findall(r"^collect with: harness resume (\S+)$", err, re.MULTILINE)
    assert f"Pending: 2 trials; go on with harness resume {run[0]}" in out
    assert "Batches: 1, 2 requests; not recorded: 1, 2 requests" in out


def test_resume_collects_what_another_process_sent(command: Callable[..., InProcess]) -> None:
    harness = command("--batch-seconds", "0.5")
    harness(*BEGIN)
    assert harness("resume", "latest", "--poll", "0.1")[0] == 0
    (batch,) = document(harness)["batches"]
    assert (batch["status"], batch["requests"]) == ("recorded", 2)
    assert batch["submitted_at"] < batch["ended_at"]


def test_resume_may_look_once_and_leave(command: Callable[..., InProcess]) -> None:
    harness = command(*LONG)
    harness(*BEGIN)
    assert harness("resume", "latest", "--no-wait")[0] == 5
    assert len(listed(harness)) == 1


def test_reports_of_a_batch_run_list_its_batches(command: Callable[..., InProcess]) -> None:
    harness = command(*LONG)
    harness(*BEGIN)
    (id_,) = (batch["id"] for batch in document(harness)["batches"])
    for name in ("report.md", "report.html"):
        (file,) = harness.folder.glob(f".harness/runs/*/{name}")
        assert id_ in file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("threshold", "mode"), [("2", "batch"), ("3", "live")], ids=["many", "few"]
)
def test_auto_takes_batches_from_the_threshold_on_and_says_why(
    command: Callable[..., InProcess], threshold: str, mode: str
) -> None:
    harness = command("--batch-seconds", "0")
    auto = ("--mode", "auto", "--auto-threshold", threshold, "--poll", "0.1")
    ended, _, err = harness("run", "s.yaml", *auto)
    assert ended == 0
    assert f"mode {mode}: 2 requests, " in err
    assert re.search(r"at most \$[\d.]+ live, \$[\d.]+ by batch", err)
    assert document(harness)["run"]["mode"] == mode


def test_the_list_has_the_journal_beside_the_api(command: Callable[..., InProcess]) -> None:
    harness = command(*LONG)
    harness(*BEGIN)
    _, out, err = harness("batches")
    words = [line.split() for line in out.splitlines()]
    assert words[0][:4] == ["batch", "run", "journal", "API"]
    assert words[1][2:5] == ["submitted", "in_progress", "2"]
    assert err == ""


def test_the_list_works_without_a_key_and_says_what_it_leaves_out(
    command: Callable[..., InProcess],
) -> None:
    harness = command(*LONG)
    harness(*BEGIN)
    harness.environ.delenv("ANTHROPIC_API_KEY")
    ended, out, err = harness("batches", "list")
    assert (ended, err) == (0, "the journal alone, without what the API says: no API key\n")
    assert "submitted" in out


def test_the_list_says_what_a_batch_cost_and_saved(command: Callable[..., InProcess]) -> None:
    harness = command("--batch-seconds", "0")
    harness("run", "s.yaml", "--mode", "batch", "--poll", "0.1")
    (batch,) = listed(harness)
    assert batch["answered"] == 2
    # A batch costs half of the live price, so that it saves as much as it costs.
    assert float(batch["cost_usd"]) == pytest.approx(float(batch["saved_usd"]))
    assert "2 answers by batch cost $" in harness("batches")[1]


def test_a_batch_that_the_api_does_not_have_is_listed_with_its_reason(
    command: Callable[..., InProcess], apis: Callable[..., str]
) -> None:
    harness = command(*LONG)
    harness(*BEGIN)
    harness.use(apis())
    (batch,) = listed(harness)
    assert batch["status"] == "submitted"
    assert "404" in batch["api_status"]


@pytest.mark.parametrize("by", ["run", "id"])
def test_a_batch_is_cancelled_by_its_id_or_its_run(
    command: Callable[..., InProcess], by: str
) -> None:
    harness = command(*LONG)
    harness(*BEGIN)
    name = "latest" if by == "run" else listed(harness)[0]["id"]
    ended, out, err = harness("batches", "cancel", name, "--poll", "0.1")
    assert (ended, out.split()[2:]) == (0, ["0", "answers", "recorded,", "which", "cost", "$0"])
    assert "canceling" in err
    assert [batch["status"] for batch in listed(harness)] == ["recorded"]


def test_a_cancelled_batch_is_sent_again_by_the_next_resume(
    command: Callable[..., InProcess],
) -> None:
    harness = command("--batch-seconds", "10")
    harness(*BEGIN)
    assert "canceling" in harness("batches", "cancel", "latest", "--no-wait")[2]
    assert "sends the other 2 requests again" in harness("batches", "cancel", "latest")[2]
    assert harness("resume", "latest", "--no-wait")[0] == 5
    assert [batch["status"] for batch in listed(harness)] == ["recorded", "submitted"]


def test_an_intended_batch_is_adopted(command: Callable[..., InProcess]) -> None:
    harness = command(*LONG)
    harness(*BEGIN)
    id_ = listed(harness)[0]["id"]
    (harness.folder / ".harness/store.db").rename(harness.folder / "other.db")
    batch = intend(harness)
    ended, out, _ = harness("batches", "adopt", id_)
    assert (ended, out) == (0, f"batch {id_} is b{batch.number} now; collect it: "
                               "harness resume doubtful\n")  # fmt: skip
    assert [(one["id"], one["status"]) for one in listed(harness)] == [(id_, "submitted")]


def test_a_batch_of_another_size_is_not_adopted(command: Callable[..., InProcess]) -> None:
    harness = command(*LONG)
    harness(*BEGIN)
    id_ = listed(harness)[0]["id"]
    (harness.folder / ".harness/store.db").rename(harness.folder / "other.db")
    intend(harness, 3)
    ended, _, err = harness("batches", "adopt", id_)
    assert ended == 2
    assert "has 2 requests, and b1 was to have 3: it is another one" in err


def test_an_intended_batch_is_forgotten_with_a_warning(command: Callable[..., InProcess]) -> None:
    harness = command()
    batch = intend(harness)
    ended, out, err = harness("batches", "forget", f"b{batch.number}")
    assert ended == 0
    assert "its 2 requests will be sent again by `harness resume doubtful`" in out
    assert err == "warning: what the API did of it is paid for twice\n"
    assert listed(harness)[0]["status"] == "lost"


def test_a_batch_that_is_being_created_is_not_forgotten(command: Callable[..., InProcess]) -> None:
    harness = command()
    intend(harness, by=f"{owner().rpartition(':')[0]}:{os.getppid()}")
    ended, _, err = harness("batches", "forget")
    assert ended == 2
    assert "b1 is being created now, by process " in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("cancel",), "name a batch or a run: harness batches cancel BATCH|RUN"),
        (("cancel", "nope"), "no batch 'nope' is in this store, and no run"),
        (("list", "nope"), "no batch 'nope' is in this store, and no run"),
        (("cancel", "b1"), "no batch of b1 is processing; nothing to cancel"),
        (("adopt",), "name the API's batch: harness batches adopt ID [BATCH]"),
        (("adopt", "msgbatch_none"), "batch msgbatch_none: 404"),
        (("forget", "nope"), "no batch 'nope' is in this store, and no run"),
        (("forget", "--json"), "--json is of `batches list`"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, tuple) else "",
)
def test_what_cannot_be_meant_is_said_and_changes_nothing(
    command: Callable[..., InProcess], words: tuple[str, ...], said: str
) -> None:
    harness = command()
    intend(harness)
    ended, out, err = harness("batches", *words)
    assert (ended, out) == (2, "")
    assert said in err
    assert [batch["status"] for batch in listed(harness)] == ["intended"]


@pytest.mark.parametrize("action", ["adopt", "forget"])
def test_a_batch_that_is_known_to_exist_is_neither_adopted_nor_forgotten(
    command: Callable[..., InProcess], action: str
) -> None:
    harness = command(*LONG)
    harness(*BEGIN)
    id_ = listed(harness)[0]["id"]
    ended, _, err = harness("batches", action, id_)
    assert ended == 2
    assert ("is known already" if action == "adopt" else "is at the API (in_progress)") in err


def test_the_simulators_own_batches_are_not_looked_for_at_the_api(
    command: Callable[..., InProcess],
) -> None:
    harness = command()
    harness(*BEGIN, "--offline")
    assert listed(harness)[0]["api_status"] in ("gone (simulated)", None)
    ended, _, err = harness("batches", "cancel", "latest")
    assert ended == 2
    assert "its batches went with it" in err


def test_a_store_without_batches_lists_none(command: Callable[..., InProcess]) -> None:
    harness = command()
    harness("run", "s.yaml", "--offline")
    assert harness("batches")[:2] == (0, "no batches yet\n")


def paid(harness: InProcess) -> list[str | None]:
    """The batch of each request that the API was paid for, None for a live one."""
    with urllib.request.urlopen(f"{harness.url}/__simulator/ledger") as page:
        return [entry["batch_id"] for entry in json.load(page)["requests"]]


@pytest.fixture
def alone(command: Callable[..., InProcess]) -> Iterator[Callable[..., InProcess]]:
    """As `command`, with an API that nobody else asks."""
    with ExitStack() as stack:

        def made(*options: str) -> InProcess:
            harness = command()
            harness.use(stack.enter_context(simulator(*options)))
            return harness

        yield made


WAITS = ("run", "s.yaml", "--mode", "batch", "--poll", "0.05")


def test_every_event_of_a_batch_is_in_the_log_of_the_run(
    command: Callable[..., InProcess],
) -> None:
    harness = command("--batch-seconds", "0")
    harness(*WAITS)
    (file,) = harness.folder.glob(".harness/runs/*/batches.jsonl")
    events = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    told = [event["event"] for event in events if event["event"] != "polled"]
    assert told == ["intended", "created", "ended", "downloaded", "recorded"]
    assert events[-1]["succeeded"] == events[-1]["requests"] == 2


def test_a_dry_run_asks_one_request_live_and_its_answer_counts(
    alone: Callable[..., InProcess],
) -> None:
    harness = alone("--batch-seconds", "0")
    ended, _, err = harness(*WAITS, "--dry-run-first")
    assert ended == 0
    assert "was answered live first" in err
    assert [batch is None for batch in paid(harness)] == [True, False]


def test_a_dry_run_that_is_refused_sends_no_batch(alone: Callable[..., InProcess]) -> None:
    harness = alone("--fault", "status=413")
    ended, _, err = harness(*WAITS, "--dry-run-first")
    assert ended == 3
    assert "no batch was sent, since the API refuses what would be in it" in err
    assert paid(harness) == []
    assert listed(harness) == []


def test_stragglers_are_asked_live_once_their_batch_has_ended(
    alone: Callable[..., InProcess],
) -> None:
    harness = alone("--batch-seconds", "0", "--fault", "expired,times=1")
    ended, _, err = harness(*WAITS, "--stragglers", "live")
    assert ended == 0
    assert "1 request is asked live, since a batch did not finish them" in err
    assert paid(harness).count(None) == 1
    assert [batch["answered"] for batch in listed(harness)] == [1]


def test_a_wave_is_split_into_batches_of_the_size_that_is_wanted(
    command: Callable[..., InProcess],
) -> None:
    harness = command("--batch-seconds", "0")
    assert harness(*WAITS, "--batch-requests", "1")[0] == 0
    assert [batch["requests"] for batch in listed(harness)] == [1, 1]


def test_a_live_run_does_not_ask_what_a_batch_is_being_paid_for(
    alone: Callable[..., InProcess],
) -> None:
    harness = alone("--batch-seconds", "600")
    harness(*BEGIN)
    ended, _, err = harness("run", "s.yaml")
    assert ended == 5
    assert "would be paid for twice: 2 of run " in err
    assert None not in paid(harness)


def test_a_batch_that_somebody_deleted_is_sent_again_when_it_is_forgotten(
    alone: Callable[..., InProcess],
) -> None:
    harness = alone("--batch-seconds", "1")
    harness(*BEGIN)
    (batch,) = listed(harness)
    while listed(harness)[0]["api_status"] != "ended":
        pass
    url = f"{harness.url}/v1/messages/batches/{batch['id']}"
    request = urllib.request.Request(url, method="DELETE", headers=HEADERS)
    urllib.request.urlopen(request).close()
    ended, _, err = harness("resume", "latest")
    assert ended != 0
    assert f"`harness batches forget {batch['id']}`" in err
    assert harness("batches", "forget", batch["id"])[0] == 0
    assert harness("resume", "latest", "--poll", "0.05")[0] == 0


def test_a_run_that_low_credit_stops_reports_what_was_answered(
    alone: Callable[..., InProcess],
) -> None:
    harness = alone("--batch-seconds", "0", "--fault", "errored=billing_error,times=1")
    ended, _, err = harness(*WAITS)
    assert ended == 3
    assert "the API refuses to go on" in err
    (candidate,) = document(harness)["candidates"]
    assert candidate["trials"]["graded"] == 1
    assert candidate["cost_usd"]["spent"] > 0


@pytest.mark.parametrize(
    "words",
    [
        ("--no-wait",),
        ("--batch-requests", "5"),
        ("--stragglers", "live"),
        ("--mode", "batch", "--within", "3"),
    ],
    ids=" ".join,
)
def test_options_of_batches_are_refused_where_they_mean_nothing(
    command: Callable[..., InProcess], words: tuple[str, ...]
) -> None:
    ended, out, err = command()("run", "s.yaml", *words)
    assert (ended, out) == (2, "")
    assert "is of --mode" in err


def test_stragglers_are_in_the_journal_until_each_has_its_answer(
    alone: Callable[..., InProcess],
) -> None:
    harness = alone("--batch-seconds", "0", "--fault", "expired,times=2", "--latency", "0.3")
    assert harness(*WAITS, "--stragglers", "live")[0] == 0
    assert sorted(map(str, paid(harness))) == ["None", "None"]
    journal = Journal(store := Store(f"sqlite:///{harness.folder}/.harness/store.db"))
    held, open_ = journal.under_way(), [batch for batch in journal.all() if batch.open]
    store.close()
    assert (held, open_) == ({}, [])


def test_a_batch_whose_results_nobody_can_read_stops_the_run_until_it_is_forgotten(
    alone: Callable[..., InProcess],
) -> None:
    harness = alone("--batch-seconds", "0", "--fault", "broken_line,times=2")
    ended, _, err = harness(*WAITS)
    assert ended == 3
    assert "none of the 2 results of batch " in err
    (batch,) = listed(harness)
    assert harness("batches", "forget", batch["id"])[0] == 2
    assert harness("batches", "forget", batch["id"], "--force")[0] == 0
    assert harness("resume", "latest", "--poll", "0.05")[0] == 0
