"""What trials will ask and cost, before anything is sent: expected, and at worst.

A trial is foreseen from its script: its turns, a round of tools where it has tools, its judges.
How long answers get is known from earlier runs, else bounded by `max_tokens`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import orjson

from harness import judges
from harness.bounds import WIDEST_CONTEXT, measured, parts
from harness.errors import RenderError
from harness.forecast import UNKNOWN_PRICES, Forecast, Share
from harness.foreseen import Ask, Prefix, Tariff
from harness.history import History
from harness.models import Registry
from harness.prompt import DEFAULT_TTL, first_turns
from harness.recorder import digest, identity
from harness.records import Candidate, Request
from harness.suite import Case, Suite
from harness.trial import Trial
from harness.workshop import JUDGE_MAX_TOKENS, Workshop

BYTES_PER_TOKEN = 3.0
"""Of a prompt as JSON; rather few, so that the estimate is rather too dear."""
SAMPLED = 5
"""Prompts of each suite and candidate that are counted by the API."""
TOOL_ROUNDS = 1
TOOL_RESULT_TOKENS = 200
JUDGE_PROMPT_BYTES = 2_500
JUDGE_OUTPUT_TOKENS = 500

Counts = Callable[[Sequence[Request]], Sequence[int | None]]
Kept = Callable[[Collection[str]], Collection[str]]
"""Those of the keys that the store has an answer for."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What an estimate may look at: prices, the time, earlier runs, the store, the API's counts.

    `most` bounds the cases of a suite that are looked at; the others are taken to be like them.
    """

    registry: Registry
    now: datetime
    history: History = field(default_factory=History)
    kept: Kept | None = None
    count: Counts | None = None
    ttl: str = DEFAULT_TTL
    most: int | None = None


@dataclass(slots=True)
class Group:
    """The trials of one case and candidate; `request` is their first, `None` where unknown."""

    suite: Suite
    case: Case
    candidate: Candidate
    repeats: list[int]
    request: Request | None = None
    stored: int = 0
    ratio: float = 1.0

    @property
    def new(self) -> int:
        """Trials that are not answered yet, as far as their first turn tells."""
        return len(self.repeats) - self.stored


def forecast(trials: Iterable[Trial], sources: Sources) -> Forecast:
    """What the trials will ask and cost; nothing is sent but what `sources.count` sends."""
    groups = _grouped(trials)
    looked_at, scale = _sampled(groups, sources.most)
    _render(looked_at, sources)
    _find(looked_at, sources.kept)
    counted = _count(looked_at, sources.count)
    shares: dict[str, Share] = {}
    seen: set[str] = set()
    for group in looked_at:
        share = _share(group, sources, seen)
        if scale[group.suite.name] != 1:
            share = share.scaled(scale[group.suite.name])
        shares[group.candidate.name] = shares.get(group.candidate.name, Share()) + share
    return Forecast(
        shares,
        {group.candidate.name: group.candidate.model for group in groups},
        "counted" if counted else "estimated",
        tuple(_assumptions(groups, sources, sampled=len(looked_at) < len(groups))),
    )


def _grouped(trials: Iterable[Trial]) -> list[Group]:
    groups: dict[tuple[int, str, str], Group] = {}
    for trial in trials:
        key = (id(trial.suite), trial.case.id, trial.candidate.name)
        if key not in groups:
            groups[key] = Group(trial.suite, trial.case, trial.candidate, [])
        groups[key].repeats.append(trial.repeat)
    return list(groups.values())


def _sampled(groups: list[Group], most: int | None) -> tuple[list[Group], dict[str, float]]:
    """Groups of at most `most` cases a suite, evenly spaced, and how many each stands for."""
    chosen, scale = [], {}
    for name in dict.fromkeys(group.suite.name for group in groups):
        of_suite = [group for group in groups if group.suite.name == name]
        cases = list(dict.fromkeys(group.case.id for group in of_suite))
        step = max(1, -(-len(cases) // most)) if most else 1
        kept = set(cases[::step])
        chosen += [group for group in of_suite if group.case.id in kept]
        scale[name] = len(cases) / len(kept)
    return chosen, scale


def _render(groups: Iterable[Group], sources: Sources) -> None:
    workshops: dict[int, Workshop] = {}
    for group in groups:
        suite, case = group.suite, group.case
        if suite.program is not None:
            continue
        if id(suite) not in workshops:
            workshops[id(suite)] = Workshop(suite, sources.registry, ttl=sources.ttl)
        workshop = workshops[id(suite)]
        try:
            prompt = workshop.opening(case, group.candidate)
            if turns := first_turns(suite.script_of(case), group.candidate):
                prompt.say(workshop.first(case, turns[0]))
        except RenderError:
            continue
        group.request = prompt.request()


def _find(groups: Sequence[Group], kept: Kept | None) -> None:
    """Note how many trials of each group have their first answer in the store."""
    if kept is None:
        return
    keys: dict[str, Group] = {}
    for group in groups:
        if group.request is not None:
            sent = digest(group.request)
            keys |= {identity(sent, repeat, 0): group for repeat in group.repeats}
    for key in kept(keys):
        keys[key].stored += 1


def _count(groups: Sequence[Group], count: Counts | None) -> bool:
    """Set each group's ratio of counted to estimated tokens; whether any was counted."""
    if count is None:
        return False
    samples: dict[tuple[str, str], list[Group]] = {}
    for group in groups:
        some = samples.setdefault((group.suite.name, group.candidate.name), [])
        if group.request is not None and len(some) < SAMPLED:
            some.append(group)
    flat = [group for some in samples.values() for group in some]
    found = dict(zip(map(id, flat), count([g.request for g in flat if g.request]), strict=True))
    ratios = {key: _ratio(some, found) for key, some in samples.items()}
    for group in groups:
        group.ratio = ratios[group.suite.name, group.candidate.name] or 1.0
    return bool(ratios) and all(ratio is not None for ratio in ratios.values())


