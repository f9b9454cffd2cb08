"""How a number is written in every report: figures with their intervals, and counts.

The width of an interval decides how many digits its figure has: two of half the width.
"""

from __future__ import annotations

import math
from decimal import Decimal

from harness.analysis.comparison import DollarEstimate, Estimate
from harness.analysis.figures import UNKNOWN, dollars, percent, score, seconds

__all__ = [
    "UNKNOWN",
    "count",
    "counted",
    "difference",
    "dollar_estimate",
    "dollars",
    "duration",
    "factor",
    "limits_in_points",
    "p_value",
    "percent",
    "points",
    "rate",
    "score",
    "score_estimate",
    "seconds",
    "tokens",
]

MINUS = "−"


def count(number: int | None) -> str:
    """A number of things: `1,234`."""
    return UNKNOWN if number is None else f"{number:,}"


def counted(number: int, word: str, plural: str | None = None) -> str:
    """A number of things by name: `1 trial`, `1,234 trials`, `2 batches`."""
    return f"{number:,} {word if number == 1 else plural or f'{word}s'}"


def tokens(number: int | None) -> str:
    """Tokens: `950`, `12.3k`, `4.56M`."""
    if number is None:
        return UNKNOWN
    if number < 10_000:
        return f"{number:,}"
    return f"{number / 1000:.1f}k" if number < 999_950 else f"{number / 1_000_000:.2f}M"


def duration(value: float | None) -> str:
    """How long something took, from seconds: `12 s`, `3 min 05 s`, `2 h 07 min`."""
    if value is None:
        return UNKNOWN
    minutes, rest = divmod(round(value), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def rate(found: Estimate) -> str:
    """A share with its 95 % limits: `83.1 % (78.9–86.7)`; without limits as `percent`."""
    if found.value is None or found.low is None or found.high is None:
        return percent(found.value)
    digits = _digits(found.low, found.high, scale=100)
    low, high = (_limit(limit, digits) for limit in (found.low, found.high))
    return f"{_share(found.value, digits)} ({low}–{high})"


def _limit(share: float, digits: int) -> str:
    return f"{share * 100:.{0 if share in (0, 1) else digits}f}"


def _share(value: float, digits: int) -> str:
    """A percentage of so many decimals; `100 %` is all and `0 %` none, not nearly so."""
    if value in (0, 1):
        return f"{value * 100:.0f} %"
    step = 10.0**-digits
    if round(value * 100, digits) >= 100:
        return f">{100 - step:.{digits}f} %"
    if round(value * 100, digits) <= 0:
        return f"<{step:.{digits}f} %"
    return f"{value * 100:.{digits}f} %"


def score_estimate(found: Estimate) -> str:
    """A score with its 95 % limits: `0.831 (0.789–0.867)`; without limits as `score`."""
    if found.value is None or found.low is None or found.high is None:
        return score(found.value)
    digits = max(2, _digits(found.low, found.high))
    text = f"{found.value:.{digits}f}"
    if float(text) in (0, 1) and found.value not in (0, 1):
        text = score(found.value)
    return f"{text} ({found.low:.{digits}f}–{found.high:.{digits}f})"


def dollar_estimate(found: DollarEstimate) -> str:
    """Dollars with their 95 % limits: `$0.0013 ($0.0010–$0.0017)`, or `… (at least $0.0010)`."""
    text = dollars(found.value)
    if found.value is None or found.low is None:
        return text
    if found.unbounded:
        return f"{text} (at least {dollars(found.low)})"
    return text if found.high is None else f"{text} ({dollars(found.low)}–{dollars(found.high)})"


def difference(value: float | None, low: float | None, high: float | None) -> str:
    """A difference of shares in points, signed: `−4.0`."""
    if value is None:
        return UNKNOWN
    return _signed(value, 1 if low is None or high is None else _digits(low, high, scale=100))


def points(value: float, low: float | None, high: float | None) -> str:
    """The size of a difference of shares, without its sign: `4.0 points`."""
    return f"{difference(abs(value), low, high).lstrip('+')} points"


def limits_in_points(low: float | None, high: float | None) -> str:
    """The limits of a difference of shares: `−7.9 to −0.2`."""
    if low is None or high is None:
        return UNKNOWN
    digits = _digits(low, high, scale=100)
    return f"{_signed(low, digits)} to {_signed(high, digits)}"


def _signed(value: float, digits: int) -> str:
    text = f"{abs(value) * 100:.{digits}f}"
    sign = "" if not value or float(text) == 0 else MINUS if value < 0 else "+"
    return f"{sign}{text}"


def factor(value: float | None) -> str:
    """How many times as much: `0.21`, `4.8`, `1,234`; two significant digits or all before the dot.

    A number that is not 0 never reads as 0.
    """
    if value is None:
        return UNKNOWN
    if value == 0 or value >= 99.5:
        return f"{value:,.0f}"
    return f"{Decimal(f'{value:.1e}'):f}"


def p_value(p: float | None) -> str:
    """A p-value: `0.41`, `0.012`, `<0.001`; near 0.05 with the digits that tell the side."""
    if p is None:
        return UNKNOWN
    if p < 0.001:
        return "<0.001"
    if 0.0495 <= p < 0.0505:
        return f"{p:.4f}" if abs(p - 0.05) >= 0.00005 else f"{p:.6f}"
    return f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def _digits(low: float, high: float, *, scale: float = 1) -> int:
    """Decimals that show two digits of half the interval's width; none are more than four."""
    half = (high - low) / 2 * scale
    return min(4, max(0, 1 - math.floor(math.log10(half)))) if half > 0 else 4
