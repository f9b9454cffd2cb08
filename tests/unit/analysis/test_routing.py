"""The routing verdict: who qualifies, who is recommended, and what that saves."""

from __future__ import annotations

import dataclasses
import math
import random
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from routing_making import failing, gathered, make_call, make_traffic, make_trial

from harness.analysis.noninferior import CHANGES, Rule, judged
from harness.analysis.routing import Routing, contests, routing, routing_if_any
from harness.analysis.traffic import Traffic, traffic_of
from harness.errors import UsageError

THREE = ("haiku", "sonnet", "opus")


def said(traffic: Traffic, margin: float = 0.05, **more: str) -> Routing:
    return routing(traffic, Rule(margin), **more)


def verdicts(found: Routing) -> dict[str, str]:
    return {candidate.name: candidate.verdict for candidate in found.candidates}


def test_the_cheapest_that_is_no_worse_is_recommended() -> None:
    found = said(make_traffic(failing({"haiku": 4, "sonnet": 0, "opus": 0}), 200, THREE))
    assert verdicts(found) == {
        "haiku": "inferior", "sonnet": "non_inferior", "opus": "reference"
    }  # fmt: skip
    assert (found.recommended, found.verdict) == ("sonnet", "non_inferior")


def test_the_dearest_candidate_is_the_reference_and_another_can_be_named() -> None:
    traffic = make_traffic(failing({"haiku": 0, "sonnet": 0, "opus": 0}), 100, THREE)
    assert (said(traffic).reference, said(traffic).named) == ("opus", False)
    assert said(traffic, reference="sonnet").reference == "sonnet"


def test_a_dearer_candidate_is_never_recommended_over_the_reference() -> None:
    found = said(make_traffic(failing({"haiku": 0, "opus": 0}), 200), reference="haiku")
    assert verdicts(found)["opus"] == "non_inferior"
    assert (found.recommended, found.verdict) == ("haiku", "none_cheaper")


def test_an_inconclusive_candidate_leaves_the_reference_and_tells_how_many_more_cases() -> None:
    found = said(make_traffic(failing({"haiku": 10, "opus": 12}), 60))
    assert (found.recommended, found.verdict) == ("opus", "inconclusive")
    (haiku, _opus) = found.candidates
    assert haiku.more_cases is not None
    assert haiku.more_cases > 0


def test_without_any_difference_the_margin_itself_says_how_many_cases_it_takes() -> None:
    """z² (1 − δ)/δ: the score test of 0 of n discordant pairs (Tango 1998), with z = 1.645."""
    (haiku, _opus) = said(make_traffic(failing({"haiku": 0, "opus": 0}), 20)).candidates
    assert haiku.more_cases == math.ceil(1.6448536**2 * 0.95 / 0.05) - 20


def test_a_difference_on_the_margin_is_settled_by_no_number_of_cases() -> None:
    found = said(make_traffic(failing({"haiku": 20, "opus": 0}), 100))
    assert found.candidates[0].difference == pytest.approx(-0.05)
    assert found.candidates[0].more_cases is None
    assert "on the margin" in found.candidates[0].why


def test_qualifying_is_adjusted_over_the_candidates() -> None:
    found = said(make_traffic(failing({"haiku": 9, "sonnet": 9, "opus": 9}), 90, THREE))
    haiku, sonnet, _opus = found.candidates
    assert haiku.p == sonnet.p
    assert haiku.p_adjusted == pytest.approx(2 * (haiku.p or 0))


def test_the_lower_limit_is_above_the_margin_exactly_where_the_p_is_below_alpha() -> None:
    for cases in range(30, 90, 6):
        one = said(make_traffic(failing({"haiku": 11, "opus": 13}), cases)).candidates[0]
        assert one.p is not None
        assert one.difference_low is not None
        assert (one.p < 0.05) == (one.difference_low > -0.05)


def test_a_verdict_that_missing_trials_could_turn_is_inconclusive() -> None:
    def passes(name: str, case: int) -> bool | None:
        return None if name == "haiku" and case < 2 else True

    traffic = make_traffic(passes, 110)
    assert said(traffic, 0.03).candidates[0].verdict == "inconclusive"
    assert said(traffic, 0.03).candidates[0].why == CHANGES
    assert said(traffic, 0.10).candidates[0].verdict == "non_inferior"


