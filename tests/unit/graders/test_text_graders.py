"""What the text graders pass, fail and say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import GraderError
from harness.graders import GraderArguments, GraderContext, build

CASES: list[tuple[Any, str, bool, str]] = [
    ({"equals": "billing"}, " billing\n", True, "got 'billing'"),
    ({"equals": " billing "}, "billing", True, "got 'billing'"),
    ({"equals": "billing"}, "technical", False, "expected 'billing', got 'technical'"),
    ({"equals": "billing"}, "Billing", False, "expected 'billing', got 'Billing'"),
    ({"equals": "STRASSE", "ignore_case": True}, "straße", True, "got 'straße'"),
    ({"equals": "a"}, "a\x1b[31m", False, "expected 'a', got 'a\\x1b[31m'"),
    ({"equals": "3"}, "3.0", False, "expected '3', got '3.0'"),
    ({"equals": ""}, " ", True, "got ''"),
    ({"contains": "refund"}, "a refund is due", True, "found 'refund'"),
    ({"contains": "Refund"}, "a refund", False, "'Refund' not found in 'a refund'"),
    ({"contains": "Refund", "ignore_case": True}, "a refund", True, "found 'Refund'"),
    ({"contains": "a"}, "", False, "'a' not found in ''"),
    ({"contains_all": ["a", "b"]}, "b a", True, "found 'a', 'b'"),
    ({"contains_all": ["a", "x", "y"]}, "a", False, "'x', 'y' not found in 'a'"),
    ({"contains_any": ["x", "a"]}, "a", True, "found 'a'"),
    ({"contains_any": ["x", "y"]}, "a", False, "'x', 'y' not found in 'a'"),
    ({"one_of": ["a", " b "]}, "b", True, "got 'b'"),
    ({"one_of": ["a", "b"]}, "ab", False, "expected one of 'a', 'b', got 'ab'"),
    ({"one_of": ["A"], "ignore_case": True}, "a", True, "got 'a'"),
    ({"starts_with": "Dear"}, "\nDear Ana", True, "begins with 'Dear'"),
    ({"starts_with": "Dear"}, "Oh dear", False, "expected to begin with 'Dear', got 'Oh dear'"),
    ({"ends_with": "bye."}, "Good bye.\n", True, "ends with 'bye.'"),
    ({"ends_with": "bye"}, "Bye", False, "expected to end with 'bye', got 'Bye'"),
    ({"regex": r"\d{3}"}, "call 555 now", True, "matched '555'"),
    ({"regex": r"\d{3}", "full": True}, "call 555", False, None),
    ({"regex": r"\d{3}", "full": True}, " 555\n", True, "matched '555'"),
    ({"regex": "^b"}, "a\nb", False, "'^b' matches nothing in 'a\\nb'"),
    ({"regex": "ABC", "ignore_case": True}, "xabc", True, "matched 'abc'"),
    ({"regex": r"\p{Lu}"}, "É", True, "matched 'É'"),
    ({"regex": "abc\n"}, "abc", True, "matched 'abc'"),
    ({"answer": "42"}, "so\nANSWER: 42", True, "got '42'"),
    ({"answer": "42"}, "ANSWER: 41\nno, answer: 42", True, "got '42'"),
    ({"answer": "42"}, "ANSWER: 42\nANSWER: 41", False, "expected '42', got '41'"),
    ({"answer": "42"}, "**Answer:** `42`\n\nHope it helps", True, "got '42'"),
    ({"answer": "42"}, "**ANSWER**: **42**", True, "got '42'"),
    ({"answer": "42"}, "ANSWER: 42.", False, "expected '42', got '42.'"),
    ({"answer": "42"}, "ANSWER:\n42", False, "expected '42', got ''"),
    ({"answer": "42"}, "ANSWER: ANSWER: 42", True, "got '42'"),
    ({"answer": "42"}, "It is 42", False, "no `ANSWER:` in 'It is 42'"),
    ({"answer": "b", "pattern": r"\((\w)\)"}, "(a) or (b)", True, "got 'b'"),
    ({"answer": "b", "pattern": r"\((\w)\)"}, "b", False, "no match of '\\\\((\\\\w)\\\\)' in 'b'"),
    ({"label": "spam"}, "spam\n", True, "expected 'spam', got 'spam'"),
    ({"label": "spam"}, "ham", False, "expected 'spam', got 'ham'"),
    ({"label": "spam", "ignore_case": True}, "SPAM", True, "expected 'spam', got 'spam'"),
    (
        {"label": "spam", "labels": ["spam", "ham"]},
        "eggs",
        False,
        "expected 'spam', got None: no label in 'eggs'",
    ),
    (
        {"label": "spam", "labels": ["spam", "Ham"], "ignore_case": True},
        "HAM",
        False,
        "expected 'spam', got 'Ham'",
    ),
    (
        {"label": "spam", "extract": r"class=(\w+)"},
        "class=ham class=spam",
        True,
        "expected 'spam', got 'spam'",
    ),
    (
        {"label": "spam", "extract": r"class=(\w+)"},
        "spam",
        False,
        "expected 'spam', got None: no label in 'spam'",
    ),
    ({"length": {"max_words": 2}}, "one two", True, "2 words, at most 2 wanted"),
    ({"length": {"max_words": 2}}, "one two three", False, "3 words, at most 2 wanted"),
    (
        {"length": {"min_words": 1, "max_chars": 3}},
        " four ",
        False,
        "1 word, at least 1 wanted; 4 characters, at most 3 wanted",
    ),
    ({"length": None, "min_chars": 1}, "é", True, "1 character, at least 1 wanted"),
]


@pytest.mark.parametrize(("item", "text", "passed", "reason"), CASES, ids=lambda v: str(v)[:40])
def test_text_graders_say_what_they_saw(graded, item, text, passed, reason):
    grade = graded(item, text)
    assert grade.passed is passed
    assert reason is None or grade.reason == reason


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ({"contains": " "}, "every answer would do"),
        ({"contains_all": ["a", ""]}, "every answer would do"),
        ({"answer": ""}, "every answer would do"),
        ({"regex": "a(b"}, r"missing \) at position 3"),
        ({"regex": "a{1,99999999999999999999}"}, "is not a regular|too large"),
        ({"answer": "x", "pattern": "abc"}, "0 groups; it needs one"),
        ({"label": "x", "extract": "(a)(b)"}, "2 groups; it needs one"),
        ({"label": "spm", "labels": ["spam", "ham"]}, "did you mean `spam`"),
        ({"length": {}}, "needs one of `min_words`"),
        ({"length": {"min_words": 3, "max_words": 2}}, "at least 3 and at most 2"),
        ({"length": {"max_chars": -1}}, "no number of characters"),
    ],
    ids=lambda v: str(v)[:40],
)
def test_a_text_grader_that_cannot_work_is_an_error(graded, item, problem):
    with pytest.raises(GraderError, match=problem):
        graded(item, "x")


def test_a_long_answer_is_shown_around_the_first_difference(graded):
    same = "x" * 5000
    reason = graded({"equals": f"{same}a{same}"}, f"{same}b{same}").reason
    assert "xaxx" in reason
    assert "xbxx" in reason
    assert len(reason) < 500


def test_a_pattern_that_takes_too_long_is_a_broken_grade(graded):
    pattern = "(?:(?:a|b|ab)*)*c(?<=x)"
    grade = graded({"regex": pattern}, "ab" * 60 + "c", regex_timeout_s=0.02)
    assert grade.passed is None
    assert grade.reason.startswith("`regex` broke: TimeoutError: pattern")


@pytest.mark.parametrize("value", [3, 2.5], ids=["int", "float"])
def test_a_number_out_of_a_template_stands_for_its_text(made, tmp_path, value):
    grader = build(GraderArguments("equals", {"text": value}), GraderContext(tmp_path))
    assert grader(made(str(value))).passed


def test_a_boolean_out_of_a_template_is_an_error_that_names_the_trap(tmp_path):
    with pytest.raises(GraderError, match="yes, no"):
        build(GraderArguments("equals", {"text": True}), GraderContext(tmp_path))


@given(st.text(max_size=30))
def test_every_text_equals_itself(graded, text):
    assert graded({"equals": {"text": text, "ignore_case": False}}, text).passed


@given(st.text(max_size=30), st.text(max_size=30))
def test_what_is_equal_is_equal_without_case(graded, a, b):
    exact, loose = (
        graded({"equals": {"text": a, "ignore_case": each}}, b).passed for each in (False, True)
    )
    assert loose or not exact


@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_reasons_are_one_printable_line(graded, a, b, c):
    reason = graded({"one_of": [a, b]}, c).reason
    assert reason.isprintable()
