"""What bytes are, whatever their file is called."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from picture_making import PICTURES, SIZE, gif, pdf, png
from whole_making import IEND, whole

from harness.media import PICTURES as KINDS
from harness.media import (
    kind_of,
    pdf_is_blank,
    pdf_is_encrypted,
    pdf_is_whole,
    pdf_pages,
    picture_is_whole,
    picture_kind,
    picture_size,
)

IDAT = b"\0\0\0\x04IDATIEND\0\0\0\0"
FRAME = b"\x2c" + b"\x3b" * 8
WHOLE = {
    **{name: whole(name) for name in PICTURES},
    "png with dots": png() + b"\0" * 4 + IDAT + IEND,
    "gif with dots": gif() + b"\x21\xf9\x04\0\0\0\0\0" + FRAME + b"\0\x02\x02\x3b\x3b\0\x3b",
    "gif with colours": gif()[:10] + b"\x80\0\0" + b"\x3b" * 6 + FRAME
    + b"\x81" + b"\x3b" * 12 + b"\x02\x01\x3b\0\x3b",
}  # fmt: skip


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
        picture_is_whole(begun)


@pytest.mark.parametrize("name", WHOLE)
def test_a_picture_is_whole_to_its_last_byte_alone(name: str) -> None:
    data = WHOLE[name]
    assert picture_is_whole(data)
    assert picture_is_whole(data + b"more")
    # A GIF may end with its last block: of its last byte, the trailer, nobody is in need.
    least = data.rindex(b";") if name.startswith("gif") else len(data)
    assert not any(picture_is_whole(data[:length]) for length in range(least))


@pytest.mark.parametrize(
    ("data", "whole", "blank"),
    [
        pytest.param(pdf(), True, False, id="whole"),
        pytest.param(pdf() + b"\0" * 4000, True, False, id="filled up"),
        pytest.param(pdf()[:-12], False, False, id="cut"),
        pytest.param(b"%PDF-1.4 garbage", False, True, id="garbage"),
        pytest.param(pdf(0), True, True, id="no page"),
        pytest.param(pdf(0) + b"<< /Type /ObjStm >>", True, False, id="pages may be packed"),
    ],
)
def test_a_pdf_has_an_end_and_a_page(data: bytes, whole: bool, blank: bool) -> None:
    assert (pdf_is_whole(data), pdf_is_blank(data)) == (whole, blank)


def test_a_size_of_nothing_is_unknown() -> None:
    assert picture_size(png(0, 10)) is None


@pytest.mark.parametrize("pages", [0, 1, 12])
def test_pages_are_counted_without_the_tree_that_holds_them(pages: int) -> None:
    assert pdf_pages(pdf(pages)) == pages


def test_an_encrypted_pdf_is_known() -> None:
    assert [pdf_is_encrypted(pdf(encrypted=each)) for each in (True, False)] == [True, False]
