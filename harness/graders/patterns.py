"""Regular expressions of suites: compiled with a clear error, searched with a time limit.

The only module that imports `regex`: its searches can be stopped, those of `re` cannot.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.errors import GraderError

if TYPE_CHECKING:
    import regex


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern that raises TimeoutError when one search takes more than `timeout_s`."""

    compiled: regex.Pattern[str]
    timeout_s: float

    @property
    def source(self) -> str:
        """The pattern as it was written."""
        return str(self.compiled.pattern)

    @property
    def groups(self) -> int:
        """How many groups it captures."""
        return self.compiled.groups

    def search(self, text: str) -> regex.Match[str] | None:
        """The first match anywhere in the text."""
        return self._bounded(lambda: self.compiled.search(text, timeout=self.timeout_s))

    def fullmatch(self, text: str) -> regex.Match[str] | None:
        """The match of the whole text."""
        return self._bounded(lambda: self.compiled.fullmatch(text, timeout=self.timeout_s))

    def last(self, text: str) -> regex.Match[str] | None:
        """The last match that does not overlap an earlier one."""
        return self._bounded(lambda: self._last(text))

    def _last(self, text: str) -> regex.Match[str] | None:
        found = None
        for match in self.compiled.finditer(text, timeout=self.timeout_s):
            found = match
        return found

    def _bounded(self, search: Callable[[], regex.Match[str] | None]) -> regex.Match[str] | None:
        try:
            return search()
        except TimeoutError:
            raise TimeoutError(
                f"pattern {self.source!r} found no verdict within {self.timeout_s:g} s; "
                "make it simpler: nested repetition such as (a+)+ is the usual cause"
            ) from None


def compile_pattern(source: str, timeout_s: float, *, ignore_case: bool = False) -> Pattern:
    """The pattern; line ends around it, as a YAML block leaves them, are not part of it.

    Raises GraderError with the position of what is wrong.
    """
    import regex

    flags: Any = regex.IGNORECASE if ignore_case else 0
    try:
        return Pattern(regex.compile(source.strip("\r\n"), flags), timeout_s)
    except regex.error as exc:
        # The message ends with the position, which is what the writer needs.
        raise GraderError(f"pattern {source!r} is not a regular expression: {exc}") from exc
    except (OverflowError, RecursionError, MemoryError) as exc:
        raise GraderError(f"pattern {source!r} is too large to compile; make it simpler") from exc
