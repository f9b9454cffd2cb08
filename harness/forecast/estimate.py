"""What trials will ask and cost, before anything is sent: expected, and at worst.

A trial is foreseen from its script: its turns, rounds of tools where it has tools, its judges.
One that was begun is run from the store as far as that leads, and the rest of it is foreseen.
How long answers get is known from earlier runs, else bounded by `max_tokens`. No function of a
suite is called: what one returned is known from earlier runs, or it is not known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from harness.errors import RenderError
from harness.forecast import judges
from harness.forecast.begun import Begun, Bench, asks_once, wanting
from harness.forecast.counts import Counts
from harness.forecast.figures import Forecast, Share
from harness.forecast.foreseen import BYTES_PER_TOKEN, Ask, Prefix, Tally, Tariff, prompt_tokens
from harness.forecast.history import History
from harness.forecast.recalled import calls_functions
from harness.forecast.scripted import JUDGE_OUTPUT_TOKENS, Calls, Group, grouped
from harness.forecast.shelf import Shelf
from harness.forecast.traces import Traces, Tracing, beginning
from harness.models import Model, Registry
from harness.prompt import DEFAULT_TTL
from harness.recorder import digest, identity
from harness.trial import Trial

GLANCE = 600
"""Trials of a suite that are looked at where not all are."""
LEAST_CASES = 20
SAMPLED = 5
"""Prompts of each suite and candidate that are counted by the API."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What an estimate may look at: prices, the time, earlier runs, the store, the API's counts.

    `history` is called once, and only where something is left to ask; so is `traces`, where
    functions of a suite decide what is asked. Of a suite with more than
    `most` trials some cases are looked at, and the others taken to be like them; `finished` are the
    places of trials that an earlier attempt of the run has ended.
    """

    registry: Registry
    now: datetime
    history: Callable[[], History] = History
    shelf: Shelf | None = None
    count: Counts | None = None
    ttl: str = DEFAULT_TTL
    most: int | None = None
    finished: Collection[int] = ()
    traces: Tracing = lambda _: Traces()


def forecast(trials: Iterable[Trial], sources: Sources) -> Forecast:
    """What the trials will ask and cost; nothing is sent but what `sources.count` sends."""
    groups = grouped(trials)
    looked_at = _sampled(groups, sources.most, sources.finished)
    benches = _render(looked_at, sources)
    traces = _tracing(looked_at, sources)
    if sources.shelf is not None:
        _find_ended(looked_at, benches, traces)
        _find(looked_at, sources.shelf, benches, traces)
    uncounted, why = _count(looked_at, sources)
    history = sources.history() if any(group.left for group in looked_at) else History()
    total = Sum(sources, history)
    for group in looked_at:
        total.add(group)
    shares = total.shares(groups)
    notes = _assumptions(groups, total, shares.values())
    return Forecast(
        shares,
        {one.name: one.model for one in (group.trials[0].candidate for group in groups)},
        "counted" if sources.count and not uncounted else "estimated",
        (*_uncounted(uncounted, why, len(shares)), *notes),
        sample=(len(looked_at), len(groups)),
        uncalled=sum(one.uncalled for group in looked_at for one in group.begun),
    )


def _sampled(groups: list[Group], most: int | None, finished: Collection[int]) -> list[Group]:
    """Groups of some cases, evenly spaced, each for as many as it stands for.

    Those that an earlier attempt has ended are apart: the few others would slip through.
    """
    if most is None:
        return groups
    strata: dict[tuple[str, bool], list[Group]] = {}
    for group in groups:
        ended = bool(finished) and all(trial.index in finished for trial in group.trials)
        strata.setdefault((group.trials[0].suite.name, ended), []).append(group)
    return [group for stratum in strata.values() for group in _spaced(stratum, most)]


def _spaced(groups: Sequence[Group], most: int) -> list[Group]:
    chosen: set[int] = set()
    for side, some in _sides(groups, most):
        weight = _trials(side) / _trials(some)
        for group in some:
            group.weight = weight
        chosen.update(map(id, some))
    # In the order they were: a case is rendered once for candidates that follow each other.
    return [group for group in groups if id(group) in chosen]


def _sides(groups: Sequence[Group], most: int) -> Iterator[tuple[list[Group], list[Group]]]:
    """The groups of each candidate, and those of some cases, for about so many trials in all.

    Each apart: a run that goes on may have left other cases open for each.
    """
    cases = len({group.trials[0].case.id for group in groups})
    step = max(1, min(-(-_trials(groups) // most), cases // LEAST_CASES))
    sides: dict[tuple[str, bool], list[Group]] = {}
    for group in groups:
        sides.setdefault((group.trials[0].candidate.name, group.beside), []).append(group)
    for side in sides.values():
        yield side, side[::step]


def _trials(groups: Iterable[Group]) -> int:
    return sum(len(group.trials) for group in groups)


def _tracing(groups: Sequence[Group], sources: Sources) -> Callable[[], Traces]:
    """The traces of all trials that depend on functions, read when the first is needed."""

    def read() -> Traces:
        depending = (
            group
            for group in groups
            if group.suite.program or calls_functions(group.trials[0].script)
        )
        return sources.traces({trial.id for group in depending for trial in group.trials})

    return cache(read)


def _render(groups: Iterable[Group], sources: Sources) -> dict[int, Bench]:
    """Set each group's first request; the workshops of the suites, by the suites' ids."""
    benches: dict[int, Bench] = {}
    for group in groups:
        suite, case, candidate = group.suite, group.case, group.trials[0].candidate
        if id(suite) not in benches:
            benches[id(suite)] = Bench(suite, sources.registry, ttl=sources.ttl)
        bench = benches[id(suite)]
        if suite.program is not None:
            continue
        try:
            prompt = bench.opening(case, candidate)
            if group.said:
                prompt.say(bench.first(case, group.said[0]))
        except RenderError:
            continue
        group.request = prompt.request()
    return benches


def _find(
    groups: Sequence[Group],
    shelf: Shelf,
    benches: Mapping[int, Bench],
    traces: Callable[[], Traces],
) -> None:
    """Note which trials need no answer more, and which some."""
    keys: dict[str, list[tuple[Group, Trial]]] = {}
    for group in groups:
        if group.request is not None:
            sent = digest(group.request)
            for trial in group.trials:
                key = identity(sent, trial.repeat, 0, shelf.space.own)
                keys.setdefault(key, []).append((group, trial))
    once: dict[int, bool] = {}
    begun: dict[Begun, Group] = {}
    for group, trial in (one for key in shelf.kept(keys) for one in keys[key]):
        script = trial.script
        if id(script) not in once:
            once[id(script)] = asks_once(script)
        group.stored += 1
        if not once[id(script)] or (group.request and group.request.params.get("tools")):
            begun[Begun(trial, benches[id(group.suite)], traces)] = group
    for one in wanting(list(begun), shelf):
        begun[one].stored -= 1
        begun[one].begun.append(one)


def _find_ended(
    groups: Iterable[Group], benches: Mapping[int, Bench], traces: Callable[[], Traces]
) -> None:
    """Note which evals in Python came to their end in an earlier run, as they are now."""
    for group in groups:
        if group.suite.program is None:
            continue
        bench, case = benches[id(group.suite)], group.case
        try:
            opening = bench.opening(case, group.trials[0].candidate)
        except RenderError:
            continue
        asked = bench.fingerprint(case), beginning(opening.base)
        group.stored = sum(traces().ended.get(trial.id) == asked for trial in group.trials)


def _count(groups: Sequence[Group], sources: Sources) -> tuple[list[str], str]:
    """Set each group's ratio of counted to estimated tokens; whose were not counted, and why."""
    samples = _samples(groups)
    flat = [(group, group.request) for some in samples.values() for group in some if group.request]
    counts, why = sources.count([request for _, request in flat]) if sources.count else ((), "")
    pairs: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for (group, request), tokens in zip(flat, counts, strict=bool(counts)):
        if tokens is not None:
            some = pairs.setdefault((group.suite.name, group.name), [])
            some.append((tokens, prompt_tokens(request)))
    for group in groups:
        known = pairs.get((group.suite.name, group.name), ())
        group.ratio = sum(c for c, _ in known) / sum(g for _, g in known) if known else 1.0
    return list(dict.fromkeys(key[1] for key in samples if key not in pairs)), why


