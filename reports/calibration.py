"""How far a judge can be trusted, on the terminal: tables and the sentences beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from harness.analysis.agreement import Confusion
from harness.analysis.calibration import (
    KAPPA_TRUSTED,
    KAPPA_WITHIN,
    Calibration,
    CandidateFigures,
    Labelled,
)
from harness.analysis.comparison import Estimate
from harness.analysis.intervals import Interval
from harness.analysis.ppi import Corrected
from reports import numbers
from reports.columns import parts
from reports.tables import Table
from reports.text import one_line, shortened, visible

if TYPE_CHECKING:
    from rich.console import Console

LISTED = 10
SHOWN = 300
ONE_SIDED = 0.9
STYLES = {"trusted": "green", "not_trusted": "red", "unclear": "yellow"}
WORDS = {
    "trusted": "The judge may be trusted here",
    "not_trusted": "Do not trust this judge",
    "unclear": "Whether the judge may be trusted cannot be told yet",
}


def print_calibration(console: Console, found: Calibration) -> None:
    """Print one judge beside people: agreement, leanings, corrected rates, disagreements."""
    _line(console, _head(found), "bold")
    for line in agreement_lines(found):
        _line(console, line)
    _line(console, trust_sentence(found), STYLES[found.trust])
    for line in leanings(found):
        _line(console, line)
    console.print()
    for table in (confusion_table(found), candidates_table(found)):
        _table(console, table)
    for line in notes(found):
        _line(console, line, "dim")
    _disagreements(console, found.disagreements)


def _head(found: Calibration) -> str:
    labels = numbers.counted(sum(one.labels for one in found.candidates), "label")
    judged = numbers.counted(found.judged, "judgement")
    return f"{found.suite}: {found.grader} ({', '.join(found.judges)}): {labels} of {judged}"


def agreement_lines(found: Calibration) -> list[str]:
    """Accuracy and kappa with their limits, and why there are none."""
    agreed = found.agreement
    accuracy, kappa = _rate(agreed.accuracy), _number(agreed.kappa)
    return [
        f"Says what people say: {accuracy}{_why(agreed.accuracy)}",
        f"Cohen's kappa: {kappa}{_why(agreed.kappa)}",
    ]


def trust_sentence(found: Calibration) -> str:
    """Whether the judge may be trusted, what kappa means, and how many labels would tell."""
    kappa = found.agreement.kappa
    if kappa.value is None:
        why = kappa.why or "there is no kappa"
        return f"{WORDS['unclear']}: {why}. Label more, and answers that differ more in quality."
    means = f"kappa {kappa.value:.2f}, where 0 is what chance would give and 1 is full agreement"
    bound = f"{KAPPA_TRUSTED:g}, from where agreement is called substantial"
    if kappa.low is None:
        return f"{WORDS['unclear']}: {means}; there is no interval yet. Label more."
    where = {
        "trusted": f"all of its interval lies above {bound}",
        "not_trusted": f"all of its interval lies below {bound}",
        "unclear": f"its interval does not lie clear of {bound}",
    }[found.trust]
    return f"{WORDS[found.trust]}: {means}; {where}.{_wanted(found)}"


def _wanted(found: Calibration) -> str:
    kappa, wanted = found.agreement.kappa, found.wanted
    if wanted is None or wanted <= kappa.n:
        return ""
    there = f"there are {kappa.n:,}"
    if wanted > found.judged:
        there += f", and this run has {numbers.counted(found.judged, 'judgement')}"
    return f" About {wanted:,} labels would bring it to within {KAPPA_WITHIN:g}; {there}."


def leanings(found: Calibration) -> list[str]:
    """A line for each way in which the judge leans beyond doubt."""
    return [*_candidate_leanings(found), *_length_leaning(found), *_place_leaning(found)]


def _candidate_leanings(found: Calibration) -> Iterator[str]:
    for one in found.candidates:
        bias = one.bias
        if bias.value is not None and _beyond_zero(bias.low, bias.high):
            size = numbers.points(bias.value, bias.low, bias.high)
            limits = numbers.limits_in_points(bias.low, bias.high)
            more = "more" if bias.value > 0 else "less"
            yield f"Leans by candidate: gives {one.name} {size} {more} than people do ({limits})."
    known = [one for one in found.candidates if one.bias.low is not None]
    apart = [(a, b) for a in known for b in known if (a.bias.low or 0) > (b.bias.high or 0)]
    for a, b in apart:
        yield f"It favours {a.name} over {b.name}: do not compare these two by this judge alone."


def _length_leaning(found: Calibration) -> Iterator[str]:
    length = found.length
    if length.value is not None and _beyond_zero(length.low, length.high):
        size = numbers.points(length.value, length.low, length.high)
        limits = numbers.limits_in_points(length.low, length.high)
        what = "long" if length.value > 0 else "short"
        yield f"Leans by length: favours {what} answers, {size} for each doubling ({limits})."


def _place_leaning(found: Calibration) -> Iterator[str]:
    place = found.position
    if place is None or place.follows.value is None or place.follows.low is None:
        return
    first = place.first
    said = f"picked the same place twice in {_rate(place.follows)} of {place.follows.n:,} pairs"
    if first.value is not None and _beyond_zero(first.low, first.high, 0.5):
        which = "first" if first.value > 0.5 else "second"
        yield f"Leans by place: {said}, and mostly the {which}: {_rate(first)} the first."
    elif place.follows.value > 0:
        yield f"By place: {said}; both orders are asked, so that these are ties."


def _beyond_zero(low: float | None, high: float | None, zero: float = 0.0) -> bool:
    return low is not None and high is not None and (low > zero or high < zero)


def confusion_table(found: Calibration) -> Table:
    """A row for what people said, a column for what the judge said of the same."""
    confusion = found.agreement.confusion
    columns = ("people say", *(f"judge says {label}" for label in confusion.labels))
    rows = tuple(
        (str(label), *map(numbers.count, row))
        for label, row in zip(confusion.labels, confusion.counts, strict=True)
    )
    return Table("Confusion", columns, rows)


def candidates_table(found: Calibration) -> Table:
    """A row a candidate: how the judge leans, and its rate by the judge and as corrected."""
    rate = "score" if found.kind == "pairwise" else "pass rate"
    columns = ("candidate", "labels", "judge − people, points", f"{rate} by judge", "corrected")
    return Table("Candidates", columns, tuple(map(_candidate, found.candidates)))


def _candidate(one: CandidateFigures) -> tuple[str, ...]:
    bias = one.bias
    told = numbers.difference(bias.value, bias.low, bias.high)
    limits = f" ({numbers.limits_in_points(bias.low, bias.high)})" if bias.low is not None else ""
    corrected = numbers.UNKNOWN if one.corrected is None else _rate(one.corrected)
    return (one.name, numbers.count(one.labels), f"{told}{limits}", _rate(one.raw), corrected)


def notes(found: Calibration) -> list[str]:
    """What a reader has to know of the figures: what is missing, and what they rest on."""
    lines = [f"{one.name}: not corrected: {one.why}" for one in found.candidates if one.why]
    for one in found.candidates:
        if one.corrected and (said := one.corrected.why or one.corrected.caution):
            lines.append(f"{one.name}: corrected rate: {said}")
        if one.corrected and one.unlabelled:
            rows = numbers.counted(one.unlabelled, "drawn row")
            lines.append(f"{one.name}: {rows} without a label: correct only if left out at random")
    lines += _one_sided(found.agreement.confusion)
    if found.without_verdict:
        lines.append(f"{numbers.counted(found.without_verdict, 'label')} where the judge gave none")
    if found.unjudged:
        lines.append(f"{numbers.counted(found.unjudged, 'judgement')} without a verdict, left out")
    if found.unknown_scores:
        unknown = numbers.counted(found.unknown_scores, "label")
        lines.append(f"{unknown} of a relation that no grade shows to pass or to fail")
    if found.kind == "pairwise":
        lines.append("score: a win counts 1, a tie 0.5, a loss 0")
    return lines


def _one_sided(confusion: Confusion) -> Iterator[str]:
    """A line where people gave nearly all the same label: then kappa rests on the few others."""
    rows = [sum(row) for row in confusion.counts]
    if confusion.n and max(rows) >= ONE_SIDED * confusion.n:
        word = confusion.labels[rows.index(max(rows))]
        others = numbers.counted(confusion.n - max(rows), "label")
        yield f"people say {word} of nearly all: kappa rests on {others} of another kind"


def _disagreements(console: Console, found: Sequence[Labelled]) -> None:
    if not found:
        _line(console, "No disagreements.")
        return
    _line(console, f"Disagreements: {len(found)}", "bold")
    for one in found[:LISTED]:
        said = one.judgement
        head = f"{said.trial}: people {one.label}, judge {said.said}"
        _line(console, head, "bold")
        for name, text in (
            ("question", said.question),
            ("answer", said.answer),
            ("judge", said.reason),
            ("note", one.note),
        ):
            if text:
                _line(console, f"  {name}: {shortened(text, SHOWN)}")
    if len(found) > LISTED:
        _line(console, f"… and {len(found) - LISTED} more; --json has all")


def _rate(found: Interval | Corrected) -> str:
    return numbers.rate(Estimate(found.value, found.low, found.high, 0, 0))


def _number(found: Interval) -> str:
    if found.value is None:
        return numbers.UNKNOWN
    if found.low is None or found.high is None:
        return f"{found.value:.2f}"
    return f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"


def _why(found: Interval) -> str:
    said = found.why or found.caution
    return f", {said}" if said else ""


def _line(console: Console, text: str, style: str = "") -> None:
    from rich.text import Text

    indent = text[: len(text) - len(text.lstrip())]
    shown = Text(indent + one_line(visible(text), 2000), style=style)
    console.print(shown, soft_wrap=True, highlight=False)


def _table(console: Console, table: Table) -> None:
    from rich.text import Text

    if not table.rows:
        return
    for heads, *rows in parts(table, console.width if console.is_terminal else None):
        console.print(Text(heads, style="bold"), soft_wrap=True, highlight=False)
        for row in rows:
            console.print(Text(row), soft_wrap=True, highlight=False)
        console.print()
