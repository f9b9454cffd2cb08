"""Suites with judges for unit tests, and what judges answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from suite_making import answer, driven, loaded, trial_of

from harness.records import Answer, Grade, Missing, Request, Result

HEAD = """\
suite: t
models: [haiku, sonnet]
prompt: "Say {{ word }}."
vars: {word: yes please}
cases: [{id: a}]
graders:
"""


def suite_text(grader: str) -> str:
    """A suite of one case with one grader."""
    return f"{HEAD}  - {grader}\n"


def verdict(word: str, why: str = "because") -> dict[str, str]:
    """One opinion as the schema wants it."""
    return {"reasoning": why, "verdict": word}


def rubric(*words: str) -> str:
    """What a rubric's judge answers, a word for each criterion."""
    return json.dumps({f"criterion_{n}": verdict(word) for n, word in enumerate(words, 1)})


def one(word: str, why: str = "because") -> str:
    """What the judge of a reference or a pair answers."""
    return json.dumps(verdict(word, why))


def run(
    folder: Path, grader: str, *replies: str | Answer | Missing, candidate: int = 0, **files: str
) -> tuple[Result, list[Sequence[Request]]]:
    """The trial of a suite with this grader, on these replies; the first is the candidate's."""
    suite = loaded(folder, suite_text(grader), **files)
    return driven(trial_of(suite, candidate=candidate), replies)


def graded(folder: Path, grader: str, *replies: str | Answer | Missing, **files: str) -> Grade:
    """The grade of the one grader."""
    return run(folder, grader, *replies, **files)[0].grades[0]


def asked(folder: Path, grader: str, text: str, *replies: str, **files: str) -> Request:
    """The first request to a judge, about an answer with this text."""
    return run(folder, grader, text, *replies, **files)[1][1][0]


def user_text(request: Request) -> str:
    """What a judge is told of the material."""
    return str(request.params["messages"][0]["content"])


def system_text(request: Request) -> str:
    """What a judge is told first."""
    return str(request.params["system"][0]["text"])


def schema(request: Request) -> dict[str, Any]:
    """The schema of the verdict."""
    found: dict[str, Any] = request.params["output_config"]["format"]["schema"]
    return found


NONSENSE: dict[str, str | Answer | Missing] = {
    "prose": "Sure! The answer is met.",
    "prose with a verdict in it": f"Here you are: {rubric('met')}",
    "fenced": f"```json\n{rubric('met')}\n```",
    "no object": "[1]",
    "a bare word": '"met"',
    "wrong keys": one("met"),
    "a verdict that is none": rubric("perfect"),
    "a verdict that is no text": '{"criterion_1": {"reasoning": "x", "verdict": true}}',
    "no reasoning": '{"criterion_1": {"verdict": "met"}}',
    "reasoning that is no text": '{"criterion_1": {"reasoning": 1, "verdict": "met"}}',
    "one too many": rubric("met", "met"),
    "cannot tell": rubric("cannot_tell"),
    "empty": "",
    "blank": " \n",
    "refusal": answer(stop_reason="refusal"),
    "refusal after a verdict": answer(rubric("met"), stop_reason="refusal"),
    "cut off": answer('{"criterion_1": {"reas', stop_reason="max_tokens"),
    "cut off after a verdict": answer(rubric("met"), stop_reason="max_tokens"),
    "no answer": Missing("overloaded_error", "the API was overloaded"),
}
"""What is no verdict to a rubric of one criterion."""
