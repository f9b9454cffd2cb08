"""The pytest plugin: suites and evals as test items. Light: what is heavy waits for a suite.

Claims YAML files with a top-level `suite:` and objects made by `@evaluation`; in a project that
has neither it adds its options and does nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from harness.garbage import Restraint
from harness.pytest_plugin.options import (
    FLAGS,
    OPTIONS,
    RESTRAINT,
    SESSION,
    ini_keys,
    require_sound,
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Each option as `--eval-NAME`, and as the ini keys `eval_NAME` and `eval-NAME`."""
    group = parser.getgroup("evals", "evals of Claude models")
    for name, (metavar, default, text) in OPTIONS.items():
        told = f"{text} (default: {default})" if default else text
        group.addoption(f"--eval-{name}", metavar=metavar, default=None, help=told)
        for key in ini_keys(name):
            parser.addini(key, text, type="string", default=None)
    for name, text in FLAGS.items():
        group.addoption(f"--eval-{name}", action="store_true", default=None, help=text)
        for key in ini_keys(name):
            parser.addini(key, text, type="bool", default=None)


def pytest_configure(config: pytest.Config) -> None:
    """Refuse options that cannot be meant, before anything is collected."""
    require_sound(config)
    config.stash[RESTRAINT] = Restraint()
    # Here, so that it comes after the cleanups of pytest itself, which are undone in turn.
    config.add_cleanup(config.stash[RESTRAINT].let_go)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A suite file as a collector; any other file is none of ours."""
    if file_path.suffix not in (".yaml", ".yml"):
        return None
    from harness.find import is_suite

    if not is_suite(file_path):
        return None
    from harness.pytest_plugin.items import SuiteFile

    return SuiteFile.from_parent(parent, path=file_path)


def pytest_pycollect_makeitem(
    collector: pytest.Collector, name: str, obj: object
) -> pytest.Collector | None:
    """An `@evaluation` as a collector; nothing else can be one where none was imported."""
    made = sys.modules.get("harness.evals")
    if made is None or not isinstance(obj, made.Evaluation):
        return None
    from harness.pytest_plugin.items import EvaluationNode

    node: pytest.Collector = EvaluationNode.from_parent(collector, name=name, evaluation=obj)
    return node


def pytest_collection_finish(session: pytest.Session) -> None:
    """Note which trials are selected; nothing else will be paid for."""
    if SESSION in session.config.stash:
        from harness.pytest_plugin.items import TrialItem

        chosen = [item for item in session.items if isinstance(item, TrialItem)]
        alone = len(chosen) == len(session.items)
        session.config.stash[SESSION].select(chosen, alone=alone)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop what still runs, write the reports, and let a failed gate fail the session."""
    if SESSION in session.config.stash:
        code = session.config.stash[SESSION].finish()
        if code and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """The comparison, what it cost, and where the report is."""
    if SESSION in config.stash:
        config.stash[SESSION].summarise(terminalreporter)
