"""Content blocks as a suite writes them, made into those of the API: pictures, documents, texts.

The only module that reads what is attached: files of the suite's folder, told apart by their
content and not by their name, each read and encoded once for all that send it.
"""

from __future__ import annotations

import base64
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import RenderError, SuiteError, did_you_mean
from harness.files import inside
from harness.media import (
    PDF,
    PICTURES,
    TEXT,
    kind_of,
    pdf_is_blank,
    pdf_is_encrypted,
    pdf_is_whole,
    pdf_pages,
    picture_is_whole,
    picture_kind,
    picture_size,
)
from harness.models.message_rules import MAX_IMAGE_BASE64, MAX_PAGES, MAX_REQUEST, MAX_SIDE_PX
from harness.records import Block, Json

KEPT_BYTES = 128 * 1024 * 1024
"""How much of encoded files is kept for the next request that sends them."""

SHORTHANDS = ("text", "image", "document")
BESIDE = ("cache", "cache_control")
SOURCES = {"image": ("file", "url"), "document": ("file", "url", "text")}
DOCUMENT_KEYS = ("title", "context", "citations")
TTLS = ("5m", "1h")


def wrong(message: str, *keys: str | int) -> RenderError:
    """An error in a block, at these keys of it."""
    return RenderError(message, keys=keys)


def block(item: Json, folder: Path, ttl: str = "5m") -> Block:
    """A content block of the API; a block with a `type` is one already.

    `{text: …}`, `{image: …}` and `{document: …}` are short for the API's, and `cache: true` beside
    them is a cache breakpoint that lives for `ttl`. Raises RenderError with the keys in the block.
    """
    if not isinstance(item, Mapping):
        raise wrong(f"a content block is a mapping, not {item!r}; write `text: …`")
    given = {key: value for key, value in item.items() if key != "cache"}
    made = given if "type" in given else _made(given, folder)
    return {**made, **_breakpoint(item, ttl)}


def blocks(items: Iterable[Json], folder: Path, ttl: str = "5m") -> list[Block]:
    """Content blocks of the API, in order; raises RenderError with the keys in the list."""
    made = []
    for index, item in enumerate(items):
        try:
            made.append(block(item, folder, ttl))
        except RenderError as error:
            error.keys = (index, *error.keys)
            raise
    return made


def _breakpoint(item: Mapping[str, Any], ttl: str) -> dict[str, Any]:
    wanted = item.get("cache", False)
    if wanted is False:
        return {}
    if wanted is not True and wanted not in TTLS:
        raise wrong(f"`cache` of a block is true, `5m` or `1h`, not {wanted!r}", "cache")
    if "cache_control" in item:
        raise wrong("`cache` and `cache_control` exclude each other; keep one", "cache")
    return {"cache_control": {"type": "ephemeral", "ttl": ttl if wanted is True else wanted}}