def test_too_many_missing_trials_make_the_run_invalid() -> None:
    found = said(make_traffic(lambda _name, case: None if case < 3 else True, 100))
    assert (found.recommended, found.verdict) == (None, "invalid")
    assert "3 of 100 trials of haiku are missing, more than 2 %" in found.why


@pytest.mark.parametrize(
    ("planned", "why"),
    [(130, "30 trials of haiku have not ended"), (101, "1 trial of haiku has not ended")],
    ids=["many", "one"],
)
def test_a_run_that_has_not_ended_is_invalid(planned: int, why: str) -> None:
    traffic = make_traffic(failing({"haiku": 0, "opus": 0}), 100)
    run = dataclasses.replace(traffic.run, planned={"haiku": planned, "opus": 100})
    assert said(dataclasses.replace(traffic, run=run)).why == why


def test_the_saving_is_per_thousand_calls_at_both_prices() -> None:
    saving = said(make_traffic(failing({"haiku": 0, "opus": 0}), 70)).candidates[0].saving
    assert saving is not None
    # 14 dollars a thousand, and 3 % more for the mean of 0 to 6 %.
    assert saving["live"].value == Decimal("14.42")
    assert saving["batch"].value == Decimal("7.21")
    low, high = saving["live"].low, saving["live"].high
    assert low is not None
    assert high is not None
    assert low < Decimal("14.42") < high
    assert saving["batch"].low == pytest.approx(low / 2)


def test_a_judge_is_no_part_of_what_traffic_costs() -> None:
    def judged_trial(name: str, case: int) -> object:
        calls = (
            make_call("0.01"),
            make_call("5", purpose="judge"),
            make_call("3", purpose="rival"),
        )
        return make_trial(name, case, passed=True, calls=calls)

    results = [judged_trial(name, case) for case in range(9) for name in ("haiku", "opus")]
    found = said(gathered(results))  # type: ignore[arg-type]
    assert found.candidates[0].cost_per_case == Decimal("0.01")


def test_repeats_are_averaged_within_a_case_and_do_not_count_as_cases() -> None:
    results = [
        make_trial(name, case, passed=(case + repeat) % 2 == 0, repeat=repeat)
        for case in range(30)
        for name in ("haiku", "opus")
        for repeat in (1, 2)
    ]
    found = said(gathered(results))
    assert (found.n_cases, found.clusters, found.repeats) == (30, 30, 2)
    assert found.candidates[0].difference == 0


