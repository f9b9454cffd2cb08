"""The calls that a trial makes by its script, and those that are left of one that was begun.

What is foreseen: its turns, its judges, and where it has tools, as many rounds of them as an
earlier run took, or one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from harness.forecast import judges
from harness.forecast.begun import Begun
from harness.forecast.bounds import Size, measured
from harness.forecast.foreseen import (
    BYTES_PER_TOKEN,
    Ask,
    Caching,
    Prefix,
    prompt_tokens,
    shared_prefix,
)
from harness.forecast.history import History
from harness.models import Registry
from harness.prompt import first_turns
from harness.records import Request
from harness.suite import Case, Suite, Written
from harness.trial import Trial
from harness.workshop import JUDGE_MAX_TOKENS

TOOL_ROUNDS = 1
TOOL_RESULT_TOKENS = 200
JUDGE_PROMPT_BYTES = 2_500
JUDGE_OUTPUT_TOKENS = 500


@dataclass(slots=True, eq=False)
class Group:
    """The trials of one case and candidate, which stand for `weight` times as many.

    `request` is their first, `None` where unknown. `stored` of them need no answer more, and those
    `begun` need some. Where they are `beside`, the candidate answers only to be compared with, and
    they are no trials of the run.
    """

    trials: list[Trial]
    weight: float = 1.0
    request: Request | None = None
    ratio: float = 1.0
    stored: int = 0
    begun: list[Begun] = field(default_factory=list)
    beside: bool = False

    @property
    def suite(self) -> Suite:
        """Whose trials they are."""
        return self.trials[0].suite

    @property
    def case(self) -> Case:
        """What is asked."""
        return self.trials[0].case

    @property
    def name(self) -> str:
        """The candidate's name."""
        return self.trials[0].candidate.name

    @property
    def said(self) -> tuple[Written, ...]:
        """What the user says, turn by turn; nothing where the given history asks already."""
        return first_turns(self.trials[0].script, self.trials[0].candidate)

    @property
    def turns(self) -> int:
        """How often an answer to the user is asked for."""
        return len(self.said) or 1

    @property
    def rounds(self) -> int:
        """Rounds of tools that a turn may take."""
        return self.suite.max_tool_rounds if self.trials[0].script.tools else 0

    @property
    def new(self) -> int:
        """Trials of which nothing is answered yet."""
        return len(self.trials) - self.stored - len(self.begun)

    @property
    def left(self) -> int:
        """Trials that need an answer yet."""
        return len(self.trials) - self.stored


def grouped(trials: Iterable[Trial]) -> list[Group]:
    """The trials by case and candidate, and those of rivals that make none of their own."""
    groups: dict[tuple[int, str, str], Group] = {}
    for trial in trials:
        key = (id(trial.suite), trial.case.id, trial.candidate.name)
        if key in groups:
            groups[key].trials.append(trial)
        else:
            groups[key] = Group([trial])
    own = list(groups.values())
    return own + _rivals(own)


def _rivals(groups: Sequence[Group]) -> list[Group]:
    """Those who answer only to be compared with: what they are asked is paid for, too."""
    scripts = {id(script): script for script in (group.trials[0].script for group in groups)}
    named = {key: judges.rivals(script) for key, script in scripts.items()}
    if not any(named.values()):
        return []
    own = {(id(group.suite), group.case.id, group.name) for group in groups}
    found: dict[tuple[int, str, str], Group] = {}
    for group in groups:
        names = named[id(group.trials[0].script)]
        for rival in group.suite.candidates if names else ():
            key = (id(group.suite), group.case.id, rival.name)
            if rival.name in names and key not in own and key not in found:
                trials = [replace(trial, candidate=rival) for trial in group.trials]
                found[key] = Group(trials, beside=True)
    return list(found.values())


