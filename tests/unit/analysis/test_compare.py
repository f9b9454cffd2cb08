"""The comparison of a run, from made-up results."""

from __future__ import annotations

import dataclasses
import random
import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.compare import compare
from harness.analysis.comparison import CandidateSummary
from harness.records import (
    UNKNOWN_USAGE,
    Answer,
    Bill,
    Call,
    Candidate,
    Missing,
    Outcome,
    Request,
    Result,
    Run,
    SuiteFacts,
    TrialId,
    Usage,
)

NOON = datetime(2026, 10, 21, 12, tzinfo=UTC)
PASSED, FAILED, ERRORED, UNGRADED = Outcome


def call(dollars: str | None = "0.01", *, purpose: str = "answer", **answer: object) -> Call:
    total = None if dollars is None else Decimal(dollars)
    told = Answer((), "m", "end_turn", Usage(100, 10), NOON, latency_s=1.0)
    told = dataclasses.replace(told, **answer)  # type: ignore[arg-type]
    request = Request({"model": "m"}, "2026-10-21", purpose=purpose)  # type: ignore[arg-type]
    return Call(request, told, Bill(total, total, None if total is None else total / 2))


def trial(
    case: str, outcome: Outcome = PASSED, *calls: Call, repeat: int = 1, **more: object
) -> Result:
    score = None if outcome.missing else float(outcome is PASSED)
    result = Result(TrialId("s", case, "haiku", repeat), outcome, score, calls=calls)
    return dataclasses.replace(result, **more)  # type: ignore[arg-type]


def make_run(**more: object) -> Run:
    suites = (SuiteFacts("s", "s.yaml", "0", 9), SuiteFacts("t", "t.yaml", "0", 9))
    run = Run(
        "r", NOON, "live", "1", "2", "2026-08-22", suites, (Candidate("haiku", "m"),), {"haiku": 9}
    )
    return dataclasses.replace(run, **more)  # type: ignore[arg-type]


def summary(*results: Result) -> CandidateSummary:
    return compare(make_run(), results).candidates[0]


def test_the_pass_rate_is_the_mean_over_cases_of_each_cases_mean() -> None:
    repeats = [
        trial("a", outcome, repeat=n) for n, outcome in enumerate([PASSED, FAILED, FAILED], 1)
    ]
    rate = summary(*repeats, trial("b")).quality.pass_rate
    assert rate.value == pytest.approx((1 / 3 + 1) / 2)
    assert (rate.n_cases, rate.clusters, rate.repeats) == (2, 2, 3)


def test_a_missing_repeat_is_left_out_of_its_cases_mean() -> None:
    rate = summary(trial("a", PASSED), trial("a", ERRORED, repeat=2)).quality.pass_rate
    assert (rate.value, rate.n_cases) == (1.0, 1)


def test_a_case_without_a_graded_repeat_does_not_count() -> None:
    quality = summary(trial("a", ERRORED), trial("b", UNGRADED, call()), trial("c", FAILED)).quality
    assert (quality.pass_rate.value, quality.pass_rate.n_cases) == (0.0, 1)
    assert quality.score.n_cases == 1


def test_nothing_graded_is_unknown_and_not_zero() -> None:
    quality = summary(trial("a", ERRORED)).quality
    assert (quality.pass_rate.value, quality.score.value) == (None, None)


def test_the_score_averages_scores_and_not_passes() -> None:
    assert (
        summary(trial("a", score=0.75), trial("b", FAILED, score=0.25)).quality.score.value == 0.5
    )


def test_cases_of_one_source_are_one_cluster() -> None:
    sourced = [trial(c, cluster="ticket-17") for c in "ab"]
    assert summary(*sourced, trial("c"), trial("d")).quality.pass_rate.clusters == 3


def test_a_rate_lies_within_its_limits() -> None:
    results = [trial(f"c{n}", FAILED if n < 3 else PASSED) for n in range(30)]
    rate = summary(*results).quality.pass_rate
    # The p for which (0.9 − p)/√(p(1 − p)/30) is ±t₂₉, by scipy.optimize.brentq.
    assert rate.low == pytest.approx(0.735254, abs=1e-6)
    assert rate.high == pytest.approx(0.966850, abs=1e-6)


