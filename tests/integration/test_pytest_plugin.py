"""Suites under pytest: names, selection, what a failure says, options and reports."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_bench import PAIR, Evals, paid

PASSING = 'answers: {"*": {"*": "{{ expected }}"}}'


@pytest.fixture
def evals(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Evals:
    return Evals(pytester, monkeypatch)


def ids(result: pytest.RunResult) -> list[str]:
    return [line for line in result.outlines if "::" in line and " " not in line]


def collected(evals: Evals, *args: str) -> list[str]:
    return ids(evals.run("--collect-only", "-q", *args))


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("", "", "pair.yaml::first[haiku]"),
        ("params:", "repeats: 2\nparams:", "pair.yaml::first[haiku-r2]"),
        ("prompt:", "prompts:\n  short:", "pair.yaml::first[haiku/short]"),
        ("haiku,", "{model: haiku, name: h},", "pair.yaml::first[h]"),
        ("tags: [odd, t", "repeats: 3, tags: [odd, t", "pair.yaml::first[sonnet-r3]"),
    ],
    ids=["plain", "repeats", "variants", "named", "repeats of a case"],
)
def test_an_item_is_named_by_case_candidate_and_repeat(
    evals: Evals, old: str, new: str, wanted: str
) -> None:
    evals.write("pair.yaml", PAIR.replace(old, new, 1))
    assert wanted in collected(evals)


def test_the_option_for_repeats_shows_in_the_names(evals: Evals) -> None:
    evals.pair()
    assert "pair.yaml::second[sonnet-r2]" in collected(evals, "--eval-repeats", "2")


@pytest.mark.parametrize(
    ("args", "count"),
    [
        ((), 6),
        (("-k", "first"), 2),
        (("-k", "haiku and not first"), 2),
        (("-k", "ticket-1"), 2),
        (("-m", "odd"), 4),
        (("-m", "even", "--strict-markers"), 2),
        (("-k", "skip"), 2),
        (("pair.yaml::second[sonnet]",), 1),
        (("pair.yaml::second",), 2),
        (("--deselect", "pair.yaml::second[sonnet]"), 5),
        (("pair.yaml", "pair.yaml::first[haiku]"), 6),
        ((".", "pair.yaml"), 6),
        (("--import-mode=importlib",), 6),
        (("--eval-models", "opus"), 3),
    ],
    ids=lambda value: " ".join(value) or "all" if isinstance(value, tuple) else "",
)
def test_what_pytest_selects_is_what_is_run(
    evals: Evals, args: tuple[str, ...], count: int
) -> None:
    evals.pair(answers=PASSING)
    evals.offline(*args).assert_outcomes(passed=count)
    assert len(evals.trials()) == count


def test_collecting_sends_nothing(evals: Evals, simulate: Callable[..., str]) -> None:
    evals.use(url := simulate(str(evals.pair())))
    assert len(collected(evals)) == 6
    assert paid(url) == 0
    assert not (evals.folder / ".harness").exists()


def test_only_what_is_selected_is_paid_for_and_only_once(
    evals: Evals, simulate: Callable[..., str]
) -> None:
    evals.use(url := simulate(str(evals.pair())))
    evals.run("-k", "first").assert_outcomes(passed=2)
    assert paid(url) == 2
    evals.run().assert_outcomes(passed=5, failed=1)
    evals.run("--lf").assert_outcomes(failed=1)
    evals.run("--ff").assert_outcomes(passed=5, failed=1)
    assert paid(url) == 6


def test_a_tag_that_pytest_gives_a_meaning_skips_nothing(evals: Evals) -> None:
    evals.pair(answers=PASSING)
    evals.offline("-k", "third").assert_outcomes(passed=2)


def test_a_suite_that_is_collected_twice_is_run_once(evals: Evals) -> None:
    evals.pair(answers=PASSING)
    evals.offline("--keep-duplicates", "pair.yaml", "pair.yaml").assert_outcomes(passed=12)
    assert len(evals.trials()) == 6


def test_two_suites_of_one_name_are_an_error_at_their_place(evals: Evals) -> None:
    evals.pair("a/one.yaml")
    evals.pair("b/two.yaml")
    result = evals.offline()
    result.stdout.fnmatch_lines(["*two.yaml:1:1: the suite 'pair' has the name of *one.yaml*"])
    assert result.ret == pytest.ExitCode.INTERRUPTED


def test_everything_wrong_in_a_suite_is_said_with_its_place_and_nothing_else(evals: Evals) -> None:
    evals.write("pair.yaml", PAIR.replace("equals", "equal").replace("params", "parms"))
    result = evals.offline()
    assert re.search(r"pair\.yaml:5:1: .*params", result.stdout.str())
    assert re.search(r"pair\.yaml:6:\d+: .*equals", result.stdout.str())
    assert "Traceback" not in result.stdout.str()


def test_an_item_that_is_gone_is_an_error_and_nothing_is_sent(evals: Evals) -> None:
    evals.pair()
    result = evals.offline("pair.yaml::fourth[haiku]")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*not found: *pair.yaml::fourth*"])
    assert not (evals.folder / ".harness").exists()


@pytest.mark.parametrize("text", ["a: 1\n", "x:\n  suite: 1\n", "# suite: x\n", ""])
def test_another_yaml_file_is_left_alone(evals: Evals, text: str) -> None:
    evals.write("other.yaml", text)
    assert evals.run("other.yaml").ret in (
        pytest.ExitCode.NO_TESTS_COLLECTED,
        pytest.ExitCode.USAGE_ERROR,
    )


@pytest.mark.parametrize(
    "wanted",
    [
        "pair.yaml:9: pair/second*sonnet* failed",
        "prompt:",
        "  Say two.",
        "answer (claude-sonnet-4-6, stop_reason end_turn):",
        "  certainly not",
        "graders:",
        "*equals: *certainly not*",
        "whole transcript: harness show 2*-* 'pair/second*sonnet*'",
        "FAILED pair.yaml::second?sonnet? - equals: *certainly not*",
    ],
)
def test_a_failure_says_where_what_was_asked_answered_and_wanted(evals: Evals, wanted: str) -> None:
    evals.pair()
    evals.offline("pair.yaml::second[sonnet]").stdout.fnmatch_lines([wanted])


def test_a_failure_shows_no_internals(evals: Evals) -> None:
    evals.pair()
    said = evals.offline().stdout.str()
    assert "pytest_items.py" not in said
    assert "Traceback" not in said


def test_a_long_answer_is_shown_by_its_end(evals: Evals) -> None:
    evals.pair(answers=f'answers: {{"*": {{"*": "begin {"x" * 5000} finish"}}}}')
    evals.write("pair.yaml", PAIR.replace("max_tokens: 20", "max_tokens: 9000"))
    said = evals.offline("pair.yaml::first[haiku]").stdout.str()
    assert "finish" in said
    assert "begin xx" not in said.split("graders:")[0].split("stop_reason end_turn")[1]


@pytest.mark.parametrize(
    ("grader", "said"),
    [("{python: 'g.py:broken'}", "ZeroDivisionError"), ("{python: 'g.py:none'}", "NoneType")],
    ids=["raises", "says nothing"],
)
def test_an_ungraded_trial_is_an_error_and_no_failure(evals: Evals, grader: str, said: str) -> None:
    evals.write("g.py", "def broken(text): return 1 / 0\ndef none(text): pass\n")
    evals.write("pair.yaml", PAIR.replace('{equals: "{{ expected }}"}', grader))
    result = evals.offline("-k", "first")
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines([f"ERROR pair.yaml::first?haiku? - *{said}*"])


def test_a_trial_without_an_answer_is_an_error(evals: Evals, simulate: Callable[..., str]) -> None:
    evals.use(simulate("--fault", "status=413"))
    evals.pair()
    result = evals.run("-k", "first")
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["  request_too_large: *", "prompt:", "  Say one."])


def test_junit_has_what_a_trial_took(evals: Evals) -> None:
    evals.pair()
    evals.offline("--junitxml", "junit.xml")
    case = next(ET.parse(evals.folder / "junit.xml").iter("testcase"))
    said = {p.get("name"): p.get("value") for p in case.iter("property")}
    assert case.get("name") == "first[haiku]"
    assert said["model"] == "claude-haiku-4-5-20251001"
    assert said["score"] == "1.0"
    assert int(said["input_tokens"] or 0) > 0
    assert int(said["output_tokens"] or 0) > 0
    assert float(said["cost_usd"] or 0) > 0


@pytest.mark.parametrize(
    "wanted",
    [
        "simulated: nothing here came from Claude",
        "sonnet * 67 % *",
        "inconclusive: pair pass_rate ?sonnet?: 66.7 % (*), wanted at least 70 %: *",
        "Cost: *, of which this run paid *",
        "Report: .harness/runs/*/report.html",
    ],
)
def test_the_summary_compares_and_says_what_it_cost(evals: Evals, wanted: str) -> None:
    evals.pair()
    evals.write("pair.yaml", PAIR.replace("cases:", "gates: [{pass_rate: {min: 0.7}}]\ncases:"))
    evals.offline().stdout.fnmatch_lines(["*= evals =*", wanted])


GATED = PAIR.replace("cases:", "gates: [{cost_usd: {max: 0}}]\ncases:")


def test_a_failed_gate_fails_a_session_without_a_failed_item(evals: Evals) -> None:
    evals.pair(answers=PASSING)
    evals.write("pair.yaml", GATED)
    result = evals.offline()
    result.assert_outcomes(passed=6)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["fail: pair cost_usd ?haiku?: *"])


def test_a_part_of_a_suite_fails_no_gate(evals: Evals) -> None:
    evals.pair(answers=PASSING)
    evals.write("pair.yaml", GATED)
    result = evals.offline("-k", "first")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*not judged: 1 of 3 cases selected"])


INI = {
    "models": ("opus", "*::first?opus? *"),
    "repeats": ("2", "*::first?haiku-r2? *"),
    "offline": ("true", "simulated: *"),
    "out": ("kept", "Report: */kept/report.html"),
    "store": ("kept.db", "*6 passed*"),
    "mode": ("replay", "*not in the store*"),
    "concurrency": ("1", "*6 passed*"),
    "fresh": ("true", "*6 passed*"),
    "strict": ("true", "*6 passed*"),
    "run": ("nobody", "*no run 'nobody'*"),
    "models-file": ("m.yaml", "*m.yaml*"),
}


@pytest.mark.parametrize("name", INI)
@pytest.mark.parametrize("dashed", [True, False], ids=["dashes", "underscores"])
def test_every_option_is_an_ini_key(evals: Evals, name: str, *, dashed: bool) -> None:
    value, wanted = INI[name]
    key = f"eval-{name}" if dashed else f"eval_{name}".replace("-", "_")
    evals.pair(answers=PASSING)
    evals.write("pytest.ini", f"[pytest]\naddopts = -v --strict-config\n{key} = {value}\n")
    evals.offline().stdout.fnmatch_lines([wanted])


def test_a_path_in_an_ini_file_is_meant_from_its_folder(evals: Evals) -> None:
    evals.pair("suites/pair.yaml", answers=PASSING)
    evals.write("pytest.ini", "[pytest]\neval_store = kept.db\neval_out = kept\n")
    evals.environ.chdir(evals.folder / "suites")
    evals.offline().assert_outcomes(passed=6)
    assert (evals.folder / "kept.db").exists()
    assert (evals.folder / "kept/report.html").exists()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--eval-mode", "fast"), "--eval-mode is live or batch or replay, not 'fast'"),
        (("--eval-repeats", "0"), "--eval-repeats takes a whole number from 1, not '0'"),
        (("--eval-concurrency", "x"), "--eval-concurrency takes a whole number from 1, not 'x'"),
        (("--eval-models", "haiku,"), "--eval-models takes models with commas between*"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_an_option_that_cannot_be_meant_is_refused(
    evals: Evals, args: tuple[str, ...], said: str
) -> None:
    result = evals.offline(*args)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{said}"])


def test_a_suite_in_a_folder_has_its_settings_beside_it(
    evals: Evals, simulate: Callable[..., str]
) -> None:
    url = simulate(str(evals.pair("suites/pair.yaml", answers=PASSING)))
    evals.write("suites/.env", f"ANTHROPIC_BASE_URL={url}\nANTHROPIC_API_KEY=simulated\n")
    evals.run("suites").assert_outcomes(passed=6)


def test_a_rootdir_elsewhere_and_no_cache_change_nothing(evals: Evals, tmp_path: Path) -> None:
    evals.pair(answers=PASSING)
    result = evals.offline("--rootdir", str(tmp_path.parent), "-p", "no:cacheprovider", "pair.yaml")
    result.assert_outcomes(passed=6)


def test_the_working_directory_may_hold_graders_of_a_package(evals: Evals) -> None:
    evals.write("our_checks/__init__.py", "")
    evals.write("our_checks/polite.py", "def please(text): return 'one' in text\n")
    evals.write(
        "pair.yaml", PAIR.replace('equals: "{{ expected }}"', "python: our_checks.polite:please")
    )
    evals.write("pair.answers.yaml", PASSING)
    evals.offline("-k", "first").assert_outcomes(passed=2)


HEAVY = {
    "aiohttp", "anthropic", "harness.run", "jinja2", "pydantic", "reports", "rich", "sqlalchemy",
    "yaml",
}  # fmt: skip


def test_a_project_without_suites_pays_nothing_for_the_plugin(evals: Evals) -> None:
    evals.write("other.yaml", "a: 1\n")
    evals.write("test_it.py", "def test_it(): pass\n")
    program = (
        "import sys, pytest; pytest.main(['-q']);"
        "print('loaded:', *sorted(name for name in sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=evals.folder, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert not HEAVY & set(ended.stdout.partition("loaded:")[2].split())
    assert "evals" not in ended.stdout.partition("loaded:")[0]
