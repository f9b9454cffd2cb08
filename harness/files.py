"""Files and functions that a suite names: they lie in its folder, and no file outside is read."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from harness.errors import Problem, SuiteError


def inside(folder: Path, name: str) -> Path:
    """The path of the file `name` in `folder`; raises SuiteError where it is none or outside."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise SuiteError([Problem(f"file {name!r} lies outside the suite's folder; move it there")])
    if not path.is_file():
        raise SuiteError([Problem(f"file {name!r} is not in {folder}{_near(folder, name)}")])
    return path


def read_text_inside(folder: Path, name: str) -> tuple[Path, str]:
    """The path and the text of a file in `folder`; raises SuiteError."""
    path = inside(folder, name)
    try:
        return path, path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as exc:
        message = f"file {name!r}: byte {exc.start} is not UTF-8; save it as UTF-8"
        raise SuiteError([Problem(message)]) from exc
    except OSError as exc:
        raise SuiteError([Problem(f"file {name!r} cannot be read: {exc.strerror}")]) from exc


def _near(folder: Path, name: str) -> str:
    try:
        names = sorted(path.name for path in (folder / name).parent.iterdir() if path.is_file())
    except OSError:
        return ""
    near = difflib.get_close_matches(Path(name).name, names, n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(map(repr, near))}?" if near else ""


def load_function(name: str, folder: Path) -> Callable[..., Any]:
    """The function `file.py:function` of `folder`, or `package.module:function`.

    A file is run once, under a module name of its own. Raises SuiteError.
    """
    where, _, function = name.rpartition(":")
    if not where or not function:
        raise _no_function(f"{name!r} names no function; write `file.py:function`")
    try:
        module = _module_in(inside(folder, where)) if where.endswith(".py") else _imported(where)
    except SuiteError:
        raise
    except Exception as exc:  # the file is the user's own and may raise anything
        raise _no_function(f"{where} cannot be imported: {type(exc).__name__}: {exc}") from exc
    found = getattr(module, function, None)
    if not callable(found):
        public = [key for key, value in vars(module).items() if callable(value)]
        near = difflib.get_close_matches(function, public, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise _no_function(f"{where} has no function {function!r}{hint}")
    return found  # type: ignore[no-any-return]


def _no_function(message: str) -> SuiteError:
    return SuiteError([Problem(message)])


def _imported(module: str) -> ModuleType:
    return importlib.import_module(module)


def _module_in(path: Path) -> ModuleType:
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]
    name = f"harness_suite_{path.stem}_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise _no_function(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
