"""What the built-in simulator is told to answer: a script beside a suite, and the expected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from suite_making import HEAD, loaded, registry, trial_of

from harness.errors import SuiteError
from harness.offline import script_of, script_path, warnings_of
from harness.prompt import Composer
from harness.simulator import Entry, fingerprint
from harness.suite import Suite

TEXT = (
    HEAD.replace("[haiku]", "[haiku, opus, {model: opus, name: low, params: {max_tokens: 9}}]")
    + "cases:\n  - {id: a, vars: {word: one, expected: yes-a}}\n  - {id: b, vars: {word: two}}\n"
)


def suite_with(folder: Path, answers: str | None, text: str = TEXT) -> Suite:
    """The suite, with a script beside it."""
    if answers is not None:
        (folder / "answers.yaml").write_text(answers, encoding="utf-8")
    return loaded(folder, text)


def entry(suite: Suite, case: int = 0) -> Entry:
    """What the simulator knows of a case's first request."""
    script, _digest = script_of([suite], registry(suite.folder))
    trial = trial_of(suite, case=case)
    composer = Composer(suite, registry(suite.folder))
    prompt = composer.opening(trial.case, trial.candidate)
    prompt.say(composer.first(trial.case, trial.script.prompts[None]))
    return script.entries[fingerprint(prompt.request().params)]


def texts(suite: Suite, case: int = 0) -> dict[str, list[str]]:
    """The scripted texts by model."""
    return {
        model: ["".join(b["text"] for b in reply.blocks) for reply in replies]
        for model, replies in entry(suite, case).replies.items()
    }


HAIKU, OPUS = "claude-haiku-4-5-20251001", "claude-opus-4-6"


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        pytest.param("{a: {haiku: x}}", {HAIKU: ["x"]}, id="by alias"),
        pytest.param(f"{{a: {{{OPUS}: x}}}}", {OPUS: ["x"]}, id="by id"),
        pytest.param("{a: {'*': x}}", {HAIKU: ["x"], OPUS: ["x"]}, id="any model"),
        pytest.param("{'*': {haiku: x}}", {HAIKU: ["x"]}, id="any case"),
        pytest.param("{a: {haiku: x}, '*': {'*': y}}", {HAIKU: ["x"], OPUS: ["y"]},
                     id="the nearest first"),
        pytest.param("{b: {haiku: x}}", {}, id="another case"),
        pytest.param("{a: {haiku: '{{ word }} of {{ expected }}'}}", {HAIKU: ["one of yes-a"]},
                     id="template"),
        pytest.param("{a: {haiku: [x, '{{ word }}']}}", {HAIKU: ["x", "one"]}, id="one a call"),
        pytest.param("{a: {haiku: '{{ [1, 2] }}'}}", {HAIKU: ["[1,2]"]}, id="data is written out"),
        pytest.param("{a: {haiku: 42}}", {HAIKU: ["42"]}, id="number"),
    ],
)  # fmt: skip
def test_an_answer_is_found_by_case_and_model(
    tmp_path: Path, answers: str, expected: dict[str, list[str]]
) -> None:
    assert texts(suite_with(tmp_path, f"answers: {answers}\n")) == expected


def test_without_a_script_the_expected_answer_and_its_choices_are_known(tmp_path: Path) -> None:
    text = TEXT.replace("word: one,", "word: one, queues: [yes-a, no-b],")
    found = entry(suite_with(tmp_path, None, text))
    assert (found.replies, found.expected, found.choices) == ({}, "yes-a", ("yes-a", "no-b"))


def test_where_nothing_is_expected_nothing_is_known(tmp_path: Path) -> None:
    found = entry(suite_with(tmp_path, None), case=1)
    assert (found.expected, found.choices) == (None, ())


def test_a_suites_own_script_goes_before_the_folders(tmp_path: Path) -> None:
    suite = suite_with(tmp_path, "answers: {a: {haiku: shared}}\n")
    own = tmp_path / "s.answers.yaml"
    own.write_text("answers: {a: {haiku: own}}\n", encoding="utf-8")
    assert script_path(suite) == own
    assert texts(suite) == {HAIKU: ["own"]}


def test_entries_of_several_suites_are_one_mapping(tmp_path: Path) -> None:
    texts = [TEXT, TEXT.replace("Say", "Tell").replace("suite: t", "suite: u")]
    suites = []
    for name, text in zip(("one", "two"), texts, strict=True):
        (tmp_path / name).mkdir()
        suites.append(loaded(tmp_path / name, text))
    entries = script_of(suites, registry(tmp_path))[0].entries
    assert len(entries) == len(list(entries)) == 4
    assert "unknown" not in entries


