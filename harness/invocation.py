"""What a run was asked to do: the options of `harness run`, kept for `resume`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.plan import Selection
from harness.records import Mode


@dataclass(frozen=True, slots=True)
class Invocation:
    """The options that decide what is asked, of whom, and where the reports go.

    Relative paths are meant from `cwd`.
    """

    paths: tuple[str, ...]
    cwd: str = "."
    models: tuple[str, ...] = ()
    mode: Mode = "live"
    tags: tuple[str, ...] = ()
    text: str = ""
    limit: int | None = None
    shard: tuple[int, int] | None = None
    repeats: int | None = None
    fresh: bool = False
    offline: bool = False
    concurrency: int = 64
    models_file: str | None = None
    out: str | None = None
    strict: bool = False
    wait: bool = True
    poll_s: float | None = None

    @property
    def selection(self) -> Selection:
        """Which cases are meant."""
        return Selection(self.tags, self.text, self.limit, self.shard)

    @property
    def files(self) -> list[Path]:
        """The suites' files and folders."""
        return [Path(path) for path in self.paths]

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for the store."""
        return asdict(self)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Invocation:
        """The inverse of `as_dict`, also after a way through JSON."""
        lists = {name: tuple(value) for name, value in data.items() if isinstance(value, list)}
        return cls(**{**data, **lists})
