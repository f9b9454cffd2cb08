"""What becomes of one request of a batch: the counter it ends in, and its lines of the results.

Answers come from the service, as those of live requests do, and are paid for here.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.simulator.batch_checks import check_params
from harness.simulator.problem import ApiError, error_body

if TYPE_CHECKING:
    from harness.simulator.faults import Fault
    from harness.simulator.service import Service

log = logging.getLogger(__name__)

UNANSWERED = ("errored", "expired", "canceled", "unknown_result")
UNKNOWN_RESULT = {"type": "postponed", "simulated": True}
BLANK = b"\n"


class Ended(NamedTuple):
    """A request that is through: its counter, and what the results have for it."""

    counter: str
    lines: tuple[bytes, ...]


def line(custom_id: str, result: Mapping[str, Any]) -> bytes:
    """One line of the results, with its end."""
    import orjson

    # Joining copies to the length that is needed; orjson's own buffer is larger.
    return b"".join((orjson.dumps({"custom_id": custom_id, "result": result}), b"\n"))


def unfinished(custom_id: str, counter: str) -> Ended:
    """A request that the batch did not come to: `canceled` or `expired`."""
    return Ended(counter, (line(custom_id, {"type": counter}),))


def ended(service: Service, request: Mapping[str, Any], *, batch_id: str, version: str) -> Ended:
    """Answer the request, or do to it what its fault wants."""
    request_id = service.new_id("req")
    custom_id, params = request["custom_id"], request["params"]
    try:
        model = check_params(service, params, version)
        fault = service.faults.next(service.catalogue.names[model.id], scope="line").fault
        if fault and fault.kind in UNANSWERED:
            return _unanswered(custom_id, fault, request_id)
        answered = service.answer(params, model, request_id=request_id, batch_id=batch_id)
        service.begin(answered)
        succeeded = line(custom_id, {"type": "succeeded", "message": answered.message})
        return Ended("succeeded", _as_hit(succeeded, fault.kind if fault else ""))
    except ApiError as exc:
        error = exc
    except Exception:
        log.exception("a bug in the simulator, at request %r of batch %s", custom_id, batch_id)
        error = ApiError(500, "Internal server error")
    return _errored(custom_id, error_body(error, request_id))


def _errored(custom_id: str, error: Mapping[str, Any]) -> Ended:
    return Ended("errored", (line(custom_id, {"type": "errored", "error": error}),))


def _unanswered(custom_id: str, fault: Fault, request_id: str) -> Ended:
    if fault.kind == "unknown_result":
        # No counter is meant for it, and their sum has to be the number of requests.
        return Ended("errored", (line(custom_id, UNKNOWN_RESULT),))
    if fault.kind != "errored":
        return unfinished(custom_id, fault.kind)
    error = error_body(fault.error(), request_id)
    if fault.error_type:
        error["error"] |= {"type": fault.error_type, "message": f"Simulated {fault.error_type}"}
    return _errored(custom_id, error)


def _as_hit(whole: bytes, kind: str) -> tuple[bytes, ...]:
    if kind == "missing_line":
        return ()
    if kind == "duplicate_line":
        return (whole, whole)
    if kind == "blank_line":
        return (whole, BLANK)
    return (whole[: len(whole) // 2] + b"\n",) if kind == "broken_line" else (whole,)
