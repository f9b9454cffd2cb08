"""What is wrong with a suite's shape: every place, problem and way out."""

from __future__ import annotations

from pathlib import Path

import pytest
from suite_making import HEAD, problems

CASE = "cases:\n  - id: a\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(HEAD + "promt: x\n" + CASE, "7:1: unknown key `promt`; did you mean `prompt`?",
                     id="suite"),
        pytest.param(HEAD + "cases:\n  - idd: a\n", "8:5: unknown key `idd`; did you mean `id`?",
                     id="case"),
        pytest.param(HEAD + "gates:\n  - pass_rte: {min: 1}\n" + CASE,
                     "8:5: unknown key `pass_rte`; did you mean `pass_rate`?", id="gate"),
        pytest.param(HEAD + "gates:\n  - pass_rate: {mni: 1}\n" + CASE,
                     "8:17: unknown key `mni`; did you mean `min`?; known here: min, max",
                     id="gate bounds"),
        pytest.param(HEAD + "gates:\n  - regression: {margin: 0.1, x: 1}\n" + CASE,
                     "8:31: unknown key `x`; known here: margin", id="margin"),
        pytest.param(HEAD.replace("[haiku]", "[{model: haiku, prams: {}}]") + CASE,
                     "2:25: unknown key `prams`; did you mean `params`?", id="candidate"),
        pytest.param(HEAD.replace('"Say {{ word }}."', "{file: p.md, x: 1}") + CASE,
                     "3:22: unknown key `x`; known here: file", id="file"),
        pytest.param(HEAD + CASE + "    turns: [{user: a, grader: []}]\n",
                     "9:23: unknown key `grader`; did you mean `graders`?", id="turn"),
        pytest.param(HEAD + CASE + "    messages: [{role: user, content: a, x: 1}]\n",
                     "9:41: unknown key `x`; known here: role, content", id="message"),
        pytest.param(HEAD + "cases:\n  - data: {sqlite: a, query: b, x: 1}\n",
                     "8:33: unknown key `x`; known here: sqlite, query", id="query"),
        pytest.param(HEAD + "cases:\n  - data: {python: a, x: 1}\n",
                     "8:23: unknown key `x`; known here: python", id="function"),
    ],
)  # fmt: skip
def test_an_unknown_key_is_named_where_it_stands(tmp_path: Path, text: str, problem: str) -> None:
    found = problems(tmp_path, text)
    assert any(each.startswith(f"s.yaml:{problem}") for each in found)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        pytest.param("id: 1.10", '8:5: `id` must be a text, not `1.10`, which is a number to YAML; '
                     'write "1.10" to mean the text', id="number as id"),
        pytest.param("id: true", '`id` must be a text, not `true`, which is a boolean to YAML; '
                     'write "true"', id="boolean as id"),
        pytest.param("tags: [a, 3]", '8:15: entry 2 of `tags` must be a text, not `3`', id="tag"),
        pytest.param("tags: a", "8:5: `tags` must be a list, not 'a'", id="no list"),
        pytest.param("vars: [1]", "8:5: `vars` must be a mapping, not a list", id="no mapping"),
        pytest.param("prompt: ''", "`prompt` must be a text that is not empty, not ''", id="empty"),
        pytest.param("prompt: 17", '`prompt` must be a text, not `17`', id="prompt"),
        pytest.param("prompt: []", "`prompt` is empty; write at least one entry", id="no block"),
        pytest.param("turns: []", "`turns` is empty; write at least one entry", id="no turn"),
        pytest.param("turns: [{}]", "`user` is missing; write `user: …` here", id="missing"),
        pytest.param("repeats: 0", "8:5: `repeats` must be at least 1, not 0", id="too small"),
        pytest.param("repeats: two", "`repeats` must be a whole number, not 'two'", id="no number"),
        pytest.param("repeats: 2.5", "`repeats` must be a whole number, not 2.5", id="fraction"),
        pytest.param("messages: [{role: bot, content: a}]",
                     "`role` must be 'user', 'assistant' or 'system', not 'bot'", id="role"),
        pytest.param("id: " + "x" * 201, "`id` must be at most 200 characters long", id="long"),
        pytest.param("tags:", "8:5: nothing stands under `tags`; write a list, or take the key out",
                     id="nothing"),
    ],
)  # fmt: skip
def test_a_value_of_a_wrong_shape_says_what_it_must_be(
    tmp_path: Path, line: str, problem: str
) -> None:
    (found,) = problems(tmp_path, f"{HEAD}cases:\n  - {line}\n")
    assert problem in found


def test_a_number_where_no_text_is_meant_is_not_told_to_be_quoted(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, HEAD + "pass_score: 2\n" + CASE)
    assert found == "s.yaml:7:1: `pass_score` must be at most 1.0, not 2"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("", "s.yaml:1:1: the file is empty; a suite begins with `suite:", id="empty"),
        pytest.param("- a\n", "s.yaml:1:1: the file is not a mapping", id="list"),
        pytest.param("a: 1\n", "s.yaml:1:1: `suite: NAME` is missing at the top", id="other"),
        pytest.param("suite: t\n", "s.yaml:1:1: `cases` is missing", id="no cases"),
        pytest.param(HEAD + "cases: []\n", "s.yaml:7:1: `cases` is empty", id="empty cases"),
        pytest.param(HEAD + "cases:\n", "s.yaml:7:1: nothing stands under `cases`", id="nothing"),
    ],
)
def test_a_file_that_is_no_suite_says_what_one_needs(
    tmp_path: Path, text: str, problem: str
) -> None:
    assert problems(tmp_path, text)[0].startswith(problem)


def test_shape_yaml_and_template_errors_are_said_at_once_by_line(tmp_path: Path) -> None:
    text = HEAD + "mood: bad\ncases:\n  - id: yes\n  - id: b\n    prompt: '{{ wrd }}'\n"
    found = problems(tmp_path, text)
    assert [problem.split(": ")[0] for problem in found] == [
        "s.yaml:7:1", "s.yaml:9:9", "s.yaml:11:5",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "broken",
    ["gates: [{pass_rate: no}]", "repeats: 0", "cache: 2h"],
    ids=["gate", "repeats", "cache"],
)
def test_a_part_of_a_wrong_shape_hides_nothing_of_the_cases(tmp_path: Path, broken: str) -> None:
    text = f"{HEAD}{broken}\ncases:\n  - id: b\n    prompt: '{{{{ wrd }}}}'\n"
    first, second = problems(tmp_path, text)
    assert first.startswith("s.yaml:7:")
    assert "'wrd' is undefined" in second


def test_a_case_of_a_wrong_shape_hides_nothing_of_the_others(tmp_path: Path) -> None:
    text = HEAD + (
        "cases:\n  - {id: a, tags: 3}\n  - 7\n  - {id: b, prompt: '{{ wrd }}'}\n"
        "  - {id: b}\n  - {id: c, graders: [{regex: '('}]}\n"
    )
    found = problems(tmp_path, text)
    assert [problem.split(":")[1] for problem in found] == ["8", "9", "10", "11", "12"]
    assert "'wrd' is undefined" in found[2]
    assert "the id 'b' is taken" in found[3]


def test_of_an_only_case_of_a_wrong_shape_nothing_more_is_said(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, HEAD.replace("{word: yes please}", "{}") + "cases: [{id: 7}]\n")
    assert "`id` must be a text" in found


def test_what_lacks_beside_an_unknown_key_is_not_said_too(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, HEAD.replace("graders:", "grader:") + CASE)
    assert "unknown key `grader`; did you mean `graders`?" in found
