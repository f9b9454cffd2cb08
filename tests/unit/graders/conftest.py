"""What the graders' tests share: conversations, and a suite's item applied to one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from harness.graders import GraderContext, arguments, build
from harness.records import Answer, Bill, Call, Conversation, Grade, Request, Usage

Graded = Callable[..., Grade]
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def conversation(
    *texts: str,
    stop_reason: str | None = "end_turn",
    output_tokens: int | None = 10,
    cost: Decimal | None = Decimal("0.01"),
    variables: dict[str, Any] | None = None,
) -> Conversation:
    request = Request({"model": "claude-haiku-4-5-20251001"}, "2026-10-21")
    usage = Usage(output_tokens=output_tokens)
    calls = tuple(
        Call(
            request,
            Answer(({"type": "text", "text": text},), request.model, stop_reason, usage, NOW),
            Bill(cost, cost, cost),
        )
        for text in texts
    )
    return Conversation((), calls, variables or {})


@pytest.fixture(scope="session")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Graded:
    """`graded(item, *texts)`: the grade of a suite's grader item for answers with these texts."""
    empty = tmp_path_factory.mktemp("suite")

    def apply(
        item: Any, *texts: str, folder: Path = empty, regex_timeout_s: float = 1.0, **facts: Any
    ) -> Grade:
        grader = build(arguments(item), GraderContext(folder, regex_timeout_s))
        grade = grader(conversation(*texts, **facts))
        assert isinstance(grade, Grade)
        return grade

    return apply


@pytest.fixture(scope="session")
def made() -> Callable[..., Conversation]:
    """`made(*texts, stop_reason=…)`: a conversation with answers of these texts."""
    return conversation
