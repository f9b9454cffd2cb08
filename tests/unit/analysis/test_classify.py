"""Accuracy, F1 and confusion of suites with `label` graders."""

from __future__ import annotations

from pathlib import Path

import pytest
from made import NOON, a_label, a_result, a_run

from harness.analysis.compare import compare
from harness.analysis.comparison import Classification
from harness.analysis.decisions import decisions
from harness.graders.registry import GraderArguments, GraderContext, build
from harness.records import Answer, Bill, Call, Conversation, Grade, Request, Usage


def classified(*labels: tuple[str, str]) -> Classification:
    results = [
        a_result(f"c{n}", "a", "p" if expected == got else "f", grades=(a_label(expected, got),))
        for n, (expected, got) in enumerate(labels)
    ]
    return compare(a_run("a"), results).candidates[0].classification["s"]


# sklearn.metrics.classification_report of y_true = a a a b b c, y_pred = a a b b b a.
SIX = [("a", "a"), ("a", "a"), ("a", "b"), ("b", "b"), ("b", "b"), ("c", "a")]


def test_figures_of_each_class() -> None:
    a, b, c = classified(*SIX).classes
    assert (a.precision, a.recall, a.f1) == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    assert (b.precision, b.recall, b.f1) == pytest.approx((2 / 3, 1, 0.8))
    assert (c.precision, c.recall, c.f1, c.support) == (None, 0, 0, 1)


def test_macro_f1_is_the_plain_mean_over_classes() -> None:
    found = classified(*SIX)
    assert found.macro_f1 == pytest.approx((2 / 3 + 0.8) / 3)
    assert found.accuracy.value == pytest.approx(4 / 6)
    assert found.accuracy.low is not None


def test_confusion_counts_what_was_answered_instead() -> None:
    counts = {(one.expected, one.found): one.count for one in classified(*SIX).confusion}
    assert counts == {("a", "a"): 2, ("a", "b"): 1, ("b", "b"): 2, ("c", "a"): 1}


def test_a_suite_without_labels_has_no_classification() -> None:
    results = [a_result("c", "a", "p", grades=(Grade(True, name="equals"),))]
    assert compare(a_run("a"), results).candidates[0].classification == {}


@pytest.mark.parametrize(
    ("expected", "text", "decision"),
    [
        pytest.param("sales", "sales", ("sales", "sales"), id="right"),
        pytest.param("sales", "billing", ("sales", "billing"), id="wrong"),
        pytest.param("sales", "No idea.", ("sales", None), id="no class"),
        pytest.param("it's", 'it"s', ("it's", None), id="quotes"),
    ],
)
def test_what_the_grader_says_is_understood(
    expected: str, text: str, decision: tuple[str, str | None]
) -> None:
    options = {"text": expected, "labels": [expected, "billing"]}
    grade = build(GraderArguments("label", options), GraderContext(Path()))
    answer = Answer(({"type": "text", "text": text},), "m", "end_turn", Usage(), NOON)
    call = Call(Request({"model": "m"}, ""), answer, Bill())
    said = grade(Conversation((), (call,)))
    assert isinstance(said, Grade)
    assert list(decisions([said])) == [decision]


def test_other_graders_are_no_decisions() -> None:
    other = Grade(False, name="equals", reason="expected 'a', got 'b'")
    assert list(decisions([other, Grade(None, name="label", reason="broken")])) == []
