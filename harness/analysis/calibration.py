"""How far each judge of a run can be trusted, by what people said of a part of its answers.

Agreement, leanings and the corrected pass rate of one judge are put together here; the statistics
are their neighbours'.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.analysis.agreement import (
    Agreement,
    PositionBias,
    agreement,
    bias_by,
    length_bias,
    position_bias,
)
from harness.analysis.intervals import Interval, rate_interval
from harness.analysis.judged import Judgement, Kind, Passing, kinds_of
from harness.analysis.paired import Difference
from harness.analysis.ppi import Corrected, corrected_mean

KAPPA_TRUSTED = 0.6
"""From here on agreement beyond chance is called substantial (Landis and Koch 1977)."""

KAPPA_WITHIN = 0.1
"""Half the width of an interval that settles what a judge is worth."""

NO_LABELS = "no labels"

Trust = Literal["trusted", "not_trusted", "unclear"]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A row's place in a random sample: `taken` of the `out_of` trials of a candidate."""

    taken: int
    out_of: int

    def __str__(self) -> str:
        return f"random {self.taken} of {self.out_of}"


@dataclass(frozen=True, slots=True)
class Labelled:
    """A judgement, and what a person said of the same; `drawn` is None where chosen by hand."""

    judgement: Judgement
    label: str
    note: str = ""
    drawn: Drawn | None = None


@dataclass(frozen=True, slots=True)
class CandidateFigures:
    """One candidate: what the judge gives it beyond people, and its rate, raw and corrected.

    `corrected` is None where labels cannot correct it, for the reason in `why`; `unlabelled` rows
    were drawn and not filled in.
    """

    name: str
    labels: int
    unlabelled: int
    bias: Difference
    raw: Interval
    corrected: Corrected | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Calibration:
    """One judge grader of one suite beside people.

    `length` is what it gives beyond people for each doubling of an answer's length. `position` is
    of all its pairs, labelled or not. `wanted` labels would bring kappa to within 0.1, if it stays
    what it is; None where that cannot be told.
    """

    suite: str
    grader: str
    kind: Kind
    judges: tuple[str, ...]
    judged: int
    unjudged: int
    agreement: Agreement
    trust: Trust
    wanted: int | None
    candidates: tuple[CandidateFigures, ...]
    length: Interval
    position: PositionBias | None
    disagreements: tuple[Labelled, ...]
    without_verdict: int
    unknown_scores: int


def calibrate(
    judged: Sequence[Judgement],
    labelled: Sequence[Labelled],
    unlabelled: Mapping[str, int] | None = None,
    *,
    alpha: float = 0.05,
) -> Calibration:
    """One judge grader of a suite: all that it judged, and what people said of some of it.

    `unlabelled` counts rows that were drawn and not filled in, by candidate. ValueError where
    nothing was judged.
    """
    if not judged:
        raise ValueError("nothing was judged")
    ((place, kind),) = kinds_of(judged).items()
    sides = _Sides(labelled, Passing.seen(judged))
    agreed = agreement(sides.said, sides.judge_said, sides.clusters, alpha=alpha)
    pairs = [one for one in judged if one.picks is not None]
    return Calibration(
        suite=place[0],
        grader=place[1],
        kind=kind,
        judges=tuple(dict.fromkeys(one.judge for one in judged)),
        judged=len(judged),
        unjudged=sum(one.score is None for one in judged),
        agreement=agreed,
        trust=trust(agreed.kappa),
        wanted=labels_wanted(agreed.kappa),
        candidates=_candidates(judged, sides, unlabelled or {}, alpha),
        length=length_bias(
            sides.scores, sides.judge_scores, sides.lengths, sides.clusters, alpha=alpha
        ),
        position=_position(pairs, alpha) if kind == "pairwise" else None,
        disagreements=tuple(one for one in labelled if one.judgement.said not in (None, one.label)),
        without_verdict=sum(one.judgement.said is None for one in labelled),
        unknown_scores=sum(score is None for score in sides.scores),
    )


