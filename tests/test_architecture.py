"""The rooms of the project: what each may import, who uses which library, how long a module is.

The table is the design. A new module needs an entry; a new import needs a reason.
"""

from __future__ import annotations

import ast
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
    "models": BASE,
    "model_table": {*BASE, "models", "yamlfile"},
    "model_rules": {*BASE, "models"},
    "pricing": {*BASE, "models"},
    "sandbox": BASE,
    "render": {*BASE, "sandbox"},
    "suite": BASE,
    "suite_file": set(),
    "suite_errors": {*BASE, "suite_file", "yamlfile"},
    "data": {*BASE, "files", "yamlfile", "jsontext"},
    "graders": {*BASE, "files"},
    "prompt": {*BASE, "model_rules", "models", "render", "suite"},
    "tools": {*BASE, "files", "render", "suite"},
    "workshop": {*BASE, "graders", "models", "pricing", "prompt", "render", "suite"},
    "talk": {*BASE, "prompt", "suite", "tools", "workshop"},
    "chat": {*BASE, "suite", "talk"},
    "trial": {*BASE, "chat", "prompt", "suite", "talk", "workshop"},
    "check": {
        *BASE, "files", "graders", "model_rules", "models", "prompt", "suite", "suite_errors",
        "tool_rules",
        "workshop", "yamlfile",
    },
    "cases": {*BASE, "data", "render", "suite", "suite_file", "yamlfile"},
    "load": {
        *BASE, "cases", "check", "evals", "files",
        "find", "garbage", "models", "suite", "suite_errors",
        "suite_file", "yamlfile",
    },
    "evals": {*BASE, "chat", "files", "models", "suite"},
    "plan": {*BASE, "suite", "trial"},
    "codec": BASE,
    "store": {*BASE, "codec"},
    "journal": {*BASE, "codec", "store"},
    "backends": {*BASE, "journal"},
    "recorder": {*BASE, "backends", "store"},
    "watchdog": set(),
    "execute": {*BASE, "garbage", "recorder", "trial", "watchdog", "workshop"},
    "interrupts": set(),
    "analysis": BASE,
    "simulator": {*BASE, "models"},
    "offline": {
        *BASE, "chat", "find", "models", "prompt", "render", "simulator", "suite", "talk",
        "watchdog", "workshop", "yamlfile",
    },
    "schema": {"graders", "model_rules", "suite_file"},
    "invocation": {*BASE, "plan"},
    "settings": {*BASE, "find", "load", "model_table", "models"},
    "tool_rules": {*BASE, "graders", "suite"},
    "run": {
        *BASE, "analysis", "backends", "check", "execute", "interrupts", "invocation", "load",
        "models", "journal", "offline", "plan", "recorder", "settings", "store", "suite", "trial",
        "workshop",
    },
    "reports": {*BASE, "analysis"},
    "background": {*BASE, "analysis", "run", "store", "trial"},
    "pytest_options": set(),
    "pytest_session": {
        *BASE, "analysis", "background", "check", "evals", "invocation", "load", "offline",
        "pytest_options", "reports", "run", "settings", "store", "suite", "trial",
    },
    "pytest_items": {*BASE, "evals", "plan", "pytest_session", "reports", "suite", "trial"},
    "pytest_plugin": {"evals", "find", "pytest_items", "pytest_options"},
    "cli": {
        *BASE, "analysis", "backends", "codec", "garbage", "invocation", "journal",
        "load", "models", "offline", "reports", "run",
        "schema", "settings", "simulator", "store", "trial",
    },
    "__init__": {"chat", "evals"},
    "__main__": {"cli"},
}  # fmt: skip

LIBRARIES: dict[str, set[str]] = {
    "yaml": {"yamlfile"},
    "jinja2": {"render", "sandbox"},
    "anthropic": {"backends"},
    "httpx2": {"backends"},
    "aiohttp": {"backends", "simulator"},
    "sqlalchemy": {"journal", "store"},
    "pydantic": {"suite_file", "suite_errors", "load"},
    "pydantic_core": {"suite_errors"},
    "scipy": {"analysis"},
    "numpy": {"analysis"},
    "rich": {"reports", "cli", "pytest_session"},
    "click": {"cli"},
    "dotenv": {"settings"},
    "regex": {"graders"},
    "rapidfuzz": {"graders"},
    "jsonschema": {"graders", "simulator"},
    "referencing": {"graders"},
    "jsonpath_rfc9535": {"graders"},
    "pytest": {"pytest_plugin", "pytest_options", "pytest_items", "pytest_session"},
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