def _made(given: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    kinds = [key for key in given if key in SHORTHANDS]
    if len(kinds) != 1:
        what = "has none of them" if not kinds else f"has {' and '.join(kinds)}"
        raise wrong(f"a block is one of `text`, `image`, `document`, or has a `type`; this {what}")
    (kind,) = kinds
    for key in given:
        if key != kind and key not in BESIDE:
            hint = did_you_mean(str(key), (*SHORTHANDS, *BESIDE))
            inside_it = f"; what belongs to it goes into `{kind}: {{…}}`" if kind != "text" else ""
            raise wrong(f"`{key}` is no key beside `{kind}`{hint or inside_it}", str(key))
    beside = {key: value for key, value in given.items() if key == "cache_control"}
    if kind == "text":
        if not isinstance(given["text"], str):
            raise wrong(f"`text` of a block is a text, not {given['text']!r}; quote it", "text")
        return {"type": "text", "text": given["text"], **beside}
    try:
        return {"type": kind, **_attachment(kind, given[kind], folder), **beside}
    except RenderError as error:
        error.keys = (kind, *error.keys)
        raise


def _attachment(kind: str, value: Json, folder: Path) -> dict[str, Any]:
    """The source of a picture or a document, with what a document has beside it."""
    if isinstance(value, str):
        return {"source": _from_name(kind, value, folder)}
    if not isinstance(value, Mapping):
        raise wrong(f"`{kind}` is a file of the suite's folder or a URL, not {value!r}")
    keys = SOURCES[kind]
    named = [key for key in keys if key in value]
    known = (*keys, *(DOCUMENT_KEYS if kind == "document" else ()))
    for key in value:
        if key not in known:
            hint = did_you_mean(str(key), known) or f"; it takes {', '.join(known)}"
            raise wrong(f"`{key}` is no key of `{kind}`{hint}", str(key))
    if len(named) != 1:
        raise wrong(f"`{kind}` needs one of {', '.join(f'`{key}`' for key in keys)}")
    try:
        source = _source(kind, named[0], value[named[0]], folder)
    except RenderError as error:
        error.keys = (named[0], *error.keys)
        raise
    return {"source": source, **_described(value)}


def _described(value: Mapping[str, Any]) -> dict[str, Any]:
    """Title, context and citations of a document, as the API takes them."""
    found: dict[str, Any] = {}
    for key in ("title", "context"):
        if value.get(key) is not None:
            if not isinstance(value[key], str):
                raise wrong(f"`{key}` of a document is a text, not {value[key]!r}", key)
            found[key] = value[key]
    if len(found.get("title", "")) > 500:
        raise wrong("`title` of a document has at most 500 characters; shorten it", "title")
    citations = value.get("citations")
    if citations is not None:
        if isinstance(citations, Mapping):
            citations = citations.get("enabled")
        if not isinstance(citations, bool):
            raise wrong("`citations` of a document is true or false", "citations")
        found["citations"] = {"enabled": citations}
    return found


def _source(kind: str, key: str, value: Json, folder: Path) -> dict[str, Any]:
    if not isinstance(value, str) or not value.strip():
        raise wrong(f"`{key}` is a text that is not empty, not {value!r}")
    if key == "text":
        return {"type": "text", "media_type": TEXT, "data": value}
    return _from_url(value) if key == "url" else _from_name(kind, value, folder)


def _from_name(kind: str, name: str, folder: Path) -> dict[str, Any]:
    if "://" in name:
        return _from_url(name)
    if not name.strip():
        raise wrong(f"`{kind}` names no file; write a file of the suite's folder")
    try:
        path = inside(folder, name)
        return _FILES.source(path, kind)
    except SuiteError as error:
        raise wrong("; ".join(problem.message for problem in error.problems)) from error
    except (OSError, ValueError) as error:
        raise wrong(f"file {name!r} cannot be read: {error}") from error


def _from_url(url: str) -> dict[str, Any]:
    if not url.startswith("https://"):
        raise wrong(f"the API fetches {url!r} from an https:// address only; write one")
    return {"type": "url", "url": url.strip()}


@dataclass(slots=True)
class _Files:
    """Encoded files by path and state, the least lately used given up first."""

    kept: OrderedDict[tuple[str, str, int, int], dict[str, Any]] = field(
        default_factory=OrderedDict
    )
    size: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def source(self, path: Path, kind: str) -> dict[str, Any]:
        """The file as the source of a block; raises RenderError for what the API refuses."""
        state = path.stat()
        if state.st_size > MAX_REQUEST:
            raise wrong(f"{_file(path)} is {_mb(state.st_size)} MB; the API takes 32 in a request")
        key = (str(path.resolve()), kind, state.st_mtime_ns, state.st_size)
        with self.lock:
            if key in self.kept:
                self.kept.move_to_end(key)
                return self.kept[key]
        made = READERS[kind](path, path.read_bytes())
        with self.lock:
            self.kept.setdefault(key, made)
            self.size = sum(len(each["data"]) for each in self.kept.values())
            while self.size > KEPT_BYTES and len(self.kept) > 1:
                self.size -= len(self.kept.popitem(last=False)[1]["data"])
        return made


_FILES = _Files()


def _image(path: Path, data: bytes) -> dict[str, Any]:
    kind = picture_kind(data)
    if kind is None:
        what = {PDF: "a PDF; write `document:`", TEXT: "a text; write `text:` or `document:`"}
        found = what.get(kind_of(data) or "", "no picture; save it as png, jpeg, gif or webp")
        raise wrong(f"{_file(path)} is {found}")
    size = picture_size(data)
    if size is None:
        raise wrong(f"{_file(path)} is cut off or damaged: it does not tell its size")
    if max(size) > MAX_SIDE_PX:
        width, height = size
        raise wrong(f"{_file(path)} has {width} × {height} px; the API takes {MAX_SIDE_PX} a side")
    encoded = _base64(kind, data)
    if len(encoded["data"]) > MAX_IMAGE_BASE64:
        message = f"is {_mb(len(encoded['data']))} MB in base64; the API takes 10 for a picture"
        raise wrong(f"{_file(path)} {message}; make it smaller")
    if not picture_is_whole(data):
        raise wrong(f"{_file(path)} is cut off or damaged: its end is missing; save it again")
    return encoded


def _document(path: Path, data: bytes) -> dict[str, Any]:
    kind = kind_of(data)
    if kind in PICTURES:
        raise wrong(f"{_file(path)} is a picture; write `image:`")
    if kind is None:
        raise wrong(f"{_file(path)} is neither a PDF nor a text in UTF-8; save it as one of them")
    if kind == TEXT:
        text = data.decode("utf-8-sig")
        if not text.strip():
            raise wrong(f"{_file(path)} is empty; a document holds some text")
        return {"type": "text", "media_type": TEXT, "data": text}
    return _pdf(path, data)


def _pdf(path: Path, data: bytes) -> dict[str, Any]:
    if not pdf_is_whole(data):
        raise wrong(f"{_file(path)} is cut off or damaged: a PDF ends with `%%EOF`; save it again")
    if pdf_is_encrypted(data):
        raise wrong(f"{_file(path)} is an encrypted PDF; save it without a password")
    if (pages := pdf_pages(data)) > MAX_PAGES:
        raise wrong(f"{_file(path)} has {pages} pages; the API takes {MAX_PAGES}")
    if pdf_is_blank(data):
        raise wrong(f"{_file(path)} is a PDF without a page, or damaged; save it again")
    return _base64(PDF, data)


READERS = {"image": _image, "document": _document}


def _base64(kind: str, data: bytes) -> dict[str, Any]:
    return {"type": "base64", "media_type": kind, "data": base64.b64encode(data).decode("ascii")}


def _file(path: Path) -> str:
    return f"file {path.name!r}"


def _mb(size: int) -> str:
    return f"{size / 1024 / 1024:.1f}"
