"""What a choice made on the data is worth: chosen on four fifths, valued on the fifth held out.

A threshold or a route that is valued on the cases it was chosen on looks better than it is. Here
every case is valued under the choice that was made without it and without its cluster.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from harness.analysis.hull import Point, Position, against_chord
from harness.analysis.intervals import Interval, mean_interval, rate_interval
from harness.analysis.variance import NO_CASES, ONE_CLUSTER, cluster_codes, floats

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.analysis.variance import Codes, Floats, Labels, Values

    Flags = NDArray[np.bool_]

FOLDS = 5

Escalates = Literal["never", "below", "always"]

Choice = Callable[["Floats", "Floats"], int]
"""From the quality and the cost of each threshold, fewest escalations first, to the chosen one.

The last threshold escalates always, so that its quality is the expensive model's.
"""


@dataclass(frozen=True, slots=True)
class Rows:
    """What a cascade is simulated on: a row an attempt of the cheap model, all sequences alike.

    `signal` is what the gate knows at run time, higher for "keep the cheap answer"; `None` is a
    gate that could not say, which escalates. Scores are 0 to 1, costs dollars a call, `None`
    where missing. `gate_cost` is a row's or everyone's. With repeats, the rows of one case carry
    its label in `cases` and the expensive model's mean over its repeats; they count as one case.
    """

    signal: Values
    cheap_score: Values
    cheap_cost: Values
    expensive_score: Values
    expensive_cost: Values
    gate_cost: Values | float = 0.0
    cases: Sequence[Hashable] | None = None
    clusters: Labels = None


@dataclass(frozen=True, slots=True)
class Cascade:
    """A two-model cascade, its threshold chosen by cross-fitting.

    `threshold` is the one refitted on all cases: escalate where the signal is below it; `None`
    where it escalates `never` or `always`. `quality`, `cost` and `escalated` (a share) are held
    out. The optimisms are what the same figures gain by being fitted and valued on the same
    cases: quality in-sample less held out, cost held out less in-sample. `position` is held-out
    quality against the random mix of the two models at the same cost. `missing` counts rows left
    out for want of a score or cost.
    """

    quality: Interval
    cost: Interval
    cheap: Point
    expensive: Point
    escalates: Escalates | None = None
    threshold: float | None = None
    escalated: float | None = None
    quality_optimism: float | None = None
    cost_optimism: float | None = None
    position: Position | None = None
    missing: int = 0
    why: str = ""


def cheapest_within(margin: float) -> Choice:
    """Choose the cheapest threshold that is at most `margin` below the expensive model."""

    def choose(quality: Floats, cost: Floats) -> int:
        import numpy as np

        good = quality >= quality[-1] - margin - 1e-12
        return int(np.where(good, cost, np.inf).argmin())

    return choose


def split(codes: Codes, *, folds: int = FOLDS, seed: int) -> Codes:
    """The fold of each row, from 0: whole clusters (by number, from 0), shuffled and dealt in turn.

    With fewer clusters than folds there are as many folds as clusters.
    """
    import numpy as np

    count = int(codes.max()) + 1 if len(codes) else 0
    fold_of_cluster = np.empty(count, dtype=np.intp)
    order = np.random.default_rng(seed).permutation(count)
    fold_of_cluster[order] = np.arange(count) % max(1, min(folds, count))
    return fold_of_cluster[codes]


def cross_fit_cascade(
    rows: Rows, choose: Choice, *, seed: int, folds: int = FOLDS, alpha: float = 0.05
) -> Cascade:
    """Simulate "the cheap model first, the expensive one where the signal is low".

    Every case costs the cheap call and the gate, an escalated one the expensive call besides.
    Each fold's threshold comes from `choose` on the rows of the others (cross-fitting as in
    Chernozhukov et al. 2018, Econometrics Journal 21:C1). Limits are 1 − alpha, of the held-out
    outcomes as they stand.
    """
    table = _table(rows)
    cheap, expensive = table.alone("cheap"), table.alone("expensive")
    if table.clusters < 2:
        why = ONE_CLUSTER if table.clusters else NO_CASES
        nothing = Interval(None, why=why)
        return Cascade(nothing, nothing, cheap, expensive, missing=table.missing, why=why)
    fitted = table.threshold(choose)
    held_out = table.held_out(choose, split(table.cluster, folds=folds, seed=seed))
    quality = rate_interval(table.quality(held_out), table.case_cluster, alpha=alpha)
    cost = mean_interval(table.cost(held_out), table.case_cluster, alpha=alpha)
    in_sample = table.signal < fitted
    return Cascade(
        quality,
        cost,
        cheap,
        expensive,
        escalates="below" if math.isfinite(fitted) else "always" if fitted > 0 else "never",
        threshold=fitted if math.isfinite(fitted) else None,
        escalated=float(table.by_case(held_out.astype(float)).mean()),
        quality_optimism=_less(float(table.quality(in_sample).mean()), quality.value),
        cost_optimism=_less(cost.value, float(table.cost(in_sample).mean())),
        position=against_chord(Point("cascade", cost.value, quality.value), (cheap, expensive)),
        missing=table.missing,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """The complete rows as arrays; `weight` makes the rows of a case add up to one."""

    signal: Floats
    scores: Mapping[str, Floats]
    costs: Mapping[str, Floats]
    case: Codes
    cluster: Codes
    case_cluster: Sequence[int]
    weight: Floats
    missing: int

    @property
    def clusters(self) -> int:
        return int(self.cluster.max()) + 1 if len(self.cluster) else 0

    def by_case(self, values: Floats) -> Floats:
        """The mean of a row's figure in each case."""
        import numpy as np

        return np.asarray(np.bincount(self.case, values * self.weight), dtype=np.float64)

    def alone(self, model: str) -> Point:
        """One of the models without the other: its mean cost and quality."""
        if not len(self.case):
            return Point(model, None, None)
        cost, score = self.by_case(self.costs[model]), self.by_case(self.scores[model])
        return Point(model, float(cost.mean()), float(score.mean()))

    def quality(self, escalated: Flags) -> Floats:
        """The score of each case, where these rows were escalated."""
        import numpy as np

        return self.by_case(np.where(escalated, self.scores["expensive"], self.scores["cheap"]))

    def cost(self, escalated: Flags) -> Floats:
        """The dollars of each case, where these rows were escalated."""
        first = self.costs["cheap"] + self.costs["gate"]
        return self.by_case(first + escalated * self.costs["expensive"])

    def threshold(self, choose: Choice, rows: Flags | None = None) -> float:
        """The threshold chosen on `rows`: minus infinity escalates none, infinity all."""
        import numpy as np

        kept = np.flatnonzero(rows if rows is not None else self.weight > 0)
        kept = kept[np.argsort(self.signal[kept], kind="stable")]
        signal, weight = self.signal[kept], self.weight[kept]
        starts = np.flatnonzero(signal[1:] > signal[:-1]) + 1
        below = np.concatenate([[0], starts, [len(kept)]])
        cheap, expensive = (self.scores[m][kept] for m in ("cheap", "expensive"))
        gained = np.concatenate([[0.0], np.cumsum(weight * (expensive - cheap))])[below]
        paid = np.concatenate([[0.0], np.cumsum(weight * self.costs["expensive"][kept])])[below]
        first = weight @ (self.costs["cheap"] + self.costs["gate"])[kept]
        chosen = choose((weight @ cheap + gained) / weight.sum(), (first + paid) / weight.sum())
        return float(np.concatenate([[-np.inf], signal[starts], [np.inf]])[chosen])

    def held_out(self, choose: Choice, fold: Codes) -> Flags:
        """Which rows are escalated, each by the threshold that the other folds chose."""
        import numpy as np

        escalated = np.zeros(len(fold), dtype=bool)
        for number in range(int(fold.max()) + 1):
            inside = fold == number
            escalated[inside] = self.signal[inside] < self.threshold(choose, ~inside)
        return escalated