def trust(kappa: Interval) -> Trust:
    """Whether agreement beyond chance is at least substantial: a verdict only outside doubt."""
    if kappa.low is None or kappa.high is None:
        return "unclear"
    if kappa.low >= KAPPA_TRUSTED:
        return "trusted"
    return "not_trusted" if kappa.high < KAPPA_TRUSTED else "unclear"


def labels_wanted(kappa: Interval) -> int | None:
    """About how many labels bring kappa to within 0.1; None where there is no telling.

    The width of an interval shrinks with the square root of the labels.
    """
    if kappa.low is None or kappa.high is None or kappa.high <= kappa.low:
        return None
    half = (kappa.high - kappa.low) / 2
    # Rounded first: 0.3 / 0.1 is not quite 3 to a computer.
    return max(kappa.n, math.ceil(round(kappa.n * (half / KAPPA_WITHIN) ** 2, 6)))


class _Sides:
    """The labelled judgements as columns: people's side, the judge's, and what they come from."""

    def __init__(self, labelled: Sequence[Labelled], passing: Passing) -> None:
        self.labelled = labelled
        self.candidates = [one.judgement.trial.candidate for one in labelled]
        self.said = [one.label for one in labelled]
        self.judge_said = [one.judgement.said for one in labelled]
        self.scores = [one.judgement.scored(one.label, passing) for one in labelled]
        self.judge_scores = [one.judgement.score for one in labelled]
        self.clusters = [one.judgement.cluster for one in labelled]
        self.lengths = [float(len(one.judgement.answer)) for one in labelled]

    def of(self, candidate: str) -> list[tuple[Labelled, float | None]]:
        """The candidate's labels, each with its score."""
        both = zip(self.labelled, self.scores, strict=True)
        return [(one, score) for one, score in both if one.judgement.trial.candidate == candidate]


def _position(pairs: Sequence[Judgement], alpha: float) -> PositionBias:
    picks = [one.picks or (None, None) for one in pairs]
    return position_bias(picks, [one.cluster for one in pairs], alpha=alpha)


def _candidates(
    judged: Sequence[Judgement], sides: _Sides, unlabelled: Mapping[str, int], alpha: float
) -> tuple[CandidateFigures, ...]:
    bias = bias_by(sides.scores, sides.judge_scores, sides.candidates, sides.clusters, alpha=alpha)
    own: defaultdict[str, list[Judgement]] = defaultdict(list)
    for one in judged:
        own[one.trial.candidate].append(one)
    found = []
    for name, rows in own.items():
        labels = sides.of(name)
        why = _uncorrectable(rows, labels)
        figures = CandidateFigures(
            name=name,
            labels=len(labels),
            unlabelled=unlabelled.get(name, 0),
            bias=bias.get(name, Difference(None, why=NO_LABELS)),
            raw=rate_interval([one.score for one in rows], _clusters(rows), alpha=alpha),
            corrected=None if why else _corrected(rows, labels, alpha),
            why=why,
        )
        found.append(figures)
    return tuple(found)


def _clusters(judged: Sequence[Judgement]) -> list[tuple[str, ...]]:
    return [one.cluster for one in judged]


def _uncorrectable(
    rows: Sequence[Judgement], labels: Sequence[tuple[Labelled, float | None]]
) -> str:
    """Why labels cannot correct the rate of these judgements; empty where they can."""
    if not labels:
        return NO_LABELS
    drawn = [(one.drawn, score) for one, score in labels if one.drawn is not None]
    if not drawn:
        return "its labels are not known to be a random sample"
    other = next((of.out_of for of, _ in drawn if of.out_of != len(rows)), None)
    if other is not None:
        return f"its labels were drawn from {other} trials, and this run has {len(rows)}"
    if any(score is None for _, score in drawn):
        return "a label is a relation that no grade shows to pass or to fail"
    return ""


def _corrected(
    rows: Sequence[Judgement], labels: Sequence[tuple[Labelled, float | None]], alpha: float
) -> Corrected:
    said = {one.judgement.trial: score for one, score in labels if one.drawn is not None}
    people = [said.get(one.trial) for one in rows]
    return corrected_mean(people, [one.score for one in rows], _clusters(rows), alpha=alpha)
