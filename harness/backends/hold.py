"""Keeps a class of models back: as long as the API asks, and while nobody is answered.

Pure, like `pace`. While the API turns everybody away, one request at a time finds out whether it is
over; its answer lets the others go at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

FIRST_S, GROWS, LONGEST_S = 0.5, 1.5, 5.0
"""Seconds between requests that find out whether the API answers again."""
IN_A_ROW = 4
"""Refusals without an answer between them from which on the others wait."""


@dataclass(slots=True)
class Hold:
    """Nothing goes before `not_before`, nor while `probe` is under way: the number of a request."""

    not_before: float = -math.inf
    probe: int | None = None
    seconds: float = 0.0
    """Between two probes; 0 while there is no need of any."""
    since: float = math.inf
    asked_until: float = -math.inf
    row: int = 0
    row_since: float = math.inf

    def sent(self, number: int) -> None:
        """The request with this number goes."""
        if self.seconds:
            self.probe = number

    def ended(self, number: int) -> None:
        """It has ended, however."""
        if self.probe == number:
            self.probe = None

    def asked(self, retry_after_s: float, now: float) -> None:
        """The API asks to wait."""
        self.asked_until = max(self.asked_until, now + retry_after_s)
        self.not_before = max(self.not_before, self.asked_until)

    def refused(self, sent_at: float, now: float, enough: float) -> None:
        """A request was turned away; so many of them in a row are `enough` to hold the others."""
        if not self.row:
            self.row_since = sent_at
        self.row += 1
        if not self.seconds and self.row >= enough:
            self.seconds, self.since = FIRST_S, now
        elif self.seconds and sent_at >= self.since:
            self.seconds, self.since = min(GROWS * self.seconds, LONGEST_S), now
        if self.seconds:
            self.not_before = max(self.asked_until, self.since + self.seconds)

    def answered(self, sent_at: float) -> None:
        """An answer ends it, unless it is one to a request from before."""
        if sent_at >= self.row_since:
            self.row, self.seconds, self.probe = 0, 0.0, None
            self.not_before = self.asked_until
