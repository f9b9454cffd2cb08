"""The command `harness`: each command in a module of its own, imported when it is used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

import click

from harness.cli.failures import reported
from harness.cli.pipes import forgiving
from harness.garbage import no_last_look, rare_collections

GROUPS: dict[str, dict[str, tuple[str, str]]] = {
    "Run": {
        "run": ("running", "Ask the models, grade the answers, write the reports."),
        "resume": ("running", "Go on with a run that was stopped."),
        "plan": ("planning", "Tell what a run would ask and cost; ask no model."),
        "check": ("checking", "Validate suites; send nothing."),
        "init": ("starting", "Write a first suite, ready to run."),
    },
    "Look": {
        "runs": ("stored", "List the runs in the store."),
        "show": ("stored", "Show a run, or the transcript of one trial."),
        "report": ("stored", "Write the reports of a stored run again."),
        "compare": ("comparing", "Show stored runs side by side, with their differences."),
        "baseline": ("comparing", "Print a run as a file that later runs are compared with."),
        "route": ("routing", "Say which candidate the traffic should go to."),
        "costs": ("costing", "Tell what was spent, and what was saved."),
        "batches": ("batching", "List, cancel, adopt or forget the batches behind the runs."),
    },
    "Judges": {
        "label": ("calibrating", "Write a sheet of judged answers for people to label."),
        "calibrate": ("calibrating", "Compare judges with people's labels; correct pass rates."),
    },
    "Surroundings": {
        "models": ("modeltable", "List models: aliases, lifecycle, limits, prices."),
        "simulate": ("simulating", "Serve a local Claude API that answers without a model."),
    },
}
COMMANDS = {name: entry for group in GROUPS.values() for name, entry in group.items()}
EPILOG = """\
Example:  harness run suites --offline

Every command takes --help, and --debug to show the traceback of an error.
Exit codes: 0 gates hold, 1 a gate failed, 2 usage or suite error, 3 too much missing or the API
refused, 4 budget, 5 batches still processing, 130 interrupted.
"""


class Commands(click.Group):
    """A group that imports a command when it is called, and lists all without importing any."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"harness.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that `args` name, or an error that names the nearest one."""
        if args and args[0] not in COMMANDS:
            from harness.errors import did_you_mean

            ctx.fail(f"no command {args[0]!r}{did_you_mean(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The commands by group, from the table."""
        for title, commands in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name, text) for name, (_module, text) in commands.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The epilog as it is written."""
        formatter.write_paragraph()
        formatter.write(EPILOG)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="claude-eval-harness", prog_name="harness")
def cli() -> None:
    """Evaluate Claude models: YAML suites in, cost and quality compared out."""


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    given = list(sys.argv[1:] if args is None else args)
    no_last_look()
    with rare_collections(), forgiving():
        code = reported(cli, given)
    sys.exit(code)
