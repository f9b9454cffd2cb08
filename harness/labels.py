"""Label sheets: the answers that people are to judge without knowing the judge's verdict, as CSV.

A sheet is drawn from a run, filled in with a spreadsheet, and read again. It says of each row how
it was drawn, since only a random part of a run can correct its pass rate; and what the answer was
held against, since labels for one judge are none for another.
"""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.analysis.calibration import Drawn, Labelled
from harness.analysis.judged import CHOICES, Judgement
from harness.data import Row, rows
from harness.errors import Place, Problem, SuiteError, UsageError, did_you_mean

if TYPE_CHECKING:
    from random import Random

COLUMNS = (
    *("trial", "suite", "case", "candidate", "repeat", "grader", "question", "answer"),
    *("compare_with", "choices", "label", "note", "run", "drawn", "key"),
)
NEEDED = ("trial", "grader", "label")
CELL = 32_000
"""Characters that a spreadsheet keeps of a cell; above that it cuts without a word."""

CUT = " … (cut; `harness show` has the whole)"
SHOWN = 200
LINES_SHOWN = 5
UNNAMED = ("rubric", "panel", "reference", "pairwise")
"""What judges are called to whom nobody gave a name: such a name only tells their place."""
ANEW = (
    "draw a new sheet, or empty `compare_with` where both mean the same "
    "(graders with a `name` of their own keep their labels when they change)"
)
_DRAWN = re.compile(r"random (\d+) of (\d+)")
_OWN_NAME = re.compile(r"([^/]*?)(?: \(turn \d+\))?(?: #\d+)?")

Stratum = tuple[str, str]
"""Suite and candidate: each is drawn from apart, so that each has labels of its own."""


@dataclass(frozen=True, slots=True)
class Draw:
    """A judgement that people are to make, and how it came to be chosen."""

    judgement: Judgement
    drawn: Drawn


