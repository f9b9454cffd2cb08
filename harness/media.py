"""What bytes are, by their content: the kind of a picture and its size, a PDF and its pages.

Reads headers only, and decodes no picture. Formats: the PNG, GIF89a, JPEG (ITU T.81) and WebP
(RFC 9649) specifications; ISO 32000 for PDF.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

PNG, JPEG, GIF, WEBP = "image/png", "image/jpeg", "image/gif", "image/webp"
PDF, TEXT = "application/pdf", "text/plain"
PICTURES = (PNG, JPEG, GIF, WEBP)

Size = tuple[int, int]
PDF_MARK_WITHIN = 1024
FRAME_MARKERS = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""JPEG's start-of-frame markers; the three left out are tables and extensions."""
STANDALONE_MARKERS = frozenset({0x01, *range(0xD0, 0xD9)})
ENCRYPTED = re.compile(rb"/Encrypt\s+\d+\s+\d+\s+R")
PAGE = re.compile(rb"/Type\s*/Page(?![A-Za-z])")


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


def pdf_is_encrypted(data: bytes) -> bool:
    """The PDF's trailer names an encryption dictionary."""
    return ENCRYPTED.search(data) is not None


def pdf_pages(data: bytes) -> int:
    """How many pages the PDF has at least: those in compressed object streams are not seen."""
    return sum(1 for _ in PAGE.finditer(data))


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
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in FRAME_MARKERS:
            yield _big(data, at + 7, 2), _big(data, at + 5, 2)
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
