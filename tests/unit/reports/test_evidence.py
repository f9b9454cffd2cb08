"""The tables of intervals, pairs, the front, repeats and classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.analysis.compare import compare
from harness.analysis.comparison import Comparison
from harness.records import Grade, Outcome, Result, Run
from reports import evidence
from reports.tables import Table

Make = Callable[..., Result]


def row(table: Table, number: int = 0) -> dict[str, str]:
    return dict(zip(table.columns, table.rows[number], strict=True))


def labelled(make: Make, case: str, expected: str, got: str) -> Result:
    grade = Grade(expected == got, name="label", label=(expected, got))
    outcome = Outcome.PASSED if expected == got else Outcome.FAILED
    return make(case, outcome=outcome, grades=(grade,))


def test_every_figure_has_its_interval_and_what_it_is_of(comparison: Comparison) -> None:
    found = row(evidence.intervals_table(comparison))
    assert (found["passed"], found["score"]) == ("33 % (2–94)", "0.33 (0.02–0.94)")
    assert found["per pass"] == "$0.0013 (at least $0.00024)"
    assert (found["cases"], found["clusters"], found["repeats"]) == ("3", "3", "1")


def test_a_pair_is_a_row(comparison: Comparison) -> None:
    found = row(evidence.pairs_table(comparison))
    assert (found["candidate a"], found["candidate b"]) == ("haiku", "sonnet")
    assert (found["verdict of the pair"], found["a − b, points"]) == ("invalid", "−50")
    assert found["if missing went against a"] == "−67"


def test_who_is_better_is_named(comparison: Comparison) -> None:
    (pair,) = comparison.pairs
    assert evidence.pair_verdict(replace(pair, verdict="b_better")) == "sonnet is better"


def test_the_front_is_shown_cheapest_first(comparison: Comparison) -> None:
    table = evidence.pareto_table(comparison)
    assert [one[0] for one in table.rows] == ["haiku", "sonnet"]
    assert [one[3] for one in table.rows] == ["no", "yes"]


def test_one_candidate_has_no_front(a_run: Callable[..., Run], a_result: Make) -> None:
    run = a_run(candidates=a_run().candidates[:1])
    assert evidence.pareto_table(compare(run, [a_result()])).rows == ()


def test_repeats_have_a_table_where_there_are_any(
    comparison: Comparison, a_run: Callable[..., Run], a_result: Make
) -> None:
    assert evidence.stability_table(comparison).rows == ()
    first, other = a_result(), a_result("angry")
    again = replace(a_result(outcome=Outcome.FAILED), id=replace(first.id, repeat=2))
    found = compare(a_run(), [first, again, other, replace(other, id=replace(other.id, repeat=2))])
    shown = row(evidence.stability_table(found))
    assert (shown["repeats"], shown["flaky cases"], shown["of cases"]) == ("2", "1", "2")
    assert shown["pass@2"].startswith("100 %")
    flakiest = ("haiku", "support-triage", "charged-twice", "1 of 2")
    assert evidence.flakiest_table(found).rows == (flakiest,)


def test_a_confusion_matrix_has_a_column_a_class(a_run: Callable[..., Run], a_result: Make) -> None:
    results = [labelled(a_result, f"c{n}", e, g) for n, (e, g) in enumerate(["aa", "ab", "bb"])]
    figures, classes, confusion = evidence.classification_tables(compare(a_run(), results))
    assert row(figures)["macro F1"] == "0.67"
    assert row(classes) == {
        "class": "a", "precision": "1.00", "recall": "0.50", "F1": "0.67",
        "expected": "2", "found": "1",
    }  # fmt: skip
    assert confusion.columns == ("expected ↓ found →", "a", "b")
    assert confusion.rows == (("a", "1", "1"), ("b", "0", "1"))


@pytest.mark.parametrize("count", [13, 40])
def test_of_many_classes_the_commonest_mistakes_are_shown(
    a_run: Callable[..., Run], a_result: Make, count: int
) -> None:
    results = [labelled(a_result, f"c{n}", f"k{n:02}", "k00") for n in range(count)]
    *_, confusion = evidence.classification_tables(compare(a_run(), results))
    assert confusion.title.endswith("(commonest mistakes)")
    assert len(confusion.rows) == min(count - 1, evidence.MISTAKES)
