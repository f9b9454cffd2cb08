"""The parts of charts: round ticks, scales that hold their values, texts that are no markup."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reports import charts
from reports.charts import Scale

VALUES = st.floats(1e-9, 1e9)


@pytest.mark.parametrize(
    ("least", "step"),
    [(0.9, 1), (1, 1), (1.1, 2), (2.1, 5), (5.1, 10), (0.0003, 0.0005), (0, 1)],
    ids=str,
)
def test_a_step_is_round(least: float, step: float) -> None:
    assert charts.round_step(least) == pytest.approx(step)


def test_ticks_are_round_and_inside() -> None:
    assert Scale(-0.17, 0.13, 0, 100).ticks(4) == [-0.1, 0.0, 0.1]


@pytest.mark.parametrize(
    ("low", "high", "most", "ticks"),
    [
        (0.09, 1.1, 4, [0.1, 0.2, 0.5, 1.0]),
        (0.09, 11, 5, [0.1, 0.3, 1.0, 3.0, 10.0]),
        (0.09, 1100, 5, [0.1, 1.0, 10.0, 100.0, 1000.0]),
    ],
    ids=["one decade", "two", "four"],
)
def test_ticks_of_a_logarithm_are_as_many_as_there_is_room_for(
    low: float, high: float, most: int, ticks: list[float]
) -> None:
    assert sorted(charts.log_ticks(low, high, most)) == pytest.approx(ticks)


@given(st.lists(VALUES, min_size=1), st.booleans())
def test_a_scale_holds_its_values(values: list[float], log: bool) -> None:
    scale = charts.spanning(values, 10, 90, log=log)
    assert all(10 <= scale.at(value) <= 90 for value in values)


@given(VALUES, VALUES, st.booleans())
def test_a_larger_value_stands_no_lower(a: float, b: float, log: bool) -> None:
    scale = charts.spanning([a, b], 0, 100, log=log)
    assert scale.at(min(a, b)) <= scale.at(max(a, b))


@given(VALUES, VALUES)
def test_a_linear_scale_has_its_ticks_inside(a: float, b: float) -> None:
    assume(abs(a - b) > 1e-6 * max(a, b))
    scale = charts.spanning([a, b], 0, 100)
    slack = 1e-6 * (scale.high - scale.low)
    assert all(scale.low - slack <= tick <= scale.high + slack for tick in scale.ticks(5))


@pytest.mark.parametrize(
    ("values", "wanted"),
    [([0.1, 1.0], False), ([0.1, 2.0], True), ([0.0, 2.0], False), ([], False)],
    ids=["near", "far apart", "with a zero", "none"],
)
def test_a_logarithm_is_for_values_far_apart(values: list[float], wanted: bool) -> None:
    assert charts.worth_a_log(values) is wanted


def test_what_a_mark_tells_is_no_markup() -> None:
    drawn = charts.datum('<script>"', charts.label(1, 2, "<b>\u202e"), series=9)
    assert "<script>" not in drawn
    assert "<b>" not in drawn
    assert "\u202e" not in drawn
    assert 'class="datum s1"' in drawn


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [
        (charts.axis_dollars, 0.0005, "$0.0005"),
        (charts.axis_dollars, 1200.0, "$1,200"),
        (charts.axis_dollars, 0.0, "$0"),
        (charts.axis_seconds, 0.05, "50 ms"),
        (charts.axis_seconds, 2.0, "2 s"),
        (charts.axis_percent, 0.85, "85 %"),
        (charts.axis_points, -0.1, "−10"),
        (charts.axis_points, 0.0, "0"),
        (charts.axis_count, 150_000.0, "150k"),
        (charts.axis_count, 50.0, "50"),
    ],
    ids=lambda one: getattr(one, "__name__", str(one)),
)
def test_a_tick_is_written_shortly(write: object, value: float, text: str) -> None:
    assert callable(write)
    assert write(value) == text


def test_one_value_alone_stands_inside() -> None:
    assert math.isclose(charts.spanning([3.0], 0, 100).at(3.0), 50)
