"""report.html in a real browser: it opens, filters, unfolds, and obeys nothing that it shows."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from harness.analysis.compare import compare
from harness.records import (
    Answer,
    Bill,
    Call,
    Candidate,
    Grade,
    Outcome,
    Request,
    Result,
    Run,
    SuiteFacts,
    TrialId,
    Usage,
)
from reports.write import write_reports

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
WebDriverWait = pytest.importorskip("selenium.webdriver.support.wait").WebDriverWait
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="no chromium with its chromedriver is installed"
)

Browser = "webdriver.Chrome"
Open = Callable[..., None]

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
REQUESTED = "Network.requestWillBeSent"
NOON = datetime(2026, 10, 21, 12, tzinfo=UTC)
HOSTILE = (
    "</script><script>document.title='broken'</script>"
    "<img src=x onerror=\"document.title='broken'\"><b id=injected>b</b>"
    "<a href=\"javascript:document.title='broken'\">x</a>\u202egpj.exe"
)


def a_result(
    case: str, candidate: str, answer: str, *, outcome: Outcome = Outcome.PASSED, **more: object
) -> Result:
    asked = ({"role": "user", "content": f"What is {case}?"},)
    content = ({"type": "thinking", "thinking": "Let me see."}, {"type": "text", "text": answer})
    told = Answer(
        content,
        "claude-haiku-4-5",
        "end_turn",
        Usage(9, 3),
        NOON,
        request_id="req_7",
        latency_s=0.4,
    )
    request = Request({"model": "claude-haiku-4-5", "messages": asked}, "2026-10-21")
    result = Result(
        id=TrialId("sums", case, candidate),
        outcome=outcome,
        score=1.0,
        grades=(Grade(outcome is Outcome.PASSED, name="equals", reason=f"saw {answer}"),),
        calls=(Call(request, told, Bill(*[Decimal("0.01")] * 3)),),
        messages=(*asked, {"role": "assistant", "content": list(content)}),
        tags=("even",),
    )
    return dataclasses.replace(result, **more)  # type: ignore[arg-type]


def some_results() -> list[Result]:
    return [
        a_result("one", "haiku", "uno"),
        a_result("one", "opus", "eins", outcome=Outcome.FAILED, reason="not uno"),
        a_result("two", "haiku", "dos", tags=("odd",)),
        a_result("two", "opus", "x" * 5000, tags=("odd",)),
        a_result("bad", "haiku", HOSTILE, outcome=Outcome.FAILED, reason=HOSTILE, tags=(HOSTILE,)),
    ]


def many_results(number: int) -> list[Result]:
    return [a_result(f"case-{index}", "haiku", str(index)) for index in range(number)]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('browser')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Opens the report of some results; afterwards the console must have been silent."""

    def opened(results: list[Result], link: str = "", *, width: int = 1280) -> None:
        run = Run(
            id="20261021-a1b2",
            started_at=NOON,
            mode="live",
            harness_version="1",
            sdk_version="2",
            prices_as_of="2026-08-22",
            suites=(SuiteFacts("sums", "sums.yaml", "0" * 64, 3),),
            candidates=(Candidate("haiku", "claude-haiku-4-5"), Candidate("opus", "claude-opus")),
            planned={"haiku": 3, "opus": 3},
        )
        (path,) = write_reports(tmp_path, compare(run, results), lambda: results, formats=["html"])
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.get("about:blank")
        browser.get_log("performance")
        browser.get(path.as_uri() + link)

    yield opened
    assert browser.get_log("browser") == []


def rows(browser: Browser) -> list[str]:
    return texts(browser, ".opener")


def texts(browser: Browser, selector: str) -> list[str]:
    """What stands in all of these, read at once, when the page has drawn what it was about to."""
    script = """const [selector, done] = arguments;
        const all = () => [...document.querySelectorAll(selector)];
        const read = () => done(all().map((one) => one.innerText.trim()));
        requestAnimationFrame(() => requestAnimationFrame(read));"""
    found: list[str] = browser.execute_async_script(script, selector)
    return found


def count(browser: Browser, selector: str) -> int:
    return len(browser.find_elements("css selector", selector))


def choose(browser: Browser, name: str, text: str) -> None:
    script = """const box = document.getElementById(arguments[0]);
        box.value = [...box.options].find((one) => one.text.startsWith(arguments[1])).value;
        box.dispatchEvent(new Event("change"));"""
    browser.execute_script(script, name, text)


def type_text(browser: Browser, text: str) -> None:
    browser.find_element("id", "text").send_keys(text + "\n")


def press(browser: Browser, key: str) -> None:
    browser.switch_to.active_element.send_keys(key)


def open_case(browser: Browser, name: str) -> None:
    place = rows(browser).index(name)
    browser.find_elements("css selector", ".opener")[place].click()


