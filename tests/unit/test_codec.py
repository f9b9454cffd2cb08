"""Records come back from the store as they went in."""

from __future__ import annotations

import string
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import codec
from harness.invocation import Invocation
from harness.records import (
    USAGE_FIELDS,
    Answer,
    Bill,
    Call,
    Candidate,
    Gate,
    Grade,
    Missing,
    Outcome,
    Request,
    Result,
    Run,
    SuiteFacts,
    TrialId,
    Usage,
)

NOON = datetime(2026, 11, 20, 12, 30, 15, 123456, tzinfo=UTC)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
COUNT = st.none() | st.integers(0, 10**9)
DOLLARS = st.none() | st.decimals(0, 1000, places=8)
USAGE = st.builds(Usage, *(COUNT for _ in USAGE_FIELDS))
REQUEST = st.builds(
    lambda params, betas, purpose: Request(
        {"model": "m", **params}, "2026-10-21", tuple(betas), purpose
    ),
    st.dictionaries(TEXT.filter(lambda key: key != "model"), JSON, max_size=4),
    st.lists(TEXT, max_size=2),
    st.sampled_from(["answer", "judge"]),
)
ANSWER = st.builds(
    Answer,
    content=st.lists(st.dictionaries(TEXT, JSON, max_size=3), max_size=3).map(tuple),
    model=TEXT,
    stop_reason=st.none() | TEXT,
    usage=USAGE,
    answered_at=st.integers(0, 10**9).map(lambda s: NOON + timedelta(microseconds=s)),
    id=st.none() | TEXT,
    stop_details=st.none() | st.dictionaries(TEXT, JSON, max_size=2),
    latency_s=st.none() | st.floats(0, 1e6),
    attempts=st.integers(1, 9),
    simulated=st.booleans(),
)
GRADE = st.builds(
    Grade,
    passed=st.none() | st.booleans(),
    score=st.none() | st.floats(0, 1),
    reason=TEXT,
    name=TEXT,
    weight=st.floats(0, 9),
    turn=st.none() | st.integers(1, 5),
)


def read_back(result: Result) -> Result:
    """What the store gives of a result that was put into it."""
    stored = {
        call.answer.key: (codec.dump_request(call.request), codec.dump_answer(call.answer))
        for call in result.calls
    }
    raw = codec.read_result(codec.dump_result(result))
    return codec.load_result(result.id, result.outcome.value, raw, stored)


@given(REQUEST)
def test_a_request_comes_back_as_it_went(request: Request):
    assert codec.load_request(codec.dump_request(request)) == request


@given(ANSWER)
def test_an_answer_comes_back_as_it_went(answer: Answer):
    assert codec.load_answer(codec.dump_answer(answer)) == answer


@given(
    st.lists(st.tuples(REQUEST, ANSWER, st.builds(Bill, DOLLARS, DOLLARS, DOLLARS)), max_size=3),
    st.lists(GRADE, max_size=3),
    st.none() | st.floats(0, 1),
    st.none() | st.builds(Missing, TEXT, TEXT, st.none() | TEXT),
)
def test_a_result_comes_back_as_it_went(
    made: list[Any], grades: list[Grade], score: float | None, missing: Missing | None
):
    calls = tuple(
        Call(request, replace(answer, key=str(n), reused=bool(n % 2)), bill)
        for n, (request, answer, bill) in enumerate(made)
    )
    parent = Grade(True, parts=tuple(grades))
    id_ = TrialId("s", "c", "m", 2)
    result = Result(id_, Outcome.ERRORED, score, (parent,), calls, ({"role": "user"},), missing,
                    "why", ("a",), "cluster")  # fmt: skip
    loaded = read_back(result)
    assert loaded == result
    assert [call.answer.reused for call in loaded.calls] == [c.answer.reused for c in calls]


