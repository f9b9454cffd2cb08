"""Whether a second look at fresh answers confirms the loss that a first look has found.

Both looks alarm at 10 %: where nothing has changed, about 1 % of candidates alarm twice. Beside the
stored baseline, whose luck both looks share, it is about 3 %.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

from harness.analysis.baseline import CaseRecord
from harness.analysis.paired import Difference, difference
from harness.analysis.regression_records import ALARM_ALPHA, Confirmation, RegressionVerdict

PENDING = "the second look has not ended"
NOT_AGAIN = "the alarm did not repeat"
DECIDED_BY_MISSING = "how the missing trials of the second look would have ended decides"

Columns = tuple[list[float | None], list[float | None]]


@dataclass(frozen=True, slots=True)
class FreshSides:
    """The compared cases as the second look found them, now and before, and their clusters.

    `why` says why what is before is not fresh; empty where it is.
    """

    now: Sequence[CaseRecord]
    before: Sequence[CaseRecord]
    clusters: Sequence[Hashable]
    why: str = ""

    @property
    def missing(self) -> int:
        """Trials without a grade, on both sides."""
        return sum(record.missing for record in (*self.now, *self.before))

    def shares(self) -> Columns:
        """The pass share of each case, now and before."""
        return [each.pass_share for each in self.now], [each.pass_share for each in self.before]

    def at_best(self) -> Columns:
        """The same, had every missing trial ended as is best for what is now."""
        return [each.bound(missing_pass=True) for each in self.now], [
            each.bound(missing_pass=False) for each in self.before
        ]


def alarmed(found: RegressionVerdict, first: Difference) -> RegressionVerdict:
    """The verdict where the limits of the `first` look at 10 % decide whether there is a second.

    A loss that they show is inconclusive until the second look has ended.
    """
    if first.high is None or first.high >= 0:
        return found
    waiting = Confirmation(ALARM_ALPHA, first.high)
    return replace(found, verdict="inconclusive", why=PENDING, confirmation=waiting)


def confirmed(found: RegressionVerdict, again: FreshSides) -> RegressionVerdict:
    """The verdict after the second look: a regression only where it alarms on its own answers.

    Trials that are missing there cannot make the alarm.
    """
    if found.confirmation is None:
        return found
    seen = _difference(again.shares(), again)
    repeated = _below_zero(seen)
    decided = repeated and again.missing and not _below_zero(_difference(again.at_best(), again))
    confirmation = replace(
        found.confirmation,
        n_cases=seen.n,
        difference=seen.value,
        low=seen.low,
        high=seen.high,
        alarmed=repeated and not decided,
        baseline_fresh=not again.why,
        missing=again.missing,
        why=again.why,
    )
    if confirmation.alarmed:
        found = replace(found, verdict="regression", why="", settling=None)
    else:
        found = replace(found, why=DECIDED_BY_MISSING if decided else NOT_AGAIN)
    return replace(found, confirmation=confirmation)


def _difference(columns: Columns, again: FreshSides) -> Difference:
    return difference(*columns, list(again.clusters), alpha=ALARM_ALPHA, sides=1)


def _below_zero(seen: Difference) -> bool:
    return seen.high is not None and seen.high < 0
