"""What a suite file may say, as types that check it and give its JSON Schema.

Only shapes are checked here: texts may be templates, and what they come to is checked later.
A union's tags stand in `<>`, so that no key of a file is mistaken for one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    WithJsonSchema,
)

Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Vars = dict[str, Any]
Params = dict[str, Any]
GraderItem = str | dict[str, Any]


class _Closed(BaseModel):
    """A mapping in the file: unknown keys are refused, and no value is bent into another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


class FileRef(_Closed):
    """A text that stands in a file of its own, in the suite's folder."""

    file: Name = Field(description="The file's name, relative to the suite's folder.")


def _attached(*keys: str, **more: dict[str, Any]) -> dict[str, Any]:
    """A file or a URL, or a mapping with one of `keys`."""
    texts = {key: {"type": "string"} for key in keys}
    mapping = {"type": "object", "properties": {**texts, **more}, "additionalProperties": False}
    return {"anyOf": [{"type": "string", "minLength": 1}, mapping]}


_BLOCK = {
    "type": "object",
    "description": "A block of the API with its `type`, or short: `text`, `image`, `document`.",
    "properties": {
        "type": {"type": "string"},
        "text": {"type": "string"},
        "image": _attached("file", "url"),
        "document": _attached(
            "file",
            "url",
            "text",
            title={"type": "string"},
            context={"type": "string"},
            citations={"type": ["boolean", "string"]},
        ),
        "cache": {"enum": [True, False, "5m", "1h"]},
    },
}
BlockItem = Annotated[dict[str, Any], WithJsonSchema(_BLOCK)]


def _shape(value: Any) -> str:
    if isinstance(value, dict):
        return "<file>"
    return "<blocks>" if isinstance(value, list) else "<text>"


Content = Annotated[
    Annotated[str, Tag("<text>"), Field(min_length=1)]
    | Annotated[FileRef, Tag("<file>")]
    | Annotated[list[BlockItem], Tag("<blocks>"), Field(min_length=1)],
    Discriminator(_shape),
]
"""A text, a file with the text, or a list of content blocks."""


def _lifetime(value: Any) -> Any:
    """`true` leaves the cache's lifetime to the mode."""
    return "auto" if value is True else value


Lifetime = Annotated[
    Literal["5m", "1h", "auto"],
    BeforeValidator(_lifetime),
    WithJsonSchema({"enum": ["5m", "1h", "auto", True]}),
]


class CandidateFile(_Closed):
    """A model to compare, with a name and parameters of its own."""

    model: Name = Field(description="An alias such as haiku, or a full model id.")
    name: Name | None = Field(None, description="What reports call this candidate.")
    params: Params = Field(
        default_factory=dict, description="Parameters of the Messages API for this candidate alone."
    )


def _candidate_shape(value: Any) -> str:
    return "<candidate>" if isinstance(value, dict) else "<model>"


CandidateItem = Annotated[
    Annotated[Name, Tag("<model>")] | Annotated[CandidateFile, Tag("<candidate>")],
    Discriminator(_candidate_shape),
]


class TurnFile(_Closed):
    """One turn of a conversation: what the user says, and graders of the answer to it."""

    user: Content = Field(description="What the user says. `answers` holds the answers so far.")
    graders: list[GraderItem] = Field(
        default_factory=list, description="Graders of the answer to this turn."
    )


class MessageFile(_Closed):
    """One message of a given history."""

    role: Literal["user", "assistant", "system"] = Field(description="Who says it.")
    content: Content = Field(description="What is said: a text, a file or content blocks.")


class ToolFile(BaseModel):
    """A tool of the API; `reply` or `python` answers its calls, a server tool has neither."""

    model_config = ConfigDict(extra="allow", frozen=True, defer_build=True)

    name: Name = Field(description="The tool's name, as the model calls it.")
    reply: Any = Field(
        None, description="What the tool answers: a template over `input` and the case's vars."
    )
    python: Name | None = Field(None, description="A function that answers, `file.py:function`.")


