"""The order in which trials are run, and that a model that is late holds up no other."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from harness import plan
from harness.attempt import Attempt
from harness.order import Turns, in_turn
from harness.records import Candidate
from harness.suite import Case, Script, Suite
from harness.trial import Trial

MODELS = ("opus", "sonnet", "haiku")


def suite(name: str, cases: int, *, models: tuple[str, ...] = MODELS, repeats: int = 1) -> Suite:
    candidates = tuple(Candidate(model, model) for model in models)
    made = tuple(Case(f"{name}{number}", number) for number in range(cases))
    return Suite(name, Path(f"{name}.yaml"), "", candidates, Script(repeats=repeats), made)


def alone(_trial: Trial) -> None:
    return None


def ordered(trials: list[Trial], seed: str = "run") -> list[Trial]:
    return list(in_turn(trials, seed, alone))


def planned(*suites: Suite) -> list[Trial]:
    return list(plan.trials(suites))


@given(cases=st.integers(0, 9), repeats=st.integers(1, 3), seed=st.text(max_size=5))
def test_every_trial_comes_once_whatever_the_seed(cases: int, repeats: int, seed: str):
    trials = planned(suite("a", cases, repeats=repeats), suite("b", 2))
    assert sorted(t.index for t in ordered(trials, seed)) == [t.index for t in trials]


def test_the_same_seed_gives_the_same_order_and_another_one_another():
    trials = planned(suite("a", 50))
    assert ordered(trials) == ordered(trials)
    assert ordered(trials) != ordered(trials, "another run")


def test_cases_and_suites_are_mixed():
    order = ordered(planned(suite("a", 50), suite("b", 50)))
    first_half = Counter(trial.suite.name for trial in order[:150])
    assert 45 < first_half["a"] < 105
    assert [t.index for t in order] != sorted(t.index for t in order)


def test_the_candidates_of_a_case_follow_each_other():
    order = ordered(planned(suite("a", 30)))
    blocks = [order[start : start + 3] for start in range(0, 90, 3)]
    assert all(len({trial.case.id for trial in block}) == 1 for block in blocks)


def test_no_candidate_is_always_first():
    order = ordered(planned(suite("a", 300)))
    first = Counter(trial.candidate.name for trial in order[::3])
    assert all(70 < first[name] < 130 for name in MODELS)


def test_wherever_a_run_stops_no_candidate_is_ahead_by_more_than_an_attempt():
    order = ordered(planned(suite("a", 20, repeats=4)))
    for end in range(len(order)):
        made = Counter(trial.candidate.name for trial in order[:end])
        assert max(made.values(), default=0) - min(made[name] for name in MODELS) <= 1


def test_cases_that_share_a_prefix_stay_together():
    trials = planned(suite("a", 40))
    order = in_turn(trials, "run", lambda trial: trial.case.line % 4)
    shared = [trial.case.line % 4 for trial in order]
    changes = sum(one != other for one, other in pairwise(shared))
    assert changes == 3


def test_cases_that_are_not_mixed_keep_their_order_and_candidates_do_not():
    trials = planned(suite("a", 40))
    order = list(in_turn(trials, "run", alone, mixed=False))
    assert [trial.case.line for trial in order] == [trial.case.line for trial in trials]
    assert order != trials


def test_trials_that_are_left_over_are_ordered_too():
    left = [trial for trial in planned(suite("a", 10)) if trial.candidate.name == "haiku"]
    assert sorted(t.index for t in ordered(left)) == [t.index for t in left]


def turns(trials: list[Trial], width: int = 8) -> Turns:
    given = Turns(width, models=len({trial.candidate.model for trial in trials}))
    given.add(map(Attempt.at, trials))
    return given


def taken(given: Turns) -> Attempt:
    attempt = given.take()
    assert attempt is not None
    return attempt


def test_trials_are_handed_out_in_order():
    trials = planned(suite("a", 4))
    given = turns(trials)
    assert [taken(given).trial for _ in trials] == trials
    assert given.take() is None
    assert given.places == 8


def test_a_model_that_is_late_leaves_places_to_the_others():
    given = turns(planned(suite("a", 30, models=("late", "free"))))
    begun = Counter[str]()
    while (attempt := given.take()) is not None:
        begun[attempt.trial.candidate.model] += 1
        if attempt.trial.candidate.model == "free":
            given.ended(attempt)
    assert begun == {"late": 6, "free": 30}


def test_what_was_set_aside_is_run_when_its_model_goes_on():
    given = turns(planned(suite("a", 30, models=("late", "free"))))
    under_way = []
    for _ in range(20):
        attempt = taken(given)
        if attempt.trial.candidate.model == "late":
            under_way.append(attempt)
        else:
            given.ended(attempt)
    given.ended(under_way[0])
    assert taken(given).trial.candidate.model == "late"
    assert given.places == 8 + 6


def test_where_all_trials_are_of_one_model_nothing_is_set_aside():
    trials = planned(suite("a", 30, models=("only",)))
    given = turns(trials)
    assert [taken(given).trial for _ in trials] == trials
    assert given.places == 8


@given(
    width=st.integers(1, 12),
    ends=st.lists(st.integers(0, 100), max_size=60),
    repeats=st.integers(1, 3),
)
def test_every_trial_is_handed_out_once_however_they_end(width: int, ends: list[int], repeats: int):
    trials = planned(suite("a", 6, repeats=repeats), suite("b", 5, models=("haiku",)))
    given, under_way, begun = turns(trials, width), list[Attempt](), list[int]()
    picks = iter(ends)
    while True:
        attempt = given.take() if len(under_way) < given.places else None
        if attempt is not None:
            begun.append(attempt.trial.index)
            under_way.append(attempt)
        elif under_way:
            given.ended(under_way.pop(next(picks, 0) % len(under_way)))
        else:
            break
    assert sorted(begun) == [trial.index for trial in trials]
