"""`harness models`: what the model table says, and whether that still holds."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli import options
from harness.errors import HarnessError, SuiteError, UsageError

if TYPE_CHECKING:
    from harness.backends.modellist import Listed
    from harness.cli.modelcheck import Finding
    from harness.models import Model, Registry

CLASSES = ("input", "output", "cache_write_5m", "cache_write_1h", "cache_read")


@click.command(epilog="Example:  harness models --json")
@options.MODELS_FILE
@click.option("--all", "retired", is_flag=True, help="List retired models too.")
@click.option("--check", is_flag=True, help="Tell what is out of date instead.")
@click.option("--strict", is_flag=True, help="With --check: exit code 1 where anything is.")
@options.JSON
def models(
    models_file: str | None, *, retired: bool, check: bool, strict: bool, as_json: bool
) -> None:
    """List the models that are known: aliases, lifecycle, limits and dated prices.

    With --check, tell which of that is out of date: prices older than 90 days, models in use that
    are deprecated or retired, and, where there is a key, what the API's own list says otherwise.
    """
    from harness import settings

    if strict and not check:
        raise UsageError("--strict is of --check; write both")
    registry = settings.registry([], Path.cwd(), models_file)
    if check:
        _tell(_checked(registry), strict=strict, as_json=as_json)
        return
    rows = [_row(model, registry) for model in registry if retired or model.lifecycle != "retired"]
    if as_json:
        import orjson

        document = {"prices_as_of": registry.prices_as_of, "models": rows}
        click.echo(orjson.dumps(document, default=str).decode())
        return
    _print(rows, registry.prices_as_of)


def _checked(registry: Registry) -> list[Finding]:
    from harness.cli.modelcheck import of_list, of_prices, of_use

    today = datetime.now(UTC).date()
    used, problems = _in_use(registry, Path.cwd())
    listed, untold = _listed()
    return [
        *of_prices(registry, today),
        *of_use(registry, used, today),
        *problems,
        *untold,
        *(() if listed is None else of_list(registry, listed)),
    ]


def _in_use(registry: Registry, cwd: Path) -> tuple[list[tuple[str, str]], list[Finding]]:
    """The models that aliases and the suites below the folder name, and what cannot be read.

    Evals in Python are left out: to look at a table is no reason to run somebody's code.
    """
    from harness.cli.modelcheck import Finding
    from harness.find import find_suites, suite_folders
    from harness.load import load_file

    used = [(id_, f"the alias `{alias}`") for alias, id_ in registry.aliases.items()]
    unread: list[Finding] = []
    try:
        # Of a folder without suites the first is an error; here there is nothing to look at then.
        files = find_suites([cwd]) if len(suite_folders([cwd])) > 1 else []
    except SuiteError as error:
        return used, [Finding(f"suites cannot be read: {error}")]
    for file in (file for file in files if file.suffix != ".py"):
        try:
            suites = load_file(file, registry)
        except HarnessError as error:
            first = str(error).partition("\n")[0]
            unread.append(Finding(f"not looked at: {first} (`harness check` tells all)"))
            continue
        for suite in suites:
            used += [(one.model, f"the suite {suite.name}") for one in suite.candidates]
    return used, unread


def _listed() -> tuple[list[Listed] | None, list[Finding]]:
    """What the API lists; nothing without a key, and with the reason where it does not say."""
    from harness import settings
    from harness.backends.access import Access
    from harness.backends.live import connecting
    from harness.backends.modellist import listed
    from harness.backends.wire import FaultError
    from harness.cli.modelcheck import Finding

    try:
        access = Access.of(settings.environment(os.environ, (), Path.cwd()))
    except UsageError as error:
        reason = str(error).partition(":")[0]
        return None, [Finding(f"not compared with the API's list: {reason}", warning=False)]
    try:
        return asyncio.run(listed(connecting(access))), []
    except FaultError as error:
        return None, [Finding(f"the API's list of models cannot be read: {error.fault.reason}")]


def _tell(findings: Sequence[Finding], *, strict: bool, as_json: bool) -> None:
    warnings = [finding for finding in findings if finding.warning]
    notes = [finding for finding in findings if not finding.warning]
    if as_json:
        import orjson

        document = {"warnings": [f.message for f in warnings], "notes": [f.message for f in notes]}
        click.echo(orjson.dumps(document).decode())
    else:
        for finding in (*warnings, *notes):
            click.echo(f"{'warning' if finding.warning else 'note'}: {finding.message}")
        if not warnings:
            click.echo("the model table is up to date, as far as can be told")
    if warnings and strict:
        click.get_current_context().exit(1)


def _row(model: Model, registry: Registry) -> dict[str, Any]:
    rates = model.rates_on(datetime.now(UTC).date(), 0)
    names = [*(alias for alias, name in registry.aliases.items() if name == model.id)]
    return {
        "id": model.id,
        "aliases": [*names, *model.aliases],
        "lifecycle": model.lifecycle,
        "retires_on": model.retires_on,
        "context_tokens": model.context_tokens,
        "max_output_tokens": model.max_output_tokens,
        "min_cacheable_tokens": model.min_cacheable_tokens,
        "usd_per_mtok": {name: getattr(rates, name) if rates else None for name in CLASSES},
    }


def _print(rows: list[dict[str, Any]], prices_as_of: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("model", "aliases", "lifecycle", "context", "output"):
        table.add_column(title, no_wrap=title == "model")
    for title in ("$ in", "$ out", "$ write 5m", "$ write 1h", "$ read"):
        table.add_column(title, justify="right", no_wrap=True)
    for row in rows:
        retires = f", retires {row['retires_on']}" if row["retires_on"] else ""
        table.add_row(
            row["id"],
            ", ".join(row["aliases"]),
            f"{row['lifecycle'] or '–'}{retires}",
            _thousands(row["context_tokens"]),
            _thousands(row["max_output_tokens"]),
            *(_price(row["usd_per_mtok"][name]) for name in CLASSES),
        )
    # A pipe has no width to keep to, and a cut column helps nobody who searches it.
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(table)
    console.print(f"US dollars per million tokens, as of {prices_as_of}; a batch costs half.")


def _thousands(tokens: int | None) -> str:
    return "–" if tokens is None else f"{tokens // 1000:,}k"


def _price(rate: Decimal | None) -> str:
    return "–" if rate is None else f"{rate.normalize():f}"
