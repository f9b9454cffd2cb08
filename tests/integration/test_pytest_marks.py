"""Items tell pytest what every item tells it, and heed the marks that others give them."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from pytest_bench import Evals

MARKING = """
import pytest

def pytest_collection_modifyitems(items):
    items[2].add_marker(pytest.mark.skip(reason="not today"))
    items[3].add_marker(pytest.mark.xfail(reason="known", strict=True))
"""


@pytest.fixture
def evals(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Evals:
    return Evals(pytester, monkeypatch)


def test_junit_has_every_item(evals: Evals) -> None:
    evals.many(5)
    evals.offline("--junitxml=junit.xml")
    cases = ElementTree.parse(evals.folder / "junit.xml").findall(".//testcase")
    assert [case.get("name") for case in cases] == [f"c{n}[haiku]" for n in range(5)]
    assert all(len(case.findall("properties/property")) == 7 for case in cases)


def test_marks_that_a_conftest_adds_hold_for_an_item(evals: Evals) -> None:
    evals.many(6)
    evals.write("conftest.py", MARKING)
    result = evals.offline()
    result.assert_outcomes(passed=4, skipped=1, failed=1)
    result.stdout.fnmatch_lines(["*XPASS(strict)*known*"])
