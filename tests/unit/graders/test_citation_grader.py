"""What an answer cites: by title, by index, with a quotation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.errors import GraderError
from harness.graders import GraderContext, arguments, build
from harness.records import Block, Conversation, Grade


def cited(text: str, *citations: dict[str, Any]) -> Block:
    return {"type": "text", "text": text, "citations": list(citations) or None}


TERMS = {
    "type": "char_location",
    "cited_text": "Returns are free\n within 14 days.",
    "document_index": 0,
    "document_title": "Terms",
}
UNTITLED = {"type": "page_location", "cited_text": "Page two.", "document_index": 1}
PAGE = {
    "type": "web_search_result_location",
    "cited_text": "Rain in Oslo.",
    "url": "https://weather.example/oslo",
    "title": "Weather",
}


@pytest.fixture
def of(made, tmp_path):
    """`of(item, *blocks)`: the grade of an answer with these blocks."""

    def apply(item: Any, *blocks: Block) -> Grade:
        (call,) = made("").calls
        answer = replace(call.answer, content=blocks)
        grader = build(arguments(item), GraderContext(tmp_path))
        grade = grader(Conversation((), (replace(call, answer=answer),)))
        assert isinstance(grade, Grade)
        return grade

    return apply


@pytest.mark.parametrize(
    "item",
    [
        {"cites": "Terms"},
        {"cites": 0},
        {"cites": 1},
        {"cites": "Weather"},
        {"cites": "https://weather.example/oslo"},
        {"cites": "terms", "ignore_case": True},
        {"cites": "Terms", "text": "free within 14 days"},
        {"cites": 1, "text": "page TWO", "ignore_case": True},
    ],
    ids=str,
)
def test_a_document_is_cited(of, item):
    blocks = [cited("Free.", TERMS), cited(" And "), cited("so on.", UNTITLED, PAGE)]
    assert of(item, *blocks).passed


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ({"cites": "terms"}, "'terms' is not cited; cited: document 0 'Terms', document 1"),
        ({"cites": 2}, "document 2 is not cited; cited: document 0 'Terms', document 1"),
        ({"cites": 1, "text": "14 days"}, "cites document 1, but without '14 days': 'Page two.'"),
        ({"cites": "0"}, "'0' is not cited; cited: document 0 'Terms', document 1"),
    ],
    ids=str,
)
def test_a_document_is_not_cited(of, item, reason):
    grade = of(item, cited("Free.", TERMS), cited("so on.", UNTITLED))
    assert (grade.passed, grade.reason) == (False, reason)


def test_an_answer_without_citations_fails(of):
    grade = of({"cites": "Terms"}, {"type": "thinking", "thinking": "Terms"}, cited("See Terms."))
    assert (grade.passed, grade.reason) == (False, "'Terms' is not cited; the answer cites nothing")


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ({"cites": -1}, "counts from 0"),
        ({"cites": " "}, "title of the document is empty"),
        ({"cites": 0, "text": " "}, "`text` is empty"),
        ({"cites": True}, "must be a text or a whole number"),
    ],
    ids=str,
)
def test_what_cannot_be_cited_is_an_error(of, item, problem):
    with pytest.raises(GraderError, match=problem):
        of(item, cited("x"))
