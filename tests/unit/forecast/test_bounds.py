"""What a request may cost at most: more than any answer to it is billed."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.forecast.bounds import measured, worst_case
from harness.models.table import load_registry
from harness.pricing import bill
from harness.records import Answer, Request, Usage
from harness.simulator.tokens import prompt_tokens

REGISTRY = load_registry()
HAIKU, OPUS = "claude-haiku-4-5-20251001", "claude-opus-5"
TODAY = date(2026, 11, 20)
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * 8 + b"\0\0\0\x38" * 2).decode()


def request(model: str = HAIKU, content: Any = "Hello", **params: Any) -> Request:
    body = {"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": content}]}
    return Request({**body, **params}, "2026-10-21")


def image(data: str = PNG) -> list[dict[str, Any]]:
    source = {"type": "base64", "media_type": "image/png", "data": data}
    return [{"type": "image", "source": source}]


def document(data: bytes) -> list[dict[str, Any]]:
    source = {"media_type": "application/pdf", "data": base64.b64encode(data).decode()}
    return [{"type": "document", "source": {"type": "base64", **source}}]


def known(asked: Request, *, batch: bool = False) -> Decimal:
    cost = worst_case(asked, REGISTRY, TODAY, batch=batch)
    assert cost is not None
    return cost


@given(st.text(max_size=300), st.sampled_from([HAIKU, OPUS]), st.integers(1, 100), st.booleans())
def test_no_bill_is_above_the_worst_case(text: str, model: str, written: int, cached: bool):
    asked = request(model, text, **({"cache_control": {"type": "ephemeral"}} if cached else {}))
    read = prompt_tokens(asked.params, REGISTRY.resolve(model))
    usage = Usage(0, written, cache_write_5m_input_tokens=read) if cached else Usage(read, written)
    now = datetime(2026, 11, 20, tzinfo=UTC)
    billed = bill(Answer((), model, "end_turn", usage, now, inference_geo="us"), REGISTRY)
    assert billed.total is None or billed.total <= known(asked)


def test_a_batch_costs_half():
    assert known(request(), batch=True) == known(request()) / 2


def test_a_cache_write_is_dearer_than_what_is_only_read():
    marked = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    assert known(request(**marked)) > Decimal("1.2") * known(request())


@pytest.mark.parametrize(
    ("content", "least", "most"),
    [
        (image(), 4, 500),
        (image("nonsense"), 4784, 5300),
        ([{"type": "image", "source": {"type": "url", "url": "https://a/b"}}], 4784, 5300),
        (document(b"%PDF-1.4 /Type /Page /Type /Page"), 16_000, 16_500),
        (document(b"%PDF-1.5 /ObjStm"), 200_000, 200_000),
    ],
    ids=["picture", "no picture", "a picture elsewhere", "two pages", "pages unseen"],
)
def test_what_is_attached_is_bounded_by_its_kind(content: Any, least: int, most: int):
    size = measured(request(content=content).params, REGISTRY.resolve(HAIKU))
    assert least <= size.read <= most


def test_a_prompt_is_no_longer_than_the_context():
    size = measured(request(content="x" * 900_000).params, REGISTRY.resolve(HAIKU))
    assert size.read == 200_000


def test_tools_that_the_api_runs_are_bounded_by_their_uses():
    search = {"type": "web_search_20250305", "name": "web_search", "max_uses": 2}
    size = measured(request(tools=[search]).params, REGISTRY.resolve(HAIKU))
    assert (size.rounds, size.searches, size.read) == (3, 2, 200_000)


def test_where_a_request_runs_makes_it_no_dearer_if_it_says_so():
    assert known(request(OPUS)) > known(request(OPUS, inference_geo="global"))


@pytest.mark.parametrize(
    "asked",
    [request("claude-unheard-of"), request(HAIKU, speed="fast")],
    ids=["model", "speed"],
)
def test_what_has_no_known_price_has_no_known_worst_case(asked: Request):
    assert worst_case(asked, REGISTRY, TODAY) is None
