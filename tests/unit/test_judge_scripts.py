"""What scripted judges say in an offline run: by case and candidate, in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from judge_making import HEAD
from suite_making import loaded, registry

from harness.errors import SuiteError
from harness.graders.judge_asking import object_schema, opinion_schema
from harness.offline import script_of, warnings_of
from harness.simulator.script import Reply, ReplyError
from harness.simulator.verdicts import verdict_reply
from harness.suite import Suite

ONE = opinion_schema(("same", "subset"))
PAIR = opinion_schema(("first", "second", "tie"))
TWO = object_schema(dict.fromkeys(("criterion_1", "criterion_2"), opinion_schema(("met",))))
SUITE = HEAD + "  - rubric: x\n  - pairwise: {against: {text: Yes.}}\n"
ANSWERS = "answers: {a: {'*': hi}}\n"


def verdicts(reply: Reply) -> list[str]:
    """The verdicts in a reply, in order."""
    said: dict[str, Any] = json.loads(reply.blocks[0]["text"])
    parts = [said] if "verdict" in said else list(said.values())
    return [part["verdict"] for part in parts]


def with_script(folder: Path, judges: str, text: str = SUITE) -> Suite:
    (folder / "answers.yaml").write_text(f"{ANSWERS}judges: {judges}\n", encoding="utf-8")
    return loaded(folder, text)


def said(folder: Path, judges: str, text: str = SUITE) -> list[list[str]]:
    """The verdicts that the simulator will give, judge by judge."""
    suite = with_script(folder, judges, text)
    entries = list(script_of([suite], registry(folder))[0].entries.values())
    replies = [reply for entry in entries for (reply,) in entry.replies.values()]
    return [verdicts(reply) for reply in replies if "verdict" in str(reply.blocks)]


@pytest.mark.parametrize(
    ("value", "schema", "expected"),
    [
        ("same", ONE, ["same"]),
        ("met", TWO, ["met", "met"]),
        ({"verdicts": ["met", "cannot_tell"]}, TWO, ["met", "cannot_tell"]),
        ({"verdict": "subset", "reasoning": "half"}, ONE, ["subset"]),
        ("win", PAIR, ["first"]),
        ("loss", PAIR, ["second"]),
        ("first", PAIR, ["first"]),
    ],
    ids=["word", "one for all", "each its own", "mapping", "win", "loss", "as it is"],
)
def test_a_verdict_in_words_becomes_what_the_schema_asks_for(
    value: object, schema: dict[str, Any], expected: list[str]
) -> None:
    assert verdicts(verdict_reply(value, schema)) == expected


def test_winning_is_the_second_where_the_candidate_is_shown_second() -> None:
    assert verdicts(verdict_reply("win", PAIR, 1)) == ["second"]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("mett", "a `rubric` or `panel` cannot say 'mett'; it can say met, cannot_tell"),
        ({"verdicts": ["met"]}, "a list of 2 here"),
        ({"verdict": "met", "why": "x"}, "has no key `why`"),
        (3, "a verdict or a mapping"),
    ],
    ids=["unknown", "too few", "key", "number"],
)
def test_a_verdict_that_the_judge_cannot_give_is_an_error(value: object, problem: str) -> None:
    with pytest.raises(ReplyError, match=problem):
        verdict_reply(value, TWO)


def test_a_judge_may_be_scripted_to_say_nonsense() -> None:
    assert verdict_reply({"text": "Sure!"}, ONE).blocks[0]["text"] == "Sure!"
    assert verdict_reply({"status": 529}, ONE).status == 529


@pytest.mark.parametrize(
    ("judges", "expected"),
    [
        ("{a: {haiku: {verdict: cannot_tell}}}", [["cannot_tell"]] * 3),
        ("{a: {haiku: [met, win]}}", [["met"], ["first"], ["second"]]),
        ("{a: {haiku: [met, first, tie]}}", [["met"], ["first"], ["tie"]]),
        ("{'*': {'*': [\"{{ 'met' }}\", tie]}}", [["met"], ["tie"], ["tie"]]),
        ("{b: {haiku: met}}", []),
    ],
    ids=["one for all", "the last is repeated", "one each", "anywhere", "another case"],
)
def test_judges_are_scripted_by_case_and_candidate(
    tmp_path: Path, judges: str, expected: list[list[str]]
) -> None:
    assert said(tmp_path, judges) == expected


def test_judges_of_one_model_in_a_case_of_another_say_nothing(tmp_path: Path) -> None:
    text = SUITE.replace("- rubric: x\n  ", "").replace("{text: Yes.}", "haiku")
    assert said(tmp_path, "{a: {haiku: win}}", text) == []


@pytest.mark.parametrize(
    ("judges", "problem"),
    [
        ("{a: {haiku: same}}", "2:14: the judge of a `rubric` or `panel` cannot say 'same'"),
        ("{a: {haiku: [met, met]}}", "2:27: the judge of a `pairwise` cannot say 'met'"),
        ("{a: {haiku: [met, met]}}", "(case 'a', question 2 of the trial's judges)"),
        ("[a]", "2:1: `judges` is a mapping"),
        ("{a: met}", "2:10: the answers of case 'a' are a mapping"),
        ("{a: {haiku: '{{ gone }}'}}", "2:14: undefined: 'gone'"),
    ],
    ids=["verdict", "item", "question", "list", "no candidate", "undefined"],
)
def test_a_script_of_judges_that_cannot_be_meant_is_an_error_at_its_place(
    tmp_path: Path, judges: str, problem: str
) -> None:
    suite = with_script(tmp_path, judges)
    with pytest.raises(SuiteError) as caught:
        script_of([suite], registry(tmp_path))
    assert problem in str(caught.value)


def test_a_verdict_that_nobody_will_ask_for_is_a_warning(tmp_path: Path) -> None:
    suite = with_script(tmp_path, "{aa: {haiku: met}, a: {haikku: met}}")
    found = warnings_of([suite], registry(tmp_path))
    assert ["no case has the id 'aa'" in found[0], "'haikku' is no candidate" in found[1]] == [1, 1]
