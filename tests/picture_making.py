"""Small pictures and PDFs for tests: headers that tell a kind and a size, by the formats' books."""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable, Mapping

SIZE = (640, 480)


def png(width: int = SIZE[0], height: int = SIZE[1]) -> bytes:
    """The beginning of a PNG."""
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", width, height) + b"\x08\0\0\0\0"


def gif(width: int = SIZE[0], height: int = SIZE[1]) -> bytes:
    """The beginning of a GIF."""
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\0\0\0"


def jpeg(width: int = SIZE[0], height: int = SIZE[1]) -> bytes:
    """A JPEG up to its frame, after the notes of a camera, a restart marker and a filling byte."""
    notes = b"\xff\xe1" + struct.pack(">H", 42) + b"\xff\xc0" * 20
    frame = struct.pack(">HBHHB", 17, 8, height, width, 3)
    return b"\xff\xd8" + notes + b"\xff\xd0" + b"\xff\xff\xc2" + frame + b"\0" * 10


def webp(form: str) -> Callable[[int, int], bytes]:
    """The beginning of a WebP of the form `VP8 `, `VP8L` or `VP8X`."""

    def made(width: int = SIZE[0], height: int = SIZE[1]) -> bytes:
        bits = struct.pack("<I", width - 1 | height - 1 << 14)
        wide = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        inside = {
            "VP8 ": b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height),
            "VP8L": b"\x2f" + bits,
            "VP8X": b"\0\0\0\0" + wide,
        }[form]
        return b"RIFF\0\0\0\0WEBP" + form.encode() + b"\0\0\0\0" + inside

    return made


PICTURES: Mapping[str, tuple[Callable[[int, int], bytes], str]] = {
    "png": (png, "image/png"),
    "gif": (gif, "image/gif"),
    "jpeg": (jpeg, "image/jpeg"),
    "webp": (webp("VP8 "), "image/webp"),
    "webp-lossless": (webp("VP8L"), "image/webp"),
    "webp-extended": (webp("VP8X"), "image/webp"),
}


def pdf(pages: int = 1, *, encrypted: bool = False) -> bytes:
    """As much of a PDF as tells its pages, and that it is encrypted."""
    page = b"1 0 obj << /Type /Page /Parent 2 0 R >> endobj\n"
    tree = b"2 0 obj << /Type /Pages >> endobj\n"
    lock = b"/Encrypt 9 0 R " if encrypted else b""
    return b"%PDF-1.7\n" + page * pages + tree + b"trailer << " + lock + b"/Root 3 0 R >>\n%%EOF\n"


def encoded(data: bytes) -> str:
    """The bytes as they are sent."""
    return base64.b64encode(data).decode()


def image_block(data: bytes, media_type: str = "image/png") -> dict[str, object]:
    """A picture as a content block of the API."""
    source = {"type": "base64", "media_type": media_type, "data": encoded(data)}
    return {"type": "image", "source": source}


def pdf_block(data: bytes) -> dict[str, object]:
    """A PDF as a content block of the API."""
    source = {"type": "base64", "media_type": "application/pdf", "data": encoded(data)}
    return {"type": "document", "source": source}
