"""The rows of a data set, as a case's `data:` names it; only this module opens data files.

A file stays inside the suite's folder, links followed. A cell is data: it is handed on as it was
read, and CSV cells stay text.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from harness.errors import Place, Problem, SuiteError
from harness.files import load_function, raised_at, similar
from harness.jsontext import item_starts, read_json
from harness.yamlfile import read_yaml

MAX_ROWS = 1_000_000
MAX_PROBLEMS = 20
SQL_STEPS, SQL_PAUSES = 1_000_000, 2_000


@dataclass(frozen=True, slots=True)
class Row:
    """A row's cells by name, and where it stands; `place.line` is 0 where a source has no lines."""

    values: Mapping[str, Any]
    place: Place


def rows(source: object, folder: Path, *, at: Place | None = None) -> list[Row]:
    """The rows that `source` names: a file, `{sqlite:, query:}` or `{python: "file.py:function"}`.

    Every row offers `index`, counted from 1, unless a column has that name. `at` is the place of
    `data:` in the suite, for what is wrong with the source itself.
    Raises SuiteError with everything that is wrong in the source; a source without rows is wrong.
    """
    read = _Source(folder, at).reader(source)
    found = _numbered(read)
    if not found:
        raise SuiteError(
            [Problem(f"the data set {_named(source)} has no rows; add at least one", at)]
        )
    return found


def _named(source: object) -> str:
    return repr(dict(source)) if isinstance(source, Mapping) else repr(source)


def _numbered(read: Iterable[Row | Problem]) -> list[Row]:
    found: list[Row] = []
    problems: list[Problem] = []
    for item in itertools.islice(read, MAX_ROWS + 1):
        if isinstance(item, Problem):
            problems.append(item)
        else:
            found.append(Row({"index": len(found) + 1, **item.values}, item.place))
    if len(found) + len(problems) > MAX_ROWS:
        last = found[-1].place if found else problems[-1].place
        problems = [Problem(f"more than {MAX_ROWS:,} rows; split the data set", last)]
    if len(problems) > MAX_PROBLEMS:
        more = len(problems) - MAX_PROBLEMS
        rest = Problem(f"and {more:,} more rows like these", problems[MAX_PROBLEMS].place)
        problems = [*problems[:MAX_PROBLEMS], rest]
    if problems:
        raise SuiteError(problems)
    return found


@dataclass(frozen=True, slots=True)
class _Source:
    folder: Path
    at: Place | None

    def wrong(self, message: str) -> SuiteError:
        return SuiteError([Problem(message, self.at)])

    def reader(self, source: object) -> Iterable[Row | Problem]:
        if isinstance(source, str) and source.strip():
            return self.file_reader(source)
        if isinstance(source, Mapping) and set(source) == {"sqlite", "query"}:
            if all(isinstance(value, str) and value.strip() for value in source.values()):
                return _sqlite_rows(self.path(source["sqlite"]), source["query"], self.at)
        elif isinstance(source, Mapping) and set(source) == {"python"}:
            return self.python_reader(source["python"])
        raise self.wrong(
            f"`data: {_named(source)}` names no data set; write a file name, "
            '{sqlite: FILE, query: SQL} or {python: "file.py:function"}'
        )

    def file_reader(self, name: str) -> Iterable[Row | Problem]:
        path = self.path(name)
        read = READERS.get(path.suffix.lower())
        if read is None:
            raise self.wrong(f"{name!r} is of no known kind; a data file ends in {_known()}")
        return read(path)

    def python_reader(self, target: object) -> Iterable[Row | Problem]:
        file, _, name = target.rpartition(":") if isinstance(target, str) else ("", "", "")
        if not file.endswith(".py") or not name.isidentifier():
            raise self.wrong(f"`python: {target!r}` names no function; write file.py:function")
        path = self.path(file)
        return _python_rows(load_function(f"{file}:{name}", self.folder), path)

    def path(self, name: str) -> Path:
        """The file of this name, inside the folder; SuiteError otherwise."""
        try:
            path = self.folder / name
            inside = path.resolve().is_relative_to(self.folder.resolve())
            exists = path.is_file()
        except (OSError, ValueError, RuntimeError) as exc:
            raise self.wrong(f"{name!r} cannot be read: {exc}") from exc
        if not inside:
            raise self.wrong(
                f"{name!r} is outside the suite's folder {self.folder}; copy the data set into it"
            )
        if not exists:
            raise self.wrong(f"there is no file {name!r} in {self.folder}{_near(path)}")
        return path


