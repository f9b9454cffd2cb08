"""One trial as a generator: it yields requests, is sent answers, and returns a `Result`.

It does no I/O: no network, clock, disk or randomness. Whatever answers decides whether this is a
live run, a batch, a replay or a test.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from harness.errors import AnswerMissingError, GraderError, RenderError
from harness.graders import GraderContext, arguments, build
from harness.models import Registry
from harness.pricing import bill
from harness.prompt import Composer, Prompt, first_turns
from harness.records import (
    Answer,
    Call,
    Candidate,
    Conversation,
    Grade,
    Grader,
    Missing,
    Outcome,
    Request,
    Result,
    Steps,
    TrialId,
)
from harness.suite import Case, GraderSpec, Script, Suite
from harness.tools import tool_results

_Built = tuple[Grader, str, float]


@dataclass(frozen=True, slots=True)
class Trial:
    """One attempt at one case by one candidate; `index` is its place in the run's order."""

    suite: Suite
    case: Case
    candidate: Candidate
    repeat: int
    index: int

    @property
    def id(self) -> TrialId:
        """Its name within a run."""
        return TrialId(self.suite.name, self.case.id, self.candidate.name, self.repeat)

    @property
    def script(self) -> Script:
        """What is asked."""
        return self.suite.script_of(self.case)


class Workshop(Composer):
    """What trials of one suite share: composed requests, prices, and graders that stay the same."""

    def __init__(self, suite: Suite, registry: Registry) -> None:
        super().__init__(suite, registry)
        self.context = GraderContext(suite.folder)
        self._fixed: dict[int, tuple[GraderSpec, _Built]] = {}

    def call(self, request: Request, answer: Answer) -> Call:
        """The request and its answer, with the bill."""
        return Call(request, answer, bill(answer, self.registry))

    def grader(self, spec: GraderSpec, scope: Mapping[str, Any]) -> _Built:
        """The grader for one case, its name and weight; raises RenderError or GraderError."""
        if (known := self._fixed.get(id(spec))) is not None:
            return known[1]
        item = self.rendered(spec.item, scope)
        given = arguments({item: True} if isinstance(item, str) else item)
        built = build(given, self.context), given.name or given.kind, given.weight
        if item == spec.item.value:
            self._fixed[id(spec)] = (spec, built)
        return built


@dataclass(slots=True)
class _Talk:
    """A trial's conversation so far."""

    trial: Trial
    prompt: Prompt
    workshop: Workshop
    calls: list[Call] = field(default_factory=list)

    @property
    def scope(self) -> dict[str, Any]:
        """What a later turn's template sees: the case's vars, and the answers so far."""
        return {**self.trial.case.vars, "answers": [call.answer.text for call in self.calls]}

    @property
    def conversation(self) -> Conversation:
        """What a grader sees."""
        return Conversation(tuple(self.prompt.messages), tuple(self.calls), self.trial.case.vars)


def steps(trial: Trial, workshop: Workshop) -> Steps[Result]:
    """Ask what the trial's script says, grade the answers, and tell how it ended."""
    judged: list[Call] = []
    try:
        prompt = workshop.opening(trial.case, trial.candidate)
    except RenderError as error:
        return _missing(trial, (), (), Missing("template_error", error.message))
    talk = _Talk(trial, prompt, workshop)
    try:
        grades = yield from _turns(talk, judged)
    except AnswerMissingError as error:
        return _missing(trial, talk.calls, talk.prompt.messages, error.missing)
    except RenderError as error:
        missing = Missing("template_error", error.message)
        return _missing(trial, talk.calls, talk.prompt.messages, missing)
    return _concluded(talk, tuple(grades), judged)


def ask(request: Request) -> Steps[Answer]:
    """One request and its answer; raises AnswerMissingError where there is none."""
    (reply,) = yield (request,)
    if isinstance(reply, Missing):
        raise AnswerMissingError(reply)
    return reply


def _turns(talk: _Talk, judged: list[Call]) -> Steps[list[Grade]]:
    trial = talk.trial
    script = trial.script
    grades: list[Grade] = []
    said = first_turns(script, trial.candidate)
    for number, written in enumerate(said or (None,)):
        if written is not None:
            scope = talk.scope if number else trial.case.vars
            talk.prompt.say(talk.workshop.content(written, scope))
        yield from _answered(talk)
        if number < len(script.turns):
            specs = script.turns[number].graders
            grades += yield from _graded(talk, specs, judged, turn=number + 1)
    grades += yield from _graded(talk, script.graders, judged, turn=None)
    return grades


def _answered(talk: _Talk) -> Steps[None]:
    """The answer to what was said last, after as many rounds of tools as it wants."""
    for round_ in range(talk.trial.suite.max_tool_rounds + 1):
        request = talk.prompt.request()
        answer = yield from ask(request)
        talk.calls.append(talk.workshop.call(request, answer))
        talk.prompt.hear(answer.content)
        last = round_ == talk.trial.suite.max_tool_rounds
        if last or not (answer.tool_uses or answer.stop_reason == "pause_turn"):
            return
        if answer.tool_uses:
            tools, scope = talk.trial.script.tools, talk.scope
            talk.prompt.say(tool_results(answer, tools, talk.workshop.renderer, scope))


def _graded(
    talk: _Talk, specs: Sequence[GraderSpec], judged: list[Call], *, turn: int | None
) -> Steps[list[Grade]]:
    grades = []
    conversation = talk.conversation
    for spec in specs:
        grade = yield from _grade(talk, spec, conversation, judged)
        grades.append(replace(grade, turn=turn))
    return grades


def _grade(
    talk: _Talk, spec: GraderSpec, conversation: Conversation, judged: list[Call]
) -> Steps[Grade]:
    """One grade; whatever goes wrong makes it a broken one, never a pass and never a crash."""
    try:
        grader, name, weight = talk.workshop.grader(spec, talk.trial.case.vars)
        said = grader(conversation)
        if isinstance(said, Generator):
            said = yield from _noted(said, talk.workshop, judged)
    except (GraderError, RenderError, AnswerMissingError) as error:
        return Grade(None, reason=str(error), name=str(next(iter(spec.item.value))))
    return replace(said, name=name, weight=weight)


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


def _missing(
    trial: Trial, calls: Sequence[Call], messages: Sequence[Any], missing: Missing
) -> Result:
    return Result(
        id=trial.id,
        outcome=Outcome.ERRORED,
        score=None,
        calls=tuple(calls),
        messages=tuple(messages),
        missing=missing,
        reason=missing.reason,
        tags=trial.case.tags,
        cluster=trial.case.cluster,
    )


def _concluded(talk: _Talk, grades: tuple[Grade, ...], judged: Sequence[Call]) -> Result:
    trial = talk.trial
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
