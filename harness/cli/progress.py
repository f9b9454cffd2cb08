"""What the person at the keyboard sees while a run goes: a bar, plain lines, or nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any

from harness.records import Outcome, Result, Run, add_dollars
from harness.trial import Trial
from reports import numbers

if TYPE_CHECKING:
    from rich.console import Console

    from harness.backends.base import Waited

LINE_EVERY_S = 5.0
WAITING_EVERY_S = 30.0
REFRESH_EVERY_S = 0.1
BAR_WIDTH = 12


class Silent:
    """Says nothing."""

    def __init__(self) -> None:
        self.counts: dict[Outcome, int] = dict.fromkeys(Outcome, 0)
        self.spent: Decimal | None = Decimal(0)
        self.calls = 0
        self.total = 0
        self.first_failure: Result | None = None

    def begin(self, _run: Run, total: int, _stop: Callable[[], None], /) -> None:
        """Take note of what is to come."""
        self.total = total

    def ended(self, _trial: Trial, result: Result, /) -> None:
        """Count one trial."""
        self.counts[result.outcome] += 1
        for call in result.calls:
            self.spent = add_dollars(self.spent, call.spent)
            self.calls += not call.answer.reused
        if result.outcome is not Outcome.PASSED and self.first_failure is None:
            self.first_failure = result

    def interrupted(self) -> None:
        """Nothing to say."""

    def news(self, _line: str, /) -> None:
        """Nothing to say."""

    def waiting(self, _batches: Sequence[Waited], /) -> None:
        """Nothing to say."""

    def beat(self, _trouble: str, /) -> None:
        """Nothing to say."""

    def close(self) -> None:
        """Nothing to end."""

    @property
    def done(self) -> int:
        """Trials that have ended."""
        return sum(self.counts.values())

    def figures(self, elapsed_s: float, room: int | None = None) -> str:
        """Passed so far, missing so far, dollars so far, requests per second.

        As many of them as `room` characters hold: a number that is cut reads as another.
        """
        passed = self.counts[Outcome.PASSED]
        graded = passed + self.counts[Outcome.FAILED]
        missing = self.done - graded
        parts = [f"{numbers.percent(passed / graded if graded else None)} passed"]
        if missing:
            parts.append(f"{missing:,} missing")
        parts.append(f"{numbers.dollars(self.spent)} spent")
        parts.append(f"{self.calls / elapsed_s if elapsed_s > 0 else 0:.0f} requests/s")
        while room is not None and parts and len(", ".join(parts)) > room:
            parts.pop()
        return ", ".join(parts)


class Lines(Silent):
    """A plain line every few seconds, for logs."""

    def __init__(self, stream: IO[str], clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.stream, self.clock = stream, clock
        self.begun = self.told = clock()
        self.batches: Sequence[Waited] = ()
        self.by_batch = False

    def begin(self, run: Run, total: int, stop: Callable[[], None], /) -> None:
        """Say what is about to run."""
        super().begin(run, total, stop)
        self.by_batch = run.mode == "batch"
        self.begun = self.told = self.clock()
        self.say(f"run {run.id}: {numbers.counted(total, 'trial')}, mode {run.mode}")

    def ended(self, trial: Trial, result: Result, /) -> None:
        """Count, and say how far it is when it is time again."""
        super().ended(trial, result)
        self.beat("")

    def beat(self, trouble: str, /) -> None:
        """Say how far it is when it is time again, and what keeps it."""
        now = self.clock()
        if self.batches and now - self.told >= WAITING_EVERY_S:
            self.waiting([one.later(now - self.told) for one in self.batches])
        if now - self.told < LINE_EVERY_S or self.batches or not self.total:
            return
        self.told = now
        elapsed = now - self.begun
        parts = [f"{self.done:,}/{numbers.counted(self.total, 'trial')}"]
        if self.done:
            left = elapsed / self.done * (self.total - self.done)
            parts += [self.figures(elapsed)]
            # A batch answers all at once: how far it is says nothing of how long it takes.
            parts += [] if self.by_batch else [f"{numbers.duration(left)} left"]
        self.say(", ".join(filter(None, (*parts, trouble))))

    def news(self, line: str, /) -> None:
        """Say it."""
        self.say(line)

    def waiting(self, batches: Sequence[Waited], /) -> None:
        """Say what is waited for, when it is time again."""
        first = not self.batches
        self.batches, now = batches, self.clock()
        if batches and (first or now - self.told >= WAITING_EVERY_S):
            self.told = now
            self.say(f"waiting for {waiting_for(batches)}")

    def interrupted(self) -> None:
        """Say what is being waited for."""
        self.say("stopping: waiting for the answers under way; Ctrl-C again gives them up")

    def say(self, line: str) -> None:
        """One line, at once."""
        print(line, file=self.stream, flush=True)


class Bar(Silent):
    """A progress bar on a terminal."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        from rich import progress
        from rich.table import Column

        super().__init__()
        self.clock, self.begun, self.shown = clock, clock(), 0.0
        self.bar = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(bar_width=BAR_WIDTH),
            progress.MofNCompleteColumn(),
            progress.TimeRemainingColumn(),
            # Where the terminal is narrow, the figures give way; the counts stay whole.
            progress.TextColumn(
                "{task.fields[figures]}", table_column=Column(ratio=1, no_wrap=True)
            ),
            expand=True,
            console=console,
            transient=True,
        )
        self.task: Any = None

    def begin(self, run: Run, total: int, stop: Callable[[], None], /) -> None:
        """Show the bar."""
        super().begin(run, total, stop)
        self.begun = self.clock()
        self.task = self.bar.add_task("run", total=total, figures="")
        self.bar.start()

    def ended(self, trial: Trial, result: Result, /) -> None:
        """Count, and move the bar at most ten times a second."""
        super().ended(trial, result)
        now = self.clock()
        if now - self.shown >= REFRESH_EVERY_S:
            self.shown = now
            figures = self.figures(now - self.begun, self._room())
            self.bar.update(self.task, completed=self.done, figures=figures)

    def beat(self, trouble: str, /) -> None:
        """Show what keeps the run."""
        if trouble and self.task is not None:
            self.bar.update(self.task, completed=self.done, figures=trouble)

    def waiting(self, batches: Sequence[Waited], /) -> None:
        """Show what is waited for; the API says nothing of how far a batch is."""
        if batches:
            self.bar.update(self.task, completed=self.done, figures=waiting_for(batches))

    def _room(self) -> int:
        """What the terminal leaves for the figures: its width without `run`, bar, counts, time."""
        counts = 2 * len(str(self.total)) + 1
        return self.bar.console.width - (len("run") + BAR_WIDTH + counts + len("0:00:00") + 4)

    def news(self, line: str, /) -> None:
        """Say it above the bar."""
        self.bar.console.print(line, markup=False, highlight=False)

    def interrupted(self) -> None:
        """Say what is being waited for."""
        self.bar.update(
            self.task, description="stopping", figures="waiting for the answers under way"
        )

    def close(self) -> None:
        """Take the bar away."""
        self.bar.stop()


def waiting_for(batches: Sequence[Waited]) -> str:
    """`2 batches, 300 requests, 4 min old, 23 h 56 min to expiry`, of the oldest batch."""
    oldest = max(batches, key=lambda batch: batch.age_s)
    return (
        f"{numbers.counted(len(batches), 'batch', 'batches')}, "
        f"{numbers.counted(sum(batch.requests for batch in batches), 'request')}, "
        f"{numbers.duration(oldest.age_s)} old, "
        f"{numbers.duration(oldest.expires_in_s)} to expiry"
    )


def watcher(*, quiet: bool) -> Silent:
    """What suits standard error: a bar on a terminal, lines elsewhere, nothing where quiet."""
    if quiet:
        return Silent()
    from rich.console import Console

    console = Console(stderr=True)
    return Bar(console) if console.is_terminal else Lines(console.file)
