"""Evals written in Python: `@evaluation` makes a generator function a suite of its own."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import Place

if TYPE_CHECKING:
    from harness.chat import Program


@dataclass(frozen=True, slots=True)
class Case:
    """One case of an eval, or with `data` one for each row: `vars` as the eval sees them.

    With `data` (a file in the eval's folder, or what a suite's `data:` may say), the texts of
    `id`, `vars` and `tags` are templates over `row`, as in a suite file.
    """

    id: str | None = None
    vars: Mapping[str, Any] = field(default_factory=dict)
    tags: Sequence[str] = ()
    cluster: str | None = None
    data: str | Mapping[str, str] | None = None

    def as_written(self) -> dict[str, Any]:
        """The case as a suite file would say it."""
        written: dict[str, Any] = {"id": self.id, "vars": dict(self.vars), "tags": list(self.tags)}
        written |= {"cluster": self.cluster, "data": self.data}
        return {name: value for name, value in written.items() if value not in (None, [], {})}


class Evaluation:
    """A generator function with what a suite file would say; made by `@evaluation`."""

    def __init__(self, function: Program, written: Mapping[str, Any]) -> None:
        self.function, self.written = function, written
        self.__name__ = function.__name__
        self.__doc__ = function.__doc__

    @property
    def place(self) -> Place:
        """Where the function stands."""
        code = inspect.unwrap(self.function).__code__
        return Place(Path(code.co_filename), code.co_firstlineno, 1)

    def written_in(self, path: Path) -> dict[str, Any]:
        """What a suite file would say of it."""
        description = inspect.cleandoc(self.__doc__ or "")
        return {"suite": f"{path.stem}.{self.__name__}", "description": description, **self.written}

    def wrong(self) -> str | None:
        """Why the function can be no eval, or `None`."""
        name = self.__name__
        if not inspect.isgeneratorfunction(self.function):
            return f"{name} is no generator; ask with `reply = yield chat.ask(…)`"
        if list(inspect.signature(self.function).parameters)[:2] != ["chat", "case"]:
            return f"{name} must take `chat` and `case`: `def {name}(chat, case):`"
        if not _may_assert(self.function):
            return f"{name} asserts nothing, and would pass whatever is answered; add an `assert`"
        return None


def _may_assert(function: Callable[..., Any]) -> bool:
    """It has an `assert` or a `raise`, or calls something of its own that may have one."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, SyntaxError):
        return True
    body = next(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    nodes = [node for statement in body.body for node in ast.walk(statement)]
    calls = [node.func for node in nodes if isinstance(node, ast.Call)]
    foreign = [call for call in calls if not isinstance(call, ast.Attribute)]
    return bool(foreign) or any(isinstance(node, ast.Assert | ast.Raise) for node in nodes)


def evaluation(
    *,
    models: Sequence[str | Mapping[str, Any]] | None = None,
    cases: Iterable[Case] = (),
    **written: Any,
) -> Callable[[Program], Evaluation]:
    """Make a generator function an eval: each case × candidate × repeat is one trial of it.

    `models` and `cases` are as in a suite; `written` may be its `repeats`, `params`, `vars`,
    `system`, `tools`, `gates`, `timeout_s` and `max_tool_rounds`.
    """
    said = [case.as_written() for case in cases] or [{"id": "default"}]
    known = {"models": list(models)} if models is not None else {}

    def decorate(function: Program) -> Evaluation:
        return Evaluation(function, {**known, **written, "cases": said})

    return decorate


def evaluations_in(path: Path) -> list[Evaluation]:
    """The evals of a Python file, in its order; raises SuiteError where it cannot be run."""
    from harness.files import load_module

    module = load_module(path)
    return [value for value in vars(module).values() if isinstance(value, Evaluation)]
