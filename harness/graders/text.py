"""Graders that read the answer's text; white space around answer and argument does not count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from harness.errors import GraderError
from harness.graders.jsontext import difference, parsed
from harness.graders.patterns import compile_pattern
from harness.graders.registry import GraderContext, grader, suggest
from harness.graders.show import compared, counted, joined, listed, shown
from harness.graders.values import Text
from harness.records import Conversation, Grade, Grader

MARKER = r"\banswer[ \t*`]*[:：]"
ANSWER = rf"{MARKER}((?:(?!{MARKER}).)*)"
MARKDOWN = " \t\r\n*`"


@grader("equals", main_is_mapping=True, marks=("text", "ignore_case"))
def equals(text: Text | dict[str, Any] | list[Any], *, ignore_case: bool = False) -> Grader:
    """Pass when the answer is this text; a mapping or list is compared with the answer as JSON."""
    if not isinstance(text, str):
        return _equals_json(text, ignore_case=ignore_case)
    expected = text.strip()

    def grade(conversation: Conversation) -> Grade:
        got = conversation.text.strip()
        passed = folded(expected, ignore_case=ignore_case) == folded(got, ignore_case=ignore_case)
        return Grade(passed, reason=f"got {shown(got)}" if passed else compared(expected, got))

    return grade


@grader("contains")
def contains(text: Text, *, ignore_case: bool = False) -> Grader:
    """Pass when this text stands anywhere in the answer."""
    return _containing([text], enough=1, ignore_case=ignore_case)


@grader("contains_all")
def contains_all(texts: list[Text], *, ignore_case: bool = False) -> Grader:
    """Pass when every one of these texts stands in the answer."""
    return _containing(texts, enough=len(texts), ignore_case=ignore_case)


@grader("contains_any")
def contains_any(texts: list[Text], *, ignore_case: bool = False) -> Grader:
    """Pass when at least one of these texts stands in the answer."""
    return _containing(texts, enough=1, ignore_case=ignore_case)


@grader("one_of")
def one_of(texts: list[Text], *, ignore_case: bool = False) -> Grader:
    """Pass when the answer is one of these texts."""
    wanted = [text.strip() for text in texts]
    allowed = {folded(text, ignore_case=ignore_case) for text in wanted}

    def grade(conversation: Conversation) -> Grade:
        got = conversation.text.strip()
        if folded(got, ignore_case=ignore_case) in allowed:
            return Grade(True, reason=f"got {shown(got)}")
        return Grade(False, reason=f"expected one of {listed(wanted)}, got {shown(got)}")

    return grade


@grader("starts_with")
def starts_with(text: Text, *, ignore_case: bool = False) -> Grader:
    """Pass when the answer begins with this text."""
    return _at_an_end(text, str.startswith, "begin", ignore_case=ignore_case)


@grader("ends_with")
def ends_with(text: Text, *, ignore_case: bool = False) -> Grader:
    """Pass when the answer ends with this text."""
    return _at_an_end(text, str.endswith, "end", ignore_case=ignore_case)


@grader("regex")
def regex(
    pattern: str, *, full: bool = False, ignore_case: bool = False, context: GraderContext
) -> Grader:
    """Pass when the pattern matches anywhere in the answer, or with `full` the whole of it."""
    compiled = compile_pattern(pattern, context.regex_timeout_s, ignore_case=ignore_case)

    def grade(conversation: Conversation) -> Grade:
        got = conversation.text.strip()
        match = compiled.fullmatch(got) if full else compiled.search(got)
        if match:
            return Grade(True, reason=f"matched {shown(match.group())}")
        what = "the whole of" if full else "nothing in"
        verb = "does not match" if full else "matches"
        reason = f"{shown(compiled.source)} {verb} {what} {shown(got)}"
        return Grade(False, reason=reason)

    return grade


@grader("answer")
def answer(
    text: Text,
    *,
    pattern: str | None = None,
    ignore_case: bool = False,
    context: GraderContext,
) -> Grader:
    """Pass when what follows the last `ANSWER:` on its line is this text.

    `pattern` is used instead of the marker; its one group, in its last match, is the answer.
    """
    expected = _not_empty(text)
    find = _extractor(pattern, context)

    def grade(conversation: Conversation) -> Grade:
        got = find(conversation.text)
        if got is None:
            what = "`ANSWER:`" if pattern is None else f"match of {shown(pattern)}"
            return Grade(False, reason=f"no {what} in {shown(conversation.text.strip())}")
        passed = folded(expected, ignore_case=ignore_case) == folded(got, ignore_case=ignore_case)
        return Grade(passed, reason=f"got {shown(got)}" if passed else compared(expected, got))

    return grade


@grader("label")
def label(
    text: Text,
    *,
    labels: list[Text] | None = None,
    extract: str | None = None,
    ignore_case: bool = False,
    context: GraderContext,
) -> Grader:
    """Pass when the answer's class is this one; the reason is always `expected X, got Y`.

    The class is the whole answer, or the group of the pattern `extract` in its last match. With
    `labels`, anything that is none of them is no class, and Y is `None`.
    """
    expected = _not_empty(text)
    known = _known_labels(expected, labels, ignore_case=ignore_case)
    find = str.strip if extract is None else _extractor(extract, context)

    def grade(conversation: Conversation) -> Grade:
        seen = find(conversation.text)
        key = None if seen is None else folded(seen, ignore_case=ignore_case)
        found = known.get(key, None if labels else seen) if key is not None else None
        if found is None:
            whole = shown(conversation.text.strip())
            reason = f"expected {expected!r}, got None: no label in {whole}"
            return Grade(False, reason=reason, label=(expected, None))
        reason = f"expected {expected!r}, got {shown(found)}"
        return Grade(found == expected, reason=reason, label=(expected, found))

    return grade


@grader("length")
def length(
    *,
    min_words: int | None = None,
    max_words: int | None = None,
    min_chars: int | None = None,
    max_chars: int | None = None,
) -> Grader:
    """Pass when the answer has this many words (split at white space) and characters."""
    limits = [("word", min_words, max_words), ("character", min_chars, max_chars)]
    limits = [each for each in limits if each[1:] != (None, None)]
    _check_limits(limits)

    def grade(conversation: Conversation) -> Grade:
        got = conversation.text.strip()
        counts = {"word": len(got.split()), "character": len(got)}
        checks = [_within(counts[noun], noun, low, high) for noun, low, high in limits]
        return Grade(all(ok for ok, _ in checks), reason=joined(words for _, words in checks))

    return grade


def folded(text: str, *, ignore_case: bool) -> str:
    """The text as it is compared: case folded away where case does not count."""
    return text.casefold() if ignore_case else text


def _equals_json(expected: Any, *, ignore_case: bool) -> Grader:
    def grade(conversation: Conversation) -> Grade:
        got, problem = parsed(conversation.text)
        if problem is None:
            problem = difference(expected, got, ignore_case=ignore_case)
        return Grade(problem is None, reason=problem or "the same JSON")

    return grade


def _containing(texts: Sequence[str], *, enough: int, ignore_case: bool) -> Grader:
    wanted = [_not_empty(text) for text in texts]

    def grade(conversation: Conversation) -> Grade:
        got = conversation.text.strip()
        hay = folded(got, ignore_case=ignore_case)
        found = [text for text in wanted if folded(text, ignore_case=ignore_case) in hay]
        if len(found) >= enough:
            return Grade(True, reason=f"found {listed(found)}")
        absent = [text for text in wanted if text not in found]
        return Grade(False, reason=f"{listed(absent)} not found in {shown(got)}")

    return grade


def _at_an_end(
    text: str, test: Callable[[str, str], bool], verb: str, *, ignore_case: bool
) -> Grader:
    wanted = _not_empty(text)

    def grade(conversation: Conversation) -> Grade:
        got = conversation.text.strip()
        hay, needle = (folded(each, ignore_case=ignore_case) for each in (got, wanted))
        seen = shown(got, at=len(got) if verb == "end" else 0)
        if test(hay, needle):
            return Grade(True, reason=f"{verb}s with {shown(wanted)}")
        return Grade(False, reason=f"expected to {verb} with {shown(wanted)}, got {seen}")

    return grade


def _extractor(pattern: str | None, context: GraderContext) -> Callable[[str], str | None]:
    timeout_s = context.regex_timeout_s
    compiled = compile_pattern(pattern or ANSWER, timeout_s, ignore_case=pattern is None)
    if compiled.groups != 1:
        problem = f"pattern {pattern!r} has {counted(compiled.groups, 'group')}"
        raise GraderError(f"{problem}; it needs one, (…), around what is compared")

    def find(text: str) -> str | None:
        match = compiled.last(text)
        found = match.group(1) if match else None
        return None if found is None else str(found).strip(MARKDOWN)

    return find


def _known_labels(
    expected: str, labels: Sequence[str] | None, *, ignore_case: bool
) -> dict[str, str]:
    known = {folded(each.strip(), ignore_case=ignore_case): each.strip() for each in labels or ()}
    key = folded(expected, ignore_case=ignore_case)
    if labels and key not in known:
        near = suggest(expected, tuple(known.values()))
        raise GraderError(f"label {expected!r} is not one of `labels`{near}")
    # Spelt as expected: "Billing" and "billing" are one class where case does not count.
    return {**known, key: expected}


def _not_empty(text: str) -> str:
    if not text.strip():
        raise GraderError("the text is empty, so every answer would do; write what is expected")
    return text.strip()


def _check_limits(limits: Sequence[tuple[str, int | None, int | None]]) -> None:
    if not limits:
        raise GraderError("needs one of `min_words`, `max_words`, `min_chars`, `max_chars`")
    for noun, low, high in limits:
        if min(low or 0, high or 0) < 0 or (low or 0) > (low or 0 if high is None else high):
            raise GraderError(f"no number of {noun}s is at least {low} and at most {high}")


def _within(count: int, noun: str, low: int | None, high: int | None) -> tuple[bool, str]:
    passed = (low is None or count >= low) and (high is None or count <= high)
    limits = [f"at least {low}"] * (low is not None) + [f"at most {high}"] * (high is not None)
    return passed, f"{counted(count, noun)}, {' and '.join(limits)} wanted"
