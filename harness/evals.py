"""Evals written in Python: `@evaluation` makes a generator function a suite of its own."""

from __future__ import annotations

import ast
import builtins
import inspect
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from harness.errors import Place

if TYPE_CHECKING:
    from harness.chat import Program

IN_THE_FUNCTION = {
    "prompt": "ask with `yield chat.ask(…)`",
    "prompts": "make an eval of each, or let `case.vars` hold them",
    "turns": "ask with `yield chat.ask(…)`, as often as there are turns",
    "graders": "write an `assert`",
    "output_schema": "write `params={'output_config': …}` and assert on `reply.json()`",
    "pass_score": "it passes where every `assert` holds",
    "description": "its docstring describes it",
    "suite": "its name is that of the file and the function",
}
"""What a suite file says, and an eval does, with what to write instead."""


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
        self.__name__ = getattr(function, "__name__", type(function).__name__)
        self.__doc__ = function.__doc__

    @property
    def place(self) -> Place:
        """Where the function stands."""
        code = getattr(inspect.unwrap(self.function), "__code__", None)
        return Place(Path(code.co_filename), code.co_firstlineno, 1) if code else Place(Path())

    def written_in(self, path: Path) -> dict[str, Any]:
        """What a suite file would say of it."""
        description = inspect.cleandoc(self.__doc__ or "")
        return {"suite": f"{path.stem}.{self.__name__}", "description": description, **self.written}

    def wrong(self) -> str | None:
        """Why the function can be no eval, or `None`."""
        name = self.__name__
        if not inspect.isgeneratorfunction(self.function):
            return f"{name} is no generator; ask with `reply = yield chat.ask(…)`"
        if not _takes_chat_and_case(self.function):
            return f"{name} must take `chat` and `case` alone: `def {name}(chat, case):`"
        if not _may_assert(self.function):
            return f"{name} asserts nothing, and would pass whatever is answered; add an `assert`"
        for key in IN_THE_FUNCTION.keys() & self.written.keys():
            return f"`{key}` means nothing to {name}; {IN_THE_FUNCTION[key]}"
        return None


def _takes_chat_and_case(function: Callable[..., Any]) -> bool:
    parameters = inspect.signature(function).parameters.values()
    needed = [p.name for p in parameters if p.default is p.empty and p.kind is not p.VAR_KEYWORD]
    return needed == ["chat", "case"]


def _may_assert(function: Callable[..., Any]) -> bool:
    """It has an `assert` or a `raise`, or calls something that may have one."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, SyntaxError):
        return True
    body = next(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    nodes = [node for statement in body.body for node in ast.walk(statement)]
    if any(isinstance(node, ast.Assert | ast.Raise) for node in nodes):
        return True
    code = inspect.unwrap(function).__code__
    around = {*code.co_freevars, *(name for name in code.co_names if not hasattr(builtins, name))}
    called = [node.func for node in nodes if isinstance(node, ast.Call)]
    return any(_is_json(call) or _root(call) in around for call in called)


def _root(node: ast.expr) -> str | None:
    """The name that an expression like `checks.polite` begins with."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _is_json(call: ast.expr) -> bool:
    """`reply.json()` is an assertion of its own: an answer that is no JSON fails."""
    return isinstance(call, ast.Attribute) and call.attr == "json"


@overload
def evaluation(function: Program, /) -> Evaluation: ...


@overload
def evaluation(
    *,
    models: Sequence[str | Mapping[str, Any]] | None = None,
    cases: Iterable[Case] = (),
    **written: Any,
) -> Callable[[Program], Evaluation]: ...


def evaluation(
    function: Program | None = None,
    /,
    *,
    models: Sequence[str | Mapping[str, Any]] | None = None,
    cases: Iterable[Case] = (),
    **written: Any,
) -> Evaluation | Callable[[Program], Evaluation]:
    """Make a generator function an eval: each case × candidate × repeat is one trial of it.

    `models` and `cases` are as in a suite; `written` may be its `repeats`, `params`, `vars`,
    `system`, `tools`, `gates`, `timeout_s`, `max_tool_rounds`, `cache` and `messages`.
    """
    said = [case.as_written() for case in cases] or [{"id": "default"}]
    known = {"models": list(models)} if models is not None else {}

    def decorate(function: Program) -> Evaluation:
        return Evaluation(function, {**known, **written, "cases": said})

    return decorate if function is None else decorate(function)


def evaluations_in(path: Path) -> list[Evaluation]:
    """The evals of a Python file, in its order; raises SuiteError where it cannot be run."""
    from harness.files import load_module

    module = load_module(path)
    return [value for value in vars(module).values() if isinstance(value, Evaluation)]