def _ratio(groups: Sequence[Group], found: Mapping[int, int | None]) -> float | None:
    pairs = [(found[id(g)], _tokens(g.request)) for g in groups if g.request is not None]
    known = [(counted, guessed) for counted, guessed in pairs if counted is not None]
    return sum(c for c, _ in known) / sum(g for _, g in known) if known else None


def _tokens(request: Request) -> int:
    """Tokens of the prompt, about."""
    said = {k: request.params[k] for k in ("system", "tools", "messages") if k in request.params}
    size, attached = parts(said, orjson.dumps(said, default=str))
    return int(size / BYTES_PER_TOKEN) + attached + 1


def _share(group: Group, sources: Sources, seen: set[str]) -> Share:
    """What the group's trials come to."""
    if group.request is None:
        new = {"turn 1": len(group.repeats)}
        return Share(len(group.repeats), 0, new, expected=UNKNOWN_PRICES, worst=UNKNOWN_PRICES)
    if not group.new:
        return Share(len(group.repeats), group.stored)
    asks = list(_asks(group, sources))
    tariff = Tariff(sources.registry, sources.now)
    prefix = _prefix(group, seen)
    waves: dict[str, int] = {}
    for ask in asks:
        if ask.calls:
            waves[ask.wave] = waves.get(ask.wave, 0) + ask.calls * group.new
    share = Share(
        len(group.repeats),
        group.stored,
        waves,
        sum(ask.read * ask.calls for ask in asks) * group.new,
        sum(ask.written * ask.calls for ask in asks) * group.new,
        sum(ask.most.written * ask.most_calls for ask in asks) * group.new,
    )
    for ask in asks:
        expected = tariff.expected(ask, group.new, prefix if ask.wave != "judges" else None)
        share += Share(expected=expected, worst=tariff.worst(ask).times(group.new))
        prefix = replace(prefix, begun=True)
    return share