class DataQuery(_Closed):
    """Rows of an SQLite file."""

    sqlite: Name = Field(description="The database file, in the suite's folder.")
    query: Name = Field(description="A SELECT; a row of its result is a case.")


class DataFunction(_Closed):
    """Rows from a Python function, `file.py:function`."""

    python: Name = Field(description="A function that yields mappings, `file.py:function`.")


def _data_shape(value: Any) -> str:
    if not isinstance(value, dict):
        return "<path>"
    return "<python>" if "python" in value else "<sqlite>"


DataSource = Annotated[
    Annotated[Name, Tag("<path>")]
    | Annotated[DataQuery, Tag("<sqlite>")]
    | Annotated[DataFunction, Tag("<python>")],
    Discriminator(_data_shape),
]

Tags = list[Name]
Graders = Annotated[list[GraderItem], Field(min_length=1)]
Repeats = Annotated[int, Field(ge=1, le=10_000)]


class CaseFile(_Closed):
    """One case, or with `data` one case for each row."""

    id: Name | None = Field(
        None, description="The case's name, unique in the suite; with `data` a template over `row`."
    )
    data: DataSource | None = Field(
        None,
        description="A case a row: of a csv, jsonl, json, yaml or txt file, a query, a function.",
    )
    vars: Vars = Field(
        default_factory=dict,
        description="What templates of this case see, over the suite's own vars.",
    )
    tags: Tags = Field(
        default_factory=list, description="Words to select cases by, and to break reports down by."
    )
    cluster: Name | None = Field(
        None, description="Cases from one source share a cluster: they are not independent."
    )
    prompt: Content | None = Field(None, description="What the user says, in place of the suite's.")
    system: Content | None = Field(None, description="The system prompt, in place of the suite's.")
    turns: Annotated[list[TurnFile], Field(min_length=1)] | None = Field(
        None, description="A conversation of several turns, in place of the prompt."
    )
    messages: list[MessageFile] | None = Field(
        None, description="A history that comes before the prompt, in place of the suite's."
    )
    params: Params = Field(
        default_factory=dict, description="Parameters of the Messages API, over the suite's."
    )
    repeats: Repeats | None = Field(
        None, description="How often each candidate is asked, in place of the suite's number."
    )
    graders: Graders | None = Field(
        None, description="Graders of this case, in place of the suite's."
    )
    tools: list[ToolFile] | None = Field(
        None, description="Tools of this case, in place of the suite's."
    )


class Bounds(_Closed):
    """At least `min`, at most `max`, of an amount."""

    min: float | None = Field(
        None, description="Fail below this.", json_schema_extra={"minimum": 0}
    )
    max: float | None = Field(
        None, description="Fail above this.", json_schema_extra={"minimum": 0}
    )

    def wrong(self) -> Iterator[tuple[str, str]]:
        """The bounds that no figure can be held to: each key with the reason."""
        given = {"min": self.min, "max": self.max}
        for key, value in given.items():
            if value is not None and (reason := self._impossible(value)):
                yield key, f"`{key}: {value:g}` {reason}"
        if self.min is not None and self.max is not None and self.min > self.max:
            yield "min", f"`min: {self.min:g}` is above `max: {self.max:g}`; nothing holds both"

    def _impossible(self, value: float) -> str | None:
        sound = math.isfinite(value) and value >= 0
        return None if sound else "is no amount; write a number, 0 or above"


class Share(Bounds):
    """At least `min`, at most `max`, of a share."""

    min: float | None = Field(
        None, description="Fail below this.", json_schema_extra={"minimum": 0, "maximum": 1}
    )
    max: float | None = Field(
        None, description="Fail above this.", json_schema_extra={"minimum": 0, "maximum": 1}
    )

    def _impossible(self, value: float) -> str | None:
        if 0 <= value <= 1:
            return None
        percent = f"; write {value / 100:g} for {value:g} %" if 1 < value <= 100 else ""
        return f"is no share, which lies between 0 and 1{percent}"


