"""Evals written in Python: under pytest, and by `harness run` on the same files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_bench import Evals, paid

HEAD = """
from harness import Case, evaluation

CASES = [
    Case(id="loud", vars={"word": "HELLO"}, tags=["shouted"]),
    Case(id="quiet", vars={"word": "hello"}, tags=["said"]),
]
"""
ECHO = (
    HEAD
    + """
@evaluation(models=["haiku", "sonnet"], cases=CASES, params={"max_tokens": 50})
def repeats_the_word(chat, case):
    '''Twice, in one conversation.'''
    yield chat.ask(f"Say {case.vars['word']}.")
    reply = yield chat.ask("Again.", max_tokens=60)
    assert case.vars["word"] in reply.text
"""
)
ANSWERS = """
answers:
  "*": {"*": ["hello HELLO", "hello HELLO"]}
  loud: {sonnet: ["hello", "hello"]}
"""


@pytest.fixture
def evals(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Evals:
    return Evals(pytester, monkeypatch)


def echo(evals: Evals, text: str = ECHO) -> Path:
    evals.write("test_echo.answers.yaml", ANSWERS)
    return evals.write("test_echo.py", text)


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("", "", "test_echo.py::repeats_the_word::loud[haiku]"),
        ("params=", "repeats=2, params=", "test_echo.py::repeats_the_word::quiet[sonnet-r2]"),
    ],
    ids=["plain", "repeats"],
)
def test_an_eval_has_an_item_for_each_trial(evals: Evals, old: str, new: str, wanted: str) -> None:
    echo(evals, ECHO.replace(old, new))
    assert wanted in evals.run("--collect-only", "-q").outlines


@pytest.mark.parametrize(
    ("args", "count"),
    [
        (("-m", "shouted", "--strict-markers"), 2),
        (("-k", "quiet and haiku"), 1),
        (("test_echo.py::repeats_the_word::loud[haiku]",), 1),
        (("test_echo.py::repeats_the_word",), 4),
        (("--import-mode=importlib",), 4),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_pytest_selects_the_trials_of_an_eval(
    evals: Evals, args: tuple[str, ...], count: int
) -> None:
    echo(evals)
    evals.offline(*args)
    assert len(evals.trials()) == count


def test_a_failed_assertion_is_told_with_pytests_own_words(evals: Evals) -> None:
    echo(evals)
    result = evals.offline()
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(
        [
            "assert: test_echo.py:14: assert case.vars* in reply.text",
            "test_echo.py:9: test_echo.repeats_the_word/loud?sonnet-r1? failed",
            "prompt (the last of 2):",
            "  Again.",
            "*assert 'HELLO' in 'hello'",
        ]
    )
    assert "harness/chat.py" not in result.stdout.str()


def test_the_grade_that_is_kept_has_the_same_words(evals: Evals) -> None:
    echo(evals)
    evals.offline()
    (failed,) = [trial for trial in evals.trials() if trial["outcome"] == "failed"]
    assert "assert 'HELLO' in 'hello'" in failed["grades"][0]["reason"]


def test_the_command_tells_the_values_without_pytest(
    evals: Evals, harness: Callable[..., Any]
) -> None:
    echo(evals)
    command = harness()
    command.folder = evals.folder
    assert command("run", ".", "--offline", "-q")[0] == 0
    (failed,) = [trial for trial in evals.trials() if trial["outcome"] == "failed"]
    assert failed["grades"][0]["reason"].splitlines() == [
        'test_echo.py:14: assert case.vars["word"] in reply.text',
        "case.vars['word'] = 'HELLO'",
        "reply.text = 'hello'",
    ]


def test_the_command_and_pytest_share_their_answers(
    evals: Evals, simulate: Callable[..., str], harness: Callable[..., Any]
) -> None:
    echo(evals)
    evals.use(url := simulate("."))
    command = harness(ANTHROPIC_BASE_URL=url, ANTHROPIC_API_KEY="simulated")
    command.folder = evals.folder
    command("run", ".", "-q")
    before = paid(url)
    evals.run()
    assert paid(url) == before == 8


def test_the_parameters_of_one_question_are_sent_with_it_alone(evals: Evals) -> None:
    echo(evals)
    evals.offline("-k", "loud and haiku")
    (trial,) = evals.trials()
    assert [call["params"]["max_tokens"] for call in trial["calls"]] == [50, 60]


def test_a_failed_gate_of_an_eval_fails_the_session(evals: Evals) -> None:
    echo(evals, ECHO.replace("params=", "gates=[{'cost_usd': {'max': 0}}], params="))
    result = evals.offline("-k", "quiet or haiku")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["fail: test_echo.repeats_the_word cost_usd ?haiku?: *"])


def test_a_row_of_a_file_is_a_case(evals: Evals) -> None:
    rows = 'Case(data="words.csv", id="{{ row.n }}", vars={"word": "{{ row.word }}"})'
    echo(evals, ECHO.replace("cases=CASES", f"cases=[{rows}]"))
    evals.write("words.csv", "n,word\none,hello\ntwo,HELLO\n")
    assert "test_echo.py::repeats_the_word::two[haiku]" in evals.run("--co", "-q").outlines
    evals.offline().assert_outcomes(passed=4)


BAD = {
    "no generator": ("pass\n    assert 1", "f is no generator; ask with*"),
    "asserts nothing": ("yield chat.ask('x')\n    print('x')", "f asserts nothing*"),
    "a wrong option": ("yield chat.ask('x')\n    assert 1", "*unknown key*modles*"),
}


@pytest.mark.parametrize(("body", "said"), BAD.values(), ids=BAD)
def test_what_can_be_no_eval_is_an_error_at_its_line(evals: Evals, body: str, said: str) -> None:
    options = "modles=['haiku']" if "modles" in said else ""
    evals.write("test_bad.py", f"{HEAD}\n@evaluation({options})\ndef f(chat, case):\n    {body}\n")
    result = evals.offline()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines([f"*test_bad.py:9:1: {said}"])
    assert not (evals.folder / ".harness").exists()


BROKEN = {
    "raises before it asks": ("1 / 0\n    yield", "ZeroDivisionError: test_bad.py:11: 1 / 0"),
    "yields something else": ("yield 3", "EvalError: the eval yielded 3; yield `chat.ask(…)`*"),
    "asks nothing": ("if case.vars: yield chat.ask('x')", "EvalError: the eval asked nothing*"),
    "ends the process": ("yield chat.ask('x')\n    raise SystemExit(1)", "SystemExit: *"),
    "asks for ever": (
        "while True: yield chat.ask('x')",
        "EvalError: the eval asked more than 200*",
    ),
}


@pytest.mark.parametrize(("body", "said"), BROKEN.values(), ids=BROKEN)
def test_an_eval_that_breaks_is_an_error_and_no_failure(evals: Evals, body: str, said: str) -> None:
    evals.write(
        "test_bad.py",
        f"{HEAD}\n@evaluation(models=['haiku'])\ndef f(chat, case):\n    {body}\n    assert 1\n",
    )
    result = evals.offline()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"assert: the eval broke: {said}"])


def test_what_pytest_itself_raises_fails_an_eval(evals: Evals) -> None:
    body = "reply = yield chat.ask('x')\n    pytest.fail('too kind')"
    evals.write(
        "test_fail.py",
        f"import pytest\n{HEAD}\n@evaluation(models=['haiku'])\ndef f(chat, case):\n    {body}\n",
    )
    result = evals.offline()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*too kind*"])


def test_every_chat_of_an_eval_is_paid_for_and_counted(evals: Evals) -> None:
    text = ECHO.replace(
        'reply = yield chat.ask("Again.", ', 'reply = yield chat.new().ask("New.", '
    )
    echo(evals, text)
    evals.offline("-k", "quiet and haiku")
    (trial,) = evals.trials()
    asked = [json.dumps(call["params"]["messages"]) for call in trial["calls"]]
    assert ["Say hello." in said for said in asked] == [True, False]
