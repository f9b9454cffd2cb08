"""Routes by tag: which tags get their own, and what the rule is worth."""

from __future__ import annotations

import random

import pytest
from routing_making import failing, make_traffic

from harness.analysis.noninferior import Rule
from harness.analysis.routes_by_tag import TagRouting, tag_routing
from harness.errors import UsageError

RULE = Rule(0.05)


def one_of(*tags: str) -> object:
    return lambda case: (tags[case % len(tags)],)


def routed(found: TagRouting | None) -> dict[str, tuple[str, str]]:
    assert found is not None
    return {route.tag: (route.candidate, route.basis) for route in found.routes}


def test_a_tag_on_which_the_cheap_candidate_is_no_worse_has_its_own_route() -> None:
    """The hard half fails, so the global route stays with the reference."""
    traffic = make_traffic(
        lambda name, case: name == "opus" or case % 2 == 0 or case % 3 == 0,
        400,
        tag=one_of("easy", "hard"),  # type: ignore[arg-type]
    )
    found = tag_routing(traffic, RULE, "opus")
    assert routed(found) == {"easy": ("haiku", "own"), "hard": ("opus", "global")}


def test_a_tag_with_few_cases_goes_the_global_way() -> None:
    traffic = make_traffic(
        failing({"haiku": 0, "opus": 0}), 219, tag=lambda case: ("rare" if case < 19 else "usual",)
    )
    found = tag_routing(traffic, RULE, "opus")
    assert routed(found) == {"rare": ("haiku", "global"), "usual": ("haiku", "own")}
    assert found is not None
    assert found.tests == 1


def test_a_tag_on_which_the_global_route_is_inferior_goes_to_the_reference() -> None:
    def passes(name: str, case: int) -> bool:
        return name == "opus" or case >= 25 or case % 2 == 0

    traffic = make_traffic(passes, 2000, tag=lambda case: ("bad" if case < 25 else "good",))
    assert routed(tag_routing(traffic, RULE, "opus")) == {
        "bad": ("opus", "reference"), "good": ("haiku", "own")
    }  # fmt: skip


def test_the_tests_of_all_tags_are_one_family() -> None:
    """75 cases without a failure: p is 0.024 on one tag, too much to be the first of ten."""
    names = [f"t{i}" for i in range(10)]
    traffic = make_traffic(
        failing({"haiku": 0, "opus": 0}), 750, tag=one_of(*names)  # type: ignore[arg-type]
    )  # fmt: skip
    found = tag_routing(traffic, RULE, "opus")
    assert {basis for _, basis in routed(found).values()} == {"global"}
    alone = make_traffic(failing({"haiku": 0, "opus": 0}), 75, tag=one_of("t0"))  # type: ignore[arg-type]
    assert routed(tag_routing(alone, RULE, "opus"))["t0"] == ("haiku", "own")


def test_a_rule_that_luck_made_is_worth_less_on_cases_held_out() -> None:
    rng = random.Random(5)
    passed = {(name, case): rng.random() < 0.8 for name in ("haiku", "opus") for case in range(240)}
    traffic = make_traffic(
        lambda name, case: passed[name, case],
        240,
        tag=one_of("a", "b", "c", "d"),  # type: ignore[arg-type]
    )
    found = tag_routing(traffic, Rule(0.15), "opus")
    assert found is not None
    assert found.held_out.n_cases == found.naive.n_cases == 240
    assert (found.held_out.difference or 0) <= (found.naive.difference or 0)


def test_a_rule_that_sends_all_to_the_reference_saves_nothing_and_loses_nothing() -> None:
    traffic = make_traffic(failing({"haiku": 2, "opus": 0}), 60, tag=one_of("a", "b"))  # type: ignore[arg-type]
    found = tag_routing(traffic, RULE, "opus")
    assert found is not None
    assert (found.held_out.difference, found.held_out.saving.value) == (0, 0)


def test_an_invalid_run_has_no_routes() -> None:
    traffic = make_traffic(lambda _name, _case: None, 30, tag=one_of("a"))  # type: ignore[arg-type]
    assert tag_routing(traffic, RULE, "opus") is None


@pytest.mark.parametrize(
    ("tags", "routing", "message"),
    [
        pytest.param(("a", "b"), (), "9 of 9 cases have several: s/c0 .a, b.; s/c1", id="overlap"),
        pytest.param((), (), "no case has a tag", id="none at all"),
        pytest.param(("a",), ("b",), "no case has the tag 'b'", id="unknown"),
    ],
)
def test_tags_that_are_no_partition_are_refused(
    tags: tuple[str, ...], routing: tuple[str, ...], message: str
) -> None:
    traffic = make_traffic(failing({"haiku": 0, "opus": 0}), 9, tag=lambda _case: tags)
    with pytest.raises(UsageError, match=message):
        tag_routing(traffic, RULE, "opus", routing)


def test_a_case_without_a_routing_tag_is_refused() -> None:
    traffic = make_traffic(
        failing({"haiku": 0, "opus": 0}), 9, tag=lambda case: ("a",) if case else ("b",)
    )
    with pytest.raises(UsageError, match=r"1 of 9 cases have none: s/c0 \(none\)"):
        tag_routing(traffic, RULE, "opus", ["a"])


def test_tags_that_are_named_route_among_others_that_overlap() -> None:
    traffic = make_traffic(
        failing({"haiku": 0, "opus": 0}), 40, tag=lambda case: ("all", "ab"[case % 2])
    )
    assert set(routed(tag_routing(traffic, RULE, "opus", ["a", "b"]))) == {"a", "b"}
