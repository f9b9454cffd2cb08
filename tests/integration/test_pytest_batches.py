"""Evals under pytest by batch: submitted in one session, judged in another."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pytest_bench import Evals, paid

LONG = ("--batch-seconds", "600")
BATCH = ("--eval-mode", "batch")


@pytest.fixture
def evals(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Evals:
    return Evals(pytester, monkeypatch)


def test_a_session_waits_for_its_batch(evals: Evals, simulate: Callable[..., str]) -> None:
    evals.use(url := simulate(str(evals.pair()), "--batch-seconds", "0.1"))
    evals.run(*BATCH, "--eval-poll", "0.1").assert_outcomes(passed=5, failed=1)
    assert paid(url) == 6


def test_a_pending_item_is_skipped_with_its_batch_and_the_way_on(
    evals: Evals, simulate: Callable[..., str]
) -> None:
    evals.use(simulate(*LONG))
    evals.many(3)
    result = evals.run(*BATCH, "--eval-no-wait", "-rs")
    result.assert_outcomes(skipped=3)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        ["SKIPPED *still processing: msgbatch_*; judge it later with --eval-run *"]
    )
    result.stdout.fnmatch_lines(["Batches: 1, 3 requests; not recorded: 1, 3 requests"])


def test_a_later_session_judges_the_run_in_its_mode(
    evals: Evals, simulate: Callable[..., str]
) -> None:
    evals.use(url := simulate(str(evals.pair()), "--batch-seconds", "0.5"))
    evals.run(*BATCH, "--eval-no-wait").assert_outcomes(skipped=6)
    later = evals.run("--eval-run", "latest", "--eval-poll", "0.1")
    later.assert_outcomes(passed=5, failed=1)
    assert paid(url) == 6


def test_what_is_answered_is_judged_while_the_rest_is_pending(
    evals: Evals, simulate: Callable[..., str]
) -> None:
    evals.use(simulate(str(evals.many(3)), *LONG))
    evals.run("-k", "c0").assert_outcomes(passed=1)
    evals.run(*BATCH, "--eval-no-wait").assert_outcomes(passed=1, skipped=2)


@pytest.mark.parametrize("seconds", ["0", "soon", "inf", "nan"])
def test_a_poll_that_is_no_time_is_refused(evals: Evals, seconds: str) -> None:
    evals.many(1)
    result = evals.run("--eval-poll", seconds)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["*--eval-poll (HARNESS_BATCH_POLL_S) takes a number of seconds above 0, not *"]
    )
