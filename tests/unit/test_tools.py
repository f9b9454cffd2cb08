"""What answers a model's tool calls."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from suite_making import HEAD, answer, loaded, tool_use

from harness.errors import AnswerMissingError
from harness.records import Block
from harness.render import Renderer
from harness.tools import Caller, tool_results, unanswered
from harness.watchdog import TookTooLongError

TOOLS = """\
tools:
  - {name: canned, input_schema: {type: object}, reply: "{{ word }} to {{ input.who }}"}
  - {name: data, input_schema: {type: object}, reply: {stock: "{{ input.n }}", open: true}}
  - {name: made, input_schema: {type: object}, python: "t.py:made"}
  - {name: breaks, input_schema: {type: object}, python: "t.py:breaks"}
  - {name: silent, input_schema: {type: object}}
  - {name: waits, input_schema: {type: object}, python: "t.py:waits"}
  - {name: loops, input_schema: {type: object}, python: "t.py:loops"}
  - {name: sleeps, input_schema: {type: object}, python: "t.py:sleeps"}
  - {name: quits, input_schema: {type: object}, python: "t.py:quits"}
  - {name: ends, input_schema: {type: object}, python: "t.py:ends"}
  - {name: changes, input_schema: {type: object}, python: "t.py:changes"}
  - {name: gives, input_schema: {type: object}, python: "t.py:gives"}
  - {name: torn, input_schema: {type: object}, python: "t.py:torn"}
  - {name: vague, input_schema: {type: object}, python: "t.py:vague"}
  - {name: endless, input_schema: {type: object}, python: "t.py:endless"}
  - {name: record, input_schema: {type: object}, python: "t.py:record"}
  - {name: lost, input_schema: {type: object}, python: "gone.py:lost"}
cases:
  - id: a
"""
CODE = """\
import asyncio, dataclasses, math, sys, threading
@dataclasses.dataclass
class Stock: n: float
def vague(): return {"stock": [1.5, (math.nan,)]}
def endless(): return -math.inf
def record(): return Stock(math.nan)
def made(n): return {"double": 2 * n}
def breaks(): raise ValueError("no stock")
async def waits(n): await asyncio.sleep(0); return f"waited {n}"
def loops():
    while True: pass
def sleeps(): threading.Event().wait()
def quits(): sys.exit("enough")
def ends(): raise asyncio.CancelledError
def changes(items): items.clear(); return "done"
def gives(): return {1, 2}
def torn(): return "\\ud800"
"""


def results(folder: Path, *uses: Block, limit_s: float = 20.0) -> list[dict[str, Any]]:
    suite = loaded(folder, HEAD + TOOLS, t_py=CODE)
    scope = suite.cases[0].vars
    found = tool_results(
        answer(*uses), suite.script.tools, Renderer(folder), scope, caller=Caller(limit_s)
    )
    return [dict(block) for block in found]


@pytest.mark.parametrize(
    ("use", "content"),
    [
        pytest.param(tool_use("canned", who="Ana"), "yes please to Ana", id="template"),
        pytest.param(tool_use("data", n=3), '{"stock":3,"open":true}', id="data"),
        pytest.param(tool_use("made", n=4), '{"double":8}', id="function"),
        pytest.param(tool_use("waits", n=1), "waited 1", id="async function"),
    ],
)
def test_a_call_is_answered_from_its_input(tmp_path: Path, use: Block, content: str) -> None:
    assert results(tmp_path, use) == [
        {"type": "tool_result", "tool_use_id": "call-1", "content": content}
    ]


@pytest.mark.parametrize(
    ("use", "content"),
    [
        pytest.param(tool_use("gone"), "there is no tool named 'gone'", id="unknown tool"),
        pytest.param(tool_use("breaks"), "ValueError: no stock", id="raises"),
        pytest.param(tool_use("made", m=1), "unexpected keyword argument 'm'", id="wrong input"),
        pytest.param(tool_use("quits"), "SystemExit: enough", id="exits"),
        pytest.param(tool_use("ends"), "CancelledError", id="cancelled"),
        pytest.param(tool_use("silent"), "the suite gives no reply for the tool", id="no reply"),
        pytest.param(tool_use("canned"), "there is no `who`", id="undefined"),
    ],
)
def test_a_call_that_fails_is_an_error_result(tmp_path: Path, use: Block, content: str) -> None:
    (result,) = results(tmp_path, use)
    assert result["is_error"] is True
    assert content in result["content"]


def test_parallel_calls_are_answered_in_order(tmp_path: Path) -> None:
    uses = [tool_use("made", call=f"c{n}", n=n) for n in range(3)]
    assert [r["tool_use_id"] for r in results(tmp_path, *uses)] == ["c0", "c1", "c2"]


def test_what_a_model_wrote_is_no_template(tmp_path: Path) -> None:
    (result,) = results(tmp_path, tool_use("canned", who="{{ word }}"))
    assert result["content"] == "yes please to {{ word }}"


def test_calls_that_are_left_open_get_an_error_result_each() -> None:
    left = unanswered(answer(tool_use("a", call="c1"), tool_use("b", call="c2")))
    assert [(block["tool_use_id"], block["is_error"]) for block in left] == [
        ("c1", True),
        ("c2", True),
    ]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        pytest.param("loops", "the tool 'loops' hangs: ", id="loops"),
        pytest.param("sleeps", "the tool 'sleeps' hangs: it took more than 0.1 s", id="waits"),
        pytest.param("gives", "the tool 'gives' returned a set that cannot be sent", id="no JSON"),
        pytest.param("torn", "the tool 'torn' returned a str that cannot be sent", id="no text"),
        pytest.param(
            "vague", "the tool 'vague' returned a dict that cannot be sent (NaN", id="NaN within"
        ),
        pytest.param("endless", "the tool 'endless' returned a float that cannot", id="infinity"),
        pytest.param(
            "record", "the tool 'record' returned a Stock that cannot", id="NaN of a record"
        ),
        pytest.param("lost", "the tool 'lost' cannot be called: file 'gone.py'", id="no file"),
    ],
)
def test_a_broken_function_leaves_the_trial_missing(
    tmp_path: Path, name: str, problem: str
) -> None:
    with pytest.raises(AnswerMissingError) as missing:
        results(tmp_path, tool_use(name), limit_s=0.1)
    assert missing.value.missing.kind == "tool_error"
    assert missing.value.missing.reason.startswith(problem)


def test_after_a_call_that_hangs_others_are_answered() -> None:
    caller = Caller(0.1)
    with pytest.raises(TookTooLongError):
        caller.call(threading.Event().wait)
    assert caller.call(lambda: "there") == "there"


def test_a_function_cannot_change_what_the_model_said(tmp_path: Path) -> None:
    call = tool_use("changes", items=[1, 2])
    (result,) = results(tmp_path, call)
    assert (result["content"], call["input"]) == ("done", {"items": [1, 2]})
