"""Which graders there are and what options they take; builds one from its options.

The only module that knows how a factory's signature becomes YAML options, and the one place where
a grader's exceptions become broken grades.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from harness.errors import GraderError
from harness.graders.show import one_line
from harness.graders.values import UNSET, convert
from harness.records import Conversation, Grade, Grader, Request, Steps

MODULES = (
    "text", "choice", "numbers", "likeness", "structure", "claude",
    "citations", "limits", "tools", "code", "combine", "judge", "judge_pair", "judge_panel",
)  # fmt: skip
CONTEXT = "context"

Factory = TypeVar("Factory", bound=Callable[..., Grader])


class Judging(Protocol):
    """What a suite lends to graders that ask a model: they know neither models nor templates."""

    @property
    def candidates(self) -> tuple[str, ...]:
        """The names of the suite's candidates."""
        ...

    def judge_id(self, name: str) -> str:
        """The id of the model that an alias or id names; raises GraderError."""
        ...

    def judge_text(self, template: str, scope: Mapping[str, Any]) -> str:
        """The rendered template; raises GraderError."""
        ...

    def judge_request(
        self, name: str, params: Mapping[str, Any], schema: Mapping[str, Any], *,
        system: str, user: str,
    ) -> Request:  # fmt: skip
        """The request whose answer fits `schema`; raises GraderError for what a model rejects."""
        ...


@dataclass(frozen=True, slots=True)
class GraderContext:
    """Where a grader's files lie, and how long in seconds one regular expression may search.

    `judging` is what judges ask with; without it there are none.
    """

    folder: Path
    regex_timeout_s: float = 1.0
    judging: Judging | None = None


@dataclass(frozen=True, slots=True)
class GraderArguments:
    """One grader as a suite asks for it: `options` holds the main argument under its own name.

    Option values are plain data and may contain Jinja templates until they are rendered.
    """

    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Option:
    """One option: `annotation` is its type, `default` is UNSET where there is none."""

    name: str
    annotation: Any
    default: Any = UNSET
    required: bool = False


@dataclass(frozen=True, slots=True)
class GraderType:
    """A grader as it is registered: `options` includes the main argument, which may be absent.

    `marks` are the keys that make a mapping options where the main argument may be a mapping.
    `open` says that options beside the listed ones are allowed.
    """

    name: str
    doc: str
    main: str | None
    options: tuple[Option, ...]
    main_is_mapping: bool
    marks: frozenset[str]
    open: bool
    takes_context: bool
    factory: Callable[..., Grader]

    def option(self, name: str) -> Option | None:
        """The option of this name, or `None`."""
        return next((option for option in self.options if option.name == name), None)


_types: dict[str, GraderType] = {}
_loaded: set[str] = set()


def grader(
    name: str, *, main_is_mapping: bool = False, marks: tuple[str, ...] = ()
) -> Callable[[Factory], Factory]:
    """Register a factory: its keyword arguments are the grader's YAML options.

    The first positional parameter is the main argument. A parameter called `context` is given the
    GraderContext and is no option. Where the main argument may be a mapping (`main_is_mapping`),
    a mapping is options only if it has all of `marks` (by default the main argument's name).
    """

    def register(factory: Factory) -> Factory:
        _types[name] = _described(name, factory, main_is_mapping=main_is_mapping, marks=marks)
        return factory

    return register


def names() -> tuple[str, ...]:
    """Every grader's name, sorted."""
    _load()
    return tuple(sorted(_types))


def describe(name: str) -> GraderType:
    """What is known of a grader; raises GraderError where there is none of this name."""
    _load()
    if name not in _types:
        raise GraderError(f"there is no grader {name!r}{suggest(name, names())}")
    return _types[name]


def build(arguments: GraderArguments, context: GraderContext) -> Grader:
    """The grader for rendered options; it never raises: what breaks in it is a broken grade.

    Raises GraderError for a value of a wrong type and for what the grader cannot work with.
    """
    kind = describe(arguments.kind)
    options = {name: _value(kind, name, value) for name, value in arguments.options.items()}
    _check_required(kind, options)
    extra = {CONTEXT: context} if kind.takes_context else {}
    try:
        return guarded(kind.name, kind.factory(**options, **extra))
    except GraderError as exc:
        raise GraderError(f"`{kind.name}`: {exc}") from exc


def guarded(name: str, grade: Grader) -> Grader:
    """`grade`, with whatever it raises turned into a broken grade; an interrupt passes through."""

    def safely(conversation: Conversation) -> Grade | Steps[Grade]:
        try:
            value = grade(conversation)
        except (Exception, SystemExit) as exc:
            return _broken(name, exc)
        return _safe_steps(name, value) if isinstance(value, Generator) else value

    return safely


def suggest(name: str, known: tuple[str, ...]) -> str:
    """`; did you mean …?` where a known name is near, and the known names otherwise."""
    import difflib

    near = difflib.get_close_matches(name, known, n=2, cutoff=0.6)
    if near:
        return f"; did you mean {' or '.join(f'`{n}`' for n in near)}?"
    return f"; there are: {', '.join(known)}" if known else ""


def _load() -> None:
    if len(_loaded) == len(MODULES):
        return
    for module in MODULES:
        if module not in _loaded:
            importlib.import_module(f"harness.graders.{module}")
            _loaded.add(module)


def _described(
    name: str, factory: Callable[..., Grader], *, main_is_mapping: bool, marks: tuple[str, ...]
) -> GraderType:
    parameters = inspect.signature(factory, eval_str=True).parameters.values()
    named = [p for p in parameters if p.kind is not p.VAR_KEYWORD and p.name != CONTEXT]
    main = next((p.name for p in named if p.kind is p.POSITIONAL_OR_KEYWORD), None)
    return GraderType(
        name=name,
        doc=inspect.getdoc(factory) or "",
        main=main,
        options=tuple(map(_option, named)),
        main_is_mapping=main_is_mapping,
        marks=frozenset(marks or ((main,) if main else ())),
        open=any(p.kind is p.VAR_KEYWORD for p in parameters),
        takes_context=any(p.name == CONTEXT for p in parameters),
        factory=factory,
    )


def _option(parameter: inspect.Parameter) -> Option:
    required = parameter.default is parameter.empty
    default = UNSET if required else parameter.default
    return Option(parameter.name, parameter.annotation, default, required)


def _value(kind: GraderType, name: str, value: Any) -> Any:
    option = kind.option(name)
    if option is None:
        if kind.open:
            return value
        known = tuple(option.name for option in kind.options)
        raise GraderError(f"`{kind.name}` has no option `{name}`{suggest(name, known)}")
    try:
        return convert(value, option.annotation, rendered=True)
    except ValueError as exc:
        raise GraderError(f"`{kind.name}`: `{name}` {exc}") from exc


def _check_required(kind: GraderType, options: Mapping[str, Any]) -> None:
    for option in kind.options:
        if option.required and option.name not in options:
            raise GraderError(f"`{kind.name}` needs `{option.name}`")


def _safe_steps(name: str, steps: Steps[Grade]) -> Steps[Grade]:
    try:
        return (yield from steps)
    except (Exception, SystemExit) as exc:
        return _broken(name, exc)


def _broken(name: str, exc: BaseException) -> Grade:
    what = one_line(str(exc))
    kind = type(exc).__name__
    return Grade(passed=None, reason=f"`{name}` broke: {kind}{what and f': {what}'}")
