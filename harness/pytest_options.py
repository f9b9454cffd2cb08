"""The options of the pytest plugin, from the command line or an ini file. Light."""

from __future__ import annotations

from typing import Any

import pytest

OPTIONS: dict[str, tuple[str, str | None, str]] = {
    "models": ("A,B", None, "ask these models instead of the suites' own"),
    "mode": ("MODE", "live", "live or replay"),
    "repeats": ("N", None, "trials of each case and candidate"),
    "concurrency": ("N", "64", "requests under way at once"),
    "out": ("DIR", None, "where the reports go"),
    "store": ("URL", None, "where answers are kept"),
    "run": ("RUN", None, "go on with this run"),
    "models-file": ("FILE", None, "models, aliases and prices on top of the built-in table"),
}
FLAGS: dict[str, str] = {
    "offline": "use the built-in simulator; nothing comes from Claude",
    "fresh": "use no stored answer of another run",
    "strict": "let an inconclusive gate fail",
}
SESSION: pytest.StashKey[Any] = pytest.StashKey()
"""Where the evals of a pytest session are kept, once there are any."""


def option(config: pytest.Config, name: str) -> Any:
    """An option from the command line, else from the ini file, else its default."""
    given = config.getoption(f"eval_{name.replace('-', '_')}")
    for key in (f"eval_{name.replace('-', '_')}", f"eval-{name}"):
        if given is None or given == "":
            given = config.getini(key)
    if given is None or given == "":
        return OPTIONS[name][1] if name in OPTIONS else False
    return given
