"""Pictures, documents and texts as a suite writes them, and what becomes of them."""

from __future__ import annotations

import runpy
import zlib
from pathlib import Path
from typing import Any

import pytest
from picture_making import PICTURES, encoded, pdf, png
from suite_making import HEAD, problems
from whole_making import whole

from harness.attachments import block, blocks
from harness.errors import RenderError

ROOT = Path(__file__).parent.parent.parent
FILES = {
    "a.png": whole(),
    "b.txt": "Grüße\n".encode(),
    "c.pdf": pdf(),
    "empty.txt": b" \n",
    "other.txt": b"\xff\xfe",
    "locked.pdf": pdf(encrypted=True),
    "long.pdf": pdf(601),
    "wide.png": png(8001, 10),
    "cut.png": png()[:12],
    "half.png": whole()[:-9],
    "half.pdf": pdf()[:-9],
    "garbage.pdf": b"%PDF-1.4 garbage",
    "blank.pdf": pdf(0),
    "heavy.png": png() + b"x" * 8 * 1024 * 1024,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A suite's folder with files that can be attached, and one beside it."""
    inside = tmp_path_factory.mktemp("attached") / "suite"
    inside.mkdir()
    for name, data in FILES.items():
        (inside / name).write_bytes(data)
    (inside.parent / "outside.png").write_bytes(png())
    return inside


def base64_of(kind: str, data: bytes) -> dict[str, Any]:
    return {"type": "base64", "media_type": kind, "data": encoded(data)}


TEXT = {"type": "text", "media_type": "text/plain", "data": "Grüße\n"}
URL = "https://example.com/a"


@pytest.mark.parametrize(
    ("written", "made"),
    [
        pytest.param({"text": "hi"}, {"type": "text", "text": "hi"}, id="text"),
        pytest.param({"image": "a.png"},
                     {"type": "image", "source": base64_of("image/png", whole())}, id="image"),
        pytest.param({"image": {"file": "a.png"}},
                     {"type": "image", "source": base64_of("image/png", whole())},
                     id="image file"),
        pytest.param({"image": URL},
                     {"type": "image", "source": {"type": "url", "url": URL}}, id="image url"),
        pytest.param({"document": {"url": URL}},
                     {"type": "document", "source": {"type": "url", "url": URL}}, id="url"),
        pytest.param({"document": "b.txt"}, {"type": "document", "source": TEXT}, id="text file"),
        pytest.param({"document": "c.pdf"},
                     {"type": "document", "source": base64_of("application/pdf", pdf())}, id="pdf"),
        pytest.param({"document": {"text": "Grüße\n", "title": "T", "context": "C"}},
                     {"type": "document", "source": TEXT, "title": "T", "context": "C"},
                     id="inline document"),
        pytest.param({"document": {"file": "b.txt", "citations": True}},
                     {"type": "document", "source": TEXT, "citations": {"enabled": True}},
                     id="citations"),
        pytest.param({"type": "x", "text": "a"}, {"type": "x", "text": "a"}, id="the API's own"),
    ],
)  # fmt: skip
def test_what_is_written_short_becomes_a_block(
    folder: Path, written: dict[str, Any], made: dict[str, Any]
) -> None:
    assert block(written, folder) == made


@pytest.mark.parametrize("name", PICTURES)
def test_the_kind_of_a_picture_is_that_of_its_content(folder: Path, name: str) -> None:
    kind = PICTURES[name][1]
    (folder / "picture.txt").write_bytes(whole(name))
    assert block({"image": "picture.txt"}, folder)["source"]["media_type"] == kind


@pytest.mark.parametrize(
    ("written", "at", "said"),
    [
        pytest.param({"image": "b.txt"}, "image", "'b.txt' is a text; write", id="text"),
        pytest.param({"image": "c.pdf"}, "image", "is a PDF; write `document:`", id="pdf"),
        pytest.param({"image": "other.txt"}, "image", "is no picture; save it as", id="unknown"),
        pytest.param({"image": {"file": "gone.png"}}, "image.file", "'gone.png' is not in",
                     id="missing"),
        pytest.param({"image": "../outside.png"}, "image", "lies outside the suite's folder",
                     id="outside"),
        pytest.param({"image": "."}, "image", "is not in", id="folder"),
        pytest.param({"image": "a\0.png"}, "image", "cannot be read", id="no name"),
        pytest.param({"image": "wide.png"}, "image", "8001 × 10 px; the API takes 8000", id="wide"),
        pytest.param({"image": "cut.png"}, "image", "is cut off or damaged", id="cut"),
        pytest.param({"image": "half.png"}, "image", "its end is missing; save it", id="half"),
        pytest.param({"image": "heavy.png"}, "image", "10.7 MB in base64", id="heavy"),
        pytest.param({"image": "http://a.b/c"}, "image", "https:// address only", id="http"),
        pytest.param({"image": 3}, "image", "a file of the suite's folder or a URL", id="number"),
        pytest.param({"image": ""}, "image", "names no file", id="empty name"),
        pytest.param({"image": {"fil": "a.png"}}, "image.fil", "did you mean `file`?", id="key"),
        pytest.param({"image": {"file": "a.png", "url": URL}}, "image", "needs one of", id="both"),
        pytest.param({"document": "a.png"}, "document", "is a picture; write `image:`",
                     id="picture"),
        pytest.param({"document": "other.txt"}, "document", "neither a PDF nor a text", id="bytes"),
        pytest.param({"document": "empty.txt"}, "document", "is empty", id="empty"),
        pytest.param({"document": "locked.pdf"}, "document", "encrypted PDF", id="locked"),
        pytest.param({"document": "long.pdf"}, "document", "601 pages; the API takes 600",
                     id="long"),
        pytest.param({"document": "half.pdf"}, "document", "ends with `%%EOF`", id="half PDF"),
        pytest.param({"document": "garbage.pdf"}, "document", "cut off or damaged", id="garbage"),
        pytest.param({"document": "blank.pdf"}, "document", "a PDF without a page", id="blank"),
        pytest.param({"document": {"text": "a", "title": "x" * 501}}, "document.title",
                     "at most 500", id="title"),
        pytest.param({"document": {"text": "a", "citations": "yes"}}, "document.citations",
                     "true or false", id="citations"),
        pytest.param({"txt": "a"}, "", "this has none of them", id="none"),
        pytest.param({"text": "a", "image": "a.png"}, "", "this has text and image", id="two"),
        pytest.param({"text": 3}, "text", "is a text, not 3; quote it", id="text number"),
        pytest.param({"document": "b.txt", "title": "T"}, "title", "goes into `document: {…}`",
                     id="beside"),
        pytest.param({"text": "a", "cache": "2h"}, "cache", "true, `5m` or `1h`", id="lifetime"),
        pytest.param({"text": "a", "cache": True, "cache_control": {}}, "cache", "exclude",
                     id="twice"),
    ],
)  # fmt: skip
def test_what_cannot_be_attached_is_said_with_its_place(
    folder: Path, written: dict[str, Any], at: str, said: str
) -> None:
    with pytest.raises(RenderError) as caught:
        block(written, folder)
    assert ".".join(map(str, caught.value.keys)) == at
    assert said in caught.value.message


def test_an_error_names_the_block_in_a_list(folder: Path) -> None:
    with pytest.raises(RenderError) as caught:
        blocks([{"text": "a"}, {"image": "b.txt"}], folder)
    assert caught.value.keys == (1, "image")


@pytest.mark.parametrize(
    ("cache", "ttl"), [(True, "1h"), ("5m", "5m"), ("1h", "1h")], ids=["suite's", "5m", "1h"]
)
def test_a_block_may_be_a_cache_breakpoint(folder: Path, cache: bool | str, ttl: str) -> None:
    made = block({"text": "a", "cache": cache}, folder, "1h")
    assert made == {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": ttl}}


def test_a_block_that_is_not_to_be_cached_is_none(folder: Path) -> None:
    assert block({"type": "text", "text": "a", "cache": False}, folder) == block(
        {"text": "a"}, folder
    )


def test_a_file_is_encoded_once_as_long_as_it_stays_the_same(folder: Path) -> None:
    (folder / "new.png").write_bytes(whole())
    first, second = (block({"image": "new.png"}, folder) for _ in range(2))
    assert first["source"] is second["source"]
    (folder / "new.png").write_bytes(whole("png", 7, 7) + b"more")
    assert block({"image": "new.png"}, folder)["source"] != first["source"]


IMAGE = "[{text: Look}, {image: '{{ file }}'}]"


@pytest.mark.parametrize(
    ("part", "place"),
    [
        pytest.param(f"prompt: {IMAGE}", "3:25", id="prompt"),
        pytest.param(f"turns: [{{user: {IMAGE}}}]", "3:32", id="turn"),
        pytest.param(f"turns: [{{user: a}}, {{user: {IMAGE}}}]", "3:43", id="later turn"),
        pytest.param(f"messages: [{{role: user, content: {IMAGE}}}]", "3:50", id="history"),
        pytest.param("prompt: [{document: {file: '{{ file }}', title: T}}]", "3:22", id="document"),
    ],
)
def test_a_file_that_cannot_be_sent_is_found_where_it_is_written(
    tmp_path: Path, part: str, place: str
) -> None:
    head = HEAD.replace('prompt: "Say {{ word }}."', part).replace("yes please}", "a, file: no.x}")
    (found,) = problems(tmp_path, head + "cases: [{id: a}]\n")
    assert found.startswith(f"s.yaml:{place}: file 'no.x' is not in")
    assert found.endswith("(case 'a')")


def test_the_pictures_of_the_example_are_those_that_its_script_draws() -> None:
    drawing = runpy.run_path(str(ROOT / "suites/invoice-picture/draw.py"))
    for invoice in drawing["invoices"]():
        stored = (ROOT / "suites/invoice-picture" / invoice["file"]).read_bytes()
        # Two versions of zlib may pack the same dots differently.
        assert dots(stored) == dots(drawing["draw"](invoice))


def dots(data: bytes) -> bytes:
    """The size and the dots of a PNG with one piece of data."""
    start = data.index(b"IDAT") + 4
    return data[:29] + zlib.decompress(data[start : data.index(b"IEND") - 8])
