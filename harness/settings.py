"""What the surroundings say: environment, `.env` files, `harness.yaml`, and where the store is."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import Place, Problem, SuiteError
from harness.find import suite_folders
from harness.load import DEFAULT_MODEL
from harness.models import Registry
from harness.models.table import load_registry

if TYPE_CHECKING:
    from dotenv.parser import Original

FOLDER = Path(".harness")
STORE = FOLDER / "store.db"


def environment(environ: Mapping[str, str], paths: Iterable[Path], cwd: Path) -> dict[str, str]:
    """`environ` over what the `.env` files beside the suites and in `cwd` say.

    What stands nearer to a suite wins. Raises SuiteError for a file or a line that is none.
    """
    merged: dict[str, str] = {}
    for file in _files(".env", paths, cwd):
        merged |= _dotenv(file)
    return {**merged, **environ}


def _dotenv(file: Path) -> dict[str, str]:
    from dotenv import dotenv_values
    from dotenv.parser import parse_stream

    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        raise SuiteError([Problem(f"{file} cannot be read: {exc}")]) from exc
    # The library itself goes on without the lines that it cannot read.
    broken = [binding.original for binding in parse_stream(io.StringIO(text)) if binding.error]
    if broken:
        message = "no `NAME=value`; write one, or put `#` before the line"
        raise SuiteError([Problem(message, Place(file, _line(part), 1)) for part in broken])
    values = dotenv_values(stream=io.StringIO(text))
    return {name: value for name, value in values.items() if value is not None}


def _line(part: Original) -> int:
    """Where the part has its first character that is not white space."""
    space = part.string[: len(part.string) - len(part.string.lstrip())]
    return part.line + space.count("\n")


def registry(paths: Iterable[Path], cwd: Path, models_file: str | None) -> Registry:
    """The packaged model table under every `harness.yaml`, under the file that was named."""
    found = _files("harness.yaml", paths, cwd)
    return load_registry(*found, *([Path(models_file)] if models_file else []))


def default_model(environ: Mapping[str, str]) -> str:
    """The model of a suite that names none."""
    return environ.get("CLAUDE_MODEL") or DEFAULT_MODEL


def store_url(named: str | None, environ: Mapping[str, str]) -> str:
    """The store's SQLAlchemy URL: as named, from HARNESS_STORE, or a file in `.harness`."""
    name = named or environ.get("HARNESS_STORE") or str(STORE)
    return name if "://" in name else f"sqlite:///{Path(name).absolute()}"


def _files(name: str, paths: Iterable[Path], cwd: Path) -> list[Path]:
    """The files of this name in `cwd` and beside the suites, the nearest to a suite last."""
    folders = [cwd, *suite_folders(paths)]
    # The place of a folder that comes twice is its last.
    unique = reversed(dict.fromkeys(reversed(folders)))
    try:
        return [file for folder in unique if (file := folder / name).is_file()]
    except OSError as exc:
        raise SuiteError([Problem(f"{exc.filename} cannot be read: {exc.strerror}")]) from exc
