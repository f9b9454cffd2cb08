"""Evals in Python for unit tests: written to a file, loaded, and driven without a backend."""

from __future__ import annotations

import textwrap
from pathlib import Path

from suite_making import registry

from harness.evals import Evaluation, evaluations_in
from harness.load import load_file
from harness.suite import Suite

HEAD = "from harness import Case, evaluation\n\n"


def write(folder: Path, text: str, **files: str) -> Path:
    """A file of evals in `folder`, and others beside it (`a_csv` is `a.csv`)."""
    for name, content in files.items():
        (folder / ".".join(name.rsplit("_", 1))).write_text(content, encoding="utf-8")
    path = folder / "test_evals.py"
    path.write_text(HEAD + textwrap.dedent(text), encoding="utf-8")
    return path


def of_body(folder: Path, body: str) -> Path:
    """A file with one eval, `f`, of one case; its body begins in line 5."""
    lines = textwrap.indent(textwrap.dedent(body).strip(), "    ")
    case = "Case(id='a', vars={'word': 'hi'})"
    head = f"@evaluation(models=['haiku'], cases=[{case}])\ndef f(chat, case):\n"
    return write(folder, head + lines + "\n")


def loaded(path: Path) -> Suite:
    """The one eval of a file, as a suite."""
    (suite,) = load_file(path, registry(path.parent))
    return suite


def read(folder: Path, text: str) -> Evaluation:
    """The one eval of a text."""
    (found,) = evaluations_in(write(folder, text))
    return found
