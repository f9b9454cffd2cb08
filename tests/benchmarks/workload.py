"""The work that is measured: a suite of many short cases, as YAML or over a CSV file."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Literal

Form = Literal["yaml", "csv"]

MODELS = ("haiku", "sonnet", "opus")
MODEL_IDS = ("claude-haiku-4-5-20251001", "claude-sonnet-4-6", "claude-opus-4-6")
MAX_TOKENS = 16
QUEUES = ("billing", "technical", "sales")
HEAD = """\
suite: many
models: [haiku, sonnet, opus]
prompt: "Name the queue, billing, technical or sales, of message {{ number }}."
params: {max_tokens: 16}
graders:
  - equals: "{{ expected }}"
cases:
"""
FROM_CSV = """\
  - data: cases.csv
    id: "case-{{ row.number }}"
    vars: {number: "{{ row.number }}", expected: "{{ row.expected }}"}
"""


def prompt(number: int) -> str:
    """What the suite's template says of one case."""
    return f"Name the queue, billing, technical or sales, of message {number}."


def write_suite(folder: Path, cases: int, form: Form) -> Path:
    """A suite of so many cases in a folder of its own; each case is three trials."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [(number, QUEUES[number % len(QUEUES)]) for number in range(cases)]
    path = folder / "many.yaml"
    if form == "csv":
        with (folder / "cases.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("number", "expected"), *rows])
        path.write_text(HEAD + FROM_CSV, encoding="utf-8")
        return path
    written = (
        f"  - id: case-{number}\n    vars: {{number: {number}, expected: {queue}}}\n"
        for number, queue in rows
    )
    path.write_text(HEAD + "".join(written), encoding="utf-8")
    return path
