"""`harness route`: which candidate of a stored run the traffic should go to. No API."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli import options
from harness.errors import HarnessError, UsageError

if TYPE_CHECKING:
    from harness.analysis.cascade import Cascade
    from harness.analysis.routes_by_tag import TagRouting
    from harness.analysis.routing import Routing
    from harness.analysis.traffic import Traffic

INVALID = 3


class InvalidRunError(HarnessError):
    """Too much of the run is missing to route by it."""

    exit_code = INVALID


@click.command(epilog="Example:  harness route latest --reference opus --write routing.yaml")
@click.argument("name", metavar="RUN")
@click.option(
    "--reference",
    callback=options.stated,
    metavar="NAME",
    help="The candidate that the others must not be worse than; the dearest by default.",
)
@click.option(
    "--margin",
    type=float,
    default=0.02,
    show_default=True,
    metavar="D",
    help="How much worse is still good enough, as a difference of pass rates.",
)
@click.option(
    "--alpha",
    type=float,
    default=0.05,
    show_default=True,
    metavar="A",
    help="The chance of a false claim, one-sided, over all candidates together.",
)
@click.option("--by", type=click.Choice(["tag"]), help="A route for each tag too.")
@click.option(
    "--tags", callback=options.names, metavar="A,B", help="The tags that route; all by default."
)
@click.option(
    "--signal",
    callback=options.stated,
    metavar="GRADER",
    help="Simulate cascades that escalate by the score of this grader.",
)
@click.option(
    "--write",
    "target",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the policy, such as routing.yaml.",
)
@options.STORE
@options.JSON
def route(
    name: str, store: str | None, target: Path | None, *, as_json: bool, **asked: Any
) -> None:
    """Say which candidate of RUN the traffic should go to: the cheapest that is good enough."""
    from harness.analysis.cascade import cascades
    from harness.analysis.noninferior import Rule
    from harness.analysis.routes_by_tag import tag_routing
    from harness.analysis.routing import routing

    if asked["tags"] and not asked["by"]:
        raise UsageError("--tags names the tags that route; write --by tag with it")
    rule = Rule(asked["margin"], asked["alpha"])
    traffic = _traffic(name, store, asked["signal"])
    found = routing(traffic, rule, asked["reference"])
    by_tag = tag_routing(traffic, rule, found.reference, asked["tags"]) if asked["by"] else None
    several = cascades(traffic, found.reference)
    _show(found, by_tag, several, as_json=as_json)
    if found.recommended is None:
        raise InvalidRunError(f"the run does not allow a routing verdict: {found.why}")
    if target is not None:
        _write(target, traffic, found, by_tag)
        click.echo(f"wrote {target}", err=True)


def _traffic(name: str, store: str | None, signal: str | None) -> Traffic:
    from harness.analysis.traffic import traffic_of

    opened = options.open_store(store, existing=True)
    try:
        run = opened.run(options.run_name(name))
        return traffic_of(run, opened.results(run.id), signal=signal, texts=True)
    finally:
        opened.close()


def _show(
    found: Routing,
    by_tag: TagRouting | None,
    several: tuple[Cascade, ...],
    *,
    as_json: bool,
) -> None:
    if as_json:
        from harness.codec import dump

        document = {"routing": found, "by_tag": by_tag, "cascades": several}
        click.echo(dump(document).decode())
        return
    from rich.console import Console

    from reports.routing import print_routing

    print_routing(Console(), found, by_tag, several)


def _write(target: Path, traffic: Traffic, found: Routing, by_tag: TagRouting | None) -> None:
    from harness.analysis.policy import comment, policy
    from harness.router import write_policy

    document = policy(traffic.run, found, by_tag, written_at=datetime.now(UTC))
    write_policy(target, document, comment(simulated=found.simulated))
