"""Commands that reports tell."""

from __future__ import annotations

import pytest

from harness.records import TrialId
from reports.commands import Commands

TRIAL = TrialId("s", "it's", "haiku")


def test_a_command_is_quoted_for_a_shell() -> None:
    assert Commands("latest").show(TRIAL) == """harness show latest 's/it'"'"'s[haiku-r1]'"""


@pytest.mark.parametrize(
    ("store", "option"),
    [
        pytest.param("other.db", "--store other.db", id="a file"),
        pytest.param("my store.db", "--store 'my store.db'", id="a file with a space"),
        pytest.param("postgresql://host/db", "--store postgresql://host/db", id="a database"),
        pytest.param(
            "postgresql://me:secret@host/db", '--store "$HARNESS_STORE"', id="with a password"
        ),
        pytest.param(
            "postgresql://host/db?password=secret", '--store "$HARNESS_STORE"', id="in the query"
        ),
    ],
)
def test_a_store_that_was_named_is_named_again(store: str, option: str) -> None:
    commands = Commands("r1", store)
    assert commands.show() == f"harness show r1 {option}"
    assert commands.resume() == f"harness resume r1 {option}"
