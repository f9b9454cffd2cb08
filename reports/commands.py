"""The commands that a report tells its reader to type, quoted for a shell."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from harness.records import TrialId

_PASSWORD = re.compile(
    r"://[^/@]*:[^/]*@|[?&][^=&]*(password|secret|token|key)[^=&]*=", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Commands:
    """Commands about one run; `store` is what `--store` named, if it named one."""

    run: str
    store: str | None = None

    def show(self, trial: TrialId | None = None) -> str:
        """Shows the run, or one transcript of it."""
        return self._said("show", self.run, *([] if trial is None else [str(trial)]))

    def resume(self, *, by_pytest: bool = False) -> str:
        """Goes on with the run; one that pytest began is gone on with by pytest."""
        if by_pytest:
            return f"the same pytest command and --eval-run {self.run}"
        return self._said("resume", self.run)

    def report(self) -> str:
        """Writes the run's reports again."""
        return self._said("report", self.run)

    def _said(self, *words: str) -> str:
        command = shlex.join(["harness", *words])
        if self.store is None:
            return command
        # Reports are passed on: the password of a database is not.
        store = '"$HARNESS_STORE"' if _PASSWORD.search(self.store) else shlex.quote(self.store)
        return f"{command} --store {store}"
