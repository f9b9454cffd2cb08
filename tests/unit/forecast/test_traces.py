"""Functions of a suite are never called: what they returned is known from earlier runs, or not."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from suite_making import answer, loaded, registry, tool_use

from harness import plan
from harness.forecast import traces
from harness.forecast.estimate import Sources, forecast
from harness.forecast.figures import Forecast
from harness.forecast.shelf import shelf
from harness.forecast.traces import Traces
from harness.recorder import Asked, Space
from harness.records import Answer, Request, Result, Run, SuiteFacts, TrialId
from harness.store import Entry, ResultRow, Store
from harness.suite import Suite
from harness.trial import Trial, steps
from harness.workshop import Workshop

NOW = datetime(2026, 11, 20, tzinfo=UTC)
FUNCTION = """\
from pathlib import Path

def look(**given):
    calls = Path(__file__ + ".called")
    calls.write_text((calls.read_text() if calls.exists() else "") + "x")
    return "found", len(calls.read_text())
"""
TOOLS = """\
suite: t
models: [haiku]
params: {max_tokens: 100}
prompt: "Look for {{ word }}."
max_tool_rounds: 3
tools:
  - {name: look, description: Looks., input_schema: {type: object}, python: "f.py:look"}
graders: [{rubric: {criteria: Polite., judge: sonnet}}]
cases: [{id: a, vars: {word: a}}, {id: b, vars: {word: b}}]
"""
EVAL = """\
from harness import Case, evaluation


@evaluation(models=["haiku"], cases=[Case(id="a"), Case(id="b")])
def greets(chat, case):
    reply = yield chat.ask("Say yes.")
    assert reply.text
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(f"sqlite:///{tmp_path}/store.db")
    yield opened
    opened.close()


def reply_to(request: Request) -> Answer:
    """Two rounds of tools, then a text; a judge's answer is no verdict."""
    if request.purpose == "judge" or len(request.params.get("messages")) > 3:
        return answer("yes")
    if not request.params.get("tools"):
        return answer("yes")
    return answer(
        tool_use("look", f"call-{len(request.params['messages'])}", n=1), stop_reason="tool_use"
    )


def done(trial: Trial, store: Store, run: str = "r1") -> Result:
    """Run the trial, keep its answers and its result."""
    asking, asked = steps(trial, Workshop(trial.suite, registry(trial.suite.folder))), Asked(1)
    replies: Any = None
    while True:
        try:
            requests = asking.send(replies)
        except StopIteration as stop:
            result: Result = stop.value
            store.exchange([], [], [ResultRow(run, trial.index, result)])
            return result
        space, replies = Space(""), []
        for request in requests:
            key, said = space.key_of(request, asked), reply_to(request)
            store.exchange([], [Entry(key, request, said, run)])
            replies.append(store.exchange([key])[key])


def begun(suite: Suite, store: Store, run: str = "r1", *, simulated: bool = False) -> None:
    facts = SuiteFacts(suite.name, "s.yaml", "", len(suite.cases))
    store.start(Run(run, NOW, "live", "", "", "", (facts,), (), {}, simulated=simulated))


def planned(suite: Suite, store: Store, **how: Any) -> Forecast:
    def read(wanted: Collection[TrialId]) -> Traces:
        return traces.read(store, wanted, **how)

    sources = Sources(registry(suite.folder), NOW, shelf=shelf(store, Space("")), traces=read)
    return forecast(plan.trials([suite]), sources)


def calls(folder: Path) -> int:
    file = folder / "f.py.called"
    return len(file.read_text()) if file.exists() else 0


def test_a_finished_run_is_stored_and_its_functions_are_not_called_again(
    tmp_path: Path, store: Store
):
    suite = loaded(tmp_path, TOOLS, f_py=FUNCTION)
    begun(suite, store)
    for trial in plan.trials([suite]):
        done(trial, store)
    before = calls(tmp_path)
    found = planned(suite, store)
    assert (found.total.stored, found.total.calls, found.uncalled) == (2, 0, 0)
    assert (before, calls(tmp_path)) == (4, 4)


def test_without_a_result_a_trial_ends_at_its_first_function(tmp_path: Path, store: Store):
    suite = loaded(tmp_path, TOOLS, f_py=FUNCTION)
    begun(suite, store)
    first, _ = plan.trials([suite])
    done(first, store)
    found = planned(suite, store, most=0)
    assert (found.total.stored, found.uncalled) == (0, 1)
    assert found.total.waves == {"turn 1": 1, "tools": 2, "judges": 2}
    assert any("without such a run (1)" in line for line in found.assumptions)


def test_a_judge_that_is_missing_after_a_function_is_all_that_is_left(tmp_path: Path, store: Store):
    suite = loaded(tmp_path, TOOLS, f_py=FUNCTION)
    begun(suite, store)
    for trial in plan.trials([suite]):
        done(trial, store)
    strict = loaded(tmp_path, TOOLS.replace("Polite.", "Short."), f_py=FUNCTION)
    assert planned(strict, store).total.waves == {"judges": 2}


def test_a_function_that_is_not_loadable_is_not_loaded(tmp_path: Path, store: Store):
    suite = loaded(tmp_path, TOOLS, f_py=FUNCTION)
    begun(suite, store)
    done(next(iter(plan.trials([suite]))), store)
    (tmp_path / "f.py").write_text("raise SystemExit('loaded')")
    assert planned(suite, store).total.stored == 1


@pytest.mark.parametrize(
    ("how", "stored"),
    [({}, 0), ({"simulated": True}, 2), ({"run": "r1", "alone": True}, 2), ({"alone": True}, 0)],
    ids=["of models", "of a simulator", "of the run itself", "of a new run"],
)
def test_which_runs_tell_of_functions(
    tmp_path: Path, store: Store, how: dict[str, Any], stored: int
):
    suite = loaded(tmp_path, TOOLS, f_py=FUNCTION)
    begun(suite, store, simulated=True)
    for trial in plan.trials([suite]):
        done(trial, store)
    assert planned(suite, store, **how).total.stored == stored


def test_an_eval_that_came_to_its_end_is_stored_and_others_are_unknown(
    tmp_path: Path, store: Store
):
    suite = python_suite(tmp_path, EVAL)
    begun(suite, store)
    first, _ = plan.trials([suite])
    done(first, store)
    some = planned(suite, store).total
    assert (some.trials, some.stored, some.calls, some.input_tokens) == (2, 1, 1, None)
    assert some.expected.live is None


@pytest.mark.parametrize(
    "other",
    [EVAL.replace("Say yes.", "Say no."), EVAL.replace("cases=", "system='Be.', cases=")],
    ids=["asks otherwise", "another system prompt"],
)
def test_an_eval_that_has_changed_is_not_stored(tmp_path: Path, store: Store, other: str):
    suite = python_suite(tmp_path, EVAL)
    begun(suite, store)
    for trial in plan.trials([suite]):
        done(trial, store)
    assert planned(suite, store).total.stored == 2
    assert planned(python_suite(tmp_path, other), store).total.stored == 0


def python_suite(folder: Path, code: str) -> Suite:
    from harness.load import load

    path = folder / "test_e.py"
    path.write_text(code)
    (suite,) = load([path], registry(folder))
    return suite