def _table(rows: Rows) -> _Table:
    import numpy as np

    n = len(rows.signal)
    signal = floats(rows.signal)
    asked = rows.gate_cost
    gate = np.full(n, float(asked)) if isinstance(asked, int | float) else floats(asked)
    scores = {"cheap": floats(rows.cheap_score), "expensive": floats(rows.expensive_score)}
    costs = {"cheap": floats(rows.cheap_cost), "gate": gate}
    costs["expensive"] = floats(rows.expensive_cost)
    whole = ~np.any([np.isnan(c) for c in (*scores.values(), *costs.values())], axis=0)
    _, case = np.unique(cluster_codes(rows.cases, n)[whole], return_inverse=True)
    cluster = case
    if rows.clusters is not None:
        kept = [rows.clusters[i] for i in np.flatnonzero(whole).tolist()]
        # A case without a cluster is its own, all its rows together.
        labels = [
            ("case", c) if label is None else ("cluster", label)
            for c, label in zip(case.tolist(), kept, strict=True)
        ]
        cluster = cluster_codes(labels, len(labels))
    case_cluster = np.zeros(int(case.max()) + 1 if len(case) else 0, dtype=np.intp)
    case_cluster[case] = cluster
    return _Table(
        # A gate that could not say is below every threshold.
        np.where(np.isnan(signal), -np.inf, signal)[whole],
        {name: column[whole] for name, column in scores.items()},
        {name: column[whole] for name, column in costs.items()},
        case,
        cluster,
        case_cluster.tolist(),
        1 / np.bincount(case)[case] if len(case) else np.zeros(0),
        int(n - whole.sum()),
    )


def _less(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b
