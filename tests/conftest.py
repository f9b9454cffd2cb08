"""Fixtures for all tests: no settings of the machine, local servers, the command as a process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np  # noqa: F401 (pytester forgets modules, and this one cannot load twice)
import pytest
from hypothesis import settings
from local_api import Behaviour, LocalApi

# The first example of a test may import numpy, and machines are slow: no deadline an example.
settings.register_profile("project", deadline=None)
settings.load_profile("project")

SETTINGS = ("ANTHROPIC_", "CLAUDE_", "HARNESS_STORE")


@pytest.fixture(autouse=True)
def _no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(SETTINGS)]:
        monkeypatch.delenv(name)


@pytest.fixture
def serve() -> Iterator[Callable[[Behaviour], LocalApi]]:
    """A server that behaves as a function says, for the length of the test."""
    with ExitStack() as stack:
        yield lambda behave: stack.enter_context(LocalApi(behave))


@pytest.fixture
def simulate() -> Iterator[Callable[..., str]]:
    """Starts `harness simulate` in a process of its own; its URL."""
    begun: list[subprocess.Popen[str]] = []

    def start(*options: str) -> str:
        process = subprocess.Popen(
            [sys.executable, "-m", "harness", "simulate", "--port", "0", *options],
            stdout=subprocess.PIPE,
            text=True,
        )
        begun.append(process)
        assert process.stdout is not None
        words = process.stdout.readline().split()
        return next(word for word in words if word.startswith("http"))

    yield start
    for process in begun:
        process.kill()
        process.communicate()


class Harness:
    """The command `harness` in a folder, with an environment of its own."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self.folder = folder
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self.environ = {**kept, "PYTHONWARNINGS": "default", **environ}

    def start(self, *args: str) -> subprocess.Popen[str]:
        """The process, just begun."""
        return subprocess.Popen(
            [sys.executable, "-m", "harness", *args],
            cwd=self.folder, env=self.environ, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def __call__(self, *args: str) -> tuple[int, str, str]:
        """Exit code, standard output and standard error."""
        with self.start(*args) as process:
            out, err = process.communicate(timeout=60)
        return process.returncode, out, err


@pytest.fixture
def harness(tmp_path: Path) -> Callable[..., Harness]:
    """The command in the test's folder; keywords are its environment."""
    return lambda **environ: Harness(tmp_path, **environ)
