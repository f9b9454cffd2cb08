"""Which files hold suites: YAML with `suite:` at its top level, `test_*.py` with an `@evaluation`.

Looks at their text; reads no YAML and runs no Python.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.errors import Problem, SuiteError

IS_SUITE = re.compile(r"""^(["']?)suite\1[ \t]*:""", re.MULTILINE)
IS_EVAL = re.compile(r"^@(\w+\.)*evaluation\b", re.MULTILINE)
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
    return path.suffix in (".yaml", ".yml") and _holds(path, IS_SUITE)


def is_evals(path: Path) -> bool:
    """It is a file of evals in Python."""
    return path.match("test_*.py") and _holds(path, IS_EVAL)


def _holds(path: Path, mark: re.Pattern[str]) -> bool:
    try:
        return mark.search(path.read_text(encoding="utf-8-sig", errors="replace")) is not None
    except OSError:
        return False


def _suites_in(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif path.is_dir():
        files = (path.rglob(pattern) for pattern in ("*.yaml", "*.yml", "test_*.py"))
        for file in sorted(itertools.chain(*files)):
            parts = file.relative_to(path).parts
            hidden = any(part.startswith(".") or part in SKIPPED for part in parts)
            if not hidden and (is_suite(file) or is_evals(file)):
                yield file


def _not_found(path: Path) -> str:
    if not path.exists():
        return f"{path}: no such file or folder"
    kinds = "YAML files with `suite:` at their top level, and `test_*.py` with an `@evaluation`"
    return f"{path}: no suite in this folder; suites are {kinds}"
