"""A YAML file as plain data that remembers where each part of it stands.

The only module that reads or writes YAML. Duplicate keys are refused, and so are the scalars that
YAML 1.1 reads as something else than they look: `yes`, `0123`, `12:30`, a bare date.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import Place, Problem, SuiteError
from harness.garbage import gc_paused

Node = Any
"""A node of the YAML library, which has no useful types: `id`, `tag`, `value`, `start_mark`."""

KeyPath = tuple[str | int, ...]

PLAIN_BOOLEANS = {"true": True, "True": True, "TRUE": True}
PLAIN_BOOLEANS |= {"false": False, "False": False, "FALSE": False}
MAX_DEPTH = 100
MAX_REPEATED = 100_000


@dataclass(frozen=True, slots=True)
class PlaceOf:
    """From a key path, such as `("cases", 3, "id")`, to where it stands and how it is written.

    Without a `root`, for data that is not from a YAML file, everything stands on `line`.
    """

    path: Path
    root: Node = None
    lines: Sequence[str] = ()
    line: int = 1

    def __call__(self, keys: KeyPath) -> Place:
        """The place of the deepest part of the key path that exists."""
        if self.root is None:
            return Place(self.path, self.line, 1)
        mark = self._find(keys)[1]
        return Place(self.path, mark.line + 1, mark.column + 1)

    def within(self, keys: KeyPath, line: int) -> Place:
        """The place of a line, counted from 1, of the text under this key path."""
        node = self._find(keys)[0] if self.root is not None else None
        if node is None or node.id != "scalar":
            return self(keys)
        block = node.style in ("|", ">")
        if line == 1 and not block:
            return self(keys)
        first, last = node.start_mark.line + block, node.end_mark.line - block
        number = min(first + line - 1, max(first, last), len(self.lines) - 1)
        text = self.lines[number]
        return Place(self.path, number + 1, len(text) - len(text.lstrip()) + 1)

    def written(self, keys: KeyPath) -> str | None:
        """The characters of the scalar in the file: `1.10` where the data has the number 1.1."""
        node = self._find(keys)[0] if self.root is not None else None
        return str(node.value) if node is not None and node.id == "scalar" else None

    def _find(self, keys: KeyPath) -> tuple[Any, Any]:
        node, mark = self.root, self.root.start_mark if self.root else None
        for key in keys:
            found = _child(node, key)
            if found is None:
                break
            node, mark = found
        return node, mark


def read_yaml(path: Path) -> tuple[Any, PlaceOf]:
    """The file's data, and a function from a key path (`("cases", 3, "id")`) to its place.

    Raises SuiteError with every duplicate key and misread scalar, or with the syntax error.
    """
    data, place_of, problems = scan_yaml(path)
    if problems:
        raise SuiteError(problems)
    return data, place_of


def scan_yaml(path: Path) -> tuple[Any, PlaceOf, list[Problem]]:
    """As `read_yaml`, with the duplicate keys and misread scalars beside the data.

    A scalar that was misread stands in the data as it was written. Raises SuiteError where there
    is no data: the file cannot be read, or is not YAML.
    """
    text = _text(path)
    with gc_paused():
        root = _compose(path, text)
        reader = _Reader(path)
        data = reader.value(root, 0) if root is not None else None
    return data, PlaceOf(path, root, text.splitlines()), reader.problems


def dump_yaml(data: Any) -> str:
    """Plain data as YAML that `read_yaml` reads back the same, keys in their order."""
    import yaml

    # Other than ASCII is escaped: the library folds U+0085 and its like to a space otherwise.
    return str(yaml.safe_dump(data, sort_keys=False, width=100))


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as exc:
        message = f"cannot be read: {exc.strerror or exc}"
        raise SuiteError([Problem(message, Place(path))]) from exc
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        start = raw.rfind(b"\n", 0, exc.start) + 1
        place = Place(path, raw.count(b"\n", 0, start) + 1, exc.start - start + 1)
        message = f"byte {exc.start} is not UTF-8; save the file as UTF-8"
        raise SuiteError([Problem(message, place)]) from exc


@functools.cache
def _loader() -> Any:
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    resolvers, text_tag = base.yaml_implicit_resolvers, base.DEFAULT_SCALAR_TAG

    class Loader(base):  # type: ignore[misc]
        """Most scalars are texts by their first character: no pattern is tried on those."""

        def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
            if kind is yaml.ScalarNode and implicit[0] and value and value[0] not in resolvers:
                return text_tag
            return super().resolve(kind, value, implicit)

    return Loader


def _compose(path: Path, text: str) -> Node:
    import yaml

    try:
        return yaml.compose(text, Loader=_loader())
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        place = Place(path, mark.line + 1, mark.column + 1) if mark else Place(path, 1, 1)
        said = " ".join(part for part in (exc.context, exc.problem) if part)
        problem = Problem(f"not valid YAML: {said}{_hint(exc.problem)}", place)
        raise SuiteError([problem]) from exc
    except yaml.reader.ReaderError as exc:
        raise SuiteError([_unreadable(path, text, exc.position, exc.character)]) from exc
    except (yaml.YAMLError, RecursionError) as exc:
        problem = Problem(f"not valid YAML: {str(exc) or 'nested too deeply'}", Place(path, 1, 1))
        raise SuiteError([problem]) from exc


def _unreadable(path: Path, text: str, position: int, character: object) -> Problem:
    line_start = text.rfind("\n", 0, position) + 1
    place = Place(path, text.count("\n", 0, position) + 1, position - line_start + 1)
    code = character if isinstance(character, int) else ord(str(character)[:1] or "\0")
    message = f"the character U+{code:04X} may not stand in YAML; "
    return Problem(f'{message}remove it, or write "\\u{code:04x}" in double quotes', place)


def _hint(problem: str | None) -> str:
    if problem and "mapping values are not allowed" in problem:
        return '; put quotes around a text that contains ": "'
    if problem and ("cannot start any token" in problem or "character" in problem):
        return "; indent with spaces, and quote a text that begins with a special character"
    if problem and "another document" in problem:
        return "; keep one suite to a file, without `---`"
    return "; look at brackets, quotes and indentation here and above"


def _child(node: Node, key: str | int) -> tuple[Any, Any] | None:
    if node.id == "sequence" and isinstance(key, int) and 0 <= key < len(node.value):
        return node.value[key], node.value[key].start_mark
    if node.id == "mapping":
        for key_node, value in node.value:
            if key_node.value == str(key):
                return value, key_node.start_mark
    return None


class _Reader:
    """Turns nodes into data, and collects what is wrong on the way."""

    def __init__(self, path: Path) -> None:
        import yaml

        self.path = path
        self.problems: list[Problem] = []
        self.constructor = yaml.constructor.SafeConstructor()
        self.open: set[int] = set()
        self.seen: set[int] = set()
        self.repeated = 0

    def problem(self, node: Node, message: str) -> None:
        mark = node.start_mark
        self.problems.append(Problem(message, Place(self.path, mark.line + 1, mark.column + 1)))

    def value(self, node: Node, depth: int) -> Any:
        if node.id == "scalar":
            return self.scalar(node)
        if depth > MAX_DEPTH or id(node) in self.open:
            self.problem(node, "nested too deeply, or an alias that contains itself; write it flat")
            return None
        if self.too_often(node):
            return None
        self.open.add(id(node))
        try:
            if node.id == "sequence":
                return [self.value(item, depth + 1) for item in node.value]
            return self.mapping(node, depth)
        finally:
            self.open.discard(id(node))

    def too_often(self, node: Node) -> bool:
        """Aliases of aliases would fill the memory from a few lines."""
        if id(node) not in self.seen:
            self.seen.add(id(node))
            return False
        if self.repeated <= MAX_REPEATED < self.repeated + len(node.value):
            self.problem(node, f"aliases repeat more than {MAX_REPEATED:,} values; write fewer")
        self.repeated += len(node.value)
        return self.repeated > MAX_REPEATED

    def mapping(self, node: Node, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: list[dict[str, Any]] = []
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                merged += self.merged(value_node, depth)
                continue
            key = self.key(key_node)
            if key is None:
                continue
            if key in result:
                self.problem(key_node, f"`{key}` stands twice in this mapping; keep one")
            result[key] = self.value(value_node, depth + 1)
        for source in merged:
            result = {**source, **result}
        return result

    def merged(self, node: Node, depth: int) -> list[dict[str, Any]]:
        value = self.value(node, depth + 1)
        sources = value if isinstance(value, list) else [value]
        if not all(isinstance(source, dict) for source in sources):
            self.problem(node, "`<<` merges mappings only; name a mapping with `*`")
            return []
        return sources

    def key(self, node: Node) -> str | None:
        if node.id != "scalar":
            self.problem(node, "a key must be a text; quote it, or write `- ` before a list entry")
            return None
        return str(node.value)

    def scalar(self, node: Node) -> Any:
        text = str(node.value)
        kind = node.tag.rpartition(":")[2]
        if kind in ("str", "value"):
            return text
        if kind == "null":
            return None
        if kind == "bool":
            return self.boolean(node, text)
        if kind == "timestamp":
            self.problem(node, f'`{text}` is a date to YAML; write "{text}" to mean the text')
            return text
        if kind not in ("int", "float"):
            self.problem(node, f"the tag `{node.tag}` is not known here; write a plain value")
            return text
        return self.number(node, text)

    def boolean(self, node: Node, text: str) -> bool | str:
        if text not in PLAIN_BOOLEANS:
            meant = "true" if text.lower() in ("yes", "on", "y") else "false"
            self.problem(
                node,
                f'`{text}` is a boolean to YAML; write "{text}" to mean the text, '
                f"or {meant} to mean the boolean",
            )
        return PLAIN_BOOLEANS.get(text, text)

    def number(self, node: Node, text: str) -> int | float | str:
        try:
            value: int | float = self.constructor.construct_object(node)
        except (ValueError, OverflowError):
            self.problem(node, f'`{text}` is no number that can be read; write "{text}"')
            return text
        if isinstance(value, int) and str(value) != text.lstrip("+"):
            self.problem(
                node,
                f'`{text}` is the number {value} to YAML; write "{text}" to mean the text, '
                f"or {value} to mean the number",
            )
            return text
        return value
