"""Message batches: what was submitted, how far each has come by the clock, and how it ended.

Knows nothing of HTTP. A batch's requests are answered evenly over its time, in slices, so that
a large one does not keep others waiting; what is done, and what has ended, depends on the clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any

from harness.simulator.batch_lines import Ended, ended, unfinished
from harness.simulator.faults import NOTHING, Hit
from harness.simulator.pages import page, place
from harness.simulator.problem import ApiError

if TYPE_CHECKING:
    from harness.simulator.service import Service

DAY_S = 24 * 3600.0
EXPIRES_S, KEPT_S = DAY_S, 29 * DAY_S
COUNTERS = ("succeeded", "errored", "canceled", "expired")
CANCELING_SHARE = 0.1
SLICE = 200
ELSEWHERE = "https://results.example"

Request = Mapping[str, Any]


@dataclass(slots=True, eq=False)
class Batch:
    """One batch; times are seconds of the clock, and `takes_s` is how long it is to take."""

    id: str
    version: str
    requests: list[Request | None]
    created: float
    takes_s: float
    hit: Hit = NOTHING
    canceled: float | None = None
    ended: float | None = None
    total: int = 0
    done: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    lines: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.total = len(self.requests)

    @property
    def expires(self) -> float:
        """When what is not done by then is given up."""
        return self.created + EXPIRES_S

    def due(self, now: float) -> int:
        """How many requests are to be done at `now`; none after a cancellation."""
        until = min(now, self.expires, now if self.canceled is None else self.canceled)
        if until - self.created >= self.takes_s:
            return self.total
        return max(0, int(self.total * (until - self.created) / self.takes_s))

    def settled(self, now: float) -> bool:
        """Whether the batch ends at `now`, once all that is due is done."""
        if self.done == self.total or now >= self.expires:
            return True
        return self.canceled is not None and now >= self.canceled + CANCELING_SHARE * self.takes_s

    def archived(self, now: float) -> float | None:
        """Since when the results are gone."""
        if self.ended is not None and self.hit.kind == "archived":
            return self.ended
        return self.created + KEPT_S if now >= self.created + KEPT_S else None

    @property
    def status(self) -> str:
        """The API's `processing_status`."""
        if self.ended is not None:
            return "ended"
        return "in_progress" if self.canceled is None else "canceling"

    def take(self) -> Request:
        """The next request to be done; the batch lets go of it, since many are large together."""
        request = self.requests[self.done]
        assert request is not None
        self.requests[self.done] = None
        self.done += 1
        return request

    def enter(self, done: Ended) -> None:
        """Count a request that is through, and keep its lines."""
        self.counts[done.counter] += 1
        self.lines += done.lines

    def as_json(self, base_url: str, now: float) -> dict[str, Any]:
        """The MessageBatch as the API shows it; its results are at the server of `base_url`."""
        over, archived = self.ended is not None, self.archived(now)
        if self.hit.fault and self.hit.kind == "results_elsewhere":
            base_url = (self.hit.fault.url or ELSEWHERE).rstrip("/")
        url = f"{base_url}/v1/messages/batches/{self.id}/results"
        return {
            "id": self.id,
            "type": "message_batch",
            "processing_status": self.status,
            "request_counts": {
                "processing": 0 if over else self.total,
                **{name: self.counts[name] if over else 0 for name in COUNTERS},
            },
            "created_at": timestamp(self.created),
            "expires_at": timestamp(self.expires),
            "ended_at": timestamp(self.ended),
            "cancel_initiated_at": timestamp(self.canceled),
            "archived_at": timestamp(archived),
            "results_url": url if over and archived is None else None,
        }


def timestamp(epoch_s: float | None) -> str | None:
    """A time as the API writes it, to the microsecond."""
    if epoch_s is None:
        return None
    moment = datetime.fromtimestamp(epoch_s, UTC).replace(tzinfo=None)
    return f"{moment.isoformat(timespec='microseconds')}Z"


class Batches:
    """All batches of a service, and the work on those that have not ended."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.reset()

    def reset(self) -> None:
        """Forget all batches."""
        self._all: dict[str, Batch] = {}
        self._open: dict[str, Batch] = {}

    @property
    def busy(self) -> bool:
        """Whether a batch has not ended."""
        return bool(self._open)

    def create(self, requests: Sequence[Request], version: str) -> Batch:
        """A new batch, whose `params` are checked under this API version when they are due."""
        service = self._service
        batch = Batch(
            id=service.new_id("msgbatch"),
            version=version,
            requests=list(requests),
            created=service.clock(),
            takes_s=service.settings.batch_s,
            hit=service.faults.next(scope="batch"),
        )
        self._all[batch.id] = self._open[batch.id] = batch
        service.ledger.batches[batch.id] = batch.total
        return batch

    def advance(self, limit: int = SLICE) -> bool:
        """Do what is due, at most `limit` requests; whether there may be more at once."""
        now = self._service.clock()
        for batch in tuple(self._open.values()):
            goal = min(batch.due(now), batch.done + limit)
            while batch.done < goal:
                limit -= 1
                batch.enter(
                    ended(self._service, batch.take(), batch_id=batch.id, version=batch.version)
                )
            if batch.done >= batch.due(now) and batch.settled(now):
                self._end(batch, now)
            if limit <= 0:
                return True
        return False

    def _end(self, batch: Batch, now: float) -> None:
        counter = "expired" if batch.canceled is None else "canceled"
        while batch.done < batch.total:
            batch.enter(unfinished(batch.take()["custom_id"], counter))
        batch.requests.clear()
        Random(batch.id).shuffle(batch.lines)
        batch.ended = min(now, batch.expires)
        del self._open[batch.id]

    def find(self, batch_id: str) -> Batch:
        """The batch as it is now; raises ApiError (404)."""
        self.advance()
        if batch_id not in self._all:
            raise ApiError(404, f"No message batch has the id {batch_id!r}")
        return self._all[batch_id]

    def page(self, query: Mapping[str, str], base_url: str) -> dict[str, Any]:
        """A page of the list, newest first; raises InvalidError."""
        self.advance()
        now, newest_first = self._service.clock(), [*reversed(self._all)]
        where, has_more = place(newest_first, query)
        shown = [self._all[batch_id].as_json(base_url, now) for batch_id in newest_first[where]]
        return page(shown, has_more=has_more)

    def cancel(self, batch_id: str) -> Batch:
        """Begin to cancel; raises ApiError (400) where the batch has ended."""
        batch = self.find(batch_id)
        if batch.ended is not None:
            raise ApiError(400, f"Batch {batch_id} cannot be canceled: it has ended")
        if batch.canceled is None:
            batch.canceled = self._service.clock()
        return batch

    def delete(self, batch_id: str) -> dict[str, str]:
        """Forget a batch; raises ApiError (400) where it has not ended."""
        if self.find(batch_id).ended is None:
            raise ApiError(400, f"Batch {batch_id} cannot be deleted before it has ended")
        del self._all[batch_id]
        return {"id": batch_id, "type": "message_batch_deleted"}

    def results(self, batch_id: str) -> Sequence[bytes]:
        """The lines of the results, in no order; raises ApiError (404) where there are none."""
        batch = self.find(batch_id)
        if batch.ended is None or batch.archived(self._service.clock()) is not None:
            raise ApiError(404, f"Batch {batch_id} has no available results")
        return batch.lines
