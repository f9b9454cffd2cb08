"""The `number` grader, and how a number is read out of prose: whole tokens, never suffixes."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, InvalidOperation
from typing import Literal

from harness.errors import GraderError
from harness.graders.registry import grader
from harness.graders.show import counted, listed, shown
from harness.records import Conversation, Grade, Grader

# Wide enough for whatever an answer says: 1e999999 is a wrong answer, not a broken grade.
ARITHMETIC = Context(prec=60, Emax=MAX_EMAX, Emin=MIN_EMIN)

SPACES = "\u00a0\u2009\u202f"
Which = Literal["first", "last", "only"]


@dataclass(frozen=True, slots=True)
class Found:
    """A number as it stands in a text; `value` is `None` where it cannot be read as one number."""

    written: str
    value: Decimal | None


@grader("number")
def number(
    value: Decimal,
    *,
    abs: Decimal | None = None,  # noqa: A002 (the option's name)
    rel: Decimal | None = None,
    which: Which = "last",
) -> Grader:
    """Pass when the answer's last number is this one, exactly or within a tolerance.

    `abs` is a difference, `rel` a share of the expected value; with both, either suffices.
    `which: only` wants the answer to hold no other number.
    """
    if min(abs or 0, rel or 0) < 0:
        raise GraderError("`abs` and `rel` must not be negative")

    def grade(conversation: Conversation) -> Grade:
        found = numbers_in(conversation.text)
        problem = _unusable(found, conversation.text, which)
        if problem:
            return Grade(False, reason=problem)
        got = found[0 if which == "first" else -1]
        if got.value is None:
            return Grade(False, reason=f"expected {value}, got {got.written!r}: not one number")
        passed = _close(got.value, value, abs or Decimal(0), rel or Decimal(0))
        reason = f"expected {value}{_tolerance(abs, rel)}, got {shown(got.written)}"
        return Grade(passed, reason=reason)

    return grade


def numbers_in(text: str) -> list[Found]:
    """Every number in the text, in order: signs, thousands separators, exponents understood."""
    return [_found(match) for match in _token().finditer(text)]


@functools.cache
def _token() -> re.Pattern[str]:
    plain = r"[0-9][0-9.,]*|(?<!\.)\.[0-9][0-9.,]*"
    spaced = rf"[0-9]{{1,3}}(?:[{SPACES}][0-9]{{3}})+(?![0-9])[0-9.,]*"
    sign = r"(?:(?<![0-9A-Za-z_)\]])(?P<sign>[-+−]))?"
    # Not inside a word (v2), nor after a number's own point or comma, nor an exponent (m^2).
    start = r"(?<![A-Za-z0-9_^])(?<!\^[-+−{])(?<!\^\{[-+−])(?<![0-9][.,])"
    body = rf"(?P<digits>{spaced}|{plain})"
    exponent = r"(?P<exponent>[eE][-+−]?[0-9]+)?"
    # 3/4, 10^5, 10⁵ and 1'000 are one number each: not to be read as one of their parts.
    tail = r"(?P<tail>[/^]\{?[-+−]?[0-9][0-9.,]*|['’_][0-9]+|[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+)?"
    return re.compile(f"{sign}(?:[$€£¥](?P<inner>[-+−])?)?{start}{body}{exponent}{tail}")


GROUPED = re.compile(rf"[0-9]{{1,3}}(?:(?:,[0-9]{{3}})+|(?:[{SPACES}][0-9]{{3}})+)(?:\.[0-9]+)?")
SIMPLE = re.compile(r"[0-9]+(?:\.[0-9]+)?|\.[0-9]+")


def _found(match: re.Match[str]) -> Found:
    digits = match["digits"]
    # A dot or comma after the last digit is the sentence's, unless an exponent follows.
    bare = digits if match["exponent"] else digits.rstrip(".,")
    sign = match["sign"] or match["inner"] or ""
    written = f"{sign}{bare}{match['exponent'] or ''}{match['tail'] or ''}"
    readable = GROUPED.fullmatch(bare) or SIMPLE.fullmatch(bare)
    if match["tail"] or not readable or (match["sign"] and match["inner"]):
        return Found(written, None)
    plain = re.sub(f"[,{SPACES}]", "", written).replace("−", "-")
    try:
        return Found(written, Decimal(plain))
    except InvalidOperation:  # an exponent beyond what Decimal holds
        return Found(written, None)


def _unusable(found: Sequence[Found], text: str, which: Which) -> str:
    if not found:
        return f"no number in {shown(text.strip())}"
    if which == "only" and len(found) > 1:
        seen = listed([each.written for each in found])
        return f"expected one number only, got {counted(len(found), 'number')}: {seen}"
    return ""


def _close(got: Decimal, expected: Decimal, absolute: Decimal, relative: Decimal) -> bool:
    if got == expected:
        return True
    gap = ARITHMETIC.abs(ARITHMETIC.subtract(got, expected))
    allowed = ARITHMETIC.multiply(relative, ARITHMETIC.abs(expected))
    return gap <= absolute or gap <= allowed


def _tolerance(absolute: Decimal | None, relative: Decimal | None) -> str:
    parts = [f"± {absolute}"] * (absolute is not None)
    parts += [f"± {relative} of it"] * (relative is not None)
    return f" ({' or '.join(parts)})" if parts else ""
