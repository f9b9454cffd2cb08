"""The problems of one suite as a check meets them: each once, with its place and its cases."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.errors import Place, Problem
from harness.prompt import UnrenderableError
from harness.suite import Case, Suite, Written
from harness.yamlfile import PlaceOf, scan_yaml


@dataclass(slots=True)
class _Noted:
    """A problem, what it is with, and the cases it shows in."""

    message: str
    written: Written | None
    line: int
    first: Case
    cases: dict[str, None] = field(default_factory=dict)

    @property
    def told(self) -> str:
        """The message with its cases."""
        more = f" and {len(self.cases) - 1} more" if len(self.cases) > 1 else ""
        return f"{self.message} (case {self.first.id!r}{more})"


class Notes:
    """What is wrong with a suite; a problem that many cases share is kept once."""

    def __init__(self, suite: Suite) -> None:
        self.suite = suite
        self._place_of: PlaceOf | None = None
        self._found: dict[tuple[object, ...], _Noted] = {}

    def __len__(self) -> int:
        return len(self._found)

    def note(self, message: str, written: Written | None, case: Case, line: int = 1) -> None:
        """Keep a problem with what is written there, at a line of its text."""
        key = (message, written.path, written.keys, line) if written else (message,)
        if key not in self._found:
            self._found[key] = _Noted(message, written, line, case)
        self._found[key].cases.setdefault(case.id)

    def unrenderable(self, error: UnrenderableError, case: Case) -> None:
        """Keep what could not be rendered, where it stands."""
        written = error.written
        at = Written(written.value, written.path, (*written.keys, *error.keys))
        self.note(error.message, at, case, error.line)

    def listed(self) -> list[Problem]:
        """The problems in the order of the file, with the cases they show in."""
        from harness.suite_errors import in_order

        problems = [Problem(noted.told, self._place(noted)) for noted in self._found.values()]
        return in_order(problems, self.suite.path)

    def place_of(self) -> PlaceOf:
        """Where things stand in the suite's file, read anew: it is not kept while all is well."""
        if self._place_of is None:
            path, cases = self.suite.path, self.suite.cases
            python = PlaceOf(path, line=cases[0].line if cases else 1)
            self._place_of = python if self.suite.program else scan_yaml(path)[1]
        return self._place_of

    def _place(self, noted: _Noted) -> Place:
        """Where the problem stands, found in the file anew."""
        written, path = noted.written, self.suite.path
        if written is None:
            return Place(path, noted.first.line, 1)
        if not written.keys:
            return Place(written.path, noted.line, 1)
        return self.place_of().within(written.keys, noted.line)
