"""A pass rate corrected for its judge: few human labels and many judgements, put together.

The judge's mean is precise and biased, that of the labels unbiased and coarse. Prediction-powered
inference takes the judge's mean and adds what the labels say it is off by.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.analysis.intervals import Interval, rate_interval
from harness.analysis.paired import difference
from harness.analysis.variance import cluster_codes, floats, t_critical, variance_of

if TYPE_CHECKING:
    from harness.analysis.variance import Codes, Floats, Labels, Values

ROUNDING = 1e-9
"""A weight below this is a covariance of nothing, and what floats make of it."""


@dataclass(frozen=True, slots=True)
class Corrected:
    """A mean between 0 and 1 with its limits; `weight` is lambda, how far the judge is used.

    `labels` is what the labels alone say and `judge` what the judge alone says, of the same cases.
    `missing` counts cases without a judgement, which are left out. Where only the labels were of
    use, weight is 0 and the limits are theirs; `why` says what makes a field None.
    """

    value: float | None
    low: float | None
    high: float | None
    weight: float
    labels: Interval
    judge: Interval
    missing: int = 0
    why: str = ""
    caution: str = ""


def corrected_mean(
    labels: Values, judged: Values, clusters: Labels = None, *, alpha: float = 0.05
) -> Corrected:
    """The mean of what people would say of all cases: PPI++ with a tuned weight.

    `labels` and `judged` have a score from 0 to 1 for each case, `None` where there is none; the
    labelled cases must be a random part of all. With n labelled and N other cases, f the judge:
    mean(Y − w f) + w mean_N(f), w = cov(Y, f) / ((1 + n/N) var(f)) within 0 to 1, variance
    var(Y − w f)/n + w² var_N(f)/N (Angelopoulos, Duchi and Zrnic 2023, arXiv 2311.01453, example
    6.1). Variances are CR2; Student's t has the degrees of freedom of the labels.
    """
    import numpy as np

    label, judge = floats(labels), floats(judged)
    codes = cluster_codes(clusters, len(judge))
    there = ~np.isnan(judge)
    label, judge, codes = label[there], judge[there], codes[there]
    known = ~np.isnan(label)
    parts = _Parts(label[known], judge[known], judge[~known], codes[known], codes[~known])
    alone = rate_interval(parts.label, codes[known].tolist(), alpha=alpha)
    raw = rate_interval(judge, codes.tolist(), alpha=alpha)
    missing = int(len(there) - there.sum())
    if alone.low is None or raw.low is None:
        why = f"of labels, {alone.why}" if alone.why else f"of judgements, {raw.why}"
        return Corrected(alone.value, None, None, 0.0, alone, raw, missing, why)
    weight, caution = parts.weight(), alone.caution
    value, half = parts.estimate(weight, alpha)
    if weight == 0 or half is None:
        low, high = alone.low, alone.high
        return Corrected(alone.value, low, high, 0.0, alone, raw, missing, caution=caution)
    low, high = value - half, value + half
    if np.array_equal(parts.label, parts.seen):
        low, high = _agreeing(parts, raw, value, alpha)
        caution = "the judge agrees with every label"
    bounds = max(0.0, min(low, value)), min(1.0, max(high, value))
    return Corrected(value, *bounds, weight, alone, raw, missing, caution=caution)


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """The labelled cases (label, what the judge saw in them) and what it says of the others."""

    label: Floats
    seen: Floats
    other: Floats
    label_codes: Codes
    other_codes: Codes

    def weight(self) -> float:
        """The tuned weight; 0 where the judge tells nothing about the labels."""
        import numpy as np

        n, rest = len(self.label), len(self.other)
        if n < 2 or rest < 2:
            return 0.0
        spread = float(np.var(np.concatenate([self.seen, self.other]), ddof=1))
        shared = float(np.cov(self.label, self.seen)[0, 1])
        weight = shared / ((1 + n / rest) * spread) if spread > 0 else 0.0
        return min(1.0, weight) if weight > ROUNDING else 0.0

    def estimate(self, weight: float, alpha: float) -> tuple[float, float | None]:
        """The mean, within 0 to 1, and half its interval; None where only one cluster is left."""
        import numpy as np

        left = self.label - weight * self.seen
        own = variance_of(left, _dense(self.label_codes))
        other = variance_of(self.other, _dense(self.other_codes))
        if own.mean is None or own.variance is None or own.df is None:
            return 0.0, None
        if other.mean is None or other.variance is None:
            return 0.0, None
        value = own.mean + weight * other.mean
        count = 1 + max(int(self.label_codes.max()), int(self.other_codes.max()))
        u = np.bincount(self.label_codes, left - own.mean, minlength=count)
        v = np.bincount(self.other_codes, self.other - other.mean, minlength=count)
        # Clusters on both sides of the split; a chance negative is not taken as a gain.
        shared = max(0.0, 2 * weight * float(u @ v) / len(left) / len(self.other))
        variance = own.variance + weight**2 * other.variance + shared
        half = t_critical(alpha, own.df) * math.sqrt(variance)
        return min(1.0, max(0.0, value)), half


def _agreeing(parts: _Parts, raw: Interval, value: float, alpha: float) -> tuple[float, float]:
    """Limits where the judge never differed from a label: that does not make it infallible.

    The score limits of the difference stand for its variance of nothing, and are added to those
    of the judge's mean in quadrature (Zou and Donner 2008, Stat Med 27:1693).
    """
    off = difference(parts.label, parts.seen, parts.label_codes.tolist(), alpha=alpha)
    if off.low is None or off.high is None or raw.low is None or raw.high is None:
        return 0.0, 1.0
    assert raw.value is not None, "an interval with limits has a value"
    below, above = raw.value - raw.low, raw.high - raw.value
    return value - math.hypot(off.low, below), value + math.hypot(off.high, above)


def _dense(codes: Codes) -> Codes:
    import numpy as np

    return np.unique(codes, return_inverse=True)[1]
