"""Judges over the whole path: live and in waves of batches, from the store, and what they cost."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from harness import run as path
from harness.invocation import Invocation
from harness.prepare import prepare
from harness.records import Result
from harness.store import Store

ROOT = Path(__file__).parents[2]
SUITE = """
suite: judged
models: [haiku, sonnet]
prompt: "Describe {{ thing }}."
params: {max_tokens: 60}
graders:
  - rubric: [Is kind., "Names {{ thing }}."]
    judge: opus
  - pairwise: haiku
    judge: opus
  - panel: [opus, claude-opus-5]
    criteria: Is short.
cases: [{id: sun, vars: {thing: the sun}}, {id: sea, vars: {thing: the sea}}]
"""
ANSWERS = """
answers:
  "*": {haiku: "{{ thing }}, plainly", sonnet: "{{ thing }}, at length"}
judges:
  "*":
    haiku: [met, met]
    sonnet: [{verdicts: [met, not_met]}, met, met, win]
  sea: {sonnet: [{text: "Of course!"}, met, met, tie]}
"""


def judged(bench: Any) -> str:
    """A suite with three judges, and its script."""
    bench.write("judged.answers.yaml", ANSWERS)
    bench.write("judged.yaml", SUITE)
    return "judged.yaml"


class Quiet:
    """A watcher that sees nothing."""

    def __getattr__(self, _name: str) -> Any:
        return lambda *_: None


def results(bench: Any, mode: str) -> dict[str, Result]:
    """How the trials of an offline run in this mode ended."""
    options = {"mode": mode, "poll_s": 0.05, "offline": True, "cwd": str(bench.folder)}
    invocation = Invocation((str(bench.folder / judged(bench)),), **options)
    prepared = prepare(invocation, {}, bench.folder)
    store = Store(f"sqlite:///{bench.folder}/store.db")
    record = path.begin(prepared, store)
    path.execute(prepared, store, record, Quiet(), on_signal=False)
    found = {str(result.id): result for result in store.results(record.id)}
    store.close()
    return found


@pytest.mark.parametrize("mode", ["live", "batch"])
def test_judges_say_what_is_scripted(bench: Any, mode: str) -> None:
    found = results(bench, mode)
    outcomes = {name: str(result.outcome) for name, result in found.items()}
    assert outcomes == {
        "judged/sun[haiku-r1]": "passed",
        "judged/sea[haiku-r1]": "passed",
        "judged/sun[sonnet-r1]": "failed",
        "judged/sea[sonnet-r1]": "ungraded",
    }
    assert "judge opus gave no verdict" in found["judged/sea[sonnet-r1]"].reason


@pytest.mark.parametrize("mode", ["live", "batch"])
def test_a_rivals_answer_is_paid_for_once(bench: Any, mode: str) -> None:
    calls = [call for result in results(bench, mode).values() for call in result.calls]
    assert sum(call.request.purpose == "rival" for call in calls) == 2
    paid = [call.answer.key for call in calls if not call.answer.reused]
    assert len(paid) == len(set(paid))
    if mode == "live":
        assert set(paid) == {call.answer.key for call in calls}


def test_a_second_run_asks_no_judge_again_and_says_the_same(bench: Any) -> None:
    first = bench.run(None, judged(bench), offline=True)
    second = bench.run(None, "judged.yaml", offline=True)
    assert all(result.spent == Decimal(0) for result in second.results.values())
    assert {k: r.grades for k, r in second.results.items()} == {
        k: r.grades for k, r in first.results.items()
    }


def test_a_changed_judge_asks_the_judge_alone(bench: Any) -> None:
    bench.run(None, judged(bench), offline=True)
    bench.write("judged.yaml", SUITE.replace("Is kind.", "Is warm."))
    again = bench.run(None, "judged.yaml", offline=True)
    new = [
        call.request.purpose
        for result in again.results.values()
        for call in result.calls
        if not call.answer.reused
    ]
    assert new == ["judge"] * 4


def test_what_judges_cost_is_kept_apart(bench: Any) -> None:
    ended = bench.run(None, judged(bench), offline=True)
    for candidate in ended.comparison.candidates:
        assert candidate.cost_usd.judges > candidate.cost_usd.answers > 0


@pytest.mark.parametrize("name", ["summary-rubric", "pairwise-replies"])
def test_the_example_suites_hold_their_gates(bench: Any, name: str) -> None:
    shutil.copytree(ROOT / "suites" / name, bench.folder / name)
    ended = bench.run(None, f"{name}/{name}.yaml", offline=True)
    assert ended.code == 0
    assert {"passed", "failed"} == set(ended.outcomes)
