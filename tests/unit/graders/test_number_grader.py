"""How numbers are read out of prose, and when two are the same."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import GraderError
from harness.graders.numbers import numbers_in

READ = [
    ("1,234.5", ["1234.5"]),
    ("-3 and −3 and +3", ["-3", "-3", "3"]),
    ("1e3, 1E-3", ["1000", "0.001"]),
    ("$5, -$5.50, $-6, €7, 8%", ["5", "-5.50", "-6", "7", "8"]),
    ("It costs 3.14.", ["3.14"]),
    ("1\u202f234\u202f567 and 1\u2009000.5", ["1234567", "1000.5"]),
    ("12 345", ["12", "345"]),
    ("10-3", ["10", "3"]),
    ("5 * -3", ["5", "-3"]),
    ("(-3), **-5**, \\boxed{42}", ["-3", "-5", "42"]),
    ("答案是42。", ["42"]),
    (".5 or wait...5", ["0.5", "5"]),
    ("25 m^2, 3 kg, 12km, 1st, cm²", ["25", "3", "12", "1"]),
    ("v2, H2O, v1.2.3, x^{-2}", []),
    ("2026-11-20", ["2026", "11", "20"]),
    ("3/4", [None]),
    ("10^5, 10⁵", [None, None]),
    ("3,14 and 1,2,3 and 1234,567", [None, None, None]),
    ("1\u202f234,50", [None]),
    ("1..2, 1_000, 1'000", [None, None, None]),
    ("1e99999999999999999999", [None]),
    ("no digits", []),
]


@pytest.mark.parametrize(("text", "values"), READ, ids=[text for text, _ in READ])
def test_numbers_are_read_whole_or_not_at_all(text, values):
    expected = [None if value is None else Decimal(value) for value in values]
    assert [found.value for found in numbers_in(text)] == expected


@pytest.mark.parametrize(
    ("item", "text", "passed", "reason"),
    [
        ({"number": 42}, "That makes 42.", True, "expected 42, got '42'"),
        ({"number": 42}, "142", False, "expected 42, got '142'"),
        ({"number": 42}, "4.2", False, "expected 42, got '4.2'"),
        ({"number": "1e3"}, "1,000", True, "expected 1E+3, got '1,000'"),
        ({"number": 0.1}, "0.10", True, "expected 0.1, got '0.10'"),
        ({"number": 3}, "none", False, "no number in 'none'"),
        ({"number": 4}, "3/4", False, "expected 4, got '3/4': not one number"),
        ({"number": {"value": 3, "abs": 0.1}}, "3.1", True, "expected 3 (± 0.1), got '3.1'"),
        ({"number": {"value": 3, "abs": 0.1}}, "3.11", False, "expected 3 (± 0.1), got '3.11'"),
        ({"number": 200, "rel": 0.01}, "198", True, "expected 200 (± 0.01 of it), got '198'"),
        ({"number": -200, "rel": 0.01}, "-203", False, None),
        ({"number": 0, "rel": 0.5}, "0.001", False, None),
        ({"number": 1, "abs": 0.1, "rel": 0.5}, "1.4", True, None),
        ({"number": 1, "abs": 1}, "1e999999999", False, None),
        ({"number": 1, "which": "first"}, "1 of 3", True, None),
        ({"number": 1, "which": "last"}, "1 of 3", False, None),
        (
            {"number": 1, "which": "only"},
            "1 of 3",
            False,
            "expected one number only, got 2 numbers: '1', '3'",
        ),
        ({"number": 1, "which": "only"}, "just 1", True, None),
    ],
    ids=lambda v: str(v)[:40],
)
def test_the_chosen_number_is_compared_as_a_number(graded, item, text, passed, reason):
    grade = graded(item, text)
    assert grade.passed is passed
    assert reason is None or grade.reason == reason


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ({"number": "four"}, "`value` must be a number, not 'four'"),
        ({"number": True}, "`value` must be a number, not true"),
        ({"number": {"value": 1, "abs": -1}}, "must not be negative"),
        ({"number": {"value": 1, "which": "lst"}}, "must be one of first, last, only"),
        ({"number": float("nan")}, "must be a number"),
    ],
    ids=lambda v: str(v)[:40],
)
def test_a_number_grader_that_cannot_work_is_an_error(graded, item, problem):
    with pytest.raises(GraderError, match=problem):
        graded(item, "1")


@given(st.integers(-(10**12), 10**12))
def test_every_integer_is_found_however_it_is_grouped(graded, value):
    for text in (f"It is {value}.", f"**{value:,}**", f"{value:,}".replace(",", "\u202f")):
        assert graded({"number": value, "which": "only"}, text).passed


@given(st.integers(0, 10**6), st.integers(1, 9))
def test_a_number_never_matches_a_suffix(graded, value, digit):
    assert not graded({"number": value}, f"{digit}{value:07d}").passed
