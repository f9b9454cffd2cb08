"""What a suite file may say, as types that check it and give its JSON Schema.

Only shapes are checked here: texts may be templates, and what they come to is checked by `plan`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag

Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Vars = dict[str, Any]
Params = dict[str, Any]
GraderItem = str | dict[str, Any]


class _Closed(BaseModel):
    """A mapping in the file: unknown keys are refused, and no value is bent into another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class FileRef(_Closed):
    """A text that stands in a file of its own, in the suite's folder."""

    file: Name


def _shape(value: Any) -> str:
    if isinstance(value, dict):
        return "file"
    return "blocks" if isinstance(value, list) else "text"


Content = Annotated[
    Annotated[str, Tag("text"), Field(min_length=1)]
    | Annotated[FileRef, Tag("file")]
    | Annotated[list[dict[str, Any]], Tag("blocks"), Field(min_length=1)],
    Discriminator(_shape),
]
"""A text, a file with the text, or a list of content blocks."""


class CandidateFile(_Closed):
    """A model to compare, with a name and parameters of its own."""

    model: Name
    name: Name | None = None
    params: Params = Field(default_factory=dict)


def _candidate_shape(value: Any) -> str:
    return "candidate" if isinstance(value, dict) else "model"


CandidateItem = Annotated[
    Annotated[Name, Tag("model")] | Annotated[CandidateFile, Tag("candidate")],
    Discriminator(_candidate_shape),
]


class TurnFile(_Closed):
    """One turn of a conversation: what the user says, and graders of the answer to it."""

    user: Content
    graders: list[GraderItem] = Field(default_factory=list)


class MessageFile(_Closed):
    """One message of a given history."""

    role: Literal["user", "assistant", "system"]
    content: Content


class ToolFile(BaseModel):
    """A tool of the API; `reply` or `python` answers its calls, a server tool has neither."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: Name
    reply: Any = None
    python: Name | None = None


class DataQuery(_Closed):
    """Rows of an SQLite file."""

    sqlite: Name
    query: Name


class DataFunction(_Closed):
    """Rows from a Python function, `file.py:function`."""

    python: Name


def _data_shape(value: Any) -> str:
    if not isinstance(value, dict):
        return "file"
    return "python" if "python" in value else "sqlite"


DataSource = Annotated[
    Annotated[Name, Tag("file")]
    | Annotated[DataQuery, Tag("sqlite")]
    | Annotated[DataFunction, Tag("python")],
    Discriminator(_data_shape),
]

Tags = list[Name]
Graders = Annotated[list[GraderItem], Field(min_length=1)]
Repeats = Annotated[int, Field(ge=1, le=10_000)]


class CaseFile(_Closed):
    """One case, or with `data` one case for each row."""

    id: Name | None = None
    data: DataSource | None = None
    vars: Vars = Field(default_factory=dict)
    tags: Tags = Field(default_factory=list)
    cluster: Name | None = None
    prompt: Content | None = None
    system: Content | None = None
    turns: Annotated[list[TurnFile], Field(min_length=1)] | None = None
    messages: list[MessageFile] | None = None
    params: Params = Field(default_factory=dict)
    repeats: Repeats | None = None
    graders: Graders | None = None
    tools: list[ToolFile] | None = None


class Bounds(_Closed):
    """At least `min`, at most `max`."""

    min: float | None = None
    max: float | None = None


class Margin(_Closed):
    """How much worse than the baseline is still no regression, as a share: 0.03 is 3 points."""

    margin: Annotated[float, Field(ge=0, lt=1)]


class GateFile(_Closed):
    """One condition under which the suite fails."""

    pass_rate: Bounds | None = None
    score: Bounds | None = None
    cost_usd: Bounds | None = None
    cost_per_pass: Bounds | None = None
    latency_s: Bounds | None = None
    errors: Bounds | None = None
    regression: Margin | None = None


class SuiteFile(_Closed):
    """A suite of prompt cases and graders."""

    suite: Name
    description: str = ""
    models: Annotated[list[CandidateItem], Field(min_length=1)] | None = None
    system: Content | None = None
    prompt: Content | None = None
    prompts: Annotated[dict[Name, Content], Field(min_length=1)] | None = None
    turns: Annotated[list[TurnFile], Field(min_length=1)] | None = None
    messages: list[MessageFile] | None = None
    tools: list[ToolFile] | None = None
    output_schema: dict[str, Any] | None = None
    cache: Literal["5m", "1h"] | None = None
    max_tool_rounds: Annotated[int, Field(ge=0, le=1000)] = 10
    params: Params = Field(default_factory=dict)
    vars: Vars = Field(default_factory=dict)
    repeats: Repeats = 1
    graders: Graders | None = None
    gates: list[GateFile] = Field(default_factory=list)
    timeout_s: Annotated[float, Field(gt=0)] | None = None
    pass_score: Annotated[float, Field(ge=0, le=1)] | None = None
    cases: Annotated[list[CaseFile], Field(min_length=1)]
