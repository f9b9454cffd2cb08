"""Graders that ask one model: what it is asked, and what becomes of what it says."""

from __future__ import annotations

from pathlib import Path

import pytest
from judge_making import (
    HEAD,
    NONSENSE,
    asked,
    graded,
    one,
    rubric,
    run,
    schema,
    suite_text,
    system_text,
    user_text,
)
from suite_making import answer, checked, driven, loaded, problems, trial_of

from harness.models import Model
from harness.models.rules import API_VERSION, SAMPLING_API_VERSION
from harness.records import Answer, Missing, Outcome

POLITE = "rubric: Is polite."
TWO = "rubric: [Is polite., Is short.]"
OWN = "Judge by {{ criteria[0] }}\n---\nThe answer: {{ answer }}\n"


@pytest.mark.parametrize(
    ("grader", "reply", "outcome", "score"),
    [
        pytest.param(POLITE, rubric("met"), "passed", 1.0, id="met"),
        pytest.param(POLITE, rubric("not_met"), "failed", 0.0, id="not met"),
        pytest.param(POLITE, rubric("MET"), "passed", 1.0, id="in upper case"),
        pytest.param(TWO, rubric("met", "met"), "passed", 1.0, id="all met"),
        pytest.param(TWO, rubric("met", "not_met"), "failed", 0.5, id="one of two"),
        pytest.param(
            "rubric: {criteria: [a, b], min: 0.5}",
            rubric("met", "not_met"),
            "passed",
            0.5,
            id="share",
        ),
        pytest.param(
            "rubric: {criteria: [a, b, c], min: 0.6}",
            rubric("met", "not_met", "not_met"),
            "failed",
            1 / 3,
            id="below the share",
        ),
        pytest.param(TWO, rubric("met", "cannot_tell"), "ungraded", None, id="one cannot be told"),
    ],
)
def test_a_rubric_passes_by_the_share_of_criteria_met(
    tmp_path: Path, grader: str, reply: str, outcome: str, score: float | None
) -> None:
    result, _ = run(tmp_path, grader, "hi", reply)
    assert (result.outcome, result.score) == (outcome, score)


def test_each_criterion_is_a_part_with_its_reasoning(tmp_path: Path) -> None:
    grade = graded(tmp_path, TWO, "hi", rubric("met", "not_met"))
    assert [(p.name, p.passed, p.reason) for p in grade.parts] == [
        ("Is polite.", True, "because"),
        ("Is short.", False, "because"),
    ]
    assert grade.reason == "1 of 2 criteria met; not met: 'Is short.' (because)"


def test_judges_of_several_graders_are_asked_at_once(tmp_path: Path) -> None:
    grader = "rubric: x\n  - contains: hi\n  - reference: Yes."
    result, requests = run(tmp_path, grader, "hi", rubric("met"), one("same"))
    assert [len(each) for each in requests] == [1, 2]
    assert [grade.name for grade in result.grades] == ["rubric", "contains", "reference"]


def test_a_list_of_criteria_is_one_call(tmp_path: Path) -> None:
    _, requests = run(tmp_path, TWO, "hi", rubric("met", "met"))
    assert [len(each) for each in requests] == [1, 1]
    assert list(schema(requests[1][0])["properties"]) == ["criterion_1", "criterion_2"]


@pytest.mark.parametrize("reply", NONSENSE.values(), ids=NONSENSE)
def test_what_is_no_verdict_leaves_the_trial_ungraded(
    tmp_path: Path, reply: str | Answer | Missing
) -> None:
    result, _ = run(tmp_path, POLITE, "hi", reply)
    assert (result.outcome, result.score) == (Outcome.UNGRADED, None)
    assert result.reason.startswith("rubric: judge sonnet ")


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ("cannot tell", "judge sonnet cannot tell: because"),
        ("refusal", "judge sonnet refused to judge"),
        ("cut off", "judge sonnet was cut off (max_tokens); raise its `max_tokens`"),
        ("empty", "judge sonnet said nothing (stop reason end_turn)"),
        ("no answer", "judge sonnet gave no answer: the API was overloaded"),
    ],
)
def test_the_reason_says_why_there_is_no_verdict(tmp_path: Path, reply: str, told: str) -> None:
    assert graded(tmp_path, POLITE, "hi", NONSENSE[reply]).reason == told


