"""Trials that were begun: each is run from the store as far as that leads, to see what it misses.

Nothing is asked, no function of the suite is called, and nothing is graded but what a judge may
have to be asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from harness.forecast import judges
from harness.forecast.recalled import Memory, Remembering, walked
from harness.forecast.shelf import Shelf
from harness.forecast.traces import Traces
from harness.models import Registry
from harness.recorder import BLOCK, Asked
from harness.records import (
    Answer,
    Bill,
    Call,
    Conversation,
    Grade,
    Json,
    Missing,
    Request,
    Result,
    Steps,
)
from harness.suite import Case, GraderSpec, Script, Suite
from harness.trial import Trial, steps
from harness.workshop import Built, Workshop

UNHEARD = Missing("not_stored", "not in the store")
"""Stands in for the answer of a judge or a rival: what others ask does not depend on it."""


class Bench(Workshop):
    """A workshop for trials that are run to see what they ask: only judges grade."""

    def __init__(self, suite: Suite, registry: Registry, *, ttl: str) -> None:
        super().__init__(suite, registry, ttl=ttl)
        self.renderer = Remembering(suite.folder)
        self._asking: dict[int, bool] = {}

    def grader(self, spec: GraderSpec, scope: Mapping[str, Any]) -> Built:
        """The grader, where it may ask a model, and else one that passes."""
        if id(spec) not in self._asking:
            self._asking[id(spec)] = judges.may_ask(spec.item.value)
        return super().grader(spec, scope) if self._asking[id(spec)] else (_passed, "", 1.0)

    def _build(self, item: Json) -> Built:
        """Of graders that are made of others, those that ask: a function grades too."""
        asking = judges.asking_part(item)
        return (_passed, "", 1.0) if asking is None else super()._build(asking)

    def fingerprint(self, case: Case) -> str:
        """That of an eval in Python, to tell it from others; nobody compares the others."""
        return super().fingerprint(case) if self.suite.program else ""

    def call(self, request: Request, answer: Answer) -> Call:
        """The request and its answer, without the bill."""
        return Call(request, answer, Bill())


def _passed(_conversation: Conversation) -> Grade:
    return Grade(True)


class Begun:
    """A trial that is run from the store: where it has got to, and what is `missing` for it there.

    It is in its `turn`, after so many `rounds` of tools, `all_rounds` with earlier turns', and has
    asked judges as often as `judged` says, by their models. It is `talking` where the candidate's
    own answer is missing; where it is `unheard`, a rival's is, and so its judges are not asked yet.
    It `lacks` something even where another trial pays for that.
    """

    def __init__(self, trial: Trial, bench: Bench, traces: Callable[[], Traces] = Traces) -> None:
        self.trial, self.asked = trial, Asked(trial.repeat)
        self.memory = Memory(traces)
        self.asking: Steps[Result] = steps(walked(trial, self.memory), bench)
        self.requests: Sequence[Request] = ()
        self.missing: list[Request] = []
        self.turn = self.rounds = self.all_rounds = 0
        self.judged: Counter[str] = Counter()
        self.talking = self.unheard = self.lacks = False

    @property
    def uncalled(self) -> bool:
        """It came to a call of a function whose result nobody knows."""
        return bool(self.memory.lost)

    @property
    def halted(self) -> bool:
        """So did the candidate's own conversation, which ends there."""
        return self.trial.candidate.name in self.memory.lost

    def ask(self, replies: Sequence[Answer | Missing] | None, shelf: Shelf) -> list[str] | None:
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
        return [shelf.space.key_of(request, self.asked) for request in self.requests]

    def look(self, keys: Sequence[str], found: Collection[str], theirs: set[str]) -> None:
        """Note what of the `keys` is not `found`; what others lack too is `theirs` to pay for."""
        for request, key in zip(self.requests, keys, strict=True):
            if key in found:
                continue
            self.lacks = True
            self.talking |= request.purpose == "answer"
            self.unheard |= request.purpose == "rival"
            if key not in theirs:
                self.missing.append(request)
                theirs.add(key)

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
    theirs: set[str] = set()
    for start in range(0, len(begun), BLOCK):
        _walk(begun[start : start + BLOCK], shelf, theirs)
    return [one for one in begun if one.lacks or one.uncalled]


def _walk(begun: Sequence[Begun], shelf: Shelf, theirs: set[str]) -> None:
    """Run each as far as it can be known what it asks."""
    going = {one: keys for one in begun if (keys := one.ask(None, shelf)) is not None}
    while going:
        found = shelf.answers([key for keys in going.values() for key in keys])
        further: dict[Begun, list[str]] = {}
        for one, keys in going.items():
            one.look(keys, found, theirs)
            if one.talking:
                continue
            more = one.ask([found.get(key, UNHEARD) for key in keys], shelf)
            if more is not None:
                further[one] = more
        going = further
