"""What a run was asked to do: the options of `harness run`, kept for `resume`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from harness.plan import Selection
from harness.records import Mode

Stragglers = Literal["batch", "live"]


@dataclass(frozen=True, slots=True)
class Invocation:
    """The options that decide what is asked, of whom, and where the reports go.

    Relative paths are meant from `cwd`. `batch_…` are limits of one batch, `None` the largest;
    `stragglers` is where requests go that a batch did not finish. `budget` is in dollars, `None`
    without a limit. `baseline` is a run or a file; `force` compares with it although one of both
    is simulated, and `confirm` takes a second look where the first finds a loss.
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
    max_missing: float | None = None
    wait: bool = True
    poll_s: float | None = None
    batch_requests: int | None = None
    batch_mb: float | None = None
    batch_tries: int | None = None
    stragglers: Stragglers = "batch"
    dry_run_first: bool | None = None
    budget: Decimal | None = None
    baseline: str | None = None
    force: bool = False
    confirm: bool = False

    @property
    def selection(self) -> Selection:
        """Which cases are meant."""
        return Selection(self.tags, self.text, self.limit, self.shard)

    def folder(self, run: str) -> Path:
        """Where the reports of this run go."""
        from harness.settings import FOLDER

        return Path(self.out) if self.out else FOLDER / "runs" / run

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
        limit = data.get("budget")
        return cls(**{**data, **lists, "budget": None if limit is None else Decimal(str(limit))})
