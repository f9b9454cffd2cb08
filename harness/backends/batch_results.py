"""What the results of a batch say: downloaded whole, checked, and read line by line.

Lines are matched by `custom_id`, never by order; the one way from a line to an answer, or to why
there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import orjson

from harness.backends.wire import (
    SIMULATED_HEADER,
    Fault,
    FaultError,
    answer_of,
    error_fault,
    malformed,
)
from harness.records import Answer, Missing

if TYPE_CHECKING:
    from harness.backends.batch_api import BatchApi, Remote
    from harness.journal import Batch

PIECE_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one request; `again` says that the next wave may do better."""

    said: Answer | Missing
    again: bool = False
    fatal: Fault | None = None


class Counted(NamedTuple):
    """What is in a download: requests of the batch, those of others, and lines that are broken."""

    own: int = 0
    foreign: int = 0
    broken: int = 0


async def download(api: BatchApi, remote: Remote, prefix: str, file: IO[bytes]) -> Counted:
    """Write every line that can be read; raises FaultError where the end is missing."""
    file.seek(0)
    file.truncate()
    own: set[int] = set()
    foreign = broken = 0
    async for line in api.lines(remote):
        if not line.strip():
            continue
        custom_id = _custom_id(line)
        if custom_id is None and not line.endswith(b"\n"):
            raise malformed("the results end in the middle of a line")
        if custom_id is None:
            broken += 1
        elif custom_id.startswith(prefix):
            own.add(hash(custom_id))
            file.write(line if line.endswith(b"\n") else line + b"\n")
        else:
            foreign += 1
    return Counted(len(own), foreign, broken)


async def is_of(api: BatchApi, remote: Remote, prefix: str) -> bool:
    """Whether the results are of the batch with this prefix, as the first that names one says."""
    async for line in api.lines(remote):
        if (custom_id := _custom_id(line)) is not None:
            return custom_id.startswith(prefix)
    return False


def _custom_id(line: bytes) -> str | None:
    try:
        said = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    custom_id = said.get("custom_id") if isinstance(said, dict) else None
    return custom_id if isinstance(custom_id, str) else None


def outcomes(lines: Iterable[bytes], batch: Batch, *, simulated: bool) -> dict[str, Outcome]:
    """What came of each request, by its key; an answer counts before anything else said of it."""
    found: dict[str, Outcome] = {}
    for line in lines:
        said = orjson.loads(line)
        key = str(said["custom_id"]).removeprefix(batch.prefix)
        if key not in found or not isinstance(found[key].said, Answer):
            found[key] = outcome_of(said.get("result"), batch.id or "", simulated=simulated)
    return found


def outcome_of(said: object, batch: str, *, simulated: bool) -> Outcome:
    """What a result says of its request."""
    result = said if isinstance(said, Mapping) else {}
    kind = result.get("type")
    if kind == "succeeded":
        return Outcome(_answer(result, batch, simulated=simulated))
    if kind == "errored":
        fault = error_fault(result.get("error"), None, {})
        missing = Missing(fault.kind, fault.reason, fault.request_id)
        return Outcome(missing, fault.retry or fault.fatal, fault if fault.fatal else None)
    if kind in ("canceled", "expired"):
        return Outcome(Missing(str(kind), f"the request was {kind} in its batch"), again=True)
    return Outcome(Missing("unknown_result", f"a result of the unknown type {kind!r}"))


def _answer(result: Mapping[str, Any], batch: str, *, simulated: bool) -> Answer | Missing:
    headers = {SIMULATED_HEADER: "true"} if simulated else {}
    try:
        return answer_of(result["message"], headers, answered_at=datetime.now(UTC), batch=batch)
    except (FaultError, KeyError, TypeError, AttributeError) as error:
        return Missing("malformed_response", f"a result that cannot be read: {error}")


def pieces(lines: Iterable[bytes], size: int) -> Iterator[list[bytes]]:
    """The lines, at most so many at a time, and fewer where they are long."""
    piece: list[bytes] = []
    held = 0
    for line in lines:
        piece.append(line)
        held += len(line)
        if len(piece) == size or held >= PIECE_BYTES:
            yield piece
            piece, held = [], 0
    if piece:
        yield piece
