"""Cost against quality: who is on the front, and what mixing two models would give at a cost.

Sending a random share of the traffic to one of two models reaches every point of the line between
them. So the hull, not the front, is what a cascade or a third model has to beat.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Side = Literal["above", "on", "below"]

TOLERANCE = 1e-9
"""How far from the chord, in units of quality, still counts as on it."""


@dataclass(frozen=True, slots=True)
class Point:
    """What one way of answering costs a case and how good it is; `None` where it is unknown."""

    name: str
    cost: float | Decimal | None
    quality: float | None

    @property
    def at(self) -> tuple[float, float] | None:
        """Cost and quality as numbers, or `None` where one of them is unknown."""
        if self.cost is None or self.quality is None:
            return None
        cost, quality = float(self.cost), float(self.quality)
        return (cost, quality) if math.isfinite(cost) and math.isfinite(quality) else None


@dataclass(frozen=True, slots=True)
class Mix:
    """The best random mix of two points at a cost: `share` of the traffic goes to `dearer`.

    Where one point alone is best, `dearer` is `cheaper`. `quality` is `None` where nothing can be
    had for that cost, and `why` says so.
    """

    quality: float | None
    cheaper: str | None = None
    dearer: str | None = None
    share: float | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a point lies: `gap` is its quality less that of the best mix at the same cost."""

    gap: float | None
    side: Side | None
    mix: Mix
    why: str = ""


def pareto_front(points: Sequence[Point]) -> tuple[Point, ...]:
    """The points that no other beats, cheapest first; twins stay both, unknown ones stay out.

    One point beats another when it is as cheap and as good, and better in one of the two.
    """
    known = sorted(_known(points), key=lambda pair: (pair[0][0], -pair[0][1]))
    front: list[tuple[tuple[float, float], Point]] = []
    for at, point in known:
        if not front or at[1] > front[-1][0][1] or at == front[-1][0]:
            front.append((at, point))
    return tuple(point for _at, point in front)


def hull(points: Sequence[Point]) -> tuple[Point, ...]:
    """The corners of the upper hull, from the cheapest point to the best one, cheapest first.

    The upper chain of Andrew's monotone chain (1979), kept where quality still rises with cost.
    """
    corners: list[tuple[tuple[float, float], Point]] = []
    for point in pareto_front(points):
        at = point.at
        if at is None or (corners and corners[-1][0] == at):
            continue
        while len(corners) > 1 and _turn(corners[-2][0], corners[-1][0], at) >= 0:
            corners.pop()
        corners.append((at, point))
    return tuple(point for _at, point in corners)


def best_mix(points: Sequence[Point], cost: float | Decimal) -> Mix:
    """The highest quality that mixing `points` at random can reach for `cost` a case."""
    corners = hull(points)
    if not corners:
        return Mix(None, why="no point has both a cost and a quality")
    x = float(cost)
    if x < _at(corners[0])[0]:
        return Mix(None, why="cheaper than every point")
    dearer = next((i for i, corner in enumerate(corners) if _at(corner)[0] > x), len(corners))
    left = corners[dearer - 1]
    if dearer == len(corners):
        return Mix(_at(left)[1], left.name, left.name, 0.0)
    right = corners[dearer]
    (x0, y0), (x1, y1) = _at(left), _at(right)
    share = (x - x0) / (x1 - x0)
    return Mix(y0 + share * (y1 - y0), left.name, right.name, share)


def against_chord(point: Point, points: Sequence[Point]) -> Position:
    """Whether `point` is better than mixing `points` at its own cost, and by how much."""
    at = point.at
    if at is None:
        return Position(None, None, Mix(None, why="no cost"), "its cost or quality is unknown")
    mix = best_mix(points, at[0])
    if mix.quality is None:
        return Position(None, None, mix, mix.why)
    gap = at[1] - mix.quality
    if abs(gap) <= TOLERANCE:
        return Position(gap, "on", mix)
    return Position(gap, "above" if gap > 0 else "below", mix)


def _known(points: Sequence[Point]) -> list[tuple[tuple[float, float], Point]]:
    return [(at, point) for point in points if (at := point.at) is not None]


def _at(corner: Point) -> tuple[float, float]:
    at = corner.at
    assert at is not None, "corners are known points"
    return at


def _turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    """Above 0 where the way a, b, c turns left: then b lies under the line from a to c."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
