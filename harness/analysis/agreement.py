"""How far a judge can be trusted: its agreement with people, and the ways in which it leans.

Several answers to one case are not independent: give the case, or its cluster, as `clusters`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from harness.analysis.intervals import Interval, rate_interval
from harness.analysis.paired import Difference, difference
from harness.analysis.variance import (
    NO_CASES,
    cluster_codes,
    few_clusters,
    floats,
    mean_variance,
    t_critical,
)

if TYPE_CHECKING:
    from harness.analysis.variance import Floats, Labels, Values

Pick = Literal["first", "second", "tie"]
"""Which of the two answers a pairwise judge prefers, by the place where it was shown."""

Verdicts = Sequence["Hashable | None"]


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often people said `labels[i]` where the judge said `labels[j]`: `counts[i][j]`."""

    labels: tuple[Hashable, ...]
    counts: tuple[tuple[int, ...], ...]

    @property
    def n(self) -> int:
        """All that both have judged."""
        return sum(map(sum, self.counts))


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often the judge says what people say, as it is and beyond chance.

    `missing` counts what one of the two did not judge; it is in none of the figures.
    """

    accuracy: Interval
    kappa: Interval
    confusion: Confusion
    missing: int


@dataclass(frozen=True, slots=True)
class PositionBias:
    """What a pairwise judge did when both orders were asked.

    `follows` is the share that picked the same place twice, whatever stood there. Of these,
    `first` is the share that picked the first place. `consistent` picked the same answer twice or
    called it a tie twice, `undecided` said a tie in one order only; `missing` lack an order.
    """

    follows: Interval
    first: Interval
    consistent: int
    undecided: int
    missing: int


def agreement(
    people: Verdicts, judge: Verdicts, clusters: Labels = None, *, alpha: float = 0.05
) -> Agreement:
    """Accuracy, Cohen's kappa and confusion of verdicts of any kind, `None` where there is none.

    Kappa = (p_o − p_e)/(1 − p_e) (Cohen 1960). Its variance is that of Fleiss, Cohen and Everitt
    1969, Psychol Bull 72:323, in the form of a mean over cases, so that CR2 covers clusters.
    """
    both = [
        i
        for i, (a, b) in enumerate(zip(people, judge, strict=True))
        if a is not None and b is not None
    ]
    pairs = [(people[i], judge[i]) for i in both]
    codes = cluster_codes(clusters, len(people))[both].tolist()
    accuracy = rate_interval([float(a == b) for a, b in pairs], codes, alpha=alpha)
    kappa = _kappa(pairs, codes, accuracy, alpha)
    return Agreement(accuracy, kappa, _confusion(pairs), len(people) - len(both))


def bias_by(
    people: Values,
    judge: Values,
    groups: Sequence[Hashable],
    clusters: Labels = None,
    *,
    alpha: float = 0.05,
) -> Mapping[Hashable, Difference]:
    """How much more the judge gives than people do (scores 0 to 1), in each group.

    A judge that is as lenient with every candidate does no harm to their comparison; limits
    that lie apart show one that is not.
    """
    ours, theirs = floats(people), floats(judge)
    return {
        group: difference(
            theirs[rows],
            ours[rows],
            None if clusters is None else [clusters[i] for i in rows],
            alpha=alpha,
        )
        for group, rows in _rows(groups).items()
    }


def length_bias(
    people: Values,
    judge: Values,
    lengths: Values,
    clusters: Labels = None,
    *,
    alpha: float = 0.05,
) -> Interval:
    """What the judge gives beyond what people give, more for every doubling of the length.

    The least-squares slope of judge − people on log2(length), with HC3 variance (MacKinnon and
    White 1985) summed within clusters, and Student's t on clusters − 2. Above 0 the judge favours
    long answers. Lengths below 1 count as 1; cases that miss a figure are left out.
    """
    import numpy as np

    gap, length = floats(judge) - floats(people), floats(lengths)
    codes = cluster_codes(clusters, len(gap))
    there = ~np.isnan(gap + length)
    gap, x, codes = gap[there], np.log2(np.maximum(1.0, length[there])), codes[there]
    count = len(set(codes.tolist()))
    found = Interval(None, n=len(gap), clusters=count)
    if count < 3:
        return replace(found, why=f"{count} independent cases are too few for a slope")
    x = x - x.mean()
    square = float(x @ x)
    if square <= 1e-12 * len(x):
        return replace(found, why="all answers are of one length")
    slope = float(x @ gap) / square
    variance = _slope_variance(x, gap - gap.mean() - slope * x, codes.tolist())
    found = replace(found, value=slope, df=float(count - 2), caution=few_clusters(count))
    if variance is None:
        return replace(found, why="one case alone decides the line")
    if variance <= 1e-24:
        return replace(found, why="nothing varies, so its spread is unknown")
    half = t_critical(alpha, count - 2) * math.sqrt(variance)
    return replace(found, low=slope - half, high=slope + half)


def position_bias(
    picks: Sequence[tuple[Pick | None, Pick | None]],
    clusters: Labels = None,
    *,
    alpha: float = 0.05,
) -> PositionBias:
    """How often a pairwise judge follows the place, from verdicts on both orders of each pair.

    Each verdict names a place, not an answer: ("first", "first") followed the place, ("first",
    "second") preferred the same answer twice.
    """
    codes = cluster_codes(clusters, len(picks)).tolist()
    whole = [i for i, (a, b) in enumerate(picks) if a is not None and b is not None]
    same = [i for i in whole if picks[i][0] == picks[i][1] != "tie"]
    undecided = sum((picks[i][0] == "tie") != (picks[i][1] == "tie") for i in whole)
    following = set(same)
    follows = [float(i in following) for i in whole]
    firsts = [float(picks[i][0] == "first") for i in same]
    return PositionBias(
        rate_interval(follows, [codes[i] for i in whole], alpha=alpha),
        rate_interval(firsts, [codes[i] for i in same], alpha=alpha),
        consistent=len(whole) - len(same) - undecided,
        undecided=undecided,
        missing=len(picks) - len(whole),
    )


def _rows(groups: Sequence[Hashable]) -> dict[Hashable, list[int]]:
    rows: dict[Hashable, list[int]] = {}
    for i, group in enumerate(groups):
        rows.setdefault(group, []).append(i)
    return rows


def _confusion(pairs: Sequence[tuple[Hashable, Hashable]]) -> Confusion:
    labels = tuple(sorted({label for pair in pairs for label in pair}, key=str))
    seen = Counter(pairs)
    return Confusion(labels, tuple(tuple(seen[a, b] for b in labels) for a in labels))


def _kappa(
    pairs: Sequence[tuple[Hashable, Hashable]],
    codes: Sequence[int],
    accuracy: Interval,
    alpha: float,
) -> Interval:
    """Kappa from the pairs, with limits; None where chance alone makes all agree."""
    n = len(pairs)
    if accuracy.value is None:
        return Interval(None, why=NO_CASES)
    people, judge = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    chance = sum(people[label] * judge[label] for label in people) / n**2
    bare = Interval(None, n=n, clusters=accuracy.clusters)
    if chance >= 1:
        return replace(bare, why="both always say the same one thing: chance explains it all")
    kappa = (accuracy.value - chance) / (1 - chance)
    # Each case's share in how kappa moves: its agreement, and the chance that its labels make.
    moves = [
        (float(a == b) - (1 - kappa) * (judge[a] + people[b]) / n) / (1 - chance) for a, b in pairs
    ]
    spread = mean_variance(moves, codes)
    bare = replace(bare, value=kappa, df=spread.df, why=spread.why, caution=accuracy.caution)
    if spread.variance is None or spread.df is None:
        return bare
    if spread.variance > 0:
        half = t_critical(alpha, spread.df) * math.sqrt(spread.variance)
        low, high = kappa - half, kappa + half
    else:
        # All agree or none: the limits of the accuracy, beyond the chance there is.
        low, high = ((limit - chance) / (1 - chance) for limit in _limits(accuracy))
    return replace(bare, low=max(-1.0, min(low, kappa)), high=min(1.0, max(high, kappa)))


def _limits(interval: Interval) -> tuple[float, float]:
    low, high = interval.low, interval.high
    return (0.0 if low is None else low), (1.0 if high is None else high)


def _slope_variance(x: Floats, residual: Floats, codes: Sequence[int]) -> float | None:
    """HC3 of a slope on centred `x`; None where one case alone decides the line."""
    import numpy as np

    square = float(x @ x)
    leverage = 1 / len(x) + x**2 / square
    if float(leverage.max()) > 1 - 1e-9:
        return None
    sums = np.bincount(codes, x * residual / (1 - leverage))
    return float(sums @ sums) / square**2
