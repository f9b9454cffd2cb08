"""What every backend is: something that answers one request at a time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

from harness.records import Answer, Request


class Waited(NamedTuple):
    """A batch that is waited for: its age, and how long until the API gives it up, in seconds."""

    id: str
    requests: int
    status: str
    age_s: float
    expires_in_s: float

    def later(self, seconds: float) -> Waited:
        """The same batch after so many seconds."""
        expires = max(0.0, self.expires_in_s - seconds)
        return self._replace(age_s=self.age_s + seconds, expires_in_s=expires)


class Keep(Protocol):
    """Where answers are kept under the keys of their requests; the recorder is one."""

    def keep_all(self, answered: Sequence[tuple[str, Request, Answer]], /) -> None:
        """Commit answers."""
        ...

    def lost(self, keys: Collection[str], /) -> None:
        """These may have been paid for, and their answers cannot be had."""
        ...

    def kept(self, keys: Collection[str], /) -> set[str]:
        """Those of the keys that have an answer by now."""
        ...


class Backend(Protocol):
    """Answers requests; as many as it likes are asked at once."""

    async def answer(self, request: Request, key: str, /) -> Answer:
        """The answer to `request`, which will be kept under `key`.

        Raises AnswerMissingError where this request gets none, RunStoppedError where no further
        request will get one either, and PendingAnswerError where it comes later.
        """
        ...

    async def wave(self) -> None:
        """Every trial waits: get what was pending, or raise PendingAnswerError."""
        ...

    def record_with(self, keep: Keep, /) -> None:
        """Commit with `keep` what is answered otherwise than one by one."""
        ...

    def stop(self) -> None:
        """Send nothing more; what is under way is still answered, the rest raises."""
        ...

    def trouble(self) -> str:
        """Why requests wait to be asked again, in a few words; empty where none does."""
        ...

    def paces(self) -> Sequence[object]:
        """What the pace of each class of models came to, as records."""
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...


class Around:
    """A backend around another: whatever it does not say itself, the other does."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    async def wave(self) -> None:
        """As the backend does."""
        await self.backend.wave()

    def record_with(self, keep: Keep, /) -> None:
        """As the backend does."""
        self.backend.record_with(keep)

    def stop(self) -> None:
        """As the backend does."""
        self.backend.stop()

    def trouble(self) -> str:
        """As the backend does."""
        return self.backend.trouble()

    def paces(self) -> Sequence[object]:
        """As the backend does."""
        return self.backend.paces()

    async def close(self) -> None:
        """As the backend does."""
        await self.backend.close()
