"""Files and functions that a suite names: they lie in its folder, and no file outside is read."""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from harness.errors import Place, Problem, SuiteError, did_you_mean

ALIKE = 0.6
"""How much of two names must agree for one to be meant by the other."""


def inside(folder: Path, name: str) -> Path:
    """The path of the file `name` in `folder`; raises SuiteError where it is none or outside."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise SuiteError([Problem(f"file {name!r} lies outside the suite's folder; move it there")])
    if not path.is_file():
        near = similar(path)
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "put it there"
        raise SuiteError([Problem(f"file {name!r} is not in {folder}; {hint}")])
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


def similar(missing: Path) -> list[str]:
    """The names of up to three files beside the missing one that may be meant, its kind first."""
    try:
        names = sorted(path.name for path in missing.parent.iterdir() if path.is_file())
    except OSError:
        return []

    def likeness(name: str) -> float:
        stem = Path(name).stem.lower()
        return difflib.SequenceMatcher(None, stem, missing.stem.lower()).ratio()

    near = [name for name in names if likeness(name) >= ALIKE]
    same = [name for name in near if Path(name).suffix.lower() == missing.suffix.lower()]
    return sorted(same or near, key=likeness, reverse=True)[:3]


def load_function(name: str, folder: Path) -> Callable[..., Any]:
    """The function `file.py:function` of `folder`, or `package.module:function`.

    A file is run once, and may import the modules beside it. Raises SuiteError, with the place in
    the file that is to blame where there is one.
    """
    where, _, function = name.strip().rpartition(":")
    if not where or not function:
        raise _wrong(f"{name!r} names no function; write `file.py:function`")
    if where.endswith(".py"):
        module = load_module(inside(folder, where))
    else:
        module = _imported(where, folder)
    found = getattr(module, function, None)
    if not callable(found):
        hint = did_you_mean(function, _functions(module))
        raise _wrong(f"{where!r} has no function {function!r}{hint or '; define it there'}")
    return found  # type: ignore[no-any-return]


def _wrong(message: str, place: Place | None = None) -> SuiteError:
    return SuiteError([Problem(message, place)])


def _functions(module: ModuleType) -> list[str]:
    return [name for name, value in vars(module).items() if isinstance(value, FunctionType)]


def _imported(module: str, folder: Path) -> ModuleType:
    try:
        with _working_directory():
            return importlib.import_module(module)
    except (Exception, SystemExit) as exc:  # a module may raise anything
        hint = f"a file in {folder} is named with its `.py`"
        raise _wrong(f"module {module!r} cannot be imported: {_words(exc)}; {hint}") from exc


@contextlib.contextmanager
def _working_directory() -> Iterator[None]:
    """Modules of the working directory can be imported, as under `python -m`; none is hidden."""
    here = str(Path.cwd())
    if here in sys.path or "" in sys.path:
        yield
        return
    sys.path.append(here)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(here)


def load_module(path: Path) -> ModuleType:
    """A Python file, run once under a name of its own; raises SuiteError where it cannot be."""
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]
    name = f"harness_suite_{digest}_{path.stem}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise _wrong(f"file {path.name!r} is no Python file", Place(path))
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and pickle look their module up by name.
    sys.modules[name] = module
    try:
        with _siblings(path.parent.resolve()):
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as exc:  # a suite's own code may raise anything
        del sys.modules[name]
        message = f"file {path.name!r} cannot be loaded: {_words(exc)}"
        raise _wrong(message, raised_at(exc, path)) from exc
    return module


@contextlib.contextmanager
def _siblings(folder: Path) -> Iterator[None]:
    """The modules of `folder` can be imported; another suite's of the same name are its own."""
    known = set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(str(folder))
        for name in set(sys.modules) - known:
            file = getattr(sys.modules[name], "__file__", None)
            if file and Path(file).parent == folder and not name.startswith("harness_suite_"):
                del sys.modules[name]


def _words(exc: BaseException) -> str:
    line = f", line {exc.lineno}" if isinstance(exc, SyntaxError) else ""
    said = " ".join(str(exc).split())
    return f"{type(exc).__name__}{said and f': {said}'}{line}"


def raised_at(exc: BaseException, path: Path) -> Place:
    """The line of the Python file `path` that the exception came through last."""
    # The import system makes the name absolute.
    name = str(path.absolute())
    if isinstance(exc, SyntaxError) and exc.filename == name:
        return Place(path, exc.lineno or 1, exc.offset or 1)
    frames = [f for f in traceback.extract_tb(exc.__traceback__) if f.filename == name]
    return Place(path, frames[-1].lineno or 1, 1) if frames else Place(path)
