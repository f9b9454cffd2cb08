"""Templates rendered over a case's variables; with `sandbox`, the only user of Jinja.

A template sees the case's variables and files of the suite's folder, nothing of the machine. One
that is a single bare expression keeps its type when rendered as a value. Loops and calls are
bounded in time, and texts in size, because suites come from pull requests.
"""

from __future__ import annotations

import contextlib
import functools
import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import RenderError, did_you_mean
from harness.records import Json

if TYPE_CHECKING:
    from harness.sandbox import Sandbox

LIMIT_S = 5.0
MARKS = ("{{", "{%", "{#")
JUDGED = frozenset({"answer", "first", "second", "reference", "question", "code", "notes"})
"""What a judge's prompt sees below its line `---` alone."""

Keys = tuple[str | int, ...]
Compiled = Callable[[Mapping[str, Any]], Any]


class Renderer:
    """Renders the templates of one folder; compiled ones are kept."""

    def __init__(
        self,
        folder: Path,
        *,
        limit_s: float = LIMIT_S,
        clock: Callable[[], float] = time.thread_time,
    ) -> None:
        from harness.sandbox import Sandbox

        self.folder = folder
        self.sandbox = Sandbox(folder, limit_s, clock)
        self._texts: dict[str, Compiled] = {}
        self._values: dict[str, Compiled] = {}
        self._endless: dict[Compiled, RenderError] = {}

    def text(self, template: str, scope: Mapping[str, Any]) -> str:
        """The template as text; raises RenderError."""
        if not is_template(template):
            return template
        compiled = self._texts.get(template)
        if compiled is None:
            compiled = self._texts[template] = self._compile_text(template)
        return str(self._run(compiled, scope))

    def value(self, tree: Json, scope: Mapping[str, Any]) -> Json:
        """`tree` with every string in it rendered; a bare expression becomes what it names."""
        if isinstance(tree, str):
            return self._string(tree, scope)
        if isinstance(tree, Mapping):
            return {key: self._at(key, item, scope) for key, item in tree.items()}
        if isinstance(tree, list | tuple):
            return [self._at(index, item, scope) for index, item in enumerate(tree)]
        return tree

    def check(self, tree: Json) -> list[RenderError]:
        """The syntax errors of every template in `tree`."""
        return [error for keys, text in _strings(tree) for error in self._syntax(keys, text)]

    def names(self, tree: Json) -> frozenset[str]:
        """The variables that the templates in `tree` need, for those that compile."""
        from jinja2 import TemplateError, meta

        found: set[str] = set()
        for _keys, text in _strings(tree):
            with contextlib.suppress(TemplateError):
                found |= meta.find_undeclared_variables(self.sandbox.parse(text))
        return frozenset(found - self.sandbox.globals.keys())

    def _syntax(self, keys: Keys, text: str) -> Iterator[RenderError]:
        try:
            if is_template(text):
                self._compiled_value(text)
        except RenderError as error:
            yield RenderError(error.message, line=error.line, keys=keys)

    def _at(self, key: str | int, item: Json, scope: Mapping[str, Any]) -> Json:
        try:
            return self.value(item, scope)
        except RenderError as error:
            error.keys = (key, *error.keys)
            raise

    def _string(self, template: str, scope: Mapping[str, Any]) -> Json:
        if not is_template(template):
            return template
        return self._run(self._compiled_value(template), scope)

    def _compiled_value(self, template: str) -> Compiled:
        compiled = self._values.get(template)
        if compiled is None:
            compiled = self._values[template] = self._compile_value(template)
        return compiled

    def _compile_text(self, template: str) -> Compiled:
        try:
            return _rendering(self.sandbox, template)
        except Exception as exc:
            raise _explained(exc) from exc

    def _compile_value(self, template: str) -> Compiled:
        from jinja2 import Undefined

        try:
            source = _bare_expression(self.sandbox, template.strip())
            if source is None:
                return _rendering(self.sandbox, template)
            expression = self.sandbox.compile_expression(source, undefined_to_none=False)
            return functools.partial(_defined, expression, Undefined)
        except Exception as exc:
            raise _explained(exc) from exc

    def _run(self, compiled: Compiled, scope: Mapping[str, Any]) -> Any:
        if compiled in self._endless:
            raise self._endless[compiled]
        self.sandbox.restart()
        try:
            return compiled(scope)
        except Exception as exc:
            error = _explained(exc, scope)
            if self.sandbox.late:
                # Tried once for each case and candidate, it would hold up everything else.
                self._endless[compiled] = RenderError(error.message, line=error.line)
            raise error from exc


