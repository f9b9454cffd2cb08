"""How a calibration is told: sentences that follow from the figures, and safe texts."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from harness.analysis.agreement import PositionBias
from harness.analysis.calibration import (
    Calibration,
    Drawn,
    Labelled,
    calibrate,
    labels_wanted,
    trust,
)
from harness.analysis.intervals import Interval
from harness.analysis.judged import Judgement
from harness.analysis.paired import Difference
from harness.records import TrialId
from reports.calibration import leanings, notes, print_calibration, trust_sentence
from reports.calibration_json import document


def judgement(n: int, candidate: str, said: str, **more: Any) -> Judgement:
    fields: dict[str, Any] = {
        "trial": TrialId("s", f"c{n}", candidate), "grader": "rubric", "kind": "criteria",
        "said": said, "score": float(said == "pass"), "reason": "met: it is", "judge": "opus",
        "cluster": ("s", f"c{n}"), "question": "Why?", "answer": "\x1b[31mred", "beside": "",
        "key": "",
    }  # fmt: skip
    return Judgement(**{**fields, **more})


def calibrated(labels: int = 20) -> Calibration:
    """A judge that passes all that opus says, and is right on haiku; people fail every other."""
    judged = [
        judgement(n, name, "pass" if name == "opus" or n % 2 else "fail")
        for n in range(20)
        for name in ("haiku", "opus")
    ]
    how = Drawn(labels // 2, 20)
    people = [
        Labelled(one, "pass" if int(one.trial.case[1:]) % 2 else "fail", "", how) for one in judged
    ]
    return calibrate(judged, people[:labels])


def printed(found: Calibration) -> str:
    file = io.StringIO()
    print_calibration(Console(file=file), found)
    return file.getvalue()


def test_the_page_tells_agreement_rates_and_disagreements() -> None:
    text = printed(calibrated(40))
    for part in ("s: rubric (opus): 40 labels of 40 judgements", "Cohen's kappa: 0.50",
                 "judge says pass", "pass rate by judge", "Disagreements: 10"):  # fmt: skip
        assert part in text


def test_what_an_answer_holds_cannot_act_on_the_terminal() -> None:
    assert "\x1b[31m" not in printed(calibrated())
    assert "\\x1b[31mred" in printed(calibrated())


def test_more_disagreements_than_are_listed_are_counted() -> None:
    found = calibrated()
    many = replace(found, disagreements=found.disagreements * 5)
    assert "… and 15 more; --json has all" in printed(many)


@pytest.mark.parametrize(
    ("kappa", "said"),
    [
        pytest.param(Interval(0.8, 0.7, 0.9, n=80), "may be trusted here: kappa 0.80", id="high"),
        pytest.param(Interval(0.2, 0.1, 0.3, n=80), "Do not trust this judge", id="low"),
        pytest.param(
            Interval(0.6, 0.3, 0.9, n=20),
            "About 180 labels would bring it to within 0.1; there are 20, "
            "and this run has 40 judgements.",
            id="wide",
        ),
        pytest.param(Interval(1.0, n=1), "there is no interval yet", id="one label"),
        pytest.param(Interval(None, why="no cases"), "cannot be told yet: no cases", id="none"),
    ],
)
def test_the_sentence_on_trust_follows_from_kappa(kappa: Interval, said: str) -> None:
    found = calibrated()
    agreed = replace(found.agreement, kappa=kappa)
    changed = replace(found, agreement=agreed, trust=trust(kappa), wanted=labels_wanted(kappa))
    assert said in trust_sentence(changed)


def leaning(**changes: Any) -> str:
    """What is told of a judge that leans in no way but this."""
    found = calibrated()
    none = [replace(one, bias=Difference(0.0, -0.1, 0.1)) for one in found.candidates]
    flat = replace(found, candidates=tuple(none), length=Interval(0.0, -0.1, 0.1))
    return "\n".join(leanings(replace(flat, **changes)))


def test_a_judge_without_leanings_has_none_to_tell() -> None:
    assert leaning() == ""


def test_candidates_that_are_favoured_are_named() -> None:
    haiku, opus = calibrated().candidates
    bias = Difference(0.5, 0.3, 0.7)
    told = leaning(
        candidates=(replace(haiku, bias=Difference(0, -0.1, 0.1)), replace(opus, bias=bias))
    )
    assert "gives opus 50 points more than people do (+30 to +70)" in told
    assert "favours opus over haiku" in told


@pytest.mark.parametrize(("slope", "what"), [(0.2, "long"), (-0.2, "short")], ids=["long", "short"])
def test_the_length_that_is_favoured_is_named(slope: float, what: str) -> None:
    assert f"favours {what} answers" in leaning(length=Interval(slope, slope - 0.1, slope + 0.1))


@pytest.mark.parametrize(
    ("first", "said"),
    [
        pytest.param(Interval(0.9, 0.7, 1.0), "mostly the first", id="first"),
        pytest.param(Interval(0.1, 0.0, 0.3), "mostly the second", id="second"),
        pytest.param(Interval(0.5, 0.3, 0.7), "these are ties", id="neither"),
    ],
)
def test_the_place_that_is_favoured_is_named(first: Interval, said: str) -> None:
    place = PositionBias(Interval(0.4, 0.3, 0.5, n=30), first, 18, 0, 0)
    assert said in leaning(position=place)


def test_a_rate_that_is_not_corrected_says_why() -> None:
    found = calibrated()
    (one, *_) = found.candidates
    changed = replace(found, candidates=(replace(one, corrected=None, why="no labels"),))
    assert "haiku: not corrected: no labels" in notes(changed)


def test_labels_that_are_nearly_all_the_same_are_told() -> None:
    judged = [judgement(n, "haiku", "fail" if n == 1 else "pass") for n in range(20)]
    people = [Labelled(one, "fail" if n == 2 else "pass") for n, one in enumerate(judged)]
    told = notes(calibrate(judged, people))
    assert "people say pass of nearly all: kappa rests on 1 label of another kind" in told


def test_the_document_has_everything_as_plain_data(a_run: Any) -> None:
    data = document(a_run(id="r1", simulated=True), [calibrated()])
    (judge,) = data["judges"]
    assert (data["run"], data["simulated"], judge["labels"]) == ("r1", True, 20)
    assert judge["confusion"] == {
        "fail": {"fail": 5, "pass": 5},
        "pass": {"fail": 0, "pass": 5 + 5},
    }
    assert judge["disagreements"][0]["reasoning"] == "met: it is"
    assert judge["position_bias"] is None
