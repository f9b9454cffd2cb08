"""The grader of multiple-choice questions: which of the labels an answer chooses.

The only module that reads a choice out of prose. In doubt there is none: a wrong guess would pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.errors import GraderError
from harness.graders.patterns import Pattern, compile_pattern
from harness.graders.registry import GraderContext, grader, suggest
from harness.graders.show import listed, shown
from harness.graders.text import folded
from harness.graders.values import Text
from harness.records import Conversation, Grade, Grader

LETTERS = ("A", "B", "C", "D", "E")

LABEL = r"(?<![\w'’])(?P<label>LABELS)(?![\w'’]|-\w)"
OPEN = r"(?:\\boxed|\\text|[^\w\n])*"
ALSO = r"[^\w\n]{0,9}(?:(?:or|and)\b[^\w\n]{0,9}|(?<=[,/&]\s{0,3})[^\w\n]{0,9})"
SAYS = r"\b(?:answers?|choice|option)\b[^.\n]{0,60}?(?:\b(?:is|are|was|be)\b|[:：=])"
CHOOSES = r"\bI(?:['’]d| would)? (?:choose|pick|select)\b"
STATED = (
    rf"(?i:{SAYS}|{CHOOSES}){OPEN}"
    rf"(?i:(?:the|either|both|option|choice|letter)\b{OPEN})*{LABEL}(?:{ALSO}{LABEL})*"
)
ALONE = rf"(?m)^[^\w\n]*{LABEL}[^\w\n]*$"
BEGUN = rf"(?m)^[^\w\n]*{LABEL}[*_`]*(?:[).\]:]|[ \t]+[-–—=])"
DENIED_BEFORE = re.compile(
    r"(?:\b(?:not|never|neither|nor|except)|n['’]t)\W+(?:\w+\W+){0,2}$", re.I
)
DENIED_AFTER = re.compile(
    r"\W*\s(?:(?:is|are|was) (?:not|wrong|incorrect|false)|(?:is|was)n['’]t)\b", re.I
)
WORD = re.compile(r"\s+(?!(?:is|was|as|and|or|because|since|for|would|seems)\b)[a-z]")
"""What follows an article or a pronoun: in `A cat`, the A chooses nothing."""


@grader("choice")
def choice(
    expected: Text,
    *,
    choices: list[Text] | None = None,
    ignore_case: bool = False,
    context: GraderContext,
) -> Grader:
    """Pass when the answer chooses this one of the `choices` (A to E), and no other.

    What counts is what it states ("The answer is B", "Answer: B", a line with "B" alone), else the
    labels that lines begin with ("B) Paris"), else every label that it names and does not deny.
    """
    reader = _Reader.of(choices or LETTERS, context, ignore_case=ignore_case)
    wanted = reader.spelt(expected)
    if wanted is None:
        known = tuple(reader.labels.values())
        near = suggest(expected, known) if choices else "; write `choices`, which are A to E else"
        raise GraderError(f"{expected!r} is not one of `choices`{near}")

    def grade(conversation: Conversation) -> Grade:
        got = conversation.text.strip()
        chosen = reader.chosen(got)
        if chosen == [wanted]:
            return Grade(True, reason=f"chose {wanted!r}")
        if not chosen:
            return Grade(False, reason=f"expected {wanted!r}, no choice in {shown(got)}")
        if len(chosen) == 1:
            return Grade(False, reason=f"expected {wanted!r}, chose {chosen[0]!r}: {shown(got)}")
        return Grade(False, reason=f"expected {wanted!r}, names {listed(chosen)}: {shown(got)}")

    return grade


@dataclass(frozen=True, slots=True)
class _Reader:
    """Finds labels in answers; `labels` are spelt as in the suite, by how they are compared."""

    labels: dict[str, str]
    stated: Pattern
    alone: Pattern
    begun: Pattern
    named: Pattern
    ignore_case: bool

    @classmethod
    def of(cls, choices: Sequence[str], context: GraderContext, *, ignore_case: bool) -> _Reader:
        spelt = [_sound(each) for each in choices]
        labels = {folded(each, ignore_case=ignore_case): each for each in spelt}
        if len(labels) < max(2, len(spelt)):
            raise GraderError(f"`choices` are two or more different labels, not {listed(spelt)}")
        # The longest first: of "A" and "A+", the second is meant where both fit.
        either = "|".join(re.escape(each) for each in sorted(spelt, key=len, reverse=True))
        stated, alone, begun = (
            compile_pattern(
                source.replace("LABELS", either), context.regex_timeout_s, ignore_case=ignore_case
            )
            for source in (STATED, ALONE, BEGUN)
        )
        # In the middle of a sentence, small letters are words of it.
        anywhere = ignore_case and min(map(len, spelt)) > 1
        source = LABEL.replace("LABELS", either)
        named = compile_pattern(source, context.regex_timeout_s, ignore_case=anywhere)
        return cls(labels, stated, alone, begun, named, ignore_case)

    def spelt(self, label: str) -> str | None:
        """The label as the suite spells it, `None` where it is none."""
        return self.labels.get(folded(label.strip(), ignore_case=self.ignore_case))

    def chosen(self, text: str) -> list[str]:
        """The labels that the answer chooses, in the suite's order: none, one, or too many."""
        found: list[str] = next(filter(None, self._tiers(text)), [])
        seen = {self.spelt(each) for each in found}
        return [label for label in self.labels.values() if label in seen]

    def _tiers(self, text: str) -> Iterator[list[str]]:
        yield [*_found(self.stated, text), *_found(self.alone, text)]
        yield [*_found(self.begun, text)]
        yield [*self._named(text)]

    def _named(self, text: str) -> Iterator[str]:
        compiled, timeout_s = self.named.compiled, self.named.timeout_s
        for match in compiled.finditer(text, timeout=timeout_s):
            label, before, after = match["label"], text[: match.start()], text[match.end() :]
            article = label.casefold() in ("a", "i") and WORD.match(after)
            denied = DENIED_BEFORE.search(before[-60:]) or DENIED_AFTER.match(after)
            if not article and not denied:
                yield label


def _found(pattern: Pattern, text: str) -> Iterator[str]:
    for match in pattern.compiled.finditer(text, timeout=pattern.timeout_s):
        labels: list[str] = match.captures("label")
        yield from labels


def _sound(label: str) -> str:
    if not label.strip():
        raise GraderError("one of `choices` is empty")
    return label.strip()
