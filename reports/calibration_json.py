"""How far a judge can be trusted, as plain data: what `harness calibrate --json` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.analysis.agreement import Agreement, PositionBias
from harness.analysis.calibration import Calibration, CandidateFigures, Labelled
from harness.analysis.intervals import Interval
from harness.analysis.paired import Difference
from harness.records import Run
from reports.calibration import leanings, notes, trust_sentence

FORMAT = 1


def document(run: Run, found: Sequence[Calibration]) -> dict[str, Any]:
    """All of it as plain data, `"format": 1`."""
    judges = [_judge(one) for one in found]
    return {"format": FORMAT, "run": run.id, "simulated": run.simulated, "judges": judges}


def _judge(found: Calibration) -> dict[str, Any]:
    return {
        "suite": found.suite,
        "grader": found.grader,
        "kind": found.kind,
        "judges": list(found.judges),
        "judgements": found.judged,
        "without_verdict": found.unjudged,
        "labels": sum(one.labels for one in found.candidates),
        **_agreement(found.agreement),
        "trust": found.trust,
        "labels_wanted": found.wanted,
        "summary": [trust_sentence(found), *leanings(found)],
        "notes": notes(found),
        "candidates": [_candidate_data(one) for one in found.candidates],
        "length_bias": _interval(found.length),
        "position_bias": None if found.position is None else _position(found.position),
        "disagreements": [_disagreement(one) for one in found.disagreements],
    }


def _position(place: PositionBias) -> dict[str, Any]:
    return {
        "follows_place": _interval(place.follows),
        "picks_first": _interval(place.first),
        "consistent": place.consistent,
        "undecided": place.undecided,
        "missing": place.missing,
    }


def _agreement(agreed: Agreement) -> dict[str, Any]:
    labels = [str(label) for label in agreed.confusion.labels]
    counts = {
        people: dict(zip(labels, row, strict=True))
        for people, row in zip(labels, agreed.confusion.counts, strict=True)
    }
    return {
        "accuracy": _interval(agreed.accuracy),
        "kappa": _interval(agreed.kappa),
        "confusion": counts,
    }


def _candidate_data(one: CandidateFigures) -> dict[str, Any]:
    corrected = one.corrected
    return {
        "name": one.name,
        "labels": one.labels,
        "unlabelled": one.unlabelled,
        "bias": _interval(one.bias),
        "raw": _interval(one.raw),
        "corrected": {
            "value": corrected.value if corrected else None,
            "low": corrected.low if corrected else None,
            "high": corrected.high if corrected else None,
            "weight": corrected.weight if corrected else None,
            "why": corrected.why if corrected else one.why,
            "caution": corrected.caution if corrected else "",
        },
    }


def _interval(found: Interval | Difference) -> dict[str, Any]:
    names = ("value", "low", "high", "n", "clusters", "why", "caution")
    return {name: getattr(found, name) for name in names}


def _disagreement(one: Labelled) -> dict[str, Any]:
    said = one.judgement
    return {
        "trial": str(said.trial),
        "candidate": said.trial.candidate,
        "question": said.question,
        "answer": said.answer,
        "compare_with": said.beside,
        "label": one.label,
        "note": one.note,
        "verdict": said.said,
        "reasoning": said.reason,
    }
