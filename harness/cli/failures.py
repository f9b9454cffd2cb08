"""How a command that fails says so: one message with its place, an exit code, no traceback."""

from __future__ import annotations

import traceback

import click

from harness.errors import HarnessError, SuiteError

INTERRUPTED = 130
OUR_FAULT = 70


def reported(cli: click.Command, args: list[str]) -> int:
    """Run the command; its exit code, after telling standard error what went wrong.

    `--debug` anywhere shows the traceback of what is told, and changes nothing else.
    """
    debug = "--debug" in args
    args = [arg for arg in args if arg != "--debug"]
    try:
        return int(cli.main(args, prog_name="harness", standalone_mode=False) or 0)
    except (click.exceptions.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except Exception as error:
        if debug:
            _say(traceback.format_exc().rstrip())
        return _told(error)


def _told(error: Exception) -> int:
    """The exit code of what went wrong, once standard error has it."""
    if isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    if isinstance(error, HarnessError):
        tell(error)
        return error.exit_code
    _say(f"error: {type(error).__name__}: {error}")
    _say("this is a fault of the harness; --debug shows where")
    return OUR_FAULT


def tell(error: HarnessError) -> None:
    """The error on standard error, every problem of it with its line of the file."""
    if not isinstance(error, SuiteError):
        _say(f"error: {error}")
        return
    from reports.problems import told

    _say(told(error.problems))
    count = len(error.problems)
    _say(f"{count} error{'s' if count > 1 else ''}; nothing was sent")


def _say(line: str) -> None:
    click.echo(line, err=True)
