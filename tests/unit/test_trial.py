"""A trial driven by hand: what it asks, and how it ends."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from suite_making import HEAD, answer, driven, loaded, registry, said, tool_use, trial_of

from harness.graders import registry as grader_registry
from harness.records import Answer, Conversation, Grade, Grader, Missing, Outcome, Request, Steps
from harness.trial import steps, verdict
from harness.workshop import Workshop

CASE = "cases:\n  - id: a\n    tags: [x]\n    cluster: c\n"
TOOLS = """\
tools:
  - {name: stock, input_schema: {type: object}, reply: "{{ input.n }} left"}
"""
TURNS = """\
suite: t
models: [haiku]
graders: [{contains: end}]
cases:
  - id: a
    turns:
      - {user: one, graders: [{contains: first}]}
      - {user: "you said {{ answers[0] }}"}
      - {user: three, graders: [{contains: third}]}
"""
GONE = Missing("overloaded_error", "the API was overloaded")


@pytest.fixture
def panel() -> Iterator[None]:
    """A grader that asks two models at once, and a third time where they differ."""

    def panel(question: str) -> Grader:
        def ask(text: str) -> Request:
            return Request({"model": "claude-sonnet-4-6", "messages": [text]}, "v", (), "judge")

        def grade(conversation: Conversation) -> Steps[Grade]:
            votes = yield [ask(f"{question} 1"), ask(f"{question} 2")]
            texts = [vote.text for vote in votes if isinstance(vote, Answer)]
            if len(texts) < 2:
                return Grade(None, reason="a judge gave no answer")
            if texts[0] != texts[1]:
                (last,) = yield [ask(f"{question} 3")]
                texts = [last.text] if isinstance(last, Answer) else []
            return Grade(texts[0] == "good", reason=f"judged of {conversation.text!r}")

        return grade

    grader_registry.names()
    grader_registry.grader("made_up_panel")(panel)
    yield
    del grader_registry._types["made_up_panel"]


def test_a_single_turn_is_asked_and_graded(tmp_path: Path) -> None:
    result, asked = driven(trial_of(loaded(tmp_path, HEAD + CASE)), ["please!"])
    assert [said(request) for (request,) in asked] == [[("user", "Say yes please.")]]
    assert (result.outcome, result.score, result.reason) == (Outcome.PASSED, 1.0, "")
    assert (result.tags, result.cluster, str(result.id)) == (("x",), "c", "t/a[haiku-r1]")


def test_a_failed_grade_gives_the_reason(tmp_path: Path) -> None:
    result, _asked = driven(trial_of(loaded(tmp_path, HEAD + CASE)), ["no"])
    assert (result.outcome, result.score) == (Outcome.FAILED, 0.0)
    assert result.reason.startswith("contains: ")


def test_every_call_has_its_bill(tmp_path: Path) -> None:
    result, _asked = driven(trial_of(loaded(tmp_path, HEAD + CASE)), ["please!"])
    assert [call.bill.total is not None for call in result.calls] == [True]


def test_turns_follow_each_other_and_see_the_answers_so_far(tmp_path: Path) -> None:
    _result, asked = driven(trial_of(loaded(tmp_path, TURNS)), ["first", "second", "third end"])
    roles = [[role for role, _content in said(request)] for (request,) in asked]
    assert [len(each) for each in roles] == [1, 3, 5]
    assert said(asked[2][0])[2] == ("user", "you said first")


def test_graders_of_a_turn_grade_its_answer_and_the_suites_the_last(tmp_path: Path) -> None:
    result, _asked = driven(trial_of(loaded(tmp_path, TURNS)), ["first", "second", "third end"])
    assert [(g.turn, g.passed) for g in result.grades] == [(1, True), (3, True), (None, True)]


def test_an_answer_that_is_missing_ends_the_trial_as_errored(tmp_path: Path) -> None:
    result, _asked = driven(trial_of(loaded(tmp_path, TURNS)), ["first", GONE])
    assert (result.outcome, result.score, result.missing) == (Outcome.ERRORED, None, GONE)
    assert (len(result.calls), result.reason) == (1, "the API was overloaded")


def test_a_template_that_fails_in_a_later_turn_ends_the_trial_as_errored(tmp_path: Path) -> None:
    text = TURNS.replace("answers[0]", "answers[0].gone")
    result, _asked = driven(trial_of(loaded(tmp_path, text)), ["first"])
    assert result.outcome is Outcome.ERRORED
    assert result.missing is not None
    assert result.missing.kind == "template_error"
    assert len(result.calls) == 1


def test_a_template_that_fails_at_once_asks_nothing(tmp_path: Path) -> None:
    text = HEAD.replace("{{ word }}", "{{ gone }}") + "system: '{{ gone }}'\n" + CASE
    result, asked = driven(trial_of(loaded(tmp_path, text)), [])
    assert (result.outcome, asked, result.calls) == (Outcome.ERRORED, [], ())


def test_a_tool_call_is_answered_and_asked_on(tmp_path: Path) -> None:
    trial = trial_of(loaded(tmp_path, HEAD + TOOLS + CASE))
    result, asked = driven(trial, [answer(tool_use("stock", n=3)), "please"])
    assert said(asked[1][0])[-1] == ("user", [
        {"type": "tool_result", "tool_use_id": "call-1", "content": "3 left"}
    ])  # fmt: skip
    assert (result.outcome, len(result.calls)) == (Outcome.PASSED, 2)


def test_parallel_calls_and_an_unknown_tool_are_answered_in_one_message(tmp_path: Path) -> None:
    trial = trial_of(loaded(tmp_path, HEAD + TOOLS + CASE))
    uses = [tool_use("stock", call="c1", n=1), tool_use("gone", call="c2")]
    _result, asked = driven(trial, [answer(*uses), "please"])
    _role, results = said(asked[1][0])[-1]
    assert [r["tool_use_id"] for r in results] == ["c1", "c2"]
    assert [r.get("is_error", False) for r in results] == [False, True]


def test_tool_rounds_end_at_their_limit_and_the_last_answer_is_graded(tmp_path: Path) -> None:
    text = HEAD + "max_tool_rounds: 2\n" + TOOLS + CASE
    call = answer("please", tool_use("stock", n=1))
    result, asked = driven(trial_of(loaded(tmp_path, text)), [call, call, call])
    assert (len(asked), result.outcome) == (3, Outcome.PASSED)


def test_a_call_left_open_by_the_limit_is_answered_before_the_next_turn(tmp_path: Path) -> None:
    text = TURNS.replace("cases:", "max_tool_rounds: 0\n" + TOOLS + "cases:")
    replies = [answer("first", tool_use("stock", n=1)), "second", "third end"]
    _result, asked = driven(trial_of(loaded(tmp_path, text)), replies)
    _role, content = said(asked[1][0])[-1]
    assert [block["type"] for block in content] == ["tool_result", "text"]
    assert content[1]["text"] == "you said first"


def test_a_paused_turn_is_sent_back_to_go_on(tmp_path: Path) -> None:
    trial = trial_of(loaded(tmp_path, HEAD + CASE))
    result, asked = driven(trial, [answer("so far", stop_reason="pause_turn"), "please"])
    assert [role for role, _content in said(asked[1][0])] == ["user", "assistant"]
    assert result.outcome is Outcome.PASSED


def test_a_history_that_asks_already_is_sent_as_it_is(tmp_path: Path) -> None:
    text = HEAD.replace('prompt: "Say {{ word }}."', "messages: [{role: user, content: hi}]")
    result, asked = driven(trial_of(loaded(tmp_path, text + CASE)), ["please"])
    assert (said(asked[0][0]), result.outcome) == ([("user", "hi")], Outcome.PASSED)


def test_what_is_sent_does_not_change_as_the_conversation_grows(tmp_path: Path) -> None:
    _result, asked = driven(trial_of(loaded(tmp_path, TURNS)), ["first", "b", "third end"])
    assert len(said(asked[0][0])) == 1


BROKEN = "def broken(text):\n    raise KeyError('x')\ndef none(text):\n    return 'maybe'\n"


@pytest.mark.parametrize("name", ["broken", "none"])
def test_a_grader_that_breaks_leaves_the_trial_ungraded(tmp_path: Path, name: str) -> None:
    text = HEAD.replace("contains: please", f"python: g.py:{name}") + CASE
    result, _asked = driven(trial_of(loaded(tmp_path, text, g_py=BROKEN)), ["please"])
    assert (result.outcome, result.score) == (Outcome.UNGRADED, None)
    assert result.reason.startswith("python: ")


@pytest.mark.parametrize(
    ("grader", "name"),
    [
        pytest.param("{contains: '{{ gone }}'}", "contains", id="undefined"),
        pytest.param("{weight: 2, regex: '('}", "regex", id="pattern"),
        pytest.param("{name: mine, regex: '('}", "mine", id="named"),
        pytest.param("jsn", "jsn", id="bare"),
    ],
)
def test_a_grader_that_cannot_be_built_leaves_the_trial_ungraded(
    tmp_path: Path, grader: str, name: str
) -> None:
    text = HEAD.replace("- contains: please", f"- {grader}") + CASE
    result, _asked = driven(trial_of(loaded(tmp_path, text)), ["please"])
    assert (result.outcome, result.grades[0].name) == (Outcome.UNGRADED, name)


def test_a_number_that_a_template_made_stands_for_its_text(tmp_path: Path) -> None:
    text = HEAD.replace("contains: please", "equals: '{{ 40 + 2 }}'") + CASE
    result, _asked = driven(trial_of(loaded(tmp_path, text)), ["42"])
    assert result.outcome is Outcome.PASSED


def test_a_grader_without_templates_is_built_once(tmp_path: Path) -> None:
    suite = loaded(tmp_path, HEAD + CASE)
    workshop, spec = Workshop(suite, registry(tmp_path)), suite.script.graders[0]
    assert workshop.grader(spec, {"a": 1}) is workshop.grader(spec, {"a": 2})


@pytest.mark.usefixtures("panel")
def test_a_judge_may_ask_several_at_once_and_again(tmp_path: Path) -> None:
    text = HEAD.replace("contains: please", "made_up_panel: fine?") + CASE
    result, asked = driven(trial_of(loaded(tmp_path, text)), ["hm", "good", "bad", "good"])
    assert [len(requests) for requests in asked] == [1, 2, 1]
    assert (result.outcome, result.grades[0].reason) == (Outcome.PASSED, "judged of 'hm'")


@pytest.mark.usefixtures("panel")
def test_a_judges_calls_are_kept_apart_from_the_candidates(tmp_path: Path) -> None:
    text = HEAD.replace("contains: please", "made_up_panel: fine?") + CASE
    result, _asked = driven(trial_of(loaded(tmp_path, text)), ["hm", "good", "good"])
    assert [len(result.calls_for(p)) for p in ("answer", "judge")] == [1, 2]  # type: ignore[arg-type]


@pytest.mark.usefixtures("panel")
def test_a_judge_without_an_answer_leaves_the_trial_ungraded_and_its_calls_kept(
    tmp_path: Path,
) -> None:
    text = HEAD.replace("contains: please", "made_up_panel: fine?") + CASE
    result, _asked = driven(trial_of(loaded(tmp_path, text)), ["hm", "good", GONE])
    assert (result.outcome, len(result.calls_for("judge"))) == (Outcome.UNGRADED, 1)


@pytest.mark.usefixtures("panel")
def test_not_of_a_judge_that_broke_is_no_pass(tmp_path: Path) -> None:
    text = HEAD.replace("contains: please", "not: {made_up_panel: fine?}") + CASE
    result, _asked = driven(trial_of(loaded(tmp_path, text)), ["hm", GONE, GONE])
    assert result.outcome is Outcome.UNGRADED


def test_a_trial_that_is_run_again_asks_the_same(tmp_path: Path) -> None:
    trial = trial_of(loaded(tmp_path, TURNS))
    first, second = (driven(trial, ["first", "b", "third end"]) for _ in range(2))
    assert first == second


def test_a_trial_asks_nothing_before_it_is_driven(tmp_path: Path) -> None:
    trial = trial_of(loaded(tmp_path, HEAD + CASE))
    running = steps(trial, Workshop(trial.suite, registry(tmp_path)))
    assert len(next(running)) == 1
    running.close()


def grade(score: float, weight: float = 1.0, *, passed: bool | None = None) -> Grade:
    return Grade(score >= 0.5 if passed is None else passed, score, "why", "g", weight)


def test_every_grader_must_pass_unless_a_score_is_asked_for() -> None:
    grades = [grade(1.0, 3), grade(0.0, 1)]
    assert verdict(grades) == (Outcome.FAILED, 0.75, "g: why")
    assert verdict(grades, 0.75) == (Outcome.PASSED, 0.75, "")
    assert verdict(grades, 0.76)[0] is Outcome.FAILED


def test_a_grade_of_weight_0_counts_for_nothing() -> None:
    assert verdict([grade(1.0), grade(0.0, 0)]) == (Outcome.PASSED, 1.0, "")


def test_a_broken_grade_outweighs_all_others() -> None:
    broken = Grade(None, reason="no judge", name="rubric", weight=0)
    assert verdict([grade(1.0), broken], 0.1) == (Outcome.UNGRADED, None, "rubric: no judge")


grades = st.builds(grade, st.floats(0, 1), st.floats(0.1, 10))


@given(graded=st.lists(grades, min_size=1, max_size=6), data=st.data())
def test_outcome_and_score_do_not_depend_on_the_order_of_graders(
    graded: list[Grade], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(graded))
    (one, score, _), (other, again, _) = verdict(graded), verdict(shuffled)
    assert one is other
    assert score == pytest.approx(again)


@given(graded=st.lists(grades, min_size=1, max_size=6), factor=st.floats(0.5, 2))
def test_a_score_lies_between_the_grades_and_only_ratios_of_weights_matter(
    graded: list[Grade], factor: float
) -> None:
    scores = [each.score or 0.0 for each in graded]
    score = verdict(graded)[1]
    assert score is not None
    assert min(scores) - 1e-9 <= score <= max(scores) + 1e-9
    scaled = [dataclasses.replace(each, weight=each.weight * factor) for each in graded]
    assert verdict(scaled)[1] == pytest.approx(score)
