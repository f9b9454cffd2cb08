"""What is wrong with a batch: at once of its frame, and only later of each request's `params`.

The limits and the rules for `params` are those of Anthropic's page on batch processing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.simulator.problem import InvalidError
from harness.simulator.shapes import at_most, list_of, mapping, matching, shape

if TYPE_CHECKING:
    from harness.models import Model
    from harness.simulator.service import Service

MAX_ID_CHARACTERS = 64
_SHORT = at_most(MAX_ID_CHARACTERS)
_NAMED = matching(f"[a-zA-Z0-9_-]{{1,{MAX_ID_CHARACTERS}}}")


def custom_id(value: Any) -> None:
    """A `custom_id`: letters, digits, `_` and `-`."""
    if isinstance(value, str):
        _SHORT(value)
    _NAMED(value)


FRAME = shape({"requests": list_of(shape({"custom_id": custom_id, "params": mapping}))})


def check_frame(body: Mapping[str, Any], *, most: int) -> None:
    """Refuse what the API refuses on the spot, before it looks into `params`; InvalidError."""
    requests = body.get("requests")
    if isinstance(requests, list) and not 1 <= len(requests) <= most:
        bound = "at least 1 item" if not requests else f"at most {most} items"
        raise InvalidError(f"List should have {bound} after validation, not {len(requests)}").under(
            "requests"
        )
    FRAME(body)
    seen: set[str] = set()
    for index, request in enumerate(body["requests"]):
        if request["custom_id"] in seen:
            raise InvalidError(f"{request['custom_id']!r} is not unique in the batch").under(
                "requests", index, "custom_id"
            )
        seen.add(request["custom_id"])


def check_params(service: Service, params: Mapping[str, Any], version: str) -> Model:
    """The model that is asked; raises ApiError for what a batch's request may not say."""
    if params.get("stream"):
        raise InvalidError("not supported in a batch").under("stream")
    if params.get("speed") is not None:
        raise InvalidError("not supported in a batch").under("speed")
    model = service.check(params, version)
    if params["max_tokens"] < 1:
        raise InvalidError("must be at least 1 in a batch").under("max_tokens")
    return model
