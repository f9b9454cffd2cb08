"""How many of the last requests came to the same end, smoothed."""

from __future__ import annotations

from dataclasses import dataclass

SAMPLE = 32
"""About so many requests are remembered."""


@dataclass(slots=True)
class Share:
    """The share of requests of one kind among all, from 0 to 1; begins at 0."""

    value: float = 0.0

    def add(self) -> None:
        """One more of the kind."""
        self.value += (1 - self.value) / SAMPLE

    def fade(self) -> None:
        """One of another kind."""
        self.value -= self.value / SAMPLE

    def forget(self) -> None:
        """Begin again."""
        self.value = 0.0
