"""Items that pass in silence: without pytest's capture and logging, which take a third of its time.

Only where nothing is left that could print or log: the run is over, no other plugin and no conftest
takes part in the phases of an item, and no collector is set up or torn down with it.
"""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import pytest

PHASES = ("pytest_runtest_setup", "pytest_runtest_call", "pytest_runtest_teardown")
CAPTURING = ("capturemanager", "logging-plugin")
SILENT = ("_pytest.", "_hypothesis_pytestplugin", "pytest_cov.")
"""How the modules of plugins begin that say nothing in the phases of an item like ours."""
SELDOM = (20_000, 20, 100)
"""Thresholds of the garbage collector while there are only evals, which leave it little."""


class QuietHooks:
    """The hooks of an item, without those that capture what its phases print and log."""

    def __init__(self, hooks: Any, manager: pytest.PytestPluginManager) -> None:
        self._hooks = hooks
        capturing = [manager.get_plugin(name) for name in CAPTURING]
        left_out = [plugin for plugin in capturing if plugin is not None]
        for phase in PHASES:
            setattr(self, phase, manager.subset_hook_caller(phase, left_out))

    def __getattr__(self, name: str) -> Any:
        caller = getattr(self._hooks, name)
        setattr(self, name, caller)
        return caller


def nobody_speaks(manager: pytest.PytestPluginManager) -> bool:
    """Whether the phases of an item are pytest's own: what others print must be captured."""
    taking_part = [impl for name in PHASES for impl in getattr(manager.hook, name).get_hookimpls()]
    return all(impl.function.__module__.startswith(SILENT) for impl in taking_part)


def inner(items: Sequence[pytest.Item]) -> Iterator[pytest.Item]:
    """The items with which no collector is set up or torn down: both neighbours have the same."""
    for before, item, after in zip(items, items[1:], items[2:], strict=False):
        if before.parent is item.parent is after.parent:
            yield item


def collect_garbage_seldom(config: pytest.Config) -> None:
    """Until the end of the session, and not at the end of the process: a fifth of its time.

    For a session in which nothing but evals is run; ordinary tests may leave garbage that pytest
    has to find.
    """
    config.add_cleanup(partial(gc.set_threshold, *gc.get_threshold()))
    gc.set_threshold(*SELDOM)
    # Registered once, however many sessions there are in this process.
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)