def test_it_asks_for_nothing_but_itself(show: Open, browser: Browser) -> None:
    show(some_results(), "#case=sums%2Fbad")
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [e["params"]["request"]["url"] for e in events if e["method"] == REQUESTED]
    assert {url.split(":")[0] for url in asked} <= {"file", "data"}
    assert sum(url.startswith("file:") for url in asked) == 1


def test_every_case_is_a_row_with_a_cell_for_each_candidate(show: Open, browser: Browser) -> None:
    show(some_results())
    assert rows(browser) == ["one", "two", "bad"]
    assert count(browser, "tr.case td") == 6


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("status", "failed", ["one", "bad"]),
        ("status", "candidates disagree", ["one"]),
        ("tag", "odd", ["two"]),
        ("candidate", "opus", ["one", "two"]),
        ("grader", "equals: 2 cases", ["one", "bad"]),
    ],
    ids=["status", "disagreement", "tag", "candidate", "grader"],
)
def test_a_filter_leaves_what_it_names(
    show: Open, browser: Browser, name: str, text: str, expected: list[str]
) -> None:
    show(some_results())
    choose(browser, name, text)
    assert rows(browser) == expected


def test_repeats_stand_in_one_cell(show: Open, browser: Browser) -> None:
    again = a_result(
        "one", "haiku", "due", outcome=Outcome.FAILED, id=TrialId("sums", "one", "haiku", 2)
    )
    show([a_result("one", "haiku", "uno"), again])
    assert "1 of 2 passed" in browser.find_element("css selector", "tr.case td").text
    open_case(browser, "one")
    assert count(browser, ".side .attempt") == 2


def test_repeats_that_differ_are_no_disagreement_of_candidates(
    show: Open, browser: Browser
) -> None:
    again = a_result("one", "haiku", "due", outcome=Outcome.FAILED)
    show([a_result("one", "haiku", "uno"), again])
    assert "disagree" not in browser.find_element("id", "status").text


def test_a_status_is_the_chosen_candidates_own(show: Open, browser: Browser) -> None:
    show(some_results())
    choose(browser, "candidate", "haiku")
    choose(browser, "status", "failed")
    assert rows(browser) == ["bad"]


@pytest.mark.parametrize(
    "text",
    ["tw", "WHAT IS TWO", "dos", "saw dos"],
    ids=["case", "prompt", "answer", "reason"],
)
def test_text_is_looked_for_everywhere(show: Open, browser: Browser, text: str) -> None:
    show(some_results())
    type_text(browser, text)
    assert rows(browser) == ["two"]


def test_no_match_says_so_and_reset_brings_all_back(show: Open, browser: Browser) -> None:
    show(some_results())
    type_text(browser, "nowhere")
    assert browser.find_element("id", "shown").text == "0 of 3 cases"
    browser.find_element("id", "clear").click()
    assert rows(browser) == ["one", "two", "bad"]


def test_a_click_opens_a_case_with_the_answers_side_by_side(show: Open, browser: Browser) -> None:
    show(some_results())
    open_case(browser, "one")
    sides = texts(browser, ".side")
    assert "uno" in sides[0]
    assert "not uno" in sides[1]
    open_case(browser, "one")
    assert count(browser, ".side") == 0


def test_the_keyboard_moves_opens_and_closes(show: Open, browser: Browser) -> None:
    show(some_results())
    browser.execute_script("document.querySelector('.opener').focus()")
    press(browser, "\ue015")  # arrow down
    press(browser, "\ue007")  # enter
    assert browser.find_element("css selector", ".isopen .opener").text == "two"
    press(browser, "\ue00c")  # escape
    assert count(browser, ".isopen") == 0


def test_a_slash_goes_to_the_search(show: Open, browser: Browser) -> None:
    show(some_results())
    browser.find_element("css selector", "body").send_keys("/")
    assert browser.switch_to.active_element.get_attribute("id") == "text"


def test_a_link_opens_its_case(show: Open, browser: Browser) -> None:
    show(some_results(), "#case=sums%2Ftwo")
    assert browser.find_element("css selector", ".isopen .opener").text == "two"


def test_a_link_to_a_case_that_a_filter_hides_opens_it(show: Open, browser: Browser) -> None:
    show(some_results())
    choose(browser, "tag", "odd")
    browser.execute_script("location.hash = '#case=sums%2Fone'")
    WebDriverWait(browser, 10).until(lambda _: count(browser, ".isopen"))
    assert browser.find_element("css selector", ".isopen .opener").text == "one"


def test_a_link_to_no_case_says_so(show: Open, browser: Browser) -> None:
    show(some_results(), "#case=sums%2Fgone")
    assert "not in this report" in browser.find_element("id", "shown").text


