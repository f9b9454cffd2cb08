"""One trial as a generator: it yields requests, is sent answers, and returns a `Result`.

It does no I/O: no network, clock, disk or randomness. Whatever answers decides whether this is a
live run, a batch, a replay or a test.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

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
    Request,
    Result,
    Steps,
    TrialId,
)
from harness.suite import Case, GraderSpec, Script, Suite
from harness.talk import Talk
from harness.workshop import Workshop


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
        return _missing(trial, talk, error.missing)
    except RenderError as error:
        return _missing(trial, talk, Missing("template_error", error.message))
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
    script, workshop = trial.script, talk.workshop
    grades: list[Grade] = []
    said = first_turns(script, trial.candidate)
    for number, written in enumerate(said or (None,)):
        if written is None:
            yield from talk.answered()
        elif number == 0:
            yield from talk.say(workshop.first(trial.case, written))
        else:
            yield from talk.say(workshop.content(written, talk.scope))
        if number < len(script.turns):
            specs = script.turns[number].graders
            grades += yield from _graded(talk, specs, judged, turn=number + 1)
    grades += yield from _graded(talk, script.graders, judged, turn=None)
    return grades


def _graded(
    talk: Talk, specs: Sequence[GraderSpec], judged: list[Call], *, turn: int | None
) -> Steps[list[Grade]]:
    grades = []
    conversation = talk.conversation
    for spec in specs:
        grade = yield from _grade(talk, spec, conversation, judged)
        grades.append(replace(grade, turn=turn))
    return grades


def _grade(
    talk: Talk, spec: GraderSpec, conversation: Conversation, judged: list[Call]
) -> Steps[Grade]:
    """One grade; whatever goes wrong makes it a broken one, never a pass and never a crash."""
    try:
        grader, name, weight = talk.workshop.grader(spec, talk.vars)
        said = grader(conversation)
        if isinstance(said, Generator):
            said = yield from _noted(said, talk.workshop, judged)
    except (GraderError, RenderError, SuiteError, AnswerMissingError) as error:
        return Grade(None, reason=str(error), name=_label(spec.item.value))
    return replace(said, name=name, weight=weight)


def _label(item: Any) -> str:
    """The name of a grader that could not be built."""
    if not isinstance(item, Mapping):
        return str(item)
    return str(item.get("name") or next((key for key in item if key != "weight"), "grader"))


def _noted(asking: Steps[Grade], workshop: Workshop, judged: list[Call]) -> Steps[Grade]:
    """What a judge asks, passed on; its calls are kept in `judged`."""
    try:
        requests = next(asking)
        while True:
            replies = yield requests
            judged += _calls(requests, replies, workshop)
            requests = asking.send(replies)
    except StopIteration as stop:
        grade: Grade = stop.value
        return grade


def _calls(
    requests: Sequence[Request], replies: Sequence[Answer | Missing], workshop: Workshop
) -> Iterator[Call]:
    for request, reply in zip(requests, replies, strict=True):
        if isinstance(reply, Answer):
            yield workshop.call(request, reply)


def _missing(trial: Trial, talk: Talk | None, missing: Missing) -> Result:
    return Result(
        id=trial.id,
        outcome=Outcome.ERRORED,
        score=None,
        calls=tuple(talk.calls) if talk else (),
        messages=tuple(talk.prompt.messages) if talk else (),
        missing=missing,
        reason=missing.reason,
        tags=trial.case.tags,
        cluster=trial.case.cluster,
    )


def _concluded(
    trial: Trial, talk: Talk, grades: tuple[Grade, ...], judged: Sequence[Call]
) -> Result:
    outcome, score, reason = verdict(grades, trial.suite.pass_score)
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
