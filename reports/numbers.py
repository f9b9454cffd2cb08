"""How a number is written for a reader; only this decides on digits and units.

Unknown is `–`, never 0. Everything and nothing are written for all and for none only.
"""

from __future__ import annotations

from decimal import Decimal

UNKNOWN = "–"


def count(number: int | None) -> str:
    """A number of things: `1,234`."""
    return UNKNOWN if number is None else f"{number:,}"


def percent(share: float | None) -> str:
    """A share between 0 and 1: `87.5 %`; `100 %` is all and `0 %` none, not nearly so."""
    if share is None:
        return UNKNOWN
    if share in (0, 1):
        return f"{share * 100:.0f} %"
    if share > 0.999:
        return ">99.9 %"
    return f"{share * 100:.1f} %" if share >= 0.001 else "<0.1 %"


def score(value: float | None) -> str:
    """A score between 0 and 1: `0.87`; `1.00` and `0.00` are exact."""
    if value is None:
        return UNKNOWN
    if 0.99 < value < 1:
        return ">0.99"
    return f"{value:.2f}" if value == 0 or value >= 0.01 else "<0.01"


def dollars(amount: Decimal | None) -> str:
    """US dollars: cents from ten cents on, below that two significant digits (`$0.00042`)."""
    if amount is None:
        return UNKNOWN
    sign, size = ("-" if amount < 0 else ""), abs(amount)
    if size == 0:
        return "$0"
    if size < Decimal("0.00000001"):
        return f"<{sign}$0.00000001"
    rounded = Decimal(f"{size:.1e}") if size < Decimal("0.1") else size
    return f"{sign}${rounded:,.{max(2, 1 - rounded.adjusted())}f}"


def tokens(number: int | None) -> str:
    """Tokens: `950`, `12.3k`, `4.56M`."""
    if number is None:
        return UNKNOWN
    if number < 10_000:
        return f"{number:,}"
    return f"{number / 1000:.1f}k" if number < 999_950 else f"{number / 1_000_000:.2f}M"


def seconds(value: float | None) -> str:
    """A latency: `4 ms`, `0.42 s`, `12.3 s`."""
    if value is None:
        return UNKNOWN
    if value < 0.01:
        return f"{value * 1000:.0f} ms" if value >= 0.001 else "<1 ms"
    return f"{value:.2f} s" if value < 9.995 else f"{value:,.1f} s"


def duration(value: float | None) -> str:
    """How long something took, from seconds: `12 s`, `3 min 05 s`, `2 h 07 min`."""
    if value is None:
        return UNKNOWN
    minutes, rest = divmod(round(value), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"
