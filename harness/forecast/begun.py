"""Trials that were begun: each is run from the store as far as that leads, to see what it misses.

Nothing is asked and nothing is graded but what a judge may have to be asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from harness.forecast import judges
from harness.models import Registry
from harness.recorder import Asked, digest, identity
from harness.records import (
    Answer,
    Bill,
    Call,
    Conversation,
    Grade,
    Request,
    Result,
    Steps,
)
from harness.suite import Case, GraderSpec, Script, Suite
from harness.trial import Trial, steps
from harness.workshop import Built, Workshop

BLOCK = 256
"""Trials whose next answers are looked up at once."""


class Shelf(NamedTuple):
    """What the store has: which of the keys have an answer, and those answers.

    A run that asks anew has keys of its own: `fresh` is its id.
    """

    kept: Callable[[Collection[str]], Collection[str]]
    answers: Callable[[Collection[str]], Mapping[str, Answer]]
    fresh: str = ""


class Bench(Workshop):
    """A workshop for trials that are run to see what they ask: only judges grade."""

    def __init__(self, suite: Suite, registry: Registry, *, ttl: str) -> None:
        super().__init__(suite, registry, ttl=ttl)
        self._asking: dict[int, bool] = {}

    def grader(self, spec: GraderSpec, scope: Mapping[str, Any]) -> Built:
        """The grader, where it may ask a model, and else one that passes."""
        if id(spec) not in self._asking:
            self._asking[id(spec)] = judges.may_ask(spec.item.value)
        return super().grader(spec, scope) if self._asking[id(spec)] else (_passed, "", 1.0)

    def fingerprint(self, _case: Case) -> str:
        """None: nobody compares."""
        return ""

    def call(self, request: Request, answer: Answer) -> Call:
        """The request and its answer, without the bill."""
        return Call(request, answer, Bill())


def _passed(_conversation: Conversation) -> Grade:
    return Grade(True)


class Begun:
    """A trial that is run from the store: where it has got to, and what is `missing` for it there.

    It is in its `turn`, after so many `rounds` of tools, `all_rounds` with earlier turns', and has
    asked judges as often as `judged` says, by their models.
    """

    def __init__(self, trial: Trial, bench: Bench) -> None:
        self.trial, self.asked = trial, Asked(trial.repeat)
        self.asking: Steps[Result] = steps(trial, bench)
        self.requests: Sequence[Request] = ()
        self.missing: list[Request] = []
        self.turn = self.rounds = self.all_rounds = 0
        self.judged: Counter[str] = Counter()

    @property
    def talking(self) -> bool:
        """The candidate's own answer is missing, and not a judge's alone."""
        return any(request.purpose == "answer" for request in self.requests)

    def ask(self, replies: Sequence[Answer] | None, fresh: str) -> list[str] | None:
        """The keys of what it asks next, after these `replies`; `None` at its end."""
        try:
            self.requests = next(self.asking) if replies is None else self.asking.send(replies)
        except StopIteration:
            return None
        except Exception:  # it breaks in the run too, and asks nothing more
            return None
        for request in self.requests:
            if request.purpose == "judge":
                self.judged[request.model] += 1
            elif request.purpose == "answer":
                self._place(request)
        sent = [digest(request) for request in self.requests]
        return [identity(one, self.asked.repeat, self.asked.ordinal(one), fresh) for one in sent]

    def _place(self, request: Request) -> None:
        """Note whether this is a new turn, a round of tools, or a turn that was paused."""
        last = request.params["messages"][-1]
        said = last["content"] if isinstance(last["content"], list) else [{}]
        if not self.turn:
            self.turn = 1
        elif last["role"] == "user" and all(one.get("type") == "tool_result" for one in said):
            self.rounds, self.all_rounds = self.rounds + 1, self.all_rounds + 1
        elif last["role"] == "user":
            self.turn, self.rounds = self.turn + 1, 0


def asks_once(script: Script) -> bool:
    """A trial of the script without tools has its end where its first request is answered."""
    return len(script.turns) < 2 and not judges.may_ask_any(script)


def wanting(begun: Sequence[Begun], shelf: Shelf) -> list[Begun]:
    """Those that need an answer which the store does not have; one that several need is of one."""
    short: list[Begun] = []
    theirs: set[str] = set()
    for start in range(0, len(begun), BLOCK):
        short += _wanting(begun[start : start + BLOCK], shelf, theirs)
    return short


def _wanting(begun: Sequence[Begun], shelf: Shelf, theirs: set[str]) -> list[Begun]:
    short = []
    going = {one: keys for one in begun if (keys := one.ask(None, shelf.fresh)) is not None}
    while going:
        found = shelf.answers([key for keys in going.values() for key in keys])
        further: dict[Begun, list[str]] = {}
        for one, keys in going.items():
            if found.keys() >= set(keys):
                if (more := one.ask([found[key] for key in keys], shelf.fresh)) is not None:
                    further[one] = more
                continue
            pairs = zip(one.requests, keys, strict=True)
            missing = {key: request for request, key in pairs if key not in found}
            one.missing = [missing[key] for key in missing if key not in theirs]
            theirs |= missing.keys()
            short.append(one)
        going = further
    return short
