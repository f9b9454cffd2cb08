"""How numbers are written."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import numbers

WRITERS = [
    numbers.count,
    numbers.percent,
    numbers.score,
    numbers.dollars,
    numbers.tokens,
    numbers.seconds,
    numbers.duration,
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
