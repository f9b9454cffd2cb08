"""What was paid for and what was not: the record that tests read to see that none is paid twice."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

Body = Mapping[str, Any]


def digest_of(body: Body) -> str:
    """A digest of the whole request body, whatever the order of its keys."""
    import orjson

    canonical = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(canonical).hexdigest()[:32]


class Paid(NamedTuple):
    """One request that was paid for."""

    n: int
    model: str
    fingerprint: str
    digest: str
    usage: Mapping[str, Any]
    request_id: str
    batch_id: str | None = None


class Ledger:
    """Paid requests in order, unbilled answers, and refused or failed ones by HTTP status."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.paid: list[Paid] = []
        self.unbilled = 0
        self.failed: Counter[int] = Counter()
        self._seen: Counter[str] = Counter()

    def seen(self, digest: str) -> int:
        """How often this body was answered before; counts this time too."""
        count = self._seen[digest]
        self._seen[digest] = count + 1
        return count

    def answered(self, message: Body, *, fingerprint: str, digest: str, request_id: str) -> None:
        """Enter an answer; a refusal without output is answered, but not billed."""
        usage = message["usage"]
        if message["stop_reason"] == "refusal" and not usage["output_tokens"]:
            self.unbilled += 1
            return
        n = len(self.paid) + 1
        self.paid.append(Paid(n, message["model"], fingerprint, digest, usage, request_id))

    def as_json(self) -> dict[str, Any]:
        """The ledger as `/__simulator/ledger` shows it."""
        return {
            "requests": [entry._asdict() for entry in self.paid],
            "paid": len(self.paid),
            "unbilled": self.unbilled,
            "failed": {str(status): count for status, count in sorted(self.failed.items())},
        }
