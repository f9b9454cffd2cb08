"""What is answered: scripted, right or wrong, made up, and cut where it has to stop."""

from __future__ import annotations

from random import Random

import jsonschema
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.simulator import Entry, Reply, Script, fingerprint
from harness.simulator.answers import odds, wrong

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string"},
        "kind": {"enum": ["a", "b"]},
        "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}},
        "size": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    },
    "required": ["name", "kind", "tags", "size"],
    "$defs": {"tag": {"type": "string", "format": "date"}},
}
THINKS = "claude-opus-5-5"


def script(body, *replies, **entry):
    given = {"*": tuple(Reply.of(reply) for reply in replies)} if replies else {}
    return Script({fingerprint(body): Entry(given, **entry)})


def test_the_script_is_followed_call_by_call(ask, body):
    first = body()
    said = {"role": "assistant", "content": "one"}
    second = {**first, "messages": [*first["messages"], said, {"role": "user", "content": "?"}]}
    plan = script(first, "one", "two")
    assert ask(first, script=plan)["content"][0]["text"] == "one"
    assert ask(second, script=plan)["content"][0]["text"] == "two"


def test_a_prefill_is_not_an_answer_that_was_given(ask, body):
    request = body()
    request["messages"].append({"role": "assistant", "content": "The answer is"})
    assert ask(request, script=script(request, "one", "two"))["content"][0]["text"] == "one"


def test_better_models_are_right_more_often(make_service, body):
    right = {}
    for model in ("claude-haiku-4-5", "claude-opus-4-6"):
        requests = [body(f"Question {n}", model=model) for n in range(300)]
        entries = {fingerprint(r): Entry(expected="yes", choices=("yes", "no")) for r in requests}
        service = make_service(script=Script(entries))
        said = [
            service.answer(r, service.check(r, "2026-10-21"), request_id="q").message
            for r in requests
        ]
        right[model] = sum(m["content"][0]["text"] == "yes" for m in said) / len(requests)
    assert right["claude-haiku-4-5"] == pytest.approx(odds("haiku"), abs=0.08)
    assert right["claude-opus-4-6"] == pytest.approx(odds("opus"), abs=0.05)


def test_made_up_answers_are_the_same_in_every_run(ask, body):
    plan = script(body(), expected="7")
    assert ask(body(), script=plan)["content"] == ask(body(), script=plan)["content"]


def test_made_up_answers_vary_when_a_request_is_repeated(make_service, body):
    service = make_service()
    model = service.check(body(), "2026-10-21")
    texts = {
        service.answer(body(), model, request_id="q").message["content"][0]["text"]
        for _ in range(30)
    }
    assert len(texts) > 1


@given(st.integers(-(10**9), 10**9), st.integers())
def test_a_wrong_number_is_another_number(value, seed):
    made_up = wrong(str(value), (), random=Random(seed))
    assert int(made_up) != value


@pytest.mark.parametrize("expected", ["3.50", "ANSWER: 12", "$5", "a sentence", "I am not sure."])
def test_a_wrong_answer_is_never_the_expected_one(expected):
    assert all(wrong(expected, (expected,), random=Random(seed)) != expected for seed in range(50))


def test_a_request_without_an_entry_is_answered_with_what_it_asked(ask, body):
    text = ask(body("What is the time?"))["content"][0]["text"]
    assert "simulated" in text
    assert "What is the time?" in text


def test_a_format_is_answered_with_an_instance_of_its_schema(ask, body):
    wanted = {"format": {"type": "json_schema", "schema": SCHEMA}}
    answer = ask(body(output_config=wanted))
    jsonschema.validate(orjson.loads(answer["content"][0]["text"]), SCHEMA)


def test_a_forced_tool_is_called_with_an_instance_of_its_schema(ask, body):
    tools = [{"name": "see", "input_schema": {"type": "object"}}]
    tools += [{"name": "look", "input_schema": SCHEMA}]
    answer = ask(body(tools=tools, tool_choice={"type": "tool", "name": "look"}))
    call = answer["content"][-1]
    assert (call["name"], answer["stop_reason"]) == ("look", "tool_use")
    jsonschema.validate(call["input"], SCHEMA)


def test_max_tokens_cuts_the_answer(ask, body):
    request = body(max_tokens=2)
    answer = ask(request, script=script(request, "a long sentence of words"))
    assert answer["content"][0]["text"] == "a long s"
    assert (answer["stop_reason"], answer["usage"]["output_tokens"]) == ("max_tokens", 2)


