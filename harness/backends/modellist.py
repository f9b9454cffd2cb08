"""The API's own list of its models: ids, lifecycle and limits. It has no prices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date
from typing import TYPE_CHECKING, Literal

from harness.backends.wire import FaultError

if TYPE_CHECKING:
    from anthropic.types import ModelInfo

    from harness.backends.client import Client

LIMIT_S = 30.0
PAGE = 1000
STAGES: tuple[Literal["active", "deprecated", "retired"], ...] = ("active", "deprecated", "retired")


@dataclass(frozen=True, slots=True)
class Listed:
    """A model as the API lists it; `None` is not told."""

    id: str
    lifecycle: str | None = None
    retires_on: date | None = None
    context_tokens: int | None = None
    max_output_tokens: int | None = None


async def listed(connect: Callable[[], Client]) -> list[Listed]:
    """Every model that the API lists, retired ones included, the newest first.

    Raises FaultError where it does not say.
    """
    from harness.backends.client import fault_of, without_secrets

    client = connect()
    try:
        pages = client.models.list(limit=PAGE, lifecycle=list(STAGES), timeout=LIMIT_S)
        return [_listed(info) async for info in pages]
    except Exception as error:
        fault = fault_of(error, LIMIT_S)
        raise FaultError(without_secrets(fault, client)) from None
    finally:
        await client.close()


def _listed(info: ModelInfo) -> Listed:
    retires = info.retires_at
    return Listed(
        id=info.id,
        lifecycle=info.lifecycle,
        retires_on=None if retires is None else retires.astimezone(UTC).date(),
        context_tokens=info.max_input_tokens,
        max_output_tokens=info.max_tokens,
    )
