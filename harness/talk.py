"""One conversation of a trial as it grows: what is said, what is answered, tools in between.

It asks by yielding requests, like everything in a trial, and does no I/O itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.errors import AnswerMissingError
from harness.prompt import Prompt
from harness.records import Answer, Call, Conversation, Json, Missing, Request, Rival, Steps
from harness.suite import Tool
from harness.tools import tool_results, unanswered
from harness.workshop import Workshop

MAX_PAUSES = 20
"""Times that a turn paused by a server tool goes on: one that never ends must not cost for ever."""


def ask(request: Request) -> Steps[Answer]:
    """One request and its answer; raises AnswerMissingError where there is none."""
    (reply,) = yield (request,)
    if isinstance(reply, Missing):
        raise AnswerMissingError(reply)
    return reply


@dataclass(slots=True)
class Talk:
    """A conversation with one candidate about one case; `calls` may be shared by several.

    `texts` are what was answered in the turns so far. `notes` say in which turns the answer still
    wanted something that it did not get.
    """

    workshop: Workshop
    prompt: Prompt
    vars: Mapping[str, Any]
    tools: Sequence[Tool] = ()
    calls: list[Call] = field(default_factory=list)
    own: list[Call] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def scope(self) -> dict[str, Any]:
        """What a template sees in a later turn: the case's vars, and the answers so far."""
        return {**self.vars, "answers": list(self.texts)}

    @property
    def conversation(self) -> Conversation:
        """What a grader sees."""
        return self.conversation_beside(None)

    def conversation_beside(self, rival: Rival | None) -> Conversation:
        """What a grader sees that may ask a rival."""
        return Conversation(tuple(self.prompt.messages), tuple(self.own), self.vars, rival)

    def say(self, content: Json, params: Mapping[str, Any] | None = None) -> Steps[Answer]:
        """Say something, and get the answer after as many rounds of tools as it wants.

        A tool call that was left open is answered first, or the API refuses.
        """
        left = unanswered(self.own[-1].answer) if self.own else []
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        self.prompt.say([*left, *blocks] if left else content)
        return (yield from self.answered(params))

    def answered(self, params: Mapping[str, Any] | None = None) -> Steps[Answer]:
        """The answer to what was said last; `params` are of this turn alone.

        Calls of tools are answered for so many rounds as the suite allows; a turn that a server
        tool paused goes on. What is still wanted after that is noted, and the answer stands.
        """
        rounds, pauses = self.workshop.suite.max_tool_rounds, MAX_PAUSES
        begun = ""
        while True:
            answer = yield from self._asked(params)
            if wants_tools(answer) and rounds:
                rounds, begun = rounds - 1, ""
                renderer, scope = self.workshop.renderer, self.scope
                self.prompt.say(tool_results(answer, self.tools, renderer, scope))
            elif paused(answer) and pauses:
                pauses, begun = pauses - 1, begun + answer.text
            else:
                break
            params = unforced(self.prompt.base, params)
        self.texts.append(begun + answer.text)
        self._note(answer)
        return answer

    def _asked(self, params: Mapping[str, Any] | None) -> Steps[Answer]:
        request = self.prompt.request(params)
        answer = yield from ask(request)
        call = self.workshop.call(request, answer)
        self.calls.append(call)
        self.own.append(call)
        self.prompt.hear(answer.content)
        return answer

    def _note(self, answer: Answer) -> None:
        rounds = self.workshop.suite.max_tool_rounds
        names = ", ".join(dict.fromkeys(f"`{use['name']}`" for use in answer.tool_uses))
        if wants_tools(answer) and rounds:
            at = f"after {rounds} rounds of tool calls (`max_tool_rounds`)"
            self.notes.append(f"turn {len(self.texts)} ended {at} with an open call of {names}")
        elif answer.truncated and names:
            self.notes.append(f"turn {len(self.texts)} was cut off in a call of {names}")
        elif paused(answer):
            self.notes.append(f"turn {len(self.texts)} was still paused after {MAX_PAUSES} goes")


def wants_tools(answer: Answer) -> bool:
    """It waits for the results of calls; in one that was cut off or declined they may be half."""
    return bool(answer.tool_uses) and not answer.truncated and not answer.refused


def paused(answer: Answer) -> bool:
    """A server tool's turn that is not over; it goes on when it is sent back as it is."""
    return answer.stop_reason == "pause_turn" and not answer.tool_uses


def unforced(base: Mapping[str, Any], params: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The parameters after a turn's first request: a call that was forced is free from then on.

    A choice of `any` or `tool` that stayed would force a call in every round, and never an answer.
    """
    choice = {**base, **(params or {})}.get("tool_choice")
    if not isinstance(choice, Mapping) or choice.get("type") not in ("any", "tool"):
        return params
    kept = {key: value for key, value in choice.items() if key == "disable_parallel_tool_use"}
    return {**(params or {}), "tool_choice": {"type": "auto", **kept}}
