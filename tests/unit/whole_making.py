"""Pictures that are whole: the headers of `picture_making`, and what a format ends with."""

from __future__ import annotations

from picture_making import PICTURES, SIZE

IEND = b"\0\0\0\0IEND\xae\x42\x60\x82"
SCAN = b"\xff\xda\0\x02" + b"\x3b\xff\0" * 9 + b"\xff\xd9"


def whole(name: str = "png", width: int = SIZE[0], height: int = SIZE[1]) -> bytes:
    """A picture of a kind of `picture_making.PICTURES`, of a header and an end alone."""
    begun = PICTURES[name][0](width, height)
    if name == "png":
        return begun + b"\0" * 4 + IEND
    if name == "gif":
        return begun + b"\x3b"
    if name == "jpeg":
        return begun[:-1] + SCAN
    return begun[:4] + (len(begun) - 8).to_bytes(4, "little") + begun[8:]