def is_template(text: str) -> bool:
    """There is something to render in it."""
    return "{" in text and any(mark in text for mark in MARKS)


def is_plain(tree: Json) -> bool:
    """There is nothing to render in it, at any depth."""
    return not any(is_template(text) for _keys, text in _strings(tree))


def _rendering(sandbox: Sandbox, template: str) -> Compiled:
    render: Compiled = sandbox.from_string(template).render
    return render


def _strings(tree: Json, keys: Keys = ()) -> Iterator[tuple[Keys, str]]:
    if isinstance(tree, str):
        yield keys, tree
    elif isinstance(tree, Mapping):
        for key, item in tree.items():
            yield from _strings(item, (*keys, key))
    elif isinstance(tree, list | tuple):
        for index, item in enumerate(tree):
            yield from _strings(item, (*keys, index))


def _bare_expression(sandbox: Sandbox, template: str) -> str | None:
    """What stands between the braces, where the template is `{{ … }}` and nothing else."""
    if not (template.startswith("{{") and template.endswith("}}")):
        return None
    tokens = list(sandbox.lex(template))
    kinds = [kind for _line, kind, _text in tokens]
    if kinds.count("variable_begin") != 1 or kinds[-1] != "variable_end":
        return None
    return "".join(text for _line, _kind, text in tokens[1:-1])


def _defined(expression: Compiled, undefined: type, scope: Mapping[str, Any]) -> Any:
    value = expression(scope)
    if isinstance(value, undefined):
        str(value)  # a strict undefined raises here, and names itself
    return value


def _explained(exc: Exception, scope: Mapping[str, Any] | None = None) -> RenderError:
    from jinja2 import TemplateSyntaxError

    line = exc.lineno if isinstance(exc, TemplateSyntaxError) else _line_of(exc)
    if isinstance(exc, RenderError):
        return RenderError(exc.message, line=line)
    return RenderError(_said(exc, scope or {}), line=line)


def _said(exc: Exception, scope: Mapping[str, Any]) -> str:
    import jinja2
    from jinja2.exceptions import SecurityError

    said = f"{exc}".rstrip(".")
    if isinstance(exc, jinja2.UndefinedError):
        return _undefined(said, scope)
    if isinstance(exc, jinja2.TemplateNotFound):
        return f"file {exc.name!r} is not in the suite's folder; write it there"
    if isinstance(exc, SecurityError):
        return f"not allowed in a template: {said}; use the case's `vars` alone"
    if isinstance(exc, jinja2.TemplateAssertionError):
        return f"template: {said}; Jinja's own filters and tests are known here"
    if isinstance(exc, jinja2.TemplateSyntaxError):
        return f"template syntax: {said}; text with braces goes in {{% raw %}}…{{% endraw %}}"
    if isinstance(exc, MemoryError):
        return "the template makes a text that is too large; make it smaller"
    return f"the template failed: {type(exc).__name__}: {said}; correct the expression"


def _undefined(said: str, scope: Mapping[str, Any]) -> str:
    """What is undefined, and the known name that is nearest."""
    name = re.match(r"'(\w+)' is undefined", said)
    if name is None:
        return f"undefined: {said}{_too_early(said, scope)}"
    near = did_you_mean(name[1], map(str, scope))
    return f"undefined: {said}{near or _advice(name[1], scope)}"


def _advice(name: str, scope: Mapping[str, Any]) -> str:
    """Where a name comes from that is like no other in the scope."""
    if name == "answers":
        return "; there are `answers` from the second turn on"
    if scope.keys() >= {"code", "notes"}:
        return f"; a judge's prompt sees {', '.join(scope)}"
    if name in JUDGED:
        return f"; define it under `vars`; a judge's prompt has `{name}` below its line `---` alone"
    if scope.keys() == {"criteria"}:
        return (
            "; define it under `vars`; a judge's prompt has `criteria` alone above its line `---`"
        )
    return "; define it under `vars`"


def _too_early(said: str, scope: Mapping[str, Any]) -> str:
    """How many answers there are, where an index may be meant for one that is not there yet."""
    index = re.fullmatch(r"list object has no element (\d+)", said)
    answers = scope.get("answers")
    if index is None or not isinstance(answers, list) or int(index[1]) < len(answers):
        return ""
    last = f", the last `answers[{len(answers) - 1}]`" if answers else ""
    return f"; `answers` has {len(answers)} before this turn{last}"


def _line_of(exc: Exception) -> int:
    line, trace = 1, exc.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in ("<template>", "<unknown>"):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