def _near(path: Path) -> str:
    if not path.parent.is_dir():
        return f"; there is no folder {path.parent.name!r} either"
    near = similar(path)
    return f"; is it {' or '.join(map(repr, near))}?" if near else ""


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as exc:
        raise SuiteError([Problem(f"cannot be read: {exc.strerror or exc}", Place(path))]) from exc
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        looks = "looks like UTF-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "is not UTF-8"
        # After a byte order mark the codec counts without the mark's three bytes.
        start = exc.start + (3 if raw.startswith(b"\xef\xbb\xbf") else 0)
        place = Place(path, raw.count(b"\n", 0, start) + 1, 1)
        raise SuiteError([Problem(f"byte {start} {looks}; save the file as UTF-8", place)]) from exc
    if "\0" in text:
        place = Place(path, text.count("\n", 0, text.index("\0")) + 1, 1)
        raise SuiteError([Problem("a NUL character; this is no text file", place)])
    return text


def _csv_rows(path: Path) -> Iterator[Row | Problem]:
    text = _text(path)
    # A cell may hold a whole document; the module's limit of 128 KiB is one for the process.
    limit = csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    try:
        delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        yield from _records(path, reader)
    finally:
        csv.field_size_limit(limit)


def _records(path: Path, reader: Any) -> Iterator[Row | Problem]:
    header: list[str] = []
    line = 1
    try:
        for cells in reader:
            place, line = Place(path, line, 1), reader.line_num + 1
            if not cells:
                continue
            if not header:
                header = [name.strip() for name in cells]
                yield from _header_problems(header, place)
            elif len(cells) == len(header):
                yield Row(dict(zip(header, cells, strict=True)), place)
            else:
                yield Problem(
                    f"{len(cells)} cells under {len(header)} headers; "
                    "quote a cell that contains the separator",
                    place,
                )
    except csv.Error as exc:
        yield Problem(
            f"not valid CSV: {exc}; double each quote inside quotes", Place(path, line, 1)
        )


def _header_problems(header: list[str], place: Place) -> Iterator[Problem]:
    for number, name in enumerate(header, start=1):
        if not name:
            yield Problem(f"column {number} has no name; name it in the first line", place)
    for name, count in Counter(filter(None, header)).items():
        if count > 1:
            yield Problem(f"{count} columns are named {name!r}; rename all but one", place)
    if len(header) == 1 and ";" in header[0]:
        yield Problem(
            f"one column named {header[0]!r}; separate columns by commas, not semicolons", place
        )


def _jsonl_rows(path: Path) -> Iterator[Row | Problem]:
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if line.strip():
            place = Place(path, number, 1)
            try:
                value = read_json(line)
            except json.JSONDecodeError as exc:
                yield Problem(
                    f"not valid JSON: {exc.msg}; write one object a line",
                    Place(path, number, exc.colno),
                )
            except ValueError as exc:
                yield Problem(f"not valid JSON: {exc}; write one object a line", place)
            else:
                yield _row(value, place)


def _json_rows(path: Path) -> Iterator[Row | Problem]:
    text = _text(path)
    try:
        data = read_json(text)
    except json.JSONDecodeError as exc:
        yield Problem(f"not valid JSON: {exc.msg}", Place(path, exc.lineno, exc.colno))
        return
    except ValueError as exc:
        yield Problem(f"not valid JSON: {exc}", Place(path))
        return
    key, items = _only_list(path, data)
    starts = item_starts(text, key)
    line, seen = 1, 0
    for item, start in zip(items, starts, strict=True):
        line += text.count("\n", seen, start)
        seen = start
        yield _row(item, Place(path, line, start - text.rfind("\n", 0, start)))


