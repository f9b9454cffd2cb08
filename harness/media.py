"""What bytes are, by their content: the kind of a picture and its size, a PDF and its pages.

Reads headers and the marks of an end, and decodes no picture. Formats: the PNG, GIF89a, JPEG (ITU
T.81) and WebP (RFC 9649) specifications; ISO 32000 for PDF.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

PNG, JPEG, GIF, WEBP = "image/png", "image/jpeg", "image/gif", "image/webp"
PDF, TEXT = "application/pdf", "text/plain"
PICTURES = (PNG, JPEG, GIF, WEBP)

Size = tuple[int, int]
PDF_MARK_WITHIN = 1024
"""Bytes from the start, or the end, in which readers of PDF look for its marks."""
FRAME_MARKERS = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""JPEG's start-of-frame markers; the three left out are tables and extensions."""
STANDALONE_MARKERS = frozenset({0x01, *range(0xD0, 0xD9)})
ENCRYPTED = re.compile(rb"/Encrypt\s+\d+\s+\d+\s+R")
PAGE = re.compile(rb"/Type\s*/Page(?![A-Za-z])")
PACKED = re.compile(rb"/Type\s*/ObjStm(?![A-Za-z])")
GIF_EXTENSION, GIF_FRAME, GIF_END = 0x21, 0x2C, 0x3B


def picture_kind(data: bytes) -> str | None:
    """The media type of a picture that the API takes, `None` for anything else."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if data.startswith(b"\xff\xd8\xff"):
        return JPEG
    if data.startswith((b"GIF87a", b"GIF89a")):
        return GIF
    return WEBP if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None


def kind_of(data: bytes) -> str | None:
    """The media type of a picture, a PDF or a UTF-8 text; `None` for anything else."""
    if (picture := picture_kind(data)) is not None:
        return picture
    if b"%PDF-" in data[:PDF_MARK_WITHIN]:
        return PDF
    if b"\0" in data:
        return None
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return TEXT


def picture_size(data: bytes) -> Size | None:
    """Width and height in pixels, from the beginning of a picture; `None` where it is not there."""
    kind = picture_kind(data)
    size: Size | None = None
    if kind == PNG and len(data) >= 24:
        size = _big(data, 16, 4), _big(data, 20, 4)
    elif kind == GIF and len(data) >= 10:
        size = _little(data, 6, 2), _little(data, 8, 2)
    elif kind == WEBP:
        size = _webp_size(data)
    elif kind == JPEG:
        size = next(_jpeg_sizes(data), None)
    return size if size and all(size) else None


def picture_is_whole(data: bytes) -> bool:
    """The picture goes as far as its own end mark; what it holds may be damaged all the same."""
    kind = picture_kind(data)
    if kind == PNG:
        return _png_ends(data)
    if kind == GIF:
        return _gif_ends(data)
    if kind == WEBP:
        return len(data) >= 8 + _little(data, 4, 4)
    return kind == JPEG and _jpeg_ends(data)


def pdf_is_whole(data: bytes) -> bool:
    """The PDF has the mark of its end, `%%EOF` or `startxref`."""
    tail = data.rstrip(b"\0\r\n\t ")[-PDF_MARK_WITHIN:]
    return b"%%EOF" in tail or b"startxref" in tail


def pdf_is_blank(data: bytes) -> bool:
    """The PDF has no page: none is seen, and no compressed object stream could hold one."""
    return PAGE.search(data) is None and PACKED.search(data) is None


def pdf_is_encrypted(data: bytes) -> bool:
    """The PDF's trailer names an encryption dictionary."""
    return ENCRYPTED.search(data) is not None


def pdf_pages(data: bytes) -> int:
    """How many pages the PDF has at least: those in compressed object streams are not seen."""
    return sum(1 for _ in PAGE.finditer(data))


def _png_ends(data: bytes) -> bool:
    at = 8
    while at + 12 <= len(data):
        if data[at + 4 : at + 8] == b"IEND":
            return True
        at += 12 + _big(data, at, 4)
    return False


def _gif_ends(data: bytes) -> bool:
    """There is nothing, or a trailer, after whole blocks of data: viewers ask for no trailer."""
    at, drawn = 13 + _gif_colors(data, 10), False
    while at < len(data) and data[at] in (GIF_EXTENSION, GIF_FRAME):
        drawn = drawn or data[at] == GIF_FRAME
        at += 2 if data[at] == GIF_EXTENSION else 11 + _gif_colors(data, at + 9)
        while at < len(data) and data[at]:
            at += 1 + data[at]
        at += 1
    return (drawn and at == len(data)) or (at < len(data) and data[at] == GIF_END)


def _gif_colors(data: bytes, at: int) -> int:
    """Bytes of the table of colours that the flags at `at` announce."""
    flags = data[at] if at < len(data) else 0
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _jpeg_ends(data: bytes) -> bool:
    """There is an end mark after the start of the compressed data, which holds none itself."""
    for marker, at in _jpeg_segments(data):
        if marker == 0xDA:
            return data.find(b"\xff\xd9", at) >= 0
    return False


def _webp_size(data: bytes) -> Size | None:
    form = data[12:16]
    if form == b"VP8X" and len(data) >= 30:
        return _little(data, 24, 3) + 1, _little(data, 27, 3) + 1
    if form == b"VP8L" and len(data) >= 25:
        bits = _little(data, 21, 4)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if form == b"VP8 " and len(data) >= 30:
        return _little(data, 26, 2) & 0x3FFF, _little(data, 28, 2) & 0x3FFF
    return None


def _jpeg_sizes(data: bytes) -> Iterator[Size]:
    """The size in each start of a frame, up to the compressed data."""
    for marker, at in _jpeg_segments(data):
        if marker in FRAME_MARKERS and at + 9 <= len(data):
            yield _big(data, at + 7, 2), _big(data, at + 5, 2)


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Each marker with its place, up to the compressed data."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        yield marker, at
        if marker == 0xDA:
            return
        if marker == 0xFF:  # a byte of filling
            at += 1
        else:
            at += 2 if marker in STANDALONE_MARKERS else 2 + _big(data, at + 2, 2)


def _big(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "big")


def _little(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "little")
