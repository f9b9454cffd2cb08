"""The grader of what an answer cites: documents, search results, pages of the web."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.errors import GraderError
from harness.graders.registry import grader
from harness.graders.show import listed, shown
from harness.graders.text import folded
from harness.graders.values import Text
from harness.records import Conversation, Grade, Grader

Citation = Mapping[str, Any]
NAMES = ("document_title", "title", "source", "url")
"""Where the kinds of citations say what they cite, of which each has some."""


@grader("cites")
def cites(document: str | int, *, text: Text | None = None, ignore_case: bool = False) -> Grader:
    """Pass when a text of the last answer cites the document: its title, or its index from 0.

    With `text`, one of these citations must quote it. A search result or a page is known by its
    title, source or URL. White space counts as one space.
    """
    _check(document, text)
    quoted = None if text is None else _flat(text, ignore_case=ignore_case)

    def grade(conversation: Conversation) -> Grade:
        found = list(citations(conversation))
        meant = [each for each in found if _cites(each, document, ignore_case=ignore_case)]
        quotes = [str(each.get("cited_text") or "") for each in meant]
        if not quotes:
            return Grade(False, reason=f"{_called(document)} is not cited; {_cited(found)}")
        if text is None or quoted is None:
            return Grade(True, reason=f"cites {_called(document)}: {listed(quotes)}")
        if any(quoted in _flat(quote, ignore_case=ignore_case) for quote in quotes):
            return Grade(True, reason=f"cites {_called(document)} with {shown(text)}")
        what = f"cites {_called(document)}, but without {shown(text)}"
        return Grade(False, reason=f"{what}: {listed(quotes)}")

    return grade


def citations(conversation: Conversation) -> Iterator[Citation]:
    """Every citation in the text blocks of the last answer, in order."""
    for block in conversation.answer.content:
        if block.get("type") == "text":
            yield from block.get("citations") or ()


def _check(document: str | int, text: str | None) -> None:
    if isinstance(document, int) and document < 0:
        raise GraderError(f"the index of a document counts from 0, and is not {document}")
    if isinstance(document, str) and not document.strip():
        raise GraderError("the title of the document is empty; write it, or its index")
    if text is not None and not text.strip():
        raise GraderError("`text` is empty, so every citation would do; write what is to be quoted")


def _cites(citation: Citation, document: str | int, *, ignore_case: bool) -> bool:
    if isinstance(document, int):
        return bool(citation.get("document_index") == document)
    names = [_flat(str(citation.get(key) or ""), ignore_case=ignore_case) for key in NAMES]
    return _flat(document, ignore_case=ignore_case) in names


def _flat(words: str, *, ignore_case: bool) -> str:
    return folded(" ".join(words.split()), ignore_case=ignore_case)


def _called(document: str | int) -> str:
    return f"document {document}" if isinstance(document, int) else shown(document.strip())


def _cited(found: list[Citation]) -> str:
    names = dict.fromkeys(_name(citation) for citation in found)
    return f"cited: {', '.join(names)}" if names else "the answer cites nothing"


def _name(citation: Citation) -> str:
    title = next((str(citation[key]) for key in NAMES if citation.get(key)), None)
    index = citation.get("document_index")
    at = "" if index is None else f"document {index}"
    return f"{at} {shown(title)}".strip() if title is not None else at or "something unnamed"