def test_a_chat_begun_anew_is_shown_after_the_one_before_it():
    def call(number: int, *said: str) -> Call:
        messages = [{"role": "user", "content": text} for text in said]
        block = {"type": "text", "text": f"answer {number}"}
        request = Request({"model": "m", "messages": messages}, "v")
        return Call(
            request, Answer((block,), "m", "end_turn", Usage(), NOON, key=str(number)), Bill()
        )

    calls = (call(1, "one"), call(2, "another"))
    loaded = read_back(Result(TrialId("s", "c", "m"), Outcome.PASSED, 1.0, calls=calls))
    assert [m["content"] for m in loaded.messages if m["role"] == "user"] == ["one", "another"]


def test_the_conversation_of_a_graded_result_is_that_of_its_last_call():
    messages = [{"role": "user", "content": "hi"}]
    block = {"type": "text", "text": "hello"}
    call = Call(
        Request({"model": "m", "messages": messages}, "v"),
        Answer((block,), "m", "end_turn", Usage(), NOON, key="k"), Bill(),
    )  # fmt: skip
    said = (*messages, {"role": "assistant", "content": [block]})
    result = Result(TrialId("s", "c", "m"), Outcome.PASSED, 1.0, calls=(call,), messages=said)
    assert read_back(result) == result


def test_a_run_comes_back_as_it_went():
    gate = Gate("pass_rate", {"min": 0.5})
    run = Run(
        *("id", NOON, "live", "1.0", "2.11", "2026-11-20"),
        suites=(SuiteFacts("s", "s.yaml", "0" * 64, 3, 4, {"m": 6}, (gate,)),),
        candidates=(Candidate("m", "model", {"output_config": {"effort": "low"}}, "short"),),
        planned={"m": 6}, invocation=Invocation(("s.yaml",)).as_dict(),
        finished_at=NOON, simulated=True, exit_code=3,
    )  # fmt: skip
    loaded = codec.load_run(codec.dump_run(run))
    assert replace(loaded, invocation={}) == replace(run, invocation={})
    assert Invocation.of(loaded.invocation) == Invocation(("s.yaml",))


@given(
    st.builds(
        Invocation,
        paths=st.lists(TEXT).map(tuple),
        models=st.lists(TEXT).map(tuple),
        text=TEXT,
        limit=st.none() | st.integers(1, 9),
        shard=st.none() | st.tuples(st.integers(1, 2), st.integers(2, 9)),
        fresh=st.booleans(),
        out=st.none() | st.text(string.ascii_letters),
    )
)
def test_an_invocation_survives_json(invocation: Invocation):
    assert Invocation.of(orjson.loads(codec.dump(invocation.as_dict()))) == invocation


def test_dollars_are_written_without_loss():
    assert (
        codec.dump({"usd": Decimal("0.1000000000000000055")}) == b'{"usd":"0.1000000000000000055"}'
    )


@pytest.mark.parametrize(
    ("value", "written"),
    [
        pytest.param("a\ud83d", '"a?"', id="half a surrogate pair"),
        pytest.param(2**70, str(2**70), id="a large number"),
        pytest.param([Usage(), "\udc00"][1:], '["?"]', id="in a list"),
        pytest.param(Grade(None), codec.dump(Grade(None)).decode(), id="a record"),
    ],
)  # fmt: skip
def test_what_json_has_no_word_for_is_still_written(value: Any, written: str):
    assert codec.dump(value).decode() == written


def test_records_beside_a_broken_character_are_written_like_others():
    plain = orjson.loads(codec.dump([NOON, Bill(), "?"]))
    assert orjson.loads(codec.dump([NOON, Bill(), "\udc00"])) == plain


def test_a_broken_character_in_a_reason_does_not_lose_the_result():
    result = Result(TrialId("s", "c", "m"), Outcome.FAILED, 0.0, (Grade(False, reason="\ud800"),))
    loaded = read_back(result)
    assert loaded.grades[0].reason == "?"
