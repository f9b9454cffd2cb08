"""An evaluation harness for Claude models: suites in, cost and quality compared out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.chat import Chat, Reply
    from harness.evals import Case, evaluation
    from harness.router import Router

__version__ = "0.1.0"
__all__ = ["Case", "Chat", "Reply", "Router", "__version__", "evaluation"]

_WHERE = {
    "Case": "harness.evals",
    "Chat": "harness.chat",
    "Reply": "harness.chat",
    "Router": "harness.router",
    "evaluation": "harness.evals",
}


def __getattr__(name: str) -> Any:
    """What evals in Python import from here, brought in when it is asked for."""
    if name in _WHERE:
        import importlib

        return getattr(importlib.import_module(_WHERE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
