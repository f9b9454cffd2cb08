"""One judge beside people: agreement, leanings, corrected rates, and what is said of trust."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.agreement import agreement
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
from harness.analysis.ppi import corrected_mean
from harness.records import TrialId


def judgement(n: int, said: str | None, candidate: str = "haiku", **more: Any) -> Judgement:
    """What a judge said of case n."""
    score = None if said is None else float(said == "pass")
    fields: dict[str, Any] = {
        "trial": TrialId("s", f"c{n}", candidate), "grader": "rubric", "kind": "criteria",
        "said": said, "score": score, "reason": "", "judge": "opus", "cluster": ("s", f"c{n}"),
        "question": "", "answer": "x" * (n + 1), "beside": "", "key": "",
    }  # fmt: skip
    return Judgement(**{**fields, **more})


def words(text: str) -> list[str | None]:
    """`p`, `f` and `-` as verdicts."""
    return [{"p": "pass", "f": "fail", "-": None}[letter] for letter in text]


def calibrated(judge: str, people: str, *, drawn: bool = True, out_of: int = 0) -> Calibration:
    """Both sides' verdicts, case by case; `-` is none."""
    judged = [judgement(n, said) for n, said in enumerate(words(judge))]
    taken = len(people) - people.count("-")
    how = Drawn(taken, out_of or len(judge)) if drawn else None
    said = zip(judged, words(people), strict=True)
    return calibrate(judged, [Labelled(one, label, "", how) for one, label in said if label])


JUDGE, PEOPLE = "ppfpffppfp" * 4, "pffpffp-fp" * 2 + "----------" * 2


def test_agreement_is_that_of_what_both_have_said() -> None:
    found = calibrated(JUDGE, PEOPLE).agreement
    both = [(a, b) for a, b in zip(words(PEOPLE), words(JUDGE), strict=True) if a]
    wanted = agreement([a for a, _ in both], [b for _, b in both])
    assert (found.accuracy, found.kappa) == (wanted.accuracy, wanted.kappa)


def test_a_rate_is_corrected_by_ppi() -> None:
    (found,) = calibrated(JUDGE, PEOPLE).candidates
    numbers = {"p": 1.0, "f": 0.0, "-": None}
    people, judge = ([numbers[letter] for letter in text] for text in (PEOPLE, JUDGE))
    wanted = corrected_mean(people, judge)
    assert found.corrected is not None
    assert (found.corrected.value, found.corrected.low) == (wanted.value, wanted.low)


@pytest.mark.parametrize(
    ("people", "options", "why"),
    [
        pytest.param(
            "p" * 4 + "-" * 36, {"drawn": False}, "not known to be a random", id="by hand"
        ),
        pytest.param("p" * 4 + "-" * 36, {"out_of": 50}, "drawn from 50 trials", id="other run"),
        pytest.param("-" * 40, {}, "no labels", id="none"),
    ],
)
def test_what_cannot_be_corrected_says_why(people: str, options: Any, why: str) -> None:
    (found,) = calibrated(JUDGE, people, **options).candidates
    assert found.corrected is None
    assert why in found.why


def test_a_label_where_the_judge_had_no_verdict_is_counted_apart() -> None:
    found = calibrated("p-fp", "ppfp")
    assert (found.unjudged, found.without_verdict, found.agreement.missing) == (1, 1, 1)
    assert found.disagreements == ()


def test_disagreements_are_listed_in_order() -> None:
    found = calibrated("pfpf", "ppff").disagreements
    assert [(one.judgement.trial.case, one.label) for one in found] == [
        ("c1", "pass"),
        ("c2", "fail"),
    ]


def test_repeats_of_a_case_are_one_cluster() -> None:
    judged = [
        judgement(n, "pass" if n % 2 else "fail", trial=TrialId("s", f"c{n}", "haiku", repeat))
        for n in range(6)
        for repeat in (1, 2, 3)
    ]
    found = calibrate(judged, [Labelled(one, "pass") for one in judged])
    assert (found.agreement.accuracy.n, found.agreement.accuracy.clusters) == (18, 6)
    assert found.candidates[0].raw.clusters == 6


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        pytest.param(0.6, 0.9, "trusted", id="above"),
        pytest.param(0.1, 0.59, "not_trusted", id="below"),
        pytest.param(0.3, 0.9, "unclear", id="across"),
        pytest.param(None, None, "unclear", id="unknown"),
    ],
)
def test_trust_wants_the_whole_interval(low: Any, high: Any, verdict: str) -> None:
    assert trust(Interval(0.5, low, high, n=10)) == verdict


def test_twice_the_width_wants_four_times_the_labels() -> None:
    # By hand: half a width of 0.2 is twice what is wanted, so 4 × 25.
    assert labels_wanted(Interval(0.5, 0.3, 0.7, n=25)) == 100


@pytest.mark.parametrize("limits", [(None, None), (1.0, 1.0)], ids=["unknown", "no width"])
def test_labels_wanted_is_unknown_without_a_width(limits: tuple[Any, Any]) -> None:
    assert labels_wanted(Interval(1.0, *limits, n=25)) is None


def test_nothing_judged_is_no_calibration() -> None:
    with pytest.raises(ValueError, match="nothing was judged"):
        calibrate([], [])


@given(st.text("pf", min_size=1, max_size=12), st.randoms())
def test_any_labels_give_a_calibration(judge: str, random: Any) -> None:
    people = "".join(random.choice("pf-") for _ in judge)
    found = calibrated(judge, people)
    assert found.agreement.confusion.n == len(people) - people.count("-")
    for one in found.candidates:
        if one.corrected and one.corrected.low is not None and one.corrected.value is not None:
            assert one.corrected.low <= one.corrected.value <= (one.corrected.high or 0)


def test_a_relation_that_may_pass_or_fail_corrects_nothing() -> None:
    judged = [
        judgement(n, "same", kind="reference", score=1.0, accepted=frozenset({"same"}))
        for n in range(4)
    ]
    labels = [Labelled(one, "subset", "", Drawn(2, 4)) for one in judged[:2]]
    (found,) = calibrate(judged, labels).candidates
    assert (found.corrected, found.bias.value) == (None, None)
    assert "a relation that no grade shows to pass or to fail" in found.why
