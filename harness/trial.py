"""One trial as a generator: it yields requests, is sent answers, and returns a `Result`.

It does no I/O: no network, clock, disk or randomness. Whatever answers decides whether this is a
live run, a batch, a replay or a test.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from harness.chat import Chat, evaluated
from harness.errors import AnswerMissingError, GraderError, RenderError, SuiteError
from harness.prompt import first_turns
from harness.records import (
    Answer,
    Call,
    Candidate,
    Conversation,
    Grade,
    Missing,
    Outcome,
    Result,
    Steps,
    TrialId,
)
from harness.steps import side_by_side
from harness.suite import Case, GraderSpec, Script, Suite, Written
from harness.talk import Talk
from harness.workshop import Workshop

T = TypeVar("T")


WRONG = (GraderError, RenderError, SuiteError, AnswerMissingError)
"""What may go wrong with a grader; whatever it is, its grade is broken."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One attempt at one case by one candidate; `index` is its place in the run's order."""

    suite: Suite
    case: Case
    candidate: Candidate
    repeat: int
    index: int

    def __repr__(self) -> str:
        # The whole suite hangs on it: a traceback that showed all that would take seconds.
        return f"Trial({self.id})"

    @property
    def id(self) -> TrialId:
        """Its name within a run."""
        return TrialId(self.suite.name, self.case.id, self.candidate.name, self.repeat)

    @property
    def script(self) -> Script:
        """What is asked."""
        return self.suite.script_of(self.case)


def steps(trial: Trial, workshop: Workshop) -> Steps[Result]:
    """Ask what the trial's script says, grade the answers, and tell how it ended."""
    judged: list[Call] = []
    talk: Talk | None = None
    try:
        talk = _opened(trial, workshop)
        grades = yield from (_program if trial.suite.program else _turns)(trial, talk, judged)
    except AnswerMissingError as error:
        return _missing(trial, talk, judged, error.missing)
    except RenderError as error:
        return _missing(trial, talk, judged, Missing("template_error", error.message))
    return _concluded(trial, talk, tuple(grades), judged)


def _opened(trial: Trial, workshop: Workshop, calls: list[Call] | None = None) -> Talk:
    prompt = workshop.opening(trial.case, trial.candidate)
    return Talk(
        workshop, prompt, trial.case.vars, trial.script.tools, [] if calls is None else calls
    )


def _program(trial: Trial, talk: Talk, _judged: list[Call]) -> Steps[list[Grade]]:
    """An eval in Python: its assertions are its one grader."""
    program = trial.suite.program
    assert program is not None
    chat = Chat(talk, lambda: _opened(trial, talk.workshop, talk.calls))
    grade = yield from evaluated(program, trial.case, chat)
    return [replace(grade, name="assert")]


def _turns(trial: Trial, talk: Talk, judged: list[Call]) -> Steps[list[Grade]]:
    script, rivals, turns = trial.script, Rivals(trial, talk), _turns_of(trial)
    grades: list[Grade] = []
    for number, turn in enumerate(turns):
        yield from _said(trial.case, talk, number, turn)
        if number < len(script.turns):
            specs, seen = script.turns[number].graders, rivals.beside(number + 1)
            for grade in (yield from _graded(talk, specs, seen, judged)):
                grades.append(replace(grade, turn=number + 1))
    seen = rivals.beside(len(turns))
    return grades + (yield from _graded(talk, script.graders, seen, judged))


def _turns_of(trial: Trial) -> Sequence[Written | None]:
    """What the user says, turn by turn; a given history that asks already is one turn, of None."""
    return first_turns(trial.script, trial.candidate) or (None,)


def _said(case: Case, talk: Talk, number: int, turn: Written | None) -> Steps[Answer]:
    """The answer to a turn of the script; `number` counts from 0."""
    if turn is None:
        return (yield from talk.answered())
    if number == 0:
        return (yield from talk.say(talk.workshop.first(case, turn)))
    return (yield from talk.say(talk.workshop.content(turn, talk.scope)))


class Rivals:
    """The other candidates' conversations on a trial's case, each asked at most once.

    Their requests are those of the candidates' own trials, so that whoever keeps answers asks each
    only once; they are marked as of a rival, since they are no answers of this candidate.
    """

    def __init__(self, trial: Trial, own: Talk) -> None:
        self.trial, self.own = trial, own
        self._talks: dict[str, tuple[Talk, int]] = {}
        self._gone: dict[str, AnswerMissingError] = {}
        self._speaking: set[str] = set()

    def beside(self, turns: int) -> Conversation:
        """The trial's conversation, with a way to those of rivals after as many turns."""
        return self.own.conversation_beside(partial(self.conversation, turns=turns))

    def conversation(self, name: str, *, turns: int) -> Steps[Conversation]:
        """The rival's conversation; raises AnswerMissingError where an answer is missing."""
        if name == self.trial.candidate.name:
            return self.own.conversation
        while name in self._speaking:
            yield ()  # another grader is asking it
        if name in self._gone:
            raise self._gone[name]
        self._speaking.add(name)
        try:
            return (yield from self._conversation(name, turns))
        except AnswerMissingError as error:
            self._gone[name] = error
            raise
        finally:
            self._speaking.discard(name)

    def _conversation(self, name: str, turns: int) -> Steps[Conversation]:
        rival = next(c for c in self.trial.suite.candidates if c.name == name)
        trial = replace(self.trial, candidate=rival)
        talk, begun = self._talks.get(name) or (_opened(trial, self.own.workshop), 0)
        for number, turn in enumerate(_turns_of(trial)[:turns]):
            if number >= begun:
                yield from _as_rival(_said(trial.case, talk, number, turn))
                self._talks[name] = (talk, number + 1)
        return talk.conversation


