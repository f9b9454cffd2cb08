"""Coverage and false alarms of the shipped statistics, by simulation, beside earlier figures.

    python tests/benchmarks/interval_coverage.py [--draws N] [--seed N] [--only rate,…]

The goal is the figure of a study of the same methods with other generators (4,000 draws, Monte
Carlo error about .0035). Where a setting is fully described by its name the two should agree
within the errors; with repeats and unequal clusters they depend on how cases are made to differ.
Nothing here is asserted. With 4,000 draws it takes a few minutes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from report import Row, table
from scipy.special import betaincinv, ndtr

from harness.analysis.crossfit import Rows, cross_fit_cascade
from harness.analysis.intervals import rate_interval
from harness.analysis.multiplicity import holm
from harness.analysis.paired import difference, noninferiority
from harness.analysis.ppi import corrected_mean
from harness.analysis.ratios import cost_per_correct, ratio

Floats = NDArray[np.float64]
Draw = Callable[[Generator, int], bool]

SIZES = (20, 50, 100, 300)
FIVE, UNEQUAL = (5,), (1, 1, 2, 4, 12)
CONCENTRATION = 7 / 3
"""Of the beta distribution of difficulties: cases of one difficulty correlate by .3."""
SHARED = 0.7
"""How much of a case's difficulty is the same to all models."""


@dataclass(frozen=True, slots=True)
class World:
    """How scores arise: the models' accuracies, repeats, and clusters whose cases are alike."""

    name: str
    accuracies: tuple[float, ...]
    published: tuple[float, ...]
    repeats: int = 1
    clusters: tuple[int, ...] = (1,)
    alike: float = 0.0
    graded: bool = False

    def codes(self, n: int) -> list[int]:
        """The cluster of each of `n` cases, sizes in turn."""
        sizes = np.resize(self.clusters, n)
        return np.repeat(np.arange(n), sizes)[:n].tolist()

    def scores(self, random: Generator, n: int) -> list[Floats]:
        """Each model's mean score in each of `n` cases."""
        if self.graded:
            return [random.beta(2, 2 / m - 2, n) for m in self.accuracies]
        codes = self.codes(n)
        common = self._latent(random, codes)
        return [
            random.binomial(
                self.repeats,
                difficulty(
                    m, sqrt(SHARED) * common + sqrt(1 - SHARED) * self._latent(random, codes)
                ),
            )
            / self.repeats
            for m in self.accuracies
        ]

    def _latent(self, random: Generator, codes: list[int]) -> Floats:
        of_cluster = random.standard_normal(codes[-1] + 1)[codes]
        return sqrt(self.alike) * of_cluster + sqrt(1 - self.alike) * random.standard_normal(
            len(codes)
        )


@lru_cache
def quantiles(mean: float) -> tuple[Floats, Floats]:
    """A table of the beta distribution of pass chances with this mean."""
    at = np.linspace(0, 1, 20_001)
    return at, betaincinv(mean * CONCENTRATION, (1 - mean) * CONCENTRATION, at)


def difficulty(mean: float, latent: Floats) -> Floats:
    """The pass chance of each case, from its standard normal place among all cases."""
    return np.interp(ndtr(latent), *quantiles(mean))


