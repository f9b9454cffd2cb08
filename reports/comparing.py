"""Runs beside each other: what is shown of a baseline's verdicts and of `harness compare`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.analysis.regression_records import Flip, RegressionVerdict
from harness.analysis.regression_words import detail, limits, points
from reports import numbers
from reports.tables import Table
from reports.text import one_line

if TYPE_CHECKING:
    from harness.analysis.sidebyside import RunDifference, Showing, SideBySide

LISTED = 5
FLIPS_LISTED = 50
HISTORY_LEFT = 22
HISTORY_WIDTH = 41

NOT_COMPARED = {
    "new": "Not in the baseline",
    "changed": "Testing something else by now",
    "removed": "In the baseline, and not in this run",
}

Regression = Mapping[str, Any]
"""`regression` of a Comparison: the fields of `regression_records.Regression`."""


def regression_table(regression: Regression) -> Table:
    """A row a suite and candidate: the verdict, before and now, the difference and its limits."""
    columns = (
        "verdict", "suite", "candidate", "before", "now", "difference", "one-sided limits",
        "margin", "cases", "lost", "gained", "by chance",
    )  # fmt: skip
    rows = tuple(_verdict(found) for found in regression["candidates"])
    return Table("Against the baseline", columns, rows, left=3)


def _verdict(found: RegressionVerdict) -> tuple[str, ...]:
    return (
        found.verdict,
        found.suite,
        found.candidate,
        numbers.percent(found.before),
        numbers.percent(found.after),
        points(found.difference),
        limits(found.low, found.high),
        points(found.margin, signed=False),
        _size(found),
        numbers.count(found.lost),
        numbers.count(found.gained),
        by_chance(found),
    )


def _size(found: RegressionVerdict) -> str:
    """`120`, `120 × 3`, or `120 × 3 (baseline × 12)`."""
    cases = numbers.count(found.compared_cases)
    if found.repeats <= 1 and found.baseline_repeats <= 1:
        return cases
    if found.repeats == found.baseline_repeats:
        return f"{cases} × {found.repeats}"
    return f"{cases} × {found.repeats} (baseline × {found.baseline_repeats})"


def by_chance(found: RegressionVerdict) -> str:
    """The flips each way that chance alone makes: `3.2`, `at most 4.0`, or unknown."""
    if found.expected_flips is not None:
        return f"{found.expected_flips:.1f} each way"
    if found.expected_at_most is not None:
        return f"at most {found.expected_at_most:.1f} each way"
    return numbers.UNKNOWN


def flips_table(regression: Regression, *, limit: int = FLIPS_LISTED) -> Table:
    """A row a flipped case, those that were lost first; at most `limit`."""
    flips: Sequence[Flip] = regression["flips"]
    ordered = sorted(flips, key=lambda flip: flip.direction != "lost")[:limit]
    rows = tuple(
        (flip.direction, flip.suite, flip.case, flip.candidate, _of(flip.before), _of(flip.after))
        for flip in ordered
    )
    columns = ("flip", "suite", "case", "candidate", "before", "now")
    return Table("Flips", columns, rows, left=4)


def _of(repeats: tuple[int, int]) -> str:
    return f"{repeats[0]} of {repeats[1]}"


def regression_lines(regression: Regression) -> list[str]:
    """What was compared with what, a line a verdict, and the cases that were not compared."""
    baseline = regression["baseline"]
    simulated = ", simulated" if baseline.simulated else ""
    compared = numbers.counted(regression["compared_cases"], "identical case")
    lines = [f"Baseline: {baseline.run} of {baseline.started_at:%Y-%m-%d}{simulated}; {compared}"]
    lines += [
        f"{found.verdict}: {found.suite} [{found.candidate}]: {detail(found)}"
        for found in regression["candidates"]
    ]
    for what, said in NOT_COMPARED.items():
        if cases := regression[f"{what}_cases"]:
            lines.append(f"{said}, not compared: {_listed(cases)}")
    if flips := regression["flips"]:
        lost = sum(flip.direction == "lost" for flip in flips)
        lines.append(f"Flips: {lost:,} lost, {len(flips) - lost:,} gained")
    return lines


def _listed(names: Sequence[str]) -> str:
    more = len(names) - LISTED
    shown = ", ".join(names[:LISTED])
    return f"{shown} and {numbers.count(more)} more" if more > 0 else shown


def showings_table(found: SideBySide) -> Table:
    """A row a candidate and run, the runs of a candidate together."""
    names = {showing.candidate: None for showing in found.showings}
    order = list(names)
    ordered = sorted(found.showings, key=lambda showing: order.index(showing.candidate))
    columns = ("candidate", "run", "model", "of", "passed", "cases", "score", "cost", "missing")
    return Table("Runs", columns, tuple(map(_showing, ordered)), left=4)


def _showing(showing: Showing) -> tuple[str, ...]:
    return (
        showing.candidate,
        showing.run,
        showing.model,
        f"{showing.started_at:%Y-%m-%d}" + (" simulated" if showing.simulated else ""),
        numbers.percent(showing.pass_rate),
        numbers.count(showing.cases),
        numbers.score(showing.score),
        numbers.dollars(showing.cost_usd),
        numbers.count(showing.missing),
    )


def history_lines(found: SideBySide) -> list[str]:
    """Each candidate's pass rate from run to run, oldest first, drawn with its 95 % limits.

    Only of candidates that are in several runs.
    """
    runs: defaultdict[str, list[Showing]] = defaultdict(list)
    for showing in sorted(found.showings, key=lambda showing: showing.started_at):
        runs[showing.candidate].append(showing)
    lines: list[str] = []
    for name, showings in runs.items():
        if len(showings) > 1:
            scale = f"{'0 %':<{HISTORY_WIDTH - 5}}100 %"
            title = one_line(name, HISTORY_LEFT - 1)
            lines += ["", f"{title:<{HISTORY_LEFT}}{scale}", *map(_drawn, showings)]
    return lines[1:]


def _drawn(showing: Showing) -> str:
    """A pass rate as a spot on a line of fixed width, with its limits to both sides."""
    spots = ["·"] * HISTORY_WIDTH
    if showing.low is not None and showing.high is not None:
        low, high = (_place(limit) for limit in (showing.low, showing.high))
        spots[low : high + 1] = "─" * (high + 1 - low)
        spots[low], spots[high] = "├", "┤"
    if showing.pass_rate is not None:
        spots[_place(showing.pass_rate)] = "●"
    when = f"{showing.started_at:%Y-%m-%d %H:%M}"
    return f"{f'  {when}':<{HISTORY_LEFT}}{''.join(spots)}  {numbers.percent(showing.pass_rate)}"


def _place(share: float) -> int:
    return round(share * (HISTORY_WIDTH - 1))


def differences_table(found: SideBySide) -> Table:
    """A row a candidate and other run: the first run less the other, over identical cases."""
    columns = (
        "candidate", "first", "less", "difference", "95 % limits", "p", "p adjusted", "cases",
        "better", "worse", "changed",
    )  # fmt: skip
    return Table("Differences", columns, tuple(map(_difference, found.differences)), left=3)


def _difference(one: RunDifference) -> tuple[str, ...]:
    same = one.candidate == one.other_candidate
    name = one.candidate if same else f"{one.candidate} less {one.other_candidate}"
    return (
        name,
        one.run,
        one.other,
        points(one.difference),
        limits(one.low, one.high),
        _p(one.p),
        _p(one.p_adjusted),
        numbers.count(one.n_cases),
        numbers.count(one.better),
        numbers.count(one.worse),
        numbers.count(one.changed_cases),
    )


def _p(value: float | None) -> str:
    if value is None:
        return numbers.UNKNOWN
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def difference_notes(found: SideBySide) -> list[str]:
    """What else to know of the differences: changes of a candidate, cautions, what is not there."""
    notes = ["Differences are over the cases that test the same in both runs."]
    for one in found.differences:
        said = [*one.changes, *filter(None, (one.why, one.caution))]
        if one.only_here or one.only_there:
            here, there = (
                f"{numbers.counted(number, 'case')} only in {run}"
                for number, run in ((one.only_here, one.run), (one.only_there, one.other))
            )
            said.append(f"{here}, {there}")
        if said:
            notes.append(f"{one.candidate}, {one.other}: {'; '.join(said)}")
    return notes