def test_the_judges_answer_is_paid_for_where_it_says_nothing(tmp_path: Path) -> None:
    result, _ = run(tmp_path, POLITE, "hi", NONSENSE["prose"])
    assert [len(result.calls_for(p)) for p in ("answer", "judge")] == [1, 1]  # type: ignore[arg-type]


def test_thinking_before_the_verdict_is_no_part_of_it(tmp_path: Path) -> None:
    thought = {"type": "thinking", "thinking": "not_met", "signature": "x"}
    assert graded(tmp_path, POLITE, "hi", answer(thought, rubric("met"))).passed


@pytest.mark.parametrize("reply", [rubric("met"), one("same")], ids=["rubric", "reference"])
def test_the_grade_names_the_judge_and_the_prompts_hash(tmp_path: Path, reply: str) -> None:
    grader = "reference: Yes." if "same" in reply else POLITE
    judge = graded(tmp_path, grader, "hi", reply).judge
    model, _, prompt = judge.partition(", ")
    assert model == "claude-sonnet-4-6"
    assert prompt.split()[0] == f"{grader.partition(':')[0]}.j2"
    assert len(prompt.split()[1]) == 12


def test_the_request_is_a_judges_and_wants_structured_output(tmp_path: Path) -> None:
    request = asked(tmp_path, POLITE, "hi", rubric("met"))
    assert (request.purpose, request.model) == ("judge", "claude-sonnet-4-6")
    opinion = schema(request)["properties"]["criterion_1"]
    assert list(opinion["properties"]) == ["reasoning", "verdict"]
    assert opinion["properties"]["verdict"]["enum"] == ["met", "not_met", "cannot_tell"]
    assert opinion["additionalProperties"] is schema(request)["additionalProperties"] is False


def test_the_static_part_comes_first_and_is_cached(tmp_path: Path) -> None:
    first, second = (asked(tmp_path, POLITE, text, rubric("met")) for text in ("hi", "bye"))
    assert first.params["system"] == second.params["system"]
    assert first.params["system"][0]["cache_control"] == {"type": "ephemeral"}
    assert "Is polite." in system_text(first)
    assert "hi" in user_text(first)
    assert "Say yes please." in user_text(first)


def test_a_judge_is_told_how_an_answer_ended(tmp_path: Path) -> None:
    cut = answer("hi", stop_reason="max_tokens")
    _, requests = run(tmp_path, POLITE, cut, rubric("met"))
    assert "The answer was cut off: its stop reason is `max_tokens`." in user_text(requests[1][0])


def test_criteria_are_templates_over_the_cases_vars(tmp_path: Path) -> None:
    request = asked(tmp_path, 'rubric: "Says {{ word }}."', "hi", rubric("met"))
    assert "1. Says yes please." in system_text(request)


def test_the_judges_parameters_are_its_own(tmp_path: Path) -> None:
    grader = "rubric: {criteria: x, params: {max_tokens: 99, output_config: {effort: low}}}"
    params = asked(tmp_path, grader, "hi", rubric("met")).params
    assert (params["max_tokens"], params["output_config"]["effort"]) == (99, "low")
    assert params["output_config"]["format"]["type"] == "json_schema"


@pytest.mark.parametrize(
    ("params", "version"),
    [("{temperature: 0}", SAMPLING_API_VERSION), ("{}", API_VERSION)],
    ids=["sampling", "without"],
)
def test_a_judge_that_samples_is_asked_by_the_old_version(
    tmp_path: Path, params: str, version: str
) -> None:
    grader = f"rubric: {{criteria: x, params: {params}}}"
    assert asked(tmp_path, grader, "hi", rubric("met")).api_version == version


