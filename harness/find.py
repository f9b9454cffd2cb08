"""Which files are suites: the YAML files with `suite:` at their top level. Reads no YAML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.errors import Problem, SuiteError

IS_SUITE = re.compile(r"^suite[ \t]*:", re.MULTILINE)
SKIPPED = frozenset({"node_modules", "__pycache__", "site-packages"})


def find_suites(paths: Iterable[Path]) -> list[Path]:
    """The suite files in `paths`, each once; a file that is named must be one."""
    found: dict[Path, None] = {}
    problems: list[Problem] = []
    for path in paths:
        inside = list(_suites_in(path))
        if not inside:
            problems.append(Problem(_not_found(path)))
        found.update(dict.fromkeys(inside))
    unique = {path.resolve(): path for path in reversed(found)}
    if problems:
        raise SuiteError(problems)
    return [path for path in found if unique[path.resolve()] == path]


def is_suite(path: Path) -> bool:
    """It is a YAML file with `suite:` at the top level."""
    if path.suffix not in (".yaml", ".yml"):
        return False
    try:
        return IS_SUITE.search(path.read_text(encoding="utf-8", errors="replace")) is not None
    except OSError:
        return False


def _suites_in(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif path.is_dir():
        for file in sorted([*path.rglob("*.yaml"), *path.rglob("*.yml")]):
            parts = file.relative_to(path).parts
            hidden = any(part.startswith(".") or part in SKIPPED for part in parts)
            if not hidden and is_suite(file):
                yield file


def _not_found(path: Path) -> str:
    if not path.exists():
        return f"{path}: no such file or folder"
    return f"{path}: no suite in this folder; a suite is a YAML file with `suite:` at its top level"
