"""The rooms of the project: what each may import, who uses which library, how long a module is.

The table is the design. A new module needs an entry; a new import needs a reason.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("harness", "reports")
MAX_LINES = 400
BASE = {"errors", "records"}

IMPORTS: dict[str, set[str]] = {
    "records": set(),
    "errors": {"records"},
    "garbage": set(),
    "find": BASE,
    "files": BASE,
    "yamlfile": {*BASE, "garbage"},
    "jsontext": set(),
    "models": {*BASE, "media", "yamlfile"},
    "media": set(),
    "attachments": {*BASE, "files", "media", "models"},
    "pricing": {*BASE, "models"},
    "sandbox": BASE,
    "render": {*BASE, "sandbox"},
    "suite": BASE,
    "suite_file": set(),
    "suite_errors": {*BASE, "suite_file", "yamlfile"},
    "data": {*BASE, "files", "jsontext", "yamlfile"},
    "steps": BASE,
    "graders": {*BASE, "files", "steps"},
    "prompt": {*BASE, "attachments", "models", "render", "suite"},
    "tools": {*BASE, "files", "render", "suite", "watchdog"},
    "fingerprint": {*BASE, "files", "prompt", "suite"},
    "workshop": {*BASE, "fingerprint", "graders", "models", "pricing", "prompt", "render", "suite"},
    "talk": {*BASE, "prompt", "suite", "tools", "workshop"},
    "chat": {*BASE, "suite", "talk"},
    "trial": {*BASE, "chat", "prompt", "steps", "suite", "talk", "workshop"},
    "check": {
        *BASE, "files", "graders", "models", "prompt", "suite", "suite_errors", "tool_rules",
        "workshop", "yamlfile",
    },
    "cases": {*BASE, "data", "render", "suite", "suite_file", "yamlfile"},
    "load": {
        *BASE, "cases", "check", "evals", "files", "find", "garbage", "models", "suite",
        "suite_errors", "suite_file", "yamlfile",
    },
    "evals": {*BASE, "chat", "files", "models", "suite"},
    "plan": {*BASE, "suite", "trial"},
    "tabs": set(),
    "forecast": {
        *BASE, "analysis", "graders", "media", "models", "prefix", "pricing", "prompt", "recorder",
        "render", "store", "suite", "trial", "workshop",
    },
    "purse": {
        *BASE, "budget", "forecast", "losses", "models", "paid", "pricing", "store", "suite",
        "tables", "tabs",
    },
    "budget": {*BASE, "tabs"},
    "codec": BASE,
    "tables": set(),
    "store": {*BASE, "codec", "tables"},
    "lease": {*BASE, "store", "tables"},
    "journal": {*BASE, "codec", "store", "tables"},
    "backends": {*BASE, "budget", "journal", "prefix"},
    "recorder": {*BASE, "backends", "store"},
    "watchdog": set(),
    "attempt": {*BASE, "recorder", "trial"},
    "execute": {
        *BASE, "attempt", "order", "prefix", "recorder", "tabs", "trial", "watchdog", "workshop",
    },
    "interrupts": set(),
    "analysis": {*BASE, "prefix"},
    "simulator": {*BASE, "media", "models"},
    "rehearsal": {*BASE, "models", "simulator", "suite", "trial", "watchdog", "workshop"},
    "offline": {
        *BASE, "chat", "find", "models", "prompt", "rehearsal", "render", "simulator", "suite",
        "talk", "watchdog", "workshop", "yamlfile",
    },
    "schema": {"graders", "models", "suite_file"},
    "invocation": {*BASE, "plan", "settings"},
    "settings": {*BASE, "find", "load", "models"},
    "tool_rules": {*BASE, "graders", "suite"},
    "baseline_file": {*BASE, "analysis"},
    "baselines": {*BASE, "analysis", "baseline_file", "confirming", "invocation", "store"},
    "confirming": {*BASE, "analysis", "store"},
    "second_look": {
        *BASE, "baselines", "confirming", "execute", "models", "prompt", "recorder", "store",
        "suite", "trial", "workshop",
    },
    "asking": {*BASE, "backends", "invocation", "journal", "models", "pricing", "purse", "store"},
    "served": {"models", "offline", "simulator", "suite"},
    "prepare": {
        *BASE, "check", "invocation", "load", "models", "offline", "plan", "settings", "suite",
        "trial",
    },
    "run": {
        *BASE, "analysis", "asking", "backends", "baselines", "execute", "garbage", "interrupts",
        "journal", "lease", "prepare", "prompt", "purse", "recorder", "second_look", "served",
        "store", "trial", "workshop",
    },
    "reports": {*BASE, "analysis", "forecast"},
    "pytest_plugin": {
        *BASE, "analysis", "budget", "check", "evals", "find", "garbage", "invocation", "load",
        "offline", "plan", "prepare", "reports", "run", "settings", "store", "suite", "trial",
    },
    "cli": {
        *BASE, "analysis", "backends", "baseline_file", "baselines", "budget", "codec", "find",
        "forecast", "garbage", "invocation", "journal", "labels", "load", "models", "offline",
        "prepare", "pricing", "prompt", "purse", "recorder", "reports", "router", "run",
        "schema", "settings", "simulator", "spending", "store", "trial",
    },
    "router": {*BASE, "yamlfile"},
    "labels": {*BASE, "analysis", "data"},
    "prefix": BASE,
    "order": {"attempt", "trial"},
    "losses": {*BASE, "store", "tables"},
    "paid": {*BASE, "codec", "store", "tables"},
    "spending": {*BASE, "analysis", "confirming", "losses", "models", "paid", "pricing", "store"},
    "__init__": {"chat", "evals", "router"},
    "__main__": {"cli"},
}  # fmt: skip

LIBRARIES: dict[str, set[str]] = {
    "yaml": {"yamlfile"},
    "jinja2": {"render", "sandbox"},
    "anthropic": {"backends"},
    "httpx2": {"backends"},
    "aiohttp": {"backends", "simulator"},
    "sqlalchemy": {"journal", "lease", "losses", "paid", "purse", "store", "tables"},
    "pydantic": {"suite_file", "suite_errors", "load"},
    "pydantic_core": {"suite_errors"},
    "scipy": set(),
    "numpy": {"analysis"},
    "rich": {"reports", "cli", "pytest_plugin"},
    "click": {"cli"},
    "dotenv": {"settings"},
    "regex": {"graders"},
    "rapidfuzz": {"graders"},
    "jsonschema": {"graders", "simulator"},
    "referencing": {"graders"},
    "jsonpath_rfc9535": {"graders"},
    "pytest": {"pytest_plugin"},
}


def modules() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def room(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return "reports" if parts[0] == "reports" else parts[1]


def imported(path: Path) -> Iterator[str]:
    """The dotted names that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms_imported(path: Path) -> set[str]:
    found = set()
    for name in imported(path):
        parts = name.split(".")
        if parts[0] == "reports":
            found.add("reports")
        elif parts[0] == "harness" and len(parts) > 1 and parts[1] in IMPORTS:
            found.add(parts[1])
    return found - {room(path)}


