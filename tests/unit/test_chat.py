"""What an eval in Python asks, is told and comes to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from eval_making import loaded, of_body
from suite_making import answer, driven, said, trial_of

from harness.chat import MAX_ASKS, Reply
from harness.records import Answer, Missing, Outcome, Request, Result

REFUSED, TEXT = "reply.refused = False", "reply.text = 'no'"


def run(
    folder: Path, body: str, *replies: str | Answer | Missing
) -> tuple[Result, list[Sequence[Request]]]:
    return driven(trial_of(loaded(of_body(folder, body))), replies)


def reason(folder: Path, body: str, *replies: str | Answer | Missing) -> list[str]:
    return run(folder, body, *replies)[0].grades[0].reason.splitlines()


def test_an_eval_whose_assertions_hold_has_passed(tmp_path: Path) -> None:
    result, _ = run(tmp_path, "reply = yield chat.ask('x')\nassert reply.text == 'y'", "y")
    assert result.outcome is Outcome.PASSED
    assert result.grades[0].reason == "every assertion held after 1 replies"


def test_a_second_question_goes_on_with_the_conversation(tmp_path: Path) -> None:
    _, asked = run(tmp_path, "yield chat.ask('a')\nyield chat.ask('b')\nassert 1", "x", "y")
    assert [role for role, _ in said(asked[1][0])] == ["user", "assistant", "user"]


def test_another_chat_begins_anew(tmp_path: Path) -> None:
    body = "yield chat.ask('a')\nyield chat.new(system='Be brief.').ask('b')\nassert 1"
    result, asked = run(tmp_path, body, "x", "y")
    assert said(asked[1][0]) == [("user", "b")]
    assert asked[1][0].params["system"] == "Be brief."
    assert len(result.calls) == 2


def test_parameters_of_one_question_are_its_own(tmp_path: Path) -> None:
    body = "yield chat.ask('a', max_tokens=7)\nyield chat.ask('b')\nassert 1"
    _, asked = run(tmp_path, body, "x", "y")
    assert [request.params["max_tokens"] == 7 for (request,) in asked] == [True, False]


def test_a_chat_knows_what_was_said(tmp_path: Path) -> None:
    body = "yield chat.ask('a')\nassert [m['role'] for m in chat.messages] == ['user', 'assistant']"
    assert run(tmp_path, body, "x")[0].outcome is Outcome.PASSED


def test_a_question_without_an_answer_makes_the_trial_errored(tmp_path: Path) -> None:
    body = "yield chat.ask('a')\nassert 1"
    result, _ = run(tmp_path, body, Missing("overloaded_error", "too many"))
    assert (result.outcome, result.reason) == (Outcome.ERRORED, "too many")


@pytest.mark.parametrize(
    ("test", "values"),
    [
        ("reply.text == 'y'", ["reply.text = 'no'"]),
        ("case.vars['word'] in reply.text", ["case.vars['word'] = 'hi'", "reply.text = 'no'"]),
        ("len(reply.text.split()) > 3", ["reply.text = 'no'"]),
        ("not reply.truncated and reply.refused", ["reply.truncated = False", REFUSED]),
        ("any(w in reply.text for w in ('a', 'b'))", ["reply.text = 'no'"]),
        ("reply.gone", []),
        ("case.vars['word'] == case.vars['word'] + reply.text", ["case.vars['word'] = 'hi'", TEXT]),
    ],
    ids=["attribute", "item", "inside a call", "several", "generator", "absent", "twice"],
)  # fmt: skip
def test_a_failed_assertion_shows_the_values_in_it(
    tmp_path: Path, test: str, values: list[str]
) -> None:
    told = reason(tmp_path, f"reply = yield chat.ask('x')\nassert {test}", "no")
    if values:
        assert told == [f"test_evals.py:6: assert {test}", *values]
    else:
        assert "AttributeError" in told[0]


def test_the_message_of_an_assertion_stands_before_the_values(tmp_path: Path) -> None:
    body = "reply = yield chat.ask('x')\nassert reply.text == 'y', 'be kind'"
    assert reason(tmp_path, body, "no")[1:] == ["be kind", "reply.text = 'no'"]


def test_an_assertion_over_several_lines_shows_its_values(tmp_path: Path) -> None:
    body = "reply = yield chat.ask('x')\nassert (\n    reply.text\n    == 'y'\n)"
    assert "reply.text = 'no'" in reason(tmp_path, body, "no")


def test_a_long_value_is_cut(tmp_path: Path) -> None:
    told = reason(tmp_path, "reply = yield chat.ask('x')\nassert reply.text == 'y'", "n" * 5000)
    assert told[1].endswith("…")
    assert len(told[1]) < 300


def test_what_pytest_has_explained_is_not_explained_again(tmp_path: Path) -> None:
    body = "reply = yield chat.ask('x')\nraise AssertionError('assert 1 == 2')"
    assert reason(tmp_path, body, "no")[1:] == ["assert 1 == 2"]


def test_a_failure_in_a_library_is_told_by_the_line_of_the_eval(tmp_path: Path) -> None:
    body = "import json\nreply = yield chat.ask('x')\njson.loads(reply.text)\nassert 1"
    assert reason(tmp_path, body, "no")[0].startswith(
        "the eval broke: JSONDecodeError: test_evals.py:7: json.loads(reply.text)"
    )


def test_a_helper_beside_the_eval_is_named_where_it_fails(tmp_path: Path) -> None:
    (tmp_path / "checks.py").write_text("def kind(text):\n    assert text == 'y'\n")
    body = "import sys; sys.path.insert(0, case.vars['folder'])\nimport checks\n"
    body = body.replace("case.vars['folder']", repr(str(tmp_path)))
    told = reason(
        tmp_path, body + "reply = yield chat.ask('x')\nchecks.kind(reply.text)\nassert 1", "no"
    )
    assert told == ["checks.py:2: assert text == 'y'", "text = 'no'"]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("1 / 0\nyield\nassert 1", "ZeroDivisionError"),
        ("yield 3\nassert 1", "EvalError: the eval yielded 3"),
        ("if not case.vars: yield\nassert 1", "EvalError: the eval asked nothing"),
        ("raise SystemExit(3)\nyield", "SystemExit"),
        ("raise BaseException('odd')\nyield", "BaseException"),
    ],
    ids=["raises", "yields a number", "asks nothing", "exits", "raises what is no Exception"],
)
def test_an_eval_that_breaks_is_ungraded(tmp_path: Path, body: str, told: str) -> None:
    result, asked = run(tmp_path, body)
    assert result.outcome is Outcome.UNGRADED
    assert f"the eval broke: {told}" in result.reason
    assert asked == []


def test_an_eval_that_asks_for_ever_is_stopped(tmp_path: Path) -> None:
    body = "while True: yield chat.ask('x')\nassert 1"
    result, asked = run(tmp_path, body, *["y"] * (MAX_ASKS + 1))
    assert result.outcome is Outcome.UNGRADED
    assert len(asked) == MAX_ASKS + 1


def test_an_address_in_memory_does_not_make_two_equal_grades_differ(tmp_path: Path) -> None:
    body = "reply = yield chat.ask('x')\nraise AssertionError(f'{object()}')"
    assert reason(tmp_path, body, "no")[1] == "<object object>"


def test_a_reply_tells_what_the_answer_is() -> None:
    reply = Reply(answer("cut", stop_reason="max_tokens"))
    assert (reply.text, str(reply), repr(reply)) == ("cut", "cut", "Reply('cut')")
    assert (reply.truncated, reply.refused, reply.stop_reason) == (True, False, "max_tokens")
    assert reply.usage.output_tokens == 5


def test_a_reply_that_is_json_is_parsed() -> None:
    assert Reply(answer('{"a": [1]}')).json() == {"a": [1]}


def test_a_reply_that_is_no_json_fails_the_eval() -> None:
    with pytest.raises(AssertionError, match=r"the answer is not JSON: .*'so sorry'"):
        Reply(answer("so sorry")).json()
