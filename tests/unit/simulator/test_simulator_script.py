"""How a script is read, and how conversations are told apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.simulator import Entry, Reply, Script, fingerprint

USER = {"role": "user", "content": "hi"}


def test_a_text_is_a_reply_of_one_text_block():
    assert Reply.of("yes") == Reply(({"type": "text", "text": "yes"},))


def test_a_mapping_may_set_thinking_and_how_the_answer_ends():
    reply = Reply.of({"thinking": "hm", "text": "no", "stop_reason": "refusal", "latency_s": 2})
    assert [block["type"] for block in reply.blocks] == ["thinking", "text"]
    assert (reply.stop_reason, reply.latency_s) == ("refusal", 2.0)


def test_blocks_are_taken_as_they_are():
    block = {"type": "tool_use", "name": "look", "input": {"at": 1}}
    assert Reply.of({"blocks": [block]}).blocks == (block,)


BAD = {
    "number": (42, "not 42; put a text into quotes"),
    "nothing": (None, "not None"),
    "unknown key": ({"txt": "a"}, "no key `txt`"),
    "says nothing": ({"latency_s": 1}, "says nothing"),
    "number as text": ({"text": 4}, "put it in quotes"),
    "both": ({"text": "a", "blocks": []}, "not both"),
    "blocks are no list": ({"blocks": "a"}, "list of content blocks"),
    "block without type": ({"blocks": [{"text": "a"}]}, "with a `type`"),
    "tool without name": ({"blocks": [{"type": "tool_use", "input": {}}]}, "needs `name`"),
    "stop reason": ({"text": "a", "stop_reason": "done"}, "no stop reason is 'done'"),
    "latency": ({"text": "a", "latency_s": -1}, "number of seconds"),
    "status": ({"status": 200}, "from 400 up"),
}


@pytest.mark.parametrize(("value", "message"), BAD.values(), ids=BAD)
def test_a_reply_that_cannot_be_meant_is_refused(value, message):
    with pytest.raises(ValueError, match=message):
        Reply.of(value)


def test_a_model_of_its_own_name_goes_before_any_model():
    one, other = Reply.of("one"), Reply.of("other")
    entry = Entry({"claude-a": (one,), "*": (other,)})
    assert entry.reply(("claude-a",), 0) is one
    assert entry.reply(("claude-b",), 0) is other


def test_past_the_end_the_last_reply_is_repeated():
    entry = Entry({"*": (Reply.of("first"), Reply.of("last"))})
    assert entry.reply(("claude-a",), 5) == Reply.of("last")


def test_the_fingerprint_does_not_depend_on_model_or_parameters():
    plain = {"model": "a", "system": "s", "messages": [USER]}
    other = {"model": "b", "max_tokens": 9, "tools": [{}], "system": "s", "messages": [USER]}
    assert fingerprint(plain) == fingerprint(other)


def test_the_fingerprint_ignores_how_a_text_is_written_and_cached():
    block = {"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}
    written = {"messages": [{"role": "user", "content": [block]}]}
    assert fingerprint(written) == fingerprint({"messages": [USER]})


def test_later_turns_do_not_change_the_fingerprint():
    later = [USER, {"role": "assistant", "content": "yes?"}, USER]
    assert fingerprint({"messages": later}) == fingerprint({"messages": [USER]})


@given(st.tuples(st.text(), st.text(min_size=1)), st.tuples(st.text(), st.text(min_size=1)))
def test_different_openings_have_different_fingerprints(one, other):
    def of(opening):
        system, text = opening
        return fingerprint({"system": system, "messages": [{"role": "user", "content": text}]})

    same = (one[0] or None, one[1]) == (other[0] or None, other[1])
    assert (of(one) == of(other)) == same


def test_an_empty_script_knows_no_conversation():
    assert Script().entries == {}
