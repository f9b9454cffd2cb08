"""Start-up: what `harness --help` takes beyond Python itself, and which libraries it imports."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from statistics import median

import measure
from programs import PYTHON, harness
from report import Row

HEAVY = ("aiohttp", "anthropic", "jinja2", "pydantic", "rich", "sqlalchemy", "yaml")
IMPORTED = """
import sys
from harness.cli import main
try:
    main(["--help"])
except SystemExit:
    pass
print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def startup(rounds: int) -> Iterator[Row]:
    """Seconds of `harness --help` beyond those of `python -c pass`, and the heavy imports."""
    helped, passed = measure.in_turns(
        rounds,
        lambda _: measure.run([*harness(), "--help"]),
        lambda _: measure.run([PYTHON, "-c", "pass"]),
    )
    beyond = median(a.wall_s - b.wall_s for a, b in zip(helped, passed, strict=True))
    detail = f"{measure.wall(helped):.3f} s less {measure.wall(passed):.3f} s"
    yield Row("`harness --help` beyond `python -c pass`", beyond, "s", "at most 0.25", detail, 3)
    heavy = sorted(imported() & set(HEAVY))
    what = "heavy libraries that `harness --help` imports"
    yield Row(what, len(heavy), "", "0", ", ".join(heavy) or f"none of {', '.join(HEAVY)}", 0)


def imported() -> set[str]:
    """The top-level modules that are loaded once the help has been shown."""
    shown = subprocess.run([PYTHON, "-c", IMPORTED], capture_output=True, text=True, check=True)
    return set(shown.stderr.split())
