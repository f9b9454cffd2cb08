"""`report.html`: the run in one file that needs no network and obeys nothing that it shows.

The comparison is plain HTML; the trials are JSON that a small script draws when it is asked to.
The JSON is an array: first what all trials share, then an object each for a text or a picture
(`shared`, numbered in their order), a case (`trials`, empty; numbered likewise) and a trial (`of`).
"""

from __future__ import annotations

from typing import Any, BinaryIO

import orjson

from harness.analysis.comparison import Comparison
from harness.records import Result
from reports.html_ledger import Ledger
from reports.html_page import Page
from reports.html_trials import Shared, trial_document
from reports.text import visible

LIMIT = 150_000_000
LEFT_OUT = "Left out, since the report would be too large to open: see trials.jsonl."
_ESCAPES = tuple((c.encode(), b"\\u%04x" % ord(c)) for c in "<>&\u2028\u2029")


class HtmlReport:
    """`report.html`: written while the trials come; above `limit` bytes, without transcripts."""

    wants_trials = True

    def __init__(self, file: BinaryIO, comparison: Comparison, *, limit: int = LIMIT) -> None:
        self.file = file
        self.left = limit
        self.candidates = {c.name: number for number, c in enumerate(comparison.candidates)}
        self.cases: dict[tuple[str, str], int] = {}
        self.shared = Shared(self._write)
        self.comparison, self.ledger = comparison, Ledger()
        self.page = Page(comparison)
        self.file.write(self.page.before.encode())
        self.file.write(b"[" + embedded(self._head(comparison)))

    def add(self, result: Result) -> None:
        """Write the trial, before it what is shown of it for the first time."""
        self.ledger.add(result)
        case = self._case(result)
        document = trial_document(result, self.shared, whole=self.left > 0)
        if self.left <= 0 and result.messages:
            document["left_out"] = LEFT_OUT
        self._dump({"of": case, "by": self.candidates[result.id.candidate], **document})

    def finish(self) -> None:
        """Write the end of the page."""
        sections = "".join(self.ledger.sections(self.comparison))
        self.file.write(b"]" + self.page.after(sections).encode())

    def _head(self, comparison: Comparison) -> dict[str, Any]:
        candidates = [
            {"name": visible(c.name), "model": visible(c.model)} for c in comparison.candidates
        ]
        return {"candidates": candidates}

    def _case(self, result: Result) -> int:
        key = result.id.suite, result.id.case
        number = self.cases.get(key)
        if number is None:
            number = self.cases[key] = len(self.cases)
            self._dump(
                {
                    "case": visible(result.id.case),
                    "suite": visible(result.id.suite),
                    "tags": [visible(tag) for tag in result.tags],
                    "trials": [],
                }
            )
        return number

    def _dump(self, document: dict[str, Any]) -> None:
        self._write(orjson.dumps(document))

    def _write(self, data: bytes) -> None:
        data = b",\n" + escaped(data)
        self.left -= len(data) - 2
        self.file.write(data)


def embedded(document: object) -> bytes:
    """JSON that no HTML parser takes for anything but text."""
    return escaped(orjson.dumps(document))


def escaped(data: bytes) -> bytes:
    """The same JSON, with what HTML or JavaScript could take for more than text escaped."""
    for character, escape in _ESCAPES:
        data = data.replace(character, escape)
    return data
