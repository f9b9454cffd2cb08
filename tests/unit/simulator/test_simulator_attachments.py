"""Pictures, documents and citations at the simulated API.

Limits and forms are those of Anthropic's vision, PDF and citations pages (2026-08-22).
"""

from __future__ import annotations

from typing import Any

import pytest
from picture_making import PICTURES, SIZE, encoded, gif, image_block, jpeg, pdf, pdf_block, png

from harness.models.table import load_registry
from harness.simulator import Entry, Reply, Script
from harness.simulator.problem import ApiError
from harness.simulator.script import fingerprint
from harness.simulator.tokens import image_tokens

REGISTRY = load_registry()
NEW = "2026-10-21"
AT = "messages.0.content.0.image.source.base64.data: "
PDF_AT = "messages.0.content.0.document.source.base64.data: "
URL = {"type": "image", "source": {"type": "url", "url": "http://a.b/c.png"}}
MANY = [image_block(png(10, 10))] * 20


def refused(service: Any, request: dict[str, Any]) -> str:
    with pytest.raises(ApiError) as caught:
        service.check(request, NEW)
    assert caught.value.status == 400
    return caught.value.message


def document(data: str, **more: Any) -> dict[str, Any]:
    source = {"type": "text", "media_type": "text/plain", "data": data}
    return {"type": "document", "source": source, **more}


CITED = {"citations": {"enabled": True}}

REFUSED = {
    "no base64": ([{**image_block(b""), "source": {"type": "base64", "media_type": "image/png",
                                                   "data": "ä"}}], AT + "Invalid base64 data"),
    "no picture": ([image_block(b"a text")], AT + "Could not process image"),
    "mismatch": ([image_block(jpeg())], AT + "Image does not match the provided media type"),
    "8001 px": ([image_block(png(8001, 1))], AT + "At least one of the image dimensions exceed max "
                "allowed size: 8000 pixels"),
    "2001 px of many": ([image_block(png(2001, 1)), *MANY], AT + "At least one of the image "
                        "dimensions exceed max allowed size for many-image requests: 2000 pixels"),
    "10 MB": ([image_block(png() + b"x" * 8 * 1024**2)], AT + "image exceeds 10 MB maximum"),
    "too many": ([image_block(png())] * 101, "messages: too many images: 101 > 100"),
    "http": ([URL], "messages.0.content.0.image.source.url.url: Only HTTPS"),
    "no pdf": ([pdf_block(b"a text")], PDF_AT + "The PDF specified was not valid."),
    "locked pdf": ([pdf_block(pdf(encrypted=True))], PDF_AT + "The PDF specified is password"),
    "long pdf": ([pdf_block(pdf(101))], PDF_AT + "A maximum of 100 PDF pages"),
    "empty text": ([document("")], "messages.0.content.0.document.source.text.data: document text"),
    "some cited": ([document("a", **CITED), document("b")], "messages: citations must be enabled"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "said"), REFUSED.values(), ids=REFUSED)
def test_what_the_api_refuses_in_an_attachment(make_service, body, content, said):
    assert refused(make_service(), body(content)).startswith(said)


def test_a_picture_in_a_tools_result_is_looked_at_too(make_service, body):
    call = {"type": "tool_use", "id": "t1", "name": "look", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": [image_block(gif())]}
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [result]},
    ]
    assert "does not match" in refused(make_service(), body(messages=messages))


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_of_every_kind_is_read(make_service, body, name):
    make, kind = PICTURES[name]
    make_service().check(body([image_block(make(*SIZE), kind)]), NEW)


# 640 x 480 are 23 x 18 patches; the first in the standard tier fits in 1,568 patches only smaller.
@pytest.mark.parametrize(
    ("name", "size", "tokens"),
    [
        ("claude-haiku-4-5", SIZE, 414),
        ("claude-haiku-4-5", (1092, 1092), 1521),
        ("claude-haiku-4-5", (3000, 3000), 1521),
        ("claude-opus-5", (1092, 1092), 1521),
        ("claude-opus-5", (4000, 100), 276),
    ],
    ids=["small", "largest square", "scaled down", "high resolution", "long edge"],
)
def test_the_tokens_of_a_picture_are_its_patches_after_scaling(name, size, tokens):
    source = {"type": "base64", "media_type": "image/png", "data": encoded(png(*size))}
    assert image_tokens(source, REGISTRY.resolve(name)) == tokens


MANUAL = "The pump is red.\nIt runs at 3 bar."


def cited(ask, body, citation: dict[str, Any], *documents: dict[str, Any]) -> list[dict[str, Any]]:
    """The citations of an answer whose script has this one."""
    request = body([*documents, {"type": "text", "text": "Which colour?"}])
    said = {"type": "text", "text": "Red.", "citations": [citation]}
    entry = Entry({"*": (Reply.of({"blocks": [said]}),)})
    answer = ask(request, script=Script({fingerprint(request): entry}))
    return answer["content"][0]["citations"]


PLACES = {
    "text": (
        document(MANUAL, title="Manual", **CITED),
        {"document": "Manual", "text": "is red. It runs"},
        {
            "type": "char_location",
            "cited_text": "is red.\nIt runs",
            "start_char_index": 9,
            "end_char_index": 24,
            "document_title": "Manual",
        },
    ),
    "content": (
        {"type": "document", "source": {"type": "content", "content": [
            {"type": "text", "text": "One."}, {"type": "text", "text": "Two."}]}, **CITED},
        {"document": 0, "text": "Two"},
        {
            "type": "content_block_location",
            "cited_text": "Two.",
            "start_block_index": 1,
            "end_block_index": 2,
            "document_title": None,
        },
    ),
    "pdf": (
        {**pdf_block(pdf()), "title": "P", **CITED},
        {"document": "P", "text": "red", "page": 3},
        {
            "type": "page_location",
            "cited_text": "red",
            "start_page_number": 3,
            "end_page_number": 4,
            "document_title": "P",
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize(("source", "written", "expected"), PLACES.values(), ids=PLACES)
def test_a_scripted_citation_is_found_in_its_document(ask, body, source, written, expected):
    assert cited(ask, body, written, source) == [{**expected, "document_index": 0, "file_id": None}]


def test_a_citation_counts_the_documents_of_the_whole_request(ask, body):
    other = document("Nothing.", **CITED)
    (found,) = cited(ask, body, {"document": 1, "text": "red"}, other, document(MANUAL, **CITED))
    assert (found["document_index"], found["start_char_index"]) == (1, 12)


def test_a_complete_citation_is_said_as_it_stands(ask, body):
    whole = {"type": "char_location", "cited_text": "x"}
    assert cited(ask, body, whole, document(MANUAL, **CITED)) == [whole]


def test_nothing_is_cited_where_no_document_asks_for_it(ask, body):
    assert cited(ask, body, {"document": 0, "text": "red"}, document(MANUAL)) is None


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"document": 0, "text": "green"}, "which is not in the document"),
        ({"document": "Other"}, "the script cites the document 'Other'"),
        ({"document": 7}, "the script cites the document 7"),
    ],
    ids=["text", "title", "index"],
)
def test_a_script_that_cites_what_is_not_there_is_told(ask, body, written, said):
    with pytest.raises(ApiError, match=said):
        cited(ask, body, written, document(MANUAL, **CITED))