RATES = (
    World("binary .95", (0.95,), (0.98, 0.96, 0.97, 0.95)),
    World("binary .80", (0.8,), (0.96, 0.95, 0.94, 0.96)),
    World("K=5, .95", (0.95,), (0.97, 0.91, 0.94, 0.95), repeats=5),
    World("graded, skewed", (0.8,), (0.94, 0.95, 0.94, 0.95), graded=True),
    World("clusters of 5, ICC .3, .80", (0.8,), (0.99, 0.94, 0.95, 0.95), 1, FIVE, 1.0),
    World("unequal clusters, K=5, .80", (0.8,), (0.93, 0.94, 0.93, 0.94), 5, UNEQUAL, 0.6),
    World("unequal clusters, K=5, .95", (0.95,), (0.98, 0.9, 0.88, 0.9), 5, UNEQUAL, 0.6),
)
PAIRS = (
    World("K=1 (.8, .8)", (0.8, 0.8), (0.97, 0.96, 0.96, 0.95)),
    World("K=1 (.97, .95)", (0.97, 0.95), (1.0, 0.98, 0.96, 0.95)),
    World("K=5 (.97, .95)", (0.97, 0.95), (0.96, 0.95, 0.95, 0.95), 5),
    World("clusters of 5 (.9, .85)", (0.9, 0.85), (0.99, 0.96, 0.96, 0.95), 1, FIVE, 0.6),
    World("unequal clusters, K=5 (.8, .8)", (0.8, 0.8), (0.96, 0.96, 0.95, 0.96), 5, UNEQUAL, 0.6),
    World(
        "unequal clusters, K=5 (.97, .95)", (0.97, 0.95), (0.97, 0.96, 0.95, 0.95), 5, UNEQUAL, 0.6
    ),
)


def rate(world: World) -> Draw:
    """Whether the interval of one model's mean covers its accuracy."""

    def covers(random: Generator, n: int) -> bool:
        found = rate_interval(world.scores(random, n)[0], world.codes(n))
        return within(found.low, world.accuracies[0], found.high)

    return covers


def pair(world: World) -> Draw:
    """Whether the interval of a difference covers it."""

    def covers(random: Generator, n: int) -> bool:
        found = difference(*world.scores(random, n), world.codes(n))
        return within(found.low, world.accuracies[0] - world.accuracies[1], found.high)

    return covers


def alarm(world: World) -> Draw:
    """Whether the gate calls a regression (upper limit below 0, one-sided .05)."""

    def alarms(random: Generator, n: int) -> bool:
        found = difference(*world.scores(random, n), world.codes(n), sides=1)
        return found.high is not None and found.high < 0

    return alarms


def passed(world: World) -> Draw:
    """Whether non-inferiority by 5 points is claimed, one-sided .05."""

    def claims(random: Generator, n: int) -> bool:
        return bool(noninferiority(*world.scores(random, n), 0.05, world.codes(n)).holds)

    return claims


def family(world: World, *, adjusted: bool) -> Draw:
    """Whether any of the three pairs of equal models is called different."""

    def claims(random: Generator, n: int) -> bool:
        a, b, c = world.scores(random, n)
        p = [difference(x, y).p for x, y in ((a, b), (a, c), (b, c))]
        return any(one is not None and one < 0.05 for one in (holm(p) if adjusted else p))

    return claims


def cost_ratio(random: Generator, n: int) -> bool:
    """Whether Fieller's interval covers the ratio of two paired log-normal costs."""
    case = random.normal(0, 0.5, n)
    a, b = (m * np.exp(case + random.normal(0, 0.5, n)) for m in (2.0, 1.0))
    found = ratio(a, b)
    return found.low is not None and found.low <= 2.0 and (found.high is None or found.high >= 2)


def per_correct(accuracy: float) -> Draw:
    """Whether the cost per correct answer covers the true one; costs are log-normal, sd .8."""
    truth = np.exp(0.8**2 / 2) / accuracy

    def covers(random: Generator, n: int) -> bool:
        found = cost_per_correct(random.lognormal(0, 0.8, n), random.random(n) < accuracy)
        return found.low is not None and found.low <= truth <= (found.high or np.inf)

    return covers


