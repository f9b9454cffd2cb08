"""report.html, as the file that is written; what a browser makes of it is tested elsewhere."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import io
import json
import re
from collections.abc import Callable, Iterable
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.compare import compare
from harness.analysis.comparison import Comparison, GateVerdict
from harness.records import Call, Candidate, Grade, Outcome, Result, Run, SuiteFacts
from reports.html import LEFT_OUT, HtmlReport, embedded
from reports.html_trials import LATELY, PICTURE_LIMIT, SHORT, TEXT_LIMIT, Shared, shown

HOSTILE = '</script><script>alert(1)</script><img src=x onerror="alert(2)">'
Make = Callable[..., Result]


class Page(HTMLParser):
    """The elements of a page with their attributes, and the text of each script and style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.blocks: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self.blocks.append("")

    def handle_data(self, data: str) -> None:
        if self.cdata_elem:
            self.blocks[-1] += data


def written(comparison: Comparison, results: Iterable[Result], **options: int) -> str:
    file = io.BytesIO()
    report = HtmlReport(file, comparison, **options)
    for result in results:
        report.add(result)
    report.finish()
    return file.getvalue().decode()


def data(page: str) -> list[Any]:
    found: list[Any] = json.loads(Page(page).blocks[1])
    return found


def trials(page: str) -> list[dict[str, Any]]:
    return [row for row in data(page)[1:] if "of" in row]


def shared(page: str) -> list[Any]:
    return [row["shared"] for row in data(page)[1:] if "shared" in row]


def without_data(page: str) -> str:
    return page.replace(Page(page).blocks[1], "")


@pytest.fixture
def page(comparison: Comparison, results: list[Result]) -> str:
    return written(comparison, results)


@pytest.mark.parametrize(
    "text",
    [
        "20261021-a1b2",
        "2026-08-22",
        "claude-haiku",
        "33 % (2–94)",
        "$0.0013",
        "0.42 s",
        "1 errored",
        "1 refused",
        "3 cases",
        "billing",
        "cache write 1h",
        "at batch prices",
    ],
    ids=str,
)
def test_the_page_says_what_was_run_and_found(page: str, text: str) -> None:
    assert text in page


def test_a_simulated_run_says_so(results: list[Result], a_run: Callable[..., Run]) -> None:
    assert "Simulated: nothing here came from Claude" in written(
        compare(a_run(simulated=True), results), results
    )


def test_a_real_run_does_not_say_simulated(page: str) -> None:
    assert "Simulated" not in without_data(page)


def test_a_gate_that_fails_is_unfolded(comparison: Comparison) -> None:
    gate = GateVerdict("support-triage", "pass_rate", "haiku", "fail", "0.33, wanted 0.85")
    judged = dataclasses.replace(comparison, gates=(gate,))
    page = written(judged, [])
    assert '<details class="fold" open><summary><h3>Not passed</h3>' in page
    assert "0.33, wanted 0.85" in page


def test_a_run_that_is_not_finished_says_so(a_run: Callable[..., Run]) -> None:
    assert "not finished" in written(compare(a_run(finished_at=None), []), [])


def test_a_selection_of_cases_is_told(a_run: Callable[..., Run]) -> None:
    suite = SuiteFacts("triage", "triage.yaml", "0" * 64, cases=12, total=60)
    run = dataclasses.replace(a_run(), suites=(suite,))
    assert "triage (12 of 60)" in written(compare(run, []), [])


def test_more_than_one_suite_is_a_table_of_its_own(
    a_run: Callable[..., Run], results: list[Result]
) -> None:
    page = written(compare(a_run(suites=("support-triage", "policy")), results), results)
    assert "<h3>By suite</h3>" in page


def test_a_run_without_trials_has_an_empty_list(comparison: Comparison) -> None:
    assert data(written(comparison, [])) == [
        {
            "candidates": [
                {"name": "haiku", "model": "claude-haiku-4-5-20251001"},
                {"name": "sonnet", "model": "claude-sonnet-4-6"},
            ]
        }
    ]


def test_a_trial_names_its_case_and_candidate(page: str) -> None:
    cases = [row["case"] for row in data(page)[1:] if "trials" in row]
    assert cases == ["charged-twice", "angry", "spam"]
    assert [(t["of"], t["by"]) for t in trials(page)] == [
        *((0, 0), (1, 0), (2, 0)),
        *((0, 1), (1, 1), (2, 1)),
    ]


def test_the_numbers_of_a_trial_are_ready_to_be_shown(page: str) -> None:
    trial = trials(page)[0]
    assert trial["cost"] == "$0.00042"
    assert trial["measures"] == ["score 1.00", "$0.00042", "120 in", "4 out", "0.42 s"]


def test_a_missing_trial_says_why_and_has_no_answer(page: str) -> None:
    trial = trials(page)[5]
    assert trial["outcome"] == "errored"
    assert trial["measures"] == ["overloaded_error, req_9"]
    assert trial["cost"] == "–"
    assert "answer" not in trial


