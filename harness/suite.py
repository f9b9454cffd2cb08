"""A suite as it is loaded: cases, candidates, graders and gates, with the file they stand in.

What a file may say is in `suite_file`; this is what it means. Texts are still templates here:
a `Written` is rendered for each case when its trial runs, over the case's `vars`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.records import Candidate, Gate, Json


@dataclass(frozen=True, slots=True)
class Written:
    """What a user wrote: a text, or a tree of lists and mappings, every string a template.

    `keys` leads to it in the YAML file `path`; a text that is a whole file of its own has none.
    """

    value: Json
    path: Path
    keys: tuple[str | int, ...] = ()


@dataclass(frozen=True, slots=True)
class GraderSpec:
    """One grader as written: a mapping whose one grader key names it."""

    item: Written
    turn: int | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """What the user says next, and the graders of the answer to it."""

    user: Written
    graders: tuple[GraderSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as the API is told of it, and what answers a call: a template or a function."""

    definition: Written
    name: str
    reply: Written | None = None
    function: str | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """What is asked of a candidate: a case's own, or the suite's where the case says nothing.

    `prompts` by variant name (`None` where there are no variants); `turns` replace the prompt.
    """

    prompts: Mapping[str | None, Written] = field(default_factory=dict)
    system: Written | None = None
    turns: tuple[Turn, ...] = ()
    messages: Written | None = None
    params: tuple[Written, ...] = ()
    graders: tuple[GraderSpec, ...] = ()
    tools: tuple[Tool, ...] = ()
    cache: str | None = None
    repeats: int = 1


@dataclass(frozen=True, slots=True)
class Case:
    """One case: `vars` are rendered and merged with the suite's; `script` is what it overrides."""

    id: str
    line: int
    vars: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    cluster: str | None = None
    script: Script | None = None


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite file, loaded; `warnings` are what its author should look at, but may mean.

    `own_params` are the candidates' own, as written, by the name under `models`. A suite that is
    an eval in Python has a `program` instead of prompts and graders.
    """

    name: str
    path: Path
    sha256: str
    candidates: tuple[Candidate, ...]
    script: Script
    cases: tuple[Case, ...]
    description: str = ""
    gates: tuple[Gate, ...] = ()
    timeout_s: float | None = None
    pass_score: float | None = None
    max_tool_rounds: int = 10
    own_params: Mapping[str, Written] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    program: Callable[..., Any] | None = None

    def __repr__(self) -> str:
        return f"Suite({self.name!r}, {len(self.cases)} cases)"

    @property
    def folder(self) -> Path:
        """Where the suite's files are; nothing outside is read."""
        return self.path.parent

    def script_of(self, case: Case) -> Script:
        """What is asked in this case."""
        return case.script or self.script

    def params_of(self, candidate: Candidate) -> Written | None:
        """The candidate's own parameters, `None` where it has none."""
        if candidate.prompt is None:
            return self.own_params.get(candidate.name)
        return self.own_params.get(candidate.name.removesuffix(f"/{candidate.prompt}"))
