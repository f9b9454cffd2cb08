"""Checks of plain JSON values, put together like the schema they stand for.

A check takes a value and raises `InvalidError` with the path to what is wrong, in the API's words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from harness.simulator.problem import InvalidError

Check = Callable[[Any], None]


def anything(_value: Any) -> None:
    """Any JSON value."""


def text(value: Any) -> None:
    """A string."""
    if not isinstance(value, str):
        raise InvalidError("Input should be a valid string")


def boolean(value: Any) -> None:
    """True or false."""
    if not isinstance(value, bool):
        raise InvalidError("Input should be a valid boolean")


def mapping(value: Any) -> None:
    """A JSON object of any shape."""
    if not isinstance(value, dict):
        raise InvalidError("Input should be a valid dictionary")


def whole(minimum: int) -> Check:
    """An integer that is at least `minimum`."""

    def check(value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            raise InvalidError("Input should be a valid integer")
        if value < minimum:
            raise InvalidError(f"Input should be greater than or equal to {minimum}")

    return check


def number(low: float, high: float) -> Check:
    """A number between `low` and `high`, both included."""

    def check(value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise InvalidError("Input should be a valid number")
        if not low <= value <= high:
            raise InvalidError(f"range: {low:g}..{high:g}")

    return check


def matching(pattern: str) -> Check:
    """A string that matches `pattern` from end to end."""
    compiled = re.compile(pattern)

    def check(value: Any) -> None:
        text(value)
        if not compiled.fullmatch(value):
            raise InvalidError(f"String should match pattern '^{pattern}$'")

    return check


def at_most(characters: int) -> Check:
    """A string of at most so many characters."""

    def check(value: Any) -> None:
        text(value)
        if len(value) > characters:
            raise InvalidError(f"String should have at most {characters} characters")

    return check


def one_of(*choices: str) -> Check:
    """One of the given strings."""
    quoted = [f"'{choice}'" for choice in choices]
    listed = f"{', '.join(quoted[:-1])} or {quoted[-1]}" if len(quoted) > 1 else quoted[0]

    def check(value: Any) -> None:
        if value not in choices:
            raise InvalidError(f"Input should be {listed}")

    return check


def nullable(inner: Check) -> Check:
    """Null, or what `inner` wants."""

    def check(value: Any) -> None:
        if value is not None:
            inner(value)

    return check


def list_of(inner: Check) -> Check:
    """A list of what `inner` wants."""

    def check(value: Any) -> None:
        if not isinstance(value, list):
            raise InvalidError("Input should be a valid list")
        for index, item in enumerate(value):
            try:
                inner(item)
            except InvalidError as exc:
                raise exc.under(index) from None

    return check


def text_or(inner: Check) -> Check:
    """A string, or what `inner` wants."""

    def check(value: Any) -> None:
        if not isinstance(value, str):
            inner(value)

    return check


def shape(
    required: Mapping[str, Check],
    optional: Mapping[str, Check] | None = None,
    *,
    open_ended: bool = False,
) -> Check:
    """An object with these keys; others are refused, unless `open_ended`."""
    checks = {**required, **(optional or {})}

    def check(value: Any) -> None:
        mapping(value)
        for key in required:
            if key not in value:
                raise InvalidError("Field required").under(key)
        for key, item in value.items():
            inner = checks.get(key)
            if inner is None:
                if open_ended:
                    continue
                raise InvalidError("Extra inputs are not permitted").under(key)
            try:
                inner(item)
            except InvalidError as exc:
                raise exc.under(key) from None

    return check


def tagged(
    checks: Mapping[str, Check], *, otherwise: Callable[[str], Check | None] | None = None
) -> Check:
    """An object whose `type` says which check it has to pass; the tag stands in the path."""
    expected = ", ".join(f"'{tag}'" for tag in checks)

    def check(value: Any) -> None:
        mapping(value)
        tag = value.get("type")
        if tag is None:
            raise InvalidError("Field required").under("type")
        inner = checks.get(tag) if isinstance(tag, str) else None
        if inner is None and otherwise and isinstance(tag, str):
            inner = otherwise(tag)
        if inner is None:
            raise InvalidError(
                f"Input tag {str(tag)!r} found using 'type' does not match any of the "
                f"expected tags: {expected}"
            )
        try:
            inner(value)
        except InvalidError as exc:
            raise exc.under(tag) from None

    return check
