"""Every exception of ours, as a tree; what each means to the person at the keyboard.

    HarnessError            expected: one message and an exit code, no traceback
    ├── UsageError          a command or option that cannot be meant (2)
    ├── SuiteError          what is wrong in suite and data files, all of it at once (2)
    ├── RenderError         a template that cannot be rendered for a case; collected into SuiteError
    ├── GraderError         a grader that cannot be built from its options; collected likewise
    ├── ModelsError         a model table that is not one (2)
    ├── StoreError          a store that is locked, read-only, full or of another format (2)
    │   └── RunNotFoundError  no run, or several, under this name (2)
    ├── RunStoppedError     the API refuses the whole run: credentials, spend limit, credit (3)
    │   └── BudgetError       the next request may cost more than the budget leaves (4)
    ├── PendingAnswerError  an answer that waits for a batch (5)
    ├── InterruptedRunError Ctrl-C (130)
    └── AnswerMissingError  one request got no answer; ends one trial, never the run

A `Place` says where in a file, and stands first in the message that it belongs to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.records import Missing


@dataclass(frozen=True, slots=True)
class Place:
    """A position in a file; `line` and `column` count from 1, 0 is the file as a whole."""

    path: Path
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}" if self.line else f"{self.path}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where, what, and what to write instead."""

    message: str
    place: Place | None = None

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class HarnessError(Exception):
    """The base of all; `exit_code` is what the command ends with."""

    exit_code = 2


class UsageError(HarnessError):
    """A command or option that cannot be meant."""


class SuiteError(HarnessError):
    """Everything that is wrong in the files that were read, in the order of the files."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class RenderError(HarnessError):
    """A template that cannot be compiled or rendered.

    `keys` lead to it inside the tree that was rendered; `line` counts from 1 within the template.
    """

    def __init__(self, message: str, *, line: int = 1, keys: tuple[str | int, ...] = ()) -> None:
        self.message, self.line, self.keys = message, line, keys
        super().__init__(message)


class GraderError(HarnessError):
    """A grader that cannot be built: an unknown name, a wrong option, a bad pattern."""


class ModelsError(HarnessError):
    """A model table that is not one, or a model that nobody knows."""


class StoreError(HarnessError):
    """A store that cannot be opened, read or written."""


class RunNotFoundError(StoreError):
    """No run, or more than one, answers to the name that was given."""


class RunStoppedError(HarnessError):
    """The API refuses the run as a whole; what was answered is in the store."""

    exit_code = 3


class BudgetError(RunStoppedError):
    """The next request may cost more than is left of the budget; nothing more is sent."""

    exit_code = 4


class PendingAnswerError(HarnessError):
    """An answer that waits for a batch; its trial is run again when the batch has ended."""

    exit_code = 5


class InterruptedRunError(HarnessError):
    """Somebody pressed Ctrl-C; what was answered is in the store."""

    exit_code = 130


class AnswerMissingError(HarnessError):
    """A request that got no answer, for the reason in `missing`."""

    exit_code = 3

    def __init__(self, missing: Missing) -> None:
        self.missing = missing
        super().__init__(missing.reason)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean …?` with the nearest known word, or nothing where none is near."""
    import difflib

    near = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.6)
    return f"; did you mean `{near[0]}`?" if near else ""