def test_the_transcript_holds_thinking_and_calls(show: Open, browser: Browser) -> None:
    show(some_results(), "#case=sums%2Fone")
    side = browser.find_element("css selector", ".side")
    for summary in side.find_elements("css selector", "summary"):
        summary.click()
    assert "Let me see." in side.text
    assert "req_7" in side.text


def test_a_huge_answer_is_shown_when_asked_for(show: Open, browser: Browser) -> None:
    show(some_results(), "#case=sums%2Ftwo")
    button = browser.find_element("css selector", ".more")
    assert button.text == "Show all 5,000 characters"
    button.click()
    assert "x" * 5000 in browser.find_element("css selector", ".sides").text


def test_a_hostile_answer_does_nothing(show: Open, browser: Browser) -> None:
    show(some_results(), "#case=sums%2Fbad")
    for summary in browser.find_elements("css selector", ".side summary"):
        summary.click()
    assert browser.title == "Evaluation: sums"
    assert count(browser, "img, #injected, a[href^='javascript']") == 0
    assert count(browser, "script") == 2
    side = browser.find_element("css selector", ".side").text
    assert "<b id=injected>" in side
    assert "\u202e" not in side


def test_markup_cannot_be_made_even_on_purpose(show: Open, browser: Browser) -> None:
    show(some_results())
    made = browser.execute_script(
        "try { document.body.innerHTML = '<b>'; return true } catch (error) { return error.name }"
    )
    assert made == "TypeError"
    (complaint,) = browser.get_log("browser")
    assert "TrustedHTML" in complaint["message"]


CHARTS = {"#cases": 0, ".lead-grid": 2, "#pairs": 1, "#cost": 6, "#latency": 2}
"""Marks that can be seen: a spot a candidate, a pair, parts of bars, bins."""


@pytest.mark.parametrize("width", [360, 1280], ids=["phone", "desktop"])
def test_charts_are_drawn_once_for_each_width(show: Open, browser: Browser, width: int) -> None:
    show(some_results(), width=width)
    script = """return [...document.querySelectorAll(arguments[0] + " .datum")]
        .filter((one) => one.getBoundingClientRect().width > 0).length"""
    assert {part: browser.execute_script(script, part) for part in CHARTS} == CHARTS


def test_a_chart_fits_its_place(show: Open, browser: Browser) -> None:
    show(some_results(), width=360)
    script = """return [...document.querySelectorAll("svg.drawing")].map((one) =>
        one.getBoundingClientRect()).every((box) => box.right <= 360)"""
    assert browser.execute_script(script)


def test_every_chart_has_its_table(show: Open, browser: Browser) -> None:
    show(some_results())
    assert count(browser, "figure.chart") == 5
    assert count(browser, "figure.chart:not(:has(details.figures table))") == 0


def test_the_keyboard_reads_a_chart(show: Open, browser: Browser) -> None:
    show(some_results())
    browser.execute_script("document.querySelector('.lead-grid .wide .datum').focus()")
    first = browser.find_element("id", "tip").text
    press(browser, "\ue014")  # arrow right
    second = browser.find_element("id", "tip").text
    assert first.startswith("haiku: passed")
    assert second.startswith("opus: passed")
    press(browser, "\ue00c")  # escape
    assert not browser.find_element("id", "tip").is_displayed()


def test_the_pointer_reads_a_chart(show: Open, browser: Browser) -> None:
    show(some_results())
    script = """document.querySelector("#pairs .wide .datum")
        .dispatchEvent(new PointerEvent("pointerenter"))"""
    browser.execute_script(script)
    assert "haiku" in browser.find_element("id", "tip").text


def test_the_sections_are_listed_and_can_be_gone_to(show: Open, browser: Browser) -> None:
    show(some_results())
    listed = texts(browser, "#contents a")
    assert {"Candidates", "Pairs", "Latency", "Cases"} <= set(listed)
    links = "[...document.querySelectorAll('#contents a')]"
    there = f"return {links}.every((a) => document.querySelector(a.getAttribute('href')))"
    assert browser.execute_script(there)


def answers_beside_each_other(show: Open, a: str, b: str) -> None:
    show([a_result("one", "haiku", a), a_result("one", "opus", b)], "#case=sums%2Fone")


def test_words_that_differ_are_marked(show: Open, browser: Browser) -> None:
    answers_beside_each_other(
        show, "The queue is billing, I think.", "The queue is sales, I think."
    )
    assert texts(browser, ".side del") == ["billing"]
    assert texts(browser, ".side ins") == ["sales"]
    assert texts(browser, ".side .marked") == ["The queue is billingsales, I think."]


