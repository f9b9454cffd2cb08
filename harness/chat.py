"""What an eval written in Python has in hand: a chat that asks, and replies to assert on.

The eval is a generator: it yields what `chat.ask` gives and is sent a `Reply`. Like every trial it
does no I/O, so that it runs live, in a batch or from the store without knowing.
"""

from __future__ import annotations

import linecache
import traceback
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from harness.errors import AnswerMissingError
from harness.records import Answer, Grade, Json, Steps, Usage
from harness.suite import Case
from harness.talk import Talk

MAX_ASKS = 200
"""Questions after which an eval is taken to loop for ever, with money."""


class EvalError(Exception):
    """An eval that does something else than to ask and to assert."""


Program = Callable[["Chat", Case], Generator["Ask", "Reply", None]]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answered; `answer` is the whole record of it."""

    answer: Answer

    @property
    def text(self) -> str:
        """The text of the answer."""
        return self.answer.text

    @property
    def stop_reason(self) -> str | None:
        """Why the model stopped: `end_turn`, `max_tokens`, `refusal` …."""
        return self.answer.stop_reason

    @property
    def refused(self) -> bool:
        """The model declined."""
        return self.answer.refused

    @property
    def truncated(self) -> bool:
        """The answer was cut off."""
        return self.answer.truncated

    @property
    def usage(self) -> Usage:
        """Its tokens by class."""
        return self.answer.usage

    def json(self) -> Json:
        """The text parsed as JSON; raises AssertionError where it is none."""
        try:
            return orjson.loads(self.text)
        except orjson.JSONDecodeError as error:
            raise AssertionError(f"the answer is not JSON: {error}: {self.text[:200]!r}") from None

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Ask:
    """A question not yet asked: `yield` it to have the reply."""

    talk: Talk
    content: Json
    params: Mapping[str, Any]

    def steps(self) -> Steps[Reply]:
        """Ask it."""
        return Reply((yield from self.talk.say(self.content, self.params)))


class Chat:
    """One conversation of an eval with the candidate."""

    def __init__(self, talk: Talk, another: Callable[[], Talk]) -> None:
        self._talk, self._another = talk, another

    def ask(self, content: str | list[dict[str, Any]], **params: Any) -> Ask:
        """Say `content` (a text or content blocks): `reply = yield chat.ask("…")`.

        `params` are parameters of the Messages API for this turn alone.
        """
        return Ask(self._talk, content, params)

    def new(self, *, system: str | None = None) -> Chat:
        """Another conversation with the same candidate, from the beginning."""
        talk = self._another()
        if system is not None:
            talk.prompt.base = {**talk.prompt.base, "system": system}
        return Chat(talk, self._another)

    @property
    def messages(self) -> tuple[Mapping[str, Any], ...]:
        """Everything said so far."""
        return tuple(self._talk.prompt.messages)


def evaluated(program: Program, case: Case, chat: Chat) -> Steps[Grade]:
    """Run the eval on one case: passed where every assertion held, broken where it broke.

    Raises AnswerMissingError where a question got no answer.
    """
    try:
        asked = yield from _asked(program(chat, case))
    except AnswerMissingError:
        raise
    except AssertionError as error:
        return Grade(False, reason=_told(error))
    except Exception as error:  # the eval is the user's own code and may raise anything
        return Grade(None, reason=f"the eval broke: {type(error).__name__}: {_told(error)}")
    return Grade(True, reason=f"every assertion held after {asked} replies")


def _asked(running: Generator[Ask, Reply, None]) -> Steps[int]:
    """Ask all that the eval asks; the number of questions. Raises whatever the eval raises."""
    reply: Reply | None = None
    for asked in range(MAX_ASKS + 1):
        try:
            said = running.send(reply) if reply else next(running)
        except StopIteration:
            if asked:
                return asked
            raise EvalError("the eval asked nothing; `reply = yield chat.ask(…)`") from None
        if not isinstance(said, Ask):
            raise EvalError(f"the eval yielded {said!r}; yield `chat.ask(…)` only")
        reply = yield from said.steps()
    raise EvalError(f"the eval asked more than {MAX_ASKS} times; is it a loop?")


def _told(error: BaseException) -> str:
    """Where in the eval it happened, the line, and what was said."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).parent != Path(__file__).parent]
    if not own:
        return str(error)
    last = own[-1]
    line = linecache.getline(last.filename, last.lineno or 0).strip()
    said = str(error).strip()
    place = f"{Path(last.filename).name}:{last.lineno}: {line}"
    return f"{place}\n{said}" if said and said != line else place
