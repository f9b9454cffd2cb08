"""Graders that read the answer as JSON: whether it is, whether it fits a schema, what it holds."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from harness.errors import GraderError
from harness.graders.jsontext import difference, first_json, parsed
from harness.graders.patterns import Pattern, compile_pattern
from harness.graders.registry import GraderContext, grader
from harness.graders.schemas import Schema, schema_from
from harness.graders.show import as_json, counted, listed, shown
from harness.graders.values import UNSET, Unset
from harness.records import Conversation, Grade, Grader

if TYPE_CHECKING:
    from jsonpath_rfc9535 import JSONPathQuery

Read = Callable[[str], tuple[Any, str | None]]


@grader("json", main_is_mapping=True)
def json(schema: bool | dict[str, Any], *, context: GraderContext) -> Grader:
    """Pass when the whole answer is JSON and, where a schema is given, fits it."""
    return _reads(parsed, _optional_schema(schema, context))


@grader("contains_json", main_is_mapping=True)
def contains_json(schema: bool | dict[str, Any], *, context: GraderContext) -> Grader:
    """Pass when the answer holds a JSON object or array; the first one must fit the schema."""
    return _reads(first_json, _optional_schema(schema, context))


@grader("json_schema", main_is_mapping=True)
def json_schema(schema: dict[str, Any], *, context: GraderContext) -> Grader:
    """Pass when the whole answer is JSON that fits the schema, given inline or as `{file: …}`."""
    return _reads(parsed, schema_from(schema, context))


@grader("json_path")
def json_path(
    path: str,
    *,
    equals: Any | Unset = UNSET,
    matches: str | None = None,
    exists: bool | None = None,
    context: GraderContext,
) -> Grader:
    """Pass when the query (RFC 9535) selects something in the answer, and what it selects fits.

    `equals` is compared with the selected value, or as a list with all of them; `matches` is a
    pattern for each of them; `exists: false` wants nothing selected.
    """
    query = _query(path)
    pattern = None if matches is None else compile_pattern(matches, context.regex_timeout_s)
    if exists is False and (equals is not UNSET or pattern):
        raise GraderError("`exists: false` leaves nothing that `equals` or `matches` could look at")

    def grade(conversation: Conversation) -> Grade:
        document, problem = parsed(conversation.text)
        if problem is not None:
            return Grade(False, reason=problem)
        values = query.find(document).values()
        if exists is False or not values:
            return Grade((exists is False) == (not values), reason=_selected(path, values))
        problem = _misfit(values, equals, singular=query.singular_query())
        if problem is None and pattern:
            problem = _unmatched(values, pattern)
        return Grade(
            not problem, reason=f"{path}: {problem}" if problem else _selected(path, values)
        )

    return grade


def _reads(read: Read, schema: Schema | None) -> Grader:
    def grade(conversation: Conversation) -> Grade:
        value, problem = read(conversation.text)
        if problem is not None:
            return Grade(False, reason=problem)
        problem = schema.problems(value) if schema else None
        reason = problem or (f"fits the schema: {as_json(value)}" if schema else as_json(value))
        return Grade(not problem, reason=reason)

    return grade


def _optional_schema(schema: bool | dict[str, Any], context: GraderContext) -> Schema | None:
    if schema is False:
        raise GraderError("`false` is no schema; for an answer that is no JSON use `not: json`")
    return None if schema is True else schema_from(schema, context)


@functools.lru_cache(maxsize=256)
def _query(path: str) -> JSONPathQuery:
    import jsonpath_rfc9535

    try:
        return jsonpath_rfc9535.compile(path.strip())
    except jsonpath_rfc9535.JSONPathError as exc:
        raise GraderError(f"path {path!r} is not a JSON path (RFC 9535): {exc}") from exc


def _selected(path: str, values: list[Any]) -> str:
    if not values:
        return f"{path} selects nothing"
    return f"{path} is {as_json(values[0] if len(values) == 1 else values)}"


def _misfit(values: list[Any], equals: Any, *, singular: bool) -> str | None:
    if equals is UNSET:
        return None
    if isinstance(equals, list) and not singular:
        return difference(equals, values)
    if len(values) > 1:
        found = counted(len(values), "value")
        return f"selects {found}, {as_json(values)}; `equals` is one value, or a list of all"
    return difference(equals, values[0])


def _unmatched(values: list[Any], pattern: Pattern) -> str | None:
    texts = [value if isinstance(value, str) else as_json(value) for value in values]
    bad = [text for text in texts if not pattern.search(text)]
    return f"{shown(pattern.source)} matches nothing in {listed(bad)}" if bad else None
