"""What an eval written in Python has in hand: a chat that asks, and replies to assert on.

The eval is a generator: it yields what `chat.ask` gives and is sent a `Reply`. Like every trial it
does no I/O, so that it runs live, in a batch or from the store without knowing.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import re
import traceback
from collections import ChainMap
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, ClassVar, NoReturn

import orjson

from harness.errors import AnswerMissingError, GraderError
from harness.records import Answer, Conversation, Grade, Grader, Json, Steps, Usage
from harness.suite import Case
from harness.talk import Talk

MAX_ASKS = 200
"""Questions after which an eval is taken to loop for ever, with money."""
FAILURES = ("Failed",)
"""What `pytest.fail` and `pytest.raises` raise, by name: pytest may not be installed."""
EXPLAINED = re.compile(r"^assert ", re.MULTILINE)
"""What pytest has put into the message already."""
ADDRESS = re.compile(r" at 0x[0-9a-f]+")
VALUE_SHOWN = 200


class EvalError(Exception):
    """An eval that does something else than to ask and to assert."""


class MisuseError(EvalError):
    """A chat that is used in a way that cannot be meant, in the line of the eval that says so."""


class JudgeError(Exception):
    """A judge that could not say: the eval is ungraded, not failed."""


Program = Callable[["Chat", Case], Generator["Ask | Judgement", Any, None]]


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

    def __repr__(self) -> str:
        return f"Reply({self.text!r})"


class _Unasked:
    """A question that has no answer until it is yielded, and says so to whoever looks for one."""

    __slots__ = ()
    written: ClassVar[str]
    answered: ClassVar[type]

    def __bool__(self) -> bool:
        raise self._misuse()

    def __getattr__(self, name: str) -> NoReturn:
        if hasattr(self.answered, name):
            raise self._misuse()
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _misuse(self) -> MisuseError:
        return MisuseError(f"nothing was asked here; write `yield {self.written}`")


@dataclass(frozen=True, slots=True)
class Ask(_Unasked):
    """A question not yet asked: `yield` it to have the reply."""

    written = "chat.ask(…)"
    answered = Reply

    talk: Talk
    content: Json
    params: Mapping[str, Any]

    def steps(self) -> Steps[Reply]:
        """Ask it."""
        return Reply((yield from self.talk.say(self.content, self.params)))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge said: `score` from 0 to 1; `criteria` has a verdict of its own for each."""

    passed: bool
    score: float
    reason: str
    criteria: tuple[Verdict, ...] = ()
    criterion: str = ""

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return f"Verdict(passed={self.passed}, score={self.score:g}, reason={self.reason!r})"


@dataclass(frozen=True, slots=True)
class Judgement(_Unasked):
    """A question to a judge not yet asked: `yield` it to have the verdict."""

    written = "chat.judge(…)"
    answered = Verdict

    talk: Talk
    conversation: Conversation
    grader: Grader

    def steps(self) -> Steps[Verdict]:
        """Ask it; raises JudgeError where the judge cannot say."""
        asking = self.grader(self.conversation)
        if not isinstance(asking, Generator):
            raise JudgeError(asking.reason)
        grade = yield from self.talk.workshop.judged(asking, self.talk.calls)
        if grade.passed is None:
            raise JudgeError(grade.reason)
        return _verdict(grade)


def _verdict(grade: Grade) -> Verdict:
    parts = tuple(map(_verdict, grade.parts))
    return Verdict(bool(grade.passed), grade.score or 0.0, grade.reason, parts, grade.name)


