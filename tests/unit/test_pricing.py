"""What answers cost. Rates are per million tokens, so a million tokens cost the listed price."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.models import Band, Model, PricePeriod, Rates, Registry
from harness.models.table import load_registry
from harness.pricing import bill, cost
from harness.records import UNKNOWN_USAGE, USAGE_FIELDS, Answer, Bill, Usage

MTOK = 1_000_000
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
RATES = Rates(Decimal(3), Decimal(15), Decimal("3.75"), Decimal(6), Decimal("0.30"))
UNKNOWN = Bill(None, None, None)
REGISTRY = load_registry()


def answer(model: str, usage: Usage, **facts: Any) -> Answer:
    said = Answer(content=(), model=model, stop_reason="end_turn", usage=usage, answered_at=NOON)
    return replace(said, **facts)


# 600 input, 100 written for 5 minutes, 50 for 1 hour, 250 read, 40 output.
MIXED = Usage(600, 40, 10, 250, 100, 50, 0)


# The published rates (pricing page, 2026-09-02; model pages, 2026-10) times the tokens, by hand.
@pytest.mark.parametrize(
    ("model", "live"),
    [
        ("claude-opus-4-6", "0.005250"),  # 3000 + 1000 + 625 + 500 + 125
        ("claude-sonnet-4-6", "0.003150"),  # 1800 + 600 + 375 + 300 + 75
        ("claude-haiku-4-5", "0.001050"),  # 600 + 200 + 125 + 100 + 25
        ("claude-opus-5-5", "0.004150"),  # 2400 + 800 + 500 + 400 + 50
        ("claude-sonnet-5-5", "0.002075"),  # 1200 + 400 + 250 + 200 + 25
        ("claude-haiku-5-5", "0.0001050"),  # 60 + 20 + 12.5 + 10 + 2.5
        ("claude-fable-5-2", "0.008250"),  # 4800 + 1600 + 1000 + 800 + 50
    ],
)
def test_each_token_class_is_billed_at_its_own_rate(model, live):
    billed = bill(answer(model, MIXED), REGISTRY)
    assert billed.total == billed.at_live_prices == Decimal(live)
    assert billed.at_batch_prices == Decimal(live) / 2


def test_a_batch_answer_is_billed_at_half_and_shows_the_live_price_beside_it():
    billed = bill(answer("claude-opus-4-6", MIXED, service_tier="batch"), REGISTRY)
    assert billed == Bill(Decimal("0.002625"), Decimal("0.005250"), Decimal("0.002625"))


@pytest.mark.parametrize(
    ("tier", "mode", "total"),
    [
        ("standard", "batch", "0.005250"),
        ("priority", "live", "0.005250"),
        (None, "batch", "0.002625"),
        (None, "live", "0.005250"),
    ],
)
def test_the_tier_is_the_one_that_the_api_says_it_used(tier, mode, total):
    said = answer("claude-opus-4-6", MIXED, service_tier=tier, mode=mode)
    assert bill(said, REGISTRY).total == Decimal(total)


@pytest.mark.parametrize(
    ("usage", "total"),
    [
        (Usage(100_000), "0.01"),
        (Usage(100_001), "0.0500005"),
        (Usage(50_000, 0, 0, 40_000, 6_000, 4_000), "0.00695"),  # 5000 + 400 + 750 + 800
        (Usage(50_000, 0, 0, 50_001), "0.02750005"),  # 25000 + 2500.05
        (Usage(0, 100_001), "0.0500005"),
    ],
    ids=["at-the-step", "above", "all-classes-at-the-step", "reads-count", "output-does-not"],
)
def test_the_whole_request_moves_to_the_band_of_its_prompt(usage, total):
    assert bill(answer("claude-haiku-5-5", usage), REGISTRY).total == Decimal(total)


@pytest.mark.parametrize(
    ("answered_at", "total"),
    [
        (datetime(2026, 10, 6, 23, 59, tzinfo=UTC), "0.20"),
        (datetime(2026, 10, 7, 0, 0, tzinfo=UTC), "0.10"),
        (datetime(2026, 10, 7, 1, 0, tzinfo=timezone(timedelta(hours=2))), "0.20"),
        (datetime(2026, 10, 7, 0, 0), "0.10"),
        (datetime.max.replace(tzinfo=timezone(timedelta(hours=-2))), "0.10"),
    ],
    ids=["day-before", "day-of-change", "still-the-day-before-in-utc", "naive", "end-of-time"],
)
def test_the_price_is_that_of_the_day_of_the_answer(answered_at, total):
    said = answer("claude-sonnet-5-5", Usage(cache_read_input_tokens=MTOK), answered_at=answered_at)
    assert bill(said, REGISTRY).total == Decimal(total)


@pytest.mark.parametrize(
    ("model", "geo", "total"),
    [
        ("claude-opus-5-5", "us", "4.4"),
        ("claude-opus-5-5", "global", "4"),
        ("claude-opus-5-5", "not_available", "4"),
        ("claude-haiku-4-5", "us", "1"),
    ],
)
def test_us_inference_costs_a_tenth_more_on_models_that_have_it(model, geo, total):
    assert bill(answer(model, Usage(MTOK), inference_geo=geo), REGISTRY).total == Decimal(total)


@pytest.mark.parametrize(
    ("model", "live"),
    [("claude-opus-5-5", "8"), ("claude-opus-4-6", "5"), ("claude-sonnet-4-6", "3")],
    ids=["has-fast-mode", "runs-at-standard-speed", "has-none"],
)
def test_fast_mode_doubles_the_live_price_where_the_model_has_it(model, live):
    billed = bill(answer(model, Usage(MTOK), speed="fast"), REGISTRY)
    assert billed.total == billed.at_live_prices == Decimal(live)


def test_the_batch_figure_of_a_fast_answer_is_at_normal_speed():
    billed = bill(answer("claude-opus-5-5", Usage(MTOK), speed="fast"), REGISTRY)
    assert billed.at_batch_prices == Decimal(2)


def test_geography_speed_and_searches_stack():
    usage = Usage(MTOK, web_search_requests=3)
    billed = bill(answer("claude-opus-5-5", usage, speed="fast", inference_geo="us"), REGISTRY)
    assert billed == Bill(Decimal("8.83"), Decimal("8.83"), Decimal("2.23"))


def test_web_searches_are_not_halved_in_a_batch():
    usage = Usage(web_search_requests=7)
    billed = bill(answer("claude-opus-4-6", usage, service_tier="batch"), REGISTRY)
    assert billed == Bill(Decimal("0.07"), Decimal("0.07"), Decimal("0.07"))


def test_a_refusal_before_any_output_is_not_billed():
    assert bill(answer("claude-opus-5", Usage(MTOK), stop_reason="refusal"), REGISTRY) == Bill()


def test_a_refusal_after_some_output_is_billed():
    refused = answer("claude-opus-5", Usage(0, MTOK), stop_reason="refusal")
    assert bill(refused, REGISTRY).total == Decimal(25)


def test_a_model_in_no_table_costs_an_unknown_sum_even_for_no_tokens():
    assert bill(answer("claude-opus-9", Usage()), REGISTRY) == UNKNOWN


@pytest.mark.parametrize("name", [n for n in USAGE_FIELDS if n != "thinking_tokens"])
def test_one_unknown_count_makes_the_bill_unknown(name):
    assert bill(answer("claude-opus-5", replace(MIXED, **{name: None})), REGISTRY) == UNKNOWN


def test_unknown_thinking_tokens_do_not_matter_for_they_are_output():
    assert bill(answer("claude-opus-5", replace(MIXED, thinking_tokens=None)), REGISTRY).total


def priced(**facts: Any) -> Registry:
    rates = Rates(input=Decimal(2), output=Decimal(4))
    model = Model("m", prices=(PricePeriod((Band(rates),)),), **facts)
    return replace(REGISTRY, models={"m": model})


def test_a_class_without_tokens_needs_no_known_rate():
    assert bill(answer("m", Usage(MTOK, MTOK)), priced()).total == Decimal(6)


def test_a_class_with_tokens_and_no_known_rate_makes_the_bill_unknown():
    assert bill(answer("m", Usage(cache_read_input_tokens=1)), priced()) == UNKNOWN


def test_an_unknown_multiplier_makes_what_hangs_on_it_unknown():
    assert bill(answer("m", Usage(MTOK), inference_geo="us"), priced()) == UNKNOWN
    fast = bill(answer("m", Usage(MTOK), speed="fast"), priced())
    assert fast == Bill(None, None, Decimal(1))


@pytest.mark.parametrize("odd", [-1, 1.5, "7", True, float("nan")], ids=str)
def test_a_count_that_is_none_is_unknown(odd):
    assert cost(Usage(input_tokens=odd), RATES) is None
    assert bill(answer("claude-opus-5", Usage(web_search_requests=odd)), REGISTRY) == UNKNOWN


def test_unknown_usage_costs_an_unknown_sum():
    assert cost(UNKNOWN_USAGE, RATES) is None


COUNTS = st.integers(min_value=0, max_value=10**7)
USAGES = st.builds(Usage, *[COUNTS] * len(USAGE_FIELDS))


@given(USAGES, USAGES)
def test_what_is_used_together_costs_what_is_used_apart(a, b):
    assert cost(a + b, RATES) == cost(a, RATES) + cost(b, RATES)


@given(USAGES, COUNTS)
def test_more_output_never_costs_less(usage, more):
    assert cost(usage + Usage(output_tokens=more), RATES) >= cost(usage, RATES)


@given(USAGES, st.sampled_from([m.id for m in REGISTRY if m.lifecycle == "active"]))
def test_a_batch_never_costs_more_than_live_and_costs_half_without_searches(usage, model):
    billed = bill(answer(model, replace(usage, web_search_requests=0)), REGISTRY)
    assert billed.at_batch_prices * 2 == billed.at_live_prices
    searched = bill(answer(model, usage), REGISTRY)
    assert searched.at_batch_prices <= searched.at_live_prices


ODD = st.none() | st.integers() | st.floats() | st.text(max_size=3) | st.booleans()


@given(
    usage=st.builds(Usage, *[ODD] * len(USAGE_FIELDS)),
    facts=st.fixed_dictionaries(
        {
            "stop_reason": st.sampled_from([None, "refusal", "new_reason"]),
            "service_tier": st.sampled_from([None, "batch", "new_tier"]),
            "inference_geo": st.sampled_from([None, "us", "moon"]),
            "speed": st.sampled_from([None, "fast", "new_speed"]),
            "answered_at": st.datetimes(timezones=st.none() | st.just(UTC)),
        }
    ),
    model=st.sampled_from([m.id for m in REGISTRY]) | st.text(max_size=5),
)
def test_odd_data_is_billed_as_unknown_and_never_raises(usage, facts, model):
    assert isinstance(bill(answer(model, usage, **facts), REGISTRY), Bill)
