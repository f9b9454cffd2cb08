"""What answers a model's tool calls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from suite_making import HEAD, answer, loaded, tool_use

from harness.records import Block
from harness.render import Renderer
from harness.tools import tool_results, unanswered

TOOLS = """\
tools:
  - {name: canned, input_schema: {type: object}, reply: "{{ word }} to {{ input.who }}"}
  - {name: data, input_schema: {type: object}, reply: {stock: "{{ input.n }}", open: true}}
  - {name: made, input_schema: {type: object}, python: "t.py:made"}
  - {name: breaks, input_schema: {type: object}, python: "t.py:breaks"}
  - {name: silent, input_schema: {type: object}}
cases:
  - id: a
"""
CODE = (
    "def made(n):\n    return {'double': 2 * n}\ndef breaks():\n    raise ValueError('no stock')\n"
)


def results(folder: Path, *uses: Block) -> list[dict[str, Any]]:
    suite = loaded(folder, HEAD + TOOLS, t_py=CODE)
    scope = suite.cases[0].vars
    found = tool_results(answer(*uses), suite.script.tools, Renderer(folder), scope)
    return [dict(block) for block in found]


@pytest.mark.parametrize(
    ("use", "content"),
    [
        pytest.param(tool_use("canned", who="Ana"), "yes please to Ana", id="template"),
        pytest.param(tool_use("data", n=3), '{"stock":3,"open":true}', id="data"),
        pytest.param(tool_use("made", n=4), '{"double":8}', id="function"),
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
