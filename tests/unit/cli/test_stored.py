"""The commands that read the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli.stored import report, runs, show
from harness.errors import UsageError
from harness.records import (
    Answer,
    Bill,
    Call,
    Candidate,
    Outcome,
    Request,
    Result,
    Run,
    SuiteFacts,
    TrialId,
    Usage,
)
from harness.store import Entry, ResultRow, Store

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
REQUEST = Request({"model": "m", "messages": [{"role": "user", "content": "hi"}]}, "2026-10-21")
ANSWER = Answer(({"type": "text", "text": "hi"},), "m", "end_turn", Usage(1, 2), NOON, key="k")
RUN = Run(
    id="r1",
    started_at=NOON,
    mode="live",
    harness_version="1",
    sdk_version="2",
    prices_as_of="2026-08-22",
    suites=(SuiteFacts("s", "s.yaml", "0", 1),),
    candidates=(Candidate("m", "m"),),
    planned={"m": 2},
)
Keep = Callable[..., None]
Said = Callable[..., str]


@pytest.fixture
def keep(tmp_path: Path) -> Iterator[Keep]:
    """Keeps a run and one failed trial of it in a store."""
    store = Store(f"sqlite:///{tmp_path / 'other.db'}")

    def kept(run: Run, answer: Answer = ANSWER, *, judged: bool = False) -> None:
        asked = {"model": "m", "messages": [{"role": "user", "content": "Is it kind?"}]}
        judge = Request(asked, "2026-10-21", purpose="judge")
        store.start(run)
        failed = Result(
            TrialId("s", "c", "m"),
            Outcome.FAILED,
            0.0,
            calls=(
                Call(REQUEST, answer, Bill()),
                *((Call(judge, replace(answer, key="j"), Bill()),) if judged else ()),
            ),
            messages=tuple(REQUEST.params["messages"]),
            reason="equals: no",
        )
        entries = (Entry("k", REQUEST, answer), Entry("j", judge, answer))
        store.exchange((), entries, (ResultRow(run.id, 0, failed),))

    yield kept
    store.close()


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Said:
    """What a command prints about the store `other.db`."""
    monkeypatch.chdir(tmp_path)

    def call(command: object, *args: str) -> str:
        ended = CliRunner().invoke(command, [*args, "--store", "other.db"])  # type: ignore[arg-type]
        assert ended.exception is None, ended.exception
        return ended.output

    return call


@pytest.mark.parametrize(
    ("run", "answer", "line"),
    [
        pytest.param(RUN, ANSWER, "unfinished 2 trials live s", id="not ended"),
        pytest.param(
            replace(RUN, planned={"m": 1}, exit_code=3),
            ANSWER,
            "exit 3 1 trial live s",
            id="one trial",
        ),
        pytest.param(
            RUN,
            replace(ANSWER, simulated=True),
            "unfinished 2 trials live, simulated s",
            id="simulated and not ended",
        ),
    ],
)
def test_a_run_is_a_line(keep: Keep, said: Said, run: Run, answer: Answer, line: str) -> None:
    keep(run, answer)
    assert said(runs).split() == ["r1", *line.split()]


def test_the_commands_of_show_name_the_store(keep: Keep, said: Said) -> None:
    keep(RUN)
    text = said(show, "r1")
    assert "Pending: 1 trial; go on with harness resume r1 --store other.db" in text
    assert "failed   s/c[m-r1]  equals: no" in text


@pytest.mark.parametrize("judges", [(), ("--judges",)], ids=["short", "in full"])
def test_what_judges_were_asked_is_an_option_of_a_trial(
    keep: Keep, said: Said, judges: tuple[str, ...]
) -> None:
    keep(RUN, judged=True)
    assert ("Is it kind?" in said(show, "r1", "s/c", *judges)) is bool(judges)


def test_what_judges_were_asked_is_of_one_trial(
    keep: Keep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(RUN)
    monkeypatch.chdir(tmp_path)
    ended = CliRunner().invoke(show, ["r1", "--judges", "--store", "sqlite:///other.db"])
    assert isinstance(ended.exception, UsageError)


def test_the_commands_of_a_report_name_the_store(keep: Keep, said: Said) -> None:
    keep(RUN)
    said(report, "r1", "--format", "md", "--out", "out")
    page = Path("out/report.md").read_text(encoding="utf-8")
    assert "harness show r1 's/c&#91;m-r1&#93;' --store other.db" in page
