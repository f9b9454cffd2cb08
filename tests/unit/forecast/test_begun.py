"""Trials that were begun: what the store has of them, what they miss, and what that costs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from suite_making import answer, loaded, registry, tool_use

from harness import plan
from harness.forecast import judges
from harness.forecast.begun import Begun, Bench, wanting
from harness.forecast.estimate import Sources, forecast
from harness.forecast.figures import Share
from harness.forecast.shelf import Shelf
from harness.recorder import Asked, Space, digest, identity
from harness.records import Answer, Missing, Request
from harness.suite import Suite
from harness.trial import steps
from harness.workshop import Workshop

NOW = datetime(2026, 11, 20, tzinfo=UTC)
TURNS = """\
suite: t
models: [haiku]
params: {max_tokens: 100}
turns:
  - {user: "One, {{ word }}.", graders: [{contains: please}]}
  - {user: "Two."}
  - {user: "Three."}
graders: [{contains: please}]
cases:
  - {id: a, vars: {word: a}}
  - {id: b, vars: {word: b}}
"""
JUDGED = """\
suite: t
models: [haiku]
params: {max_tokens: 100}
prompt: "Say {{ word }}."
graders:
  - rubric: {criteria: "Polite to {{ word }}.", judge: sonnet}
  - rubric: {criteria: "Short for {{ word }}.", judge: opus}
cases:
  - {id: a, vars: {word: a}}
  - {id: b, vars: {word: b}}
"""
TOOLS = """\
suite: t
models: [haiku]
params: {max_tokens: 100}
prompt: "Look for {{ word }}."
max_tool_rounds: 3
tools:
  - {name: look, description: Looks., input_schema: {type: object}, reply: nothing}
