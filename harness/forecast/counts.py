"""Input tokens that the API has counted, remembered in a file from one plan to the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import orjson

from harness.recorder import digest
from harness.records import Request

Counts = Callable[[Sequence[Request]], tuple[Sequence[int | None], str]]
"""Input tokens of each request, `None` where the API does not say, and why it does not."""

FILE = "token-counts.json"
MOST_COUNTED = 20_000
"""Counts that the file keeps, the newest."""


def remembered(file: Path, ask: Counts | None = None, *, warn: Callable[[str], None]) -> Counts:
    """Counts out of the file; what is not in it is counted by `ask`, and written there.

    `warn` is told where the file cannot be written.
    """

    def count(requests: Sequence[Request]) -> tuple[list[int | None], str]:
        known, why = _read(file), ""
        names = [digest(request) for request in requests]
        new = {n: r for n, r in zip(names, requests, strict=True) if n not in known}
        if new and ask is not None:
            tokens, why = ask(list(new.values()))
            told = {name: one for name, one in zip(new, tokens, strict=True) if one is not None}
            known |= told
            if told:
                _write(file, known, warn)
        return [known.get(name) for name in names], why

    return count


def _read(file: Path) -> dict[str, int]:
    """The counts in the file; one that is damaged counts for nothing."""
    try:
        data = orjson.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    said = data.items() if isinstance(data, dict) else ()
    return {str(name): tokens for name, tokens in said if isinstance(tokens, int)}


def _write(file: Path, counts: Mapping[str, int], warn: Callable[[str], None]) -> None:
    newest = dict(list(counts.items())[-MOST_COUNTED:])
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(orjson.dumps(newest))
    except OSError as error:
        warn(f"{file} cannot be written: {error.strerror}")
