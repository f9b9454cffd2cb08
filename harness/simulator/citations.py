"""What a scripted answer cites, as the API writes it: the place in the document that is meant.

The forms are those of Anthropic's citations page (2026-08-22): characters of a text from 0, pages
of a PDF from 1, blocks of custom content from 0; each with an end that is not included.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from harness.simulator.attachments import cites, documents_of
from harness.simulator.problem import InvalidError
from harness.simulator.turns import blocks

Body = Mapping[str, Any]


def citations(written: Any, body: Body) -> list[dict[str, Any]] | None:
    """The citations of a text block; none where the request's documents do not ask for them.

    One is `{document: title or index, text: …}` (of a PDF `page`), or complete with its `type`.
    Raises InvalidError for a document or a text that is not there.
    """
    documents = [block for _, block in documents_of(body)]
    if not written or not any(map(cites, documents)):
        return None
    if not isinstance(written, Sequence) or not all(isinstance(w, Mapping) for w in written):
        raise InvalidError(f"the script's `citations` are a list of mappings, not {written!r}")
    return [dict(one) if "type" in one else _cited(one, documents) for one in written]


def _cited(one: Body, documents: Sequence[Body]) -> dict[str, Any]:
    index = _index(one.get("document", 0), documents)
    block = documents[index]
    source, text = block["source"], one.get("text")
    if source["type"] == "text":
        found = _characters(source["data"], text)
    elif source["type"] == "content":
        found = _blocks(source["content"], text)
    else:
        page = int(one.get("page", 1))
        found = {
            "type": "page_location",
            "cited_text": text or "",
            "start_page_number": page,
            "end_page_number": page + 1,
        }
    return {**found, "document_index": index, "document_title": block.get("title"), "file_id": None}


def _index(named: Any, documents: Sequence[Body]) -> int:
    titles = [block.get("title") for block in documents]
    if isinstance(named, int) and 0 <= named < len(documents):
        return named
    if named in titles:
        return titles.index(named)
    raise InvalidError(f"the script cites the document {named!r}; the request has {titles}")


def _characters(data: str, text: str | None) -> dict[str, Any]:
    """The place of a text, however its words are parted."""
    words = r"\s+".join(map(re.escape, text.split())) if text else r"(?s:.+)"
    found = re.search(words, data)
    if found is None:
        raise InvalidError(f"the script cites {text!r}, which is not in the document")
    return {
        "type": "char_location",
        "cited_text": found[0],
        "start_char_index": found.start(),
        "end_char_index": found.end(),
    }


def _blocks(content: Any, text: str | None) -> dict[str, Any]:
    parts = [str(part.get("text", "")) for part in blocks(content)]
    at = next((n for n, part in enumerate(parts) if (text or "") in part), None)
    if at is None:
        raise InvalidError(f"the script cites {text!r}, which is not in the document")
    return {
        "type": "content_block_location",
        "cited_text": parts[at],
        "start_block_index": at,
        "end_block_index": at + 1,
    }
