"""What is sent: rendered parts of a script put together into Messages requests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from suite_making import HEAD, answer, loaded, problems, registry, trial_of

from harness.prompt import Composer, merged_params, ttl_of, with_breakpoint
from harness.records import Request

CASE = "cases:\n  - id: a\n"


def opened(folder: Path, text: str, *, candidate: int = 0) -> Request:
    """The first request of a suite's first case."""
    suite = loaded(folder, text)
    trial = trial_of(suite, candidate=candidate)
    composer = Composer(suite, registry(folder))
    prompt = composer.opening(trial.case, trial.candidate)
    variants = trial.script.prompts
    if variants:
        written = variants.get(trial.candidate.prompt) or variants[None]
        prompt.say(composer.first(trial.case, written))
    return prompt.request()


def test_a_request_holds_model_params_and_prompt(tmp_path: Path) -> None:
    request = opened(tmp_path, HEAD + "system: Be {{ word }}.\nparams: {max_tokens: 9}\n" + CASE)
    assert request.params == {
        "model": "claude-haiku-4-5-20251001",
        "max_tokens": 9,
        "system": "Be yes please.",
        "messages": ({"role": "user", "content": "Say yes please."},),
    }


def test_the_candidates_params_stand_over_the_cases_over_the_suites(tmp_path: Path) -> None:
    models = "[{model: haiku, params: {top_k: 3}}]"
    text = HEAD.replace("[haiku]", models) + "params: {max_tokens: 1, top_k: 1}\n" + CASE
    params = opened(tmp_path, text + "    params: {max_tokens: 2, top_k: 2}\n").params
    assert (params["max_tokens"], params["top_k"]) == (2, 3)


def test_templates_in_params_are_rendered_the_candidates_too(tmp_path: Path) -> None:
    models = "[{model: haiku, params: {stop_sequences: ['{{ word }}']}}]"
    text = HEAD.replace("[haiku]", models) + "params: {max_tokens: '{{ 3 + 4 }}'}\n" + CASE
    params = opened(tmp_path, text).params
    assert (params["max_tokens"], params["stop_sequences"]) == (7, ["yes please"])


def test_parts_of_output_config_are_merged_and_other_params_replaced() -> None:
    layers: list[dict[str, Any]] = [
        {"output_config": {"format": 1}, "thinking": {"type": "adaptive"}},
        {"output_config": {"effort": "low"}, "thinking": {"type": "disabled"}},
    ]
    assert merged_params(layers) == {
        "max_tokens": 4096,
        "output_config": {"format": 1, "effort": "low"},
        "thinking": {"type": "disabled"},
    }


def test_a_given_history_stands_before_the_prompt(tmp_path: Path) -> None:
    history = (
        "messages:\n  - {role: user, content: hi}\n  - {role: assistant, content: '{{ word }}'}\n"
    )
    messages = opened(tmp_path, HEAD + history + CASE).params["messages"]
    assert [m["content"] for m in messages] == ["hi", "yes please", "Say yes please."]


def test_blocks_of_a_prompt_may_be_short_for_text(tmp_path: Path) -> None:
    text = HEAD.replace('"Say {{ word }}."', "[{text: '{{ word }}'}, {type: image, source: {}}]")
    (message,) = opened(tmp_path, text + CASE).params["messages"]
    assert message["content"] == [
        {"type": "text", "text": "yes please"},
        {"type": "image", "source": {}},
    ]


def test_each_variant_asks_its_own_prompt(tmp_path: Path) -> None:
    text = HEAD.replace('prompt: "Say {{ word }}."', "prompts: {short: a, long: b}") + CASE
    asked = [opened(tmp_path, text, candidate=n).params["messages"][0]["content"] for n in (0, 1)]
    assert asked == ["a", "b"]


def test_tools_are_sent_without_what_answers_them(tmp_path: Path) -> None:
    tools = (
        "tools: [{name: t, description: '{{ word }}', input_schema: {type: object}, reply: x}]\n"
    )
    assert opened(tmp_path, HEAD + tools + CASE).params["tools"] == [
        {"name": "t", "description": "yes please", "input_schema": {"type": "object"}}
    ]


def test_the_timeout_is_no_part_of_what_is_sent(tmp_path: Path) -> None:
    request = opened(tmp_path, HEAD + "timeout_s: 9\n" + CASE)
    assert request.timeout_s == 9
    assert "timeout_s" not in request.params


@pytest.mark.parametrize(
    ("params", "version"),
    [("{temperature: 0.5}", "2023-06-01"), ("{max_tokens: 5}", "2026-10-21")],
    ids=["sampling", "plain"],
)
def test_sampling_parameters_go_out_under_the_old_version(
    tmp_path: Path, params: str, version: str
) -> None:
    assert opened(tmp_path, f"{HEAD}params: {params}\n{CASE}").api_version == version


MARK = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}


@pytest.mark.parametrize(
    ("base", "marked"),
    [
        pytest.param({"system": "s", "tools": [{"name": "t"}]},
                     {"system": [{"type": "text", "text": "s", **MARK}], "tools": [{"name": "t"}]},
                     id="a system text"),
        pytest.param({"system": [{"text": "a"}, {"text": "b"}]},
                     {"system": [{"text": "a"}, {"text": "b", **MARK}]}, id="system blocks"),
        pytest.param({"tools": [{"name": "t"}, {"name": "u"}]},
                     {"tools": [{"name": "t"}, {"name": "u", **MARK}]}, id="tools alone"),
        pytest.param({"model": "m"}, {"model": "m", **MARK}, id="neither"),
    ],
)  # fmt: skip
def test_the_breakpoint_stands_after_system_and_tools(
    base: dict[str, Any], marked: dict[str, Any]
) -> None:
    before = repr(base)
    assert with_breakpoint(base, "1h") == marked
    assert repr(base) == before