@pytest.mark.parametrize(
    ("grader", "problem"),
    [
        pytest.param("rubric: []", "must not be an empty list", id="no criteria"),
        pytest.param("rubric: ''", "a criterion is empty", id="empty criterion"),
        pytest.param("rubric: [a, ' ']", "a criterion is empty", id="one empty criterion"),
        pytest.param("{rubric: x, min: 0}", "`min` must be above 0", id="min"),
        pytest.param("{rubric: x, judge: sonet}", "did you mean `sonnet`?", id="judge"),
        pytest.param("{rubric: x, params: {max_tokens: 0}}", "`max_tokens`", id="max_tokens"),
        pytest.param("{rubric: x, params: {max_tokens: 999999}}", "writes at most", id="too many"),
        pytest.param("{rubric: x, params: {system: x}}", "`system` does not belong", id="system"),
        pytest.param("{rubric: x, params: {tools: []}}", "a judge has no tools", id="tools"),
        pytest.param("{rubric: x, params: {temprature: 0}}", "no parameter", id="unknown"),
        pytest.param("{rubric: x, params: {output_config: {format: {}}}}", "has its own",
                     id="format"),
        pytest.param("{rubric: x, params: {output_config: low}}", "must be a mapping",
                     id="output_config"),
        pytest.param("{rubric: x, judge: claude-opus-5, params: {temperature: 0}}",
                     "does not accept `temperature`", id="sampling"),
        pytest.param("{rubric: x, prompt: gone.j2}", "'gone.j2' is not in", id="no prompt"),
        pytest.param("{rubric: x, prompt: ../s.yaml}", "outside the suite's folder", id="outside"),
        pytest.param("{reference: ''}", "`expected` is empty", id="nothing expected"),
        pytest.param("{reference: x, accept: [equal]}", "same, subset", id="accept"),
    ],
)  # fmt: skip
def test_a_judge_that_cannot_be_asked_is_an_error_before_anything_is_sent(
    tmp_path: Path, grader: str, problem: str
) -> None:
    (found,) = problems(tmp_path, suite_text(grader))
    assert problem in found
    assert found.startswith(("s.yaml:7:5: `rubric`", "s.yaml:7:5: `reference`"))


@pytest.mark.parametrize(
    ("prompt", "problem"),
    [
        ("{{ answr }}\n---\nx", "prompt 'own.j2', line 1: undefined: 'answr'"),
        ("a\n---\n\n{{ x }}", "prompt 'own.j2', line 4: undefined: 'x'"),
        ("{{ answer }}\n---\nx", "line 1: undefined: 'answer'"),
        ("x\n---\ny", "never shows `{{ answer }}`; write it below the line `---`"),
        ("{% if %}\n---\nx", "line 1: template syntax"),
        ("{{ criteria }} {{ answer }}", "'own.j2' has no line `---`"),
        ("x\n---\n{{ answer }}", "does not show all `{{ criteria }}`"),
        ("{{ criteria[0] }}\n---\n{{ answer }}", "does not show all `{{ criteria }}`"),
    ],
    ids=[
        *("undefined", "line", "above", "no answer", "syntax", "no border", "no criteria"),
        "one of two criteria",
    ],
)
def test_a_prompt_that_cannot_be_used_is_an_error_with_its_line(
    tmp_path: Path, prompt: str, problem: str
) -> None:
    grader = "{rubric: [x, y], prompt: own.j2}"
    assert problem in problems(tmp_path, suite_text(grader), own_j2=prompt)[0]


def test_a_prompt_of_the_users_own_is_used_and_told(tmp_path: Path) -> None:
    grader = "{rubric: Wit., prompt: own.j2}"
    request = asked(tmp_path, grader, "hi", rubric("met"), own_j2=OWN)
    assert system_text(request) == "Judge by Wit."
    assert user_text(request).startswith("The answer: <answer-")
    grade = graded(tmp_path, grader, "hi", rubric("met"), own_j2=OWN)
    changed = graded(tmp_path, grader, "hi", rubric("met"), own_j2=OWN + "!")
    assert "own.j2" in grade.judge
    assert grade.judge != changed.judge


