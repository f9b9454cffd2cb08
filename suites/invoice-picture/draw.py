"""Draws the pictures of this suite from `invoices.jsonl`: `python draw.py`.

Black letters of 5 × 7 dots on white paper, written as PNG with nothing but the standard library.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
MARGIN, LETTER, LINE = 24, 6, 11
"""In dots: the edge of the paper, a letter with its gap, a line with its gap."""
COLUMNS = 44

# Seven rows of five dots, two hexadecimal digits a row.
FONT = {
    "A": "0E11111F111111", "B": "1E11111E11111E", "C": "0E11101010110E", "D": "1E11111111111E",
    "E": "1F10101E10101F", "F": "1F10101E101010", "G": "0E11101711110F", "H": "1111111F111111",
    "I": "0E04040404040E", "J": "0702020202120C", "K": "11121418141211", "L": "1010101010101F",
    "M": "111B1515111111", "N": "11191513111111", "O": "0E11111111110E", "P": "1E11111E101010",
    "Q": "0E11111115120D", "R": "1E11111E141211", "S": "0F10100E01011E", "T": "1F040404040404",
    "U": "1111111111110E", "V": "11111111110A04", "W": "11111115151B11", "X": "11110A040A1111",
    "Y": "11110A04040404", "Z": "1F01020408101F", "0": "0E11131519110E", "1": "040C040404040E",
    "2": "0E11010608101F", "3": "1F02040201110E", "4": "02060A121F0202", "5": "1F101E0101110E",
    "6": "0608101E11110E", "7": "1F010204080808", "8": "0E11110E11110E", "9": "0E11110F01020C",
    ".": "00000000000C0C", ",": "000000000C0408", ":": "000C0C000C0C00", "-": "0000001F000000",
    "/": "01010204081010", "&": "0C12140815120D", "%": "18190204081303", " ": "00000000000000",
    "_": "0000000000001F",
}  # fmt: skip


def picture(lines: Iterable[str], *, dot: int, ink: int) -> bytes:
    """The lines as a PNG; `dot` is the size of a dot in pixels, `ink` a grey from 0 (black)."""
    lines = list(lines)
    width = 2 * MARGIN + COLUMNS * LETTER
    height = 2 * MARGIN + len(lines) * LINE
    paper = [bytearray(b"\xff" * width) for _ in range(height)]
    for row, line in enumerate(lines):
        for column, letter in enumerate(line.upper()):
            _stamp(paper, letter, MARGIN + column * LETTER, MARGIN + row * LINE, ink)
    return _png([_widened(row, dot) for row in paper for _ in range(dot)])


def _stamp(paper: list[bytearray], letter: str, left: int, top: int, ink: int) -> None:
    for y, bits in enumerate(bytes.fromhex(FONT[letter])):
        for x in range(5):
            if bits >> (4 - x) & 1:
                paper[top + y][left + x] = ink


def _widened(row: bytearray, dot: int) -> bytes:
    return b"".join(bytes([grey]) * dot for grey in row)


def _png(rows: list[bytes]) -> bytes:
    """A PNG of eight-bit grey: header, data and end."""
    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    chunks = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, body) for name, body in chunks)


def _chunk(name: bytes, body: bytes) -> bytes:
    check = zlib.crc32(name + body)
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", check)


def invoices() -> list[Mapping[str, Any]]:
    """What stands on each paper, and how it is printed."""
    text = (HERE / "invoices.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def draw(invoice: Mapping[str, Any]) -> bytes:
    """The picture of one invoice."""
    return picture(invoice["paper"], dot=invoice["dot"], ink=invoice["ink"])


if __name__ == "__main__":
    for each in invoices():
        (HERE / each["file"]).parent.mkdir(exist_ok=True)
        (HERE / each["file"]).write_bytes(draw(each))
