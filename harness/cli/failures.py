"""How a command that fails says so: one message with its place, an exit code, no traceback."""

from __future__ import annotations

import os
import sys

import click

from harness.errors import HarnessError, SuiteError

INTERRUPTED = 130
OUR_FAULT = 70


def reported(cli: click.Command, args: list[str]) -> int:
    """Run the command; its exit code, after telling standard error what went wrong.

    `--debug` anywhere shows the traceback of what is told.
    """
    debug = "--debug" in args
    args = [arg for arg in args if arg != "--debug"]
    try:
        return int(cli.main(args, prog_name="harness", standalone_mode=False) or 0)
    except click.exceptions.Abort:
        return INTERRUPTED
    except KeyboardInterrupt:
        return INTERRUPTED
    except click.ClickException as error:
        if debug:
            raise
        error.show()
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except HarnessError as error:
        if debug:
            raise
        tell(error)
        return error.exit_code
    except Exception as error:
        if debug:
            raise
        _say(f"error: {type(error).__name__}: {error}")
        _say("this is a fault of the harness; --debug shows where")
        return OUR_FAULT


def tell(error: HarnessError) -> None:
    """The error on standard error, every problem of it on a line of its own."""
    if not isinstance(error, SuiteError):
        _say(f"error: {error}")
        return
    for problem in error.problems:
        _say(str(problem))
    count = len(error.problems)
    _say(f"{count} error{'s' if count > 1 else ''}; nothing was sent")


def _say(line: str) -> None:
    click.echo(line, err=True)
