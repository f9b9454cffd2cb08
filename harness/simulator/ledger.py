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
    """One request that was paid for; its usage as JSON, since there may be 100,000 of them."""

    n: int
    model: str
    fingerprint: str
    digest: str
    usage: str
    request_id: str
    batch_id: str | None = None


class Ledger:
    """Paid requests in order, unbilled answers, and refused or failed ones by HTTP status.

    `batches` holds every batch that landed with the number of its requests, deleted ones too.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.paid: list[Paid] = []
        self.unbilled = 0
        self.batches: dict[str, int] = {}
        self.failed: Counter[int] = Counter()
        self._seen: Counter[str] = Counter()

    def seen(self, digest: str) -> int:
        """How often this body was answered before; counts this time too."""
        count = self._seen[digest]
        self._seen[digest] = count + 1
        return count

    def answered(
        self, message: Body, *, fingerprint: str, digest: str, request_id: str, batch_id: str | None
    ) -> None:
        """Enter an answer; a refusal without output is answered, but not billed."""
        import orjson

        usage = message["usage"]
        if message["stop_reason"] == "refusal" and not usage["output_tokens"]:
            self.unbilled += 1
            return
        n, model = len(self.paid) + 1, message["model"]
        # Decoding is a copy, too, of the length that it needs; orjson's own buffer is larger.
        text = orjson.dumps(usage).decode()
        self.paid.append(Paid(n, model, fingerprint, digest, text, request_id, batch_id))

    def as_json(self) -> dict[str, Any]:
        """The ledger as `/__simulator/ledger` shows it."""
        import orjson

        shown: dict[str, Any] = orjson.loads(self.dumps())
        return shown

    def dumps(self) -> bytes:
        """The same as JSON."""
        import orjson

        ledger = {
            "requests": [
                {**entry._asdict(), "usage": orjson.Fragment(entry.usage)} for entry in self.paid
            ],
            "paid": len(self.paid),
            "unbilled": self.unbilled,
            "batches": dict(self.batches),
            "failed": {str(status): count for status, count in sorted(self.failed.items())},
        }
        return orjson.dumps(ledger)
