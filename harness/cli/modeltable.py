"""`harness models`: what the model table says."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli import options

if TYPE_CHECKING:
    from harness.models import Model, Registry

CLASSES = ("input", "output", "cache_write_5m", "cache_write_1h", "cache_read")


@click.command(epilog="Example:  harness models --json")
@options.MODELS_FILE
@click.option("--all", "retired", is_flag=True, help="List retired models too.")
@options.JSON
def models(models_file: str | None, *, retired: bool, as_json: bool) -> None:
    """List the models that are known: aliases, lifecycle, limits and dated prices."""
    from harness import settings

    registry = settings.registry([], Path.cwd(), models_file)
    rows = [_row(model, registry) for model in registry if retired or model.lifecycle != "retired"]
    if as_json:
        import orjson

        document = {"prices_as_of": registry.prices_as_of, "models": rows}
        click.echo(orjson.dumps(document, default=str).decode())
        return
    _print(rows, registry.prices_as_of)


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
