"""A conversation with tools: what is sent after a call, a pause, the last round."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from suite_making import HEAD, answer, driven, loaded, registry, said, tool_use, trial_of

from harness.records import Answer, Block, Request
from harness.talk import MAX_PAUSES, Talk, unforced
from harness.workshop import Workshop

TOOLS = """\
max_tool_rounds: 2
tools:
  - {name: stock, strict: true, input_schema: {type: object}, reply: "{{ answers }} {{ input.n }}"}
  - {type: web_search_20250305, name: web_search}
cases: [{id: a}]
"""
SEARCH: Block = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}}
THOUGHT: Block = {"type": "thinking", "thinking": "", "signature": "c2ln"}
CALL = answer(tool_use("stock", n=1), stop_reason="tool_use")
PAUSE = answer("one ", SEARCH, stop_reason="pause_turn")


def talked(folder: Path, *turns: Sequence[Answer], params: str = "") -> tuple[Talk, list[Request]]:
    """A talk whose turns are answered like this, and what it sent."""
    suite = loaded(folder, HEAD + params + TOOLS)
    workshop = Workshop(suite, registry(folder))
    prompt = workshop.opening(suite.cases[0], suite.candidates[0])
    talk = Talk(workshop, prompt, suite.cases[0].vars, suite.script.tools)
    sent: list[Request] = []
    for number, answers in enumerate(turns):
        asking = talk.say(f"turn {number}")
        (request,) = next(asking)
        sent.append(request)
        for reply in answers[:-1]:
            (request,) = asking.send([reply])
            sent.append(request)
        with pytest.raises(StopIteration):
            asking.send([answers[-1]])
    return talk, sent


def test_what_the_model_thought_is_handed_back_with_its_calls(tmp_path: Path) -> None:
    blocks = [THOUGHT, tool_use("stock", n=1)]
    _talk, sent = talked(tmp_path, [answer(*blocks, stop_reason="tool_use"), answer("end")])
    assert said(sent[1])[1] == ("assistant", blocks)


@pytest.mark.parametrize("kind", ["{type: any}", "{type: tool, name: stock}"])
def test_a_forced_call_is_free_after_the_first_round_of_each_turn(
    tmp_path: Path, kind: str
) -> None:
    params = f"params: {{tool_choice: {kind}}}\n"
    _talk, sent = talked(tmp_path, [CALL, CALL, answer("x")], [CALL, answer("y")], params=params)
    kinds = [request.params["tool_choice"]["type"] for request in sent]
    assert kinds == [kinds[0], "auto", "auto", kinds[0], "auto"]


@pytest.mark.parametrize(
    ("choice", "after"),
    [
        ({"type": "auto"}, None),
        ({"type": "none"}, None),
        ({"type": "any"}, {"type": "auto"}),
        (
            {"type": "tool", "name": "a", "disable_parallel_tool_use": True},
            {"type": "auto", "disable_parallel_tool_use": True},
        ),
    ],
    ids=["auto", "none", "any", "tool"],
)
def test_only_a_choice_that_forces_is_replaced(choice: Any, after: Any) -> None:
    changed = unforced({"tool_choice": choice}, None)
    assert changed == (after and {"tool_choice": after})


def test_a_strict_tool_is_sent_as_it_is_written_without_its_reply(tmp_path: Path) -> None:
    _talk, (request,) = talked(tmp_path, [answer("x")])
    assert request.params["tools"] == [
        {"name": "stock", "strict": True, "input_schema": {"type": "object"}},
        {"type": "web_search_20250305", "name": "web_search"},
    ]


def test_later_turns_and_replies_see_one_answer_for_each_turn(tmp_path: Path) -> None:
    first = [answer("let me see", tool_use("stock", n=1)), answer("first")]
    talk, sent = talked(tmp_path, first, [CALL, PAUSE, answer("two")])
    assert talk.scope["answers"] == ["first", "one two"]
    assert said(sent[3])[-1][1][0]["content"] == "['first'] 1"


def test_a_pause_goes_on_without_taking_a_round_of_tools(tmp_path: Path) -> None:
    talk, sent = talked(tmp_path, [PAUSE, PAUSE, PAUSE, CALL, CALL, answer("end")])
    assert [role for role, _content in said(sent[3])] == ["user"] + ["assistant"] * 3
    assert talk.notes == []


def test_a_pause_that_never_ends_is_given_up(tmp_path: Path) -> None:
    talk, sent = talked(tmp_path, [PAUSE] * (MAX_PAUSES + 1))
    assert len(sent) == MAX_PAUSES + 1
    assert talk.notes == ["turn 1 was still paused after 20 goes"]


def test_a_call_after_the_last_round_is_noted_and_stays_open(tmp_path: Path) -> None:
    talk, _sent = talked(tmp_path, [CALL, CALL, CALL])
    assert talk.notes == [
        "turn 1 ended after 2 rounds of tool calls (`max_tool_rounds`) with an open call of `stock`"
    ]


@pytest.mark.parametrize("reason", ["max_tokens", "refusal", "model_context_window_exceeded"])
def test_half_a_call_is_not_answered(tmp_path: Path, reason: str) -> None:
    talk, sent = talked(tmp_path, [answer(tool_use("stock"), stop_reason=reason)])
    assert len(sent) == 1
    assert bool(talk.notes) is (reason != "refusal")


def test_a_broken_tool_leaves_the_trial_missing_with_what_was_answered(tmp_path: Path) -> None:
    tool = "tools: [{name: t, input_schema: {type: object}, python: 't.py:t'}]\ncases: [{id: a}]\n"
    suite = loaded(tmp_path, HEAD + tool, t_py="def t():\n    return {1}\n")
    result, _asked = driven(trial_of(suite), [answer(tool_use("t"))])
    assert (result.outcome.missing, len(result.calls)) == (True, 1)
    assert result.reason.startswith("the tool 't' returned a set that cannot be sent")