@pytest.mark.parametrize(
    ("results", "note"),
    [
        pytest.param([], "no cases", id="none"),
        pytest.param([trial("a")], "only one case", id="one"),
        pytest.param([trial(c, cluster="x") for c in "ab"], "only one cluster", id="one source"),
    ],
)
def test_too_little_data_give_no_limits_and_say_why(results: list[Result], note: str) -> None:
    rate = summary(*results).quality.pass_rate
    assert (rate.low, rate.high, rate.note) == (None, None, note)


def test_clusters_make_a_rate_less_certain() -> None:
    outcomes = [(n, FAILED if n // 5 % 3 == 0 else PASSED) for n in range(60)]
    alone = summary(*(trial(f"c{n}", outcome) for n, outcome in outcomes)).quality.pass_rate
    sourced = summary(
        *(trial(f"c{n}", outcome, cluster=str(n // 5)) for n, outcome in outcomes)
    ).quality.pass_rate
    assert sourced.value == alone.value
    assert sourced.low is not None
    assert alone.low is not None
    assert sourced.low < alone.low


def test_trials_are_counted_by_how_they_ended() -> None:
    refusal = call(stop_reason="refusal", reused=True)
    cut = call(stop_reason="max_tokens")
    trials = summary(
        trial("a", PASSED, cut), trial("b", FAILED, refusal), trial("c", ERRORED)
    ).trials
    assert (trials.planned, trials.graded, trials.missing, trials.pending) == (9, 2, 1, 6)
    assert (trials.refused, trials.truncated, trials.reused) == (1, 1, 1)


def test_an_answer_that_took_several_attempts_is_counted() -> None:
    twice = trial("a", PASSED, call(attempts=2), call(attempts=3, purpose="judge"))
    assert summary(twice, trial("b", PASSED, call())).trials.retried == 2


def test_missing_trials_are_kept_by_kind_with_the_reason_that_most_gave() -> None:
    found = summary(
        *(trial(c, ERRORED, missing=Missing("timeout", ""), reason="60 s") for c in "ab"),
        trial("c", ERRORED, missing=Missing("timeout", ""), reason="30 s"),
        trial("d", UNGRADED, call(), reason="rubric: no verdict"),
    ).missing
    assert [(m.kind, m.count, m.reason) for m in found] == [
        ("timeout", 3, "60 s"),
        ("ungraded", 1, "rubric: no verdict"),
    ]


def test_why_dollars_are_unknown_is_known() -> None:
    lost = call(None, usage=UNKNOWN_USAGE)
    cost = summary(trial("a", PASSED, lost, call(None), call())).cost_usd
    assert (cost.unknown_usage, cost.unpriced) == (1, ("m",))


def test_judges_cost_apart_and_their_tokens_are_not_the_candidates() -> None:
    found = summary(trial("a", PASSED, call("0.01"), call("0.02", purpose="judge")))
    cost = found.cost_usd
    assert (cost.answers, cost.judges, cost.total) == tuple(map(Decimal, ("0.01", "0.02", "0.03")))
    assert (found.usage.requests, found.usage.input_tokens) == (1, 100)
    assert (cost.at_live_prices, cost.at_batch_prices) == (Decimal("0.03"), Decimal("0.015"))


def test_a_reused_answer_costs_what_it_cost_and_is_not_paid_again() -> None:
    cost = summary(trial("a", PASSED, call()), trial("b", PASSED, call(reused=True))).cost_usd
    assert (cost.total, cost.spent) == (Decimal("0.02"), Decimal("0.01"))


def test_an_unknown_price_makes_every_sum_over_it_unknown() -> None:
    found = summary(
        trial("a", PASSED, call(), call(None, purpose="judge")), trial("b", PASSED, call())
    )
    cost = found.cost_usd
    assert cost.answers == Decimal("0.02")
    assert [cost.judges, cost.total, cost.spent, cost.per_case, cost.per_pass.value] == [None] * 5


def test_an_unknown_token_count_makes_the_sum_unknown() -> None:
    usage = summary(trial("a", PASSED, call(), call(usage=UNKNOWN_USAGE))).usage
    assert (usage.input_tokens, usage.prompt_tokens, usage.requests) == (None, None, 2)


def test_cost_per_case_counts_each_case_that_was_asked_once() -> None:
    repeats = [trial("a", FAILED, call(), repeat=n) for n in (1, 2)]
    cost = summary(*repeats, trial("b", UNGRADED, call()), trial("c", ERRORED)).cost_usd
    assert cost.per_case == Decimal("0.015")
    assert cost.per_pass.value is None


def test_cost_per_pass_includes_what_failures_cost() -> None:
    cost = summary(trial("a", PASSED, call()), trial("b", FAILED, call())).cost_usd
    assert cost.per_pass.value == Decimal("0.02")


def test_dollars_lie_within_their_limits() -> None:
    results = [
        trial(f"c{n}", FAILED if n % 4 else PASSED, call(f"0.0{1 + n % 3}")) for n in range(40)
    ]
    cost = summary(*results).cost_usd
    for found in (cost.per_pass, cost.per_case_interval):
        assert found.low is not None
        assert found.value is not None
        assert found.high is not None
        assert found.low < found.value < found.high
    assert cost.per_case_interval.value == cost.per_case


def test_one_pass_of_many_bounds_the_cost_of_a_pass_from_below_only() -> None:
    results = [trial(f"c{n}", FAILED if n else PASSED, call()) for n in range(20)]
    found = summary(*results).cost_usd.per_pass
    assert (found.unbounded, found.high) == (True, None)
    assert found.low is not None


def test_latency_is_of_live_answers_reused_ones_included() -> None:
    live = [call(latency_s=s) for s in (1.0, 2.0)] + [call(latency_s=4.0, reused=True)]
    judge = call(latency_s=90.0, purpose="judge")
    batch = call(latency_s=None, mode="batch")
    latency = summary(trial("a", PASSED, *live, judge, batch)).latency_s
    # numpy.quantile([1, 2, 4], [0.5, 0.95]) is [2.0, 3.8].
    assert (latency.p50, latency.p95, latency.n) == (2.0, pytest.approx(3.8), 3)


def test_no_live_answer_leaves_latency_unknown() -> None:
    assert summary(trial("a", ERRORED)).latency_s.p50 is None


def test_each_tag_and_each_suite_has_its_own_rate() -> None:
    other = trial("a", FAILED, call("0.03"), id=TrialId("t", "a", "haiku"), tags=("x",))
    found = summary(trial("a", PASSED, call(), tags=("y", "x")), other)
    assert {tag: group.pass_rate.value for tag, group in found.by_tag.items()} == {
        "x": 0.5,
        "y": 1.0,
    }
    assert found.by_tag["x"].cost_per_case == Decimal("0.02")
    assert [group.pass_rate.value for group in found.by_suite.values()] == [1.0, 0.0]


def test_one_simulated_answer_marks_the_comparison() -> None:
    assert not compare(make_run(), [trial("a", PASSED, call())]).run.simulated
    assert compare(make_run(), [trial("a", PASSED, call(simulated=True))]).run.simulated


def test_a_result_of_another_run_is_refused() -> None:
    with pytest.raises(ValueError, match=r"s/a\[opus-r1\] is of no candidate of run 'r'"):
        summary(trial("a", id=TrialId("s", "a", "opus")))


scores = st.floats(0, 1, allow_nan=False)
trials = st.builds(
    lambda case, candidate, outcome, score, dollars: trial(
        case,
        outcome,
        call(str(dollars)),
        id=TrialId("s", case, candidate),
        score=None if outcome.missing else score,
        tags=(case, "all"),
        cluster="ab" if case in "ab" else None,
    ),
    st.sampled_from("abcdef"),
    st.sampled_from(["haiku", "opus"]),
    st.sampled_from(Outcome),
    scores,
    st.decimals(0, 10, places=6),
)
TWO = make_run(candidates=(Candidate("haiku", "m"), Candidate("opus", "n")))


@given(st.lists(trials), st.randoms(use_true_random=False))
def test_the_order_of_the_results_does_not_show(
    results: list[Result], chance: random.Random
) -> None:
    shuffled = chance.sample(results, len(results))
    assert compare(TWO, shuffled) == compare(TWO, results)


@given(st.lists(trials, min_size=1))
def test_estimates_stay_between_none_and_all(results: list[Result]) -> None:
    quality = compare(TWO, results).candidates[0].quality
    for found in (quality.pass_rate, quality.score):
        assert found.value is None or 0 <= found.value <= 1
        if found.low is not None and found.value is not None and found.high is not None:
            assert 0 <= found.low <= found.value <= found.high <= 1


@given(st.lists(trials))
def test_nothing_in_a_comparison_is_not_a_number(results: list[Result]) -> None:
    assert not re.search(r"\bnan\b", repr(compare(TWO, results)))