class Chat:
    """One conversation of an eval with the candidate."""

    def __init__(self, talk: Talk, another: Callable[[], Talk]) -> None:
        self._talk, self._another = talk, another

    def ask(self, content: str | list[dict[str, Any]], **params: Any) -> Ask:
        """Say `content` (a text or content blocks): `reply = yield chat.ask("…")`.

        `params` are parameters of the Messages API for this turn alone.
        """
        blocks = self._talk.workshop.blocks
        return Ask(self._talk, content if isinstance(content, str) else blocks(content), params)

    def judge(
        self, criteria: str | list[str], *, judge: str | None = None,
        params: Mapping[str, Any] | None = None, min: float = 1.0,  # noqa: A002
        prompt: str | None = None,
    ) -> Judgement:  # fmt: skip
        """Have a model judge the last answer: `verdict = yield chat.judge("…", judge="opus")`.

        The options are those of the grader `rubric`; the criteria are texts, and no templates.
        Where the judge cannot say, the eval is ungraded. Raises MisuseError where nothing was
        answered yet, and for options that the judge cannot be asked with.
        """
        if not self._talk.own:
            raise MisuseError("nothing is answered yet; `yield chat.ask(…)` before `chat.judge(…)`")
        given = {"criteria": criteria, "min": min, "judge": judge, "params": params}
        options = {**given, "prompt": prompt}
        known = {name: value for name, value in options.items() if value is not None}
        try:
            grader = self._talk.workshop.rubric(known)
        except GraderError as error:
            told = str(error).removeprefix("`rubric`: ")
            raise MisuseError(f"`chat.judge` cannot ask this: {told}") from error
        return Judgement(self._talk, self._talk.conversation, grader)

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
    except (AnswerMissingError, GeneratorExit, KeyboardInterrupt):
        raise
    except BaseException as error:  # an eval may raise anything, `pytest.fail` and exits included
        told = _told(error, program)
        if isinstance(error, AssertionError) or type(error).__name__ in FAILURES:
            return Grade(False, reason=told)
        if isinstance(error, MisuseError):
            return Grade(None, reason=f"the eval is wrong: {told}")
        return Grade(None, reason=f"the eval broke: {type(error).__name__}: {told}")
    return Grade(True, reason=f"every assertion held after {asked} replies")


def _asked(running: Generator[Ask | Judgement, Any, None]) -> Steps[int]:
    """Ask all that the eval asks; the number of questions. Raises whatever the eval raises."""
    reply: Reply | Verdict | None = None
    for asked in range(MAX_ASKS + 1):
        try:
            said = next(running) if reply is None else running.send(reply)
        except StopIteration:
            if asked:
                return asked
            raise EvalError("the eval asked nothing; `reply = yield chat.ask(…)`") from None
        if not isinstance(said, Ask | Judgement):
            raise EvalError(f"the eval yielded {said!r}; yield `chat.ask(…)` or `chat.judge(…)`")
        reply = yield from said.steps()
    raise EvalError(f"the eval asked more than {MAX_ASKS} times; is it a loop?")


def _told(error: BaseException, program: Program) -> str:
    """Where in the eval it happened, the line, what was said, and the values in an `assert`."""
    frame, number = _raised_in(error, program)
    if frame is None:
        return str(error)
    file = frame.f_code.co_filename
    line = linecache.getline(file, number).strip()
    said = ADDRESS.sub("", str(error).strip())
    told = [f"{Path(file).name}:{number}: {line}", *([said] if said not in ("", line) else [])]
    if isinstance(error, AssertionError) and not EXPLAINED.search(said):
        told += _values(frame, number)
    return "\n".join(told)


def _raised_in(error: BaseException, program: Program) -> tuple[FrameType | None, int]:
    """The innermost frame in the eval's folder, and its line: not the library that it called."""
    folder = Path(inspect.unwrap(program).__code__.co_filename).parent
    frames = list(traceback.walk_tb(error.__traceback__))
    own = [at for at in frames if Path(at[0].f_code.co_filename).is_relative_to(folder)]
    return own[-1] if own else (None, 0)


def _values(frame: FrameType, number: int) -> Iterator[str]:
    """The values in the `assert` on this line, as far as they are names, attributes and items."""
    names = ChainMap(frame.f_locals, frame.f_globals)
    source = "".join(linecache.getlines(frame.f_code.co_filename))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assert) and node.lineno <= number <= (node.end_lineno or number):
            for part, value in dict(_parts(node.test, names)).items():
                shown = ADDRESS.sub("", repr(value))
                cut = "…" if len(shown) > VALUE_SHOWN else ""
                yield f"{part} = {shown[:VALUE_SHOWN]}{cut}"


def _parts(node: ast.AST, names: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """The largest parts of an expression that have a value without calling anything."""
    try:
        value = _value(node, names)
    except Exception:  # an attribute may be computed, and fail
        value = None, False
    if value[1] and not callable(value[0]) and not isinstance(value[0], ModuleType):
        yield ast.unparse(node), value[0]
    else:
        for child in ast.iter_child_nodes(node):
            yield from _parts(child, names)


def _value(node: ast.AST, names: Mapping[str, Any]) -> tuple[Any, bool]:
    """The value of a name, an attribute or an item, and whether it has one."""
    if isinstance(node, ast.Name):
        return names.get(node.id), node.id in names
    if isinstance(node, ast.Attribute):
        base, known = _value(node.value, names)
        return (getattr(base, node.attr), True) if known else (None, False)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        base, known = _value(node.value, names)
        return (base[node.slice.value], True) if known else (None, False)
    return None, False
