"""What a run found, as records that mirror `run.json` field by field; every report draws these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from harness.analysis.between import Pair, Pareto
from harness.prefix import CacheHits
from harness.records import Run, Usage
from harness.records.record import record

if TYPE_CHECKING:
    from harness.analysis.routing import Routing


@dataclass(frozen=True, slots=True)
class TrialCounts:
    """Trials by how they ended; `graded` is passed plus failed, the last four are flags.

    `retried` counts answers, not trials: those that came after an attempt that failed.
    """

    planned: int
    graded: int
    passed: int
    failed: int
    errored: int
    ungraded: int
    refused: int
    truncated: int
    reused: int
    retried: int = 0

    @property
    def missing(self) -> int:
        """Trials that ended as neither pass nor fail."""
        return self.errored + self.ungraded

    @property
    def pending(self) -> int:
        """Planned trials that have not ended: a run that was stopped, or waits for a batch."""
        return max(0, self.planned - self.graded - self.missing)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over cases of each case's mean over its repeats; missing trials are left out.

    `n_cases` counts cases with at least one graded repeat, `clusters` the sources they come from,
    `repeats` the graded repeats of the case that has most. `low` and `high` are 95 % limits; `note`
    says why they are None, or what makes them less reliable.
    """

    value: float | None
    low: float | None
    high: float | None
    n_cases: int
    clusters: int
    repeats: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Quality:
    """How good the answers were: `pass_rate` and `score` between 0 and 1.

    `pass_at_k` (one of k repeats passes) and `pass_hat_k` (all of them do) are None where no case
    has repeats; their keys are k, from 1. The intervals have the same keys.
    """

    pass_rate: Estimate
    score: Estimate
    pass_at_k: Mapping[str, float | None] | None = None
    pass_hat_k: Mapping[str, float | None] | None = None
    pass_at_k_intervals: Mapping[str, Estimate] | None = None
    pass_hat_k_intervals: Mapping[str, Estimate] | None = None


@record(frozen=True, slots=True)
class AnswerUsage(Usage):
    """Tokens of the candidate's answers, judges left out, and how many requests they took."""

    requests: int = 0


@dataclass(frozen=True, slots=True)
class DollarEstimate:
    """Dollars with 95 % limits; `unbounded` says that there is no upper one, not even unknown."""

    value: Decimal | None
    low: Decimal | None = None
    high: Decimal | None = None
    unbounded: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Cost:
    """Dollars of all trials, missing ones included; None where one price in the sum is unknown.

    `total` (`answers` + `judges`) is of when the answers were made, `spent` what this run paid.
    `per_case` is total ÷ distinct cases asked, all repeats of a case together;
    `per_pass` total ÷ passed trials. `at_…_prices` price every call at one tier.
    Why dollars are unknown: `unknown_usage` answers did not say their tokens, and `unpriced` are
    the models that the price list does not cover.
    """

    answers: Decimal | None
    judges: Decimal | None
    total: Decimal | None
    spent: Decimal | None
    per_case: Decimal | None
    per_pass: DollarEstimate
    at_live_prices: Decimal | None
    at_batch_prices: Decimal | None
    unknown_usage: int = 0
    unpriced: tuple[str, ...] = ()
    per_case_interval: DollarEstimate = DollarEstimate(None)


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds of the `n` live answers, reused ones included: quantiles by linear interpolation.

    `p95_low` and `p95_high` are order statistics, as if every answer were a case of its own.
    """

    p50: float | None
    p95: float | None
    n: int
    p95_low: float | None = None
    p95_high: float | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """The cases of one tag or one suite; `n_cases` as in its `pass_rate`."""

    n_cases: int
    pass_rate: Estimate
    cost_per_case: Decimal | None


@dataclass(frozen=True, slots=True)
class SuiteSummary(Group):
    """One suite of one candidate: what its gates are judged on."""

    score: Estimate
    trials: TrialCounts
    cost_usd: Cost
    latency_s: Latency


@dataclass(frozen=True, slots=True)
class MissingKind:
    """Missing trials of one kind: an API error type, a word of ours or `ungraded`.

    `reason` is the one that most of them gave, of `reasons` different ones.
    """

    kind: str
    count: int
    reason: str
    reasons: int = 1


@dataclass(frozen=True, slots=True)
class FlakyCase:
    """A case whose repeats disagree; `flakiness` is the chance that two of them do."""

    suite: str
    case: str
    passed: int
    graded: int
    flakiness: float


@dataclass(frozen=True, slots=True)
class Stability:
    """What repeats tell of a candidate, over the `n_cases` with two graded repeats or more.

    `flaky_cases` have repeats that disagree, and `flakiest` are the first of them. `within` is the
    variance of pass or fail between repeats of a case, `between` that of the cases' true rates,
    and `removable` the share of the variance of the pass rate that endless repeats would remove.
    """

    repeats: int
    n_cases: int
    flaky_cases: int
    flakiness: float | None
    flakiest: tuple[FlakyCase, ...]
    within: float | None
    between: float | None
    removable: float | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """One class of a classification; `support` counts the decisions in which it was expected."""

    name: str
    support: int
    found: int
    precision: float | None
    recall: float | None
    f1: float


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often the class `expected` was answered as `found`; None is no class at all."""

    expected: str
    found: str | None
    count: int


@dataclass(frozen=True, slots=True)
class Classification:
    """What the `label` graders of a suite saw: `decisions` counts grades, repeats apart.

    `accuracy` is over cases, like every rate; the other figures are over decisions. `macro_f1` is
    the plain mean over the classes that were expected or found.
    """

    decisions: int
    accuracy: Estimate
    macro_f1: float | None
    classes: tuple[ClassFigures, ...]
    confusion: tuple[Confusion, ...]


@dataclass(frozen=True, slots=True)
class CandidateSummary:
    """One candidate over all suites of the run; `missing` has the most frequent kind first.

    `stability` is None where no case has repeats; `classification` has the suites that classify.
    """

    name: str
    model: str
    params: Mapping[str, Any]
    prompt: str | None
    trials: TrialCounts
    quality: Quality
    usage: AnswerUsage
    cost_usd: Cost
    latency_s: Latency
    by_tag: Mapping[str, Group]
    by_suite: Mapping[str, SuiteSummary]
    missing: tuple[MissingKind, ...] = ()
    cache: CacheHits | None = None
    stability: Stability | None = None
    classification: Mapping[str, Classification] = field(default_factory=dict)


Verdict = Literal["pass", "fail", "inconclusive", "invalid"]


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """What a gate says of a candidate: `detail` is what it saw and what it wanted, in words.

    `value` and `bounds` are the same as data, `value` None where it is unknown or not judged.
    A gate that is not `judged` is inconclusive and fails nothing, whatever the options.
    """

    suite: str
    gate: str
    candidate: str
    verdict: Verdict
    detail: str
    judged: bool = True
    value: float | Decimal | None = None
    bounds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that `run.json` holds; what follows `routing` is filled by those who judge and who ask.

    `pace` says for each class of models what its rate limits came to.
    """

    run: Run
    candidates: tuple[CandidateSummary, ...]
    pairs: tuple[Pair, ...] = ()
    routing: Routing | None = None
    gates: tuple[GateVerdict, ...] = ()
    regression: Mapping[str, Any] | None = None
    batches: tuple[Mapping[str, Any], ...] = ()
    pareto: Pareto | None = None
    pace: tuple[Any, ...] = ()
