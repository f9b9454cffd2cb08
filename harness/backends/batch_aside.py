"""What a batch run asks live: one request of a kind before a large wave, and stragglers.

The API looks at a batch's `params` only after it was sent, so a mistake in them costs a day. A
request of each kind that is asked live beforehand finds it in seconds; its answer counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from harness.backends.base import Backend, Keep
from harness.backends.batch_calls import Calls
from harness.backends.batch_search import mark
from harness.backends.owners import owner
from harness.errors import AnswerMissingError, RunStoppedError
from harness.journal import Batch, Journal
from harness.records import Answer, Missing, Request

if TYPE_CHECKING:
    from harness.backends.batch import BatchOptions

PROBED_ABOVE = 100
KINDS = 20
SAMPLES = 3
CONTENT = frozenset({"messages", "system", "tools", "metadata"})
"""Parameters that differ from case to case; what is left tells kinds of requests apart."""
UNFIT = frozenset(
    {"invalid_request_error", "not_found_error", "request_too_large", "http_413", "http_404"}
)

Asked = tuple[str, Request]
"""A request under its key."""


@dataclass(slots=True)
class Kind:
    """Requests alike but for their content; `probed` once one of them was asked."""

    samples: list[Asked]
    probed: bool = False


class Aside:
    """Asks `live` what a batch should not be asked.

    Each request is taken in the journal first, so that no other process sends it meanwhile.
    """

    def __init__(
        self, live: Backend, journal: Journal, options: BatchOptions, run: str, calls: Calls
    ) -> None:
        self.live, self.journal, self.options, self.run = live, journal, options, run
        self.calls, self.audit = calls, calls.audit
        self._kinds: dict[bytes, Kind] = {}
        self._late: dict[str, Batch] = {}
        self._open: dict[Batch, int] = {}

    def seen(self, key: str, request: Request) -> None:
        """A request that is about to wait for a batch."""
        if self.options.dry_run_first is False:
            return
        kind = _kind(request)
        if kind not in self._kinds and len(self._kinds) < KINDS:
            self._kinds[kind] = Kind([])
        known = self._kinds.get(kind)
        if known and not known.probed and len(known.samples) < SAMPLES:
            known.samples.append((key, request))

    def without_late(self, keys: Sequence[str]) -> list[str]:
        """Those that a batch may have; what an earlier one left is answered live when it is asked
        for again."""
        if not self.options.stragglers_live:
            return list(keys)
        late = self.journal.tried(keys)
        taken = self._take(late) if late else None
        if taken is not None:
            held = self.journal.tries(taken)
            self._late |= dict.fromkeys(held, taken)
            self._open[taken] = len(held)
            are = "request is" if len(held) == 1 else "requests are"
            text = f"{len(held):,} {are} asked live, since a batch did not finish them"
            self.audit.note("stragglers", None, text, requests=len(held))
        return [key for key in keys if key not in self._late]

    def is_late(self, key: str) -> bool:
        """A batch did not finish this request, and this process asks it live."""
        return key in self._late

    async def straggler(self, key: str, request: Request, keep: Keep) -> Answer:
        """The live answer to what a batch did not finish; raises AnswerMissingError."""
        taken = self._late.pop(key)
        said = await self._asked(taken, key, request, keep)
        if isinstance(said, Missing):
            self.journal.settle(taken, refused=[(key, said)])
        self._open[taken] -= 1
        if not self._open[taken]:
            del self._open[taken]
            self.journal.release(taken)
        if isinstance(said, Missing):
            raise AnswerMissingError(said)
        return said

    def release(self) -> None:
        """Give back what was taken and has no answer."""
        for taken in self._open:
            self.journal.release(taken)
        self._open.clear()
        self._late.clear()

    def _take(self, keys: Iterable[str]) -> Batch | None:
        taken = self.journal.take(self.run, keys, owner(), self.calls.api.now())
        if taken is not None:
            mark(self.journal, taken)
        return taken

    async def probe(self, waiting: int, keep: Keep) -> None:
        """Ask one request of each kind, where the wave is large enough to be worth it.

        Raises RunStoppedError where the API takes none of a kind: nothing was sent then.
        """
        wanted = self.options.dry_run_first
        if wanted is False or (wanted is None and waiting <= PROBED_ABOVE):
            return
        kinds = [kind for kind in self._kinds.values() if kind.samples and not kind.probed]
        # All are waited for: what one of them is answered is kept even where another ends the run.
        refused = await asyncio.gather(
            *(self._probe(kind, keep) for kind in kinds), return_exceptions=True
        )
        for error in refused:
            if isinstance(error, BaseException):
                raise error
        if reasons := sorted({reason for reason in refused if isinstance(reason, str) and reason}):
            raise RunStoppedError(
                "no batch was sent, since the API refuses what would be in it, asked live: "
                f"{'; '.join(reasons)}; mend the suite, or send it all the same with "
                "--no-dry-run-first"
            )

    async def _probe(self, kind: Kind, keep: Keep) -> str:
        """Why none of the samples is taken; nothing where one is, or where that is not known."""
        reason = ""
        for key, request in kind.samples:
            taken = self._take([key])
            if taken is None:
                continue  # another process has it
            try:
                said = await self._asked(taken, key, request, keep)
            finally:
                self.journal.release(taken)
            if isinstance(said, Answer):
                text = f"a request of {request.model} was answered live first: it is sound"
                self.audit.note("probed", None, text, key=key, model=request.model)
                kind.probed, kind.samples = True, []
                return ""
            self.audit.note("probe_failed", None, key=key, kind=said.kind, reason=said.reason)
            if said.kind not in UNFIT:
                return ""
            reason = f"{request.model}: {said.reason}"
        return reason

    async def _asked(
        self, taken: Batch, key: str, request: Request, keep: Keep
    ) -> Answer | Missing:
        """What the API says, kept before the request is let go in the journal."""
        try:
            answer = await self.live.answer(request, key)
        except AnswerMissingError as error:
            return error.missing
        keep.keep_all([(key, request, answer)])
        self.journal.settle(taken, done=[key])
        return answer


def _kind(request: Request) -> bytes:
    rest = {name: value for name, value in request.params.items() if name not in CONTENT}
    present = sorted(CONTENT & request.params.keys())
    return orjson.dumps([rest, present, request.api_version, request.betas], default=str)
