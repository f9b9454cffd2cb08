"""The Jinja environment of suites: no access to the machine, bounded in time and size.

Imported when the first template is compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, nodes
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from harness.errors import RenderError

MAX_REPEATED = 10_000_000
MAX_POWER = 1000


class Sandbox(ImmutableSandboxedEnvironment):
    """A sandbox in which every loop step and every call looks at the clock.

    Files come from `folder` alone; what depends on chance is taken out.
    """

    intercepted_binops = frozenset({"*", "**"})

    def __init__(self, folder: Path, limit_s: float, clock: Callable[[], float]) -> None:
        super().__init__(undefined=StrictUndefined, loader=_Inside(folder))
        self.limit_s, self.clock, self.deadline = limit_s, clock, 0.0
        self.globals.pop("lipsum", None)
        self.filters.pop("random", None)

    def restart(self) -> None:
        """Begin to count the time of one rendering."""
        self.deadline = self.clock() + self.limit_s

    def tick(self) -> None:
        """Raise RenderError where the time of this rendering is up."""
        if self.clock() > self.deadline:
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
        return tree

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        """A call from a template: a macro that calls itself is a loop too."""
        __self.tick()
        return super().call(__context, __obj, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """A product or a power, where its size is bounded."""
        if operator == "**":
            _bound_power(right)
        else:
            _bound_repetition(left, right)
            _bound_repetition(right, left)
        return super().call_binop(context, operator, left, right)


class _Inside(FileSystemLoader):
    """Files of one folder; a link that leads out of it is not followed."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder.resolve()

    def get_source(self, environment: Any, template: str) -> tuple[str, str, Callable[[], bool]]:
        if not (self.folder / template).resolve().is_relative_to(self.folder):
            raise RenderError(f"file {template!r} lies outside the suite's folder")
        return super().get_source(environment, template)


def _bound_power(exponent: Any) -> None:
    if isinstance(exponent, int | float) and abs(exponent) > MAX_POWER:
        raise RenderError(f"the power {exponent!r} is too large for a template")


def _bound_repetition(many: Any, times: Any) -> None:
    sized = isinstance(many, str | list | tuple) and isinstance(times, int)
    if sized and len(many) * times > MAX_REPEATED:
        raise RenderError(f"repeated {times} times, a text is too large for a template")
