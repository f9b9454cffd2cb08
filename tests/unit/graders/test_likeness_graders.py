"""Edit ratio and token F1: their values, their limits, their laws."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import GraderError
from harness.graders.likeness import edit_ratio, token_f1


# The first two by hand from Levenshtein's definition: kitten to sitting takes three edits.
@pytest.mark.parametrize(
    ("a", "b", "ratio"),
    [("kitten", "sitting", 1 - 3 / 7), ("abc", "abcd", 0.75), ("", "", 1.0), ("a", "", 0.0)],
    ids=["kitten", "one more", "both empty", "one empty"],
)
def test_the_edit_ratio_is_one_less_the_share_of_edits(a, b, ratio):
    assert edit_ratio(a, b) == pytest.approx(ratio)


# By hand from precision and recall over words, as SQuAD's evaluation defines them.
@pytest.mark.parametrize(
    ("a", "b", "f1"),
    [
        ("The Eiffel Tower", "eiffel tower.", 1.0),
        ("Paris", "It is in Paris, France", 2 * (1 * 1 / 5) / (1 + 1 / 5)),
        ("a b c c", "c c d", 2 * (2 / 3 * 2 / 3) / (2 / 3 + 2 / 3)),
        ("the", "an", 1.0),
        ("the", "cat", 0.0),
        ("cat", "dog", 0.0),
    ],
    ids=["articles", "one of five", "repeats", "no words", "one without words", "nothing"],
)
def test_f1_counts_shared_words(a, b, f1):
    assert token_f1(a, b) == pytest.approx(f1)


def test_similarity_passes_from_its_limit_on_and_scores_the_ratio(graded):
    grade = graded({"similarity": "abcde", "min": 0.8}, "abcdx")
    assert grade.passed
    assert grade.score == pytest.approx(0.8)


def test_a_ratio_below_the_limit_never_reads_as_the_limit(graded):
    grade = graded({"similarity": "a" * 10000, "min": 0.8}, "a" * 7999 + "b" * 2001)
    assert not grade.passed
    assert grade.reason.startswith("similarity 0.7999, at least 0.8 wanted; expected")


def test_similarity_without_case(graded):
    assert graded({"similarity": {"text": "ABC", "min": 1, "ignore_case": True}}, "abc").passed


def test_f1_is_the_score(graded):
    grade = graded({"f1": "Paris"}, "It is Paris")
    assert (grade.passed, grade.score) == (False, pytest.approx(0.5))


def test_a_limit_beyond_one_is_an_error(graded):
    with pytest.raises(GraderError, match="between 0 and 1, not 80"):
        graded({"f1": "x", "min": 80}, "x")


@given(st.text(max_size=20), st.text(max_size=20))
def test_likeness_is_symmetric_and_between_zero_and_one(a, b):
    for score in (edit_ratio, token_f1):
        assert score(a, b) == score(b, a)
        assert 0 <= score(a, b) <= 1


@given(st.text(max_size=20))
def test_every_text_is_like_itself(text):
    assert edit_ratio(text, text) == token_f1(text, text) == 1
