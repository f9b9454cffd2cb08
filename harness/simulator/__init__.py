"""A local server that speaks the Claude API, for runs without a key and for tests.

Nothing that it answers came from a model; every response says so in the header `x-simulated`.
The server itself is imported on first use, since it brings in the HTTP library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.simulator.faults import Fault
from harness.simulator.limits import RateLimit
from harness.simulator.script import Entry, Reply, Script, fingerprint
from harness.simulator.settings import Settings

if TYPE_CHECKING:
    from harness.simulator.server import Simulator, make_app, run_forever

__all__ = [
    "Entry",
    "Fault",
    "RateLimit",
    "Reply",
    "Script",
    "Settings",
    "Simulator",
    "fingerprint",
    "make_app",
    "run_forever",
]


def __getattr__(name: str) -> Any:
    if name in ("Simulator", "make_app", "run_forever"):
        from harness.simulator import server

        return getattr(server, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
