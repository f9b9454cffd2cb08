"""Which label of a multiple-choice question an answer chooses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import GraderError


@pytest.mark.parametrize(
    "answer",
    [
        "B",
        "(B)",
        "B.",
        "**B**",
        "The answer is B.",
        "Answer: B) because A is wrong",
        "**Answer:** B",
        "Answer:\nB",
        "The correct answer to this question is: **B**",
        "The best option is B and not A.",
        "The answer is clearly B.",
        "My final answer is option (B).",
        r"The answer is $\boxed{B}$.",
        r"Therefore \boxed{B}",
        "I choose B.",
        "B) Paris",
        "B. Paris\n\nA is wrong, and so is C.",
        "B - Paris",
        "A) Rome\nB) Paris\n\nThe answer is B",
        "I'd go with option B, not A.",
        "A good choice would be B",
        "The answer isn't A; it's B.",
        "I think B",
    ],
)
def test_the_chosen_label_is_found(graded, answer):
    grade = graded({"choice": "B"}, answer)
    assert (grade.passed, grade.reason) == (True, "chose 'B'")


@pytest.mark.parametrize(
    "answer",
    [
        "A or B",
        "The answer is A or B.",
        "The answer is either A or B",
        "The answer is A/B",
        "Answer: A, B",
        "The answer is A. Wait, the answer is B.",
        "A\n\nThe answer is B",
        "Both A and B",
        "A: right\nB: right",
    ],
)
def test_an_answer_that_names_two_labels_fails_with_both(graded, answer):
    grade = graded({"choice": "B"}, answer)
    assert grade.passed is False
    assert grade.reason.startswith("expected 'B', names 'A', 'B': ")


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "none of them",
        "It is not B.",
        "The answer is not B.",
        "Neither A nor B.",
        "B is wrong.",
        "the B-52 bomber",
        "ABBA",
        "b",
    ],
)
def test_what_is_denied_or_a_word_is_no_choice(graded, answer):
    grade = graded({"choice": "B"}, answer)
    assert grade.passed is False
    assert grade.reason.startswith("expected 'B', no choice in ")


@pytest.mark.parametrize("answer", ["A cat is shown", "This is a cat"])
def test_an_article_is_no_choice(graded, answer):
    assert graded({"choice": "A", "ignore_case": True}, answer).passed is False


def test_another_choice_fails_with_what_was_chosen(graded):
    assert graded({"choice": "B"}, "(C)").reason == "expected 'B', chose 'C': '(C)'"


@pytest.mark.parametrize(
    ("item", "answer", "passed"),
    [
        ({"choice": "F", "choices": ["E", "F"]}, "The answer is F", True),
        ({"choice": "B", "choices": ["A", "B"]}, "The answer is C", False),
        ({"choice": "yes", "choices": ["yes", "no"], "ignore_case": True}, "Yes, it is.", True),
        ({"choice": "yes", "choices": ["yes", "no"]}, "yes and no", False),
        ({"choice": "A+", "choices": ["A", "A+"]}, "The grade is A+", True),
        ({"choice": 2, "choices": [1, 2]}, "Answer: 2", None),
        ({"choice": "B", "ignore_case": True}, "answer: b", True),
    ],
    ids=lambda v: str(v)[:30],
)
def test_choices_may_be_any_labels(graded, item, answer, passed):
    if passed is None:
        with pytest.raises(GraderError, match="quote it"):
            graded(item, answer)
    else:
        assert graded(item, answer).passed is passed


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ({"choice": "F"}, "write `choices`"),
        ({"choice": "yes", "choices": ["Yes", "No"]}, "not one of `choices`"),
        ({"choice": "A", "choices": ["A"]}, "two or more different labels"),
        ({"choice": "A", "choices": ["A", "A"]}, "two or more different labels"),
        ({"choice": "A", "choices": ["A", " "]}, "one of `choices` is empty"),
    ],
    ids=lambda v: str(v)[:30],
)
def test_choices_that_cannot_be_meant_are_an_error(graded, item, problem):
    with pytest.raises(GraderError, match=problem):
        graded(item, "A")


@given(st.text(max_size=40))
def test_no_answer_passes_for_two_labels(graded, text):
    assert not all(graded({"choice": label}, text).passed for label in "AB")
