"""What a comparison with a baseline finds, as records: what gates read and reports draw."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from harness.records import MAX_MISSING

DEFAULT_MARGIN = 0.03
"""What is shown where a suite has no regression gate: three points."""

ALPHA = 0.05
"""The error rate of each limit alone."""

ALARM_ALPHA = 0.10
"""The error rate of each of two looks, where a loss has to be found twice: together about 1 %."""

Finding = Literal["pass", "regression", "inconclusive", "invalid", "new"]
"""`new`: the baseline has no such candidate or suite, so there is nothing to be worse than."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The rule that is applied: `margin` is a share of the cases; `gated`, that the suite asks.

    `confirm` lets a loss be a regression only where a second look finds it too.
    """

    margin: float = DEFAULT_MARGIN
    gated: bool = False
    alpha: float = ALPHA
    max_missing: float = MAX_MISSING
    confirm: bool = False


@dataclass(frozen=True, slots=True)
class Flip:
    """A case whose pass share changed by more than half; each side as passed and graded repeats."""

    suite: str
    case: str
    candidate: str
    direction: Literal["lost", "gained"]
    before: tuple[int, int]
    after: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Settling:
    """What would settle an inconclusive verdict: so many `cases`, or `repeats` on both sides."""

    cases: int | None
    repeats: int | None
    towards: str | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A second look at a loss that the first has found at `alpha`, on fresh answers alone.

    `difference` is now less before over `n_cases`, with one-sided limits at `alpha` each; `alarmed`
    says that it is below 0 again, None that the look has not ended. Without `baseline_fresh` the
    other side is what the baseline has stored, and `why` says why. `first_high` is the first look's
    upper limit at `alpha`; `missing` counts trials of both sides.
    """

    alpha: float
    first_high: float
    n_cases: int = 0
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    alarmed: bool | None = None
    baseline_fresh: bool = False
    missing: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True)
class RegressionVerdict:
    """What is found of one candidate in one suite; shares and differences are of passed cases.

    `difference` is now less before over the `compared_cases`; `low` and `high` are one-sided
    limits at `alpha` each. `detectable` is the smallest true loss that is found in 8 of 10 runs.
    `expected_flips` are those each way that chance alone makes, at most `expected_at_most`.
    `changes` are of the candidate itself. `why` explains, `caution` weakens. `confirmation` is
    there where a first look has raised an alarm that a second one is to confirm.
    """

    suite: str
    candidate: str
    verdict: Finding
    margin: float
    gated: bool
    alpha: float
    compared_cases: int = 0
    clusters: int = 0
    repeats: int = 0
    baseline_repeats: int = 0
    before: float | None = None
    after: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    detectable: float | None = None
    settling: Settling | None = None
    lost: int = 0
    gained: int = 0
    expected_flips: float | None = None
    expected_at_most: float | None = None
    missing: int = 0
    baseline_missing: int = 0
    new_cases: tuple[str, ...] = ()
    changed_cases: tuple[str, ...] = ()
    removed_cases: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    why: str = ""
    caution: str = ""
    confirmation: Confirmation | None = None


@dataclass(frozen=True, slots=True)
class BaselineFacts:
    """Which run is compared with."""

    run: str
    started_at: datetime
    mode: str
    simulated: bool
    harness_version: str


@dataclass(frozen=True, slots=True)
class Regression:
    """A run beside its baseline: a verdict for each suite and candidate, flips, and case lists."""

    baseline: BaselineFacts
    compared_cases: int
    new_cases: tuple[str, ...]
    changed_cases: tuple[str, ...]
    removed_cases: tuple[str, ...]
    flips: tuple[Flip, ...]
    candidates: tuple[RegressionVerdict, ...]
