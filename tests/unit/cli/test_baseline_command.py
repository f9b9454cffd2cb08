"""`harness baseline` where a run cannot be one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli.comparing import baseline
from harness.errors import UsageError
from harness.records import Candidate, Outcome, Result, Run, SuiteFacts, TrialId
from harness.store import ResultRow, Store

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def refused(tmp_path: Path) -> Callable[[int, str], str]:
    """What `harness baseline` says of a run with so many trials planned, of which one has ended."""

    def call(planned: int, content: str) -> str:
        url = f"sqlite:///{tmp_path / 'other.db'}"
        facts = SuiteFacts("s", "s.yaml", "0", 1)
        store = Store(url)
        store.start(
            Run("r1", NOON, "live", "1", "2", "", (facts,), (Candidate("m", "m"),), {"m": planned})
        )
        one = Result(TrialId("s", "c", "m"), Outcome.PASSED, 1.0, content=content)
        store.exchange((), (), (ResultRow("r1", 0, one),))
        store.close()
        ended = CliRunner().invoke(baseline, ["r1", "--store", url])
        assert isinstance(ended.exception, UsageError)
        return str(ended.exception)

    return call


def test_a_run_that_has_not_ended_is_no_baseline(refused: Callable[[int, str], str]) -> None:
    assert refused(2, "h").startswith(
        "1 of 2 trials of run r1 have ended; a baseline is of a whole"
    )


def test_a_run_of_an_earlier_version_is_no_baseline(refused: Callable[[int, str], str]) -> None:
    assert "does not say what its cases test" in refused(1, "")
