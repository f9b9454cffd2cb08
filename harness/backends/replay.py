"""The backend that never asks: what is not in the store is missing."""

from __future__ import annotations

from harness.backends.base import Keep
from harness.errors import AnswerMissingError
from harness.records import Answer, Missing, Request


class ReplayBackend:
    """Answers nothing itself; the recorder before it answers what the store has."""

    async def answer(self, request: Request, _key: str, /) -> Answer:
        """Always raises AnswerMissingError: the store had no answer."""
        reason = f"not in the store: no stored answer of {request.model} to this request"
        raise AnswerMissingError(Missing("not_stored", reason))

    async def wave(self) -> None:
        """Nothing is ever pending."""

    def record_with(self, _keep: Keep, /) -> None:
        """Nothing is answered otherwise than one by one."""

    def stop(self) -> None:
        """Nothing is under way."""

    def trouble(self) -> str:
        """Nothing is sent."""
        return ""

    def paces(self) -> tuple[object, ...]:
        """Nothing is sent."""
        return ()

    async def close(self) -> None:
        """Nothing is open."""
