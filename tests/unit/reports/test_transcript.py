"""One trial as `harness show` prints it."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from harness.records import Call, Grade, Request, Result, Usage
from reports.transcript import print_transcript

Make = Callable[..., Result]
JUDGE = "claude-opus-4-6, rubric.j2 0123456789ab"


def told(result: Result, *, judges: bool = False) -> list[str]:
    """The lines that are printed."""
    file = io.StringIO()
    print_transcript(Console(file=file, width=80), result, judges=judges)
    return file.getvalue().splitlines()


def asked(call: Call, purpose: Any, *, said: str = "") -> Call:
    """The call for another purpose; a judge's has a system prompt and a message."""
    params = {"model": "m", "system": "Be fair.", "messages": ({"role": "user", "content": said},)}
    return replace(call, request=Request(params, "2026-10-21", purpose=purpose))


@pytest.fixture
def file_source() -> dict[str, str]:
    """1,234 bytes as they are sent."""
    data = base64.b64encode(bytes(1234)).decode()
    return {"type": "base64", "media_type": "image/png", "data": data}


def test_a_picture_is_told_by_kind_and_size(a_result: Make, file_source: dict[str, str]) -> None:
    block = {"type": "image", "source": file_source}
    lines = told(a_result(messages=({"role": "user", "content": [block]},)))
    assert "[image] image/png, 1,234 bytes" in lines


def test_a_picture_from_a_tool_is_told_likewise(
    a_result: Make, file_source: dict[str, str]
) -> None:
    picture = {"type": "image", "source": file_source}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [picture]}
    text = "\n".join(told(a_result(messages=({"role": "user", "content": [result]},))))
    assert "image/png, 1,234 bytes" in text
    assert "AAAA" not in text


def test_what_stands_beside_a_file_is_told(a_result: Make, file_source: dict[str, str]) -> None:
    block = {"type": "document", "source": file_source, "title": "T"}
    lines = told(a_result(messages=({"role": "user", "content": [block]},)))
    assert '[document] image/png, 1,234 bytes {"title": "T"}' in lines


def test_the_answer_of_a_rival_is_shown(a_result: Make, a_call: Callable[..., Call]) -> None:
    rival = asked(a_call("sales", model="claude-opus-4-6"), "rival")
    lines = told(a_result(calls=(a_call(), rival)))
    at = lines.index("── rival (claude-opus-4-6)")
    assert lines[at + 1] == "sales"


@pytest.mark.parametrize("judges", [True, False])
def test_what_judges_were_asked_is_shown_on_demand(
    a_result: Make, a_call: Callable[..., Call], judges: bool
) -> None:
    judge = asked(a_call("met"), "judge", said="Is it kind?")
    lines = told(a_result(calls=(a_call(), judge)), judges=judges)
    assert all((line in lines) is judges for line in ("Be fair.", "Is it kind?", "met"))
    assert any(line.startswith("judge; claude-haiku") for line in lines)


def test_a_grade_names_its_judge_once(a_result: Make) -> None:
    part = Grade(True, name="criterion 1", judge=JUDGE)
    lines = told(a_result(grades=(Grade(True, name="rubric", judge=JUDGE, parts=(part,)),)))
    assert [line for line in lines if JUDGE in line] == [f"  judge: {JUDGE}"]


@pytest.mark.parametrize(
    ("usage", "said"),
    [
        pytest.param(Usage(187, 5), "; 187 in, 5 out;", id="no cache"),
        pytest.param(Usage(187, 5, cache_read_input_tokens=4500),
                     "; 4,687 in (4,500 from cache), 5 out;", id="read"),
        pytest.param(Usage(1, 5, 0, 2, 3, 4), "; 10 in (2 from cache, 7 written to cache), 5 out;",
                     id="read and written"),
        pytest.param(Usage(None, 5, 0, None), "; – in, 5 out;", id="unknown"),
    ],
)  # fmt: skip
def test_a_call_says_what_came_from_the_cache(
    a_result: Make, a_call: Callable[..., Call], usage: Usage, said: str
) -> None:
    assert said in told(a_result(calls=(a_call(usage=usage),)))[-1]
