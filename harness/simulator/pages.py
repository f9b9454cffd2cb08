"""Pages of a list, as `limit`, `after_id` and `before_id` of a query ask for them.

Limits and fields are those of Anthropic's list endpoints.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from harness.simulator.problem import InvalidError

DEFAULT_LIMIT, MAX_LIMIT = 20, 1000
Item = Mapping[str, Any]


def place(ids: Sequence[str], query: Mapping[str, str]) -> tuple[slice, bool]:
    """Where the page lies in the list, and whether more follows; raises InvalidError."""
    limit = _limit(query.get("limit"))
    if "before_id" in query:
        end = _position(ids, "before_id", query["before_id"])
        start = max(0, end - limit)
        return slice(start, end), start > 0
    start = _position(ids, "after_id", query["after_id"]) + 1 if "after_id" in query else 0
    return slice(start, start + limit), start + limit < len(ids)


def page(data: Sequence[Item], *, has_more: bool) -> dict[str, Any]:
    """The page as the API writes it."""
    return {
        "data": list(data),
        "has_more": has_more,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
    }


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or not 1 <= int(text) <= MAX_LIMIT:
        raise InvalidError(f"Input should be between 1 and {MAX_LIMIT}").under("limit")
    return int(text)


def _position(ids: Sequence[str], key: str, wanted: str) -> int:
    for position, found in enumerate(ids):
        if found == wanted:
            return position
    raise InvalidError(f"no object has the id {wanted!r}").under(key)
