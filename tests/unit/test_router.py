"""The policy file: what is written, what `harness.Router` makes of it, and what it refuses."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from routing_making import NOON, PRICES, failing, make_traffic

from harness import Router
from harness.analysis.noninferior import Rule
from harness.analysis.policy import comment, policy
from harness.analysis.routes_by_tag import tag_routing
from harness.analysis.routing import routing
from harness.errors import SuiteError, UsageError
from harness.router import write_policy

POLICY = """\
format: 1
run: r1
default: {candidate: haiku, model: claude-haiku, params: {max_tokens: 16}}
rules:
- {tag: billing, candidate: haiku, model: claude-haiku}
- {tag: law, candidate: opus, model: claude-opus, prompt: long}
fallback:
- {candidate: opus, model: claude-opus}
- {candidate: haiku, model: claude-haiku}
"""
Read = Callable[[str], Router]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def router(text: str) -> Router:
        (tmp_path / "routing.yaml").write_text(text, encoding="utf-8")
        return Router.load(tmp_path / "routing.yaml")

    return router


def by_tag_document(**more: Any) -> dict[str, Any]:
    """The policy of a run in which haiku is good enough for all but one tag."""
    traffic = make_traffic(
        lambda name, case: name == "opus" or case % 2 == 0 or case % 3 == 0,
        400,
        tag=lambda case: (("easy", "12:30")[case % 2],),
    )
    rule = Rule(0.05)
    found = dataclasses.replace(routing(traffic, rule), **more)
    return policy(traffic.run, found, tag_routing(traffic, rule, "opus"), written_at=NOON)


@pytest.mark.parametrize(
    ("tags", "model"),
    [
        pytest.param("law", "claude-opus", id="a tag with a rule"),
        pytest.param(["x", "law"], "claude-opus", id="beside a tag without"),
        pytest.param(["x"], "claude-haiku", id="unknown"),
        pytest.param((), "claude-haiku", id="no tag"),
        pytest.param(["billing", "law"], "claude-haiku", id="rules that disagree"),
    ],
)
def test_a_request_goes_where_its_tag_says_or_to_the_default(
    read: Read, tags: Any, model: str
) -> None:
    assert read(POLICY).model_for(tags) == model


def test_a_route_has_parameters_prompt_and_those_who_stand_in(read: Read) -> None:
    router = read(POLICY)
    assert router.route_for("law").prompt == "long"
    assert router.route_for().params == {"max_tokens": 16}
    assert [route.model for route in router.default.fallbacks] == ["claude-opus"]
    assert [route.model for route in router.route_for("law").fallbacks] == ["claude-haiku"]


def test_what_was_written_is_followed(tmp_path: Path) -> None:
    file = tmp_path / "routing.yaml"
    write_policy(file, by_tag_document(), comment(simulated=False))
    router = Router.load(file)
    assert (router.run, router.simulated) == ("r1", False)
    assert router.model_for(["easy"]) == "claude-haiku"
    assert router.model_for(["12:30"]) == router.model_for(["never seen"]) == "claude-opus"
    assert router.route_for("easy").params == {"max_tokens": 16}
    assert [route.candidate for route in router.route_for("easy").fallbacks] == ["opus"]


def test_the_policy_carries_its_evidence() -> None:
    document = by_tag_document()
    assert (document["reference"], document["margin"], document["run"]) == ("opus", 0.05, "r1")
    assert document["written_at"] == "2026-11-20T12:00:00+00:00"
    haiku = document["evidence"]["candidates"][0]
    assert haiku["n_cases"] == 400
    assert haiku["difference_low"] < haiku["difference"] < 0
    assert haiku["saving"]["live"]["low"] < haiku["saving"]["live"]["value"]
    assert document["evidence"]["by_tag_held_out"]["n_cases"] == 400


def test_a_simulated_policy_warns_in_its_first_line(tmp_path: Path) -> None:
    file = tmp_path / "routing.yaml"
    write_policy(file, by_tag_document(simulated=True), comment(simulated=True))
    assert file.read_text(encoding="utf-8").startswith("# SIMULATED: ")
    assert Router.load(file).simulated


def test_an_invalid_run_makes_no_policy() -> None:
    traffic = make_traffic(lambda _name, _case: None, 9)
    with pytest.raises(UsageError, match="no policy can be written from an invalid run: 9 of 9"):
        policy(traffic.run, routing(traffic, Rule()), written_at=NOON)


def test_those_who_stand_in_are_the_reference_and_those_that_qualify() -> None:
    traffic = make_traffic(failing({"haiku": 3, "sonnet": 0, "opus": 0}), 200, tuple(PRICES))
    document = policy(traffic.run, routing(traffic, Rule(0.05)), written_at=NOON)
    assert [route["candidate"] for route in document["fallback"]] == ["opus", "sonnet"]
    assert document["rules"] == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("suite: x", "1:1: this is no routing policy; `harness route", id="a suite"),
        pytest.param("- 1", "this is no routing policy", id="a list"),
        pytest.param("", "this is no routing policy", id="empty"),
        pytest.param("a: [", "not valid YAML", id="not YAML"),
        pytest.param(POLICY.replace("format: 1", "format: 2"), "1:1: format 2 is", id="newer"),
        pytest.param(POLICY.replace("format: 1", "format: true"), "format True", id="boolean"),
        pytest.param("format: 1\ndefault: opus", "2:1: `default` must be a mapping", id="text"),
        pytest.param("format: 1\ndefault: {candidate: a}", "`model` must be a text", id="no model"),
        pytest.param("format: 1\ndefault: {candidate: a, model: 4}", "not 4", id="number"),
        pytest.param(POLICY.replace("law", "billing"), "6:4: 'billing' has two", id="twice"),
        pytest.param(POLICY + "simulated: 1", "must be true or false", id="flag"),
        pytest.param(POLICY.replace("rules:", "rules: 1\nx:"), "must be a list", id="no list"),
        pytest.param(POLICY.replace("{max_tokens: 16}", "[]"), "`params` must be", id="params"),
        pytest.param(POLICY.replace("prompt: long", "prompt: 3"), "`prompt` must", id="prompt"),
        pytest.param(POLICY.replace("run: r1", "run: 7"), "`run` must be a text", id="run"),
    ],
)
def test_a_file_that_is_no_policy_is_refused_with_its_place(
    read: Read, text: str, message: str
) -> None:
    with pytest.raises(SuiteError, match=f"routing.yaml:.*{message}"):
        read(text)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="cannot be read"):
        Router.load(tmp_path / "none.yaml")


def test_a_policy_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="cannot be written: Is a directory"):
        write_policy(tmp_path, {})
