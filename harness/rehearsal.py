"""A trial gone through before the run, on what the simulator would answer: what judges are asked.

A judge's request contains the answer that it judges. So what a scripted judge says is kept under
the request that the trial will send, which is found by running the trial.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from harness.errors import SuiteError
from harness.models import Registry
from harness.records import Answer, Candidate, Missing, Request, Usage
from harness.simulator import Script, Settings, fingerprint
from harness.suite import Case, Suite
from harness.trial import Trial, steps
from harness.watchdog import Watchdog
from harness.workshop import Workshop

if TYPE_CHECKING:
    from harness.simulator import Reply

LIMIT_S = 5.0
REFUSED = Missing("rehearsal", "an error is scripted")
NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)

Say = Callable[[Request, int, int], "Reply"]
"""What a judge says to a request: the trial's so-manieth, and of those like it asked at once."""


class Rehearsal:
    """The trials of one suite on the answers of `script`; nothing is sent."""

    def __init__(self, suite: Suite, registry: Registry, script: Script) -> None:
        from harness.simulator.service import Service

        self.suite, self.workshop = suite, Workshop(suite, registry)
        self.service = Service(Settings(script=script), registry, clock=lambda: 0.0)
        self._answers: dict[bytes, Answer | Missing] = {}

    def judged(
        self, case: Case, candidate: Candidate, say: Say
    ) -> Iterator[tuple[str, str, Reply]]:
        """What `say` answers to each judge of the trial: conversation, model and reply.

        Raises SuiteError where `say` does. A trial that breaks is left there: it will say why.
        """
        asking = steps(Trial(self.suite, case, candidate, 1, 0), self.workshop)
        watchdog, judged = Watchdog(LIMIT_S), itertools.count()
        step: Callable[[], Sequence[Request]] = partial(next, asking)
        try:
            while True:
                replies: list[Answer | Missing] = []
                alike: Counter[str] = Counter()
                for request in watchdog.run(step):
                    if request.purpose == "judge":
                        form = repr(request.params["output_config"])
                        reply = say(request, next(judged), alike[form])
                        alike[form] += 1
                        replies.append(_as_answer(reply, request))
                        yield fingerprint(request.params), request.model, reply
                    else:
                        replies.append(self._answer(request))
                step = partial(asking.send, replies)
        except SuiteError:
            raise
        except Exception:  # noqa: S110 (it has ended, or broken as it will in the run)
            pass
        finally:
            watchdog.close()

    def _answer(self, request: Request) -> Answer | Missing:
        """What the simulator answers; to the same request the same, as in a run."""
        sent = orjson.dumps(request.params)
        if sent not in self._answers:
            self._answers[sent] = self._asked(sent, request)
        return self._answers[sent]

    def _asked(self, sent: bytes, request: Request) -> Answer | Missing:
        from harness.simulator.problem import ApiError

        try:
            body = self.service.parse(sent)
            model = self.service.check(body, request.api_version)
            said = self.service.answer(body, model, request_id="rehearsal").message
        except ApiError as error:
            return Missing("rehearsal", str(error))
        return _answer_of(said["content"], said["stop_reason"], request)


def _as_answer(reply: Reply, request: Request) -> Answer | Missing:
    if reply.status is not None:
        return REFUSED
    return _answer_of(reply.blocks, reply.stop_reason or "end_turn", request)


def _answer_of(content: Sequence[Any], stop_reason: str, request: Request) -> Answer:
    return Answer(tuple(content), request.model, stop_reason, Usage(), NO_TIME)
