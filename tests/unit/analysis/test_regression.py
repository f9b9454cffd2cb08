"""The verdict against a baseline: its order, and what makes it none."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from snapshot_making import arm, case, each, run_of

from harness.analysis.baseline import CaseRecord
from harness.analysis.paired import difference
from harness.analysis.regression import decide, regress
from harness.analysis.regression_records import Policy, RegressionVerdict

Cases = dict[str, CaseRecord]


def found(now: Cases, before: Cases, margin: float = 0.03) -> RegressionVerdict:
    policies = {"s": Policy(margin, gated=True)}
    runs = run_of(arm(now)), run_of(arm(before), run="old")
    (verdict,) = regress(*runs, policies).candidates
    return verdict


@pytest.mark.parametrize(
    ("low", "high", "margin", "verdict"),
    [
        (-0.02, 0.01, 0.03, "pass"),
        (-0.02, -0.01, 0.03, "pass"),
        (-0.05, -0.01, 0.03, "regression"),
        (-0.05, 0.01, 0.03, "inconclusive"),
        (-0.03, 0.01, 0.03, "inconclusive"),
        (0.01, 0.05, 0.0, "pass"),
        (-0.01, 0.05, 0.0, "inconclusive"),
    ],
    ids=[
        "above the margin", "worse inside the margin", "worse", "both", "on the margin",
        "better at no margin", "as good at no margin",
    ],
)  # fmt: skip
def test_the_verdict_follows_the_limits(
    low: float, high: float, margin: float, verdict: str
) -> None:
    assert decide(low, high, margin) == verdict


@pytest.mark.parametrize(
    ("lost", "of", "verdict"),
    [(0, 200, "pass"), (30, 200, "regression"), (2, 30, "inconclusive")],
)
def test_a_run_is_held_against_its_baseline(lost: int, of: int, verdict: str) -> None:
    now = each("f", lost) | each("p", of - lost, lost)
    assert found(now, each("p", of)).verdict == verdict


def test_each_limit_errs_alone() -> None:
    now, before = [1.0] * 46 + [0.0] * 4, [1.0] * 50
    one = found(each("p", 46) | each("f", 4, 46), each("p", 50))
    both = difference(now, before, alpha=0.1, sides=2)
    assert (one.low, one.high) == (both.low, both.high)


def test_only_cases_that_test_the_same_are_compared() -> None:
    before = {**each("p", 4), "gone": case("p"), "other": case("p", "before")}
    one = found({**each("p", 4), "added": case("f"), "other": case("f", "now")}, before)
    assert (one.compared_cases, one.difference) == (4, 0.0)
    assert (one.new_cases, one.changed_cases, one.removed_cases) == (
        ("added",),
        ("other",),
        ("gone",),
    )


def test_added_cases_alone_do_not_make_the_rest_too_few() -> None:
    assert found(each("p", 400), each("p", 100)).verdict == "pass"


@pytest.mark.parametrize(
    ("now", "before", "why"),
    [
        (
            {f"c{n}": case("p", "new") for n in range(8)} | each("p", 2, 8),
            each("p", 10),
            "2 of 10 cases are as they were in the baseline: too few to compare",
        ),
        (
            {f"c{n}": case("p", "") for n in range(9)},
            {f"c{n}": case("p", "") for n in range(9)},
            "0 of 9 cases are as they were in the baseline, and 9 do not say what they tested; "
            "make the baseline again",
        ),
        (each("p", 1), each("p", 1), "nothing can be compared: only one case"),
        (
            {f"c{n}": case("p", cluster="k") for n in range(9)},
            each("p", 9),
            "nothing can be compared: only one cluster",
        ),
        (each("p", 9) | each("-", 1, 9), each("p", 10), "1 of 10 trials are missing"),
        (
            each("p", 10),
            each("p", 9) | each("-", 1, 9),
            "1 of 10 trials of the baseline are missing",
        ),
    ],
    ids=["changed", "no hashes", "one case", "one cluster", "missing now", "missing before"],
)
def test_what_cannot_be_compared_is_invalid(now: Cases, before: Cases, why: str) -> None:
    one = found(now, before)
    assert (one.verdict, one.why) == ("invalid", why)


def test_a_simulated_run_beside_a_real_one_is_invalid_unless_forced() -> None:
    now, before = run_of(arm(each("p", 200)), simulated=True), run_of(arm(each("p", 200)))
    (refused,) = regress(now, before, {}).candidates
    (forced,) = regress(now, before, {}, force=True).candidates
    assert refused.verdict == "invalid"
    assert refused.why.startswith("this run is simulated and the baseline is real")
    assert forced.verdict == "pass"


def test_runs_that_share_no_candidate_are_invalid() -> None:
    (one,) = regress(run_of(arm(each("p", 9))), run_of(arm(each("p", 9), "opus")), {}).candidates
    assert one.verdict == "invalid"
    assert one.why == "no candidate of this run is in the baseline, which has opus"


def test_a_candidate_that_is_new_beside_a_known_one_is_no_regression() -> None:
    now = run_of(arm(each("p", 200)), arm(each("f", 200), "opus"))
    found = regress(now, run_of(arm(each("p", 200))), {}).candidates
    verdicts = {one.candidate: one.verdict for one in found}
    assert verdicts == {"haiku": "pass", "opus": "new"}


def test_another_model_under_the_same_name_is_compared_and_told() -> None:
    now = replace(arm(each("p", 200)), model="haiku-2", params={"max_tokens": 9})
    (one,) = regress(run_of(now), run_of(arm(each("p", 200))), {}).candidates
    assert one.verdict == "pass"
    assert one.changes == ("model haiku-1 → haiku-2", "max_tokens unset → 9")


def test_missing_trials_that_could_decide_make_it_inconclusive() -> None:
    now = each("p", 99) | each("-", 1, 99)
    one = found(now, each("p", 100))
    assert (one.verdict, one.missing) == ("inconclusive", 1)
    assert one.why == "how the missing trials would have ended decides"


def test_a_flip_is_a_loss_of_more_than_half_of_the_repeats() -> None:
    before = each("ppppp", 4)
    now = {"c0": case("ffppp"), "c1": case("fffpp"), "c2": case("ppppp"), "c3": case("fffff")}
    flips = regress(run_of(arm(now)), run_of(arm(before)), {}).flips
    assert [(flip.case, flip.before, flip.after) for flip in flips] == [
        ("c1", (5, 5), (2, 5)),
        ("c3", (5, 5), (0, 5)),
    ]


def test_chance_alone_flips_some_cases_each_way() -> None:
    one = found(each("p", 100), each("pf", 40) | each("pp", 60, 40))
    assert one.expected_flips == pytest.approx(20)


@given(st.sampled_from([0.01, 0.02, 0.03, 0.05, 0.1, 0.3]))
def test_equal_runs_pass_at_the_number_of_cases_that_was_named(margin: float) -> None:
    few = found(each("p", 3), each("p", 3), margin)
    assert few.settling is not None
    cases = few.settling.cases
    assert cases is not None
    assert found(each("p", cases), each("p", cases), margin).verdict == "pass"
    assert found(each("p", cases - 1), each("p", cases - 1), margin).verdict == "inconclusive"


def test_an_inconclusive_verdict_names_more_cases_than_there_are() -> None:
    one = found(each("p", 90) | each("f", 10, 90), each("f", 8) | each("p", 92, 8))
    assert one.verdict == "inconclusive"
    assert one.settling is not None
    assert one.settling.cases is not None
    assert one.settling.cases > 100
    assert one.detectable is not None


ENDS = st.lists(st.tuples(st.sampled_from("pf"), st.sampled_from("pf")), min_size=2, max_size=60)


@given(ENDS)
def test_the_limits_hold_the_difference_and_turn_with_the_sides(
    ends: list[tuple[str, str]],
) -> None:
    now = {f"c{n}": case(a) for n, (a, _) in enumerate(ends)}
    before = {f"c{n}": case(b) for n, (_, b) in enumerate(ends)}
    one, turned = found(now, before), found(before, now)
    assert one.low is not None
    assert one.high is not None
    assert one.difference is not None
    assert one.low <= one.difference <= one.high
    assert (turned.low, turned.high) == (pytest.approx(-one.high), pytest.approx(-one.low))
