"""What judges were shown and what they said, read from results; only this takes grades apart.

A judge is a grade that names one: `rubric`, `panel`, `reference`, `pairwise`, and those inside
`not`, `all` and `any`. A grade that came about without asking names none, and is no judgement.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness.analysis.agreement import Pick
from harness.records import Call, Grade, Result, TrialId

Kind = Literal["criteria", "reference", "pairwise"]

CHOICES: Mapping[str, tuple[str, ...]] = {
    "criteria": ("pass", "fail"),
    "reference": ("same", "subset", "superset", "contradicts", "irrelevant"),
    "pairwise": ("win", "tie", "loss"),
}
"""What can be said of an answer, by judges and by people alike."""

PAIR_SCORES = {"win": 1.0, "tie": 0.5, "loss": 0.0}
KEY_DIGITS = 12
_PLACES = ("shown first", "shown second")
_RELATION = re.compile(rf"({'|'.join(CHOICES['reference'])})(?:, wanted ([a-z ]+))?: ")
_ENCLOSED = re.compile(r"<(answer|first|second|reference)-([0-9a-f]{16})>\n(.*?)\n</\1-\2>", re.S)


@dataclass(frozen=True, slots=True)
class Judgement:
    """One grade of one judge, with what it was about.

    `said` is one of the CHOICES of `kind`, None where there was no verdict; `kind` is None where
    such a grade does not tell it. `score` is the share of a pass that it gives: 1, 0, or 0.5 for a
    tie. `reason` has what the judge wrote on every criterion and order. `beside` is what the
    answer was held against: another answer, a reference, the criteria. `picks` are a pair's
    places; `accepted` the relations that it shows to pass. `key` is a hash of the answer and, but
    for criteria, of what it was held against.
    """

    trial: TrialId
    grader: str
    kind: Kind | None
    said: str | None
    score: float | None
    reason: str
    judge: str
    cluster: tuple[str, ...]
    question: str
    answer: str
    beside: str
    key: str
    picks: tuple[Pick | None, Pick | None] | None = None
    accepted: frozenset[str] = frozenset()

    def scored(self, said: str, passing: Passing) -> float | None:
        """The score that `said` comes to; None for a relation not known to pass or to fail."""
        if self.kind == "pairwise":
            return PAIR_SCORES[said]
        if self.kind != "reference":
            return float(said == "pass")
        return 1.0 if said in passing.relations else 0.0 if passing.all_known else None


@dataclass(frozen=True, slots=True)
class Passing:
    """The relations that a `reference` is seen to accept; `all_known` once an answer failed."""

    relations: frozenset[str] = frozenset()
    all_known: bool = False

    @classmethod
    def seen(cls, judged: Iterable[Judgement]) -> Passing:
        """What the grades of one grader show of its option `accept`."""
        told = [one for one in judged if one.accepted]
        relations = frozenset[str]().union(*(one.accepted for one in told))
        return cls(relations, any(one.score == 0 for one in told))


def kinds_of(judged: Iterable[Judgement]) -> dict[tuple[str, str], Kind]:
    """What each judge grader decides, by suite and name, in the order they first appear.

    Grades without a verdict may not tell; the others of the same grader do.
    """
    seen: dict[tuple[str, str], Kind | None] = {}
    for one in judged:
        key = (one.trial.suite, one.grader)
        seen[key] = seen.get(key) or one.kind
    return {key: kind or "criteria" for key, kind in seen.items()}


def judgements(result: Result) -> Iterator[Judgement]:
    """What the judges of one trial said, in the order of its grades."""
    found = [one for grade in result.grades for one in _graded(grade, "", grade.turn)]
    if not any(grade.judge for _path, _turn, grade in found):
        return
    names: Counter[str] = Counter()
    materials = [_material(call) for call in result.calls_for("judge")]
    for path, turn, grade in found:
        name = f"{path} (turn {turn})" if turn else path
        # Those that asked nobody count too: a grader has one number in all trials.
        names[name] += 1
        numbered = f"{name} #{names[name]}" if names[name] > 1 else name
        if grade.judge:
            yield _judgement(result, numbered, turn, grade, materials)


def _graded(grade: Grade, above: str, turn: int | None) -> Iterator[tuple[str, int | None, Grade]]:
    """The grade and those inside it, each with its path; a judge's parts are its own affair."""
    path = f"{above}{grade.name}"
    yield path, turn, grade
    for part in () if grade.judge else grade.parts:
        yield from _graded(part, f"{path}/", turn)