def test_cases_of_one_cluster_are_not_independent() -> None:
    rng = random.Random(1)
    fails = [rng.random() < 0.2 for _ in range(20)]
    results = [
        make_trial(
            name, case, passed=name == "opus" or not fails[case // 5], cluster=f"{case // 5}"
        )
        for case in range(100)
        for name in ("haiku", "opus")
    ]
    clustered = said(gathered(results)).candidates[0]
    alone = said(gathered([dataclasses.replace(r, cluster=None) for r in results])).candidates[0]
    assert (clustered.n_cases, clustered.clusters) == (100, 20)
    assert (clustered.difference_low or 0) < (alone.difference_low or 0)


def test_an_unknown_price_is_unknown_and_asks_for_the_reference() -> None:
    results = [
        make_trial(name, case, passed=True, calls=(make_call(None if name == "opus" else "0.1"),))
        for case in range(9)
        for name in ("haiku", "opus")
    ]
    with pytest.raises(UsageError, match="the cost of opus is not; name the reference"):
        said(gathered(results))
    found = said(gathered(results), reference="opus")
    assert found.candidates[0].saving is not None
    assert found.candidates[0].saving["live"].value is None
    assert routing_if_any(gathered(results), Rule()) is None


def test_other_margins_are_told_beside_the_chosen_one() -> None:
    found = said(make_traffic(failing({"haiku": 40, "opus": 0}), 400), margin=0.04)
    assert [at.margin for at in found.sensitivity] == [0.01, 0.02, 0.03, 0.04, 0.05, 0.10]
    assert found.sensitivity[0].verdicts["haiku"] == "inferior"
    assert (found.sensitivity[0].recommended, found.sensitivity[-1].recommended) == (
        "opus",
        "haiku",
    )


def test_to_dominate_is_to_cost_less_and_be_no_worse() -> None:
    found = said(make_traffic(failing({"haiku": 4, "sonnet": 0, "opus": 0}), 200, THREE))
    assert [(one.a, one.b) for one in found.dominance] == [("sonnet", "opus")]


def test_cost_per_correct_answer_is_all_cost_over_what_passed() -> None:
    haiku = said(make_traffic(failing({"haiku": 2, "opus": 0}), 70)).candidates[0]
    assert float(haiku.cost_per_correct.value or 0) == pytest.approx(0.00206)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        pytest.param((0.0, 0.05), "margin of 0 cannot", id="margin of nothing"),
        pytest.param((2, 0.05), "write 0.02 for two", id="margin in percent"),
        pytest.param((-0.1, 0.05), "margin of -0.1 cannot", id="negative margin"),
        pytest.param((math.nan, 0.05), "margin of nan cannot", id="no number"),
        pytest.param((0.02, 0.5), "alpha of 0.5 cannot", id="alpha of a half"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(rule: tuple[float, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Rule(*rule)


def test_a_reference_that_was_not_run_is_refused_with_those_that_were() -> None:
    with pytest.raises(UsageError, match="'opsu' was not run in r1; did you mean `opus`"):
        said(make_traffic(failing({"haiku": 0, "opus": 0}), 9), reference="opsu")


def test_one_candidate_alone_cannot_be_routed() -> None:
    with pytest.raises(UsageError, match="one candidate only \\(haiku\\)"):
        said(make_traffic(failing({"haiku": 0}), 9, ("haiku",)))


def test_a_run_without_results_tells_how_to_get_them() -> None:
    traffic = make_traffic(failing({"haiku": 0, "opus": 0}), 1)
    with pytest.raises(UsageError, match="r1 has no results; `harness resume r1`"):
        said(traffic_of(traffic.run, []))


def test_candidates_without_a_common_case_are_refused() -> None:
    results = [make_trial("haiku", 1, passed=True), make_trial("opus", 2, passed=True)]
    with pytest.raises(UsageError, match="no case of run r1 was asked of haiku and of the others"):
        said(gathered(results), reference="haiku")


def test_a_candidate_of_another_suite_is_told_and_left_out() -> None:
    results = [
        make_trial(name, case + (1000 if name == "sonnet" else 0), passed=True)
        for case in range(100)
        for name in THREE
    ]
    found = said(gathered(results))
    assert verdicts(found)["sonnet"] == "invalid"
    assert found.candidates[1].why == "no case in common with opus"
    assert (found.recommended, found.n_cases) == ("haiku", 100)


def test_the_reference_is_the_dearest_of_those_with_the_most_trials() -> None:
    results = [make_trial("opus", case, passed=True) for case in range(3)]
    results += [make_trial(n, case, passed=True) for case in range(9) for n in ("haiku", "sonnet")]
    assert said(gathered(results)).reference == "sonnet"


def test_one_case_says_nothing() -> None:
    found = said(make_traffic(failing({"haiku": 0, "opus": 0}), 1))
    assert (found.verdict, found.candidates[0].why) == ("inconclusive", "only one case")


scores = st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=2, max_size=40)


@given(rows=scores, seed=st.integers(0, 99))
def test_the_order_of_the_results_does_not_matter(
    rows: list[tuple[bool, bool, bool]], seed: int
) -> None:
    results = [
        make_trial(name, i, passed=row[j])
        for i, row in enumerate(rows)
        for j, name in enumerate(THREE)
    ]
    first = gathered(results)
    again = traffic_of(first.run, random.Random(seed).sample(results, len(results)))
    assert verdicts(said(first)) == verdicts(said(again))


@given(rows=scores, margin=st.floats(0.01, 0.5))
def test_a_wider_margin_never_disqualifies(
    rows: list[tuple[bool, bool, bool]], margin: float
) -> None:
    traffic = make_traffic(lambda name, case: rows[case][THREE.index(name)], len(rows), THREE)
    narrow, wide = Rule(margin), Rule(margin * 1.5)
    table = traffic.table("opus")
    for a, b in zip(
        judged(contests(traffic, table, "opus", narrow), narrow),
        judged(contests(traffic, table, "opus", wide), wide),
        strict=True,
    ):
        assert a.verdict != "non_inferior" or b.verdict == "non_inferior"
