"""What is said in words of who is better than whom, and where the data cannot tell."""

from __future__ import annotations

from harness.analysis.between import Pair
from harness.analysis.comparison import Comparison
from reports import numbers

ORDER = ("a_better", "b_better", "inconclusive", "invalid")


def pair_sentences(comparison: Comparison, most: int) -> list[str]:
    """A sentence for each pair, decided ones first; of more than `most`, how many are left out."""
    ordered = sorted(comparison.pairs, key=lambda pair: ORDER.index(pair.verdict))
    said = [pair_sentence(pair, adjusted=len(ordered) > 1) for pair in ordered[:most]]
    more = len(ordered) - most
    return [*said, f"{numbers.counted(more, 'more pair')} in run.json"] if more > 0 else said


def pair_sentence(pair: Pair, *, adjusted: bool) -> str:
    """The difference, its certainty and what follows; `adjusted` names the p-value as Holm's."""
    if pair.verdict == "invalid" or pair.difference.value is None:
        return f"{pair.a} and {pair.b} cannot be compared: {pair.why or 'no case in common'}"
    told = f"{_told(pair)} ({_evidence(pair)}), {_p(pair, adjusted=adjusted)}"
    return f"{told}{_caution(pair)}" if pair.verdict != "inconclusive" else _undecided(pair, told)


def _told(pair: Pair) -> str:
    seen = pair.difference
    if not seen.value:
        return f"{pair.a} is level with {pair.b}"
    where = "above" if seen.value > 0 else "below"
    size = numbers.points(seen.value, seen.low, seen.high)
    return f"{pair.a} is {size} {where} {pair.b}"


def _evidence(pair: Pair) -> str:
    limits = numbers.limits_in_points(pair.difference.low, pair.difference.high)
    cases = numbers.counted(pair.n_cases, "case")
    clusters = f" in {pair.clusters:,} clusters" if pair.clusters != pair.n_cases else ""
    repeats = f", {pair.repeats:,} repeats" if pair.repeats > 1 else ""
    return f"95 % CI {limits}, {cases}{clusters}{repeats}"


def _p(pair: Pair, *, adjusted: bool) -> str:
    p = numbers.p_value(pair.p_adjusted)
    sign = " " if p.startswith("<") else " = "
    return f"{'Holm-adjusted p' if adjusted else 'p'}{sign}{p.replace('<', '< ')}"


def _undecided(pair: Pair, told: str) -> str:
    return f"inconclusive: {told}; {pair.why}{_caution(pair)}"


def _caution(pair: Pair) -> str:
    return f" (caution: {pair.caution})" if pair.caution else ""
