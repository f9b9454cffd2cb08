"""The whole path over real HTTP: in this process, and as the command in a process of its own."""

from __future__ import annotations

import json
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from harness import run as path
from harness.analysis.comparison import Comparison
from harness.errors import HarnessError
from harness.invocation import Invocation
from harness.prepare import prepare
from harness.records import Result
from harness.simulator.ledger import digest_of
from harness.store import Store

SUITE = """
suite: words
models: [haiku, sonnet]
prompt: "Say {{ expected }}."
params: {max_tokens: 20}
graders: [{equals: "{{ expected }}"}]
cases:
  - {data: words.jsonl, id: "c{{ row.n }}", vars: {expected: "{{ row.word }}"}}
"""
ANSWERS = """
answers:
  "*": {haiku: "{{ expected }}", sonnet: "{{ expected if expected[-1] in '02468' else 'no' }}"}
"""


class Silent:
    """A watcher that sees nothing."""

    def begin(self, *_: object) -> None: ...
    def ended(self, *_: object) -> None: ...
    def interrupted(self) -> None: ...
    def news(self, *_: object) -> None: ...
    def waiting(self, *_: object) -> None: ...
    def beat(self, *_: object) -> None: ...


class Ended(NamedTuple):
    """How a run in this process ended."""

    comparison: Comparison
    stopped: HarnessError | None
    results: dict[str, Result]

    @property
    def outcomes(self) -> Counter[str]:
        return Counter(str(result.outcome) for result in self.results.values())

    @property
    def code(self) -> int | None:
        return self.comparison.run.exit_code


class Bench:
    """A folder with a suite, a store, and the path over them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, text: str) -> Path:
        """A file in the folder."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def words(self, count: int, *, models: str = "haiku, sonnet") -> Path:
        """A suite of so many cases that haiku passes, and sonnet every other one."""
        rows = [json.dumps({"n": n, "word": f"word{n}"}) for n in range(count)]
        self.write("words.jsonl", "\n".join(rows))
        self.write("answers.yaml", ANSWERS)
        return self.write("words.yaml", SUITE.replace("haiku, sonnet", models))

    def run(
        self, environ: Mapping[str, str] | None = None, *names: str, run_id: str | None = None,
        **options: Any,
    ) -> Ended:  # fmt: skip
        """Prepare, ask and conclude; raises what refuses the run before it begins."""
        files = tuple(str(self.folder / name) for name in names or ("words.yaml",))
        invocation = Invocation(files, cwd=str(self.folder), **options)
        prepared = prepare(invocation, environ or {}, self.folder)
        store = Store(f"sqlite:///{self.folder}/store.db")
        try:
            record = path.begin(prepared, store, run_id=run_id)
            done = path.execute(prepared, store, record, Silent(), on_signal=False)
            comparison = path.conclude(prepared, store, done)
            results = {str(result.id): result for result in store.results(record.id)}
        finally:
            store.close()
        return Ended(comparison, done.stopped, results)

    def recorded(self) -> set[str]:
        """The digests, as the simulator's ledger has them, of the requests that are answered."""
        store = Store(f"sqlite:///{self.folder}/store.db")
        with store.engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT request FROM harness_answers").all()
        store.close()
        return {digest_of(json.loads(data)["params"]) for (data,) in rows}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def ledger() -> Callable[[str], list[str]]:
    """The digests of what a simulator was paid for, in order."""

    def read(url: str) -> list[str]:
        with urllib.request.urlopen(f"{url}/__simulator/ledger") as response:
            return [entry["digest"] for entry in json.load(response)["requests"]]

    return read
