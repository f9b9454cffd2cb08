"""One conversation of a trial as it grows: what is said, what is answered, tools in between.

It asks by yielding requests, like everything in a trial, and does no I/O itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.errors import AnswerMissingError
from harness.prompt import Prompt
from harness.records import Answer, Call, Conversation, Json, Missing, Request, Steps
from harness.suite import Tool
from harness.tools import tool_results, unanswered
from harness.workshop import Workshop


def ask(request: Request) -> Steps[Answer]:
    """One request and its answer; raises AnswerMissingError where there is none."""
    (reply,) = yield (request,)
    if isinstance(reply, Missing):
        raise AnswerMissingError(reply)
    return reply


@dataclass(slots=True)
class Talk:
    """A conversation with one candidate about one case; `calls` may be shared by several."""

    workshop: Workshop
    prompt: Prompt
    vars: Mapping[str, Any]
    tools: Sequence[Tool] = ()
    calls: list[Call] = field(default_factory=list)
    own: list[Call] = field(default_factory=list)

    @property
    def scope(self) -> dict[str, Any]:
        """What a template sees in a later turn: the case's vars, and the answers so far."""
        return {**self.vars, "answers": [call.answer.text for call in self.own]}

    @property
    def conversation(self) -> Conversation:
        """What a grader sees."""
        return Conversation(tuple(self.prompt.messages), tuple(self.own), self.vars)

    def say(self, content: Json, params: Mapping[str, Any] | None = None) -> Steps[Answer]:
        """Say something, and get the answer after as many rounds of tools as it wants.

        A tool call that was left open is answered first, or the API refuses.
        """
        left = unanswered(self.own[-1].answer) if self.own else []
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        self.prompt.say([*left, *blocks] if left else content)
        return (yield from self.answered(params))

    def answered(self, params: Mapping[str, Any] | None = None) -> Steps[Answer]:
        """The answer to what was said last; `params` are of this turn alone."""
        rounds = self.workshop.suite.max_tool_rounds
        for round_ in range(rounds + 1):
            request = self.prompt.request(params)
            answer = yield from ask(request)
            call = self.workshop.call(request, answer)
            self.calls.append(call)
            self.own.append(call)
            self.prompt.hear(answer.content)
            if round_ == rounds or not (answer.tool_uses or answer.stop_reason == "pause_turn"):
                break
            if answer.tool_uses:
                renderer, scope = self.workshop.renderer, self.scope
                self.prompt.say(tool_results(answer, self.tools, renderer, scope))
        return answer
