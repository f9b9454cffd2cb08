"""How a regression verdict reads: the difference, its limits, the policy, and the way on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.analysis.figures import UNKNOWN, exactly

if TYPE_CHECKING:
    from harness.analysis.regression_records import RegressionVerdict

LISTED = 3


def points(share: float | None, *, signed: bool = True) -> str:
    """A difference of shares in percentage points: `−2.3 points`; `0.0` for less than a tenth."""
    if share is None:
        return UNKNOWN
    return f"{_tenths(share, signed=signed)} points"


def limits(low: float | None, high: float | None) -> str:
    """Both limits of a difference: `−4.1 to +0.3 points`."""
    if low is None or high is None:
        return UNKNOWN
    return f"{_tenths(low)} to {_tenths(high)} points"


def _tenths(share: float, *, signed: bool = True) -> str:
    rounded = round(share * 100, 1) + 0.0
    text = f"{rounded:+.1f}" if signed and rounded else f"{rounded:.1f}"
    return text.replace("-", "−")


def detail(found: RegressionVerdict) -> str:
    """The verdict in a line, with the policy that it follows."""
    if found.difference is None:
        return found.why
    figures = (
        f"{points(found.difference)} ({limits(found.low, found.high)}) in "
        f"{_counted(found.compared_cases, 'case')}, margin {_margin(found)}"
    )
    said = (figures, _meaning(found), _second_look(found), _told(found))
    return "; ".join(part for part in said if part)


def _second_look(found: RegressionVerdict) -> str:
    """What both looks saw: `first look: at most −0.4 points at 10 %, second look: …`."""
    again = found.confirmation
    if again is None:
        return ""
    level = f"{again.alpha:.0%}".replace("%", " %")
    first = f"first look: at most {points(again.first_high)} at {level}"
    if again.alarmed is None:
        return first
    cases = _counted(again.n_cases, "case")
    second = f"second look: {points(again.difference)} ({limits(again.low, again.high)}) in {cases}"
    beside = (
        "both sides asked again"
        if again.baseline_fresh
        else f"beside the stored baseline, since {again.why}: false alarms are about 3 %, not 1 %"
    )
    missing = f", {_counted(again.missing, 'trial')} missing" if again.missing else ""
    return f"{first}, {second}{missing}, {beside}"


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word if number == 1 else f'{word}s'}"


def _margin(found: RegressionVerdict) -> str:
    share = exactly(found.margin, "pass_rate").removesuffix(" %")
    own = "" if found.gated else " by default"
    return f"{share} points{own}"


def _meaning(found: RegressionVerdict) -> str:
    if found.verdict in ("invalid", "inconclusive") and found.why:
        return found.why
    if found.verdict == "pass":
        inside = found.high is not None and found.high < 0
        return "real but inside the margin" if inside else ""
    if found.verdict == "regression":
        twice = ", twice" if found.confirmation is not None else ""
        return f"worse than the baseline{twice}"
    return way_on(found)


def way_on(found: RegressionVerdict) -> str:
    """What would settle an inconclusive verdict; empty for the others."""
    if found.verdict != "inconclusive":
        return ""
    settling = found.settling
    if settling is None or not (settling.cases or settling.repeats):
        return settling.why if settling and settling.why else "no number of cases settles this"
    ways = [f"about {settling.cases:,} cases"] if settling.cases else []
    ways += [f"{settling.repeats:,} repeats on both sides"] if settling.repeats else []
    return f"{' or '.join(ways)} would settle it"


def _told(found: RegressionVerdict) -> str:
    parts = []
    if found.detectable is not None and found.verdict == "inconclusive":
        parts.append(f"at this size a loss of {points(found.detectable, signed=False)} is found")
    if found.changes:
        parts.append(", ".join(found.changes[:LISTED]))
    return "; ".join(parts)
