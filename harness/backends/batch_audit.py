"""What happened to batches, as it happens: a JSON line each in the run's folder, and for people.

The log is for whoever asks later why something was sent, or sent again; nothing reads it back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from harness.backends.base import Waited

if TYPE_CHECKING:
    from harness.journal import Batch

FILE = "batches.jsonl"


def _nobody(_said: object) -> None:
    """Nobody is told."""


class Audit:
    """Notes each event in `folder`, if there is one, and tells people what they should know.

    `tell` is given a line; `show` is given the batches that are waited for, at every look.
    """

    def __init__(
        self,
        folder: Path | None = None,
        tell: Callable[[str], None] = _nobody,
        show: Callable[[Sequence[Waited]], None] = _nobody,
    ) -> None:
        self.folder, self.tell, self.show = folder, tell, show

    def note(self, event: str, batch: Batch | None, text: str = "", **facts: Any) -> None:
        """One event of a batch; `text` is what people are told, `facts` are counts and reasons.

        A log that cannot be written is said once, and stops nothing: the journal is what counts.
        """
        if text:
            self.tell(text)
        if self.folder is None:
            return
        of = (
            {"run": batch.run, "batch": f"b{batch.number}", "id": batch.id}
            | {"requests": batch.requests}
            if batch
            else {}
        )
        said = {"at": datetime.now(UTC).isoformat(), "event": event, **of, **facts}
        if text:
            said["text"] = text
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / FILE).open("ab") as file:
                file.write(orjson.dumps(said, default=str) + b"\n")
        except OSError as error:
            self.tell(f"warning: {self.folder / FILE} cannot be written: {error.strerror}")
            self.folder = None
