"""What is shown while a run goes."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from rich.console import Console

from harness.cli.progress import Bar, Lines, Silent
from harness.records import Outcome, Result, Run, TrialId

RUN = Run("r1", datetime(2026, 11, 20, tzinfo=UTC), "live", "1", "2", "", (), (), {"m": 3})
TRIAL: Any = None  # no watcher looks at it


def result(outcome: Outcome = Outcome.PASSED) -> Result:
    return Result(TrialId("s", "c", "m"), outcome, None)


def watched(*outcomes: Outcome) -> Silent:
    watch = Silent()
    for outcome in outcomes:
        watch.ended(TRIAL, result(outcome))
    watch.spent, watch.calls = Decimal("0.0022"), 120
    return watch


def test_the_figures_tell_missing_trials_from_failed_ones() -> None:
    watch = watched(Outcome.PASSED, Outcome.FAILED, Outcome.ERRORED)
    assert watch.figures(10) == "50.0 % passed, 1 missing, $0.0022 spent, 12 requests/s"


@pytest.mark.parametrize(
    ("room", "figures"),
    [
        (100, "100 % passed, $0.0022 spent, 12 requests/s"),
        (41, "100 % passed, $0.0022 spent"),
        (26, "100 % passed"),
        (5, ""),
    ],
)
def test_where_room_is_short_whole_figures_are_left_out(room: int, figures: str) -> None:
    assert watched(Outcome.PASSED).figures(10, room) == figures


def test_lines_are_seconds_apart_and_the_first_says_what_runs() -> None:
    out, clock = io.StringIO(), count(0.0, 3.0)
    watch = Lines(out, lambda: next(clock))
    watch.begin(RUN, 3, lambda: None)
    for _ in range(3):
        watch.ended(TRIAL, result())
    first, *rest = out.getvalue().splitlines()
    assert first == "run r1: 3 trials, mode live"
    assert rest == ["2/3 trials, 100 % passed, $0 spent, 0 requests/s, 3 s left"]


@pytest.mark.parametrize("width", [50, 60, 70, 80, 100])
def test_a_bar_crops_no_figure(width: int) -> None:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=True, color_system=None)
    clock = count(1.0)
    watch = Bar(console, lambda: next(clock))
    watch.begin(RUN, 30_000, lambda: None)
    watch.spent = Decimal("0.0022")
    watch.ended(TRIAL, result())
    watch.bar.refresh()
    watch.close()
    assert "1/30000" in out.getvalue()
    assert "…" not in out.getvalue()


def test_the_first_that_did_not_pass_is_kept_to_be_shown() -> None:
    watch = watched(Outcome.PASSED, Outcome.UNGRADED, Outcome.FAILED)
    assert watch.first_failure == result(Outcome.UNGRADED)