def _yaml_rows(path: Path) -> Iterator[Row | Problem]:
    data, place_of = read_yaml(path)
    key, items = _only_list(path, data)
    for index, item in enumerate(items):
        yield _row(item, place_of((index,) if key is None else (key, index)))


def _only_list(path: Path, data: object) -> tuple[str | None, list[Any]]:
    if isinstance(data, list):
        return None, data
    lists = [k for k, v in data.items() if isinstance(v, list)] if isinstance(data, dict) else []
    if len(lists) == 1 and isinstance(data, dict):
        return lists[0], data[lists[0]]
    found = f"found {len(lists)} lists: {', '.join(lists)}" if lists else "found none"
    message = f"the rows must be a list, or the only list of a mapping; {found}"
    raise SuiteError([Problem(message, Place(path, 1, 1))])


def _row(value: object, place: Place) -> Row | Problem:
    if not isinstance(value, Mapping):
        shown = repr(value)[:60]
        return Problem(f"a row must be a mapping of names to values, not {shown}", place)
    wrong = next((key for key in value if not isinstance(key, str)), None)
    if wrong is not None:
        return Problem(f"the column name {wrong!r} is no text; make it one", place)
    return Row(value, place)


def _txt_rows(path: Path) -> Iterator[Row]:
    lines = _text(path).replace("\r\n", "\n").split("\n")
    blocks = [
        list(group)
        for filled, group in itertools.groupby(
            enumerate(lines, 1), key=lambda it: bool(it[1].strip())
        )
        if filled
    ]
    if len(blocks) < 2 or all(len(block) == 1 for block in blocks):
        blocks = [[line] for block in blocks for line in block]
    for block in blocks:
        number = block[0][0]
        text = "\n".join(line for _, line in block)
        yield Row({"text": text, "line": number}, Place(path, number, 1))


def _sqlite_rows(path: Path, query: str, at: Place | None) -> Iterator[Row | Problem]:
    place = Place(path)
    try:
        uri = f"file:{quote(str(path.resolve()))}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            pauses = itertools.count()
            connection.set_progress_handler(lambda: next(pauses) > SQL_PAUSES, SQL_STEPS)
            connection.set_authorizer(_only_reading)
            cursor = connection.execute(query)
            names = [column[0] for column in cursor.description or ()]
            yield from _header_problems(names, at or place)
            for cells in cursor:
                yield _cells(names, cells, place)
    except (sqlite3.Error, sqlite3.Warning, ValueError) as exc:
        failed = f"the query {query!r} of {path.name!r} failed: {exc}; it may only SELECT"
        yield Problem(failed, at or place)


def _only_reading(action: int, *_names: str | None) -> int:
    # Not even ATTACH: it would reach files outside the suite's folder.
    reading = (
        sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_FUNCTION,
        sqlite3.SQLITE_RECURSIVE,
    )
    return sqlite3.SQLITE_OK if action in reading else sqlite3.SQLITE_DENY


def _cells(names: list[str], cells: tuple[Any, ...], place: Place) -> Row | Problem:
    binary = [name for name, cell in zip(names, cells, strict=True) if isinstance(cell, bytes)]
    if binary:
        return Problem(
            f"column {binary[0]!r} is binary; select hex({binary[0]}) or leave it", place
        )
    return Row(dict(zip(names, cells, strict=True)), place)


def _python_rows(function: Callable[[], Iterable[object]], path: Path) -> Iterator[Row | Problem]:
    place = Place(path)
    try:
        for value in function():
            yield _row(value, place)
    except (Exception, SystemExit) as exc:  # a suite's own code may raise anything
        name = getattr(function, "__name__", "the function")
        yield Problem(f"{name!r} raised {type(exc).__name__}: {exc}", raised_at(exc, path))


READERS: Mapping[str, Callable[[Path], Iterable[Row | Problem]]] = {
    ".csv": _csv_rows,
    ".tsv": _csv_rows,
    ".jsonl": _jsonl_rows,
    ".ndjson": _jsonl_rows,
    ".json": _json_rows,
    ".yaml": _yaml_rows,
    ".yml": _yaml_rows,
    ".txt": _txt_rows,
}


def _known() -> str:
    *most, last = READERS
    return f"{', '.join(most)} or {last}"
