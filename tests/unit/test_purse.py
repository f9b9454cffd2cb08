"""What a trial may need in batches after a request, as its script tells."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from suite_making import answer, driven, loaded, registry, tool_use, trial_of

from harness.forecast.bounds import worst_case
from harness.purse import Foresight
from harness.records import Request
from harness.tabs import Rest

HEAD = """\
suite: t
models: [haiku]
params: {max_tokens: 100}
cases: [{id: a}]
"""
TURNS = HEAD + "turns: [{user: One}, {user: Two}, {user: Three}]\n"
PLAIN = "graders: [{contains: x}]\n"
JUDGED = "graders: [{rubric: {criteria: Right?, judge: opus, params: {max_tokens: 200}}}]\n"
TOOLS = """\
tools:
  - {name: look, description: Looks., input_schema: {type: object}, reply: seen}
"""


def rests(folder: Path, text: str, *replies: object) -> list[tuple[Request, Rest]]:
    """The requests of the suite's one trial, each with what may come after it."""
    trial, foresight = trial_of(loaded(folder, text)), Foresight(registry(folder))
    _, asked = driven(trial, replies)  # type: ignore[arg-type]
    return [(request, foresight.rest(trial, request)) for requests in asked for request in requests]


def worst(folder: Path, *requests: Request) -> Decimal:
    from datetime import UTC, datetime

    today, models = datetime.now(UTC).date(), registry(folder)
    costs = [worst_case(request, models, today, batch=True) for request in requests]
    return sum((cost for cost in costs if cost is not None), Decimal(0))


def test_later_turns_are_foreseen_as_dear_as_they_come(tmp_path: Path):
    (first, rest), (second, later), (third, last) = rests(tmp_path, TURNS + PLAIN, "x", "x", "x")
    assert first.params["max_tokens"] == 100
    assert worst(tmp_path, second, third) <= rest.usd < 2 * worst(tmp_path, second, third)
    assert worst(tmp_path, third) <= later.usd < rest.usd
    assert last.usd == 0
    assert [one.begun for one in (rest, later, last)] == [False, True, True]


def test_judges_are_foreseen_and_are_the_last(tmp_path: Path):
    verdict = '{"reason": "fine", "verdict": "pass"}'
    prompt = HEAD + "prompt: One\n" + JUDGED
    (_, rest), (judge, last) = rests(tmp_path, prompt, "x", verdict)
    assert worst(tmp_path, judge) <= rest.usd < 3 * worst(tmp_path, judge)
    assert last == Rest(begun=True)


def test_a_trial_that_asks_once_needs_nothing_more(tmp_path: Path):
    ((_, rest),) = rests(tmp_path, HEAD + "prompt: One\n" + PLAIN, "x")
    assert rest == Rest()


def test_a_round_of_tools_is_foreseen_and_what_it_replies_opens_no_turn(tmp_path: Path):
    calls = answer(tool_use("look"), stop_reason="tool_use")
    text = HEAD + "prompt: One\n" + TOOLS + PLAIN
    (_, rest), (second, later) = rests(tmp_path, text, calls, "x")
    assert worst(tmp_path, second) <= rest.usd
    assert (rest.begun, later.begun) == (False, False)


def test_where_a_history_is_given_every_request_may_be_the_first(tmp_path: Path):
    said = "messages: [{role: user, content: Hi}, {role: assistant, content: Hello}]\n"
    rest = [rest for _, rest in rests(tmp_path, TURNS + said + PLAIN, "x", "x", "x")]
    assert [one.begun for one in rest] == [False] * 3


@pytest.mark.parametrize("judge", ["'{{ who }}'", "opus"], ids=["rendered", "named"])
def test_a_judge_that_only_rendering_tells_is_not_foreseen(tmp_path: Path, judge: str):
    text = HEAD + "prompt: One\nvars: {who: opus}\n" + JUDGED.replace("opus", judge)
    trial, models = trial_of(loaded(tmp_path, text)), registry(tmp_path)
    request = driven(replace(trial), ["x", '{"reason": "fine", "verdict": "pass"}'])[1][0][0]
    assert bool(Foresight(models).rest(trial, request).usd) == (judge == "opus")