@dataclass(frozen=True, slots=True)
class Label:
    """One row of a sheet; `label` is empty where nobody has filled it in.

    `answer` and `beside`, what it was held against, are as they stand in the sheet; empty where
    they are not told.
    """

    trial: str
    grader: str
    label: str
    note: str
    run: str
    drawn: Drawn | None
    key: str
    answer: str
    beside: str
    place: Place


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows that were read, and what is wrong with rows on their own."""

    rows: tuple[Label, ...]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Matched:
    """Labels beside judgements; `notes` say what does not show that they belong together."""

    labelled: tuple[Labelled, ...]
    notes: tuple[str, ...] = ()


def draw(judged: Iterable[Judgement], count: int, random: Random) -> list[Draw]:
    """A random `count` of the trials, as many of each candidate as can be, in random order.

    A trial with several judges is a row for each of them.
    """
    strata: defaultdict[Stratum, defaultdict[str, list[Judgement]]]
    strata = defaultdict(lambda: defaultdict(list))
    for one in judged:
        strata[one.trial.suite, one.trial.candidate][str(one.trial)].append(one)
    shares = _shares({stratum: len(trials) for stratum, trials in strata.items()}, count)
    drawn: list[list[Draw]] = []
    for stratum in sorted(strata):
        trials = strata[stratum]
        chosen = random.sample(sorted(trials), shares[stratum])
        drawn += _rows_of(trials, chosen)
    random.shuffle(drawn)
    return [row for trial in drawn for row in trial]


def _rows_of(trials: Mapping[str, list[Judgement]], chosen: Sequence[str]) -> list[list[Draw]]:
    """The chosen trials' rows, each with how many of its grader's trials were drawn."""
    out_of = _counted(one for group in trials.values() for one in group)
    taken = _counted(one for name in chosen for one in trials[name])
    return [
        [Draw(one, Drawn(taken[one.grader], out_of[one.grader])) for one in trials[name]]
        for name in chosen
    ]


def _counted(judged: Iterable[Judgement]) -> dict[str, int]:
    counts: defaultdict[str, int] = defaultdict(int)
    for one in judged:
        counts[one.grader] += 1
    return counts


def _shares(sizes: Mapping[Stratum, int], count: int) -> dict[Stratum, int]:
    """How many to take of each: equal parts, but no more than there are."""
    shares, left = {}, count
    for place, stratum in enumerate(sorted(sizes, key=lambda one: (sizes[one], one))):
        shares[stratum] = min(sizes[stratum], left // (len(sizes) - place))
        left -= shares[stratum]
    return shares


def write(path: Path, run: str, drawn: Sequence[Draw], *, escape: Callable[[str], str]) -> None:
    """Write the sheet; `escape` makes a text safe for spreadsheets.

    Raises UsageError where the file exists, since labels cost somebody an afternoon, and where it
    cannot be written.
    """
    try:
        # With the mark that tells a spreadsheet that this is UTF-8.
        with path.open("x", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            for row in drawn:
                writer.writerow(_escaped(cell, escape) for cell in _cells(run, row))
    except FileExistsError as exc:
        raise UsageError(f"{path} exists; name another file with --out, or move it away") from exc
    except OSError as exc:
        raise UsageError(f"{path} cannot be written: {exc.strerror or exc}") from exc


def _cells(run: str, row: Draw) -> tuple[str, ...]:
    one = row.judgement
    trial = one.trial
    return (
        *(str(trial), trial.suite, trial.case, trial.candidate, str(trial.repeat), one.grader),
        *(one.question, one.answer, one.beside, ", ".join(CHOICES[one.kind or "criteria"])),
        *("", "", run, str(row.drawn), one.key),
    )


def _escaped(cell: str, escape: Callable[[str], str]) -> str:
    shown = escape(cell)
    return shown if len(shown) <= CELL else shown[: CELL - len(CUT)] + CUT


def read(path: Path) -> Sheet:
    """The rows of a sheet, labelled or not.

    What is wrong with single rows is kept, to be told with what does not fit the run. Raises
    SuiteError for a file that cannot be read, and for columns that are missing.
    """
    found = rows(path.name, path.parent)
    missing = [name for name in NEEDED if name not in found[0].values]
    problems: list[Problem] = []
    if missing:
        names = ", ".join(f"`{name}`" for name in missing)
        told = f"a label sheet has the columns `trial`, `grader` and `label`; missing: {names}"
        problems.append(Problem(told, Place(path, 1, 1)))
    read = [label for row in found if (label := _label(row, problems)) is not None]
    if missing:
        raise SuiteError(problems)
    return Sheet(tuple(read), tuple(problems))


def _label(row: Row, problems: list[Problem]) -> Label | None:
    cells = {name: str(cell).strip() for name, cell in row.values.items() if cell is not None}
    trial, label, drawn = (cells.get(name, "") for name in ("trial", "label", "drawn"))
    if not trial:
        if label and "trial" in row.values:
            problems.append(Problem("a label without a trial; fill in `trial`", row.place))
        return None
    match = _DRAWN.fullmatch(drawn)
    if drawn and match is None:
        told = (
            f"`drawn: {drawn!r}` is not how `harness label` puts it; leave it as it was, or empty"
        )
        problems.append(Problem(told, row.place))
    return Label(
        trial=trial,
        grader=cells.get("grader", ""),
        label=label.lower(),
        note=cells.get("note", ""),
        run=cells.get("run", ""),
        drawn=Drawn(int(match[1]), int(match[2])) if match else None,
        key=cells.get("key", ""),
        answer=cells.get("answer", ""),
        beside=cells.get("compare_with", ""),
        place=row.place,
    )


def matched(
    sheet: Sheet,
    judged: Iterable[Judgement],
    run: str,
    *,
    kinds: Mapping[tuple[str, str], str],
    escape: Callable[[str], str],
) -> Matched:
    """What people said beside what the judge said, for every row that is filled in.

    `kinds` has each grader's kind by suite and name. A sheet of another run will do where the
    answers are the same. Raises SuiteError with every row that is wrong or does not fit this run.
    """
    by_trial: defaultdict[str, dict[str, Judgement]] = defaultdict(dict)
    for one in judged:
        by_trial[escape(str(one.trial))][escape(one.grader)] = one
    check = _Check(by_trial, run, kinds, escape)
    said = [row for row in sheet.rows if row.label]
    found = [labelled for row in said if (labelled := check.row(row)) is not None]
    problems = [*sheet.problems, *check.problems, *check.misplaced()]
    if problems:
        raise SuiteError(sorted(problems, key=lambda one: one.place.line if one.place else 0))
    return Matched(tuple(found), tuple(check.notes()))


def unlabelled(
    sheet: Sheet, judged: Iterable[Judgement], *, escape: Callable[[str], str]
) -> dict[tuple[str, str], Counter[str]]:
    """How many drawn rows nobody has filled in: by suite and grader, then by candidate."""
    empty = {(row.trial, row.grader) for row in sheet.rows if row.drawn and not row.label}
    found: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for one in judged:
        if (escape(str(one.trial)), escape(one.grader)) in empty:
            found[one.trial.suite, one.grader][one.trial.candidate] += 1
    return found


class _Check:
    """Finds the judgement that a row is about, and collects what is wrong."""

    def __init__(
        self,
        by_trial: Mapping[str, Mapping[str, Judgement]],
        run: str,
        kinds: Mapping[tuple[str, str], str],
        escape: Callable[[str], str],
    ) -> None:
        self.by_trial, self.run, self.kinds, self.escape = by_trial, run, kinds, escape
        self.problems: list[Problem] = []
        self.seen: dict[tuple[str, str], int] = {}
        self.changed: dict[tuple[str, str, str], list[int]] = defaultdict(list)
        self.moved: dict[str, list[Place]] = defaultdict(list)
        self.keyless: list[int] = []
        self.other_answers: list[int] = []

    def row(self, row: Label) -> Labelled | None:
        """The judgement with its label; None where the row is wrong."""
        one = self._judgement(row)
        problem = one if isinstance(one, str) else self._wrong(row, one)
        if problem or isinstance(one, str):
            self.problems.append(Problem(problem, row.place))
            return None
        return Labelled(one, row.label, row.note, row.drawn)

    def _judgement(self, row: Label) -> Judgement | str:
        """The judgement that is labelled, or what is wrong."""
        trial = row.trial if row.trial in self.by_trial else self.escape(row.trial)
        graders = self.by_trial.get(trial)
        if graders is None:
            other = f"; the sheet is of run {row.run}" if row.run not in ("", self.run) else ""
            return f"run {self.run} has no judged trial {row.trial!r}{other}"
        one = graders.get(row.grader) or graders.get(self.escape(row.grader))
        if one is not None:
            return one
        known = ", ".join(f"`{name}`" for name in graders)
        near = did_you_mean(row.grader, graders)
        return f"no judge {row.grader!r} in {row.trial}{near or f'; there is {known}'}"

    def _wrong(self, row: Label, one: Judgement) -> str:
        trial = str(one.trial)
        first = self.seen.setdefault((trial, one.grader), row.place.line)
        if first != row.place.line:
            return f"{trial} is labelled twice for {one.grader!r}, first in line {first}; keep one"
        if row.key and row.key != one.key:
            return (
                f"{trial} was labelled for another answer, in run {row.run or 'unknown'}; "
                "draw a new sheet with `harness label`"
            )
        if not row.key and row.run not in ("", self.run):
            return f"a label of run {row.run}, and not of {self.run}, without the column `key`"
        choices = CHOICES[self.kinds.get((one.trial.suite, one.grader), "criteria")]
        if row.label not in choices:
            near = did_you_mean(row.label, choices)
            return f"`label: {row.label!r}` is none of {', '.join(choices)}{near}"
        if not row.key:
            differs = row.answer and not self._same(row.answer, one.answer)
            (self.other_answers if differs else self.keyless).append(row.place.line)
        self._hold_against(row, one)
        return ""

    def _hold_against(self, row: Label, one: Judgement) -> None:
        """Keep the row in mind where its label is for something else than the judge decides."""
        if not row.beside or not one.beside or self._same(row.beside, one.beside):
            return
        others = self.by_trial[self.escape(str(one.trial))].values()
        swapped = next((o.grader for o in others if self._same(row.beside, o.beside)), "")
        match = _OWN_NAME.fullmatch(one.grader.rpartition("/")[2])
        named = match is not None and match[1] not in UNNAMED
        if named and not swapped and one.kind == "criteria":
            self.changed[one.grader, row.beside, one.beside].append(row.place.line)
            return
        now = f", which {swapped!r} judges now" if swapped else ""
        told = (
            f"labelled for {_shown(row.beside)}{now}; {one.grader!r} of this run judges "
            f"{_shown(one.beside)}"
        )
        self.moved[told].append(row.place)

    def _same(self, written: str, text: str) -> bool:
        """A cell of the sheet holds this text, as far as a sheet does."""
        # Spreadsheets may write line ends of their own.
        cells = (written.split(), _escaped(text, self.escape).split(), text.split())
        return cells[0] in cells[1:]

    def misplaced(self) -> Iterator[Problem]:
        """A problem for all labels that were given for one text, and stand beside another."""
        for told, places in self.moved.items():
            lines = [place.line for place in places]
            also = f" ({_lines(lines, most=len(lines))})" if len(lines) > 1 else ""
            yield Problem(f"{told}{also}; {ANEW}", places[0])

    def notes(self) -> Iterator[str]:
        """What the rows that were taken leave open, the most serious first."""
        if self.other_answers:
            yield (
                f"{_lines(self.other_answers)}: without a `key`, and the answer in the sheet is "
                "not that of this run; the labels are counted all the same"
            )
        for (grader, before, now), lines in self.changed.items():
            told = f"labelled for {_shown(before)}; {grader!r} now judges {_shown(now)}"
            yield f"{_lines(lines)}: {told}"
        if self.keyless:
            yield (
                f"{_lines(self.keyless)}: without a `key`, so that nothing shows that the labels "
                "are for the answers of this run"
            )


def _lines(numbers: Sequence[int], *, most: int = LINES_SHOWN) -> str:
    """`line 2`, `lines 2, 5`; of more than `most` the first and how many more."""
    first = ", ".join(map(str, numbers[:most]))
    more = f" and {len(numbers) - most} more" if len(numbers) > most else ""
    return f"line{'s' if len(numbers) > 1 else ''} {first}{more}"


def _shown(text: str) -> str:
    return repr(text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…")