def test_the_digest_changes_with_the_script_alone(tmp_path: Path) -> None:
    def digest(answers: str) -> str:
        return script_of([suite_with(tmp_path, answers)], registry(tmp_path))[1]

    one, other = "answers: {a: {haiku: x}}\n", "answers: {a: {haiku: y}}\n"
    assert digest(one) == digest(one) != digest(other)


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        pytest.param("a: b\n", "1:1: no script of answers; write `answers:", id="no answers"),
        pytest.param("answers: [a]\n", "1:1: no script of answers", id="list"),
        pytest.param("answers:\n  a: text\n", "2:3: the answers of case 'a' are a mapping",
                     id="no models"),
        pytest.param("answers:\n  a:\n    haiku:\n", "3:5: nothing is answered by 'haiku'",
                     id="nothing"),
        pytest.param("answers:\n  a: {haiku: '{{ gone }}'}\n", "2:7: undefined: 'gone'",
                     id="undefined"),
        pytest.param("answers:\n  a: {haiku: {txt: x}}\n", "2:7: ", id="reply"),
        pytest.param("answers: {a: yes}\n", "1:14: `yes` is a boolean to YAML", id="boolean"),
    ],
)  # fmt: skip
def test_a_script_that_cannot_be_meant_is_an_error_at_its_place(
    tmp_path: Path, answers: str, problem: str
) -> None:
    suite = suite_with(tmp_path, answers)
    with pytest.raises(SuiteError) as caught:
        script_of([suite], registry(tmp_path))
    assert str(caught.value).startswith(f"{tmp_path}/answers.yaml:{problem}")


def test_everything_that_is_wrong_in_a_script_is_said_at_once(tmp_path: Path) -> None:
    answers = "answers:\n  a: {haiku: '{{ x }}'}\n  b: {haiku: '{{ y }}'}\n"
    with pytest.raises(SuiteError) as caught:
        script_of([suite_with(tmp_path, answers)], registry(tmp_path))
    assert [p.place.line for p in caught.value.problems if p.place] == [2, 3]


def test_blocks_are_answered_verbatim(tmp_path: Path) -> None:
    block: dict[str, Any] = {"type": "tool_use", "id": "t1", "name": "stock", "input": {"n": 1}}
    answers = (
        "answers: {a: {haiku: {blocks: [{type: tool_use, id: t1, name: stock, input: {n: 1}}]}}}\n"
    )
    (reply,) = entry(suite_with(tmp_path, answers)).replies[HAIKU]
    assert [dict(each) for each in reply.blocks] == [block]


@pytest.mark.parametrize(
    ("answers", "warning"),
    [
        pytest.param("{a: {low: x, '*': y}, '*': {opus: z}}", None, id="all are known"),
        pytest.param("{aa: {haiku: x}}", "1:11: no case has the id 'aa'; did you mean `a`?",
                     id="case"),
        pytest.param("{a: {haikku: x}}", "1:15: 'haikku' is no candidate and no model; did you "
                     "mean `haiku`?", id="model"),
        pytest.param("{a: {sonnet: x}}", None, id="a model that is not asked now"),
    ],
)  # fmt: skip
def test_an_answer_that_nobody_will_give_is_a_warning(
    tmp_path: Path, answers: str, warning: str | None
) -> None:
    suite = suite_with(tmp_path, f"answers: {answers}\n")
    found = warnings_of([suite], registry(tmp_path))
    start = f"{tmp_path}/answers.yaml:{warning}"
    assert [each[: len(start)] for each in found] == ([start] if warning else [])


def test_answers_of_several_suites_are_looked_up_in_all_of_them(tmp_path: Path) -> None:
    suite = suite_with(tmp_path, "answers: {a: {haiku: x}, other: {haiku: y}}\n")
    assert len(warnings_of([suite], registry(tmp_path))) == 1
    (tmp_path / "second.yaml").write_text(TEXT.replace("suite: t", "suite: u"), encoding="utf-8")
    assert warnings_of([suite], registry(tmp_path)) == []


def test_without_a_script_there_is_nothing_to_warn_of(tmp_path: Path) -> None:
    assert warnings_of([suite_with(tmp_path, None)], registry(tmp_path)) == []
