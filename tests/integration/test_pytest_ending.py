"""How a session with evals ends early: stopped, interrupted or refused; and what that leaves."""

from __future__ import annotations

import importlib.util
import re
import signal
import subprocess
from collections.abc import Callable

import pytest
from pytest_bench import Evals, paid

SLOW = ("--latency", "0.2")


@pytest.fixture
def evals(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Evals:
    return Evals(pytester, monkeypatch)


def read_until(process: subprocess.Popen[str], mark: str) -> str:
    """What a process prints up to a mark."""
    assert process.stdout is not None
    read = ""
    while mark not in read:
        line = process.stdout.readline()
        assert line, read
        read += line
    return read


def test_the_first_items_report_long_before_the_last_answer(
    evals: Evals, simulate: Callable[..., str]
) -> None:
    evals.use(url := simulate(str(evals.many(12)), *SLOW))
    with evals.start("-v", "--eval-concurrency", "2") as process:
        read_until(process, "c1[haiku] PASSED")
        assert paid(url) < 12
        assert "12 passed" in process.communicate(timeout=60)[0]


@pytest.mark.parametrize("option", ["-x", "--maxfail=1"])
def test_the_first_failure_stops_the_spending(
    evals: Evals, simulate: Callable[..., str], option: str
) -> None:
    evals.use(url := simulate(*SLOW))
    evals.many(40)
    result = evals.run(option, "--eval-concurrency", "2")
    assert result.parseoutcomes()["failed"] == 1
    assert paid(url) <= 6
    result.stdout.fnmatch_lines(["*haiku: * pending*"])


def interrupted(evals: Evals, url: str) -> tuple[int, str]:
    """A session of 12 items that is interrupted after its second, and what it was paid for."""
    with evals.start("-v", "--eval-concurrency", "2") as process:
        read_until(process, "c1[haiku] PASSED")
        process.send_signal(signal.SIGINT)
        out = process.communicate(timeout=60)[0]
    assert process.returncode == pytest.ExitCode.INTERRUPTED, out
    return paid(url), out


def test_an_interrupt_stops_the_spending_and_keeps_what_was_answered(
    evals: Evals, simulate: Callable[..., str]
) -> None:
    evals.use(url := simulate(str(evals.many(12)), *SLOW))
    before, out = interrupted(evals, url)
    assert 2 <= before < 12
    assert "Report: " in out
    assert evals.process("--lf")[0] == 0
    assert paid(url) == 12


def test_an_interrupted_run_goes_on_under_its_name(
    evals: Evals, simulate: Callable[..., str]
) -> None:
    evals.use(url := simulate(str(evals.many(12)), *SLOW))
    _, out = interrupted(evals, url)
    name = re.findall(r"runs/(\S+)/report", out)[0]
    assert evals.process("--eval-run", "latest", "--ff")[0] == 0
    assert paid(url) == 12
    assert [found.name for found in (evals.folder / ".harness/runs").iterdir()] == [name]
    assert [trial["case"] for trial in evals.trials()] == [f"c{n}" for n in range(12)]


@pytest.mark.parametrize("chosen", ["c0", "c9"], ids=["a part", "others"])
def test_a_run_goes_on_with_its_own_trials_only(evals: Evals, chosen: str) -> None:
    evals.many(4)
    evals.offline().assert_outcomes(passed=4)
    evals.many(10)
    result = evals.offline("--eval-run", "latest", "-k", chosen)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["*was begun with other trials than the 1 that are selected now*"])


def test_a_run_whose_items_are_turned_round_keeps_each_result_in_its_place(evals: Evals) -> None:
    evals.pair()
    evals.offline()
    evals.offline("--ff", "--eval-run", "latest").assert_outcomes(passed=5, failed=1)
    assert [trial["case"] for trial in evals.trials()] == [
        "first", "first", "second", "second", "third", "third",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--key", "another"), "the API refuses to go on: 401 *; check ANTHROPIC_API_KEY, or run "),
        (("--fault", "status=400"), "the API refuses to go on: 400 * the same `pytest` goes on"),
    ],
    ids=["wrong key", "spend limit"],
)
def test_what_ends_the_run_ends_the_session_with_one_message(
    evals: Evals, simulate: Callable[..., str], options: tuple[str, ...], said: str
) -> None:
    evals.use(url := simulate(*options))
    evals.many(20)
    result = evals.run()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines([f"!* {said}*"])
    assert result.stdout.str().count("refuses to go on") == 1
    assert result.parseoutcomes() == {}
    assert paid(url) == 0


def test_an_api_that_is_not_there_ends_the_session_with_one_message(evals: Evals) -> None:
    evals.use("http://127.0.0.1:9")
    evals.many(30)
    result = evals.run()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert result.stdout.str().count("no connection to the API at http://127.0.0.1:9") == 1


def test_no_key_is_said_once_with_both_ways_on(evals: Evals) -> None:
    evals.many(3)
    result = evals.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["!* no API key: set ANTHROPIC_API_KEY * with --eval-offline *"])
    assert result.parseoutcomes() == {}


def test_a_working_directory_that_cannot_be_written_is_said_once(
    evals: Evals, simulate: Callable[..., str]
) -> None:
    evals.use(url := simulate(str(evals.many(3))))
    evals.write(".harness", "a file where a folder is wanted")
    result = evals.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["!* store *.harness/store.db: *"])
    assert paid(url) == 0


def test_reports_that_cannot_be_written_lose_nothing(evals: Evals) -> None:
    evals.many(3)
    evals.write("taken", "a file")
    result = evals.offline("--eval-out", "taken")
    result.assert_outcomes(passed=3)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["haiku * 100 %*", "taken: the reports cannot be written*--eval-out"]
    )


def test_an_ordinary_test_beside_evals_is_run_as_ever(evals: Evals) -> None:
    evals.pair()
    evals.write("test_it.py", "def test_it(): pass\n")
    evals.offline().assert_outcomes(passed=6, failed=1)


@pytest.mark.skipif(importlib.util.find_spec("xdist") is None, reason="pytest-xdist is not here")
def test_xdist_is_refused_with_what_to_do_instead(
    evals: Evals, simulate: Callable[..., str]
) -> None:
    evals.use(url := simulate(str(evals.many(3))))
    code, out = evals.process("-n", "2")
    assert code != 0
    assert "1 error" in out
    assert "run them in a pytest of their own, as in `pytest -n0 many.yaml`" in out
    assert paid(url) == 0
    assert evals.process("-n0")[0] == 0
