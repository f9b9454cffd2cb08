"""The columns of a candidate: what each case comes to, and what stays unknown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.attempts import CaseFigures, TrialFigures
from harness.analysis.columns import Columns, columns_of, shared
from harness.records import Bill

CENT = Bill(Decimal("0.01"), Decimal("0.01"), Decimal("0.005"))
UNKNOWN = Bill(None, None, None)


def a_case(letters: str, *, cluster: str = "", bill: Bill = CENT) -> CaseFigures:
    """A case whose attempts passed (p), failed (f) or are missing (m, without an answer)."""
    case = CaseFigures((), (cluster,) if cluster else ("s", letters))
    for letter in letters:
        passed = None if letter == "m" else float(letter == "p")
        whole = None if letter == "m" else bill
        case.add(
            TrialFigures(passed, passed, whole), whole.total if whole else Decimal(0), asked=True
        )
    return case


def columns(cases: Mapping[str, CaseFigures]) -> Columns:
    return columns_of("haiku", {("s", name): case for name, case in cases.items()})


def test_repeats_are_averaged_inside_their_case() -> None:
    found = columns({"a": a_case("p"), "b": a_case("pf"), "c": a_case("pfm")})
    assert list(found.passed) == list(found.score) == [1, 0.5, 0.5]
    assert list(found.worst) == pytest.approx([1, 0.5, 1 / 3])
    assert list(found.best) == pytest.approx([1, 0.5, 2 / 3])
    assert (found.attempts, found.missing) == (6, 1)


def test_a_case_without_a_grade_is_missing_not_failed() -> None:
    found = columns({"a": a_case("m"), "b": a_case("f")})
    assert math.isnan(found.passed[0])
    assert math.isnan(found.score[0])
    assert found.passed[1] == 0


def test_dollars_of_an_attempt_are_of_those_that_were_answered() -> None:
    found = columns({"a": a_case("pm"), "b": a_case("pp")})
    assert list(found.dollars("billed") or ()) == [0.01, 0.01]
    assert list(found.dollars("batch") or ()) == [0.005, 0.005]
    assert list(found.spent) == [0.01, 0.02]
    assert list(found.spent_each) == [0.005, 0.01]


def test_a_price_that_is_unknown_in_one_case_is_unknown_in_every_part() -> None:
    found = columns({"a": a_case("p"), "b": a_case("p", bill=UNKNOWN)})
    assert found.dollars("live") is None
    assert found.take([0]).dollars("live") is None
    assert list(found.take([0]).spent) == [0.01]


def test_where_nothing_was_answered_no_price_is_known() -> None:
    assert columns({"a": a_case("m")}).dollars("live") is None


def test_clusters_are_numbered_as_they_first_appear() -> None:
    of_x = a_case("p", cluster="x")
    found = columns({"a": of_x, "b": a_case("f"), "c": of_x})
    assert (list(found.clusters), found.groups) == ([0, 1, 0], 2)
    assert list(found.take([1, 2]).clusters) == [0, 1]


def test_a_tag_that_a_case_has_twice_holds_it_once() -> None:
    found = columns({"a": a_case("p"), "b": a_case("f")})
    for case in found.cases:
        case.tags = ("y", "x", "y")
    assert found.tagged == {"x": [0, 1], "y": [0, 1]}
    assert list(found.tagged) == ["x", "y"]


def test_candidates_share_the_cases_that_all_were_asked() -> None:
    one = columns({"b": a_case("p"), "a": a_case("p"), "c": a_case("p")})
    other = columns({"c": a_case("f"), "a": a_case("f"), "d": a_case("f")})
    assert shared([one, other]) == (("s", "a"), ("s", "c"))
    assert one.over([("s", "c")]).keys == (("s", "c"),)
    assert one.over(one.keys) is one


@given(st.permutations("pfmpf"))
def test_the_order_of_repeats_is_nothing(letters: list[str]) -> None:
    found, sorted_ones = columns({"a": a_case("".join(letters))}), columns({"a": a_case("pfmpf")})
    for name in ("passed", "score", "worst", "best", "spent"):
        assert getattr(found, name) == getattr(sorted_ones, name)
    assert found.dollars("live") == sorted_ones.dollars("live")
