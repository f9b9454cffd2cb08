"""What bytes are, whatever their file is called."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from picture_making import PICTURES, SIZE, pdf, png

from harness.media import PICTURES as KINDS
from harness.media import kind_of, pdf_is_encrypted, pdf_pages, picture_kind, picture_size


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_tells_its_kind_and_its_size(name: str) -> None:
    make, kind = PICTURES[name]
    assert (picture_kind(make(*SIZE)), picture_size(make(*SIZE))) == (kind, SIZE)


@given(st.sampled_from(sorted(PICTURES)), st.integers(1, 16_383), st.integers(1, 16_383))
def test_every_size_that_all_formats_know_is_read(name: str, width: int, height: int) -> None:
    assert picture_size(PICTURES[name][0](width, height)) == (width, height)


@given(st.sampled_from(sorted(PICTURES)), st.integers(0, 60))
def test_a_picture_that_is_cut_off_has_its_size_or_none(name: str, length: int) -> None:
    assert picture_size(PICTURES[name][0](*SIZE)[:length]) in (SIZE, None)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        pytest.param(pdf(), "application/pdf", id="pdf"),
        pytest.param(b"\xef\xbb\xbf\n" + pdf(), "application/pdf", id="pdf after a mark"),
        pytest.param("Grüße".encode(), "text/plain", id="text"),
        pytest.param("\ufeffa".encode(), "text/plain", id="text with a mark"),
        pytest.param(b"", "text/plain", id="nothing"),
        pytest.param("Grüße".encode("latin-1"), None, id="another encoding"),
        pytest.param(b"PK\x03\x04\0\0", None, id="archive"),
        pytest.param(b"BM\0\0", None, id="bitmap"),
    ],
)
def test_a_document_is_told_by_its_content(data: bytes, kind: str | None) -> None:
    assert kind_of(data) == kind


@given(st.binary(max_size=80))
def test_no_bytes_are_too_odd(data: bytes) -> None:
    for begun in (data, png()[:8] + data, b"\xff\xd8\xff" + data, b"RIFF1234WEBPVP8 " + data):
        assert kind_of(begun) in (*KINDS, "application/pdf", "text/plain", None)
        picture_size(begun)


def test_a_size_of_nothing_is_unknown() -> None:
    assert picture_size(png(0, 10)) is None


@pytest.mark.parametrize("pages", [0, 1, 12])
def test_pages_are_counted_without_the_tree_that_holds_them(pages: int) -> None:
    assert pdf_pages(pdf(pages)) == pages


def test_an_encrypted_pdf_is_known() -> None:
    assert [pdf_is_encrypted(pdf(encrypted=each)) for each in (True, False)] == [True, False]