def test_a_prompt_with_nothing_above_its_border_has_no_static_part(tmp_path: Path) -> None:
    grader, own = "{rubric: Wit., prompt: own.j2}", "---\n{{ criteria | upper }} {{ answer }}"
    request = asked(tmp_path, grader, "hi", rubric("met"), own_j2=own)
    assert "system" not in request.params


@pytest.mark.parametrize("grader", [POLITE, "reference: Yes."], ids=["rubric", "reference"])
def test_a_verdict_that_is_none_is_shown_as_the_json_that_it_is(
    tmp_path: Path, grader: str
) -> None:
    said = '{"verdict": null, "x": true}'
    assert said in graded(tmp_path, grader, "hi", said).reason


@pytest.mark.parametrize(
    ("accept", "word", "passed"),
    [
        ("[same]", "same", True),
        ("[same]", "superset", False),
        ("[same, superset]", "superset", True),
        ("subset", "subset", True),
        ("[same, subset, superset]", "contradicts", False),
        ("irrelevant", "irrelevant", True),
    ],
)
def test_a_reference_passes_by_the_relations_that_are_accepted(
    tmp_path: Path, accept: str, word: str, passed: bool
) -> None:
    grader = f"{{reference: 'Yes, please.', accept: {accept}}}"
    assert graded(tmp_path, grader, "hi", one(word)).passed is passed


def test_a_reference_says_what_was_wanted(tmp_path: Path) -> None:
    grade = graded(tmp_path, "reference: Yes.", "hi", one("subset", "half is missing"))
    assert grade.reason == "subset, wanted same: half is missing"


def test_a_judge_cannot_tell_about_a_reference(tmp_path: Path) -> None:
    assert graded(tmp_path, "reference: Yes.", "hi", one("cannot_tell")).broken


def test_a_candidate_that_judges_itself_is_told_apart(tmp_path: Path) -> None:
    from suite_making import registry

    from harness.workshop import Workshop

    suite = loaded(tmp_path, suite_text("{rubric: x, judge: haiku}"))
    workshop = Workshop(suite, registry(tmp_path))
    assert workshop.self_judged() == []
    workshop.grader(suite.script.graders[0], {})
    (warning,) = workshop.self_judged()
    assert warning.startswith("haiku: claude-haiku-4-5-20251001 is also the judge")


def test_a_sound_suite_with_judges_has_no_problems(tmp_path: Path) -> None:
    assert not checked(tmp_path, suite_text("{rubric: x, judge: opus}")).problems


def test_a_judge_writes_no_more_than_its_model_can(tmp_path: Path) -> None:
    from dataclasses import replace

    from suite_making import registry

    from harness.workshop import Workshop

    known = registry(tmp_path)
    small = replace(
        known, models={**known.models, "claude-s": Model("claude-s", max_output_tokens=9)}
    )
    workshop = Workshop(loaded(tmp_path, suite_text(POLITE)), small)
    request = workshop.judge_request("claude-s", {}, {}, system="", user="x")
    assert request.params["max_tokens"] == 9


def test_a_judge_in_a_turn_is_kept_where_a_later_turn_is_not_answered(tmp_path: Path) -> None:
    turns = HEAD.replace('prompt: "Say {{ word }}."\n', "").replace(
        "[{id: a}]", "[{id: a, turns: [{user: one, graders: [{rubric: x}]}, {user: two}]}]"
    )
    trial = trial_of(loaded(tmp_path, f"{turns}  - contains: x\n"))
    gone = Missing("overloaded_error", "no")
    result, _ = driven(trial, ["hi", rubric("met"), gone])
    assert result.outcome is Outcome.ERRORED
    assert len(result.calls_for("judge")) == 1