def _asks(group: Group, sources: Sources) -> Iterator[Ask]:
    """The calls of one trial: turns, each longer by what was said before, tools, judges."""
    assert group.request is not None
    suite, script = group.suite, group.suite.script_of(group.case)
    model = sources.registry.get(group.candidate.model)
    first = measured(group.request.params, model)
    read = int(_tokens(group.request) * group.ratio) or 1
    written = sources.history.output(suite.name, group.case.id, group.candidate.model)
    written = min(written or first.written, first.written)
    turns = first_turns(script, group.candidate)
    rounds = suite.max_tool_rounds if script.tools else 0
    for number in range(max(1, len(turns))):
        said = len(str(turns[number].value)) if number else 0
        grown = number * written + int(said / BYTES_PER_TOKEN)
        most = number * (first.written + rounds * first.written) + 2 * said
        yield Ask(f"turn {number + 1}", model, read + grown, written, first.grown(most, model))
    if rounds:
        most = (len(turns) or 1) * rounds * (first.written + TOOL_RESULT_TOKENS)
        longer = read + written + TOOL_RESULT_TOKENS
        yield Ask(
            "tools", model, longer, written, first.grown(most, model),
            calls=min(TOOL_ROUNDS, rounds), most_calls=rounds * (len(turns) or 1),
        )  # fmt: skip
    yield from _judges(group, sources, read, written)


def _judges(group: Group, sources: Sources, read: int, written: int) -> Iterator[Ask]:
    assert group.request is not None
    own = measured(group.request.params, None)
    for judged in judges.of_case(group.suite, group.case, sources.registry):
        model = judged.model
        room = (model and model.max_output_tokens) or JUDGE_MAX_TOKENS
        limit = judged.params.get("max_tokens", min(JUDGE_MAX_TOKENS, room))
        said = JUDGE_PROMPT_BYTES + judged.size
        known = sources.history.judge(model.id) if model else None
        yield Ask(
            "judges",
            model,
            int(said / BYTES_PER_TOKEN) + read + written,
            min(known or JUDGE_OUTPUT_TOKENS, int(limit)),
            own.judged(said + own.written, int(limit), model),
        )


def _prefix(group: Group, seen: set[str]) -> Prefix:
    """What the group's requests share with others: the system prompt and the tools."""
    assert group.request is not None
    params = group.request.params
    shared = {k: params[k] for k in ("system", "tools") if k in params}
    raw = orjson.dumps(shared, default=str)
    model = group.candidate.model
    mark = hashlib.sha256(model.encode() + raw).hexdigest()
    begun = mark in seen
    seen.add(mark)
    size, attached = parts(shared, raw, WIDEST_CONTEXT)
    tokens = int((size / BYTES_PER_TOKEN + attached) * group.ratio) if shared else 0
    return Prefix(tokens, begun)


def _assumptions(groups: Sequence[Group], sources: Sources, *, sampled: bool) -> Iterator[str]:
    """What the figures rest on, in words."""
    suites = {group.suite.name: group.suite for group in groups}.values()
    runs = sorted(set(sources.history.runs.values()))
    if sources.count is None:
        yield f"input tokens are estimated, {BYTES_PER_TOKEN:g} bytes of a prompt each"
    yield (
        f"answers are as long as in {', '.join(runs)}, others as `max_tokens` allows"
        if runs
        else "no earlier run is known: answers are taken to be as long as `max_tokens` allows"
    )
    if sampled:
        yield f"at most {sources.most} cases of a suite were looked at; the rest is like them"
    if any(group.suite.script_of(group.case).tools for group in groups):
        yield "a trial with tools is expected to take one round of them, and at worst all it may"
    if judges.models(suites, sources.registry):
        yield f"a judge not heard before is expected to write {JUDGE_OUTPUT_TOKENS} tokens"
    if any(suite.program for suite in suites):
        yield "what an eval in Python asks cannot be foreseen: its cost is unknown"
