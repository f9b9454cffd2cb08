"""Whether a candidate has become worse than it was: the verdict against a baseline.

Only cases that test the same are compared, the case is the unit, and the order of the verdicts is
fixed: invalid, pass, regression, inconclusive. Not shown to be worse is never called equal.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import NormalDist, fmean

from harness.analysis import power
from harness.analysis.attempts import CaseKey
from harness.analysis.baseline import (
    Arm,
    CaseRecord,
    Overlap,
    Snapshot,
    changes,
    clusters_of,
    overlap,
)
from harness.analysis.paired import Difference, difference
from harness.analysis.regression_confirm import alarmed
from harness.analysis.regression_records import (
    ALARM_ALPHA,
    BaselineFacts,
    Finding,
    Flip,
    Policy,
    Regression,
    RegressionVerdict,
    Settling,
)
from harness.analysis.variance import t_critical

LEAST_SHARED = 0.5
"""Share of the smaller side's cases below which what is left is no fair part of the suite."""

Columns = tuple[list[float | None], list[float | None]]


@dataclass(slots=True)
class _Sides:
    """Both sides of one candidate in one suite, and the cases that test the same."""

    suite: str
    now: Arm
    before: Arm
    shared: Overlap
    pairs: list[tuple[CaseKey, CaseRecord, CaseRecord]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for key in self.shared.identical:
            self.pairs.append((key, self.now.cases[key], self.before.cases[key]))

    def shares(self) -> Columns:
        """The pass share of each case, now and before."""
        return [now.pass_share for _, now, _ in self.pairs], [
            before.pass_share for _, _, before in self.pairs
        ]

    def means(self) -> tuple[float | None, float | None]:
        """The means of these, over the cases that are graded on both sides."""
        both = [
            (now, before)
            for now, before in zip(*self.shares(), strict=True)
            if now is not None and before is not None
        ]
        if not both:
            return None, None
        return fmean(now for now, _ in both), fmean(before for _, before in both)

    def bounds(self, *, missing_pass: bool) -> Columns:
        """The same, with what is missing now as `missing_pass` and before as the opposite."""
        return [now.bound(missing_pass=missing_pass) for _, now, _ in self.pairs], [
            before.bound(missing_pass=not missing_pass) for _, _, before in self.pairs
        ]

    def repeats(self) -> tuple[list[list[float]], list[list[float]]]:
        """0 or 1 for each repeat of each case, now and before."""
        return (
            [[float(passed) for passed in now.passed] for _, now, _ in self.pairs],
            [[float(passed) for passed in before.passed] for _, _, before in self.pairs],
        )

    @property
    def clusters(self) -> list[tuple[str, ...]]:
        """The cluster of each compared case."""
        return clusters_of(self.now, self.shared.identical)


def regress(
    now: Snapshot, baseline: Snapshot, policies: Mapping[str, Policy], *, force: bool = False
) -> Regression:
    """Every candidate of `now` in every suite beside the baseline's of the same name.

    `policies` by suite; a suite without one is compared at the default margin and not gated.
    `force` compares a simulated run with a real one.
    """
    verdicts: list[RegressionVerdict] = []
    flips: list[Flip] = []
    for suite in now.suites:
        policy = policies.get(suite, Policy())
        for arm in now.arms.values():
            if suite in arm.suites:
                found, flipped = _of_candidate(
                    now, baseline, (suite, arm.name), policy, force=force
                )
                verdicts.append(found)
                flips += flipped
    compared = {
        (suite, case)
        for suite in now.suites
        for arm in now.arms.values()
        if arm.name in baseline.arms
        for suite, case in overlap(arm, baseline.arms[arm.name], [suite]).identical
    }
    return Regression(
        baseline=BaselineFacts(
            baseline.run,
            baseline.started_at,
            baseline.mode,
            baseline.simulated,
            baseline.harness_version,
        ),
        compared_cases=len(compared),
        new_cases=_named(verdicts, "new_cases"),
        changed_cases=_named(verdicts, "changed_cases"),
        removed_cases=_named(verdicts, "removed_cases"),
        flips=tuple(flips),
        candidates=tuple(verdicts),
    )


def decide(low: float, high: float, margin: float) -> Finding:
    """The verdict by the one-sided limits of now less before: the order is the policy."""
    if low > -margin:
        return "pass"
    return "regression" if high < 0 else "inconclusive"


def _named(verdicts: Sequence[RegressionVerdict], lists: str) -> tuple[str, ...]:
    named = {f"{found.suite}/{case}": None for found in verdicts for case in getattr(found, lists)}
    return tuple(named)


def _of_candidate(
    now: Snapshot, baseline: Snapshot, at: tuple[str, str], policy: Policy, *, force: bool
) -> tuple[RegressionVerdict, list[Flip]]:
    suite, name = at
    arm, other = now.arms[name], baseline.arms.get(name)
    bare = RegressionVerdict(suite, name, "invalid", policy.margin, policy.gated, policy.alpha)
    why = _not_comparable(now, baseline, force=force)
    if why:
        return replace(bare, why=why), []
    if other is None or suite not in other.suites:
        what = "candidate" if other is None else "suite of the candidate"
        return replace(bare, verdict="new", why=f"the baseline has no such {what}"), []
    sides = _Sides(suite, arm, other, overlap(arm, other, [suite]))
    flips = list(_flips(sides))
    return _judged(_described(bare, sides, flips), sides, policy), flips


def _not_comparable(now: Snapshot, baseline: Snapshot, *, force: bool) -> str:
    """Why nothing of the two runs can be compared; empty where something can."""
    if now.simulated != baseline.simulated and not force:
        kinds = ("simulated", "real") if now.simulated else ("real", "simulated")
        return f"this run is {kinds[0]} and the baseline is {kinds[1]}; --force compares them"
    if not set(now.arms) & set(baseline.arms):
        return f"no candidate of this run is in the baseline, which has {', '.join(baseline.arms)}"
    return ""


def _described(found: RegressionVerdict, sides: _Sides, flips: Sequence[Flip]) -> RegressionVerdict:
    """What can be said before judging: counts, lists, and what chance alone would flip."""
    now, before = sides.repeats()
    repeats = _usual(now)
    chance = power.expected_flips(before, repeats=repeats) if repeats else None
    lists = sides.shared
    return replace(
        found,
        compared_cases=len(sides.pairs),
        repeats=repeats,
        baseline_repeats=_usual(before),
        lost=sum(flip.direction == "lost" for flip in flips),
        gained=sum(flip.direction == "gained" for flip in flips),
        expected_flips=chance.each_way if chance else None,
        expected_at_most=chance.at_most if chance else None,
        missing=sum(record.missing for _, record, _ in sides.pairs),
        baseline_missing=sum(record.missing for _, _, record in sides.pairs),
        new_cases=tuple(case for _, case in lists.new),
        changed_cases=tuple(case for _, case in lists.changed),
        removed_cases=tuple(case for _, case in lists.removed),
        changes=changes(sides.now, sides.before),
    )


def _usual(cases: Sequence[Sequence[float]]) -> int:
    """How many graded repeats most cases have."""
    counts = Counter(len(case) for case in cases if case)
    return max(counts, key=lambda number: (counts[number], number)) if counts else 0


def _judged(found: RegressionVerdict, sides: _Sides, policy: Policy) -> RegressionVerdict:
    why = _too_little(sides) or _too_many_missing(found, sides, policy)
    if why:
        return replace(found, why=why)
    clusters = sides.clusters
    seen = difference(*sides.shares(), clusters, alpha=policy.alpha, sides=1)
    after, before = sides.means()
    found = replace(
        found,
        difference=seen.value,
        clusters=seen.clusters,
        caution=seen.caution,
        before=before,
        after=after,
    )
    if seen.value is None or seen.low is None or seen.high is None:
        return replace(found, why=f"nothing can be compared: {seen.why}")
    verdict = decide(seen.low, seen.high, policy.margin)
    spread = power.measured_spread(*sides.repeats(), clusters)
    found = replace(
        found, low=seen.low, high=seen.high, verdict=verdict, detectable=_detectable(spread, found)
    )
    if _depends_on_missing(sides, policy, verdict):
        why = "how the missing trials would have ended decides"
        return replace(found, verdict="inconclusive", why=why)
    if verdict == "inconclusive" and spread is not None:
        found = replace(found, settling=_settling(spread, seen, policy, found))
    if policy.confirm and verdict != "pass":
        return alarmed(found, difference(*sides.shares(), clusters, alpha=ALARM_ALPHA, sides=1))
    return found


def _too_little(sides: _Sides) -> str:
    lists = sides.shared
    same = len(lists.identical)
    smaller = same + len(lists.changed) + min(len(lists.new), len(lists.removed))
    if same and same >= LEAST_SHARED * smaller:
        return ""
    what = f"{same:,} of {smaller:,} cases are as they were in the baseline"
    if lists.unknown:
        return f"{what}, and {lists.unknown:,} do not say what they tested; make the baseline again"
    return f"{what}: too few to compare"


def _too_many_missing(found: RegressionVerdict, sides: _Sides, policy: Policy) -> str:
    for which, missing, records in (
        ("", found.missing, [now for _, now, _ in sides.pairs]),
        (" of the baseline", found.baseline_missing, [before for _, _, before in sides.pairs]),
    ):
        trials = sum(record.trials for record in records)
        if missing > policy.max_missing * trials:
            return f"{missing:,} of {trials:,} trials{which} are missing"
    return ""


def _depends_on_missing(sides: _Sides, policy: Policy, verdict: Finding) -> bool:
    """Whether another end of the missing trials could have made another verdict."""
    if not any(now.missing or before.missing for _, now, before in sides.pairs):
        return False
    for missing_pass in (False, True):
        columns = sides.bounds(missing_pass=missing_pass)
        seen = difference(*columns, sides.clusters, alpha=policy.alpha, sides=1)
        if seen.low is None or seen.high is None:
            return True
        if decide(seen.low, seen.high, policy.margin) != verdict:
            return True
    return False


def _detectable(spread: power.Spread | None, found: RegressionVerdict) -> float | None:
    """The minimum detectable effect; unknown where nothing varied, which is no certainty."""
    if spread is None or spread.of_case() == 0:
        return None
    repeats = max(1, min(found.repeats, found.baseline_repeats))
    effect = power.detectable(
        spread, cases=found.compared_cases, repeats=repeats, aim=power.ONE_SIDED
    )
    return effect.difference


def _settling(
    spread: power.Spread, seen: Difference, policy: Policy, found: RegressionVerdict
) -> Settling:
    """What would settle it; never fewer than there are, since those did not."""
    if spread.of_case() == 0 and seen.value == 0:
        return _settled_by_equals(policy)
    repeats = max(1, min(found.repeats, found.baseline_repeats))
    plan = power.settle_regression(
        spread, seen=seen.value or 0.0, margin=policy.margin, cases=seen.n, repeats=repeats
    )
    cases = None if plan.cases is None else max(plan.cases, seen.n + 1)
    again = None if plan.repeats is None else max(plan.repeats, repeats + 1)
    return Settling(cases, again, plan.towards, plan.why)


def _settled_by_equals(policy: Policy) -> Settling:
    """Where no case differs the lower limit is −t²/(n + t²): Tango 1998 without discordance."""
    if policy.margin <= 0:
        return Settling(None, None, None, "no case differs, and a margin of 0 asks for better")
    cases, odds = 2, (1 - policy.margin) / policy.margin
    normal = NormalDist().inv_cdf(1 - policy.alpha)
    while cases <= t_critical(policy.alpha, cases - 1, 1) ** 2 * odds:
        # No fewer than z asks for, and t falls as cases rise: it stops a few cases further on.
        cases = max(cases + 1, math.floor(normal**2 * odds))
    return Settling(cases, None, "pass", "no case differs, so repeats tell nothing")


def _flips(sides: _Sides) -> Iterator[Flip]:
    for (suite, case), now, before in sides.pairs:
        after, was = now.pass_share, before.pass_share
        if after is not None and was is not None and abs(after - was) > 0.5:
            yield Flip(
                suite=suite,
                case=case,
                candidate=sides.now.name,
                direction="lost" if after < was else "gained",
                before=(sum(before.passed), len(before.passed)),
                after=(sum(now.passed), len(now.passed)),
            )