@pytest.mark.parametrize(
    ("a", "b", "told"),
    [
        ("billing", "billing", "The same text as haiku."),
        ("a b", "a  b", "Differs from haiku in white space only."),
        ("w " * 3000, "v " * 3000, "Too long to be compared with haiku."),
    ],
    ids=["the same", "white space", "too long"],
)
def test_what_is_not_marked_is_said(
    show: Open, browser: Browser, a: str, b: str, told: str
) -> None:
    answers_beside_each_other(show, a, b)
    browser.execute_script(
        """const choice = document.querySelector(".against select");
        choice.value = 0; choice.dispatchEvent(new Event("change"));"""
    )
    assert told in browser.find_element("css selector", ".sides").text
    assert count(browser, ".side ins, .side del") == 0


def test_the_answer_that_others_are_held_against_can_be_chosen(
    show: Open, browser: Browser
) -> None:
    answers_beside_each_other(show, "uno", "eins")
    choose_base = """const choice = document.querySelector(".against select");
        choice.value = arguments[0]; choice.dispatchEvent(new Event("change"));"""
    browser.execute_script(choose_base, "1")
    assert texts(browser, ".side:first-child ins") == ["uno"]
    browser.execute_script(choose_base, "-1")
    assert count(browser, ".side ins, .side del") == 0


def test_a_hostile_answer_is_no_markup_beside_another(show: Open, browser: Browser) -> None:
    answers_beside_each_other(show, "uno", HOSTILE)
    assert count(browser, ".side ins") == 1
    assert count(browser, "img, #injected, a[href^='javascript']") == 0
    assert browser.title == "Evaluation: sums"


def test_many_cases_come_in_pages(show: Open, browser: Browser) -> None:
    show(many_results(250))
    assert len(rows(browser)) == 100
    browser.find_element("id", "next").click()
    browser.find_element("id", "next").click()
    assert rows(browser)[0] == "case-200"
    assert browser.find_element("id", "shown").text == "250 cases, showing 201 to 250"


def test_a_link_finds_its_page(show: Open, browser: Browser) -> None:
    show(many_results(250), "#case=sums%2Fcase-240")
    assert browser.find_element("css selector", ".isopen .opener").text == "case-240"


def test_a_run_without_trials_says_so(show: Open, browser: Browser) -> None:
    show([])
    assert browser.find_element("id", "shown").text == "No trial has ended."


@pytest.mark.parametrize("width", [360, 1280], ids=["phone", "desktop"])
def test_the_page_is_no_wider_than_the_screen(show: Open, browser: Browser, width: int) -> None:
    show(some_results(), "#case=sums%2Fbad", width=width)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


def test_dark_and_light_follow_the_reader(show: Open, browser: Browser) -> None:
    show(some_results())
    seen = []
    for scheme in ("dark", "light"):
        feature = {"name": "prefers-color-scheme", "value": scheme}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        seen.append(
            browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        )
    assert seen == ["rgb(20, 23, 28)", "rgb(255, 255, 255)"]


@pytest.mark.parametrize("scheme", ["light", "dark"], ids=str)
def test_letters_on_charts_and_tags_can_be_read(show: Open, browser: Browser, scheme: str) -> None:
    show(some_results())
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    script = """const brightness = (colour) => {
          const context = document.createElement("canvas").getContext("2d");
          context.fillStyle = colour; context.fillRect(0, 0, 1, 1);
          const linear = [...context.getImageData(0, 0, 1, 1).data].slice(0, 3).map((c) => c / 255)
            .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
          return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
        };
        const contrast = (a, b) => {
          const [x, y] = [brightness(a), brightness(b)].sort((p, q) => q - p);
          return (x + 0.05) / (y + 0.05);
        };
        const page = getComputedStyle(document.body).backgroundColor;
        const texts = [...document.querySelectorAll(".drawing text:not(.inside)")]
          .map((one) => contrast(getComputedStyle(one).fill, page));
        for (const cell of document.querySelectorAll(".heat td[class]")) {
          const { color, backgroundColor } = getComputedStyle(cell);
          texts.push(contrast(color, backgroundColor));
        }
        const marks = [0, 1, 2, 3, 4, 5, 6, 7].map((series) => {
          const probe = document.createElement("i");
          probe.className = `s${series}`;
          document.body.append(probe);
          return contrast(getComputedStyle(probe).color, page);
        });
        return [Math.min(...texts), Math.min(...marks)];"""
    text, mark = browser.execute_script(script)
    # Web Content Accessibility Guidelines 2.2, 1.4.3 and 1.4.11.
    assert text >= 4.5
    assert mark >= 3


def test_paper_shows_every_table(show: Open, browser: Browser) -> None:
    show(some_results())
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert count(browser, "details.fold:not([open])") == 0