class Calls:
    """Foresees calls; how long answers get is known from `history`, else what `max_tokens` says."""

    def __init__(self, registry: Registry, history: History) -> None:
        self.registry, self.history = registry, history
        self._judged: dict[int, tuple[judges.Judged, ...]] = {}
        self._prefixes: dict[tuple[str, int, int], Prefix] = {}

    def of_trial(self, group: Group, request: Request) -> list[Ask]:
        """All calls of one of the group's trials, which begins with `request`."""
        return list(self._turns(group, request))

    def prefix(self, request: Request) -> Prefix:
        """What the request begins with; where no case matters, it is the very same object."""
        params = request.params
        key = request.model, id(params.get("system")), id(params.get("tools"))
        if key not in self._prefixes:
            self._prefixes[key] = shared_prefix({**params, "messages": ()})
        common = self._prefixes[key]
        # Without a breakpoint there, one may stand in a message.
        plain = all(isinstance(message["content"], str) for message in params["messages"])
        return common if common.ttl or plain else shared_prefix(params)

    def _turns(self, group: Group, request: Request) -> Iterator[Ask]:
        """The calls of one trial: turns, each longer by what was said before, tools, judges."""
        model = self.registry.get(request.model)
        size = measured(request.params, model)
        read = int(prompt_tokens(request) * group.ratio) or 1
        known = self.history.output(group.suite.name, group.case.id, request.model)
        written = min(known or size.written, size.written)
        whole = Caching.of(request.params, self.prefix(request), model, group.ratio)
        before = 0
        for number in range(group.turns):
            said = len(str(group.said[number].value)) if number else 0
            grown = read + number * written + int(said / BYTES_PER_TOKEN)
            most = number * (1 + group.rounds) * size.written + 2 * said
            ask = Ask(f"turn {number + 1}", model, grown, written, size.grown(most, model))
            yield whole.of_call(replace(ask, turn=number + 1), before)
            before = grown
        if group.rounds:
            most_calls = group.turns * group.rounds
            most = most_calls * (size.written + TOOL_RESULT_TOKENS)
            calls = min(self._rounds(group, request.model), most_calls)
            # Each round reads those before it.
            longer = read + (written + TOOL_RESULT_TOKENS) * (1 + max(1, calls)) // 2
            ask = Ask("tools", model, longer, written, size.grown(most, model))
            ask = replace(ask, calls=calls, most_calls=most_calls)
            yield whole.of_call(ask, read)
        if not group.beside:
            yield from self._judges(group, size, read + written)

    def _rounds(self, group: Group, model: str) -> int:
        """Rounds of tools that a trial is expected to take."""
        known = self.history.answers(group.suite.name, group.case.id, model)
        return TOOL_ROUNDS if known is None else max(0, known - group.turns)

    def _judges(self, group: Group, own: Size, said: int) -> Iterator[Ask]:
        """The judges' calls about an answer, which has so many tokens `said` with its prompt."""
        script = group.trials[0].script
        if id(script) not in self._judged:
            self._judged[id(script)] = judges.of_script(script, self.registry)
        for judged in self._judged[id(script)]:
            if judged.against == group.name:
                continue
            model = judged.model
            room = (model and model.max_output_tokens) or JUDGE_MAX_TOKENS
            limit = int(judged.params.get("max_tokens", min(JUDGE_MAX_TOKENS, room)))
            prompt = JUDGE_PROMPT_BYTES + judged.size
            known = (model and self.history.judge(model.id)) or JUDGE_OUTPUT_TOKENS
            most = own.judged(prompt + own.written, limit, model)
            read = int(prompt / BYTES_PER_TOKEN) + said
            yield Ask("judges", model, read, min(known, limit), most)

    def left(self, group: Group, begun: Begun, asks: Sequence[Ask]) -> Iterator[Ask]:
        """What a trial still asks that was begun: what it waits for, and what may come after."""
        for request in begun.missing:
            if request.purpose != "rival":  # the rival's own trial asks that
                yield self._waiting(group, begun, request, asks[0])
        talking = begun.talking or begun.halted
        room = (group.turns - begun.turn) * group.rounds
        room += max(0, group.rounds - begun.rounds) if talking else 0
        judged = begun.judged.copy()
        for ask in asks if talking or begun.unheard or begun.uncalled else ():
            if ask.turn:
                if ask.turn > begun.turn:
                    yield ask
            elif ask.wave == "tools":
                calls = max(ask.calls - begun.all_rounds, 1 if begun.halted else 0)
                yield replace(ask, calls=min(calls, room), most_calls=room)
            elif ask.model is None or not judged[ask.model.id]:
                yield ask
            else:
                judged[ask.model.id] -= 1

    def _waiting(self, group: Group, begun: Begun, request: Request, first: Ask) -> Ask:
        """The call that a trial waits for, as it is sent."""
        model = self.registry.get(request.model)
        size = measured(request.params, model)
        read = prompt_tokens(request)
        if request.purpose == "judge":
            known = self.history.judge(request.model) or JUDGE_OUTPUT_TOKENS
            return Ask("judges", model, read, min(known, size.written), size)
        wave = "tools" if begun.rounds else f"turn {begun.turn}"
        ask = Ask(wave, model, int(read * group.ratio) or 1, first.written, size)
        return replace(ask, shared=first.shared, cached=first.cached)
