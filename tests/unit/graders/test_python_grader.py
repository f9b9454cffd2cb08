"""Functions of the user's as graders: how they are found, called and believed."""

from __future__ import annotations

import pytest

from harness.errors import GraderError

CODE = """
from dataclasses import dataclass
from harness.records import Grade

@dataclass
class Seen:
    text: str

def polite(text): return "please" in text
def ratio(text): return 0.6
def over(text): return 1.5
def nan(text): return float("nan")
def nothing(text): pass
def graded(conversation, *, wanted="x"):
    return Grade(Seen(conversation.text).text == wanted, reason="looked")
def expected(answer, vars): return answer.text == vars["expected"]
def at_least(text, limit, min=0): return len(text) >= limit
def anything(**options): return options == {"limit": 3}
def raises(text): raise KeyError("lost\\nit")
def leaves(text): raise SystemExit(3)
def bad_grade(text): return Grade(True, 7.0)
def positional(text, /): return True
async def later(text): return True
NUMBER = 3
"""


@pytest.fixture
def suite(tmp_path):
    (tmp_path / "checks.py").write_text(CODE)
    (tmp_path / "broken.py").write_text("1 / 0")
    (tmp_path / "syntax.py").write_text("def f(:")
    return tmp_path


@pytest.mark.parametrize(
    ("item", "text", "passed", "reason"),
    [
        ({"python": "checks.py:polite"}, "please", True, "the function returned True"),
        ({"python": "checks.py:polite"}, "now", False, "the function returned False"),
        ({"python": "checks.py:graded"}, "x", True, "looked"),
        ({"python": "checks.py:graded", "wanted": "y"}, "x", False, "looked"),
        ({"python": "checks.py:expected"}, "billing", True, None),
        ({"python": "checks.py:ratio", "min": 0.6}, "", True, "score 0.6, at least 0.6 wanted"),
        ({"python": "checks.py:ratio", "min": 0.7}, "", False, "score 0.6, at least 0.7 wanted"),
        ({"python": {"function": "checks.py:at_least", "limit": 3}}, "abc", True, None),
        ({"python": "checks.py:anything", "limit": 3}, "", True, None),
        ({"python": "checks.py:ratio"}, "", None, "the function returned the score 0.6, and no"),
        ({"python": "checks.py:over", "min": 0}, "", None, "the function returned 1.5; a score is"),
        ({"python": "checks.py:nan", "min": 0}, "", None, "the function returned nan; a score is"),
        ({"python": "checks.py:nothing"}, "", None, "the function returned a NoneType, not a bool"),
        ({"python": "checks.py:bad_grade"}, "", None, "the function returned passed=True, score=7"),
        ({"python": "checks.py:raises"}, "", None, "`python` broke: KeyError: 'lost\\nit'"),
        ({"python": "checks.py:leaves"}, "", None, "`python` broke: SystemExit: 3"),
    ],
    ids=lambda v: str(v)[:50],
)
def test_what_a_function_returns_becomes_a_grade(graded, suite, item, text, passed, reason):
    grade = graded(item, text, folder=suite, variables={"expected": "billing"})
    assert grade.passed is passed
    assert reason is None or grade.reason.startswith(reason)


def test_a_function_may_be_importable(graded, suite, monkeypatch):
    monkeypatch.syspath_prepend(str(suite))
    (suite / "harness_test_importable.py").write_text("def yes(text): return True")
    assert graded({"python": "harness_test_importable:yes"}, "", folder=suite).passed


def test_a_file_is_loaded_once(graded, suite):
    (suite / "count.py").write_text(
        "calls = []\ndef f():\n calls.append(1)\n return len(calls) > 1"
    )
    assert graded({"python": "count.py:f"}, "", folder=suite).passed is False
    assert graded({"python": "count.py:f"}, "", folder=suite).passed is True


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ({"python": "checks.py"}, "names no function"),
        ({"python": "checks.py:polit"}, "did you mean `polite`"),
        ({"python": "checks.py:NUMBER"}, "has no function 'NUMBER'"),
        ({"python": "absent.py:f"}, "absent.py"),
        ({"python": "builtins:iter"}, "does not say what it takes"),
        ({"python": "../checks.py:f"}, "outside the suite's folder"),
        ({"python": "broken.py:f"}, "'broken.py' cannot be loaded: ZeroDivisionError"),
        ({"python": "syntax.py:f"}, "SyntaxError: .*line 1"),
        ({"python": "no_such_module_here:f"}, "cannot be imported: ModuleNotFoundError"),
        ({"python": "checks.py:graded", "wantd": "y"}, "takes no `wantd`; did you mean `wanted`"),
        ({"python": "checks.py:polite", "text": "y"}, "`text` is given by the harness"),
        ({"python": "checks.py:at_least"}, "missing a required argument: 'limit'"),
        ({"python": "checks.py:positional"}, "cannot be called"),
        ({"python": "checks.py:later"}, "a grader is a plain function"),
        ({"python": "checks.py:ratio", "min": 2}, "between 0 and 1"),
        ({"python": "checks.py:anything", "context": 2}, "no option `context`"),
    ],
    ids=lambda v: str(v)[:50],
)
def test_a_function_that_cannot_be_called_is_an_error(graded, suite, item, problem):
    with pytest.raises(GraderError, match=problem):
        graded(item, "", folder=suite)