def test_a_call_shows_its_bill_and_its_request_id(page: str) -> None:
    (call,) = trials(page)[0]["calls"]
    assert call["lines"] == [
        "answer · claude-haiku-4-5-20251001 · live · stop_reason end_turn",
        "120 in · 4 out · $0.00042",
        "0.42 s · req_1",
    ]


def test_a_judge_is_shown_with_what_it_was_asked(
    comparison: Comparison, a_result: Make, a_call: Callable[..., Call]
) -> None:
    judge = a_call("Yes, it does.")
    params = {**judge.request.params, "messages": [{"role": "user", "content": "Is it polite?"}]}
    request = dataclasses.replace(judge.request, params=params, purpose="judge")
    calls = (a_call(), dataclasses.replace(judge, request=request))
    page = written(comparison, [a_result(calls=calls)])
    said = [shared(page)[one][0]["text"] for _, one in trials(page)[0]["calls"][1]["messages"]]
    assert said == ["Is it polite?", "Yes, it does."]


def test_a_grade_keeps_its_parts_and_its_weight(comparison: Comparison, a_result: Make) -> None:
    part = Grade(None, name="equals", reason="broke")
    grade = Grade(False, 0.5, "one of two", "any", weight=2, turn=1, parts=(part,))
    (told,) = trials(written(comparison, [a_result(grades=(grade,))]))[0]["grades"]
    assert told == {
        "name": "any",
        "passed": False,
        "reason": "one of two",
        "score": "score 0.50",
        "weight": "2",
        "turn": "1",
        "parts": [{"name": "equals", "passed": None, "reason": "broke"}],
    }


def test_a_grade_names_its_judge(comparison: Comparison, a_result: Make) -> None:
    grade = Grade(True, name="rubric", judge="claude-opus-4-6, rubric.j2 add7")
    (told,) = trials(written(comparison, [a_result(grades=(grade,))]))[0]["grades"]
    assert told["judge"] == "claude-opus-4-6, rubric.j2 add7"


def test_a_prompt_that_candidates_share_is_written_once(page: str) -> None:
    assert Page(page).blocks[1].count("I was charged twice.") == 1


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("short", id="a text"),
        pytest.param("long " * SHORT, id="a long text"),
        pytest.param([{"type": "text", "text": "said"}], id="blocks"),
        pytest.param({"max_tokens": 2**70}, id="a number that JSON libraries refuse"),
        pytest.param("half \ud83d", id="half a character"),
    ],
)
def test_the_same_content_is_written_once(content: object) -> None:
    rows: list[bytes] = []
    content_of = Shared(rows.append)
    assert [content_of.number(content), content_of.number("else"), content_of.number(content)] == [
        *(0, 1, 0)
    ]
    assert [json.loads(row)["shared"] for row in rows] == [shown(content), shown("else")]


def test_contents_that_are_shown_alike_have_one_number() -> None:
    rows: list[bytes] = []
    content_of = Shared(rows.append)
    assert content_of.number("hi") == content_of.number([{"type": "text", "text": "hi"}])
    assert len(rows) == 1


def test_content_of_long_ago_keeps_its_number() -> None:
    rows: list[bytes] = []
    content_of = Shared(rows.append)
    first = [content_of.number(f"text {n}") for n in range(LATELY + 2)]
    assert [content_of.number(f"text {n}") for n in range(LATELY + 2)] == first
    assert len(rows) == len(first)
    assert len(content_of.lately) <= LATELY


def test_above_its_limit_the_page_leaves_transcripts_out_and_says_so(
    comparison: Comparison, results: list[Result]
) -> None:
    last = trials(written(comparison, results, limit=800))[-2]
    assert last["left_out"] == LEFT_OUT
    assert (last["messages"], last["calls"], last["outcome"]) == ([], [], "passed")


def test_what_a_model_wrote_makes_no_element(comparison: Comparison, a_result: Make) -> None:
    plain = Page(written(comparison, [a_result()])).elements
    hostile = a_result(
        text=HOSTILE,
        reason=HOSTILE,
        grades=(Grade(False, name=HOSTILE, reason=HOSTILE),),
        messages=({"role": HOSTILE, "content": HOSTILE},),
        tags=(HOSTILE,),
    )
    assert Page(written(comparison, [hostile])).elements == plain


def test_what_a_suite_is_named_makes_no_element(a_run: Callable[..., Run], a_result: Make) -> None:
    def elements(name: str) -> list[str]:
        run = a_run(suites=(name, "support-triage"))
        return [tag for tag, _ in Page(written(compare(run, [a_result()]), [a_result()])).elements]

    assert elements(HOSTILE) == elements("plain")


def test_what_a_candidate_is_named_makes_no_element(
    a_run: Callable[..., Run], a_result: Make
) -> None:
    def elements(name: str) -> list[str]:
        candidates = (Candidate("haiku", "claude-haiku-4-5"), Candidate(name, name))
        run = a_run(candidates=candidates, planned={"haiku": 1, name: 1})
        results = [a_result(), a_result(candidate=name)]
        return [tag for tag, _ in Page(written(compare(run, results), results)).elements]

    assert elements(HOSTILE) == elements("n" * len(HOSTILE))


