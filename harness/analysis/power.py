"""Planning: what difference a suite can detect, and how many cases settle a question.

Everything here is about the mean paired difference of two arms over cases. Its variance is
`deff × (omega² + sA²/KA + sB²/KB) / n` (Miller 2024, arXiv 2411.00640, section 5): omega² is how
much cases differ in their true difference, s² how much one case differs between its repeats.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean
from typing import TYPE_CHECKING, Literal

from harness.analysis.variance import Sides, mean_variance

if TYPE_CHECKING:
    from harness.analysis.variance import Labels

Outlook = Literal["pass", "regression"]

MOST = 10**9
"""More cases or repeats than this are no plan."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The variances that a paired comparison is planned with, of scores between 0 and 1.

    `between` is omega². Where the within-case variances are unknown they are `None`, and
    `between` is the whole variance of a case's difference at the repeats it was measured with:
    then more cases can be planned, more repeats cannot. `deff` is the design effect of clusters.
    """

    between: float
    within_a: float | None = None
    within_b: float | None = None
    deff: float = 1.0

    def of_case(self, repeats_a: int = 1, repeats_b: int | None = None) -> float:
        """The variance of one case's difference of means, clusters counted in."""
        within = _noise(self, repeats_a, repeats_b or repeats_a)
        return self.deff * (self.between + within)


@dataclass(frozen=True, slots=True)
class Aim:
    """What a comparison is to achieve: error rate, power, and one or two sides.

    A non-inferiority or regression test has one side, "are they different" has two.
    """

    alpha: float = 0.05
    power: float = 0.8
    sides: Sides = 2

    @property
    def quantiles(self) -> float:
        """`z(alpha) + z(power)`: how many standard errors the sought difference must span."""
        normal = NormalDist()
        return normal.inv_cdf(1 - self.alpha / self.sides) + normal.inv_cdf(self.power)


TWO_SIDED = Aim()
ONE_SIDED = Aim(sides=1)


@dataclass(frozen=True, slots=True)
class Plan:
    """How many cases (or repeats), rounded up; `None` where no number will do, and `why`."""

    number: int | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Detectable:
    """The smallest true difference that is found with the power asked for; `None` and `why`."""

    difference: float | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Settling:
    """What would settle an inconclusive verdict, if the difference seen so far is the true one.

    `cases` at the repeats of now, `repeats` a side at the cases of now; `towards` is the verdict
    to expect. Either is `None` where no number of them will do; `why` says which and why.
    """

    cases: int | None
    repeats: int | None
    towards: Outlook | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Flips:
    """Cases expected to flip each way although nothing changed; `None` and `why` if unknown.

    `at_most` is a bound that needs no repeats, that of cases which are all equally hard; there is
    none where a run repeats its cases.
    """

    each_way: float | None
    at_most: float | None
    why: str = ""


def binary_spread(discordance: float, difference: float = 0.0) -> Spread:
    """The spread of plain pass and fail, one repeat: `psi − D²` (Connor 1987, Biometrics 43:207).

    `discordance` psi is the share of cases where the two arms disagree. Without any data it is
    `2p(1−p)` for two arms that pass a share p of the cases independently, which is the worst case
    among arms that agree no less than chance.
    """
    return Spread(max(0.0, discordance - difference**2))


def measured_spread(
    a: Sequence[Sequence[float]],
    b: Sequence[Sequence[float]],
    clusters: Labels = None,
) -> Spread | None:
    """The spread of two runs over the same cases, each case a sequence of its repeats' scores.

    omega² = max(0, s_d² − sA²/KA − sB²/KB), with 1/K averaged over the cases; the design effect
    is CR2 variance over the unclustered one. Cases without a score on both sides are left out.
    `None` where fewer than two cases are left.
    """
    both = [i for i, (x, y) in enumerate(zip(a, b, strict=True)) if len(x) and len(y)]
    differences = [fmean(a[i]) - fmean(b[i]) for i in both]
    if len(both) < 2:
        return None
    total = _variance(differences)
    kept = None if clusters is None else [clusters[i] for i in both]
    deff = design_effect(differences, kept)
    within_a, within_b = (within_variance([arm[i] for i in both]) for arm in (a, b))
    if within_a is None or within_b is None:
        return Spread(total, deff=deff)
    noise = within_a * fmean(1 / len(a[i]) for i in both)
    noise += within_b * fmean(1 / len(b[i]) for i in both)
    return Spread(max(0.0, total - noise), within_a, within_b, deff)


def unseen_spread(cases: int, alpha: float = 0.05) -> Spread:
    """The widest spread that `cases` which all compare alike leave possible: `psi` at its bound.

    None of n differed, so that at most `1 − alpha^(1/n)` of all do (Clopper and Pearson 1934,
    one-sided; about 3/n at 5 %).
    """
    return binary_spread(1 - alpha ** (1 / cases))


def within_variance(cases: Sequence[Sequence[float]]) -> float | None:
    """s²: the variance between repeats of one case, pooled; `None` where no case has two.

    Cases count by their degrees of freedom, so that unequal numbers of repeats are no bias.
    """
    several = [case for case in cases if len(case) > 1]
    if not several:
        return None
    freedom = sum(len(case) - 1 for case in several)
    return sum(_variance(case) * (len(case) - 1) for case in several) / freedom


