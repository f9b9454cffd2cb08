"""A plan as a line, as a table and as JSON: what a run would ask and cost, before it begins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from harness.forecast.figures import Detection, Forecast, Prices, Share
from reports import numbers
from reports.columns import parts
from reports.tables import Table

COLUMNS = (
    *("candidate", "trials", "stored", "calls", "tokens in", "out"),
    *("live", "at worst", "batch", "at worst", "cached batch"),
)
EVERYTHING = "all"


def plan_line(forecast: Forecast, mode: str, again: Share | None = None) -> str:
    """The plan in a line: `12 trials, 3 stored; 9 requests: about $0.42 live, at most $1.20`.

    A second look may ask as much as `again` says beyond that. In brackets stands why another plan
    may say otherwise.
    """
    total = forecast.total
    way = "live" if mode == "live" else "batch"
    about, most = (numbers.dollars(getattr(p, way)) for p in (total.expected, total.worst))
    looked_at, prompts = forecast.sample
    nearly = "about " if looked_at < prompts else ""
    stored = f", {nearly}{total.stored:,} stored" if total.stored else ""
    calls = numbers.counted(total.calls, "request")
    by = "live" if way == "live" else "by batch"
    trials = numbers.counted(total.trials, "trial")
    said = f"plan: {trials}{stored}; {calls}: about {about} {by}, at most {most}"
    if again is not None:
        look = numbers.counted(again.calls, "request")
        more = numbers.dollars(getattr(again.expected, way))
        said += f"; and a second look (--confirm) of up to {look}, about {more}"
    return f"{said}{_reservations(forecast)}"


def _reservations(forecast: Forecast) -> str:
    """What the figures of the line leave open."""
    looked_at, prompts = forecast.sample
    notes = []
    if looked_at < prompts:
        notes.append(f"from {looked_at:,} of {prompts:,} prompts")
    if forecast.counting == "estimated" and forecast.total.calls:
        notes.append("input tokens estimated")
    if forecast.uncalled:
        notes.append("functions of tools not called")
    return f" ({', '.join(notes)})" if notes else ""


def plan_table(forecast: Forecast) -> Table:
    """A row a candidate, and their sum; dollars as expected and at worst."""
    rows = [_row(name, share) for name, share in forecast.shares.items()]
    if len(rows) > 1:
        rows.append(_row(EVERYTHING, forecast.total))
    return Table("Plan", COLUMNS, tuple(rows))


def _row(name: str, share: Share) -> tuple[str, ...]:
    expected, worst = share.expected, share.worst
    return (
        name,
        numbers.count(share.trials),
        numbers.count(share.stored),
        numbers.count(share.calls),
        numbers.tokens(share.input_tokens),
        numbers.tokens(share.output_tokens),
        numbers.dollars(expected.live),
        numbers.dollars(worst.live),
        numbers.dollars(expected.batch),
        numbers.dollars(worst.batch),
        numbers.dollars(expected.cached),
    )


def plan_text(forecast: Forecast, width: int | None = None) -> str:
    """The table, the calls by wave, what was assumed, and what the suites can detect."""
    lines = [line for part in parts(plan_table(forecast), width) for line in part]
    waves = (
        f"{name} {calls:,}" for name, calls in sorted(forecast.total.waves.items(), key=_order)
    )
    lines.append(f"calls by wave: {', '.join(waves) or 'none'}")
    lines += [f"assumed: {assumption}" for assumption in forecast.assumptions]
    for suite, found in forecast.detection.items():
        lines += [f"{suite}: {line}" for line in detection_lines(found)]
    return "\n".join(lines)


def _order(wave: tuple[str, int]) -> tuple[int, str]:
    """Turns by their number, then the rest."""
    name = wave[0]
    return (int(name.split()[1]), "") if name.startswith("turn ") else (10**6, name)


def detection_lines(found: Detection) -> Iterator[str]:
    """What difference a suite finds at its size, and what another takes."""
    size = f"{numbers.counted(found.cases, 'case')}, {numbers.counted(found.repeats, 'repeat')}"
    if found.detectable is None:
        yield f"with {size} no difference is found: {found.why} ({found.basis})"
    else:
        difference = numbers.percent(found.detectable)
        yield f"with {size} a difference of {difference} is found 4 times out of 5 ({found.basis})"
    if found.wanted is None:
        return
    wanted = numbers.percent(found.wanted)
    if found.cases_needed is None:
        yield f"no number of cases finds a difference of {wanted}"
    else:
        cost = _cost(found.cost)
        yield f"a difference of {wanted} takes {found.cases_needed:,} cases{cost}"
    if found.repeats_needed is None:
        yield f"or more repeats: {found.why}"
    else:
        again = numbers.counted(found.repeats_needed, "repeat")
        yield f"or {again} of the cases there are{_cost(found.repeats_cost)}"


def _cost(prices: Prices | None) -> str:
    if prices is None:
        return ""
    return f": about {numbers.dollars(prices.live)} live, {numbers.dollars(prices.batch)} by batch"


def plan_json(forecast: Forecast) -> dict[str, Any]:
    """The plan as data; dollars as texts, unknown as null."""
    return {
        "input_tokens": forecast.counting,
        "assumptions": list(forecast.assumptions),
        "candidates": [
            {"name": name, "model": forecast.models[name], **_share(share)}
            for name, share in forecast.shares.items()
        ],
        "total": _share(forecast.total),
        "detection": {name: _plain(asdict(found)) for name, found in forecast.detection.items()},
    }


def _share(share: Share) -> dict[str, Any]:
    data = _plain(asdict(share))
    names = {"expected": "expected_usd", "worst": "worst_usd"}
    renamed = {names.get(name, name): value for name, value in data.items()}
    return {**renamed, "calls": share.calls}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return f"{value:f}" if isinstance(value, Decimal) else value
