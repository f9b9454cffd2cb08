"""From a file to a suite: candidates, scripts, gates, and what cannot be meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from suite_making import HEAD, loaded, problems, registry, write

from harness.errors import SuiteError
from harness.load import load
from harness.records import Gate

CASE = "cases:\n  - id: a\n"


def names(folder: Path, text: str, models: list[str] | None = None) -> list[str]:
    (suite,) = load([write(folder, text)], registry(folder), models=models)
    return [candidate.name for candidate in suite.candidates]


def test_a_model_is_a_candidate_under_the_name_it_was_given(tmp_path: Path) -> None:
    suite = loaded(tmp_path, HEAD.replace("[haiku]", "[haiku, claude-opus-4-6]") + CASE)
    assert [(c.name, c.model) for c in suite.candidates] == [
        ("haiku", "claude-haiku-4-5-20251001"),
        ("claude-opus-4-6", "claude-opus-4-6"),
    ]


def test_a_candidate_has_a_name_and_params_of_its_own(tmp_path: Path) -> None:
    written = "[{model: opus, name: low, params: {max_tokens: 5}}, opus]"
    suite = loaded(tmp_path, HEAD.replace("[haiku]", written) + CASE)
    assert [(c.name, c.params) for c in suite.candidates] == [
        ("low", {"max_tokens": 5}),
        ("opus", {}),
    ]


def test_each_prompt_variant_makes_a_candidate(tmp_path: Path) -> None:
    text = HEAD.replace('prompt: "Say {{ word }}."', "prompts: {short: a, long: b}") + CASE
    assert names(tmp_path, text.replace("[haiku]", "[haiku, opus]")) == [
        "haiku/short", "haiku/long", "opus/short", "opus/long",
    ]  # fmt: skip


def test_a_suite_without_models_has_the_default_one(tmp_path: Path) -> None:
    text = HEAD.replace("models: [haiku]\n", "") + CASE
    assert names(tmp_path, text) == ["sonnet"]


def test_models_from_outside_replace_the_suites_own_but_keep_their_params(tmp_path: Path) -> None:
    written = "[{model: opus, name: low, params: {max_tokens: 5}}, haiku]"
    path = write(tmp_path, HEAD.replace("[haiku]", written) + CASE)
    (suite,) = load([path], registry(tmp_path), models=["low", "sonnet"])
    assert [(c.name, c.params) for c in suite.candidates] == [
        ("low", {"max_tokens": 5}),
        ("sonnet", {}),
    ]


def test_the_suites_own_settings_are_kept(tmp_path: Path) -> None:
    more = "timeout_s: 9\npass_score: 0.5\nmax_tool_rounds: 3\ncache: 1h\nrepeats: 4\n"
    suite = loaded(tmp_path, HEAD + more + "description: ' about '\n" + CASE)
    assert (suite.timeout_s, suite.pass_score, suite.max_tool_rounds) == (9, 0.5, 3)
    assert (suite.script.cache, suite.script.repeats, suite.description) == ("1h", 4, "about")


def test_gates_are_a_metric_and_its_bounds(tmp_path: Path) -> None:
    gates = "gates:\n  - pass_rate: {min: 0.85}\n  - cost_usd: {max: 2}\n"
    suite = loaded(tmp_path, HEAD + gates + "  - regression: {margin: 0.03}\n" + CASE)
    assert suite.gates == (
        Gate("pass_rate", {"min": 0.85}),
        Gate("cost_usd", {"max": 2}),
        Gate("regression", {"margin": 0.03}),
    )


def test_a_prompt_may_be_a_file_of_the_folder(tmp_path: Path) -> None:
    text = HEAD.replace('"Say {{ word }}."', "{file: p.md}") + CASE
    suite = loaded(tmp_path, text, p_md="Say it.")
    assert suite.script.prompts[None].value == "Say it."
    assert suite.script.prompts[None].path == tmp_path / "p.md"


def test_a_case_overrides_what_it_names_and_keeps_the_rest(tmp_path: Path) -> None:
    case = "    prompt: mine\n    repeats: 3\n    graders: [json]\n"
    suite = loaded(tmp_path, HEAD + "system: all\n" + CASE + case + "  - id: b\n")
    own, other = (suite.script_of(case) for case in suite.cases)
    assert (own.prompts[None].value, own.repeats, own.graders[0].item.value) == ("mine", 3, "json")
    assert (own.system, other) == (suite.script.system, suite.script)


def test_a_cases_turns_replace_the_suites_prompt(tmp_path: Path) -> None:
    suite = loaded(tmp_path, HEAD + CASE + "    turns: [{user: one}, {user: two}]\n")
    script = suite.script_of(suite.cases[0])
    assert (script.prompts, [turn.user.value for turn in script.turns]) == ({}, ["one", "two"])


def test_a_cases_prompt_stands_for_every_variant(tmp_path: Path) -> None:
    text = HEAD.replace('prompt: "Say {{ word }}."', "prompts: {short: a, long: b}")
    suite = loaded(tmp_path, text + CASE + "    prompt: mine\n")
    assert {p.value for p in suite.script_of(suite.cases[0]).prompts.values()} == {"mine"}


def test_an_output_schema_is_asked_for_and_graded(tmp_path: Path) -> None:
    suite = loaded(tmp_path, HEAD + "output_schema: {type: object}\n" + CASE)
    format_ = suite.script.params[0].value["output_config"]["format"]
    assert format_ == {"type": "json_schema", "schema": {"type": "object"}}
    assert suite.script.graders[-1].item.value == {"json_schema": {"type": "object"}}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(HEAD.replace("[haiku]", "[haikuu]") + CASE,
                     "s.yaml:2:10: 'haikuu' names no model; did you mean `haiku`?", id="model"),
        pytest.param(HEAD.replace("[haiku]", "[opus, opus]") + CASE,
                     "s.yaml:2:16: two candidates are named 'opus'; give one a `name`", id="twins"),
        pytest.param(HEAD + "prompts: {a: b}\n" + CASE,
                     "s.yaml:7:1: `prompt` and `prompts` exclude each other", id="prompts"),
        pytest.param(HEAD + "turns: [{user: b}]\n" + CASE,
                     "s.yaml:7:1: `turns` and `prompt` exclude each other", id="turns"),
        pytest.param(HEAD + CASE + "    prompt: a\n    turns: [{user: b}]\n",
                     "s.yaml:10:5: `turns` and `prompt` exclude each other", id="a case's turns"),
        pytest.param("suite: t\nprompt: a\ncases:\n  - id: a\n",
                     "s.yaml:4:5: this case has no grader; write `graders:`", id="no grader"),
        pytest.param("suite: t\ngraders: [json]\ncases:\n  - id: a\n",
                     "s.yaml:4:5: this case has no prompt; write `prompt:`", id="no prompt"),
        pytest.param(HEAD + "gates: [{}]\n" + CASE,
                     "s.yaml:7:9: a gate needs a metric, such as", id="no metric"),
        pytest.param(HEAD + "gates: [{pass_rate: {}}]\n" + CASE,
                     "s.yaml:7:10: `pass_rate` needs `min` or `max`", id="no bound"),
        pytest.param(HEAD + "gates: [{pass_rate: {min: 80}}]\n" + CASE,
                     "s.yaml:7:22: `pass_rate`: `min: 80` is no share, which lies between 0 and 1; "
                     "write 0.8 for 80 %", id="percent"),
        pytest.param(HEAD + "gates: [{score: {max: 800}}]\n" + CASE,
                     "s.yaml:7:18: `score`: `max: 800` is no share, which lies", id="share"),
        pytest.param(HEAD + "gates: [{score: {min: -0.1}}]\n" + CASE,
                     "s.yaml:7:18: `score`: `min: -0.1` is no share", id="negative share"),
        pytest.param(HEAD + "gates: [{score: {min: .nan}}]\n" + CASE,
                     "s.yaml:7:18: `score`: `min: nan` is no share", id="no number"),
        pytest.param(HEAD + "gates: [{pass_rate: {min: 0.9, max: 0.8}}]\n" + CASE,
                     "s.yaml:7:22: `pass_rate`: `min: 0.9` is above `max: 0.8`", id="crossed"),
        pytest.param(HEAD + "gates: [{errors: {max: -1}}]\n" + CASE,
                     "s.yaml:7:19: `errors`: `max: -1` is no amount; write", id="negative"),
        pytest.param(HEAD + "gates: [{cost_usd: {max: .inf}}]\n" + CASE,
                     "s.yaml:7:21: `cost_usd`: `max: inf` is no amount", id="infinite"),
        pytest.param(HEAD + "system: {file: gone.md}\n" + CASE,
                     "s.yaml:7:10: file 'gone.md' is not in", id="file"),
        pytest.param(HEAD + "tools: [{name: a, reply: b, python: c.py:d}]\n" + CASE,
                     "s.yaml:7:29: `reply` and `python` exclude each other", id="tool"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_an_error_at_its_place(
    tmp_path: Path, text: str, problem: str
) -> None:
    assert any(found.startswith(problem) for found in problems(tmp_path, text))


def test_what_loading_and_checking_find_is_said_at_once_by_line(tmp_path: Path) -> None:
    text = HEAD.replace("[haiku]", "[haikuu]").replace("contains:", "contians:")
    found = problems(tmp_path, text + "cases:\n  - id: '{{ x }}'\n  - id: b\n")
    assert [problem.split(": ")[0] for problem in found] == [
        "s.yaml:2:10", "s.yaml:6:5", "s.yaml:8:5",
    ]  # fmt: skip


def test_every_file_is_loaded_before_its_problems_are_said(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(f"suite: {name}\nprmt: x\ncases: [{{id: a}}]\n")
    with pytest.raises(SuiteError) as caught:
        load([tmp_path], registry(tmp_path))
    files = {Path(str(p.place.path)).name for p in caught.value.problems if p.place}
    assert files == {"a.yaml", "b.yaml"}


def test_two_suites_of_one_name_are_an_error(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(HEAD + CASE)
    with pytest.raises(SuiteError, match=r"b.yaml:1:1: the suite 't' has the name of .*a.yaml"):
        load([tmp_path], registry(tmp_path))


def test_one_name_for_two_candidates_of_two_suites_is_an_error(tmp_path: Path) -> None:
    for name, model in (("a", "opus"), ("b", "sonnet")):
        text = HEAD.replace("suite: t", f"suite: {name}")
        text = text.replace("[haiku]", f"[{{model: {model}, name: x}}]")
        (tmp_path / f"{name}.yaml").write_text(text + CASE)
    with pytest.raises(SuiteError, match=r"candidate 'x' differs from the one in .*another `name`"):
        load([tmp_path], registry(tmp_path))


def test_the_digest_is_of_the_file_as_it_is(tmp_path: Path) -> None:
    first = loaded(tmp_path, HEAD + CASE).sha256
    assert loaded(tmp_path, HEAD + CASE + "# more\n").sha256 != first