def _samples(groups: Sequence[Group]) -> dict[tuple[str, str], list[Group]]:
    """Prompts to count, by suite and candidate: those of cases that a glance looks at, too."""
    by_suite: dict[str, list[Group]] = {}
    for group in groups:
        by_suite.setdefault(group.suite.name, []).append(group)
    glanced = {
        name: {group.case.id for _, some in _sides(of_suite, GLANCE) for group in some}
        for name, of_suite in by_suite.items()
    }
    asking: dict[tuple[str, str], list[Group]] = {}
    for group in groups:
        if group.request is not None and group.left:
            asking.setdefault((group.suite.name, group.name), []).append(group)
    return {
        (suite, name): sorted(some, key=lambda one: one.case.id not in glanced[suite])[:SAMPLED]
        for (suite, name), some in asking.items()
    }


@dataclass(slots=True)
class First:
    """The first live calls with a prefix, which write what the others read; `cases` have it."""

    name: str
    model: Model
    tokens: int
    ttl: str
    weight: float
    cases: int = 0


class Sum:
    """Adds up what groups of trials come to, by candidate."""

    def __init__(self, sources: Sources, history: History) -> None:
        self.sources, self.history = sources, history
        self.calls = Calls(sources.registry, history)
        self.tariff = Tariff(sources.registry, sources.now)
        self._tallies: dict[tuple[str, float, bool], Tally] = {}
        self._firsts: dict[str, First] = {}

    @property
    def caches(self) -> bool:
        """Live requests read what earlier ones have written to the cache."""
        return any(first.ttl for first in self._firsts.values())

    def add(self, group: Group) -> None:
        """Add one group."""
        tally = self._tallies.setdefault((group.name, group.weight, group.beside), Tally())
        if not group.beside:
            tally.trials += len(group.trials)
            tally.stored += group.stored
        if group.request is None:
            tally.unforeseen(group.left)
        elif group.new or group.begun:
            asks = self.calls.of_trial(group, group.request)
            calls = [(ask, group.new) for ask in asks if group.new]
            for one in group.begun:
                calls += [(ask, 1) for ask in self.calls.left(group, one, asks)]
            for ask, trials in calls:
                tally.add(ask, trials, self.tariff)
            self._begin(group, self.calls.prefix(group.request), [ask for ask, _ in calls])

    def shares(self, groups: Iterable[Group]) -> dict[str, Share]:
        """What was added, scaled up to all `groups`."""
        trials: Counter[str] = Counter()
        for group in groups:
            trials[group.trials[0].candidate.name] += 0 if group.beside else len(group.trials)
        shares = {name: Share(count) for name, count in trials.items()}
        for (name, weight, _), tally in self._tallies.items():
            shares[name] += tally.share(weight)
        for first in self._firsts.values():
            more = self.tariff.first(first.model, first.tokens, first.ttl)
            # What cases share is written once, however many they are.
            more = more if first.cases > 1 else more.scaled(first.weight)
            shares[first.name] += Share(expected=more)
        return shares

    def _begin(self, group: Group, prefix: Prefix, asks: Iterable[Ask]) -> None:
        """Note that somebody has to write the prefix, where these calls share it."""
        shared = [ask for ask in asks if ask.shared and ask.calls and ask.model]
        if shared and shared[0].model:
            first = First(group.name, shared[0].model, shared[0].shared, prefix.ttl, group.weight)
            self._firsts.setdefault(prefix.mark, first).cases += 1


