"""What earlier runs have of trials that depend on functions of a suite, which no plan calls.

What a function of a tool returned stands in the requests that followed. What an eval in Python
asked is known by its results alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson

from harness.errors import StoreError
from harness.forecast.history import MOST_RESULTS, MOST_RUNS
from harness.records import Block, Outcome, Result, TrialId

if TYPE_CHECKING:
    from harness.store import Store

MOST_CHARACTERS = 32 * 1024 * 1024
"""Of what functions returned: beyond, it is not known."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a function told the model; `failed` where that was an error."""

    text: str
    failed: bool = False


@dataclass(slots=True)
class Traces:
    """What functions told in some trials, and which evals came to their end.

    `told` is in the order of the calls, by trial, tool and what the tool was given. `ended` has the
    hash of what the eval tests, and how it began to ask, as `beginning` tells.
    """

    told: dict[tuple[TrialId, str, bytes], list[Told]] = field(
        default_factory=lambda: defaultdict(list)
    )
    ended: dict[TrialId, tuple[str, bytes]] = field(default_factory=dict)
    known: set[TrialId] = field(default_factory=set)
    characters: int = 0

    def replies(self, trial: TrialId, model: str, tool: str, given: Any) -> Sequence[Told]:
        """What the tool told in this trial, or in another where the model was the rival in it."""
        sent = _sent(given)
        found = self.told.get((trial, tool, sent))
        return found or self.told.get((_as_rival(trial, model), tool, sent)) or ()

    def add(self, result: Result) -> None:
        """Learn from one result, unless a newer one of its trial has told."""
        if result.id in self.known or result.outcome is Outcome.ERRORED or not result.calls:
            return
        self.known.add(result.id)
        if not result.outcome.missing:
            self.ended[result.id] = result.content, beginning(result.calls[0].request.params)
        if own := result.calls_for("answer"):
            self._follow(result.id, own[-1].request.params["messages"])
        last = {call.request.model: call.request for call in result.calls_for("rival")}
        for model, request in last.items():
            who = _as_rival(result.id, model)
            if who not in self.known:
                self.known.add(who)
                self._follow(who, request.params["messages"])

    def _follow(self, trial: TrialId, messages: Sequence[Mapping[str, Any]]) -> None:
        """Note what tools told in a conversation, its last request having all of it."""
        calls: dict[str, Block] = {}
        for block in _blocks(messages):
            if block.get("type") == "tool_use":
                calls[block["id"]] = block
            elif block.get("type") == "tool_result" and block["tool_use_id"] in calls:
                call, text = calls[block["tool_use_id"]], block.get("content")
                if isinstance(text, str) and self.characters + len(text) <= MOST_CHARACTERS:
                    self.characters += len(text)
                    told = Told(text, failed=bool(block.get("is_error")))
                    self.told[trial, call["name"], _sent(call["input"])].append(told)


def beginning(params: Mapping[str, Any]) -> bytes:
    """A request's body without its messages: what all requests of an eval begin with."""
    return _sent({name: value for name, value in params.items() if name != "messages"})


Tracing = Callable[[Collection[TrialId]], Traces]
"""The traces of these trials."""


def _blocks(messages: Sequence[Mapping[str, Any]]) -> Iterator[Block]:
    for message in messages:
        if not isinstance(message["content"], str):
            yield from message["content"]


def _sent(given: Any) -> bytes:
    return orjson.dumps(given, option=orjson.OPT_SORT_KEYS)


def _as_rival(trial: TrialId, model: str) -> TrialId:
    """A name for the conversation of a rival, of whom a request tells the model alone."""
    return replace(trial, candidate=f"\0{model}")


def read(
    store: Store,
    wanted: Collection[TrialId],
    *,
    run: str = "",
    alone: bool = False,
    simulated: bool = False,
    most: int = MOST_RESULTS,
) -> Traces:
    """The traces of the `wanted` trials: from `run`, and from earlier ones unless it is `alone`.

    At most so many results are read, of the newest runs first; of simulated ones where wanted.
    """
    traces, left = Traces(), set(wanted)
    try:
        for result in islice(_results(store, left, run, alone=alone, simulated=simulated), most):
            if result.id in left:
                traces.add(result)
                left -= traces.known & {result.id}
    except StoreError:
        return traces  # the forecast without it is at hand
    return traces


def _results(
    store: Store, left: set[TrialId], run: str, *, alone: bool, simulated: bool
) -> Iterator[Result]:
    """Results of runs with these suites, until nothing is `left`."""
    suites = {trial.suite for trial in left}
    names = [run] if run else []
    for one in () if alone else store.runs(limit=MOST_RUNS):
        if suites & {suite.name for suite in one.suites} and (simulated or not one.simulated):
            names.append(one.id)
    for name in dict.fromkeys(names):
        for result in store.results(name):
            if not left:
                return
            yield result
