"""Which items pass without pytest's capture and logging, and what is called for them."""

from __future__ import annotations

import gc
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from harness.pytest_plugin.quiet import QuietHooks, collect_garbage_seldom, inner, nobody_speaks


class Noting:
    """A plugin that notes which hooks of it are called."""

    def __init__(self) -> None:
        self.called: list[str] = []

    def pytest_runtest_setup(self) -> None:
        """The phase that capture and logging surround as well."""
        self.called.append("setup")

    def pytest_runtest_logstart(self) -> None:
        """Some other hook."""
        self.called.append("logstart")


@pytest.mark.parametrize(
    ("parents", "found"),
    [
        pytest.param("aaaa", [1, 2], id="neither the first nor the last of a file"),
        pytest.param("aaabbb", [1, 4], id="in each file"),
        pytest.param("abab", [], id="not where the files take turns"),
        pytest.param("aa", [], id="none of two"),
        pytest.param("", [], id="none of none"),
    ],
)
def test_an_inner_item_has_both_neighbours_in_its_own_collector(
    parents: str, found: list[int]
) -> None:
    items: list[Any] = [
        SimpleNamespace(parent=parent, place=place) for place, parent in enumerate(parents)
    ]
    found_items: list[Any] = list(inner(items))
    assert [item.place for item in found_items] == found


def test_pytest_without_other_plugins_says_nothing_in_an_item() -> None:
    assert nobody_speaks(pytest.PytestPluginManager())


def test_a_plugin_that_takes_part_in_a_phase_may_speak() -> None:
    manager = pytest.PytestPluginManager()
    manager.register(Noting())
    assert not nobody_speaks(manager)


def test_a_plugin_that_only_looks_at_reports_does_not_speak() -> None:
    manager = pytest.PytestPluginManager()
    plugin = ModuleType("looking")
    plugin.pytest_runtest_logreport = lambda report: None  # type: ignore[attr-defined]
    manager.register(plugin)
    assert nobody_speaks(manager)


@pytest.mark.parametrize("name", ["capturemanager", "logging-plugin"])
def test_the_phases_leave_out_what_captures_and_nothing_else(name: str) -> None:
    manager, capturing, other = pytest.PytestPluginManager(), Noting(), Noting()
    manager.register(capturing, name)
    manager.register(other, "other")
    hooks = QuietHooks(manager.hook, manager)
    hooks.pytest_runtest_setup(item=None)
    hooks.pytest_runtest_logstart(nodeid="a", location=("a", 0, "a"))
    assert other.called == ["setup", "logstart"]
    assert capturing.called == ["logstart"]


def test_the_garbage_collector_is_as_before_when_the_session_ends() -> None:
    before, cleanups = gc.get_threshold(), []
    config: Any = SimpleNamespace(add_cleanup=cleanups.append)
    collect_garbage_seldom(config)
    assert gc.get_threshold() > before
    cleanups.pop()()
    assert gc.get_threshold() == before