def design_effect(differences: Sequence[float], clusters: Labels) -> float:
    """How much clusters multiply the variance of a mean: CR2 over s²/n; 1 where it is unknown."""
    n = len(differences)
    if clusters is None or n < 2:
        return 1.0
    plain = _variance(differences) / n
    clustered = mean_variance(differences, clusters).variance
    return clustered / plain if plain > 0 and clustered else 1.0


def cases_needed(
    spread: Spread, difference: float, *, repeats: int = 1, aim: Aim = TWO_SIDED
) -> Plan:
    """Cases that find a true `difference` (Miller 2024): `(z_a + z_b)² var / difference²`.

    For non-inferiority the difference is the true one plus the margin, and the aim one-sided.
    """
    if difference == 0:
        return Plan(None, "a difference of nothing cannot be found")
    return _plan(aim.quantiles**2 * spread.of_case(repeats) / difference**2, at_least=2)


def repeats_needed(spread: Spread, difference: float, *, cases: int, aim: Aim = TWO_SIDED) -> Plan:
    """Repeats of each case on both sides that find `difference` with the cases there are."""
    if difference == 0:
        return Plan(None, "a difference of nothing cannot be found")
    if spread.within_a is None or spread.within_b is None:
        return Plan(None, "how much answers vary is unknown until cases are repeated")
    room = cases * (difference / aim.quantiles) ** 2 / spread.deff - spread.between
    if room <= 0:
        return Plan(None, "the cases differ too much for repeats to help: more cases are needed")
    return _plan((spread.within_a + spread.within_b) / room)


def detectable(spread: Spread, *, cases: int, repeats: int = 1, aim: Aim = TWO_SIDED) -> Detectable:
    """The minimum detectable effect: `(z_a + z_b) sqrt(var / n)` (Miller 2024)."""
    if cases < 1:
        return Detectable(None, "no cases")
    effect = aim.quantiles * math.sqrt(spread.of_case(repeats) / cases)
    if effect > 1:
        return Detectable(None, "too few cases: not even all against none would be found")
    return Detectable(effect)


def settle_regression(
    spread: Spread, *, seen: float, margin: float, cases: int, repeats: int = 1
) -> Settling:
    """What settles a regression gate: a pass (`L > −margin`) or a regression (`U < 0`).

    `seen` is candidate less baseline. The nearer of the two verdicts is the one that is planned.
    """
    gaps: list[tuple[float, Outlook]] = [(seen + margin, "pass"), (-seen, "regression")]
    return _settle(spread, max(gaps), cases=cases, repeats=repeats)


def expected_flips(cases: Sequence[Sequence[float]], *, repeats: int = 1) -> Flips:
    """Flips each way between two runs of one and the same model, from its repeats (0 or 1 each).

    A flip is a change of a case's pass share by more than half. With one repeat a run it is
    `sum p(1−p)`, for which c(K−c)/(K(K−1)) is unbiased. With more, the chance is the binomial one
    at the share seen, which is a little low where few repeats were seen.
    """
    seen = [case for case in cases if len(case)]
    if not seen:
        return Flips(None, None, "no cases")
    share = fmean(fmean(case) for case in seen)
    # p(1−p) is concave, so cases of unequal difficulty flip less; with more repeats it is not.
    at_most = len(seen) * share * (1 - share) if repeats == 1 else None
    several = [case for case in seen if len(case) > 1]
    if not several:
        return Flips(None, at_most, "how much answers vary is unknown until cases are repeated")
    chance = _variance if repeats == 1 else lambda case: _flip_chance(fmean(case), repeats)
    # Cases without a second repeat are taken to vary as the others do.
    return Flips(fmean(chance(case) for case in several) * len(seen), at_most)


def _variance(values: Sequence[float]) -> float:
    """That of a sample; the standard library's is exact and takes fifty times as long."""
    mean = fmean(values)
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)


def _noise(spread: Spread, repeats_a: int, repeats_b: int) -> float:
    if spread.within_a is None or spread.within_b is None:
        return 0.0
    return spread.within_a / repeats_a + spread.within_b / repeats_b


def _plan(number: float, at_least: int = 1) -> Plan:
    if not number < MOST:
        return Plan(None, "more than can be planned")
    # A whole number that rounding lifted by an ulp is meant as it stands.
    return Plan(max(at_least, math.ceil(number - 1e-9)))


def _settle(spread: Spread, target: tuple[float, Outlook], *, cases: int, repeats: int) -> Settling:
    gap, towards = target
    if gap <= 1e-12:
        return Settling(None, None, None, "the difference lies on the border of two verdicts")
    more = cases_needed(spread, gap, repeats=repeats, aim=ONE_SIDED)
    again = repeats_needed(spread, gap, cases=cases, aim=ONE_SIDED)
    return Settling(more.number, again.number, towards, more.why or again.why)


def _flip_chance(p: float, repeats: int) -> float:
    """The chance that of two runs with pass chance `p` the second is lower by more than half."""
    mass = [math.comb(repeats, c) * p**c * (1 - p) ** (repeats - c) for c in range(repeats + 1)]
    return math.fsum(
        mass[high] * mass[low]
        for high in range(repeats + 1)
        for low in range(high)
        if 2 * (high - low) > repeats
    )