def test_no_max_tokens_warms_the_cache_and_says_nothing(ask, body):
    answer = ask(body(max_tokens=0))
    assert (answer["content"], answer["stop_reason"]) == ([], "max_tokens")


def test_a_stop_sequence_ends_the_answer_before_it(ask, body):
    request = body(stop_sequences=["second", "END"])
    answer = ask(request, script=script(request, "first END\nsecond"))
    assert answer["content"][0]["text"] == "first "
    assert (answer["stop_reason"], answer["stop_sequence"]) == ("stop_sequence", "END")


def test_the_end_of_the_context_window_cuts_the_answer(ask, body):
    answer = ask(body("x" * 799_980, max_tokens=64))
    assert answer["stop_reason"] == "model_context_window_exceeded"


def test_a_refusal_may_have_no_content_and_says_what_it_is(ask, body):
    request = body(model=THINKS)
    answer = ask(request, script=script(request, {"text": "", "stop_reason": "refusal"}))
    assert (answer["content"], answer["usage"]["output_tokens"]) == ([], 0)
    assert answer["stop_details"] == {"type": "refusal", "category": None, "explanation": None}


def test_a_model_that_thinks_puts_an_empty_signed_thinking_block_first(ask, body):
    answer = ask(body(model=THINKS, max_tokens=1000))
    thinking, text = answer["content"]
    assert (thinking["type"], thinking["thinking"], text["type"]) == ("thinking", "", "text")
    assert thinking["signature"]
    assert answer["usage"]["output_tokens_details"]["thinking_tokens"] > 0


def test_thinking_is_shown_where_it_is_asked_for(ask, body):
    shown = {"type": "adaptive", "display": "summarized"}
    assert ask(body(model=THINKS, thinking=shown))["content"][0]["thinking"]


def test_thinking_that_is_off_leaves_no_block(ask, body):
    request = body(model="claude-opus-5", thinking={"type": "disabled"})
    answer = ask(request, script=script(request, {"thinking": "hm", "text": "yes"}))
    assert [block["type"] for block in answer["content"]] == ["text"]


def test_between_tools_thinks_after_a_tool_result_only(ask, body):
    quiet = body(model="claude-sonnet-5-5", thinking={"type": "between_tools"})
    call = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1"}
    turns = [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    looked = {**quiet, "messages": [*quiet["messages"], *turns]}
    assert [block["type"] for block in ask(quiet)["content"]] == ["text"]
    assert [block["type"] for block in ask(looked)["content"]] == ["thinking", "text"]


def test_a_wrong_answer_to_a_format_still_has_its_shape(make_service, body):
    wanted = {"format": {"type": "json_schema", "schema": SCHEMA}}
    requests = [body(f"Question {n}", output_config=wanted) for n in range(40)]
    service = make_service(script=Script({fingerprint(r): Entry(expected="{}") for r in requests}))
    said = [
        service.answer(r, service.check(r, "2026-10-21"), request_id="q").message for r in requests
    ]
    texts = {message["content"][0]["text"] for message in said}
    for text in texts - {"{}"}:
        jsonschema.validate(orjson.loads(text), SCHEMA)
    assert "{}" in texts
    assert len(texts) > 1


def test_a_diagnosis_that_is_asked_for_is_pending(ask, body):
    answer = ask(body(diagnostics={"previous_message_id": None}))
    assert answer["diagnostics"] == {"cache_miss_reason": None}


def test_fast_mode_is_billed_as_fast_where_there_is_one(ask, body):
    assert ask(body(model="claude-opus-5", speed="fast"))["usage"]["speed"] == "fast"
    assert ask(body(model="claude-opus-4-6", speed="fast"))["usage"]["speed"] == "standard"


def test_every_field_of_a_message_is_there(ask, body):
    answer = ask(body())
    assert set(answer) == {
        *("id", "type", "role", "model", "content", "stop_reason", "stop_sequence"),
        *("stop_details", "container", "usage"),
    }
    assert set(answer["usage"]) == {
        *("input_tokens", "output_tokens", "cache_creation_input_tokens", "speed"),
        *("cache_read_input_tokens", "cache_creation", "server_tool_use", "service_tier"),
        *("inference_geo", "output_tokens_details"),
    }


def test_tokens_that_the_script_names_are_billed(ask, body):
    request = body()
    answer = ask(request, script=script(request, {"text": "a", "output_tokens": 77}))
    assert answer["usage"]["output_tokens"] == 77
