"""What answers cost: usage by token class, at the rates of the day and of the tier that served it.

The only module that turns tokens into money. Unknown is `None`, never 0, and odd data is unknown.
The formula is that of Anthropic's pricing page (2026-08-22): the token classes at the rates of the
band that the whole prompt falls into; times the share of the tier, the multiplier of the
geography and that of the speed; plus web searches, which no batch makes cheaper.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TypeGuard, cast

from harness.models import Model, Rates, Registry
from harness.records import Answer, Bill, Usage

ONE = Decimal(1)
UNKNOWN_BILL = Bill(None, None, None)


def cost(usage: Usage, rates: Rates) -> Decimal | None:
    """Dollars for the tokens of `usage` at `rates`, without searches, tiers or multipliers.

    `None` where a count is unknown, or the rate of a class that has tokens. A class without
    tokens needs no rate; thinking tokens are output tokens already.
    """
    counts = _counts(usage)
    return None if counts is None else _dollars(counts, rates)


def bill(answer: Answer, registry: Registry) -> Bill:
    """What the answer cost, and what its usage would have cost live and in a batch.

    The tier, geography and speed are those that the API says it used. The batch figure is at
    normal speed, for batches have no other. A refusal before any output is not billed. Every
    figure that hangs on something unknown is `None`; nothing is raised.
    """
    usage = answer.usage
    if answer.refused and usage.output_tokens == 0:
        return Bill()
    model = registry.get(answer.model)
    counts = _counts(usage)
    searches = usage.web_search_requests
    if model is None or counts is None or not _is_count(searches):
        return UNKNOWN_BILL
    rates = model.rates_on(_day(answer.answered_at), sum(counts[:-1]))
    tokens = None if rates is None else _dollars(counts, rates)
    geography = _geography(answer, model)
    if tokens is None or geography is None:
        return UNKNOWN_BILL
    fees = registry.web_search_usd_per_thousand * searches / 1000
    speed = _speed(answer, model)
    live = None if speed is None else tokens * geography * speed + fees
    batch = tokens * geography * registry.batch_multiplier + fees
    return Bill(batch if _batched(answer) else live, live, batch)


def _is_count(value: object) -> TypeGuard[int]:
    return type(value) is int and value >= 0


def _counts(usage: Usage) -> tuple[int, ...] | None:
    """Input, cache writes of 5 minutes and of 1 hour, cache reads, output: the prompt, then it."""
    counts = (
        usage.input_tokens,
        usage.cache_write_5m_input_tokens,
        usage.cache_write_1h_input_tokens,
        usage.cache_read_input_tokens,
        usage.output_tokens,
    )
    return cast("tuple[int, ...]", counts) if all(map(_is_count, counts)) else None


def _dollars(counts: tuple[int, ...], rates: Rates) -> Decimal | None:
    per_mtok = (
        rates.input,
        rates.cache_write_5m,
        rates.cache_write_1h,
        rates.cache_read,
        rates.output,
    )
    total = Decimal(0)
    for tokens, rate in zip(counts, per_mtok, strict=True):
        if tokens:
            if rate is None:
                return None
            total += tokens * rate
    return total.scaleb(-6)


def _day(moment: datetime) -> date:
    # Price changes are announced by day only; UTC is the API's clock.
    try:
        return moment.astimezone(UTC).date() if moment.tzinfo else moment.date()
    except OverflowError:
        return moment.date()


def _batched(answer: Answer) -> bool:
    if answer.service_tier is None:
        return answer.mode == "batch"
    return answer.service_tier == "batch"


def _geography(answer: Answer, model: Model) -> Decimal | None:
    if answer.inference_geo != "us":
        return ONE
    return _multiplier(model.us_geo_multiplier, "us", model.inference_geos)


def _speed(answer: Answer, model: Model) -> Decimal | None:
    if answer.speed != "fast" or _batched(answer):
        return ONE
    return _multiplier(model.fast_multiplier, "fast", model.speeds)


def _multiplier(
    factor: Decimal | None, option: str, offered: tuple[str, ...] | None
) -> Decimal | None:
    """The factor, 1 for a model that is known not to offer the option, `None` where unknown."""
    if factor is None and offered is not None and option not in offered:
        return ONE
    return factor
