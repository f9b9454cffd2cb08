"""JSON text as plain data, strictly; and where the items of its list start.

What JSON allows and nobody means is refused here: a key that stands twice, NaN, half a character.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any


def read_json(text: str) -> Any:
    """JSON as data; ValueError on duplicate keys, NaN, half characters and what is not JSON."""
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if "\\ud" in text or "\\uD" in text:
        _reject_half_characters(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        twice = next(key for key, count in Counter(k for k, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object; keep one")
    return result


def _constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number; write null or a text")


def _reject_half_characters(value: object) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as exc:
        half = exc.object[exc.start].encode("unicode_escape").decode()
        raise ValueError(f"{half} is half of a surrogate pair; write both halves") from exc


_SPACE = re.compile(r"[ \t\r\n]*")


def item_starts(text: str, key: str | None) -> Iterator[int]:
    """Where each item of the list starts: the list itself, or the one under `key`; valid JSON."""
    decoder = json.JSONDecoder()

    def skip(index: int) -> int:
        return _SPACE.match(text, index).end()  # type: ignore[union-attr]

    index = skip(0)
    while key is not None:
        name, index = decoder.raw_decode(text, skip(index + 1))
        index = skip(skip(index) + 1)
        if name == key:
            break
        index = skip(decoder.raw_decode(text, index)[1])
    while True:
        index = skip(index + 1)
        if text[index] == "]":
            return
        yield index
        index = skip(decoder.raw_decode(text, index)[1])
        if text[index] == "]":
            return
