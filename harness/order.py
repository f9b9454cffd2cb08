"""The order in which trials are run, and whose turn it is when some models have to wait.

A run that stops early, or an API that drifts, should favour no model: cases come in a random
order, and the candidates of a case in another. The order of reports is not touched.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from random import Random

from harness.attempt import Attempt
from harness.trial import Trial

Family = Callable[[Trial], Hashable | None]
"""What the cases that are to stay together have in common; `None` for a case that stands alone."""


def in_turn(
    trials: Sequence[Trial], seed: str, family: Family, *, mixed: bool = True
) -> Iterator[Trial]:
    """The trials, which come case by case, in the order of the run with this seed.

    The candidates of a case follow each other, since much is rendered for all of them at once, and
    so do the cases of a family, which share what the API caches. The same seed gives the same
    order. Where cases are not `mixed` they keep theirs, for somebody who waits for the first.
    """
    random = Random(seed)
    for start in _mixed(trials, random, family) if mixed else _starts(trials):
        yield from _block(trials, start, random)


def _mixed(trials: Sequence[Trial], random: Random, family: Family) -> Iterator[int]:
    """Where the trials of each case begin, family by family."""
    families: dict[Hashable, list[int]] = {}
    for start in _starts(trials):
        common = family(trials[start])
        families.setdefault(("alone", start) if common is None else (common,), []).append(start)
    together = list(families.values())
    random.shuffle(together)
    for starts in together:
        random.shuffle(starts)
        yield from starts


def _starts(trials: Sequence[Trial]) -> Iterator[int]:
    """Where the trials of each case begin."""
    before: Trial | None = None
    for number, trial in enumerate(trials):
        if before is None or not _same_case(trial, before):
            yield number
        before = trial


def _block(trials: Sequence[Trial], start: int, random: Random) -> Iterator[Trial]:
    """The trials of one case, attempt by attempt, each with its candidates shuffled."""
    begun, attempt = trials[start], list[Trial]()
    for number in range(start, len(trials)):
        trial = trials[number]
        if not _same_case(trial, begun):
            break
        if attempt and trial.repeat != attempt[-1].repeat:
            random.shuffle(attempt)
            yield from attempt
            attempt = []
        attempt.append(trial)
    random.shuffle(attempt)
    yield from attempt


def _same_case(one: Trial, other: Trial) -> bool:
    return one.case is other.case and one.suite is other.suite


class Turns:
    """Hands out attempts in order, so that a model whose answers are late does not hold up others.

    A model that has three quarters of `width` under way is late: its next attempts are set aside,
    and `places` grows by as many as it occupies. Where all trials are of one model nothing is.
    """

    def __init__(self, width: int, *, models: int) -> None:
        self._ready: deque[Attempt] = deque()
        self._width = width
        self._most = max(1, width * 3 // 4)
        self._alone = models < 2
        self._under_way: Counter[str] = Counter()
        self._aside: dict[str, deque[Attempt]] = {}

    @property
    def places(self) -> int:
        """How many may be under way at once by now."""
        return self._width + self._most * len(self._aside)

    @property
    def waiting(self) -> int:
        """How many have not had their turn, those aside left out."""
        return len(self._ready)

    def add(self, attempts: Iterable[Attempt]) -> None:
        """These come after those that are there."""
        self._ready.extend(attempts)

    def take(self) -> Attempt | None:
        """The one whose turn it is; `None` where no other may begin by now."""
        if self._alone:
            return self._ready.popleft() if self._ready else None
        for model, waiting in self._aside.items():
            if waiting and self._under_way[model] < self._most:
                return self._begun(waiting.popleft())
        while self._ready:
            attempt = self._ready.popleft()
            model = attempt.trial.candidate.model
            if self._under_way[model] < self._most:
                return self._begun(attempt)
            attempt.rest()  # there may be many
            self._aside.setdefault(model, deque()).append(attempt)
        return None

    def _begun(self, attempt: Attempt) -> Attempt:
        self._under_way[attempt.trial.candidate.model] += 1
        return attempt

    def ended(self, attempt: Attempt) -> None:
        """It has ended, or waits for a batch."""
        if not self._alone:
            self._under_way[attempt.trial.candidate.model] -= 1
