"""What a run found between its candidates, as records: `pairs` and `pareto` of `run.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

PairVerdict = Literal["a_better", "b_better", "inconclusive", "invalid"]


@dataclass(frozen=True, slots=True)
class Limits:
    """A figure with its 95 % limits; None is unknown."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class RatioLimits(Limits):
    """A ratio with Fieller's limits; `unbounded` says that there is no upper one."""

    unbounded: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class MissingBounds:
    """The difference a − b if every missing trial of a had failed and of b had passed, and reverse.

    `missing_a` and `missing_b` count the missing trials of the cases that both were asked.
    """

    missing_a: int
    missing_b: int
    worst: Limits
    best: Limits


@dataclass(frozen=True, slots=True)
class CrossChecks:
    """p-values by other methods: none decides. McNemar's only where scores are 0 or 1, alone."""

    sign_flip_p: float | None = None
    mcnemar_exact_p: float | None = None
    mcnemar_mid_p: float | None = None


@dataclass(frozen=True, slots=True)
class TagDifference:
    """The difference a − b over the cases of one tag: a description, without a test."""

    n_cases: int
    difference: Limits


@dataclass(frozen=True, slots=True)
class Pair:
    """Candidate `a` beside candidate `b` on the `n_cases` that both have been graded in.

    `difference` is the mean over cases of a − b in `metric`; `p` is two-sided and `p_adjusted`
    Holm's over all pairs of the run, while limits are of this pair alone. `a_wins` and `b_wins`
    count cases; `cost_ratio` is a's dollars over b's. `why` says what keeps the verdict from being
    a decision, `caution` what makes it less reliable.
    """

    a: str
    b: str
    n_cases: int
    difference: Limits
    p: float | None
    p_adjusted: float | None
    verdict: PairVerdict
    metric: str
    clusters: int
    repeats: int
    a_wins: int
    b_wins: int
    bounds: MissingBounds
    cross_checks: CrossChecks
    cost_ratio: RatioLimits
    by_tag: Mapping[str, TagDifference] = field(default_factory=dict)
    why: str = ""
    caution: str = ""


@dataclass(frozen=True, slots=True)
class ParetoPoint:
    """A candidate's dollars a trial and pass rate on the cases that all were graded in.

    `bootstrap_frequency` is the share of resamples in which it was on the front: how stable the
    front is, not a probability of being on it.
    """

    name: str
    cost_per_trial: float | None
    pass_rate: float | None
    on_front: bool
    on_hull: bool
    bootstrap_frequency: float | None


@dataclass(frozen=True, slots=True)
class Pareto:
    """Cost against quality: the front, and the hull that mixing candidates can reach.

    `front` and `hull` name candidates, cheapest first. `why` says what makes them empty.
    """

    candidates: tuple[ParetoPoint, ...]
    front: tuple[str, ...]
    hull: tuple[str, ...]
    n_cases: int
    clusters: int
    draws: int
    seed: int
    why: str = ""
