"""What every backend is: something that answers one request at a time."""

from __future__ import annotations

from typing import Protocol

from harness.records import Answer, Request


class Backend(Protocol):
    """Answers requests; as many as it likes are asked at once."""

    async def answer(self, request: Request) -> Answer:
        """The answer to `request`.

        Raises AnswerMissingError where this request gets none, and RunStoppedError where no
        further request will get one either.
        """
        ...

    def stop(self) -> None:
        """Send nothing more; what is under way is still answered, the rest raises."""
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...
