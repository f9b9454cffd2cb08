"""Which tools were called, in what order, with what input."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import GraderError
from harness.graders import GraderContext, arguments, build
from harness.records import Block, Conversation, Grade


def use(name: str, /, server: bool = False, **given: Any) -> Block:
    kind = "server_tool_use" if server else "tool_use"
    return {"type": kind, "id": "c", "name": name, "input": given}


@pytest.fixture(scope="session")
def of(made, tmp_path_factory):
    """`of(item, *answers)`: the grade of a conversation whose answers are lists of blocks."""
    folder = tmp_path_factory.mktemp("suite")
    (folder / "order.json").write_text('{"required": ["order"]}', encoding="utf-8")

    def apply(item: Any, *answers: list[Block]) -> Grade:
        talk = made(*("" for _ in answers))
        calls = tuple(
            replace(call, answer=replace(call.answer, content=tuple(blocks)))
            for call, blocks in zip(talk.calls, answers, strict=True)
        )
        said = build(arguments(item), GraderContext(folder, regex_timeout_s=0.02))(
            Conversation((), calls)
        )
        if isinstance(said, Generator):
            with pytest.raises(StopIteration) as stop:
                next(said)
            said = stop.value.value
        assert isinstance(said, Grade)
        return said

    return apply


LOOKUP = use("lookup", order="A-1", items=[{"sku": 1, "n": 2}])
REFUND = use("refund", order="A-1", eur=12.5)
SEARCH = use("web_search", server=True, query="x")
TALK = ([{"type": "text", "text": "Wait."}, LOOKUP, SEARCH], [REFUND], [LOOKUP])


@pytest.mark.parametrize(
    ("item", "passed"),
    [
        ({"tool_called": "lookup"}, True),
        ({"tool_called": "web_search"}, True),
        ({"tool_called": "cancel"}, False),
        ({"tool_called": {"name": "refund", "input": {"eur": 12.5, "order": "A-1"}}}, True),
        ({"tool_called": "refund", "input": {"order": "A-1"}}, False),
        ({"tool_called": "refund", "input": {"order": "A-1"}, "match": "subset"}, True),
        ({"tool_called": "refund", "input": {"order": "A-2"}, "match": "subset"}, False),
        ({"tool_called": "lookup", "input": {"items": [{"n": 2}]}, "match": "subset"}, True),
        ({"tool_called": "lookup", "input": {"items": []}, "match": "subset"}, False),
        ({"tool_called": "lookup", "input": {}, "match": "subset"}, True),
        ({"tool_called": "refund", "input": {"required": ["eur"]}, "match": "schema"}, True),
        ({"tool_called": "refund", "input": {"required": ["why"]}, "match": "schema"}, False),
        ({"tool_called": "refund", "input": {"file": "order.json"}, "match": "schema"}, True),
        ({"tool_called": "lookup", "times": 2}, True),
        ({"tool_called": "lookup", "times": 1}, False),
        ({"tool_called": "lookup", "times": {"max": 1}}, False),
        ({"tool_called": "lookup", "times": {"min": 2, "max": 3}}, True),
        ({"tool_called": "cancel", "times": 0}, True),
    ],
    ids=str,
)
def test_a_tool_is_called_with_an_input_so_many_times(of, item, passed):
    assert of(item, *TALK).passed is passed


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (
            {"tool_called": "cancel"},
            '0 calls of `cancel`, at least 1 wanted; called: lookup({"order": "A-1"}), '
            'refund({"eur": 1})',
        ),
        (
            {"tool_called": "refund", "input": {"eur": 2}},
            '0 calls of `refund` that fit, at least 1 wanted; called: refund({"eur": 1}); '
            "does not count: $.eur: expected 2, got 1",
        ),
        (
            {"tool_called": "refund", "times": {"min": 2, "max": 3}},
            '1 call of `refund`, at least 2 and at most 3 wanted; called: refund({"eur": 1})',
        ),
    ],
    ids=["another tool", "another input", "too few"],
)
def test_the_reason_says_what_was_called_instead(of, item, reason):
    assert of(item, [use("lookup", order="A-1"), use("refund", eur=1)]).reason == reason


def test_graders_look_at_the_input_as_json(of):
    item = {"tool_called": "refund", "graders": [{"json_path": "$.eur", "equals": 12.5}, "json"]}
    assert of(item, *TALK).passed
    item["graders"] = [{"contains": "A-2"}]
    grade = of(item, *TALK)
    assert grade.passed is False
    assert "does not count: failed: `contains` ('A-2' not found in" in grade.reason


@pytest.mark.parametrize(
    ("times", "passed"),
    [(None, None), ({"max": 0}, None), ({"max": 1}, True), ({"min": 2}, False)],
    ids=["hangs on it", "none allowed", "allowed in any case", "too few in any case"],
)
def test_a_broken_grader_counts_only_where_the_verdict_hangs_on_it(of, times, passed):
    item = {"tool_called": "refund", "graders": [{"regex": "(x+x+)+y"}]}
    hard = use("refund", order="x" * 5000)
    assert of({**item, **({"times": times} if times else {})}, [hard]).passed is passed


@pytest.mark.parametrize(
    ("names", "exact", "passed"),
    [
        (["lookup", "refund"], False, True),
        (["lookup", "lookup"], False, True),
        (["refund", "web_search"], False, False),
        (["lookup", "refund", "refund"], False, False),
        (["lookup", "web_search", "refund", "lookup"], True, True),
        (["lookup", "refund", "lookup"], True, False),
    ],
    ids=str,
)
def test_tools_are_called_in_an_order(of, names, exact, passed):
    assert of({"tool_sequence": names, "exact": exact}, *TALK).passed is passed


def test_a_sequence_says_what_was_called(of):
    grade = of({"tool_sequence": ["refund", "lookup"], "exact": True}, [LOOKUP, REFUND])
    assert grade.reason == "expected exactly refund → lookup; called: lookup → refund"
    assert of({"tool_sequence": ["a"]}, []).reason == "expected a; no tool was called"


def test_no_tool_is_called(of):
    assert of("no_tool_called", [{"type": "text", "text": "lookup()"}], []).passed
    grade = of("no_tool_called", [], [SEARCH])
    assert (grade.passed, grade.reason) == (False, 'called: web_search({"query": "x"})')


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ({"no_tool_called": False}, "`not: no_tool_called`"),
        ({"tool_called": " "}, "name of the tool is empty"),
        ({"tool_called": "a", "match": "subset"}, "needs `input`"),
        ({"tool_called": "a", "match": "like"}, "must be one of equal, subset, schema"),
        ({"tool_called": "a", "times": -1}, "whole numbers of 0 or more"),
        ({"tool_called": "a", "times": {"least": 1}}, "a number, or `min` and `max`"),
        ({"tool_called": "a", "times": {"min": 3, "max": 2}}, "at least 3 and at most 2"),
        ({"tool_called": "a", "times": {"min": 0}}, "lets every conversation pass"),
        ({"tool_called": "a", "input": {"type": 1}, "match": "schema"}, "not a JSON Schema"),
        ({"tool_called": "a", "graders": [{"containz": "x"}]}, "no grader `containz`"),
        ({"tool_sequence": []}, "must not be an empty list"),
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_an_error(of, item, problem):
    with pytest.raises(GraderError, match=problem):
        of(item, [LOOKUP])


NAMES = st.lists(st.sampled_from("abc"), max_size=6)


@given(NAMES, NAMES)
def test_exactly_these_calls_are_in_order_too(of, wanted, called):
    if wanted:
        blocks = [use(name) for name in called]
        exact = of({"tool_sequence": wanted, "exact": True}, blocks)
        loose = of({"tool_sequence": wanted}, blocks)
        assert exact.passed is (wanted == called)
        assert loose.passed or not exact.passed