class Margin(_Closed):
    """How much worse than the baseline is still no regression, as a share: 0.03 is 3 points."""

    margin: Annotated[float, Field(ge=0, lt=1)] = Field(
        description="A share of the cases: 0.03 lets 3 of 100 be lost."
    )


class GateFile(_Closed):
    """One condition under which the suite fails."""

    pass_rate: Share | None = Field(None, description="The share of cases that passed, 0 to 1.")
    score: Share | None = Field(None, description="The mean score, 0 to 1.")
    cost_usd: Bounds | None = Field(None, description="Dollars for all answers.")
    cost_per_pass: Bounds | None = Field(None, description="Dollars for each case that passed.")
    latency_s: Bounds | None = Field(
        None, description="Seconds that an answer took, at the 95th percentile."
    )
    errors: Bounds | None = Field(
        None, description="The number of trials without an answer or a grade."
    )
    regression: Margin | None = Field(
        None, description="How much worse than the --baseline run is still accepted."
    )

    def wrong(self) -> Iterator[tuple[tuple[str, str], str]]:
        """The bounds that no figure can be held to: each metric and key with the reason."""
        for metric, bounds in self:
            if isinstance(bounds, Bounds):
                yield from (((metric, key), f"`{metric}`: {why}") for key, why in bounds.wrong())


class SuiteFile(_Closed):
    """A suite of prompt cases and graders."""

    suite: Name = Field(description="The suite's name; this key makes a YAML file a suite.")
    description: str = Field("", description="What is evaluated here, and why.")
    models: Annotated[list[CandidateItem], Field(min_length=1)] | None = Field(
        None,
        description="What is compared: aliases, full ids, or models with a name and parameters.",
    )
    system: Content | None = Field(
        None, description="The system prompt: a text, a file or content blocks."
    )
    prompt: Content | None = Field(
        None, description="What the user says: a text, a file or content blocks."
    )
    prompts: Annotated[dict[Name, Content], Field(min_length=1)] | None = Field(
        None,
        description="Prompts by name; a candidate is then a model with one of them: haiku/short.",
    )
    turns: Annotated[list[TurnFile], Field(min_length=1)] | None = Field(
        None, description="A conversation of several turns, in place of a prompt."
    )
    messages: list[MessageFile] | None = Field(
        None, description="A history that comes before the prompt."
    )
    tools: list[ToolFile] | None = Field(
        None, description="Tools of the API, with what answers their calls."
    )
    output_schema: dict[str, Any] | None = Field(
        None, description="A JSON Schema that the API holds answers to; it is graded, too."
    )
    cache: Lifetime | None = Field(
        None,
        description="How long the prompt is cached, with a breakpoint after system and tools; "
        "auto is 5m live and 1h in a batch.",
    )
    max_tool_rounds: Annotated[int, Field(ge=0, le=1000)] = Field(
        10, description="How often tool calls are answered before a conversation ends."
    )
    params: Params = Field(
        default_factory=dict, description="Parameters of the Messages API, such as max_tokens."
    )
    vars: Vars = Field(
        default_factory=dict, description="What templates see; each may use those above it."
    )
    repeats: Repeats = Field(1, description="How often each candidate is asked in each case.")
    graders: Graders | None = Field(
        None, description="Graders of every answer; a case is passed when all of them pass."
    )
    gates: list[GateFile] = Field(
        default_factory=list, description="When the suite fails; checked for each candidate."
    )
    timeout_s: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Seconds to wait for an answer."
    )
    pass_score: Annotated[float, Field(ge=0, le=1)] | None = Field(
        None, description="Pass by the weighted score, from this on, in place of by every grader."
    )
    cases: Annotated[list[CaseFile], Field(min_length=1)] = Field(
        description="What is asked: single cases, or a data set with a case a row."
    )
