"""Evals in Python as they are written and loaded."""

from __future__ import annotations

from pathlib import Path

import pytest
from eval_making import loaded, read, write

from harness.errors import SuiteError
from harness.evals import Case, evaluations_in

PLAIN = """
@evaluation({options})
def f({parameters}):
    '''What it is about.'''
    {body}
"""
ASSERTS = "yield chat.ask('x'); assert 1"


def source(options: str = "", parameters: str = "chat, case", body: str = ASSERTS) -> str:
    return PLAIN.format(options=options, parameters=parameters, body=body)


def refused(folder: Path, text: str) -> str:
    with pytest.raises(SuiteError) as caught:
        loaded(write(folder, text))
    return str(caught.value).replace(f"{folder}/", "")


def test_an_eval_is_a_suite_named_by_file_and_function(tmp_path: Path) -> None:
    suite = loaded(write(tmp_path, source()))
    assert (suite.name, suite.description) == ("test_evals.f", "What it is about.")
    assert [case.id for case in suite.cases] == ["default"]
    assert [candidate.name for candidate in suite.candidates] == ["sonnet"]


def test_an_eval_without_options_needs_no_parentheses(tmp_path: Path) -> None:
    text = source().replace("@evaluation()", "@evaluation")
    assert loaded(write(tmp_path, text)).name == "test_evals.f"


def test_options_of_an_eval_are_those_of_a_suite(tmp_path: Path) -> None:
    options = (
        "models=['haiku', {'model': 'opus', 'name': 'o'}], repeats=3, params={'max_tokens': 9}, "
        "system='Be brief.', gates=[{'pass_rate': {'min': 0.5}}], timeout_s=7"
    )
    suite = loaded(write(tmp_path, source(options)))
    assert [candidate.name for candidate in suite.candidates] == ["haiku", "o"]
    assert (suite.script.repeats, suite.timeout_s) == (3, 7)
    assert [gate.metric for gate in suite.gates] == ["pass_rate"]


def test_a_row_of_a_data_file_is_a_case_with_rendered_vars(tmp_path: Path) -> None:
    row = "Case(data='d.csv', id='r{{ row.n }}', vars={'w': '{{ row.w }}'}, tags=['{{ row.w }}'])"
    suite = loaded(write(tmp_path, source(f"cases=[{row}]"), d_csv="n,w\n1,{{ x }}\n2,b\n"))
    assert [(case.id, case.vars["w"]) for case in suite.cases] == [("r1", "{{ x }}"), ("r2", "b")]
    assert suite.cases[1].tags == ("b",)


def test_a_case_says_only_what_is_known_of_it() -> None:
    assert Case(id="a", cluster="c").as_written() == {"id": "a", "cluster": "c"}


def test_several_evals_of_a_file_keep_its_order(tmp_path: Path) -> None:
    path = write(tmp_path, source() + source().replace("def f", "def a"))
    assert [evaluation.__name__ for evaluation in evaluations_in(path)] == ["f", "a"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (source(body="assert 1"), "f is no generator; ask with `reply = yield chat.ask(…)`"),
        (source(parameters="chat"), "f must take `chat` and `case` alone"),
        (source(parameters="case, chat"), "f must take `chat` and `case` alone"),
        (source(parameters="chat, case, tmp_path"), "f must take `chat` and `case` alone"),
        (source(body="yield chat.ask('x')"), "f asserts nothing, and would pass"),
        (source(body="yield chat.ask('x'); print(len('x'))"), "f asserts nothing"),
        (source("graders=[{'equals': 'x'}]"), "`graders` means nothing to f; write an `assert`"),
        (source("prompt='x'"), "`prompt` means nothing to f; ask with `yield chat.ask(…)`"),
        (source("repeat=2"), "`repeat`"),
        (source("cases=[Case(id='a'), Case(id='a')]"), "'a'"),
        (source("models=['gpt']"), "'gpt'"),
        (source("cases=[Case(data='gone.csv', id='x')]"), "'gone.csv'"),
    ],
    ids=[
        "no generator", "no case", "turned round", "a fixture", "asserts nothing", "only prints",
        "graders", "prompt", "unknown option", "two cases of one id", "unknown model", "no data",
    ],
)  # fmt: skip
def test_what_can_be_no_eval_is_refused_at_its_line(tmp_path: Path, text: str, told: str) -> None:
    message = refused(tmp_path, text)
    assert message.startswith("test_evals.py:4:1: ")
    assert told in message


@pytest.mark.parametrize(
    "body",
    [
        "reply = yield chat.ask('x'); helper(reply)",
        "reply = yield chat.ask('x'); checks.kind(reply)",
        "reply = yield chat.ask('x'); reply.json()",
        "yield chat.ask('x'); raise AssertionError",
        "yield from helper(chat)",
    ],
    ids=["a function", "a module's", "json", "raises", "delegates"],
)
def test_an_eval_may_leave_the_assertion_to_others(tmp_path: Path, body: str) -> None:
    assert read(tmp_path, source(body=body)).wrong() is None


def test_a_parameter_with_a_default_does_no_harm(tmp_path: Path) -> None:
    assert read(tmp_path, source(parameters="chat, case, limit=3")).wrong() is None


def test_a_class_is_no_eval(tmp_path: Path) -> None:
    assert "no generator" in str(read(tmp_path, "@evaluation()\nclass F: ...\n").wrong())


def test_a_file_that_cannot_be_run_is_refused_with_its_line(tmp_path: Path) -> None:
    told = refused(tmp_path, "1 / 0\n")
    assert told.startswith("test_evals.py:3:1: file 'test_evals.py' cannot be loaded")