def _as_rival(asking: Steps[T]) -> Steps[T]:
    try:
        requests = next(asking)
        while True:
            replies = yield [replace(request, purpose="rival") for request in requests]
            requests = asking.send(replies)
    except StopIteration as stop:
        said: T = stop.value
        return said


def _graded(
    talk: Talk, specs: Sequence[GraderSpec], conversation: Conversation, judged: list[Call]
) -> Steps[list[Grade]]:
    said = [_grade(talk, spec, conversation, judged) for spec in specs]
    asking = [one for one in said if isinstance(one, Generator)]
    judgements = iter((yield from side_by_side(asking)) if asking else ())
    return [one if isinstance(one, Grade) else next(judgements) for one in said]


def _grade(
    talk: Talk, spec: GraderSpec, conversation: Conversation, judged: list[Call]
) -> Grade | Steps[Grade]:
    """One grade; whatever goes wrong makes it a broken one, never a pass and never a crash."""
    try:
        grader, name, weight = talk.workshop.grader(spec, talk.vars)
        said = grader(conversation)
    except WRONG as error:
        return _broken(spec, error)
    if isinstance(said, Grade):
        return _placed(said, name, weight)
    return _judged(talk, spec, said, judged, (name, weight))


def _judged(
    talk: Talk,
    spec: GraderSpec,
    asking: Steps[Grade],
    judged: list[Call],
    place: tuple[str, float],
) -> Steps[Grade]:
    try:
        said = yield from talk.workshop.judged(asking, judged)
    except WRONG as error:
        return _broken(spec, error)
    return _placed(said, *place)


def _placed(said: Grade, name: str, weight: float) -> Grade:
    """The grade in its place in the suite; one that does not apply says so by a weight of 0."""
    return said.placed(name, weight if said.weight else 0.0)


def _broken(spec: GraderSpec, error: Exception) -> Grade:
    return Grade(None, reason=str(error), name=_label(spec.item.value))


def _label(item: Any) -> str:
    """The name of a grader that could not be built."""
    if not isinstance(item, Mapping):
        return str(item)
    return str(item.get("name") or next((key for key in item if key != "weight"), "grader"))


def _missing(trial: Trial, talk: Talk | None, judged: Sequence[Call], missing: Missing) -> Result:
    return Result(
        id=trial.id,
        outcome=Outcome.ERRORED,
        score=None,
        calls=(*talk.calls, *judged) if talk else (),
        messages=tuple(talk.prompt.messages) if talk else (),
        missing=missing,
        reason=missing.reason,
        tags=trial.case.tags,
        cluster=trial.case.cluster,
        content=talk.workshop.fingerprint(trial.case) if talk else "",
    )


def _concluded(
    trial: Trial, talk: Talk, grades: tuple[Grade, ...], judged: Sequence[Call]
) -> Result:
    outcome, score, reason = verdict(grades, trial.suite.pass_score)
    if reason:
        reason = "; ".join((reason, *talk.notes))
    return Result(
        id=trial.id,
        outcome=outcome,
        score=score,
        grades=grades,
        calls=(*talk.calls, *judged),
        messages=tuple(talk.prompt.messages),
        reason=reason,
        tags=trial.case.tags,
        cluster=trial.case.cluster,
        content=talk.workshop.fingerprint(trial.case),
    )


def verdict(
    grades: Sequence[Grade], pass_score: float | None = None
) -> tuple[Outcome, float | None, str]:
    """How a trial ends by its grades: outcome, score and the reason of the first that decided.

    A broken grade makes the trial ungraded. The score is the mean of the scores, weighted; a
    grade of weight 0 is shown and counts for nothing.
    """
    broken = next((grade for grade in grades if grade.broken), None)
    if broken is not None:
        return Outcome.UNGRADED, None, f"{broken.name}: {broken.reason}"
    counted = [grade for grade in grades if grade.weight > 0]
    weight = sum(grade.weight for grade in counted)
    score = (
        sum((grade.score or 0.0) * grade.weight for grade in counted) / weight if weight else 1.0
    )
    failed = next((grade for grade in counted if not grade.passed), None)
    reason = f"{failed.name}: {failed.reason}" if failed else ""
    passed = failed is None if pass_score is None else score >= pass_score
    return (Outcome.PASSED, score, "") if passed else (Outcome.FAILED, score, reason)
