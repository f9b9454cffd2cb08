"""What models wrote, made safe to show."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.text import cell, ending, fenced, markdown, one_line, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("\x1b[31mred", r"\x1b[31mred", id="escape"),
        pytest.param("\x9b2J", r"\x9b2J", id="C1"),
        pytest.param("a\rb", r"a\rb", id="carriage return"),
        pytest.param("a\r\nb\tc", "a\nb\tc", id="line end and tab"),
        pytest.param("\u202eabc\u2066", r"\u202eabc\u2066", id="bidi"),
        pytest.param("\ud83d", r"\ud83d", id="half a character"),
        pytest.param("naïve 日本 👍🏽", "naïve 日本 👍🏽", id="ordinary text"),
    ],
)
def test_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text())
def test_visible_text_is_visible_already(text: str) -> None:
    assert visible(visible(text)) == visible(text)


@given(st.text(alphabet=st.characters() | st.sampled_from("\x1b\r\n\t\u2028\u202e\ud83d")))
def test_nothing_hidden_is_left(text: str) -> None:
    hidden = {"Cc", "Zl", "Zp", "Cs"}
    bidi = re.compile("[\u202a-\u202e\u2066-\u2069]")
    left = [c for c in visible(text) if unicodedata.category(c) in hidden or bidi.match(c)]
    assert set(left) <= {"\n", "\t"}


@given(st.text(alphabet=st.characters() | st.sampled_from("|`<>[]@#*_\n\r\x1b&")))
def test_escaped_text_has_no_markup_left(text: str) -> None:
    assert not re.search(r"[|`<>\[\]*\n\r\x1b]|@\w|://", markdown(text))


def test_escaped_text_stays_readable() -> None:
    assert markdown("charged_twice costs $0.18 & more") == "charged_twice costs $0.18 &#38; more"


@pytest.mark.parametrize("text", ["see https://evil.example", "WWW.evil.example", "@ana", "#12"])
def test_nothing_becomes_a_link_or_a_mention(text: str) -> None:
    assert "&#8203;" in markdown(text)


def test_one_line_says_that_it_is_cut() -> None:
    assert one_line("a\nb  c", 10) == "a b c"
    assert one_line("x" * 50, 10) == "x" * 9 + "…"


def test_the_ending_is_kept_and_the_cut_marked() -> None:
    assert ending("short", 10) == "short"
    assert ending("0123456789end", 3) == "…end"


@given(st.text(alphabet="`\n a"))
def test_nothing_inside_closes_the_fence(text: str) -> None:
    fence, *_, last = fenced(text).split("\n")
    assert last == fence.removesuffix("text")
    assert last not in text


@pytest.mark.parametrize("start", list("=+-@\t\n＝"))
def test_a_cell_is_never_a_formula(start: str) -> None:
    assert cell(f"{start}1+1") == f"'{start}1+1"


def test_an_ordinary_cell_is_unchanged() -> None:
    assert cell("billing, a+b") == "billing, a+b"