def test_an_empty_answer_leaves_nothing_to_hear(tmp_path: Path) -> None:
    suite = loaded(tmp_path, HEAD + CASE)
    prompt = Composer(suite, registry(tmp_path)).opening(suite.cases[0], suite.candidates[0])
    prompt.hear(answer().content)
    prompt.hear(answer("a").content)
    assert prompt.messages == [{"role": "assistant", "content": [{"type": "text", "text": "a"}]}]


def test_what_all_candidates_are_asked_is_rendered_once_a_case(tmp_path: Path) -> None:
    suite = loaded(tmp_path, HEAD + "system: [{text: '{{ word }}'}]\n" + CASE)
    composer = Composer(suite, registry(tmp_path))
    case, candidate = suite.cases[0], suite.candidates[0]
    first, second = (composer.opening(case, candidate).base["system"] for _ in range(2))
    assert first is second


def test_what_no_variable_changes_is_put_together_once_a_candidate(tmp_path: Path) -> None:
    suite = loaded(tmp_path, HEAD + "system: Be kind.\n" + CASE + "  - id: b\n")
    composer = Composer(suite, registry(tmp_path))
    first, second = (composer.opening(case, suite.candidates[0]).base for case in suite.cases)
    assert first is second


@pytest.mark.parametrize(
    "own",
    [
        pytest.param("system: Be brief.", id="system"),
        pytest.param("params: {max_tokens: 3}", id="params"),
        pytest.param("tools: [{name: t, reply: x}]", id="tools"),
        pytest.param("messages: [{role: user, content: hi}]", id="messages"),
    ],
)
def test_a_case_of_its_own_does_not_share_what_the_others_do(tmp_path: Path, own: str) -> None:
    suite = loaded(tmp_path, HEAD + CASE + f"  - id: b\n    {own}\n")
    composer = Composer(suite, registry(tmp_path))
    first, second = (composer.opening(case, suite.candidates[0]) for case in suite.cases)
    assert (first.base, first.messages) != (second.base, second.messages)


def test_a_candidates_own_template_is_rendered_for_each_case(tmp_path: Path) -> None:
    models = "[{model: haiku, params: {stop_sequences: ['{{ word }}']}}]"
    text = HEAD.replace("[haiku]", models) + CASE + "  - {id: b, vars: {word: two}}\n"
    suite = loaded(tmp_path, text)
    composer = Composer(suite, registry(tmp_path))
    bases = [composer.opening(case, suite.candidates[0]).base for case in suite.cases]
    assert [base["stop_sequences"] for base in bases] == [["yes please"], ["two"]]


def test_a_number_in_a_given_history_is_a_text(tmp_path: Path) -> None:
    history = "messages: [{role: user, content: '{{ 3 + 4 }}'}]\n"
    assert opened(tmp_path, HEAD + history + CASE).params["messages"][0]["content"] == "7"


@pytest.mark.parametrize(
    ("cache", "mode", "ttl"),
    [
        pytest.param("true", "5m", "5m", id="true live"),
        pytest.param("true", "1h", "1h", id="true in a batch"),
        pytest.param("5m", "1h", "5m", id="named"),
        pytest.param("1h", "5m", "1h", id="named live"),
    ],
)
def test_a_lifetime_that_is_not_named_is_the_modes(
    tmp_path: Path, cache: str, mode: str, ttl: str
) -> None:
    text = HEAD.replace('"Say {{ word }}."', "[{text: a, cache: true}]")
    suite = loaded(tmp_path, f"{text}cache: {cache}\nsystem: s\n{CASE}")
    composer = Composer(suite, registry(tmp_path), ttl=mode)
    prompt = composer.opening(suite.cases[0], suite.candidates[0])
    (said,) = composer.content(suite.script.prompts[None], {})
    marks = [prompt.base["system"][0]["cache_control"], said["cache_control"]]
    assert marks == [{"type": "ephemeral", "ttl": ttl}] * 2


@pytest.mark.parametrize("cache", ["2h", "false", "3"])
def test_a_lifetime_that_the_api_does_not_know_is_refused(tmp_path: Path, cache: str) -> None:
    (found,) = problems(tmp_path, HEAD + f"cache: {cache}\n" + CASE)
    assert found.startswith("s.yaml:7:1: `cache` must be '5m', '1h' or 'auto', not ")


def test_a_batch_caches_for_longer() -> None:
    assert [ttl_of(mode) for mode in ("live", "batch", "replay")] == ["5m", "1h", "5m"]


def test_a_given_history_may_hold_files(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Some text.", encoding="utf-8")
    history = "messages: [{role: user, content: [{document: 'a.txt'}, {text: '{{ word }}'}]}]\n"
    first, _ = opened(tmp_path, HEAD + history + CASE).params["messages"]
    assert first["content"] == [
        {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": "Some text."},
        },
        {"type": "text", "text": "yes please"},
    ]
