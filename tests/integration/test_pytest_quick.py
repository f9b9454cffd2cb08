"""Items whose results are there: they pass quickly, and tell pytest what every item tells it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from pytest_bench import Evals

WAITING = """
import threading

def pytest_runtest_logfinish():
    for thread in threading.enumerate():
        if thread.name == "evals":
            thread.join()

def pytest_sessionfinish(session):
    print("\\nquiet:", [int(bool(getattr(item, "quiet", 0))) for item in session.items])
"""
SPEAKING = """
def pytest_runtest_setup(item):
    print("about", item.name)
"""
NOTING = """
import json

def pytest_runtest_logreport(report):
    with open("reports.jsonl", "a") as file:
        said = [report.nodeid, report.location, report.when, report.outcome]
        file.write(json.dumps([*said, sorted(report.keywords), len(report.user_properties)]))
        file.write("\\n")
"""
MARKING = """
import pytest

def pytest_collection_modifyitems(items):
    items[2].add_marker(pytest.mark.skip(reason="not today"))
    items[3].add_marker(pytest.mark.xfail(reason="known", strict=True))
"""


@pytest.fixture
def evals(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Evals:
    return Evals(pytester, monkeypatch)


def test_items_whose_results_are_there_are_quiet(evals: Evals) -> None:
    evals.many(5)
    evals.write("conftest.py", WAITING)
    result = evals.offline("-s")
    result.assert_outcomes(passed=5)
    result.stdout.fnmatch_lines(["quiet: [[]0, 1, 1, 1, 0[]]"])


def test_an_item_that_fails_is_not_quiet(evals: Evals) -> None:
    evals.pair()
    evals.write("conftest.py", WAITING)
    result = evals.offline("-s")
    result.assert_outcomes(passed=5, failed=1)
    result.stdout.fnmatch_lines(["quiet: [[]0, 1, 1, 0, 1, 0[]]"])


def test_what_a_conftest_prints_in_an_item_is_captured(evals: Evals) -> None:
    evals.many(5)
    evals.write("conftest.py", WAITING + SPEAKING)
    result = evals.offline("-rP", "--tb=short")
    assert len(re.findall("Captured stdout setup", result.stdout.str())) == 5
    assert len(re.findall(r"^about c\d\[haiku\]$", result.stdout.str(), re.MULTILINE)) == 5


def reports(folder: Path) -> list[object]:
    """What the items reported, phase by phase."""
    file = folder / "reports.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines()
    file.unlink()
    return [json.loads(line) for line in lines]


def test_a_quiet_item_reports_what_every_item_reports(evals: Evals) -> None:
    evals.many(5)
    told = []
    for conftest in (WAITING + NOTING, WAITING + NOTING + SPEAKING):
        evals.write("conftest.py", conftest)
        evals.offline().assert_outcomes(passed=5)
        told.append(reports(evals.folder))
    assert told[0] == told[1]
    assert len(told[0]) == 15


def test_junit_has_every_quiet_item(evals: Evals) -> None:
    evals.many(5)
    evals.write("conftest.py", WAITING)
    evals.offline("--junitxml=junit.xml")
    cases = ElementTree.parse(evals.folder / "junit.xml").findall(".//testcase")
    assert [case.get("name") for case in cases] == [f"c{n}[haiku]" for n in range(5)]
    assert all(len(case.findall("properties/property")) == 7 for case in cases)


def test_marks_that_a_conftest_adds_hold_for_a_quiet_item(evals: Evals) -> None:
    evals.many(6)
    evals.write("conftest.py", WAITING + MARKING)
    result = evals.offline()
    result.assert_outcomes(passed=4, skipped=1, failed=1)
    result.stdout.fnmatch_lines(["*XPASS(strict)*known*"])


def test_a_quiet_item_leaves_what_an_ordinary_test_set_up_to_that_test(evals: Evals) -> None:
    evals.many(4)
    evals.write("conftest.py", WAITING)
    evals.write("test_after.py", "def test_it(capsys):\n    print('said')\n    assert 0\n")
    result = evals.offline("many.yaml", "test_after.py")
    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines(["*Captured stdout call*", "said"])
