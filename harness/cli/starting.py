"""`harness init`: a first suite with its scripted answers and a workflow, where there is none."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import click

from harness.errors import UsageError
from harness.settings import FOLDER

STARTER = Path(__file__).parents[1] / "starter"
FILES = {
    "suites/first/first.yaml": "first.yaml",
    "suites/first/answers.yaml": "answers.yaml",
    ".github/workflows/evals.yml": "evals.yml",
}
# Beside the suites and committed with them, so that an editor finds it in every clone, wherever
# the harness is installed and whether or not it is.
SCHEMA = "suites/suite.schema.json"


@click.command(epilog="Example:  harness init && harness run suites/first --offline")
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
def init(folder: Path) -> None:
    """Write a first suite, its scripted answers and a GitHub workflow.

    DIR is the current folder by default, and best the root of a repository: GitHub reads workflows
    there. No file is overwritten: what is there already is named, left as it is, and no error.
    """
    for name, text in _files():
        verb = "wrote" if _written(folder / name, text) else "kept "
        click.echo(f"{verb}  {folder / name}{'' if verb == 'wrote' else ', which was there'}")
    ignore = folder / ".gitignore"
    if _wants_ignoring(folder):
        _append(ignore, f"{FOLDER}/\n")
        click.echo(f"added  {FOLDER}/ to {ignore}")
    there = "" if folder == Path() else f"cd {shlex.quote(str(folder))} && "
    click.echo(f"\nNext:  {there}harness run suites/first --offline")


def _files() -> Iterator[tuple[str, str]]:
    from harness.schema import schema_text

    for name, source in FILES.items():
        yield name, (STARTER / source).read_text(encoding="utf-8")
    yield SCHEMA, schema_text()


def _written(path: Path, text: str) -> bool:
    """Whether the file was made; one that is there is left as it is."""
    try:
        if path.exists():
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as exc:
        raise _not_written(path, exc) from exc
    return True


def _append(path: Path, line: str) -> None:
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(line if text.endswith("\n") or not text else f"\n{line}")
    except (OSError, UnicodeDecodeError) as exc:
        raise _not_written(path, exc) from exc


def _not_written(path: Path, exc: Exception) -> UsageError:
    why = exc.strerror if isinstance(exc, OSError) else "it is not UTF-8"
    return UsageError(f"{path} cannot be written: {why}; name another folder: `harness init DIR`")


def _wants_ignoring(folder: Path) -> bool:
    """Git would see the folder of stores and reports."""
    here = folder.resolve()
    root = next((each for each in (here, *here.parents) if (each / ".git").exists()), None)
    if root is None:
        return (here / ".gitignore").is_file() and not _ignores(here)
    within = [each for each in (here, *here.parents) if each.is_relative_to(root)]
    return not any(_ignores(each) for each in within)


def _ignores(folder: Path) -> bool:
    try:
        lines = (folder / ".gitignore").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    return any(line.strip() in (str(FOLDER), f"{FOLDER}/") for line in lines)