def _judgement(
    result: Result,
    name: str,
    turn: int | None,
    grade: Grade,
    materials: Sequence[Mapping[str, str]],
) -> Judgement:
    kind = _kind(grade)
    question, answer = _exchange(result, turn)
    beside = _beside(kind, grade, answer, materials)
    trial, alone = result.id, result.cluster is None
    # A tie passes or does not by an option; its score is half a win either way.
    score = grade.score if kind == "pairwise" else float(bool(grade.passed))
    return Judgement(
        trial=trial,
        grader=name,
        kind=kind,
        said=_said(kind, grade),
        score=None if grade.broken else score,
        reason=_reasoning(grade),
        judge=grade.judge,
        cluster=(trial.suite, trial.case) if alone else (trial.suite, "", str(result.cluster)),
        question=question,
        answer=answer,
        beside=beside,
        key=_key(answer, "" if kind == "criteria" else beside),
        picks=_picks(grade) if kind == "pairwise" else None,
        accepted=_accepted(grade) if kind == "reference" else frozenset(),
    )


def _kind(grade: Grade) -> Kind | None:
    """By the shape of the grade, and of a broken one by the name of its prompt."""
    if grade.broken:
        prompts: dict[str, Kind] = {
            " rubric.j2 ": "criteria",
            " reference.j2 ": "reference",
            " pairwise.j2 ": "pairwise",
        }
        return next((kind for name, kind in prompts.items() if name in grade.judge), None)
    if tuple(part.name for part in grade.parts) == _PLACES:
        return "pairwise"
    return "reference" if not grade.parts and _RELATION.match(grade.reason) else "criteria"


def _said(kind: Kind | None, grade: Grade) -> str | None:
    if grade.broken or kind is None:
        return None
    if kind == "pairwise":
        return next(word for word, score in PAIR_SCORES.items() if score == grade.score)
    if kind == "reference":
        match = _RELATION.match(grade.reason)
        return match[1] if match else None
    return "pass" if grade.passed else "fail"


def _reasoning(grade: Grade) -> str:
    """The grade's reason, and what the judge wrote on each part where that is not in it."""
    left = [part for part in grade.parts if part.reason not in grade.reason]
    return "\n".join([grade.reason, *(f"{part.name}: {part.reason}" for part in left)])


def _picks(grade: Grade) -> tuple[Pick | None, Pick | None]:
    if len(grade.parts) != len(_PLACES):
        return None, None
    words = [part.reason.partition(":")[0] for part in grade.parts]
    own: tuple[Pick, Pick] = ("first", "second")
    other: tuple[Pick, Pick] = ("second", "first")
    one, two = (
        own[i] if word == "win" else other[i] if word == "loss" else "tie"
        for i, word in enumerate(words)
    )
    return one, two


def _accepted(grade: Grade) -> frozenset[str]:
    """The relations that this grade shows to pass: its own, or those that it wanted."""
    match = _RELATION.match(grade.reason)
    if match is None or grade.broken:
        return frozenset()
    return frozenset((match[2] or match[1]).split(" or "))


def _exchange(result: Result, turn: int | None) -> tuple[str, str]:
    """What was asked and answered last, or in a turn of the script."""
    asked = [i for i, message in enumerate(result.messages) if _asks(message)]
    end = len(result.messages)
    if turn is not None:
        given = _turns_before(result)
        after = asked[given + turn :]
        asked, end = asked[: given + turn], after[0] if after else end
    question = _text(result.messages[asked[-1]]["content"]) if asked else ""
    said = [m for m in result.messages[:end] if m["role"] == "assistant"]
    return question, _text(said[-1]["content"]) if said else ""


def _asks(message: Mapping[str, Any]) -> bool:
    """It is a turn of the user's, and not what a tool said."""
    content = message["content"]
    if message["role"] != "user":
        return False
    return isinstance(content, str) or any(b.get("type") != "tool_result" for b in content)


def _turns_before(result: Result) -> int:
    """The user's turns of a given history, which stand before the script's own."""
    calls = result.calls_for("answer")
    first = calls[0].request.params["messages"] if calls else ()
    return max(0, sum(map(_asks, first)) - 1)


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    texts = (str(block["text"]) for block in content if block.get("type") == "text")
    return "".join(texts)


def _material(call: Call) -> dict[str, str]:
    """The texts that the judge was shown between their tags."""
    shown = _text(call.request.params["messages"][0]["content"])
    return {name: text for name, _code, text in _ENCLOSED.findall(shown)}


def _beside(
    kind: Kind | None, grade: Grade, answer: str, materials: Iterable[Mapping[str, str]]
) -> str:
    """What the answer was held against; empty where several graders leave it open."""
    if kind == "criteria":
        parts = [deep for part in grade.parts for deep in (part.parts if part.judge else (part,))]
        return "\n".join(dict.fromkeys(part.name for part in parts))
    wanted = ("reference",) if kind == "reference" else ("first", "second")
    texts = {m[name]: None for m in materials for name in wanted if name in m}
    others = [text for text in texts if kind == "reference" or text.strip() != answer.strip()]
    return others[0] if len(others) == 1 else ""


def _key(answer: str, beside: str) -> str:
    # A letter first: digits alone, or with an e among them, are a number to a spreadsheet.
    whole = f"{len(answer)}\n{answer}\n{beside}".encode("utf-8", "replace")
    return f"k{hashlib.sha256(whole).hexdigest()[:KEY_DIGITS]}"
