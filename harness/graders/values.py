"""Option values as a grader's annotations want them; the only module that judges a value's type.

A template that is not rendered yet is of any type.
"""

from __future__ import annotations

import functools
import math
import types
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any, Final, Literal, NewType, Union, get_args, get_origin

Text = NewType("Text", str)
"""A text that answers are compared with; a rendered number is taken as its digits."""

Item = NewType("Item", object)
"""A grader inside a grader, as plain data."""


class Unset(Enum):
    """The default of an option that may be anything, `null` included."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET

TEMPLATE_MARKS = ("{{", "{%", "{#")

_MISFIT = object()


def has_template(value: Any) -> bool:
    """A text with a Jinja tag in it."""
    return isinstance(value, str) and any(mark in value for mark in TEMPLATE_MARKS)


def convert(value: Any, annotation: Any, *, rendered: bool) -> Any:
    """`value` as the annotation wants it; before rendering, templates are let through.

    Raises ValueError with the words that follow an option's name: what it must be, what it is.
    """
    if not rendered and has_template(value):
        return value
    members = members_of(annotation)
    for member in members:
        found = _as_member(value, member, rendered=rendered)
        if found is not _MISFIT:
            return found
    raise ValueError(_problem(value, members))


@functools.cache
def members_of(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, without `Unset`; a type alone is its only member."""
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(member for member in get_args(annotation) if member is not Unset)
    return (annotation,)


def _as_member(value: Any, member: Any, *, rendered: bool) -> Any:
    if member in (Any, Item):
        return value
    origin = get_origin(member) or member
    if origin is list:
        return _as_list(value, member, rendered=rendered)
    if origin is dict:
        return dict(value) if isinstance(value, Mapping) else _MISFIT
    if origin is Literal:
        return value if value in get_args(member) and isinstance(value, str) else _MISFIT
    if member is Text:
        return _as_text(value, rendered=rendered)
    return _SCALARS[member](value)


def _as_list(value: Any, member: Any, *, rendered: bool) -> Any:
    if not isinstance(value, list | tuple):
        return _MISFIT
    (element,) = get_args(member)
    if element is Any:
        return list(value)
    if not value:
        raise ValueError("must not be an empty list")
    try:
        return [convert(each, element, rendered=rendered) for each in value]
    except ValueError as exc:
        raise ValueError(f"holds an element that {exc}") from exc


def _as_text(value: Any, *, rendered: bool) -> Any:
    if isinstance(value, str):
        return value
    number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return str(value) if rendered and number else _MISFIT


def _as_str(value: Any) -> Any:
    return value if isinstance(value, str) else _MISFIT


def _as_bool(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    words = {"true": True, "false": False}
    return words.get(value.strip().lower(), _MISFIT) if isinstance(value, str) else _MISFIT


def _as_decimal(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return _MISFIT
    try:
        number = Decimal(value if isinstance(value, Decimal) else str(value).strip())
    except InvalidOperation:
        return _MISFIT
    return number if number.is_finite() else _MISFIT


def _as_float(value: Any) -> Any:
    number = _as_decimal(value)
    if number is _MISFIT or not math.isfinite(float(number)):
        return _MISFIT
    return float(number)


def _as_int(value: Any) -> Any:
    number = _as_decimal(value)
    if number is _MISFIT or number != number.to_integral_value():
        return _MISFIT
    return int(number)


def _as_none(value: Any) -> Any:
    return None if value is None else _MISFIT


_SCALARS: dict[Any, Callable[[Any], Any]] = {
    str: _as_str,
    bool: _as_bool,
    int: _as_int,
    float: _as_float,
    Decimal: _as_decimal,
    type(None): _as_none,
}

_WORDS: dict[Any, str] = {
    str: "a text",
    Text: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    Decimal: "a number",
}


def _problem(value: Any, members: tuple[Any, ...]) -> str:
    wanted = " or ".join(word for word in map(_word, members) if word)
    if Text not in members and str not in members:
        return f"must be {wanted}, not {_seen(value)}"
    if isinstance(value, bool):
        return (
            f"must be {wanted}, but YAML reads this as the boolean {str(value).lower()} "
            "(as it does yes, no, on and off); quote it to mean the text"
        )
    if isinstance(value, int | float | Decimal):
        written = _seen(value)
        return f'must be {wanted}, but {written} is a number; quote it: "{written}"'
    return f"must be {wanted}, not {_seen(value)}"


def _word(member: Any) -> str:
    origin = get_origin(member) or member
    if origin is list:
        (element,) = get_args(member)
        plural = {Item: " of graders", Any: ""}.get(element, " of texts")
        return f"a list{plural}"
    if origin is dict:
        return "a mapping"
    if origin is Literal:
        return "one of " + ", ".join(map(str, get_args(member)))
    return _WORDS.get(member, "")


def _seen(value: Any) -> str:
    if value is None:
        return "null (nothing stands there)"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float | Decimal):
        # A float that was read from YAML knows how it was written: 1.10 is not 1.1 to its writer.
        return str(getattr(value, "written", value))
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:79]}…"
