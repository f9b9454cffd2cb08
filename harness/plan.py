"""From suites to the trials of a run: `select` narrows them to what was asked for, `trials` lists
the attempts in the order in which reports have them. In which order they run says `order`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.errors import UsageError
from harness.records import Candidate, Json
from harness.suite import Case, Script, Suite
from harness.trial import Trial


@dataclass(frozen=True, slots=True)
class Selection:
    """Which cases of the suites are meant; what is left empty selects all.

    `tags`: a case needs one of them. `text`: all of its words stand in `suite/case`, one after
    `not` must not. `shard` is (i, n): the i-th of n parts, counting from 1. `repeats` replaces the
    suites' own.
    """

    tags: tuple[str, ...] = ()
    text: str = ""
    limit: int | None = None
    shard: tuple[int, int] | None = None
    repeats: int | None = None

    def picks(self, suite: Suite, case: Case) -> bool:
        """The case is meant, by its tags and its name."""
        if self.tags and not set(self.tags) & set(case.tags):
            return False
        return _matches(self.text, f"{suite.name}/{case.id}".lower())

    @property
    def whole(self) -> bool:
        """Nothing is left out."""
        return not (self.tags or self.text or self.shard) and self.limit is None


def _matches(text: str, name: str) -> bool:
    wanted = True
    for word in text.lower().split():
        if word == "not":
            wanted = not wanted
        elif word != "and":
            if (word in name) != wanted:
                return False
            wanted = True
    return True


def select(suites: Sequence[Suite], selection: Selection) -> tuple[Suite, ...]:
    """The suites with the selected cases only; a suite without any is left out.

    Raises UsageError where nothing is left.
    """
    if selection.whole:
        return tuple(suites)
    chosen = [
        (suite, case) for suite in suites for case in suite.cases if selection.picks(suite, case)
    ]
    if selection.shard:
        part, parts = selection.shard
        chosen = chosen[part - 1 :: parts]
    chosen = chosen[: selection.limit]
    if not chosen and not selection.shard:
        total = sum(len(suite.cases) for suite in suites)
        raise UsageError(f"none of {total} cases is selected by -k, --tags or --limit")
    kept = {suite.path: [case for other, case in chosen if other is suite] for suite in suites}
    return tuple(replace(s, cases=tuple(kept[s.path])) for s in suites if kept[s.path])


def trials(suites: Iterable[Suite], *, repeats: int | None = None) -> Iterator[Trial]:
    """Every attempt, suite by suite and case by case, its candidates in turn at each repeat.

    A candidate that a case has only to compare the others with makes no attempt of its own.
    """
    index = 0
    for suite in suites:
        common = _asked(suite, suite.script)
        for case in suite.cases:
            candidates = common if case.script is None else _asked(suite, case.script)
            for repeat in range(1, (repeats or suite.script_of(case).repeats) + 1):
                for candidate in candidates:
                    yield Trial(suite, case, candidate, repeat, index)
                    index += 1


def _asked(suite: Suite, script: Script) -> list[Candidate]:
    """The candidates but one with whom the others are compared and that is all.

    Of itself there is nothing to say.
    """
    specs = [*script.graders, *(spec for turn in script.turns for spec in turn.graders)]
    rivals = {_rival(spec.item.value) for spec in specs}
    return [each for each in suite.candidates if rivals != {each.name}]


def _rival(item: Json) -> str | None:
    """With whom a grader compares, where that is all it does."""
    against = item.get("pairwise") if isinstance(item, Mapping) else None
    if isinstance(against, Mapping):
        against = against.get("against")
    return against if isinstance(against, str) else None
