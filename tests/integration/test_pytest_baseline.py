"""`--eval-baseline`: a pytest session beside an earlier run."""

from __future__ import annotations

import json

import pytest
from pytest_bench import Evals

GATE = "gates: [{regression: {margin: 0.5}}]\ncases:"


@pytest.fixture
def evals(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Evals:
    found = Evals(pytester, monkeypatch)
    file = found.many(20)
    file.write_text(file.read_text(encoding="utf-8").replace("cases:", GATE), encoding="utf-8")
    found.offline("--eval-out", "first").assert_outcomes(passed=20)
    return found


def gates(evals: Evals, out: str) -> list[str]:
    document = json.loads((evals.folder / out / "run.json").read_text(encoding="utf-8"))
    return [gate["verdict"] for gate in document["gates"]]


@pytest.mark.parametrize("named", ["latest", "first"], ids=["a run", "a folder of reports"])
def test_a_session_is_judged_beside_its_baseline(evals: Evals, named: str) -> None:
    evals.offline("--eval-baseline", named, "--eval-out", "out").assert_outcomes(passed=20)
    assert gates(evals, "out") == ["pass"]


def test_the_ini_file_names_a_baseline_from_its_own_folder(evals: Evals) -> None:
    evals.write("conf/pytest.ini", "[pytest]\neval_baseline = ../first\neval_out = ../out\n")
    evals.offline("-c", "conf/pytest.ini", "--rootdir", ".").assert_outcomes(passed=20)
    assert gates(evals, "out") == ["pass"]


def test_a_baseline_that_is_none_stops_the_session(evals: Evals) -> None:
    ended = evals.offline("--eval-baseline", "none.json")
    assert "baseline none.json: no such file" in ended.stdout.str()
    assert ended.ret != 0
