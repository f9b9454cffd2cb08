"""How numbers are written."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.comparison import DollarEstimate, Estimate
from reports import numbers

WRITERS = [
    numbers.count,
    numbers.percent,
    numbers.score,
    numbers.dollars,
    numbers.tokens,
    numbers.seconds,
    numbers.duration,
    numbers.p_value,
    numbers.factor,
]


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_unknown_is_a_dash_never_zero(write: object) -> None:
    assert write(None) == "–"  # type: ignore[operator]


@pytest.mark.parametrize(
    ("share", "written"),
    [
        pytest.param(1.0, "100 %", id="all"),
        pytest.param(0.9997, ">99.9 %", id="nearly all"),
        pytest.param(0.999, "99.9 %", id="all but one in a thousand"),
        pytest.param(0.875, "87.5 %", id="most"),
        pytest.param(0.0002, "<0.1 %", id="hardly any"),
        pytest.param(0.0, "0 %", id="none"),
    ],
)
def test_percent(share: float, written: str) -> None:
    assert numbers.percent(share) == written


@given(st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_a_share_between_none_and_all_never_reads_as_either(share: float) -> None:
    assert numbers.percent(share) not in ("0 %", "0.0 %", "100 %", "100.0 %")
    assert numbers.score(share) not in ("0.00", "1.00")


def estimate(value: float, low: float, high: float) -> Estimate:
    return Estimate(value, low, high, 10, 10, 1)


@pytest.mark.parametrize(
    ("found", "written"),
    [
        pytest.param((0.8333, 0.65, 0.93), "83 % (65–93)", id="wide"),
        pytest.param((0.8333, 0.79, 0.87), "83.3 % (79.0–87.0)", id="narrow"),
        pytest.param((0.8333, 0.829, 0.837), "83.33 % (82.90–83.70)", id="narrower"),
        pytest.param((0.9999, 0.7, 1.0), ">99 % (70–100)", id="nearly all"),
        pytest.param((0.0001, 0.0, 0.3), "<1 % (0–30)", id="hardly any"),
        pytest.param((1.0, 0.7, 1.0), "100 % (70–100)", id="all"),
    ],
)
def test_a_rate_has_the_digits_that_its_interval_leaves(
    found: tuple[float, float, float], written: str
) -> None:
    assert numbers.rate(estimate(*found)) == written


def test_a_rate_without_an_interval_is_written_alone() -> None:
    assert numbers.rate(Estimate(0.875, None, None, 1, 1, 1)) == "87.5 %"


@given(st.floats(0, 1, exclude_min=True, exclude_max=True), st.floats(0, 0.5), st.floats(0, 0.5))
def test_a_rate_with_limits_never_reads_as_all_or_none(
    value: float, below: float, above: float
) -> None:
    found = estimate(value, max(0.0, value - below), min(1.0, value + above))
    assert numbers.rate(found).split(" ")[0] not in ("0", "100", "0.0", "100.0")
    assert float(numbers.score_estimate(found).split(" ")[0].lstrip("<>")) not in (0, 1)


@pytest.mark.parametrize(
    ("found", "written"),
    [
        pytest.param(("0.02", "0.01", "0.03"), "$0.020 ($0.010–$0.030)", id="both limits"),
        pytest.param(("0.02", None, None), "$0.020", id="no limits"),
    ],
)
def test_dollars_with_limits(found: tuple[str | None, ...], written: str) -> None:
    given = (None if one is None else Decimal(one) for one in found)
    assert numbers.dollar_estimate(DollarEstimate(*given)) == written


def test_a_cost_without_an_upper_limit_is_at_least_so_much() -> None:
    found = DollarEstimate(Decimal("0.5"), Decimal("0.2"), None, unbounded=True)
    assert numbers.dollar_estimate(found) == "$0.50 (at least $0.20)"


def test_a_difference_is_in_points_with_its_sign() -> None:
    assert numbers.difference(-0.04, -0.079, -0.002) == "−4.0"
    assert numbers.points(-0.04, -0.079, -0.002) == "4.0 points"
    assert numbers.limits_in_points(-0.079, 0.002) == "−7.9 to +0.2"


@pytest.mark.parametrize(
    ("p", "written"),
    [
        (0.0004, "<0.001"), (0.0123, "0.012"), (0.04996, "0.049960"),
        (0.0497, "0.0497"), (0.412, "0.41"),
    ],
)  # fmt: skip
def test_p_values(p: float, written: str) -> None:
    assert numbers.p_value(p) == written


@pytest.mark.parametrize(
    ("value", "written"), [(0.2134, "0.21"), (4.84, "4.8"), (0.00123, "0.0012"), (1234.5, "1,234")]
)
def test_factors(value: float, written: str) -> None:
    assert numbers.factor(value) == written


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        ("0", "$0"),
        ("0.00042", "$0.00042"),
        ("0.00999", "$0.010"),
        ("0.0999", "$0.10"),
        ("0.18", "$0.18"),
        ("0.996", "$1.00"),
        ("12.4", "$12.40"),
        ("1234.567", "$1,234.57"),
        ("-0.5", "-$0.50"),
        ("0.000000001", "<$0.00000001"),
    ],
)
def test_dollars(amount: str, written: str) -> None:
    assert numbers.dollars(Decimal(amount)) == written


@given(st.decimals(min_value="1e-12", max_value=1000, allow_nan=False, places=12))
def test_a_price_never_reads_as_nothing(amount: Decimal) -> None:
    assert any(digit in numbers.dollars(amount) for digit in "123456789")


@pytest.mark.parametrize(
    ("number", "written"),
    [
        (950, "950"),
        (12_345, "12.3k"),
        (999_949, "999.9k"),
        (999_999, "1.00M"),
        (4_560_000, "4.56M"),
    ],
)
def test_tokens(number: int, written: str) -> None:
    assert numbers.tokens(number) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.0004, "<1 ms"), (0.004, "4 ms"), (0.42, "0.42 s"), (9.999, "10.0 s"), (12.34, "12.3 s")],
)
def test_seconds(value: float, written: str) -> None:
    assert numbers.seconds(value) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [(12.4, "12 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s"), (7620, "2 h 07 min")],
)
def test_duration(value: float, written: str) -> None:
    assert numbers.duration(value) == written
