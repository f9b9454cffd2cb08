"""What a candidate did in each case, as columns: what every statistical method here starts from.

The unit is the case: repeats are averaged inside it first. `None` is missing, never 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.analysis.tally import CaseKey, CaseTally

Metric = Literal["pass_rate", "score"]


@dataclass(frozen=True, slots=True)
class Sample:
    """The cases of one candidate, all columns in the same order.

    `passed` and `score` are means over the graded repeats; `dollars` is the mean of a trial,
    answers and judges together, at the prices of the time. `worst` and `best` are `passed` with
    every missing repeat as a fail and as a pass. `graded` and `missing` count repeats.
    """

    keys: tuple[CaseKey, ...]
    passed: tuple[float | None, ...]
    score: tuple[float | None, ...]
    dollars: tuple[float | None, ...]
    worst: tuple[float | None, ...]
    best: tuple[float | None, ...]
    graded: tuple[int, ...]
    missing: tuple[int, ...]
    clusters: tuple[tuple[str, ...], ...]
    tags: tuple[tuple[str, ...], ...]

    def column(self, metric: Metric) -> tuple[float | None, ...]:
        """The figure that is compared."""
        return self.passed if metric == "pass_rate" else self.score


def sample(cases: Mapping[CaseKey, CaseTally], keys: Iterable[CaseKey] | None = None) -> Sample:
    """The cases under these keys, or all; a key that the candidate does not have is all missing."""
    chosen = tuple(cases if keys is None else keys)
    found = [cases.get(key) or CaseTally(key[0], (), key) for key in chosen]
    return Sample(
        keys=chosen,
        passed=tuple(case.pass_rate for case in found),
        score=tuple(case.mean_score for case in found),
        dollars=tuple(map(_dollars, found)),
        worst=tuple(_bound(case, 0) for case in found),
        best=tuple(_bound(case, 1) for case in found),
        graded=tuple(case.graded for case in found),
        missing=tuple(case.missing for case in found),
        clusters=tuple(case.cluster for case in found),
        tags=tuple(case.tags for case in found),
    )


def shared(samples: Sequence[Mapping[CaseKey, CaseTally]]) -> tuple[CaseKey, ...]:
    """The cases that all of them have been asked, in the order of the first."""
    first, *others = samples
    return tuple(key for key in first if all(key in other for other in others))


def _dollars(case: CaseTally) -> float | None:
    dollars, trials = case.dollars, case.trials
    return float(dollars) / trials if trials and dollars is not None else None


def _bound(case: CaseTally, each: int) -> float | None:
    trials = case.trials
    return (case.passed + each * case.missing) / trials if trials else None
