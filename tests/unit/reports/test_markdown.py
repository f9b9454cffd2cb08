"""report.md."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from harness.analysis.compare import compare
from harness.analysis.comparison import Comparison, GateVerdict
from harness.records import Call, Candidate, Grade, Outcome, Request, Result, Run, TrialId
from reports.markdown import LIMIT, MarkdownReport

Rendered = Callable[[Comparison, Iterable[Result]], str]
Make = Callable[..., Result]


@pytest.fixture
def rendered() -> Rendered:
    def render(comparison: Comparison, results: Iterable[Result]) -> str:
        file = io.BytesIO()
        report = MarkdownReport(file, comparison)
        for result in results:
            report.add(result)
        report.finish()
        return file.getvalue().decode()

    return render


def test_the_whole_report(
    comparison: Comparison,
    results: list[Result],
    rendered: Rendered,
    golden: Callable[[str, str], None],
) -> None:
    gate = GateVerdict("support-triage", "pass_rate", "haiku", "fail", "33.3 %, at least 85 %")
    run = replace(comparison.run, simulated=True)
    golden("report.md", rendered(replace(comparison, run=run, gates=(gate,)), results))


def test_it_fits_a_pull_request_comment_whatever_the_size(
    a_run: Callable[..., Run], a_result: Make, rendered: Rendered
) -> None:
    nasty = "`|<@x>`日本\n" * 200
    names = [f"{nasty}{n}" for n in range(40)]
    run = a_run(
        suites=(nasty,) * 40, candidates=tuple(Candidate(n, "m") for n in names), planned={}
    )
    results = [
        a_result(
            f"{nasty}{n}", candidate=names[n % 40], text=nasty, outcome=outcome, tags=(str(n),)
        )
        for n in range(400)
        for outcome in (Outcome.FAILED, Outcome.ERRORED)
    ]
    text = rendered(compare(run, results), results)
    assert len(text.encode()) <= LIMIT + 1
    assert "more in `trials.csv`" in text


def test_the_verdict_comes_before_the_figures(
    comparison: Comparison, results: list[Result], rendered: Rendered
) -> None:
    text = rendered(comparison, results)
    places = [text.index(part) for part in ("- haiku and sonnet", "| candidate |", "<details>")]
    assert places == sorted(places)


@pytest.mark.parametrize(("verdict", "folded"), [("fail", False), ("pass", True)])
def test_gates_are_folded_only_where_all_pass(
    comparison: Comparison, rendered: Rendered, verdict: str, folded: bool
) -> None:
    gate = GateVerdict("s", "pass_rate", "haiku", verdict, "")  # type: ignore[arg-type]
    text = rendered(replace(comparison, gates=(gate,)), [])
    assert ("<details><summary>Gates" in text) is folded


def test_a_table_that_has_no_room_is_named(
    a_run: Callable[..., Run], a_result: Make, rendered: Rendered
) -> None:
    suites = tuple(f"s{n}" for n in range(40))
    grade = Grade(True, name="label", label=("a" * 150, "a" * 150))
    results = [
        replace(a_result(grades=(grade,)), id=TrialId(suite, f"c{n}", candidate))
        for suite in suites
        for candidate in ("haiku", "sonnet")
        for n in range(2)
    ]
    text = rendered(compare(a_run(suites=suites), results), results)
    assert len(text.encode()) <= LIMIT + 1
    assert "No room here, but in `run.json`: C" in text


def test_the_first_candidate_does_not_fill_the_list_of_failures(
    a_run: Callable[..., Run], a_result: Make, rendered: Rendered
) -> None:
    failed = [a_result(f"c{n}", outcome=Outcome.FAILED) for n in range(50)]
    failed += [a_result("late", candidate="sonnet", outcome=Outcome.FAILED)]
    assert "support-triage/late" in rendered(compare(a_run(), failed), failed)


@pytest.mark.parametrize(
    "text", ["</details><script>", "```\n# heading", "| a | b |\n", "\x1b[2J", "@octocat"]
)
def test_an_answer_stays_inside_its_block(
    a_run: Callable[..., Run], a_result: Make, rendered: Rendered, text: str
) -> None:
    failed = [a_result(text=text, reason=text, outcome=Outcome.FAILED)]
    lines = rendered(compare(a_run(), failed), failed).split("\n")
    first = next(n for n, line in enumerate(lines) if line.endswith("```text"))
    fence = lines[first].removesuffix("text")
    outside = "\n".join(lines[:first] + lines[lines.index(fence, first + 1) :])
    assert text.strip() not in outside
    assert "\x1b" not in "".join(lines)


def test_a_turn_that_failed_is_named_with_its_answer(
    a_run: Callable[..., Run], a_result: Make, a_call: Callable[..., Call], rendered: Rendered
) -> None:
    said = [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]
    calls = tuple(
        replace(a_call(text), request=Request({"messages": said[:turn]}, "2026-10-21"))
        for turn, text in ((1, "the first"), (2, "the second"))
    )
    grades = (Grade(False, name="equals", turn=1), Grade(True, name="equals", turn=2))
    failed = [a_result(calls=calls, grades=grades, outcome=Outcome.FAILED)]
    text = rendered(compare(a_run(), failed), failed)
    assert "haiku, turn 1: expected" in text
    assert "the first" in text
    assert "the second" not in text


def test_a_second_repeat_is_named(
    a_run: Callable[..., Run], a_result: Make, rendered: Rendered
) -> None:
    first = a_result(outcome=Outcome.FAILED)
    second = replace(first, id=replace(first.id, repeat=2))
    assert "haiku (repeat 2)" in rendered(compare(a_run(), [second]), [second])