graders: [{contains: please}]
cases: [{id: a, vars: {word: a}}]
"""
CALLS = answer(tool_use("look"), stop_reason="tool_use")
Stored = Callable[[Request], Answer | None]


def shelf_of(folder: Path, suite: Suite, stored: Stored, fresh: str = "") -> Shelf:
    """A store that has what `stored` answers, of all that the trials ask until it is silent."""
    kept: dict[str, Answer] = {}
    for trial in plan.trials([suite]):
        asking, asked = steps(trial, Workshop(suite, registry(folder))), Asked(trial.repeat)
        replies: Any = None
        while True:
            try:
                requests = asking.send(replies)
            except StopIteration:
                break
            found = [stored(request) for request in requests]
            sent = [digest(request) for request in requests]
            keys = [identity(one, trial.repeat, asked.ordinal(one), fresh) for one in sent]
            kept |= {key: one for key, one in zip(keys, found, strict=True) if one is not None}
            if any(
                one is None and r.purpose == "answer"
                for one, r in zip(found, requests, strict=True)
            ):
                break
            replies = [one or Missing("none", "none") for one in found]

    def answers(keys: Collection[str]) -> Mapping[str, Answer]:
        return {key: kept[key] for key in keys if key in kept}

    space = Space("", fresh, fresh=bool(fresh))
    return Shelf(lambda keys: [key for key in keys if key in kept], answers, space)


def planned(folder: Path, text: str, stored: Stored) -> Share:
    suite = loaded(folder, text)
    shelf = shelf_of(folder, suite, stored)
    return forecast(plan.trials([suite]), Sources(registry(folder), NOW, shelf=shelf)).total


def turns_until(last: int) -> Stored:
    """Answers to requests of at most so many messages."""
    return lambda request: answer("yes") if len(request.params["messages"]) <= last else None


@pytest.mark.parametrize(
    ("messages", "stored", "waves"),
    [
        (0, 0, {"turn 1": 2, "turn 2": 2, "turn 3": 2}),
        (1, 0, {"turn 2": 2, "turn 3": 2}),
        (3, 0, {"turn 3": 2}),
        (5, 2, {}),
    ],
    ids=["none", "first", "two", "all"],
)
def test_turns_that_are_not_stored_are_still_to_be_paid(
    tmp_path: Path, messages: int, stored: int, waves: dict[str, int]
):
    share = planned(tmp_path, TURNS, turns_until(messages))
    assert (share.stored, share.waves) == (stored, waves)
    assert bool(share.worst.live) is bool(share.expected.live) is bool(waves)


def test_what_is_left_of_a_trial_costs_less_than_all_of_it(tmp_path: Path):
    bills = [planned(tmp_path, TURNS, turns_until(n)).worst.live or 0 for n in (0, 1, 3, 5)]
    assert bills == sorted(bills, reverse=True)
    assert bills[-1] == 0


def test_judges_that_are_not_stored_are_still_to_be_paid(tmp_path: Path):
    share = planned(tmp_path, JUDGED, lambda r: None if r.purpose == "judge" else answer("yes"))
    assert (share.stored, share.waves) == (0, {"judges": 4})


def test_only_the_judge_that_is_missing_is_foreseen(tmp_path: Path):
    def but_opus(request: Request) -> Answer | None:
        return None if "opus" in request.model else answer('{"criteria": []}')

    def but_sonnet(request: Request) -> Answer | None:
        return None if "sonnet" in request.model else answer('{"criteria": []}')

    dear, cheap = (planned(tmp_path, JUDGED, stored) for stored in (but_opus, but_sonnet))
    assert dear.waves == cheap.waves == {"judges": 2}
    assert dear.worst.live > cheap.worst.live  # type: ignore[operator]


def test_a_judgement_that_two_trials_need_is_paid_once(tmp_path: Path):
    alike = JUDGED.replace("[haiku]", "[haiku, opus]")
    share = planned(tmp_path, alike, lambda r: None if r.purpose == "judge" else answer("yes"))
    assert (share.stored, share.waves) == (0, {"judges": 4})


PAIRED = JUDGED.replace("[haiku]", "[haiku, opus]").replace(
    JUDGED[JUDGED.index("  - rubric") : JUDGED.index("cases:")],
    "  - pairwise: {against: opus, judge: sonnet}\n",
)


@pytest.mark.parametrize(
    ("purposes", "stored", "waves"),
    [
        ((), 0, {"turn 1": 4, "judges": 4}),
        (("answer",), 0, {"turn 1": 2, "judges": 4}),
        (("answer", "rival"), 0, {"judges": 4}),
    ],
    ids=["nothing", "own answers", "both answers"],
)
def test_a_candidate_who_is_only_compared_with_is_paid_for_and_makes_no_trial(
    tmp_path: Path, purposes: tuple[str, ...], stored: int, waves: dict[str, int]
):
    def two(request: Request) -> Answer | None:
        return answer(request.model) if request.purpose in purposes else None

    share = planned(tmp_path, PAIRED, two)
    assert (share.trials, share.stored, share.waves) == (2, stored, waves)


def test_rounds_of_tools_are_counted_from_where_a_trial_is(tmp_path: Path):
    share = planned(tmp_path, TOOLS, lambda r: CALLS if len(r.params["messages"]) == 1 else None)
    assert (share.stored, share.waves) == (0, {"tools": 1})
    assert share.most_output_tokens == (1 + 2) * 100


@pytest.mark.parametrize("said", ["please", "no"], ids=["passes", "fails"])
def test_an_answer_without_a_call_ends_a_trial_with_tools(tmp_path: Path, said: str):
    share = planned(tmp_path, TOOLS, lambda _: answer(said))
    assert (share.stored, share.calls, share.worst.live) == (1, 0, 0)


def test_no_grader_of_the_suite_is_called_but_a_judge(tmp_path: Path):
    code = "def g(text):\n    open('called', 'w').close()\n    return True\n"
    text = TURNS.replace("[{contains: please}]\ncases", "[{python: 'g.py:g'}]\ncases")
    suite = loaded(tmp_path, text, g_py=code)
    shelf = shelf_of(tmp_path, loaded(tmp_path, TURNS), lambda _: answer("yes"))
    sources = Sources(registry(tmp_path), NOW, shelf=shelf)
    assert forecast(plan.trials([suite]), sources).total.stored == 2
    assert not (tmp_path / "called").exists()


def test_no_function_within_a_grader_of_graders_is_called(tmp_path: Path):
    code = "def g(text):\n    open('called', 'w').close()\n    return True\n"
    inner = "[{any: [{rubric: {criteria: Polite.}}, {not: {python: 'g.py:g'}}]}]\ncases"
    text = TURNS.replace("[{contains: please}]\ncases", inner)
    suite = loaded(tmp_path, text, g_py=code)
    shelf = shelf_of(tmp_path, loaded(tmp_path, TURNS), lambda _: answer("yes"))
    share = forecast(plan.trials([suite]), Sources(registry(tmp_path), NOW, shelf=shelf)).total
    assert (share.stored, share.waves) == (0, {"judges": 2})
    assert not (tmp_path / "called").exists()


@pytest.mark.parametrize(
    ("item", "left"),
    [
        ({"contains": "x"}, None),
        ({"rubric": "Polite."}, {"rubric": "Polite."}),
        ({"any": [{"contains": "x"}, {"rubric": "Polite."}]}, {"any": [{"rubric": "Polite."}]}),
        ({"not": {"all": [{"rubric": "A."}]}}, {"not": {"all": [{"rubric": "A."}]}}),
        ({"all": [{"contains": "x"}, {"not": "json"}]}, None),
    ],
    ids=["text", "judge", "beside a judge", "deep", "no judge"],
)
def test_of_a_grader_only_what_asks_is_left(item: Any, left: Any):
    assert judges.asking_part(item) == left


def test_a_judge_that_is_missing_hides_no_other(tmp_path: Path):
    both = PAIRED.replace("graders:", "graders:\n  - rubric: {criteria: Polite., judge: haiku}")

    def but_rubric(request: Request) -> Answer | None:
        if request.purpose != "judge":
            return answer(request.model)
        return None if "haiku" in request.model else answer("{}")

    share = planned(tmp_path, both, but_rubric)
    assert share.waves == {"judges": 4}


@pytest.mark.parametrize("stored", [False, True], ids=["fresh", "answers stored"])
def test_a_pair_is_not_judged_of_the_rival_itself(tmp_path: Path, stored: bool):
    both = PAIRED.replace("graders:", "graders:\n  - rubric: {criteria: Polite., judge: haiku}")
    share = planned(
        tmp_path, both, lambda r: answer(r.model) if stored and r.purpose != "judge" else None
    )
    # Of 2 cases: 2 answers and 2 rubrics each, and both orders of haiku's alone.
    assert share.waves == {"judges": 4 + 4} | ({} if stored else {"turn 1": 4})


def test_a_run_that_asks_anew_knows_its_own_answers_only(tmp_path: Path):
    suite = loaded(tmp_path, TURNS)
    mine = shelf_of(tmp_path, suite, lambda _: answer("yes"), fresh="r1")
    for shelf, stored in ((mine, 2), (mine._replace(space=Space("", "r2", fresh=True)), 0)):
        sources = Sources(registry(tmp_path), NOW, shelf=shelf)
        assert forecast(plan.trials([suite]), sources).total.stored == stored


def test_a_trial_that_breaks_asks_nothing_more(tmp_path: Path):
    suite = loaded(tmp_path, TURNS.replace("Two.", "{{ answers[0] }} and {{ answers[7].x }}"))
    shelf = shelf_of(tmp_path, suite, lambda _: answer("yes"))
    bench = Bench(suite, registry(tmp_path), ttl="5m")
    begun = [Begun(trial, bench) for trial in plan.trials([suite])]
    assert wanting(begun, shelf) == []


@pytest.mark.parametrize(
    ("item", "asks"),
    [
        ({"contains": "x"}, False),
        ({"not": {"contains": "x"}}, False),
        ({"any": [{"contains": "x"}, {"rubric": "Polite."}]}, True),
        ({"panel": {"judges": ["haiku"], "criteria": "Short."}}, True),
        ("{{ grader }}", True),
    ],
    ids=["text", "not", "within any", "panel", "template"],
)
def test_a_grader_may_ask_where_a_judge_is_in_it_or_may_be(item: Any, asks: bool):
    assert judges.may_ask(item) is asks
