"""What a run was asked for: candidates, gates, and the facts of its suites."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from harness.records.answers import Bill, Mode

MAX_MISSING = 0.02
"""Share of trials without a grade above which a run says nothing, unless it was told otherwise."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is compared: a model with parameters of its own and, where there are variants, a prompt.

    `params` are the candidate's own; those of the suite and the case are merged when asking.
    """

    name: str
    model: str
    params: Mapping[str, Any] = field(default_factory=dict)
    prompt: str | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """When a suite fails: `metric` against its bounds, for each candidate."""

    metric: str
    bounds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class SuiteFacts:
    """A suite as a run saw it: `cases` were selected out of `total`; `sha256` is of the file.

    `planned` counts its trials by candidate, and `whole` what each has in the whole suite.
    """

    name: str
    path: str
    sha256: str
    cases: int
    total: int | None = None
    planned: Mapping[str, int] = field(default_factory=dict)
    gates: tuple[Gate, ...] = ()
    whole: int | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the path: what was asked for, with what, and how it ended.

    `planned` counts trials by candidate name; `invocation` is what `resume` needs to do it again.
    Above the share `max_missing` of trials without a grade, it says nothing. `paid` is what a run
    that was stopped has paid for, answers of trials that have not ended included.
    """

    id: str
    started_at: datetime
    mode: Mode
    harness_version: str
    sdk_version: str
    prices_as_of: str
    suites: tuple[SuiteFacts, ...]
    candidates: tuple[Candidate, ...]
    planned: Mapping[str, int]
    invocation: Mapping[str, Any] = field(default_factory=dict)
    finished_at: datetime | None = None
    simulated: bool = False
    exit_code: int | None = None
    max_missing: float = MAX_MISSING
    paid: Bill | None = None
