"""A trial under way: its computation, what that waits for, and what it was given so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.recorder import Asked
from harness.records import Request, Result, Steps
from harness.trial import Trial


@dataclass(slots=True, eq=False)
class Attempt:
    """One go at a trial. `requests` are what it waits for, and `keys` the names of their answers.

    `asking` is None before it has begun, and `heard` tells whether it was answered anything.
    """

    trial: Trial
    asked: Asked
    asking: Steps[Result] | None = None
    requests: Sequence[Request] = ()
    keys: Sequence[str] = ()
    heard: bool = False

    @classmethod
    def at(cls, trial: Trial) -> Attempt:
        """One that has not begun."""
        return cls(trial, Asked(trial.repeat))

    def rest(self) -> None:
        """Hold as little as can be for a while; what was heard already is not given up."""
        if not self.heard:
            self.asking, self.requests, self.keys = None, (), ()
            self.asked = Asked(self.asked.repeat)
