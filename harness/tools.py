"""What answers a model's tool calls in a trial: canned replies and functions of the suite.

A call that the model got wrong, or that its function refuses, is answered with an error result. A
function that is broken itself (it hangs, or returns what cannot be sent) ends the trial as missing:
that is no fault of the model.
"""

from __future__ import annotations

import asyncio
import copy
import inspect
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import fields, is_dataclass
from functools import partial
from queue import SimpleQueue
from typing import Any

import orjson

from harness.errors import AnswerMissingError, HarnessError, SuiteError
from harness.files import load_function
from harness.records import Answer, Block, Json, Missing
from harness.render import Renderer
from harness.suite import Tool
from harness.watchdog import TookTooLongError, Watchdog

LIMIT_S = 20.0
"""Seconds that one call of a function may take."""
GRACE_S = 1.0
"""Seconds beyond the limit in which a loop is interrupted, before its thread is left behind."""

Step = Callable[[], Any]
Job = tuple[Step, Future[Any]]


class Caller:
    """Calls functions of suites in a thread of its own, so that none can hold up the run.

    A loop is interrupted after `limit_s` seconds. What waits outside of Python for longer is left
    behind: its thread ends when it returns, and another takes the calls that follow.
    """

    def __init__(self, limit_s: float = LIMIT_S) -> None:
        self.limit_s = limit_s
        self._lock = threading.Lock()
        self._jobs: SimpleQueue[Job | None] | None = None

    def call(self, step: Step) -> Any:
        """What `step` returns or raises; raises TookTooLongError when its time is up."""
        done: Future[Any] = Future()
        with self._lock:
            jobs = self._jobs or self._begun()
            jobs.put((step, done))
            try:
                return done.result(self.limit_s + GRACE_S)
            except TimeoutError:
                if done.done():
                    raise  # the function's own
                jobs.put(None)
                self._jobs = None
                raise TookTooLongError(f"it took more than {self.limit_s:g} s") from None

    def _begun(self) -> SimpleQueue[Job | None]:
        self._jobs = SimpleQueue()
        at = (self._jobs, self.limit_s)
        threading.Thread(target=_work, args=at, name="tools", daemon=True).start()
        return self._jobs


def _work(jobs: SimpleQueue[Job | None], limit_s: float) -> None:
    watchdog = Watchdog(limit_s)
    while (job := jobs.get()) is not None:
        step, done = job
        try:
            done.set_result(watchdog.run(step))
        except Exception as error:
            done.set_exception(error)
        except BaseException as error:  # an exit, or a cancelled task, must not end the run
            done.set_exception(RuntimeError(f"{type(error).__name__}: {error}"))
    watchdog.close()


CALLER = Caller()


def tool_results(
    answer: Answer,
    tools: Sequence[Tool],
    renderer: Renderer,
    scope: Mapping[str, Any],
    *,
    caller: Caller = CALLER,
) -> list[Block]:
    """One `tool_result` for each call in `answer`, in order; a failed call is an error result.

    Raises AnswerMissingError where a function hangs, cannot be loaded, or returns what is no JSON.
    """
    known = {tool.name: tool for tool in tools}

    def reply(use: Block) -> Json:
        # A copy: the call itself is sent back to the model, whatever a function does to its input.
        given = copy.deepcopy(use["input"])
        tool = known.get(use["name"])
        if tool is not None and tool.function is not None:
            return caller.call(partial(_called, _loaded(tool, renderer), given))
        return _rendered(use["name"], tool, renderer, {**scope, "input": given})

    return [_result(use, reply) for use in answer.tool_uses]


def unanswered(answer: Answer) -> list[Block]:
    """An error result for each call in an answer after which no more rounds are made."""
    refusal = {"content": "no more tool calls are answered in this turn", "is_error": True}
    return [
        {"type": "tool_result", "tool_use_id": use["id"], **refusal} for use in answer.tool_uses
    ]


def _result(use: Block, reply: Callable[[Block], Json]) -> Block:
    result = {"type": "tool_result", "tool_use_id": use["id"]}
    try:
        return {**result, "content": _text(reply(use), use["name"])}
    except AnswerMissingError:
        raise
    except TookTooLongError as error:
        raise _broken(use["name"], f"hangs: {error}") from error
    except HarnessError as error:
        return {**result, "content": str(error), "is_error": True}
    except Exception as error:  # a suite's own function may raise anything
        return {**result, "content": f"{type(error).__name__}: {error}", "is_error": True}


def _loaded(tool: Tool, renderer: Renderer) -> Callable[..., Any]:
    assert tool.function is not None
    try:
        return load_function(tool.function, renderer.folder)
    except SuiteError as error:
        raise _broken(tool.name, f"cannot be called: {error}") from error


def _called(function: Callable[..., Any], given: Mapping[str, Any]) -> Any:
    value = function(**given)
    return asyncio.run(value) if inspect.iscoroutine(value) else value


def _rendered(name: str, tool: Tool | None, renderer: Renderer, scope: Mapping[str, Any]) -> Json:
    if tool is None:
        raise HarnessError(f"there is no tool named {name!r}")
    if tool.reply is None:
        raise HarnessError(f"the suite gives no reply for the tool {name!r}")
    return renderer.value(tool.reply.value, scope)


def _text(value: Any, name: str) -> str:
    try:
        text = str(value) if isinstance(value, str) else orjson.dumps(value).decode()
        text.encode()
    except (TypeError, UnicodeEncodeError) as error:
        raise _unsendable(name, value, f"{error}") from error
    if _no_number(value):
        raise _unsendable(name, value, "NaN and infinity are no JSON")
    return text


def _unsendable(name: str, value: Any, why: str) -> AnswerMissingError:
    what = f"returned a {type(value).__name__} that cannot be sent ({why})"
    return _broken(name, f"{what}; return a text, or what JSON can hold")


def _no_number(value: Any) -> bool:
    """It holds an infinity or NaN, which would be sent as null."""
    if isinstance(value, float):
        return not math.isfinite(value)
    if is_dataclass(value):
        return any(_no_number(getattr(value, each.name)) for each in fields(value))
    inside = value.values() if isinstance(value, Mapping) else value
    return isinstance(value, Mapping | list | tuple) and any(map(_no_number, inside))


def _broken(name: str, problem: str) -> AnswerMissingError:
    return AnswerMissingError(Missing("tool_error", f"the tool {name!r} {problem}"))
