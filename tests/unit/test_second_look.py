"""A case as a baseline asked it: the stored request goes out, and the suite's graders judge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from suite_making import answer, loaded, registry, trial_of

from harness.records import Request, Result
from harness.second_look import AgainWorkshop, asked_before
from harness.suite import Suite
from harness.trial import Trial, steps

SUITE = """\
suite: t
models: [haiku]
system: New.
prompt: "Name {{ word }}."
vars: {word: yes please}
params: {max_tokens: 7}
graders: [{contains: please}]
cases: [{id: a}]
"""
TURNS = SUITE.replace(
    'prompt: "Name {{ word }}."', 'turns: [{user: "Name it.", graders: [{contains: "yes"}]}]'
)
BEFORE = Request(
    {"model": "old", "max_tokens": 9, "messages": [{"role": "user", "content": "Say it."}]}, "1"
)


def asked_again(suite: Suite, said: str) -> tuple[Request, Result, AgainWorkshop]:
    """What is sent for the suite's first case as the baseline had it, and what comes of an answer.

    The workshop is the one that composed it.
    """
    trial = trial_of(suite)
    before = asked_before(trial, BEFORE)
    workshop = AgainWorkshop(suite, registry(suite.folder), ttl="5m")
    workshop.add(before)
    asking = steps(Trial(suite, before.case, trial.candidate, 2, 5), workshop)
    (request,) = next(asking)
    try:
        asking.send([answer(said)])
    except StopIteration as stop:
        return request, stop.value, workshop
    raise AssertionError("it asks again")


def test_what_was_sent_is_sent_again(tmp_path: Path) -> None:
    request, _, _ = asked_again(loaded(tmp_path, SUITE), "yes please")
    sent: dict[str, Any] = {**request.params, "messages": list(request.params["messages"])}
    assert list(sent.items()) == list(BEFORE.params.items())


def test_the_graders_of_the_suite_judge_it(tmp_path: Path) -> None:
    suite = loaded(tmp_path, SUITE)
    outcomes = [str(asked_again(suite, said)[1].outcome) for said in ("yes please", "no")]
    assert outcomes == ["passed", "failed"]


def test_the_graders_of_its_one_turn_judge_it_too(tmp_path: Path) -> None:
    _, result, _ = asked_again(loaded(tmp_path, TURNS), "please")
    assert [(grade.name, grade.passed) for grade in result.grades] == [
        ("contains", False),
        ("contains", True),
    ]


def test_it_tests_what_the_case_tests(tmp_path: Path) -> None:
    suite = loaded(tmp_path, SUITE)
    _, result, workshop = asked_again(suite, "yes please")
    assert result.content == workshop.fingerprint(suite.cases[0]) != ""


def test_the_suites_own_cases_are_composed_as_ever(tmp_path: Path) -> None:
    suite = loaded(tmp_path, SUITE)
    workshop = asked_again(suite, "yes")[2]
    (request,) = next(steps(trial_of(suite), workshop))
    assert request.params["system"] == "New."
