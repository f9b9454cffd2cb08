"""`harness check`: everything that can be wrong with suites, before anything is sent."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from harness.cli import options
from harness.invocation import Invocation


def _print_schema(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        from harness.schema import schema_text

        click.echo(schema_text(), nl=False)
        ctx.exit()


@click.command(epilog="Example:  harness check suites")
@options.PATHS
@click.option("--models", callback=options.names, metavar="A,B", help="Check with these models.")
@options.MODELS_FILE
@options.JSON
@click.option(
    "--schema",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_schema,
    help="Print the JSON Schema of suites for editors, and exit.",
)
def check(
    paths: tuple[str, ...], models: tuple[str, ...], models_file: str | None, *, as_json: bool
) -> None:
    """Validate the suites in PATHS: files, templates, graders, parameters. Sends nothing."""
    from harness import offline
    from harness.prepare import prepare

    invocation = Invocation(paths=paths, models=models, models_file=models_file)
    prepared = prepare(invocation, os.environ, Path.cwd())
    offline.script_of(prepared.suites, prepared.registry)
    warnings = [*prepared.warnings]
    if not models:  # a script is not for candidates that replace the suites' own
        warnings += offline.warnings_of(prepared.suites, prepared.registry)
    if as_json:
        import orjson

        click.echo(orjson.dumps([_facts(suite) for suite in prepared.suites]).decode())
        return
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
    for suite in prepared.suites:
        candidates = ", ".join(candidate.name for candidate in suite.candidates)
        click.echo(f"{suite.path}: {_cases(len(suite.cases))} for {candidates}")
    click.echo("no errors; nothing was sent")


def _cases(count: int) -> str:
    return f"{count} case{'' if count == 1 else 's'}"


def _facts(suite: Any) -> dict[str, Any]:
    return {
        "suite": suite.name,
        "path": str(suite.path),
        "cases": len(suite.cases),
        "candidates": [candidate.name for candidate in suite.candidates],
    }