def ids(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_the_rooms_have_an_order() -> None:
    assert list(TopologicalSorter(IMPORTS).static_order())


def test_every_room_exists() -> None:
    assert set(IMPORTS) == {room(path) for path in modules()}


def test_every_room_stands_once_in_the_table_of_the_documents() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    cells = [line.split("|")[2] for line in page.splitlines() if line.startswith("| ")]
    assert sorted(re.findall(r"`(\w+)`", " ".join(cells))) == sorted(IMPORTS)


@pytest.mark.parametrize("path", modules(), ids=ids)
def test_a_module_imports_only_what_its_room_may(path: Path) -> None:
    assert rooms_imported(path) <= IMPORTS[room(path)]


@pytest.mark.parametrize("path", modules(), ids=ids)
def test_a_library_stays_in_its_room(path: Path) -> None:
    used = {name.split(".")[0] for name in imported(path)}
    confined = {
        library for library in used & set(LIBRARIES) if room(path) not in LIBRARIES[library]
    }
    assert not confined


@pytest.mark.parametrize("path", modules(), ids=ids)
def test_a_module_is_short_and_says_what_it_is_for(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAX_LINES
    assert ast.get_docstring(ast.parse(text))


def test_nothing_private_of_pytest_is_used() -> None:
    assert not [path for path in modules() if any("_pytest" in name for name in imported(path))]
