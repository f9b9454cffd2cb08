"""JSON in an answer: parsed strictly, found in prose, compared deeply.

The only module that says what counts as JSON here: RFC 8259, so neither NaN nor infinity.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from harness.graders.show import as_json, shown

FENCED = re.compile(r"\A```[\w-]*[ \t]*\r?\n(.*?)\r?\n?```\Z", re.DOTALL)
Fold = Callable[[str], str]
# A bracket with what may follow it in JSON: an answer full of braces is not parsed at each of them.
OPENING = re.compile(r"\{(?=\s*[\"}])|\[(?=\s*[]\[{\"\-0-9tfn])")
PLAIN_KEY = re.compile(r"[A-Za-z_]\w*")


def parsed(text: str) -> tuple[Any, str | None]:
    """The whole text as JSON and `None`, or `None` and why it is none."""
    stripped = text.strip()
    try:
        return _decoder().decode(stripped), None
    except RecursionError:
        return None, f"not JSON that can be read: nested too deeply: {shown(stripped)}"
    except ValueError as exc:
        at = getattr(exc, "pos", 0)
        hint = _fence_hint(stripped)
        return None, f"not JSON: {_problem(exc)}{hint}: {shown(stripped, at=at)}"


def first_json(text: str) -> tuple[Any, str | None]:
    """The first JSON object or array that stands in the text and `None`, or why there is none."""
    decoder = _decoder()
    for match in OPENING.finditer(text):
        try:
            return decoder.raw_decode(text, match.start())[0], None
        except RecursionError:
            return None, f"the JSON is nested too deeply: {shown(text.strip())}"
        except ValueError:
            continue  # a bracket of the prose: what follows it may still be JSON
    return None, f"no JSON object or array in {shown(text.strip())}"


def difference(expected: Any, got: Any, *, ignore_case: bool = False) -> str | None:
    """The first place where two JSON values differ, in words, or `None` where they are equal.

    Numbers are compared by value (1 is 1.0), `true` is not 1, the order of keys does not count.
    """
    return next(_differences(expected, got, "$", str.casefold if ignore_case else str), None)


def _decoder() -> json.JSONDecoder:
    return json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON value")


def _finite(written: str) -> float:
    value = float(written)
    if math.isinf(value):
        raise ValueError(f"{written} is too large for a number")
    return value


def _problem(exc: ValueError) -> str:
    if isinstance(exc, json.JSONDecodeError):
        return f"{exc.msg} (line {exc.lineno}, column {exc.colno})"
    return str(exc)


def _fence_hint(text: str) -> str:
    match = FENCED.match(text)
    if match is None or parsed(match[1])[1] is not None:
        return ""
    return ", only inside a ``` fence (which `contains_json` accepts)"


def _differences(expected: Any, got: Any, path: str, fold: Fold) -> Iterator[str]:
    if isinstance(expected, Mapping) and isinstance(got, dict):
        yield from _key_differences(expected, got, path, fold)
    elif isinstance(expected, list | tuple) and isinstance(got, list):
        yield from _item_differences(expected, got, path, fold)
    elif not _same(expected, got, fold):
        yield f"{path}: expected {as_json(expected)}, got {as_json(got)}"


def _key_differences(
    expected: Mapping[str, Any], got: dict[str, Any], path: str, fold: Fold
) -> Iterator[str]:
    for key, value in expected.items():
        if key not in got:
            yield f"{_under(path, key)}: expected {as_json(value)}, but there is no such key"
        else:
            yield from _differences(value, got[key], _under(path, key), fold)
    for key, value in got.items():
        if key not in expected:
            yield f"{_under(path, key)}: not expected, got {as_json(value)}"


def _item_differences(
    expected: list[Any] | tuple[Any, ...], got: list[Any], path: str, fold: Fold
) -> Iterator[str]:
    for index, (left, right) in enumerate(zip(expected, got, strict=False)):
        yield from _differences(left, right, f"{path}[{index}]", fold)
    if len(expected) != len(got):
        yield f"{path}: expected {len(expected)} items, got {len(got)}"


def _same(expected: Any, got: Any, fold: Fold) -> bool:
    if isinstance(expected, bool) or isinstance(got, bool):
        return expected is got
    if isinstance(expected, str) and isinstance(got, str):
        return fold(expected) == fold(got)
    if isinstance(expected, Decimal) and isinstance(got, float):
        return expected == Decimal(str(got))
    return bool(expected == got)


def _under(path: str, key: str) -> str:
    return f"{path}.{key}" if PLAIN_KEY.fullmatch(key) else f"{path}[{as_json(key)}]"
