"""The Jinja environment of suites: no access to the machine, bounded in time and size.

Imported when the first template is compiled.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, nodes
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from harness.errors import RenderError, did_you_mean

MAX_SIZE = 10_000_000
MAX_BITS = 100_000
MANY = 12
WIDTH = re.compile(r"\d{8,}")
SIZED_FILTERS = ("center", "format", "indent", "replace", "wordwrap")


class Sandbox(ImmutableSandboxedEnvironment):
    """A sandbox in which every loop step and every call looks at the clock.

    Files come from `folder` alone; what depends on chance is taken out.
    """

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self, folder: Path, limit_s: float, clock: Callable[[], float]) -> None:
        super().__init__(undefined=Unknown, loader=_Inside(folder))
        self.limit_s, self.clock, self.deadline, self.late = limit_s, clock, 0.0, False
        self.globals.pop("lipsum", None)
        self.filters.pop("random", None)
        for name in SIZED_FILTERS:
            self.filters[name] = _bounded(self.filters[name])

    def make_globals(self, d: Any = None) -> Any:
        """A template's globals in a plain dict, which every rendering copies at once."""
        return {**self.globals, **(d or {})}

    @staticmethod
    def concat(parts: Iterable[str]) -> str:
        """The parts as one text, where its size is bounded."""
        return _joined(parts)

    def restart(self) -> None:
        """Begin another rendering; its time is counted from its first step that can be long."""
        self.deadline, self.late = 0.0, False

    def tick(self) -> None:
        """Raise RenderError where the time of this rendering is up."""
        now = self.clock()
        if not self.deadline:
            self.deadline = now + self.limit_s
        elif now > self.deadline:
            self.late = True
            raise RenderError(f"the template ran for more than {self.limit_s:g} s; simplify it")

    def ticked(self, items: Iterable[Any]) -> Iterator[Any]:
        """`items`, with a look at the clock at each."""
        for item in items:
            self.tick()
            yield item

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for loop in tree.find_all(nodes.For):
            ticked = nodes.EnvironmentAttribute("ticked", lineno=loop.lineno)
            loop.iter = nodes.Call(ticked, [loop.iter], [], None, None, lineno=loop.lineno)
        bounded: nodes.Template = _Chains().visit(tree)
        return bounded

    def chained(self, *parts: Any) -> str:
        """What `a ~ b` makes, where its size is bounded."""
        return _joined(map(str, parts))

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        """A call from a template: a macro that calls itself is a loop too."""
        __self.tick()
        method = getattr(__obj, "__wrapped__", __obj)
        _bound_arguments(getattr(method, "__self__", None), args)
        return super().call(__context, __obj, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """A sum, product, power or formatted text, where its size is bounded."""
        if operator == "**":
            _bound_number(left, right)
        elif operator == "%":
            _bound_arguments(left, ())
        elif operator == "+":
            _bound_size(_size(left) + _size(right))
        else:
            _bound_product(left, right)
        return super().call_binop(context, operator, left, right)


class _Chains(NodeTransformer):
    """Puts a call that looks at the size in place of each `~`."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Call:  # noqa: N802
        self.generic_visit(node)
        chained = nodes.EnvironmentAttribute("chained", lineno=node.lineno)
        return nodes.Call(chained, node.nodes, [], None, None, lineno=node.lineno)


class _Inside(FileSystemLoader):
    """Files of one folder; a link that leads out of it is not followed."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder.resolve()

    def get_source(self, environment: Any, template: str) -> tuple[str, str, Callable[[], bool]]:
        if not (self.folder / template).resolve().is_relative_to(self.folder):
            raise RenderError(f"file {template!r} lies outside the suite's folder")
        return super().get_source(environment, template)


class Unknown(StrictUndefined):
    """An undefined variable that says what there is instead."""

    @property
    def _undefined_message(self) -> str:
        if not self._undefined_hint and isinstance(self._undefined_obj, Mapping):
            known = [str(key) for key in self._undefined_obj]
            near = did_you_mean(str(self._undefined_name), known)
            shown = ", ".join(known[:MANY]) + (", …" if len(known) > MANY else "")
            return f"there is no `{self._undefined_name}`{near or f'; there are: {shown}'}"
        return super()._undefined_message


def _bound_size(size: int) -> None:
    if size > MAX_SIZE:
        raise RenderError(
            f"the template makes a text of {size:,} characters; the most is 10 million"
        )


def _size(value: Any) -> int:
    return len(value) if isinstance(value, str | list | tuple) else 0


def _joined(parts: Iterable[str]) -> str:
    parts = list(parts)
    _bound_size(sum(map(len, parts)))
    return "".join(parts)


def _bound_product(left: Any, right: Any) -> None:
    for many, times in ((left, right), (right, left)):
        if isinstance(times, int) and _size(many):
            _bound_size(len(many) * times)
    if isinstance(left, int) and isinstance(right, int):
        _bound_bits(left.bit_length() + right.bit_length())


def _bound_number(base: Any, exponent: Any) -> None:
    if isinstance(base, int) and isinstance(exponent, int):
        _bound_bits(max(base.bit_length(), 1) * abs(exponent))


def _bound_bits(bits: int) -> None:
    if bits > MAX_BITS:
        raise RenderError("the template makes a number that is too large; use a smaller one")


def _bound_arguments(text: Any, arguments: Iterable[Any]) -> None:
    """A width or a count that is handed to a text's method or filter, or stands in its format."""
    if not isinstance(text, str):
        return
    numbers = [abs(each) for each in arguments if isinstance(each, int)]
    numbers += [int(digits[:20]) for digits in WIDTH.findall(text) if "{" in text or "%" in text]
    _bound_size(max(numbers, default=0))
    texts = [each for each in arguments if isinstance(each, str)]
    if len(texts) > 1:
        _bound_size(len(text) * max(map(len, texts)))


def _bounded(apply: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(apply)
    def filtered(*args: Any, **kwargs: Any) -> Any:
        given = [*args, *kwargs.values()]
        text = next((each for each in given if isinstance(each, str)), "")
        _bound_arguments(text, given)
        return apply(*args, **kwargs)

    return filtered
