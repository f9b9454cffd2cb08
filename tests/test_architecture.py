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
    "media": set(),
    "message_rules": {"media", "models"},
    "schema_rules": set(),
    "model_rules": {*BASE, "message_rules", "models", "schema_rules"},
    "attachments": {*BASE, "files", "media", "message_rules"},
    "pricing": {*BASE, "models"},
    "sandbox": BASE,
    "render": {*BASE, "sandbox"},
    "suite": BASE,
    "suite_file": set(),
    "suite_errors": {*BASE, "suite_file", "yamlfile"},
    "data": {*BASE, "files", "yamlfile", "jsontext"},
    "steps": BASE,
    "graders": {*BASE, "files", "steps"},
    "prompt": {*BASE, "attachments", "model_rules", "models", "render", "suite"},
    "tools": {*BASE, "files", "render", "suite", "watchdog"},
    "fingerprint": {*BASE, "files", "prompt", "suite"},
    "workshop": {
        *BASE, "fingerprint", "graders", "model_rules", "models", "pricing", "prompt", "render",
        "suite",
    },
    "talk": {*BASE, "prompt", "suite", "tools", "workshop"},
    "chat": {*BASE, "suite", "talk"},
    "trial": {*BASE, "chat", "prompt", "steps", "suite", "talk", "workshop"},
    "check": {
        *BASE, "files", "graders", "message_rules", "model_rules", "models", "prompt", "suite",
        "suite_errors", "tool_rules", "workshop", "yamlfile",
    },
    "cases": {*BASE, "data", "render", "suite", "suite_file", "yamlfile"},
    "load": {
        *BASE, "cases", "check", "evals", "files",
        "find", "garbage", "models", "suite", "suite_errors",
        "suite_file", "yamlfile",
    },
    "evals": {*BASE, "chat", "files", "models", "suite"},
    "plan": {*BASE, "suite", "trial"},
    "bounds": {*BASE, "media", "models"},
    "tabs": set(),
    "budget": {*BASE, "tabs"},
    "judges": {*BASE, "graders", "models", "suite"},
    "purse": {
        *BASE, "bounds", "budget", "judges", "losses", "models", "paid", "pricing", "store",
        "suite", "tables",
    },
    "forecast": BASE,
    "foreseen": {*BASE, "bounds", "forecast", "models", "pricing"},
    "history": {*BASE, "store"},
    "begun": {"records", "judges", "models", "recorder", "suite", "trial", "workshop"},
    "scripted": {
        "records", "begun", "bounds", "foreseen", "history", "judges", "models", "prompt", "suite",
        "trial", "workshop",
    },
    "estimate": {
        *BASE, "begun", "forecast", "foreseen", "history", "judges", "models", "prompt",
        "recorder", "scripted", "trial",
    },
    "detect": {*BASE, "analysis", "forecast", "history"},
    "codec": BASE,
    "tables": set(),
    "store": {*BASE, "codec", "tables"},
    "owners": set(),
    "lease": {*BASE, "owners", "store", "tables"},
    "wanted": {*BASE, "codec", "store", "tables"},
    "batchrows": {*BASE, "tables"},
    "journal": {*BASE, "batchrows", "codec", "store", "tables", "wanted"},
    "backends": {*BASE, "budget", "journal", "owners", "prefix", "wanted"},
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
    "schema": {"graders", "model_rules", "suite_file"},
    "invocation": {*BASE, "plan", "settings"},
    "settings": {*BASE, "find", "load", "model_table", "models"},
    "tool_rules": {*BASE, "graders", "suite"},
    "baseline_file": {*BASE, "analysis"},
    "baselines": {*BASE, "analysis", "baseline_file", "confirming", "invocation", "store"},
    "confirming": {*BASE, "analysis", "store"},
    "second_look": {
        *BASE, "baselines", "confirming", "execute", "models", "prompt", "recorder", "store",
        "suite", "trial", "workshop",
    },
    "asking": {
        *BASE, "backends", "invocation", "journal", "models", "pricing", "purse", "store",
    },
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
    "background": {*BASE, "analysis", "prepare", "run", "store", "trial"},
    "pytest_options": set(),
    "pytest_quiet": set(),
    "pytest_session": {
        *BASE, "analysis", "background", "budget", "check", "evals", "invocation", "load",
        "offline", "prepare", "pytest_options", "pytest_quiet", "reports", "run", "settings",
        "store", "suite", "trial",
    },
    "pytest_items": {
        *BASE, "evals", "garbage", "plan", "pytest_session", "reports", "suite", "trial",
    },
    "pytest_plugin": {"evals", "find", "pytest_items", "pytest_options"},
    "cli": {
        *BASE, "analysis", "backends", "baseline_file", "baselines", "begun", "budget", "codec",
        "detect", "estimate", "find", "forecast", "garbage", "history", "invocation", "journal",
        "labels", "load", "models", "offline", "owners", "prepare", "pricing", "prompt", "purse",
        "recorder", "reports", "router", "run", "schema", "settings", "simulator", "spending",
        "store", "trial",
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
    "sqlalchemy": {
        "batchrows",
        "journal",
        "lease",
        "losses",
        "paid",
        "purse",
        "store",
        "tables",
        "wanted",
    },
    "pydantic": {"suite_file", "suite_errors", "load"},
    "pydantic_core": {"suite_errors"},
    "scipy": set(),
    "numpy": {"analysis"},
    "rich": {"reports", "cli", "pytest_session"},
    "click": {"cli"},
    "dotenv": {"settings"},
    "regex": {"graders"},
    "rapidfuzz": {"graders"},
    "jsonschema": {"graders", "simulator"},
    "referencing": {"graders"},
    "jsonpath_rfc9535": {"graders"},
    "pytest": {
        "pytest_plugin",
        "pytest_options",
        "pytest_items",
        "pytest_quiet",
        "pytest_session",
    },
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
