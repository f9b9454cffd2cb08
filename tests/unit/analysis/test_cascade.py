"""Cascades: their signals, what escalating is worth, and what that is held against."""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal

import pytest
from routing_making import gathered, make_call, make_trial

from harness.analysis.cascade import AGREEMENT, Cascade, cascades, rows_of
from harness.analysis.traffic import Traffic
from harness.errors import UsageError
from harness.records import Grade, Result

Graded = Callable[[int, bool], tuple[Grade, ...]]


def equals_and(name: str, score: float, *, judge: str = "") -> tuple[Grade, ...]:
    return (Grade(True, name="equals"), Grade(score >= 0.5, score, name=name, judge=judge))


def run_of(cases: int, grades: Graded, *, repeats: int = 1, signal: str = "") -> Traffic:
    """Haiku passes two cases of three, and opus all; a wrong answer is never said twice."""
    rng = random.Random(2)
    results: list[Result] = []
    for case in range(cases):
        for name in ("haiku", "opus"):
            passed = name == "opus" or rng.random() < 2 / 3
            for repeat in range(1, repeats + 1):
                text = "right" if passed else f"wrong {repeat}"
                call = make_call("0.001" if name == "haiku" else "0.015", text=text)
                judge = make_call("0.0005", purpose="judge")
                results.append(
                    make_trial(
                        name, case, passed=passed, repeat=repeat, calls=(call, judge),
                        grades=grades(case, passed),
                    )
                )  # fmt: skip
    return gathered(results, signal=signal or None, texts=True)


def only(found: tuple[Cascade, ...]) -> Cascade:
    (one,) = found
    return one


def test_a_good_signal_reaches_the_dear_models_quality_above_the_mix() -> None:
    def grades(_case: int, passed: bool) -> tuple[Grade, ...]:
        return equals_and("valid", 1.0 if passed else 0.0)

    found = only(cascades(run_of(90, grades, signal="valid"), "opus"))
    assert (found.escalates, found.threshold, found.quality) == ("below", 1.0, 1.0)
    assert found.side == "above"
    assert found.cost.value is not None
    assert found.cost.value < (found.dear_cost or 0)
    assert (found.n_cases, found.clusters, found.missing) == (90, 90, 0)


def test_a_signal_that_tells_nothing_is_no_better_than_the_mix() -> None:
    def grades(case: int, _passed: bool) -> tuple[Grade, ...]:
        return equals_and("noise", (case * 7 % 10) / 10)

    found = only(cascades(run_of(200, grades, signal="noise"), "opus"))
    assert (found.gap or 0) < 0.05


def test_a_signal_that_is_the_evals_own_grade_is_an_upper_bound() -> None:
    def own(_case: int, passed: bool) -> tuple[Grade, ...]:
        return (Grade(passed, name="mine"),)

    def other(case: int, passed: bool) -> tuple[Grade, ...]:
        return (Grade(passed, name="equals"), Grade(passed or case == 1, name="valid"))

    assert only(cascades(run_of(60, own, signal="mine"), "opus")).bound == "upper bound"
    assert only(cascades(run_of(60, other, signal="equals"), "opus")).bound == "upper bound"
    assert only(cascades(run_of(60, other, signal="valid"), "opus")).bound == ""


def test_repeats_that_agree_are_a_signal_which_costs_the_other_repeats() -> None:
    traffic = run_of(60, lambda _case, passed: (Grade(passed, name="equals"),), repeats=3)
    found = only(cascades(traffic, "opus"))
    assert (found.signal, found.bound, found.quality) == (AGREEMENT, "", 1.0)
    rows = rows_of(traffic.table("opus"), "haiku", "opus", AGREEMENT)
    assert set(rows.gate_cost) == {0.002}  # type: ignore[arg-type]
    assert set(rows.signal) == {0.0, 1.0}


def test_without_repeats_and_without_a_named_grader_there_is_no_cascade() -> None:
    traffic = run_of(9, lambda _case, passed: (Grade(passed, name="equals"),))
    assert cascades(traffic, "opus") == ()


@pytest.mark.parametrize(
    ("judge", "gate"), [pytest.param("sonnet", 0.0005, id="judge"), pytest.param("", 0, id="code")]
)
def test_a_judge_that_is_the_signal_is_paid_for(judge: str, gate: float) -> None:
    traffic = run_of(9, lambda _case, _passed: equals_and("good", 0.7, judge=judge), signal="good")
    rows = rows_of(traffic.table("opus"), "haiku", "opus", "good")
    assert set(rows.gate_cost) == {gate}  # type: ignore[arg-type]


def test_a_grade_inside_a_combined_one_can_be_the_signal() -> None:
    def grades(_case: int, passed: bool) -> tuple[Grade, ...]:
        return (Grade(passed, name="all", parts=(Grade(True, 0.25, name="inner"),)),)

    rows = rows_of(run_of(9, grades, signal="inner").table("opus"), "haiku", "opus", "inner")
    assert set(rows.signal) == {0.25}


def test_a_broken_signal_is_unknown_and_a_case_without_grade_is_left_out() -> None:
    results = [
        make_trial(
            name, case, passed=None if case == 3 else True,
            grades=(Grade(True, name="equals"), Grade(None, name="valid")),
        )
        for case in range(9)
        for name in ("haiku", "opus")
    ]  # fmt: skip
    traffic = gathered(results, signal="valid")
    assert rows_of(traffic.table("opus"), "haiku", "opus", "valid").signal == [None] * 9
    assert only(cascades(traffic, "opus")).missing == 1


def test_an_unknown_signal_is_refused_with_the_graders_there_are() -> None:
    traffic = run_of(9, lambda _case, passed: (Grade(passed, name="equals"),), signal="eqals")
    with pytest.raises(UsageError, match=r"did you mean `equals`\?; its graders: equals"):
        cascades(traffic, "opus")


def test_the_dear_model_alone_is_priced_per_thousand_calls() -> None:
    traffic = run_of(9, lambda _case, passed: equals_and("valid", float(passed)), signal="valid")
    assert only(cascades(traffic, "opus")).dear_cost == Decimal(15)
