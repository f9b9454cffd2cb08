"""What the API would refuse in a conversation.

Limits are those of Anthropic's pages on vision, PDF, citations, caching and errors (2026-08-22).
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from picture_making import PICTURES, SIZE, encoded, image_block, jpeg, pdf, pdf_block, png

from harness.models import Model
from harness.models.message_rules import message_findings
from harness.models.table import load_registry

REGISTRY = load_registry()
UNKNOWN = Model("claude-opus-9")
TEXT = {"type": "text", "text": "hi"}
MARK = {"cache_control": {"type": "ephemeral", "ttl": "5m"}}
LONG_MARK = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
DOCUMENT = {"type": "document", "source": {"type": "text", "data": "a"}}
CITED = {**DOCUMENT, "citations": {"enabled": True}}
FORMAT = {"format": {"type": "json_schema", "schema": {}}}


def told(*content: Any, model: Model = UNKNOWN, **params: Any) -> list[tuple[str, str]]:
    """What is wrong with a request whose user says these blocks."""
    messages = [{"role": "user", "content": list(content)}]
    found = message_findings(model, {"messages": messages, **params})
    return [(".".join(map(str, keys)), message) for keys, message in found]


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_of_every_kind_is_taken(name: str) -> None:
    make, kind = PICTURES[name]
    assert told(image_block(make(*SIZE), kind), TEXT) == []


@pytest.mark.parametrize(
    ("content", "params", "said"),
    [
        pytest.param([CITED, CITED], {}, [], id="all documents cited"),
        pytest.param([pdf_block(pdf())], {}, [], id="pdf"),
        pytest.param([{**TEXT, **LONG_MARK}, {**TEXT, **MARK}], {}, [], id="1h before 5m"),
        pytest.param([{**TEXT, **MARK}] * 4, {}, [], id="4 breakpoints"),
        pytest.param([image_block(png(8000, 10))], {}, [], id="8000 px"),
        pytest.param([image_block(b"no picture")], {}, ["is no picture"], id="no picture"),
        pytest.param([image_block(jpeg())], {}, ["is image/jpeg, not image/png"], id="mismatch"),
        pytest.param([image_block(png(10, 8001))], {}, ["8000 a side"], id="8001 px"),
        pytest.param([image_block(png() + b"x" * 8 * 1024**2)], {}, ["more than 10 MB"],
                     id="heavy picture"),
        pytest.param([{"type": "image", "source": {"type": "base64", "data": "ä"}}], {},
                     ["is not base64"], id="no base64"),
        pytest.param([pdf_block(b"a text")], {}, ["is not application/pdf"], id="no pdf"),
        pytest.param([CITED, DOCUMENT], {}, ["for all documents of a request or for none"],
                     id="one of two cited"),
        pytest.param([CITED], {"output_config": FORMAT}, ["cannot go with an output schema"],
                     id="cited with a format"),
        pytest.param([{**TEXT, **MARK}] * 5, {}, ["5 cache breakpoints"], id="5 breakpoints"),
        pytest.param([{**TEXT, **MARK}] * 4, MARK, ["5 cache breakpoints"], id="with automatic"),
        pytest.param([{**TEXT, **LONG_MARK}], {"system": [{**TEXT, **MARK}]},
                     ["`1h` cannot follow one of `5m`"], id="1h after 5m"),
        pytest.param([TEXT], {"system": [TEXT, image_block(png())]}, ["holds texts only"],
                     id="picture in system"),
        pytest.param([{"type": "tool_result", "content": [image_block(jpeg())]}], {},
                     ["is image/jpeg"], id="picture in a tool's result"),
        pytest.param([{"type": "text", "text": "x" * (33 * 1024**2)}], {}, ["has 33 MB"],
                     id="33 MB"),
    ],
)  # fmt: skip
def test_a_conversation_is_taken_or_told_why_not(
    content: list[Any], params: dict[str, Any], said: list[str]
) -> None:
    messages = [message for _, message in told(*content, **params)]
    assert len(messages) == len(said)
    assert all(part in message for part, message in zip(said, messages, strict=True))


def test_more_than_twenty_pictures_must_be_smaller() -> None:
    large, small = image_block(png(2001, 10)), image_block(png(2000, 10))
    assert told(*[large] * 20) == []
    assert told(*[small] * 21) == []
    ((place, message),) = told(*[small] * 20, large)
    assert (place, "2000 a side with more than 20" in message) == ("messages.0.content.20", True)


@pytest.mark.parametrize(
    ("name", "most"), [("haiku", 100), ("opus", 600)], ids=["200K context", "1M context"]
)
def test_the_number_of_pictures_is_bounded_by_the_models_context(name: str, most: int) -> None:
    model = REGISTRY.resolve(name)
    picture = {"type": "image", "source": {"type": "url", "url": "https://a.b/c"}}
    assert told(*[picture] * most, model=model) == []
    ((place, message),) = told(*[picture] * (most + 1), model=model)
    assert place == f"messages.0.content.{most}"
    assert f"takes {most} in a request" in message


@pytest.mark.parametrize(
    ("name", "pages", "said"),
    [("haiku", 100, 0), ("haiku", 101, 1), ("opus", 101, 0)],
    ids=["100 on 200K", "101 on 200K", "101 on 1M"],
)
def test_a_pdf_has_fewer_pages_for_a_smaller_context(name: str, pages: int, said: int) -> None:
    found = told(pdf_block(pdf(pages)), model=REGISTRY.resolve(name))
    assert len(found) == said


def roles(*messages: tuple[str, Any], model: str = "haiku", **params: Any) -> list[str]:
    said = [{"role": role, "content": content} for role, content in messages]
    found = message_findings(REGISTRY.resolve(model), {"messages": said, **params})
    return [message for _, message in found]


THINK = {"thinking": {"type": "enabled", "budget_tokens": 1024}}


@pytest.mark.parametrize(
    ("messages", "how", "said"),
    [
        pytest.param([("user", "a"), ("assistant", "{")], {}, "", id="prefill"),
        pytest.param([("user", "a"), ("assistant", "{")], {"model": "opus"}, "does not continue",
                     id="prefill refused"),
        pytest.param([("user", "a"), ("assistant", "{ ")], {}, "end in white space", id="blank"),
        pytest.param([("user", "a"), ("assistant", "{")], THINK, "continued with thinking",
                     id="with thinking"),
        pytest.param([("assistant", "a"), ("user", "b")], {}, "begins with the user", id="first"),
        pytest.param([("user", "a"), ("assistant", [DOCUMENT]), ("user", "b")], {},
                     "cannot stand in an assistant", id="document of the assistant"),
    ],
)  # fmt: skip
def test_roles_are_in_an_order_that_the_model_takes(
    messages: list[tuple[str, Any]], how: dict[str, Any], said: str
) -> None:
    found = roles(*messages, **how)
    assert len(found) == (1 if said else 0)
    assert all(said in message for message in found)


ODD = st.recursive(
    st.none() | st.integers() | st.text(max_size=4) | st.just(encoded(png())),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "source", "data", "content", "role"]), inner)
    ),
    max_leaves=8,
)


@given(ODD, st.lists(ODD, max_size=3))
def test_odd_messages_are_found_fault_with_but_never_raise(system: Any, content: Any) -> None:
    assert all(message for _, message in told(*content, system=system, tools=content))
    assert all(roles(("user", content), ("assistant", system)))
