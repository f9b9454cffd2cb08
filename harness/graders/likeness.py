"""Graders with a score of likeness between the answer and a reference text."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable

from harness.errors import GraderError
from harness.graders.registry import grader
from harness.graders.show import compared, ratio
from harness.graders.values import Text
from harness.records import Conversation, Grade, Grader

ARTICLES = re.compile(r"\b(?:a|an|the)\b")
NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


@grader("similarity")
def similarity(
    text: Text,
    *,
    min: float = 0.8,  # noqa: A002 (the option's name)
    ignore_case: bool = False,
) -> Grader:
    """Pass when the edit ratio of answer and text is at least `min`; it is the score.

    The ratio is 1 − d / n: d the Levenshtein distance in characters, n the longer text's length.
    """

    def score(reference: str, got: str) -> float:
        if ignore_case:
            return edit_ratio(reference.casefold(), got.casefold())
        return edit_ratio(reference, got)

    return _at_least(min, text, "similarity", score)


@grader("f1")
def f1(text: Text, *, min: float = 0.8) -> Grader:  # noqa: A002 (the option's name)
    """Pass when the F1 of the words shared by answer and text is at least `min`; it is the score.

    Words are lower-cased, without punctuation and English articles (Rajpurkar et al. 2016, SQuAD).
    """
    return _at_least(min, text, "F1", token_f1)


def edit_ratio(a: str, b: str) -> float:
    """1 for the same text, 0 where nothing is in its place; symmetric."""
    from rapidfuzz.distance import Levenshtein

    return float(Levenshtein.normalized_similarity(a, b))


def token_f1(a: str, b: str) -> float:
    """Harmonic mean of precision and recall over words as often as they occur; symmetric.

    Where one text has no words, 1 if neither has any, else 0.
    """
    left, right = words(a), words(b)
    if not left or not right:
        return float(left == right)
    shared = (Counter(left) & Counter(right)).total()
    return 2 * shared / (len(left) + len(right))


def words(text: str) -> list[str]:
    """The words that F1 counts."""
    return ARTICLES.sub(" ", text.lower().translate(NO_PUNCTUATION)).split()


def _at_least(limit: float, text: str, what: str, score: Callable[[str, str], float]) -> Grader:
    if not 0 <= limit <= 1:
        raise GraderError(f"`min` must be between 0 and 1, not {limit:g}")
    reference = text.strip()

    def grade(conversation: Conversation) -> Grade:
        got = conversation.text.strip()
        value = score(reference, got)
        reason = f"{what} {ratio(value)}, at least {limit:g} wanted; {compared(reference, got)}"
        return Grade(value >= limit, value, reason)

    return grade
