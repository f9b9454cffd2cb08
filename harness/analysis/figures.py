"""How a figure is written for a reader: shares, scores, dollars, seconds; only this rounds them.

Unknown is `–`, never 0. Everything and nothing are written for all and for none only.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

UNKNOWN = "–"


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


@lru_cache(maxsize=1024)  # decimals are slow to write, and many trials cost the same
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


def seconds(value: float | None) -> str:
    """A latency: `4 ms`, `0.42 s`, `12.3 s`."""
    if value is None:
        return UNKNOWN
    if value < 0.01:
        return f"{value * 1000:.0f} ms" if value >= 0.001 else "<1 ms"
    return f"{value:.2f} s" if value < 9.995 else f"{value:,.1f} s"


def exactly(value: float | Decimal, metric: str) -> str:
    """A bound that somebody set, or a value next to it: every digit, in the unit of `metric`."""
    number = Decimal(str(value))
    if metric == "pass_rate":
        return f"{_plain(number * 100)} %"
    if metric.startswith("cost"):
        return f"${_plain(number)}"
    return f"{_plain(number)} s" if metric == "latency_s" else _plain(number)


def figure(value: float | Decimal, metric: str) -> str:
    """What a gate on `metric` looks at, as the tables write it."""
    if metric == "pass_rate":
        return percent(float(value))
    if metric.startswith("cost"):
        return dollars(Decimal(str(value)))
    if metric == "latency_s":
        return seconds(float(value))
    return score(float(value)) if metric == "score" else f"{value:,}"


def _plain(number: Decimal) -> str:
    text = f"{number:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
