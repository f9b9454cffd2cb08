"""What a case tests, as a hash: two runs can be compared over the cases whose hash is the same.

It covers the case's `vars`, what it asks of its own, and its graders as rendered. It does not
cover what is under test: model, parameters, and the suite's own prompt, system and tools.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from harness.errors import HarnessError, RenderError, SuiteError
from harness.files import read_text_inside
from harness.prompt import Composer
from harness.records import Json
from harness.suite import Case, GraderSpec, Script, Tool, Turn

GRADERS = 1
"""The version of the graders: raised where one comes to judge an equal answer otherwise."""

LENGTH = 16
"""Hex digits of a hash: 64 bits, in a file that people read and commit."""

UNREAD = "unreadable"
RenderedGrader = Callable[[GraderSpec, Mapping[str, Any]], Json]
"""A grader of a suite as it is rendered for a case."""

OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS


def content_of(case: Case, composer: Composer, rendered: RenderedGrader) -> str:
    """The hash of what `case` tests; empty where it cannot be rendered, and so not compared."""
    suite = composer.suite
    script, common = suite.script_of(case), suite.script
    try:
        tested = {
            "graders_version": GRADERS,
            "vars": _without_places(case.vars),
            "own": _own(script, common),
            "graders": [
                {"turn": spec.turn, "is": _grader(rendered(spec, case.vars), composer)}
                for spec in _specs(script)
            ],
            "pass_score": suite.pass_score,
            "program": _source(suite.program) if suite.program else None,
        }
    except RenderError:
        return ""
    return hashlib.sha256(_bytes(tested)).hexdigest()[:LENGTH]


def _without_places(scope: Mapping[str, Any]) -> dict[str, Any]:
    """The variables without a row's number: a row put in above changes no other case."""
    row = scope.get("row")
    if not isinstance(row, Mapping) or not isinstance(row.get("index"), int):
        return dict(scope)
    return {**scope, "row": {name: cell for name, cell in row.items() if name != "index"}}


def _own(script: Script, common: Script) -> dict[str, Json]:
    """What the case asks in place of the suite, as written: templates over its `vars`."""
    if script is common:
        return {}
    own: dict[str, Json] = {}
    if script.prompts is not common.prompts and script.prompts:
        own["prompt"] = next(iter(script.prompts.values())).value
    if script.turns is not common.turns:
        own["turns"] = [turn.user.value for turn in script.turns]
    for name in ("system", "messages"):
        written = getattr(script, name)
        if written is not getattr(common, name) and written is not None:
            own[name] = written.value
    if script.tools is not common.tools:
        own["tools"] = [_tool(tool) for tool in script.tools]
    return own


def _tool(tool: Tool) -> list[Json]:
    return [tool.definition.value, tool.reply.value if tool.reply else None, tool.function]


def _specs(script: Script) -> Iterator[GraderSpec]:
    turns: Sequence[Turn] = script.turns
    for turn in turns:
        yield from turn.graders
    yield from script.graders


def _grader(item: Json, composer: Composer) -> list[Json]:
    """The grader as it judges this case; its name is only what it is called."""
    if isinstance(item, Mapping):
        item = {key: value for key, value in item.items() if key != "name"}
    return list(_expanded(item, composer))


def _expanded(item: Json, composer: Composer) -> Iterator[Json]:
    """`item`, then whatever it names that can change under the same name: files and models."""
    yield item
    for key, name in _named(item):
        if key in ("judge", "judges"):
            yield [key, _model(name, composer)]
        elif key == "python" and ":" in name and name.partition(":")[0].endswith(".py"):
            yield [name, _text(composer.suite.folder, name.partition(":")[0])]
        elif key == "file":
            yield [name, _text(composer.suite.folder, name)]


def _named(item: Json, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text in the tree under the nearest key above it."""
    if isinstance(item, str):
        yield key, item.strip()
    elif isinstance(item, Mapping):
        for name, value in item.items():
            inner = key if key == "python" and name == "function" else str(name)
            yield from _named(value, inner)
    elif isinstance(item, list | tuple):
        for value in item:
            yield from _named(value, key)


def _model(name: str, composer: Composer) -> str:
    try:
        return composer.registry.resolve(name).id
    except HarnessError:
        return name


def _text(folder: Path, name: str) -> str:
    try:
        text = read_text_inside(folder, name)[1]
    except SuiteError:
        return UNREAD
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _source(program: Callable[..., Any]) -> str:
    """An eval in Python: its prompts and its assertions are one text."""
    try:
        return inspect.getsource(inspect.unwrap(program))
    except (OSError, TypeError):
        return program.__qualname__


def _bytes(tree: Json) -> bytes:
    try:
        return orjson.dumps(tree, default=repr, option=OPTIONS)
    except TypeError:  # integers beyond 64 bits, half a surrogate pair: rare, and stable enough
        return repr(tree).encode("utf-8", "backslashreplace")
