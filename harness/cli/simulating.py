"""`harness simulate`: the local API server as a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli import options


@click.command(epilog="Example:  harness simulate suites --port 8765 --fault status=529,p=0.05")
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    default=8765,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="0 takes any free port.",
)
@click.option(
    "--seed", default=0, show_default=True, type=int, help="Of made-up answers and faults."
)
@click.option(
    "--latency",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0),
    metavar="S",
    help="Seconds before each answer.",
)
@click.option(
    "--jitter",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0),
    metavar="S",
    help="At most so many more.",
)
@click.option(
    "--tokens-per-second",
    type=click.FloatRange(0, min_open=True),
    metavar="N",
    help="The pace of streams.",
)
@click.option(
    "--batch-seconds",
    default=0.5,
    show_default=True,
    type=click.FloatRange(0),
    metavar="S",
    help="How long a message batch takes.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="SPEC",
    help="Such as status=529,p=0.1,retry_after=1 or create_drops,times=1 (may be repeated).",
)
@click.option(
    "--rpm", type=click.IntRange(1), metavar="N", help="Requests per minute and model class."
)
@click.option(
    "--itpm", type=click.IntRange(1), metavar="N", help="Input tokens per minute and model class."
)
@click.option(
    "--otpm", type=click.IntRange(1), metavar="N", help="Output tokens per minute and model class."
)
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="KEY",
    help="Let in this API key only (may be repeated).",
)
@options.MODELS_FILE
def simulate(
    paths: tuple[str, ...], host: str, port: int, models_file: str | None, **given: Any
) -> None:  # fmt: skip
    """Serve a Claude API on this machine that answers without a model.

    With PATHS, the scripts beside those suites say what is answered. Point any SDK at it with
    ANTHROPIC_BASE_URL and any API key.
    """
    from harness import settings as surroundings
    from harness.load import load
    from harness.offline import script_of
    from harness.simulator import Script, run_forever

    files = [Path(path) for path in paths]
    registry = surroundings.registry(files, Path.cwd(), models_file)
    script = script_of(load(files, registry), registry)[0] if files else Script()
    run_forever(
        _settings(script, given), registry=registry, host=host, port=port, on_start=_say_where
    )


def _settings(script: Any, given: dict[str, Any]) -> Any:
    from harness.errors import UsageError
    from harness.simulator import Fault, RateLimit, Settings

    try:
        return Settings(
            seed=given["seed"],
            latency_s=given["latency"],
            jitter_s=given["jitter"],
            faults=tuple(map(Fault.parse, given["faults"])),
            rate_limit=RateLimit(given["rpm"], given["itpm"], given["otpm"]),
            script=script,
            api_keys=frozenset(given["keys"]) or None,
            tokens_per_second=given["tokens_per_second"],
            batch_s=given["batch_seconds"],
        )
    except ValueError as error:
        raise UsageError(str(error)) from error


def _say_where(url: str) -> None:
    click.echo(f"simulated Claude API at {url} (nothing here comes from a model); Ctrl-C ends it")
    click.echo(f"  export ANTHROPIC_BASE_URL={url} ANTHROPIC_API_KEY=simulated")
