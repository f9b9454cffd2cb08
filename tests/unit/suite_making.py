"""Suites, answers and driven trials for unit tests: what a run does, without a backend."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.check import Findings, check
from harness.errors import SuiteError
from harness.load import load
from harness.models import Registry
from harness.records import Answer, Block, Missing, Request, Result, Steps, Usage
from harness.settings import registry as read_registry
from harness.suite import Suite
from harness.trial import Trial, steps
from harness.workshop import Workshop

Replies = Sequence["str | Answer | Missing"]

HEAD = """\
suite: t
models: [haiku]
prompt: "Say {{ word }}."
vars: {word: yes please}
graders:
  - contains: please
"""


def registry(folder: Path) -> Registry:
    """The models that come with the harness."""
    return read_registry([], folder, None)


def write(folder: Path, text: str, **files: str) -> Path:
    """A suite file in `folder`, and others beside it (`a_csv` is `a.csv`)."""
    for name, content in files.items():
        (folder / ".".join(name.rsplit("_", 1))).write_text(content, encoding="utf-8")
    path = folder / "s.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def loaded(folder: Path, text: str, **files: str) -> Suite:
    """The one suite of a text."""
    (suite,) = load([write(folder, text, **files)], registry(folder))
    return suite


def problems(folder: Path, text: str, **files: str) -> list[str]:
    """What loading and checking say is wrong, without the folder."""
    try:
        found = check([loaded(folder, text, **files)], registry(folder)).problems
    except SuiteError as error:
        found = list(error.problems)
    return [str(problem).replace(f"{folder}/", "") for problem in found]


def checked(folder: Path, text: str, **files: str) -> Findings:
    """What a check finds in a suite that can be loaded."""
    return check([loaded(folder, text, **files)], registry(folder))


def answer(*blocks: str | Block, stop_reason: str = "end_turn") -> Answer:
    """An answer of texts and other blocks."""
    content = [{"type": "text", "text": b} if isinstance(b, str) else b for b in blocks]
    return Answer(
        content=tuple(content),
        model="claude-haiku-4-5-20251001",
        stop_reason=stop_reason,
        usage=Usage(input_tokens=10, output_tokens=5),
        answered_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def tool_use(name: str, /, call: str = "call-1", **given: Any) -> Block:
    """A call of a client tool."""
    return {"type": "tool_use", "id": call, "name": name, "input": given}


def trial_of(suite: Suite, *, case: int = 0, candidate: int = 0) -> Trial:
    """The first attempt at a case by a candidate."""
    return Trial(suite, suite.cases[case], suite.candidates[candidate], 1, 0)


def driven(trial: Trial, replies: Replies) -> tuple[Result, list[Sequence[Request]]]:
    """How the trial ends with these replies, and what it asked; every reply must be asked for."""
    left = list(replies)
    asked: list[Sequence[Request]] = []
    running: Steps[Result] = steps(trial, Workshop(trial.suite, registry(trial.suite.folder)))
    try:
        requests = next(running)
        while True:
            asked.append(requests)
            given = [left.pop(0) for _ in requests]
            requests = running.send([answer(r) if isinstance(r, str) else r for r in given])
    except StopIteration as stop:
        assert not left, f"never asked for: {left}"
        result: Result = stop.value
        return result, asked


def said(request: Request) -> list[tuple[str, Any]]:
    """The messages of a request as (role, content)."""
    return [(m["role"], m["content"]) for m in request.params["messages"]]
