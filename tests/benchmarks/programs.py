"""What is started: the harness, the bare script it is compared with, and the simulator."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PYTHON = sys.executable
BARE = Path(__file__).with_name("bare.py")
TRIAL_FAILURES = (0, 1)
"""Exit codes of a run that was carried through."""


def harness() -> list[str]:
    """The installed command, or the package where the command is not beside the interpreter."""
    command = Path(PYTHON).with_name("harness")
    return [str(command)] if command.exists() else [PYTHON, "-m", "harness"]


def access(url: str) -> dict[str, str]:
    """The environment in which a client finds the simulator."""
    return {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "simulated"}


@contextlib.contextmanager
def simulator(suite: Path, *, latency_s: float = 0.0) -> Iterator[str]:
    """The URL of a simulator in a process of its own, which answers as the suite expects."""
    options = ["--port", "0", "--latency", str(latency_s)]
    with subprocess.Popen(
        [*harness(), "simulate", str(suite), *options],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as server:
        try:
            assert server.stdout is not None
            said = server.stdout.readline()
            urls = [word for word in said.split() if word.startswith("http")]
            if not urls:
                raise RuntimeError(f"the simulator did not start: {said!r}")
            yield urls[0]
        finally:
            server.terminate()
