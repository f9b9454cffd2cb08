"""What the surroundings say: environment, `.env` files, `harness.yaml`, and where the store is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from harness.errors import Problem, SuiteError
from harness.load import DEFAULT_MODEL
from harness.model_table import load_registry
from harness.models import Registry

FOLDER = Path(".harness")
STORE = FOLDER / "store.db"


def environment(environ: Mapping[str, str], paths: Iterable[Path], cwd: Path) -> dict[str, str]:
    """`environ` over what the `.env` files beside the suites and in `cwd` say."""
    merged: dict[str, str] = {}
    for folder in [*reversed(list(_folders(paths))), cwd]:
        file = folder / ".env"
        if file.is_file():
            merged |= _dotenv(file)
    return {**merged, **environ}


def _dotenv(file: Path) -> dict[str, str]:
    from dotenv import dotenv_values

    try:
        values = dotenv_values(file)
    except (OSError, UnicodeDecodeError) as exc:
        raise SuiteError([Problem(f"{file} cannot be read: {exc}")]) from exc
    return {name: value for name, value in values.items() if value is not None}


def registry(paths: Iterable[Path], cwd: Path, models_file: str | None) -> Registry:
    """The packaged model table under every `harness.yaml`, under the file that was named."""
    overlays = [cwd, *_folders(paths)]
    found = [
        file for folder in dict.fromkeys(overlays) if (file := folder / "harness.yaml").is_file()
    ]
    return load_registry(*found, *([Path(models_file)] if models_file else []))


def default_model(environ: Mapping[str, str]) -> str:
    """The model of a suite that names none."""
    return environ.get("CLAUDE_MODEL") or DEFAULT_MODEL


def store_url(named: str | None, environ: Mapping[str, str]) -> str:
    """The store's SQLAlchemy URL: as named, from HARNESS_STORE, or a file in `.harness`."""
    name = named or environ.get("HARNESS_STORE") or str(STORE)
    return name if "://" in name else f"sqlite:///{Path(name).absolute()}"


def _folders(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        yield path if path.is_dir() else path.parent
