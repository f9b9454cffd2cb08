"""A trial that is walked through: functions of its tools are not called, but remembered.

A trial comes to its end there where nobody knows what a function would return.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from harness.errors import AnswerMissingError, HarnessError
from harness.forecast.traces import Traces
from harness.records import Json, Missing
from harness.render import Renderer
from harness.suite import Script, Tool, Written
from harness.trial import Trial

UNCALLED = Missing("tool_error", "a plan calls no function")


class Memory:
    """What the functions of one walk have told before; `lost` are candidates where it ends."""

    def __init__(self, traces: Callable[[], Traces]) -> None:
        self.lost: set[str] = set()
        self._traces = traces
        self._calls: Counter[tuple[str, str, str]] = Counter()

    def reply(self, trial: Trial, tool: str, given: Any) -> str:
        """What the tool told the trial at this call of it.

        Raises HarnessError for what was an error then, and AnswerMissingError where nobody knows.
        """
        name, model = trial.candidate.name, trial.candidate.model
        told = self._traces().replies(trial.id, model, tool, given)
        call = (name, tool, repr(given))
        number, self._calls[call] = self._calls[call], self._calls[call] + 1
        if number >= len(told):
            self.lost.add(name)
            raise AnswerMissingError(UNCALLED)
        if told[number].failed:
            raise HarnessError(told[number].text)
        return told[number].text


class Reply(NamedTuple):
    """Stands where the reply of a tool is written."""

    trial: Walked
    tool: str


@dataclass(frozen=True, slots=True)
class Walked(Trial):
    """A trial whose functions are those of a `memory`."""

    memory: Memory

    @property
    def script(self) -> Script:
        """What is asked, without a function that could be called."""
        script = self.suite.script_of(self.case)
        return replace(script, tools=tuple(map(self._remembering, script.tools)))

    def _remembering(self, tool: Tool) -> Tool:
        if tool.function is None:
            return tool
        reply = Written(Reply(self, tool.name), self.suite.path)
        return replace(tool, function=None, reply=reply)


class Remembering(Renderer):
    """A renderer that knows what stands for a function."""

    def value(self, tree: Json, scope: Mapping[str, Any]) -> Json:
        """The rendered tree, or what the function told that it stands for."""
        if isinstance(tree, Reply):
            return tree.trial.memory.reply(tree.trial, tree.tool, scope["input"])
        return super().value(tree, scope)


def calls_functions(script: Script) -> bool:
    """One of its tools is a function."""
    return any(tool.function is not None for tool in script.tools)


def walked(trial: Trial, memory: Memory) -> Trial:
    """The trial, with remembered functions where it has any."""
    if not calls_functions(trial.script):
        return trial
    return Walked(trial.suite, trial.case, trial.candidate, trial.repeat, trial.index, memory)