def test_the_policy_names_exactly_the_blocks_of_the_page(page: str) -> None:
    found = Page(page)
    policy = next(
        str(attributes["content"])
        for tag, attributes in found.elements
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    style, _, script = found.blocks
    digests = [
        base64.b64encode(hashlib.sha256(block.encode()).digest()).decode()
        for block in (style, script)
    ]
    assert re.findall(r"sha256-([^']+)'", policy) == digests
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy


def test_the_page_asks_for_nothing_outside_itself(page: str) -> None:
    addresses = [
        value
        for _, attributes in Page(page).elements
        for name, value in attributes.items()
        if name in ("src", "href", "action", "srcset")
    ]
    assert addresses == ["data:,", "#cases"]


def test_nothing_on_the_page_moves(page: str) -> None:
    assert not re.search(r"transition|animation|scroll-behavior", Page(page).blocks[0])


def test_no_element_has_a_style_of_its_own(page: str) -> None:
    assert not [tag for tag, attributes in Page(page).elements if "style" in attributes]


def test_the_script_never_makes_markup_of_text(page: str) -> None:
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", page)


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_embedded_data_is_the_same_data_and_no_markup(document: object) -> None:
    data = embedded(document)
    assert json.loads(data) == document
    assert not re.search("[<>&\u2028\u2029]", data.decode())


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("plain", [("text", "plain")]),
        ([{"type": "text", "text": "a"}], [("text", "a")]),
        ([{"type": "thinking", "thinking": "hm"}], [("thinking", "hm")]),
        ([{"type": "thinking", "thinking": ""}], [("thinking", "(not shown)")]),
        ([{"type": "tool_use", "name": "f"}], [("tool_use", '{\n  "name": "f"\n}')]),
        (
            [{"type": "tool_result", "tool_use_id": "t1", "content": "ok", "is_error": True}],
            [("tool_result, an error", "t1"), ("text", "ok")],
        ),
        (
            [{"type": "text", "text": "a", "citations": ["b"]}],
            [("text", "a"), ("citations", '[\n  "b"\n]')],
        ),
        ([{"type": "text", "text": "\u202egpj.exe"}], [("text", "\\u202egpj.exe")]),
        ([{"type": "tool_use", "n": 10**30}], [("tool_use", f'{{\n  "n": {10**30}\n}}')]),
        ({"text": "\ud800"}, [("text", '{\n  "text": "\\ud800"\n}')]),
        (["bare"], [("text", '"bare"')]),
    ],
    ids=[
        "text",
        "blocks",
        "thinking",
        "hidden thinking",
        "tool call",
        "tool error",
        "citations",
        "override",
        "huge number",
        "half a character",
        "no block",
    ],
)
def test_content_is_shown_as_kinds_and_texts(
    content: object, expected: list[tuple[str, str]]
) -> None:
    assert [(part["kind"], part["text"]) for part in shown(content)] == expected


def picture(media: str, data: str) -> dict[str, str]:
    source = {"type": "base64", "media_type": media, "data": data}
    return shown([{"type": "image", "source": source}])[0]


def test_a_small_picture_is_in_the_page() -> None:
    assert picture("image/png", "iVBORw0K")["image"] == "data:image/png;base64,iVBORw0K"


@pytest.mark.parametrize(
    ("media", "data"),
    [
        ("image/png", "A" * (PICTURE_LIMIT + 1)),
        ("image/svg+xml", "PHN2Zz4="),
        ("text/html", "PGI+"),
    ],
    ids=["too large", "a picture with scripts", "no picture"],
)
def test_any_other_file_is_named_only(media: str, data: str) -> None:
    told = picture(media, data)
    assert "image" not in told
    assert told["text"] == f"{media}, {len(data) * 3 // 4:,} bytes"


def test_a_text_too_long_for_a_page_says_that_it_is_cut() -> None:
    (part,) = shown("x" * (TEXT_LIMIT + 1))
    assert part["text"].endswith("x… (200,001 characters; all of them in trials.jsonl)")


def test_a_case_is_counted_within_its_suite(a_run: Callable[..., Run], a_result: Make) -> None:
    first = a_result()
    other = dataclasses.replace(first, id=dataclasses.replace(first.id, suite="other"))
    comparison = compare(a_run(suites=("support-triage", "other")), [first, other])
    cases = [
        row["suite"] for row in data(written(comparison, [first, other]))[1:] if "trials" in row
    ]
    assert cases == ["support-triage", "other"]


def test_repeats_of_a_trial_stand_side_by_side(comparison: Comparison, a_result: Make) -> None:
    first = a_result()
    again = dataclasses.replace(
        first, id=dataclasses.replace(first.id, repeat=2), outcome=Outcome.FAILED
    )
    page = written(comparison, [first, again])
    assert [(t["of"], t["repeat"], t["outcome"]) for t in trials(page)] == [
        (0, 1, "passed"),
        (0, 2, "failed"),
    ]
