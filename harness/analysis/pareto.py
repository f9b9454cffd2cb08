"""Which candidates no other beats in both cost and pass rate, and how sure the data are of that."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from harness.analysis.attempts import CaseKey
from harness.analysis.between import Pareto, ParetoPoint
from harness.analysis.columns import Columns, shared
from harness.analysis.hull import Point, hull, pareto_front
from harness.analysis.pairs import SEED
from harness.analysis.resample import DRAWS, Frequencies, front_and_ranks


def pareto(candidates: Mapping[str, Columns], *, seed: int = SEED, draws: int = DRAWS) -> Pareto:
    """Front, hull and bootstrap frequencies over the cases in which every candidate was graded.

    The frequency is by the joint cluster bootstrap: one resample serves all candidates. Candidates
    without a price have no place on either, and are left out of the resamples.
    """
    if len(candidates) < 2:
        return _empty(candidates, seed, "there are not two candidates")
    keys = _complete(candidates)
    samples = {name: one.over(keys) for name, one in candidates.items()}
    points = [_point(name, one) for name, one in samples.items()]
    known = [name for point, name in zip(points, samples, strict=True) if point.at is not None]
    if not known:
        why = "no case has a grade of every candidate" if not keys else "no candidate has a price"
        return _empty(candidates, seed, why)
    often = _often([samples[name] for name in known], seed, draws)
    shares = dict(zip(known, often.front, strict=False))
    front = tuple(point.name for point in pareto_front(points))
    corners = tuple(point.name for point in hull(points))
    return Pareto(
        candidates=tuple(
            _placed(point, front=front, corners=corners, share=shares.get(point.name))
            for point in points
        ),
        front=front,
        hull=corners,
        n_cases=len(keys),
        clusters=next(iter(samples.values())).groups,
        draws=often.draws,
        seed=seed,
        why=often.why,
    )


def _empty(names: Mapping[str, Columns], seed: int, why: str) -> Pareto:
    points = tuple(
        ParetoPoint(name, None, None, on_front=False, on_hull=False, bootstrap_frequency=None)
        for name in names
    )
    return Pareto(points, (), (), 0, 0, 0, seed, why)


def _complete(candidates: Mapping[str, Columns]) -> list[CaseKey]:
    """The cases in which all were graded."""
    keys = shared(list(candidates.values()))
    columns = [one.over(keys).graded for one in candidates.values()]
    return [key for key, *graded in zip(keys, *columns, strict=True) if all(graded)]


def _point(name: str, one: Columns) -> Point:
    return Point(name, _mean(one.spent_each), _mean(one.passed))


def _mean(values: Sequence[float]) -> float | None:
    """The mean, unknown where one value is."""
    known = not any(map(math.isnan, values))
    return math.fsum(values) / len(values) if values and known else None


def _often(samples: Sequence[Columns], seed: int, draws: int) -> Frequencies:
    return front_and_ranks(
        [one.passed for one in samples],
        [one.spent_each for one in samples],
        samples[0].clusters,
        seed=seed,
        draws=draws,
    )


def _placed(
    point: Point, *, front: Sequence[str], corners: Sequence[str], share: float | None
) -> ParetoPoint:
    cost = None if point.cost is None else float(point.cost)
    return ParetoPoint(
        name=point.name,
        cost_per_trial=cost,
        pass_rate=point.quality,
        on_front=point.name in front,
        on_hull=point.name in corners,
        bootstrap_frequency=share,
    )
