"""Graders: functions of a conversation that say passed, failed or broken, built from YAML items.

Importing this package is cheap; the graders themselves are imported when one is first asked for.
"""

from harness.graders.items import arguments
from harness.graders.registry import (
    GraderArguments,
    GraderContext,
    GraderType,
    Judging,
    Option,
    build,
    describe,
    grader,
    names,
)

__all__ = [
    "GraderArguments",
    "GraderContext",
    "GraderType",
    "Judging",
    "Option",
    "arguments",
    "build",
    "describe",
    "grader",
    "names",
]
