"""`harness plan`: what a run would ask and cost; and the line and question before a run begins."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli import options
from harness.cli.running import SELECTING
from harness.errors import UsageError
from harness.invocation import Invocation

if TYPE_CHECKING:
    from harness.forecast.counts import Counts
    from harness.forecast.figures import Detection, Forecast, Share
    from harness.forecast.history import History
    from harness.forecast.shelf import Shelf
    from harness.forecast.traces import Tracing
    from harness.prepare import Prepared
    from harness.records import Request
    from harness.store import Store

ASK_ABOVE_USD = Decimal(5)
"""A run that may be expected to cost more is asked about, on a terminal."""
GLANCE_RESULTS = 500
GLANCE_TRACES = 2_000


def detected(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    """A difference of scores, as a share (`0.03`) or a percentage (`3%`)."""
    if value is None:
        return None
    text = value.strip()
    try:
        number = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        number = 0.0
    if not 0 < number <= 1:
        raise click.BadParameter(f"{value!r} is no difference of scores; write 0.03 or 3%")
    return number


@click.command(epilog="Example:  harness plan suites --models haiku,sonnet --detect 0.03")
@options.PATHS
@SELECTING
@click.option(
    "--detect", callback=detected, metavar="D",
    help="Say how many cases or repeats find a difference of D, and what they cost.",
)  # fmt: skip
@click.option("--offline", is_flag=True, help="Ask nobody: estimate input tokens from the text.")
@click.option("--fresh", is_flag=True, help="Plan to ask anew what is stored.")
@options.MODELS_FILE
@options.STORE
@options.JSON
def plan(
    paths: tuple[str, ...], store: str | None, detect: float | None, *,
    offline: bool, as_json: bool, **given: Any,
) -> None:  # fmt: skip
    """Tell what a run of the suites in PATHS would ask and cost. Asks no model."""
    from harness.prepare import prepare
    from reports.planning import plan_json, plan_text

    invocation = Invocation(paths=paths, cwd=str(Path.cwd()), **given)
    prepared = prepare(invocation, os.environ, Path.cwd())
    opened = _store(store)
    try:
        found = _planned(prepared, opened, detect, offline=offline)
    finally:
        if opened is not None:
            opened.close()
    if as_json:
        import orjson

        click.echo(orjson.dumps(plan_json(found)).decode())
        return
    from rich.console import Console

    for warning in prepared.warnings:
        _warn(warning)
    click.echo(plan_text(found, Console().width if sys.stdout.isatty() else None))


def announce(prepared: Prepared, store: Store, *, yes: bool, told: bool, run: str = "") -> None:
    """Say in a line what the run will cost, and ask where that is much.

    `run` is the id of one that goes on. Nothing is said of a run that costs nothing. Nobody is
    asked in CI, or where there is no terminal. Raises UsageError where the answer is no.
    """
    invocation = prepared.invocation
    if invocation.mode == "replay" or invocation.offline or not told:
        return
    from reports.numbers import dollars
    from reports.planning import plan_line

    found = glance(prepared, store, run=run)
    again = _second_look(prepared, store) if invocation.confirm else None
    click.echo(plan_line(found, invocation.mode, again), err=True)
    prices = found.total.expected
    cost = prices.live if invocation.mode == "live" else prices.batch
    dear = cost is None or cost > ASK_ABOVE_USD
    if yes or invocation.budget is not None or not dear or not _somebody_there():
        return
    above = (
        "What it costs is not known" if cost is None else f"That is above {dollars(ASK_ABOVE_USD)}"
    )
    if not click.confirm(f"{above}. Go on?", err=True):
        raise UsageError(
            "not begun; nothing was sent. --yes does not ask, --budget USD sets a limit"
        )


def glance(prepared: Prepared, store: Store | None = None, *, run: str = "") -> Forecast:
    """The plan of a run, quickly: of some of its trials, and without asking anybody."""
    from harness.forecast.estimate import GLANCE, Sources, forecast
    from harness.prompt import ttl_of

    sources = Sources(
        prepared.registry,
        datetime.now(UTC),
        partial(_history, prepared, store, GLANCE_RESULTS),
        _shelf(prepared, store, run),
        _counts(),
        ttl_of(prepared.invocation.mode),
        GLANCE,
        prepared.finished,
        _traces(prepared, store, run, GLANCE_TRACES),
    )
    return forecast(prepared.trials, sources)


def _second_look(prepared: Prepared, store: Store) -> Share:
    """What asking all of it again comes to, of the run and of its baseline."""
    anew = replace(prepared, invocation=replace(prepared.invocation, fresh=True))
    return glance(anew, store).total.scaled(2)


def _somebody_there() -> bool:
    in_ci = os.environ.get("CI", "").lower() not in ("", "0", "false")
    return not in_ci and sys.stdin.isatty() and sys.stderr.isatty()


def _store(named: str | None) -> Store | None:
    """The store, where there is one: a plan makes none."""
    try:
        opened: Store = options.open_store(named, existing=True)
    except UsageError:
        return None
    return opened


def _planned(
    prepared: Prepared, store: Store | None, detect: float | None, *, offline: bool
) -> Forecast:
    """The whole plan."""
    from harness.forecast.estimate import Sources, forecast
    from harness.prompt import ttl_of

    history = _history(prepared, store)
    sources = Sources(
        prepared.registry,
        datetime.now(UTC),
        lambda: history,
        _shelf(prepared, store),
        None if offline else _counts(_counting(prepared)),
        ttl_of(prepared.invocation.mode),
        traces=_traces(prepared, store),
    )
    found = forecast(prepared.trials, sources)
    return replace(found, detection=_detections(prepared, history, detect))


def _history(prepared: Prepared, store: Store | None, most: int | None = None) -> History:
    from harness.forecast import history

    names = [suite.name for suite in prepared.suites]
    return history.read(store, names, most=most or history.MOST_RESULTS)


def _traces(
    prepared: Prepared, store: Store | None, run: str = "", most: int | None = None
) -> Tracing:
    """What runs have told of functions; simulated ones where a simulator is asked."""
    from harness.forecast import history, traces

    if store is None:
        return lambda _: traces.Traces()
    return partial(
        traces.read,
        store,
        run=run,
        alone=prepared.invocation.fresh,
        simulated=bool(prepared.environ.get("ANTHROPIC_BASE_URL")),
        most=most or history.MOST_RESULTS,
    )


def _shelf(prepared: Prepared, store: Store | None, run: str = "") -> Shelf | None:
    """The answers that a run may use: none before it began, where it asks anew."""
    from harness.forecast.shelf import shelf
    from harness.recorder import Space

    fresh = prepared.invocation.fresh
    if store is None or (fresh and not run):
        return None
    return shelf(store, Space(prepared.environ.get("ANTHROPIC_BASE_URL") or "", run, fresh=fresh))


def _counts(ask: Counts | None = None) -> Counts:
    """The tokens that were counted for earlier plans, and what `ask` says of the others."""
    from harness.forecast.counts import FILE, remembered
    from harness.settings import FOLDER

    return remembered(FOLDER / FILE, ask, warn=_warn)


def _counting(prepared: Prepared) -> Counts:
    """The API's count_tokens."""

    def count(requests: Sequence[Request]) -> tuple[list[int | None], str]:
        from harness.backends.access import Access
        from harness.backends.counting import count as counted

        try:
            access = Access.of(prepared.environ)
        except UsageError as error:
            return [None] * len(requests), str(error).partition(":")[0]
        return counted(access, requests)

    return count


def _warn(what: str) -> None:
    click.echo(f"warning: {what}", err=True)


def _detections(prepared: Prepared, history: History, wanted: float | None) -> dict[str, Detection]:
    """By suite with two candidates or more: what it finds, at what all of it costs."""
    from harness.forecast.detect import detection
    from harness.forecast.estimate import Sources, forecast

    sources = Sources(prepared.registry, datetime.now(UTC), lambda: history)
    by_suite = {}
    for suite in prepared.suites:
        trials = [trial for trial in prepared.trials if trial.suite is suite]
        repeats = Counter((trial.case.id, trial.candidate.name) for trial in trials)
        if len(suite.candidates) > 1 and trials:
            cost = forecast(trials, sources).total.expected  # of all, stored or not
            size = len({trial.case.id for trial in trials}), min(repeats.values())
            by_suite[suite.name] = detection(
                suite.name, size=size, cost=cost, history=history, wanted=wanted
            )
    return by_suite
