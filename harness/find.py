"""Which files hold suites: YAML with `suite:` at its top level, `test_*.py` with an `@evaluation`.

Looks at their text; reads no YAML and runs no Python. What cannot be looked at is an error.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.errors import Place, Problem, SuiteError

IS_SUITE = re.compile(r"""^(["']?)suite\1[ \t]*:""", re.MULTILINE)
IS_EVAL = re.compile(r"^@(\w+\.)*evaluation\b", re.MULTILINE)
SKIPPED = frozenset({"node_modules", "__pycache__", "site-packages"})


def find_suites(paths: Iterable[Path]) -> list[Path]:
    """The suite files in `paths`, each once; a file that is named must be one.

    Raises SuiteError with every path that has none, and with everything that cannot be read.
    """
    found: dict[Path, None] = {}
    problems: list[Problem] = []
    for path in paths:
        before = len(problems)
        inside = list(_suites_in(path, problems))
        if not inside and len(problems) == before:
            problems.append(Problem(_not_found(path)))
        found.update(dict.fromkeys(inside))
    unique = {path.resolve(): path for path in reversed(found)}
    if problems:
        raise SuiteError(problems)
    return [path for path in found if unique[path.resolve()] == path]


def suite_folders(paths: Iterable[Path]) -> list[Path]:
    """The folders of `paths` and of the suites in them, the farther from a suite the earlier.

    Of folders that are equally near, the first named or the first by name comes last. What cannot
    be read is passed over: `find_suites` tells of it.
    """
    named: list[Path] = []
    holding: set[Path] = set()
    for path in paths:
        suites = list(_suites_in(path, []))
        named.append(path.parent if suites == [path] else path)
        holding.update(suite.parent for suite in suites if suite != path)
    nearest = sorted(holding, reverse=True)
    nearest.sort(key=lambda folder: len(folder.resolve().parts))
    return [*reversed(named), *nearest]


def is_suite(path: Path) -> bool:
    """It is a YAML file with `suite:` at the top level."""
    return _may_be_suite(path) and _holds(path, IS_SUITE)


def is_evals(path: Path) -> bool:
    """It is a file of evals in Python."""
    return _may_be_evals(path) and _holds(path, IS_EVAL)


def _may_be_suite(path: Path) -> bool:
    return path.suffix in (".yaml", ".yml")


def _may_be_evals(path: Path) -> bool:
    return path.match("test_*.py")


def _holds(path: Path, mark: re.Pattern[str]) -> bool:
    try:
        return path.is_file() and _marked(path, mark)
    except OSError:
        return False


def _marked(path: Path, mark: re.Pattern[str]) -> bool:
    return mark.search(path.read_text(encoding="utf-8-sig", errors="replace")) is not None


def _suites_in(path: Path, problems: list[Problem]) -> Iterator[Path]:
    """The suites of a file or folder, in order; what cannot be read is added to `problems`."""
    try:
        if path.is_file():
            yield path
            return
    except OSError as error:
        problems.append(_unreadable(error, path))
        return
    for file in sorted(_files_in(path, problems)):
        try:
            # A pipe would be waited for, and is no suite.
            if file.is_file() and _marked(file, IS_SUITE if _may_be_suite(file) else IS_EVAL):
                yield file
        except OSError as error:
            problems.append(_unreadable(error, file))


def _files_in(folder: Path, problems: list[Problem]) -> Iterator[Path]:
    """The files in and below the folder that may be suites, by their names."""

    def refused(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError | NotADirectoryError):
            problems.append(_unreadable(error, Path(error.filename)))

    for parent, folders, names in os.walk(folder, onerror=refused):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in SKIPPED]
        for file in (Path(parent, name) for name in names if not name.startswith(".")):
            if _may_be_suite(file) or _may_be_evals(file):
                yield file


def _unreadable(error: OSError, path: Path) -> Problem:
    return Problem(f"cannot be read: {error.strerror or error}", Place(path))


def _not_found(path: Path) -> str:
    if not path.exists():
        return f"{path}: no such file or folder"
    if not path.is_dir():
        return f"{path}: neither a file nor a folder; name one that holds suites"
    kinds = "YAML files with `suite:` at their top level, and `test_*.py` with an `@evaluation`"
    return f"{path}: no suite in this folder; suites are {kinds}"
