"""p-values that allow for how many questions were asked at once.

A p that is unknown stays None and still counts as asked: leaving it out would favour the others.
"""

from __future__ import annotations

from collections.abc import Sequence

PValues = Sequence[float | None]


def holm(p_values: PValues) -> tuple[float | None, ...]:
    """Each p, adjusted so that below α no more than α of such families hold any false claim.

    The i-th smallest of m becomes the largest of (m − j + 1)·p_j for j up to i. Holm 1979.
    """
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, place) in enumerate(_ascending(p_values)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p))
        adjusted[place] = largest
    return tuple(adjusted)


def _ascending(p_values: PValues) -> list[tuple[float, int]]:
    return sorted((p, place) for place, p in enumerate(p_values) if p is not None)
