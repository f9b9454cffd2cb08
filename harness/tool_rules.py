"""What a suite's own tools must have: a schema of their input, and somebody who answers a call.

Anthropic's tools have a `type` of their own, and need neither.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.errors import GraderError
from harness.graders import GraderContext
from harness.records import Json
from harness.suite import Tool

Finding = tuple[tuple[str | int, ...], str]


def unanswered(tool: Tool) -> bool:
    """Its calls are the suite's to answer, and nothing answers them."""
    return _is_own(tool.definition.value) and tool.reply is None and tool.function is None


def without_schema(tools: Json, context: GraderContext) -> Iterator[Finding]:
    """The tools of a request that have no schema of their input, or what is none."""
    for index, tool in enumerate(tools if isinstance(tools, list | tuple) else ()):
        if not _is_own(tool):
            continue
        if "input_schema" not in tool:
            message = f"the tool {tool.get('name')!r} has no `input_schema`"
            yield ("tools", index), f"{message}; write `input_schema: {{type: object, …}}`"
        elif wrong := _wrong(tool["input_schema"], context):
            yield ("tools", index, "input_schema"), f"`input_schema`: {wrong}"


def _is_own(tool: Json) -> bool:
    return isinstance(tool, dict) and tool.get("type", "custom") == "custom"


def _wrong(schema: Json, context: GraderContext) -> str | None:
    from harness.graders.schemas import schema_from

    if not isinstance(schema, dict):
        return f"a JSON Schema is a mapping, not {schema!r}"
    if "type" not in schema:
        return "a tool's input is an object; write `type: object`"
    try:
        schema_from(schema, context)
    except GraderError as error:
        return str(error)
    if schema["type"] != "object":
        return f"a tool's input is an object; write `type: object`, not {schema['type']!r}"
    return None
