"""Options that several commands share, and what they stand for."""

from __future__ import annotations

import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import click

from harness import baselines, settings
from harness.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])

run_name = baselines.run_name
PATHS = click.argument("paths", nargs=-1, required=True, type=click.Path())


def stated(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """The option's value; one that is given and empty, as from an unset variable, is refused."""
    if value is not None and not value.strip(" ,"):
        raise click.BadParameter("it is empty; leave the option out, or give it a value")
    return value


STORE = click.option(
    "--store",
    callback=stated,
    metavar="URL",
    help="Where answers are kept: a file or a database URL.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print data instead of a table.")
FORCE = click.option(
    "--force", is_flag=True, help="Compare a simulated run with a real one all the same."
)
MODELS_FILE = click.option(
    "--models-file", metavar="FILE", help="Models, aliases and prices on top of the built-in table."
)


def names(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...]:
    """`a,b` as a list of names."""
    given = stated(ctx, param, value) or ""
    return tuple(name.strip() for name in given.split(",") if name.strip())


def shard(
    _ctx: click.Context, _param: click.Parameter, value: str | None
) -> tuple[int, int] | None:
    """`2/5` as the second of five parts."""
    if value is None:
        return None
    part, _, parts = value.partition("/")
    if not (part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        raise click.BadParameter(f"{value!r} is no part; write 1/4 for the first of four")
    return int(part), int(parts)


def budget(_ctx: click.Context, _param: click.Parameter, value: str | None) -> Decimal | None:
    """`5`, `0.50` or `$5` as dollars above 0."""
    from harness.budget import usd

    return None if value is None else usd(value)


def apply(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Several options as one decorator, in the order they are listed."""

    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


WAIT = apply(
    click.option(
        "--no-wait", "wait", flag_value=False, default=True, help="Batches: look once, then leave."
    ),
    click.option(
        "--poll", "poll_s", type=click.FloatRange(0, min_open=True), metavar="S",
        envvar="HARNESS_BATCH_POLL_S", show_envvar=True,
        help="Batches: seconds between two looks; by their age, from 10 to 300, by default.",
    ),
)  # fmt: skip


def open_store(named: str | None, *, existing: bool = False) -> Any:
    """The store that was named, or the usual one; raises UsageError where it must exist."""
    from harness.store import Store

    url = settings.store_url(named, settings.environment(os.environ, (), Path.cwd()))
    if existing and url.startswith("sqlite:///") and not Path(url[10:]).exists():
        raise UsageError(f"there is no store at {url[10:]} yet; `harness run` makes one")
    return Store(url)