def corrected(random: Generator, n: int) -> bool:
    """Whether the corrected mean covers .75: a fifth labelled, judge right on .9 and .8."""
    truth = random.random(n) < 0.75
    judged = np.where(truth, random.random(n) < 0.9, random.random(n) < 0.2).astype(float)
    found = corrected_mean(np.where(np.arange(n) < n // 5, truth, np.nan), judged)
    return within(found.low, 0.75, found.high)


def cascade(random: Generator, n: int) -> bool:
    """Whether the held-out net benefit covers that of the threshold fitted to all cases.

    An answer is worth 13, the calls cost 1 and 4: what is left is scaled to 0 to 1 and taken as
    the score, since it, not quality alone, is what the threshold makes the most of.
    """
    signal = random.random(n)
    cheap, dear = random.random(n) < 0.5 + signal / 2, random.random(n) < 0.85
    free = np.zeros(n)

    def best(quality: Floats, cost: Floats) -> int:
        return int((quality - cost).argmax())

    rows = Rows(signal, (13 * cheap + 4) / 17, free, 13 * dear / 17, free)
    found = cross_fit_cascade(rows, best, seed=int(random.integers(2**31)))
    t = {"never": 0.0, "always": 1.0}.get(found.escalates or "", found.threshold or 0.0)
    quality = 0.85 * t + (1 - t) / 2 + (1 - t**2) / 4
    return within(found.quality.low, (13 * quality + 4 * (1 - t)) / 17, found.quality.high)


def within(low: float | None, truth: float, high: float | None) -> bool:
    """Whether an interval that is there covers; one that is not covers nothing."""
    return low is not None and high is not None and low <= truth <= high


EQUAL = World("", (0.85, 0.85), ())
WORSE = World("", (0.80, 0.85), ())

Task = tuple[str, Draw, tuple[int, ...], tuple[float, ...]]

TASKS: dict[str, list[Task]] = {
    "rate": [(f"rate, {w.name}", rate(w), SIZES, w.published) for w in RATES],
    "pair": [(f"pair, {w.name}", pair(w), SIZES, w.published) for w in PAIRS],
    "test": [
        ("false claims of non-inferiority, K=1 at −5 points", passed(WORSE), SIZES[:3],
         (0.045, 0.049, 0.05)),
        ("the same, K=5", passed(World("", (0.80, 0.85), (), 5)), (100, 300), (0.061, 0.05)),
        ("false alarms of the gate, K=1", alarm(EQUAL), (100,), (0.048,)),
        ("the same, K=5", alarm(World("", (0.85, 0.85), (), 5)), (100,), (0.045,)),
        ("any of three pairs, p as it is", family(World("", (0.8,) * 3, ()), adjusted=False),
         (100,), (0.115,)),
        ("any of three pairs, Holm", family(World("", (0.8,) * 3, ()), adjusted=True),
         (100,), (0.036,)),
    ],
    "ratio": [
        ("cost ratio, Fieller", cost_ratio, SIZES, (0.95,) * 4),
        ("cost per correct, .5", per_correct(0.5), SIZES, (0.95,) * 4),
        ("cost per correct, .9", per_correct(0.9), SIZES, (0.9, 0.93, 0.94, 0.95)),
    ],
    "judge": [
        ("PPI++, a fifth labelled", corrected, (300,), (0.932,)),
        ("cascade, held out", cascade, SIZES[1:], (0.93, 0.93, 0.935)),
    ],
}  # fmt: skip


def rows(kinds: list[str], draws: int, seed: int) -> Iterator[Row]:
    """A row for each setting and size: the share of draws, and its Monte Carlo error."""
    for kind in kinds:
        for number, (name, draw, sizes, published) in enumerate(TASKS[kind]):
            for n, goal in zip(sizes, published, strict=True):
                random = np.random.default_rng([seed, list(TASKS).index(kind), number, n])
                share = sum(draw(random, n) for _ in range(draws)) / draws
                error = f"± {sqrt(max(share * (1 - share), 1 / draws) / draws):.4f}"
                yield Row(f"{name}, n={n}", share, "", f"{goal:g}", error, 3)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--draws", type=int, default=4000, help="of each setting and size")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default=",".join(TASKS), help="some of the kinds")
    given = parser.parse_args()
    kinds = given.only.split(",")
    if unknown := set(kinds) - set(TASKS):
        parser.error(f"no kind {sorted(unknown)}; there are {', '.join(TASKS)}")
    print(table(rows(kinds, given.draws, given.seed)))


if __name__ == "__main__":
    main()