def _uncounted(names: Sequence[str], why: str, of: int) -> Iterator[str]:
    """That input tokens are estimated, whose where not all are, and why."""
    if names:
        whose = f" of {', '.join(names)}" if len(names) < of else ""
        reason = f": {why}" if why else ""
        yield (
            f"input tokens{whose} are estimated, {BYTES_PER_TOKEN:g} bytes of a prompt each{reason}"
        )


def _assumptions(groups: Sequence[Group], total: Sum, shares: Iterable[Share]) -> Iterator[str]:
    """What the figures rest on, in words."""
    sources = total.sources
    suites = {group.suite.name: group.suite for group in groups}.values()
    if not any(share.calls for share in shares):
        return
    runs = sorted(set(total.history.runs.values()))
    yield (
        f"answers are as long as in {', '.join(runs)}, others as `max_tokens` allows"
        if runs
        else "no earlier run is known, and simulated ones do not count: answers are taken to be as "
        "long as `max_tokens` allows"
    )
    if any(group.weight != 1 for group in groups):
        yield f"some {sources.most} trials of a suite were looked at; the rest is like them"
    scripts = {id(script): script for script in (group.trials[0].script for group in groups)}
    if any(script.tools for script in scripts.values()):
        before = "as many rounds of them as in the run above, else one" if runs else "one round"
        yield f"a trial with tools is expected to take {before}, and at worst all it may"
    if any(map(calls_functions, scripts.values())):
        unknown = sum(one.uncalled for group in groups for one in group.begun)
        then = f"; trials without such a run ({unknown:,}) are a guess from there on"
        told = "no function is called: one returns what it did in an earlier run of the same trial"
        yield f"{told}{then if unknown else ''}"
    if total.caches:
        yield "live, what a suite caches is written by the first request and read by the others"
    if judges.models(suites, sources.registry):
        yield f"a judge not heard before is expected to write {JUDGE_OUTPUT_TOKENS} tokens"
    if any(suite.program for suite in suites):
        yield "what an eval in Python asks cannot be foreseen: its cost is unknown"
