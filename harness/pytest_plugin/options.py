"""The options of the pytest plugin, from the command line or an ini file. Light."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.garbage import Restraint

OPTIONS: dict[str, tuple[str, str | None, str]] = {
    "models": ("A,B", None, "ask these models instead of the suites' own"),
    "mode": ("MODE", None, "live (default), batch, or replay"),
    "repeats": ("N", None, "trials of each case and candidate"),
    "budget": ("USD", None, "spend at most so many dollars, judges included"),
    "concurrency": ("N", "64", "requests under way at once"),
    "out": ("DIR", None, "where the reports go"),
    "store": ("URL", None, "where answers are kept"),
    "poll": ("S", None, "batches: seconds between two looks"),
    "run": ("RUN", None, "go on with this run, in its mode"),
    "baseline": ("RUN|FILE", None, "compare with this run, or with a file of `harness baseline`"),
    "models-file": ("FILE", None, "models, aliases and prices on top of the built-in table"),
}
FLAGS: dict[str, str] = {
    "offline": "use the built-in simulator; nothing comes from Claude",
    "fresh": "use no stored answer of another run",
    "strict": "let an inconclusive gate fail",
    "force": "compare with the baseline although one of the two is simulated",
    "no-wait": "batches: look once, and skip what is not answered yet",
}
MODES = ("live", "batch", "replay")
PATHS = ("out", "store", "models-file", "baseline")
"""Options that name files: in an ini file they are meant from its folder."""
SESSION: pytest.StashKey[Any] = pytest.StashKey()
"""Where the evals of a pytest session are kept, once there are any."""
RESTRAINT: pytest.StashKey[Restraint] = pytest.StashKey()
"""Where it is kept what a session asks of the garbage collector."""


def ini_keys(name: str) -> tuple[str, ...]:
    """The keys of an option in an ini file: as in the documents, and with dashes."""
    return tuple(dict.fromkeys((f"eval_{name.replace('-', '_')}", f"eval-{name}")))


def option(config: pytest.Config, name: str) -> Any:
    """An option from the command line, else from the ini file, else its default."""
    given = config.getoption(f"eval_{name.replace('-', '_')}")
    if given not in (None, ""):
        return given
    for key in ini_keys(name):
        said = config.getini(key)
        if said not in (None, ""):
            return _from_ini(config, name, said) if name in PATHS else said
    return OPTIONS[name][1] if name in OPTIONS else False


def _from_ini(config: pytest.Config, name: str, said: str) -> str:
    if config.inipath is None or "://" in said:
        return said
    path = Path(config.inipath.parent, said)
    # A baseline may be a run's id as well.
    return str(path) if name != "baseline" or path.exists() else said


def require_sound(config: pytest.Config) -> None:
    """Raise pytest.UsageError with every option that cannot be meant."""
    problems = list(_problems(config))
    if problems:
        raise pytest.UsageError("; ".join(problems))


def _problems(config: pytest.Config) -> Iterator[str]:
    mode = option(config, "mode")
    if mode is not None and mode not in MODES:
        yield f"--eval-mode is {' or '.join(MODES)}, not {mode!r}"
    poll = option(config, "poll") or os.environ.get("HARNESS_BATCH_POLL_S")
    if poll and not _is_positive(str(poll)):
        yield f"--eval-poll (HARNESS_BATCH_POLL_S) takes a number of seconds above 0, not {poll!r}"
    budget = option(config, "budget")
    if budget and not _is_positive(str(budget).strip().removeprefix("$")):
        yield f"--eval-budget takes dollars above 0, as in --eval-budget 5.00, not {budget!r}"
    for name in ("repeats", "concurrency"):
        text = option(config, name)
        if text is not None and not (str(text).isdecimal() and int(text) >= 1):
            yield f"--eval-{name} takes a whole number from 1, not {text!r}"
    models = option(config, "models")
    if models is not None and not all(part.strip() for part in str(models).split(",")):
        yield f"--eval-models takes models with commas between, not {models!r}"


def _is_positive(text: str) -> bool:
    try:
        return 0 < float(text) < float("inf")
    except ValueError:
        return False
