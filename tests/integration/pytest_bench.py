"""A folder with suites and evals, and pytest sessions over them that ask a real simulator."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from local_api import access

import harness
import reports

# A session in this process forgets the modules that it was the first to import, and libraries do
# not like to be imported twice.
for package in (harness, reports):
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if "examples" not in found.name and "__main__" not in found.name:
            importlib.import_module(found.name)
for name in (
    *("anthropic.resources.messages", "dotenv", "numpy", "rich.console", "rich.table"),
    "yaml",
):
    importlib.import_module(name)

ALONE = ("-p", "no:hypothesispytest")
"""Another plugin that would be imported for each session anew, which takes a second."""
PAIR = """
suite: pair
models: [haiku, sonnet]
prompt: "Say {{ expected }}."
params: {max_tokens: 20}
graders: [{equals: "{{ expected }}"}]
cases:
  - {id: first, vars: {expected: one}, tags: [odd, ticket-1]}
  - {id: second, vars: {expected: two}, tags: [even]}
  - {id: third, vars: {expected: three}, tags: [odd, skip]}
"""
WRONG = """
answers:
  "*": {"*": "{{ expected }}"}
  second: {sonnet: "certainly not"}
"""


class Evals:
    """Suites and evals in a folder of their own; `url` is a simulator that answers what it may."""

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pytester, self.folder = pytester, pytester.path
        self.environ = monkeypatch
        monkeypatch.setenv("COLUMNS", "200")

    def write(self, name: str, text: str) -> Path:
        """A file in the folder."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def pair(self, name: str = "pair.yaml", answers: str = WRONG) -> Path:
        """Three cases for two models, one of the six answers wrong."""
        self.write(str(Path(name).with_suffix(".answers.yaml")), answers)
        return self.write(name, PAIR)

    def many(self, count: int, *, name: str = "many") -> Path:
        """A suite of so many cases for one model, all of which pass."""
        head = PAIR.split("cases:", maxsplit=1)[0].replace(", sonnet", "").replace("pair", name)
        cases = [f"  - {{id: c{n}, vars: {{expected: {name}{n}}}}}" for n in range(count)]
        self.write(f"{name}.answers.yaml", 'answers: {"*": {"*": "{{ expected }}"}}')
        return self.write(f"{name}.yaml", "\n".join([head + "cases:", *cases]))

    def use(self, url: str) -> None:
        """Ask the API at this address, with some key."""
        for name, value in access(url).items():
            self.environ.setenv(name, value)

    def run(self, *args: str) -> pytest.RunResult:
        """A session in this process."""
        return self.pytester.runpytest_inprocess(*ALONE, *args)

    def offline(self, *args: str) -> pytest.RunResult:
        """A session in this process on the built-in simulator."""
        return self.run("--eval-offline", *args)

    def start(self, *args: str) -> subprocess.Popen[str]:
        """A session in a process of its own, just begun."""
        command = [sys.executable, "-m", "pytest", *ALONE, *args]
        return subprocess.Popen(
            command, cwd=self.folder, text=True, env=dict(os.environ),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def process(self, *args: str) -> tuple[int, str]:
        """A session in a process of its own: exit code and output."""
        with self.start(*args) as process:
            out, _ = process.communicate(timeout=60)
        return process.returncode, out

    def trials(self) -> list[dict[str, Any]]:
        """The lines of the newest `trials.jsonl`."""
        newest = max((self.folder / ".harness/runs").glob("*/trials.jsonl"))
        return [json.loads(line) for line in newest.read_text(encoding="utf-8").splitlines()]


def paid(url: str) -> int:
    """How many requests a simulator was paid for."""
    with urllib.request.urlopen(f"{url}/__simulator/ledger") as response:
        return len(json.load(response)["requests"])
