"""The hash of what a case tests: what changes it, and what is under test and does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from suite_making import driven, loaded, registry, trial_of

from harness.fingerprint import content_of
from harness.prompt import Composer

SUITE = """\
suite: t
models: [haiku]
prompt: "Where does {{ message }} go?"
system: You route messages.
params: {max_tokens: 16}
vars: {company: Acme}
graders:
  - equals: "{{ expected }}"
cases:
  - id: a
    vars: {message: hello, expected: sales}
"""


def hashed(folder: Path, text: str = SUITE, **files: str) -> str:
    suite = loaded(folder, text, **files)
    composer = Composer(suite, registry(folder))
    return content_of(
        suite.cases[-1], composer, lambda spec, scope: composer.rendered(spec.item, scope)
    )


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("Where does", "To whom does"),
        ("You route messages.", "You are a router."),
        ("max_tokens: 16", "max_tokens: 64"),
        ("[haiku]", "[sonnet, opus]"),
        ("id: a", "id: b"),
        ('equals: "{{ expected }}"', 'equals: "{{ expected }}"\n    name: right queue'),
        ("    vars:", "    tags: [x]\n    repeats: 3\n    vars:"),
    ],
    ids=["prompt", "system", "parameters", "models", "id", "a grader's name", "tags and repeats"],
)
def test_what_is_under_test_leaves_a_case_as_it_is(tmp_path: Path, was: str, now: str) -> None:
    assert hashed(tmp_path) == hashed(tmp_path, SUITE.replace(was, now)) != ""


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("expected: sales", "expected: billing"),
        ("message: hello", "message: good-bye"),
        ("equals:", "contains:"),
        ('equals: "{{ expected }}"', 'equals: {text: "{{ expected }}", ignore_case: true}'),
        ('equals: "{{ expected }}"', 'equals: "{{ expected }}"\n    weight: 2'),
        ("graders:", "pass_score: 0.5\ngraders:"),
        ("    vars:", "    prompt: Another question.\n    vars:"),
        ("    vars:", "    system: Be brief.\n    vars:"),
        ("    vars:", "    turns: [{user: Hi.}]\n    vars:"),
    ],
    ids=[
        "expected value", "input", "grader", "a grader's option", "weight", "pass score",
        "own prompt", "own system", "own turns",
    ],
)  # fmt: skip
def test_what_a_case_tests_changes_its_hash(tmp_path: Path, was: str, now: str) -> None:
    assert hashed(tmp_path) != hashed(tmp_path, SUITE.replace(was, now))


def test_a_grader_in_python_is_its_file(tmp_path: Path) -> None:
    text = SUITE.replace('equals: "{{ expected }}"', "python: own.py:grade")
    before = hashed(tmp_path, text, own_py="def grade(text):\n    return True\n")
    after = hashed(tmp_path, text, own_py="def grade(text):\n    return 'x' in text\n")
    assert before != after


def test_a_judge_is_the_model_behind_its_alias(tmp_path: Path) -> None:
    text = SUITE.replace(
        'equals: "{{ expected }}"', "rubric: {criteria: Names a queue., judge: JUDGE}"
    )
    sonnet, opus = (hashed(tmp_path, text.replace("JUDGE", judge)) for judge in ("sonnet", "opus"))
    assert sonnet != opus


def test_a_row_put_in_above_changes_no_other(tmp_path: Path) -> None:
    text = SUITE.split("cases:", maxsplit=1)[0] + (
        'cases:\n  - data: d.csv\n    vars: {message: "{{ row.m }}", expected: "{{ row.e }}"}\n'
    )
    before = hashed(tmp_path, text, d_csv="id,m,e\n7,hello,sales\n")
    after = hashed(tmp_path, text, d_csv="id,m,e\n6,bye,billing\n7,hello,sales\n")
    assert before == after != ""


def test_a_result_carries_the_hash_of_its_case(tmp_path: Path) -> None:
    suite = loaded(tmp_path, SUITE)
    result, _ = driven(trial_of(suite), ["sales"])
    assert result.content == hashed(tmp_path)
